"""The Unreal plugin's own code, on stand-in headers, against a real server: see scripts/e2e_unreal.

Plays a motion through component and animation node on several skeletons and compares where each joint is, in
component space, with Python's retargeting and forward kinematics.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np

from posewire_runtime.bake.rigs import rig
from posewire_runtime.client import Client
from posewire_runtime.motion import quat, resample
from posewire_runtime.motion.coords import FRAMES, positions_to, rotations_to
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.motion.root import place
from posewire_runtime.motion.skeleton import forward, rest_offsets, rest_rotations
from posewire_runtime.types import Clip, Skeleton, Target

ROOT = Path(__file__).parents[2]
FRAME = FRAMES["unreal_component"]
PROMPT, SEED, SECONDS = "a person walks forward, then waves", 7, 4.0
LIMIT = 0.1
"""Farthest that a joint may be from where Python puts it, centimetres."""
RIGS = ("ue5-manny", "ue4", "mixamo", "rigify", "godot")
BAKED = ("ue5-manny", "mixamo")
"""One whose root bone carries the travel, one that has none."""
_YAW = np.array([0.0, 0.0, np.sin(-np.pi / 4), np.cos(-np.pi / 4)])
_DOWN = np.array([0.0, 0.0, -90.0])
"""Where the stand-in character's mesh hangs under its actor."""


class Server:
    """`posewire serve` as a process of its own."""

    def __init__(self, port: int = 0) -> None:
        command = [
            sys.executable,
            "-m",
            "posewire_runtime.cli",
            "serve",
            "--model",
            "stand-in",
            "--json",
            "--quiet",
        ]
        self._process = subprocess.Popen([*command, "--port", str(port)], stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address: str = json.loads(self._process.stdout.readline())["listening"]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def served() -> Iterator[str]:
    server = Server()
    try:
        yield server.address
    finally:
        server.kill()


def play(program: Path, *arguments: object, in_place: bool = False) -> list[str]:
    """What the program wrote, which has to end well."""
    environment = {key: value for key, value in os.environ.items() if key != "IN_PLACE"}
    environment |= {"IN_PLACE": "1"} if in_place else {}
    done = subprocess.run(
        [str(program), *map(str, arguments)], capture_output=True, text=True, timeout=120, env=environment
    )
    lines = done.stdout.splitlines()
    if done.returncode or lines[-1:] != ["fine"]:
        raise SystemExit(f"{arguments[0]} failed ({done.returncode}):\n{done.stdout[-3000:]}{done.stderr}")
    return lines


def standing(target: Target) -> Target:
    """The same character with its soles at the origin's height, as meshes have them."""
    skeleton = target.skeleton
    lifted = skeleton.positions - np.array([0, skeleton.sole, 0], np.float32)
    return replace(target, skeleton=replace(skeleton, positions=lifted, sole=0.0))


def write_rig(skeleton: Skeleton, path: Path) -> None:
    """The skeleton as Unreal keeps it: local transforms in component space's axes, centimetres."""
    places = positions_to(FRAME, rest_offsets(skeleton).astype(np.float64))
    turns = rotations_to(FRAME, rest_rotations(skeleton).astype(np.float64))
    rows = zip(skeleton.names, skeleton.parents, places, turns, strict=True)
    path.write_text(
        "".join(
            f"{name} {parent} {' '.join(f'{value:.9g}' for value in (*place, *turn))}\n"
            for name, parent, place, turn in rows
        )
    )


def chained(parents: tuple[int, ...], rows: Array) -> Array:
    """World positions `(L, J, 3)` of local transforms `(L, J, 7)`."""
    places, turns = rows[..., :3].copy(), rows[..., 3:].copy()
    for joint, parent in enumerate(parents):
        if parent >= 0:
            places[:, joint] = quat.rotate(turns[:, parent], places[:, joint]) + places[:, parent]
            turns[:, joint] = quat.multiply(turns[:, parent], turns[:, joint])
    return places


def expected_places(clip: Clip, target: Target, times: Array) -> Array:
    """Where Python puts all bones at these moments, in component space."""
    points = np.clip(times * clip.fps, 0, clip.frames - 1)
    rotations = resample.rotations_at(clip.rotations.astype(np.float64), points)
    root = resample.linear_at(clip.root.astype(np.float64), points)
    moments = Clip(clip.skeleton, clip.fps, rotations, root, np.zeros((len(points), 4), bool))
    moved = retarget(moments, target)
    return positions_to(FRAME, forward(moved.skeleton, moved.rotations, moved.root)[1])


def compare(what: str, lines: list[str], clip: Clip, target: Target, *, travels: bool = False) -> None:
    """Fails unless all driven joints are where Python puts them over the whole clip."""
    rows = np.array([line.split()[1:] for line in lines if line.startswith("frame ")], float)
    times = rows[:, 0]
    mesh, local = rows[:, 1:8], rows[:, 8:].reshape(len(rows), -1, 7)
    found = chained(target.skeleton.parents, local)
    if travels:  # the mesh's own place, seen from where it stood at first
        found = quat.rotate(mesh[:, None, 3:], found) + mesh[:, None, :3]
        found = quat.rotate(quat.conjugate(_YAW), found - _DOWN)
    expected = expected_places(clip, target, times)
    joints = [target.skeleton.index(bone) for bone in target.bones.values()]
    distance = np.linalg.norm(found - expected, axis=-1)[:, joints]
    print(
        f"  {what}: {len(joints)} joints, {len(times)} moments to {times.max():.2f} of {clip.seconds:.2f} s: "
        f"at most {distance.max() * 10:.4f} mm, mean {distance.mean() * 10:.4f} mm"
    )
    if times.max() < clip.seconds - 1.5 / clip.fps or not distance.max() < LIMIT:
        moment, joint = np.unravel_index(distance.argmax(), distance.shape)
        name = list(target.bones.values())[joint]
        raise SystemExit(
            f"{what}: expected 1 mm at most over the whole clip; {name} at {times[moment]:.2f} s"
        )


def live(program: Path, plugin: Path, rig_file: Path) -> None:
    """A session whose server is killed, and started again on the same port, when the program says so."""
    servers = [Server()]
    address = servers[0].address
    command = [str(part) for part in (program, "live", address, plugin, rig_file)]
    lines: list[str] = []
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            for line in process.stdout:
                lines.append(line)
                if line == "kill\n":
                    servers[0].kill()
                    servers.append(Server(port=int(address.rpartition(":")[2])))
    finally:
        for server in servers:
            server.kill()
    if process.returncode:
        raise SystemExit(f"live failed ({process.returncode}):\n{''.join(lines)}")
    print("  live: prompts, a target, a refused command, a server killed and started again")


def main() -> None:
    program, plugin = Path(sys.argv[1]), Path(sys.argv[2])
    with served() as address:
        with Client(address) as client:
            clip = client.clips(PROMPT, seconds=SECONDS, seeds=[SEED])[0]
        clip = place(clip, np.zeros(3), 0.0)
        for name in RIGS:
            given = rig(name).target
            assert given is not None
            target = standing(given)
            path = program.parent / f"{name}.txt"
            write_rig(target.skeleton, path)
            wanted = ("character", address, plugin, path, PROMPT, SEED)
            compare(name, play(program, *wanted), clip, target)
            if name in BAKED:
                compare(f"{name}, baked", play(program, "bake", *wanted[1:]), clip, target)
            if name == RIGS[0]:
                lines = play(program, *wanted, in_place=True)
                compare(f"{name}, the actor travels", lines, clip, target, travels=True)
        print("  " + play(program, "livelink", address, plugin)[-2])
    live(program, plugin, program.parent / f"{RIGS[0]}.txt")


if __name__ == "__main__":
    main()

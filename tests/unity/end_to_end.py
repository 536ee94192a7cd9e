"""The Unity package under mono against real servers: python end_to_end.py FOLDER LIBRARY_FOLDER [SCENARIO...]

FOLDER is where compile_package.py left Posewire.Tests.exe. Poses are compared with the Python client's, and
baked clips with Python's retargeting and forward kinematics.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "native"))

from e2e import Restarted, Runner, served  # pyright: ignore[reportMissingImports]

from posewire_runtime.client import Client
from posewire_runtime.motion.coords import FRAMES, positions_from
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.motion.rigs import map_bones
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import Clip, Skeleton, Target

GOLDEN = Path(__file__).parents[1] / "golden" / "motion"
PROMPT = "a person walks forward, then waves"
SEEDS = (7, 12345678901234567890)


class Mono(Runner):
    """Runs scenarios of Posewire.Tests.exe."""

    def __init__(self, program: Path, libraries: Path) -> None:
        super().__init__(str(program))
        self.libraries = libraries

    def command(self, scenario: str, *arguments: object) -> list[str]:
        """The same program, through mono and with the native library."""
        path = f"LD_LIBRARY_PATH={self.libraries}"
        return ["env", path, "mono", *super().command(scenario, *arguments)]


def clips_of(address: str, prompt: str, seconds: float, seeds: tuple[int, ...]) -> list[Clip]:
    """What Python's client gets."""
    with Client(address) as client:
        return client.clips(prompt, seconds=seconds, seeds=list(seeds))


def golden(run: Mono, folder: Path) -> None:
    """Python, C++ and C# compute the same."""
    del folder
    print(run("golden", GOLDEN), end="")


def package(run: Mono, folder: Path) -> None:
    """The package's own edit-mode tests, and what is said where the native library isn't."""
    print(run("tests"), end="")
    Mono(Path(run.program), folder)("missing")


def frames(run: Mono, folder: Path) -> None:
    """Frames are those of Python's client."""
    with served() as server:
        for packing, tolerance in ((1, 0.0), (2, 1e-4)):
            path = folder / "dump"
            run("dump", server.address, packing, SEEDS[0], path, PROMPT)
            data, at, worst = path.read_bytes(), 0, 0.0
            for seed, clip in zip(SEEDS, clips_of(server.address, PROMPT, 2, SEEDS), strict=True):
                assert tuple(np.frombuffer(data, "<u8", 3, at)) == (seed, clip.frames, len(clip.skeleton))
                numbers = np.frombuffer(data, "<f4", clip.rotations.size + clip.root.size, at + 24)
                at += 24 + numbers.nbytes
                rotations, root = np.split(numbers, [clip.rotations.size])
                worst = max(worst, float(np.abs(np.abs(rotations) - np.abs(clip.rotations.ravel())).max()))
                worst = max(worst, float(np.abs(root - clip.root.ravel()).max()))
            if worst > tolerance:
                raise SystemExit(f"expected the same motion as Python's within {tolerance}, found {worst}")
            print(f"  packing {packing}: largest difference to Python's client {worst:.2g}")


def calls(run: Mono, folder: Path) -> None:
    """Models, warming, cancelling; nothing is left behind."""
    del folder
    with served() as server:
        for scenario in ("models", "cancel", "leaks"):
            print(f"  {scenario} {run(scenario, server.address).strip()}".rstrip())


def troubles(run: Mono, folder: Path) -> None:
    """Wrong tokens, no token, no server."""
    tokens = folder / "tokens"
    tokens.write_text(f"{hashlib.sha256(b'correct horse').hexdigest()} tester\n")
    with served("--token-file", str(tokens)) as server:
        run("refused", server.address)
        run("troubles", server.address)


def scenes(run: Mono, folder: Path) -> None:
    """Characters in a scene: clips and a live session."""
    del folder
    with served() as server:
        run("clip", server.address)
        run("live", server.address)
        run("sample", server.address)
        print(run("walk", server.address), end="")


def breaks(run: Mono, folder: Path) -> None:
    """Servers that are killed and started again while something plays."""
    del folder
    for scenario in ("resume", "lost"):
        with Restarted() as server:
            run.talk(scenario, {"kill it": server.kill, "start it": server.start}, server.address)


def bake(run: Mono, folder: Path) -> None:
    """A baked clip puts every bone where Python's retargeting does."""
    path = folder / "bones"
    with served() as server:
        run("bones", server.address, path, SEEDS[0], PROMPT)
        clip = clips_of(server.address, PROMPT, 2, SEEDS[:1])[0]
    rest, poses = path.read_text().split("\n\n")
    lines = [line.split() for line in rest.splitlines()]
    unity = FRAMES["unity"]
    skeleton = Skeleton(
        names=tuple(line[0] for line in lines),
        parents=tuple(int(line[1]) for line in lines),
        positions=positions_from(unity, np.array([line[2:] for line in lines], np.float32)),
        pelvis=1,
    )
    found = positions_from(unity, np.array([line.split() for line in poses.splitlines()], np.float32).reshape(
        clip.frames, len(skeleton), 3
    ))  # fmt: skip
    there = retarget(clip, Target(skeleton, dict(map_bones(skeleton.names).bones)))
    _, expected = forward(there.skeleton, there.rotations, there.root)
    worst = float(np.linalg.norm(found - expected, axis=-1).max())
    print(f"  {clip.frames} frames of {len(skeleton)} bones: at most {1000 * worst:.4f} mm from Python's")
    if worst > 1e-4:
        raise SystemExit(f"expected bones within 0.1 mm of Python's, found {worst} m")


SCENARIOS = {
    "golden": golden,
    "package": package,
    "frames": frames,
    "calls": calls,
    "troubles": troubles,
    "scenes": scenes,
    "breaks": breaks,
    "bake": bake,
}


def main() -> None:
    """The command line."""
    program, libraries = Path(sys.argv[1]) / "Posewire.Tests.exe", Path(sys.argv[2])
    os.environ["MONO_LOG_LEVEL"] = "error"
    run, wanted = Mono(program, libraries.resolve()), sys.argv[3:] or list(SCENARIOS)
    for name in wanted:
        print(name, flush=True)
        began = time.monotonic()
        with tempfile.TemporaryDirectory() as folder:
            try:
                SCENARIOS[name](run, Path(folder))
            except subprocess.TimeoutExpired as error:
                raise SystemExit(f"{name}: no answer within {error.timeout} s") from error
        print(f"  fine, {time.monotonic() - began:.1f} s", flush=True)


if __name__ == "__main__":
    main()

"""The Godot addon in Godot, against real servers: python run_godot.py [scenario ...]; see scripts/e2e_godot.

Starts `posewire serve`, runs scenarios.gd in the demo project, and compares the world positions of all joints
with Python's own retargeting and forward kinematics of the same motion.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from posewire_runtime.bake.rigs import rig
from posewire_runtime.client import Client
from posewire_runtime.formats.glb import encode_tracks
from posewire_runtime.formats.tracks import tracks_of
from posewire_runtime.motion import resample
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.motion.rigs import map_bones
from posewire_runtime.motion.root import place
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import Clip, Skeleton, Target

ROOT = Path(__file__).parents[2]
SEED = 7
PROMPT = "a person walks forward, then waves"
DEMO = "a person walks forward"
"""What the demo project asks for."""
LIMIT = 0.001
"""Farthest that a joint may be from where Python puts it, metres."""
STARVED = 3
FASTEST = 12.0
"""Metres a second beyond which a joint jumps rather than moves."""
RIGS = ("ue5-manny", "ue4", "unity", "mixamo", "vrm", "godot", "rigify")


class Server:
    """`posewire serve` as a process of its own."""

    def __init__(self, *options: str, port: int = 0, model: str = "stand-in") -> None:
        command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--model", model, "--json"]
        command += ["--quiet", "--port", str(port), *options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.address: str = json.loads(self._process.stdout.readline())["listening"]

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def served(*options: str, model: str = "stand-in") -> Iterator[str]:
    server = Server(*options, model=model)
    try:
        yield server.address
    finally:
        server.kill()


def play(
    scenario: str, folder: Path, answers: dict[str, Callable[[], None]] | None = None, **wanted: object
) -> dict[str, Any]:
    """Runs a scenario and gives what it wrote. Godot runs as fast as it can, at 60 frames a second of its own
    time, unless `realtime` is asked for."""
    pace = [] if wanted.pop("realtime", False) else ["--fixed-fps", "60"]
    command = [str(ROOT / "scripts/godot"), "--headless", "--audio-driver", "Dummy", "--path"]
    command += [str(wanted.pop("project", ROOT / "godot_client_stub")), *pace]
    command += ["-s", str(ROOT / "tests/godot/scenarios.gd"), "--", scenario, f"out={folder}"]
    command += [f"{name}={value}" for name, value in wanted.items()]
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line)
            if line.startswith("say ") and answers:
                answers[line.split()[1]]()
    output = "".join(lines)
    if process.returncode or "SCRIPT ERROR" in output:
        raise SystemExit(f"{scenario} failed ({process.returncode}):\n{output}")
    written = folder / f"{scenario}.json"
    return (json.loads(written.read_text()) if written.exists() else {}) | {"output": output}


def target_of(bones: list[dict[str, Any]]) -> Target:
    """The character that Godot described, for Python; Godot doesn't promise parents first."""
    order = sorted(range(len(bones)), key=lambda bone: _depth(bones, bone))
    names = tuple(bones[bone]["name"] for bone in order)
    mapped = map_bones(names)
    skeleton = Skeleton(
        names=names,
        parents=tuple(
            order.index(bones[bone]["parent"]) if bones[bone]["parent"] >= 0 else -1 for bone in order
        ),
        positions=np.array([bones[bone]["place"] for bone in order], np.float32),
        rotations=np.array([bones[bone]["rotation"] for bone in order], np.float32),
        pelvis=names.index(mapped.bones["Pelvis"]),
    )
    return Target(skeleton, mapped.bones)


def _depth(bones: list[dict[str, Any]], bone: int) -> int:
    parent = bones[bone]["parent"]
    return 0 if parent < 0 else 1 + _depth(bones, parent)


def expected_places(clip: Clip, target: Target, times: np.ndarray) -> np.ndarray:
    """Where Python puts all bones at these moments, in the skeleton's space; by name order of the target."""
    points = np.clip(times * clip.fps, 0, clip.frames - 1)
    rotations = resample.rotations_at(clip.rotations.astype(np.float64), points)
    root = resample.linear_at(clip.root.astype(np.float64), points)
    moments = Clip(clip.skeleton, clip.fps, rotations, root, np.zeros((len(points), 4), bool))
    moved = retarget(moments, target)
    return forward(moved.skeleton, moved.rotations.astype(np.float64), moved.root.astype(np.float64))[1]


def compare(what: str, seen: dict[str, Any], clip: Clip) -> None:
    """Fails unless all joints that are driven are where Python puts them."""
    target = target_of(seen["bones"])
    times = np.array([row["time"] for row in seen["rows"]])
    found = np.array([row["places"] for row in seen["rows"]]).reshape(len(times), -1, 3)
    names = [bone["name"] for bone in seen["bones"]]
    found = found[:, [names.index(name) for name in target.skeleton.names]]
    expected = expected_places(clip, target, times)
    if "start" in seen:
        *axes, origin = np.array(seen["start"])
        expected = expected @ np.array(axes) + origin
    joints = [target.skeleton.index(bone) for bone in target.bones.values()]
    distance = np.linalg.norm(found - expected, axis=-1)[:, joints]
    frames = len(np.unique(times))
    print(
        f"  {what}: {len(joints)} joints, {frames} moments to {times.max():.2f} of {clip.seconds:.2f} s: "
        f"at most {distance.max() * 1000:.4f} mm, mean {distance.mean() * 1000:.4f} mm"
    )
    enough = times.max() >= clip.seconds - 1.5 / clip.fps and frames >= clip.frames
    if not enough or not distance.max() < LIMIT:
        moment, joint = np.unravel_index(distance.argmax(), distance.shape)
        name = list(target.bones.values())[joint]
        raise SystemExit(
            f"{what}: expected the whole clip within 1 mm, found {name} at {times[moment]:.3f} s off by "
            f"{distance.max() * 1000:.2f} mm"
        )


def generated(address: str, prompt: str, seconds: float | None = None) -> Clip:
    with Client(address) as client:
        if seconds is None:
            return client.clips(prompt, seeds=[SEED])[0]
        return client.clips(prompt, seeds=[SEED], seconds=seconds)[0]


def from_origin(clip: Clip) -> Clip:
    """As a character shows it that goes on from where it stands, which is the origin."""
    return place(clip, np.zeros(3), 0.0)


def demo(folder: Path) -> None:
    with served() as address:
        seen = play("demo", folder, server=address, seed=SEED)
        if seen["prompt"] != DEMO:
            raise SystemExit(f"expected the demo to ask for {DEMO!r}, found {seen['prompt']!r}")
        clip = generated(address, DEMO)
        compare("the demo's mannequin", seen, from_origin(clip))


def rigs(folder: Path) -> None:
    with served() as address:
        clip = generated(address, PROMPT, 4)
        for name in RIGS:
            path = folder / f"{name}.glb"
            shape = rig(name)
            path.write_bytes(encode_tracks(_with_body(shape.put(clip), shape.body), {}))
            seen = play(
                "character", folder, server=address, seed=SEED, file=path, prompt=PROMPT, root="as_sent"
            )
            compare(name, seen, clip)
        seen = play(
            "character", folder, server=address, seed=SEED, file="profile", prompt=PROMPT, root="as_sent"
        )
        compare("Godot's humanoid profile", seen, clip)


def _with_body(clip: Clip, body: Any) -> Any:
    tracks = tracks_of(clip)
    return type(tracks)(tracks.clip, tracks.skeleton, tracks.rotations, tracks.translations, body=body)


def root_motion(folder: Path) -> None:
    """The node travels, the pose stays: together they are the motion as it was generated."""
    prompt = "a person walks in a circle"
    with served() as address:
        clip = generated(address, prompt, 4)
        seen = play(
            "character", folder, server=address, seed=SEED, file="profile", prompt=prompt, root="in_place"
        )
        compare("root motion", seen, from_origin(clip))


@contextmanager
def restarted() -> Iterator[tuple[Server, dict[str, Callable[[], None]]]]:
    """A server, and answers that kill it and start it again on the same port."""
    server = Server()
    back: list[Server] = []
    port = int(server.address.rpartition(":")[2])
    answers: dict[str, Callable[[], None]] = {
        "kill": server.kill,
        "start": lambda: back.append(Server(port=port)),
    }
    try:
        yield server, answers
    finally:
        for one in (server, *back):
            one.kill()


def restart(folder: Path) -> None:
    with restarted() as (server, answers):
        clip = generated(server.address, PROMPT, 4)
        seen = play(
            "restart", folder, answers, server=server.address, seed=SEED, prompt=PROMPT, realtime=True
        )
    starved = [row for row in seen["rows"] if row["motion"] == STARVED]
    held = [row["places"] for row in starved if row["time"] == starved[0]["time"]]
    if len(held) < 2 or any(places != held[0] for places in held):
        raise SystemExit(f"expected a pose that is held while the server is away, found {len(held)} moments")
    print(f"  held its pose for {len(held)} moments, then went on")
    compare("a server killed and started again", seen, from_origin(clip))


def live(folder: Path) -> None:
    """A session that goes on through prompts, targets and another server; nothing jumps on the way."""
    with restarted() as (server, answers):
        seen = play("live", folder, answers, server=server.address, seed=SEED, realtime=True)
    rows, told = seen["rows"], seen["told"]
    if told["errors"] or len(told["refused"]) != 1:
        raise SystemExit(f"expected one refused command and no error, found {told}")
    places = np.array([row["places"] for row in rows]).reshape(len(rows), -1, 3)
    steps = np.linalg.norm(np.diff(places, axis=0), axis=-1).max(axis=1)
    speeds = steps / np.maximum([row["delta"] for row in rows[1:]], 1 / 144)
    print(f"  {len(rows)} moments; the fastest joint moves {speeds.max():.1f} m/s")
    if speeds.max() > FASTEST:
        raise SystemExit(f"expected no jumps, found {speeds.max():.1f} m/s at moment {speeds.argmax()}")


def refused(folder: Path) -> None:
    def check(what: str, code: int, text: str, **wanted: str) -> None:
        seen = play("refused", folder, None, realtime=True, **wanted)
        first, *rest = seen["errors"]
        said = [error["message"] for error in rest]
        fine = first["code"] == code and text in first["message"] and len(rest) == 2
        if not fine or "no_such_option" not in said[0] or "steps: expected a whole number" not in said[1]:
            raise SystemExit(f"{what}: expected code {code} and two refused options, found {seen['errors']}")
        print(f"  {what}: {first['message']} ({seen['seconds']:.1f} s)")

    check("no server", 14, "no answer from", server="127.0.0.1:1")
    line = f"{hashlib.sha256(b'correct horse').hexdigest()} tester streams=1\n"
    (folder / "tokens").write_text(line)
    with served("--token-file", str(folder / "tokens")) as address:
        check("a wrong token", 16, "token", server=address, token="battery staple")


def cancel(folder: Path) -> None:
    with served() as address:
        play("native", folder, server=address)
        left: list[float] = []
        leaving: dict[str, Callable[[], None]] = {"leaving": lambda: left.append(time.monotonic())}
        seen = play("cancel", folder, leaving, server=address, realtime=True)
        took = time.monotonic() - left[0]
        if took > 5 or "leaked" in seen["output"]:
            raise SystemExit(f"expected to leave at once and clean, found {took:.1f} s:\n{seen['output']}")
        print(f"  cancelled, went on, left within {took:.1f} s in the middle of a stream")


def library(folder: Path) -> None:
    """Without the native library the project runs and says what is missing."""
    project = folder / "project"
    subprocess.run(["cp", "-r", ROOT / "godot_client_stub", project], check=True)
    subprocess.run(["rm", "-r", project / "addons/posewire/bin"], check=True)
    command = [ROOT / "scripts/godot", "--headless", "--path", project, "--quit-after", "10"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    output = done.stdout + done.stderr
    if "expected its native library for this platform" not in output or "Parse Error" in output:
        raise SystemExit(f"expected a clear error without the library, found:\n{output}")
    print("  without its library: a clear error, no parse errors")


def cost(folder: Path) -> None:
    """One character in one frame, beside a script that sets as many bones."""
    with served() as address:
        seen = play("cost", folder, server=address, prompt=PROMPT, seconds=8)
    character, script = seen["character"], seen["script"]
    print(
        f"  {character:.1f} us a frame, {character / script:.0f} times a script that only sets as many bones"
    )


def pictures(folder: Path) -> None:
    """The demo as it is seen, ten pictures a second, and some of them in one."""
    film(folder, ROOT / "out/godot", "demo", "stand-in")


def record(folder: Path) -> None:
    """The documentation's pictures, with the model that users have."""
    film(folder, ROOT / "docs/images", "godot_demo", "starter")


def film(folder: Path, target: Path, name: str, model: str) -> None:
    screen = ["xvfb-run", "-a", "-s", "-screen 0 1280x800x24"]
    godot = [ROOT / "scripts/godot", "--path", ROOT / "godot_client_stub", "--audio-driver", "Dummy"]
    renderer = ["--rendering-method", "gl_compatibility", "--rendering-driver", "opengl3"]
    with served(model=model) as address:
        length = generated(address, DEMO).seconds  # and nothing has to be loaded while the film runs
        wanted = round(10 * length) + 2
        movie = ["--write-movie", folder / "frame.png", "--fixed-fps", "10", "--quit-after", str(wanted)]
        command = [*screen, *godot, *renderer, *movie, "--", f"--posewire-server={address}"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    frames = sorted(folder.glob("frame*.png"))
    if len(frames) < wanted - 6:
        raise SystemExit(f"expected {wanted} pictures, found {len(frames)}:\n{done.stdout}{done.stderr}")
    target.mkdir(parents=True, exist_ok=True)
    images = [
        Image.open(frame).convert("RGB").resize((480, 300), Image.Resampling.LANCZOS) for frame in frames
    ]
    images[1].save(
        folder / f"{name}.webp",
        save_all=True,
        append_images=images[2:],
        duration=100,
        loop=0,
        quality=50,
        method=6,
    )
    sheet = Image.new("RGB", (480 * 3, 300 * 3))
    for cell in range(9):
        sheet.paste(images[2 + cell * (len(images) - 4) // 8], (cell % 3 * 480, cell // 3 * 300))
    sheet.save(folder / f"{name}_sheet.webp", quality=70, method=6)
    for made in folder.glob("*.webp"):
        shutil.copy(made, target)
    print(
        f"  {len(frames)} pictures in {target.relative_to(ROOT)}/{name}.webp, {name}_sheet.webp: look at them"
    )


SCENARIOS = {
    "demo": demo,
    "rigs": rigs,
    "root_motion": root_motion,
    "restart": restart,
    "live": live,
    "refused": refused,
    "cancel": cancel,
    "library": library,
    "cost": cost,
    "pictures": pictures,
}


def main() -> None:
    for name in sys.argv[1:] or list(SCENARIOS):
        print(name, flush=True)
        with tempfile.TemporaryDirectory() as folder:
            (SCENARIOS | {"record": record})[name](Path(folder))


if __name__ == "__main__":
    main()

"""Files of every format and rig, read by programs that aren't ours: they see what forward kinematics says.

GLB by pygltflib, FBX by FBX2glTF (Autodesk's reader), USD by Pixar's library, Unity's .anim and JSON by
parsers here, and GLB, FBX, BVH and USD by Blender where `.venv-bpy` is. `scripts/check_bake` installs them
and reads 50 clips a rig; here it is one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from posewire_runtime.bake.passes import parse_passes, work
from posewire_runtime.bake.rigs import RIGS, rig
from posewire_runtime.formats import FORMATS
from posewire_runtime.formats.tracks import Tracks, standing_offsets, world
from posewire_runtime.motion.coords import FRAMES, positions_from
from posewire_runtime.types import Clip

HERE = Path(__file__).parent
FORMAT_CHECKS = HERE.parent / "formats"
FBX2GLTF = FORMAT_CHECKS / "node_modules/fbx2gltf/bin/Linux/FBX2glTF"
BLENDER = HERE.parents[1] / ".venv-bpy/bin/python"
HEAVY = os.environ.get("POSEWIRE_CHECK_BAKE") == "1"
CLIPS = int(os.environ.get("POSEWIRE_BAKE_CLIPS", "50")) if HEAVY else 1
BOUND = 0.001
"""Metres that the worst joint may be off."""

ACTS = ("walks forward", "stands idle", "waves with the right hand", "turns left", "walks, turns, then waves")
PASSES = ("", "root-motion", "foot-lock loop in-place", "fps=60", "fps=24 root-motion")
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}


@pytest.fixture(scope="session")
def many(make: Callable[..., Clip]) -> dict[str, list[Tracks]]:
    """Rig -> clips with all sorts of passes."""
    return {
        name: [
            work(
                make(ACTS[k % 5], 1.5 + k % 3, seed=k, swaying=True),
                parse_passes(PASSES[k // 5 % 5] if HEAVY else "root-motion"),
                rig(name),
            )[0]
            for k in range(CLIPS)
        ]
        for name in RIGS
    }


def write(tracks: Tracks, suffix: str, folder: Path, number: int) -> Path:
    path = folder / f"{number}{suffix}"
    path.write_bytes(FORMATS[suffix].encode_tracks(tracks, {"prompt": "x"}, body=not HEAVY or number == 0))
    return path


def compare(tracks: Tracks, found: Mapping[str, np.ndarray], step: int = 1) -> float:
    """Metres that the worst joint is off; every joint must be there, for all of the frames."""
    _, expected = world(tracks)
    return max(
        float(np.linalg.norm(found[name] - expected[::step, joint], axis=-1).max())
        for joint, name in enumerate(tracks.skeleton.names)
    )


def judge(reader: str, name: str, errors: list[float]) -> None:
    """Every clip's worst joint is within the bound; `scripts/check_bake` shows by how much."""
    worst = 1000 * max(errors)
    print(f"{reader:<16} {name:<10} {len(errors):>3} clips, worst joint of all frames {worst:.4f} mm off")
    assert max(errors) < BOUND


def read_gltf(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times, and world positions of the named nodes, by the rules of glTF alone."""
    file: Any = GLTF2().load(str(path))

    def values(index: int) -> np.ndarray:
        accessor = file.accessors[index]
        view = file.bufferViews[accessor.bufferView]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        raw = np.frombuffer(file.binary_blob(), np.float32, accessor.count * WIDTHS[accessor.type], start)
        return raw.reshape(accessor.count, -1).astype(float)

    samplers = file.animations[0].samplers
    times = max((values(sampler.input)[:, 0] for sampler in samplers), key=len)
    turned = [np.tile(node.rotation or [0, 0, 0, 1.0], (len(times), 1)) for node in file.nodes]
    placed = [np.tile(node.translation or [0, 0, 0.0], (len(times), 1)) for node in file.nodes]
    for channel in file.animations[0].channels:
        track, kept = values(samplers[channel.sampler].output), values(samplers[channel.sampler].input)[:, 0]
        full = np.stack([np.interp(times, kept, column) for column in track.T], axis=-1)
        if channel.target.path in ("rotation", "translation"):
            (turned if channel.target.path == "rotation" else placed)[channel.target.node] = full
    found: dict[str, np.ndarray] = {}

    def walk(node: int, rotation: Rotation, position: np.ndarray) -> None:
        position = position + rotation.apply(placed[node])
        rotation = rotation * Rotation.from_quat(turned[node])
        found[file.nodes[node].name] = position
        for child in file.nodes[node].children or []:
            walk(child, rotation, position)

    for top in file.scenes[0].nodes:
        walk(top, Rotation.identity(len(times)), np.zeros((len(times), 3)))
    return times, found


def read_fbx(path: Path, fps: float) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Through Autodesk's reader, which bakes at 24, 30 or 60 fps."""
    FBX2GLTF.chmod(0o755)
    target = path.with_suffix(".back.glb")
    run = [FBX2GLTF, "-b", "--anim-framerate", f"bake{fps:g}", "-i", path, "-o", target]
    subprocess.run(run, check=True, capture_output=True, timeout=120)
    return read_gltf(target)


def unity_curves(text: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Path -> times and values of each curve of a part of an .anim file, by its lines alone."""
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    times: list[float] = []
    values: list[list[float]] = []
    for line in text.splitlines():
        word, _, rest = line.strip().partition(": ")
        if word == "time":
            times.append(float(rest))
        elif word == "value":
            values.append([float(part.partition(":")[2]) for part in rest.strip("{}").split(",")])
        elif word == "path":
            found[json.loads(rest)] = np.array(times), np.array(values)
            times, values = [], []
    return found


def read_unity(path: Path, tracks: Tracks) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times, and what Unity would show, in our frame; bones that don't move stand as in the model there."""
    text = path.read_text(encoding="utf-8")
    rotations, rest = text.split("m_RotationCurves:")[1].split("m_PositionCurves:")
    turned, moved = unity_curves(rotations), unity_curves(rest.split("m_EulerCurves")[0])
    offsets = standing_offsets(tracks.skeleton)
    times = max((times for times, _ in turned.values()), key=len)

    def at(curve: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        return np.stack([np.interp(times, curve[0], column) for column in curve[1].T], axis=-1)

    world_of: dict[str, tuple[Rotation, np.ndarray]] = {}
    found: dict[str, np.ndarray] = {}
    for bone, curve in turned.items():
        above, _, name = bone.rpartition("/")
        still = np.tile(offsets[tracks.skeleton.index(name)] * [-1, 1, 1], (len(times), 1))
        local = at(moved[bone]) if bone in moved else still
        rotation, position = world_of.get(above, (Rotation.identity(len(times)), np.zeros(3)))
        place = position + rotation.apply(local)
        world_of[bone] = rotation * Rotation.from_quat(at(curve)), place
        found[name] = place * [-1, 1, 1]
    return times, found


def read_json(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The same of our JSON, as somebody would read it who knows docs/formats.md alone."""
    file = json.loads(path.read_text(encoding="utf-8"))
    rotations = np.array(file["rotations"]).reshape(file["frames"], -1, 4)
    world_of: list[tuple[Rotation, np.ndarray]] = []
    found: dict[str, np.ndarray] = {}
    for j, joint in enumerate(file["joints"]):
        moved = file["translations"].get(joint["name"], [joint["offset"]] * file["frames"])
        nothing = Rotation.identity(file["frames"]), np.zeros(3)
        rotation, position = world_of[joint["parent"]] if joint["parent"] >= 0 else nothing
        place = position + rotation.apply(np.array(moved))
        world_of.append((rotation * Rotation.from_quat(rotations[:, j]), place))
        found[joint["name"]] = place
    return np.arange(file["frames"]) / file["fps"], found


@pytest.mark.parametrize("name", RIGS)
def test_unity_and_json(name: str, many: dict[str, list[Tracks]], tmp_path: Path) -> None:
    unity: list[float] = []
    plain: list[float] = []
    for number, tracks in enumerate(many[name]):
        expected = np.arange(tracks.frames) / tracks.clip.fps
        times, found = read_unity(write(tracks, ".anim", tmp_path, number), tracks)
        np.testing.assert_allclose(times, expected, atol=1e-5)
        unity.append(compare(tracks, found))
        times, found = read_json(write(tracks, ".json", tmp_path, number))
        np.testing.assert_allclose(times, expected, atol=1e-9)
        plain.append(compare(tracks, found))
    judge("parser anim", name, unity)
    judge("parser json", name, plain)


@pytest.mark.parametrize("name", RIGS)
def test_gltf(name: str, many: dict[str, list[Tracks]], tmp_path: Path) -> None:
    errors: list[float] = []
    for number, tracks in enumerate(many[name]):
        times, found = read_gltf(write(tracks, ".glb", tmp_path, number))
        np.testing.assert_allclose(times, np.arange(tracks.frames) / tracks.clip.fps, atol=1e-6)
        errors.append(compare(tracks, found))
    judge("pygltflib glb", name, errors)


@pytest.mark.parametrize("name", RIGS)
def test_gltf_is_clean(name: str, many: dict[str, list[Tracks]], tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not (FORMAT_CHECKS / "node_modules/gltf-validator").is_dir():
        pytest.skip("needs node and the validator: npm ci --prefix tests/formats")
    files = [write(tracks, ".glb", tmp_path, number) for number, tracks in enumerate(many[name])]
    run = [node, "check_glb.mjs", *map(str, files)]
    said = subprocess.run(run, cwd=FORMAT_CHECKS, capture_output=True, text=True, check=True, timeout=300)
    for line in said.stdout.splitlines():
        assert {message["code"] for message in json.loads(line)["messages"]} <= {
            "NODE_EMPTY",
            "UNUSED_OBJECT",
        }


@pytest.mark.skipif(not FBX2GLTF.is_file(), reason="needs FBX2glTF: npm ci --prefix tests/formats")
@pytest.mark.parametrize("name", RIGS)
def test_autodesk(name: str, many: dict[str, list[Tracks]], tmp_path: Path) -> None:
    errors: list[float] = []
    for number, tracks in enumerate(many[name]):
        times, found = read_fbx(write(tracks, ".fbx", tmp_path, number), tracks.clip.fps)
        np.testing.assert_allclose(times, np.arange(tracks.frames) / tracks.clip.fps, atol=1e-4)
        errors.append(compare(tracks, found))
    judge("Autodesk fbx", name, errors)


@pytest.mark.skipif(not FBX2GLTF.is_file(), reason="needs FBX2glTF: npm ci --prefix tests/formats")
def test_autodesk_at_120_frames(make: Callable[..., Clip], tmp_path: Path) -> None:
    """It bakes at 60 at most: every second frame is compared."""
    tracks, _ = work(make("walks", 2), parse_passes("fps=120"), rig("ue5-manny"))
    times, found = read_fbx(write(tracks, ".fbx", tmp_path, 0), 60)
    assert len(times) == -(-tracks.frames // 2)
    assert compare(tracks, found, step=2) < BOUND


@pytest.mark.parametrize("name", RIGS)
def test_pixar(name: str, many: dict[str, list[Tracks]], tmp_path: Path) -> None:
    Usd: Any = pytest.importorskip("pxr.Usd", reason="needs the [usd] extra")
    UsdSkel: Any = pytest.importorskip("pxr.UsdSkel")
    UsdValidation: Any = pytest.importorskip("pxr.UsdValidation")
    validators = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    errors: list[float] = []
    for number, tracks in enumerate(many[name]):
        stage = Usd.Stage.Open(str(write(tracks, ".usda", tmp_path, number)))
        assert UsdValidation.ValidationContext(validators).Validate(stage) == []
        assert (stage.GetTimeCodesPerSecond(), stage.GetEndTimeCode()) == (tracks.clip.fps, tracks.frames - 1)
        cache = UsdSkel.Cache()
        cache.Populate(UsdSkel.Root(stage.GetPrimAtPath("/Character")), Usd.PrimDefaultPredicate)
        query = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/Character/Rig")))
        frames = range(tracks.frames)
        found = np.array(
            [
                [m.ExtractTranslation() for m in query.ComputeJointSkelTransforms(Usd.TimeCode(f))]
                for f in frames
            ]
        )
        errors.append(float(np.linalg.norm(found - world(tracks)[1], axis=-1).max()))
    judge("Pixar usd", name, errors)


@pytest.mark.skipif(not BLENDER.is_file(), reason="needs Blender: scripts/check_bake installs it")
@pytest.mark.parametrize("suffix", [".glb", ".fbx", ".bvh", ".usda"])
@pytest.mark.parametrize("name", RIGS)
def test_blender(name: str, suffix: str, many: dict[str, list[Tracks]], tmp_path: Path) -> None:
    if not HEAVY and (name, suffix) not in (("ue5-manny", ".fbx"), ("godot", ".fbx")):
        pytest.skip("a taste is enough; scripts/check_bake reads them all")
    errors: list[float] = []
    by_rate: dict[float, list[tuple[Path, Tracks]]] = {}
    for number, tracks in enumerate(many[name]):
        by_rate.setdefault(tracks.clip.fps, []).append((write(tracks, suffix, tmp_path, number), tracks))
    for fps, written in by_rate.items():
        out = tmp_path / "found.npz"
        run = [BLENDER, HERE / "read_with_blender.py", out, f"{fps:g}", *(path for path, _ in written)]
        subprocess.run(run, check=True, capture_output=True, timeout=900)
        with np.load(out) as found:
            for path, tracks in written:
                names = found[f"{path.name}/names"].tolist()
                places = positions_from(FRAMES["blender"], found[f"{path.name}/positions"])
                assert len(places) == tracks.frames
                errors.append(blender_error(tracks, names, places, suffix))
    judge(f"Blender {suffix[1:]}", name, errors)


def blender_error(tracks: Tracks, names: list[str], places: np.ndarray, suffix: str) -> float:
    """Metres that the worst bone is off. USD's names hold no dots, BVH begins at the pelvis."""
    _, expected = world(tracks)
    worst, seen = 0.0, 0
    for joint, name in enumerate(tracks.skeleton.names):
        here = name.replace(".", "_").replace(":", "_") if suffix == ".usda" else name
        if here in names:
            seen += 1
            off = np.linalg.norm(places[:, names.index(here)] - expected[:, joint], axis=-1)
            worst = max(worst, float(off.max()))
    assert seen >= (20 if suffix == ".bvh" else len(tracks.skeleton))
    return worst

"""FBX, USD, Unity's .anim and JSON: what their own readers, or a plain parser, find in them.

FBX is read by FBX2glTF, which holds Autodesk's SDK; USD by Pixar's library. Blender's reading of everything
is in tests/bake, since it needs an environment of its own.
"""

from __future__ import annotations

import json
import re
import shutil
import struct
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from posewire_runtime import formats
from posewire_runtime.formats import fbx, glb, text_json, unity_anim, usda
from posewire_runtime.formats.events import contact_events
from posewire_runtime.formats.fbx_binary import Node, pack
from posewire_runtime.formats.tracks import TRANSLATION, Tracks, tracks_of, with_ground_bone, world
from posewire_runtime.motion.root import root_motion
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import CONTACT_NAMES, Clip

HERE = Path(__file__).parent
FBX2GLTF = HERE / "node_modules/fbx2gltf/bin/Linux/FBX2glTF"
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def gltf_positions(path: Path) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times, and the world positions (L, 3) of each named node, by the rules of glTF alone."""
    file: Any = GLTF2().load(str(path))

    def values(index: int) -> np.ndarray:
        accessor = file.accessors[index]
        view = file.bufferViews[accessor.bufferView]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        count = accessor.count * WIDTHS[accessor.type]
        found = np.frombuffer(file.binary_blob(), np.float32, count, start)
        return found.reshape(accessor.count, -1).astype(float)

    samplers = file.animations[0].samplers
    times = max((values(sampler.input)[:, 0] for sampler in samplers), key=len)
    turned = [np.tile(node.rotation or [0, 0, 0, 1.0], (len(times), 1)) for node in file.nodes]
    placed = [np.tile(node.translation or [0, 0, 0.0], (len(times), 1)) for node in file.nodes]
    for channel in file.animations[0].channels:
        # A track that stands still may come back as two keys.
        track = values(samplers[channel.sampler].output)
        kept = values(samplers[channel.sampler].input)[:, 0]
        full = np.stack([np.interp(times, kept, column) for column in track.T], axis=-1)
        if channel.target.path == "rotation":
            turned[channel.target.node] = full
        elif channel.target.path == "translation":
            placed[channel.target.node] = full
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


def fbx_positions(path: Path, rate: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The same of an FBX file, through Autodesk's reader."""
    if not FBX2GLTF.is_file() or shutil.which("node") is None:
        pytest.skip("needs FBX2glTF: npm ci --prefix tests/formats")
    FBX2GLTF.chmod(0o755)
    target = path.with_suffix(".back.glb")
    run = [FBX2GLTF, "-b", "--anim-framerate", f"bake{rate}", "-i", path, "-o", target]
    subprocess.run(run, check=True, capture_output=True, timeout=120)
    return gltf_positions(target)


@pytest.fixture
def all_tracks(walk: Clip, rig_clip: Clip) -> dict[str, Tracks]:
    return {
        "walk": tracks_of(walk),
        "walk with a root": tracks_of(walk, root_motion(walk)),
        "rig": tracks_of(rig_clip),
        "rig with a root": tracks_of(rig_clip, root_motion(rig_clip)),
    }


def test_travel_on_a_bone_moves_no_other_bone(all_tracks: dict[str, Tracks]) -> None:
    """With the travel on a bone every joint below the pelvis is where it was."""
    for name in ("walk", "rig"):
        clip = all_tracks[name].clip
        _, plain = forward(clip.skeleton, clip.rotations.astype(float), clip.root.astype(float))
        tracks = all_tracks[f"{name} with a root"]
        _, placed = world(tracks)
        below = [j for j, n in enumerate(clip.skeleton.names) if n not in ("root", "prop")]
        found = placed[:, [tracks.skeleton.index(clip.skeleton.names[j]) for j in below]]
        np.testing.assert_allclose(found, plain[:, below], atol=1e-6)
        np.testing.assert_allclose(placed[:, 0], root_motion(clip).positions, atol=1e-9)


def test_a_ground_bone_gets_a_name_of_its_own(rig_clip: Clip) -> None:
    made = with_ground_bone(rig_clip.skeleton)
    assert made.names[:2] == ("ground_root", "root")
    assert made.parents[1] == 0


@pytest.mark.parametrize("name", ["walk", "walk with a root", "rig", "rig with a root"])
@pytest.mark.parametrize("body", [True, False])
def test_autodesk_reads_our_fbx(name: str, body: bool, all_tracks: dict[str, Tracks], tmp_path: Path) -> None:
    tracks = all_tracks[name]
    file = tmp_path / "clip.fbx"
    file.write_bytes(fbx.encode_tracks(tracks, {"prompt": "ünïcödé"}, body=body))
    times, found = fbx_positions(file, round(tracks.clip.fps))
    np.testing.assert_allclose(times, np.arange(tracks.frames) / tracks.clip.fps, atol=1e-5)
    _, expected = world(tracks)
    for joint, bone in enumerate(tracks.skeleton.names):
        np.testing.assert_allclose(found[bone], expected[:, joint], atol=1e-5)


def test_autodesk_finds_the_skin(all_tracks: dict[str, Tracks], tmp_path: Path) -> None:
    """The mesh comes back where it was, tied to the bones by their inverse bind matrices."""
    file = tmp_path / "clip.fbx"
    file.write_bytes(fbx.encode_tracks(all_tracks["rig"], {}))
    fbx_positions(file, 60)
    back: Any = GLTF2().load(str(file.with_suffix(".back.glb")))
    assert len(back.skins) == 1
    position = back.accessors[back.meshes[0].primitives[0].attributes.POSITION]
    body = all_tracks["rig"].mesh()
    np.testing.assert_allclose(position.min, body.vertices.min(axis=0), atol=1e-4)
    np.testing.assert_allclose(position.max, body.vertices.max(axis=0), atol=1e-4)


def test_fbx_keeps_fewer_keys(walk: Clip, tmp_path: Path) -> None:
    """A track with two keys goes straight from one to the other."""
    moved = replace(walk, root=np.linspace([0, 1, 0], [1, 1, 3], walk.frames).astype(np.float32))
    tracks = replace(tracks_of(moved), keys={(0, TRANSLATION): np.array([0, walk.frames - 1])})
    file = tmp_path / "clip.fbx"
    file.write_bytes(fbx.encode_tracks(tracks, {}, body=False))
    np.testing.assert_allclose(fbx_positions(file, 30)[1]["Pelvis"], moved.root, atol=1e-5)


def test_the_tail_of_an_fbx_file_is_aligned() -> None:
    for length in range(40):
        data = pack([Node("Name", ("x" * length,))])
        assert (len(data) - 140) % 16 == 0
        assert data[-16:] == bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")
        assert struct.unpack_from("<I", data, len(data) - 140)[0] == 7400


def test_fbx_refuses_values_it_cannot_store() -> None:
    with pytest.raises(TypeError, match="found complex"):
        pack([Node("Name", (1j,))])


@pytest.mark.parametrize("name", ["walk", "walk with a root", "rig"])
def test_pixar_reads_our_usd(name: str, all_tracks: dict[str, Tracks], tmp_path: Path) -> None:
    Usd: Any = pytest.importorskip("pxr.Usd", reason="needs the [usd] extra")
    UsdSkel: Any = pytest.importorskip("pxr.UsdSkel")
    UsdValidation: Any = pytest.importorskip("pxr.UsdValidation")
    tracks = all_tracks[name]
    file = tmp_path / "clip.usda"
    file.write_bytes(usda.encode_tracks(tracks, {"prompt": 'quotes " and\nünïcödé \\'}))
    stage: Any = Usd.Stage.Open(str(file))
    assert stage.GetTimeCodesPerSecond() == stage.GetFramesPerSecond() == tracks.clip.fps
    assert (stage.GetStartTimeCode(), stage.GetEndTimeCode()) == (0, tracks.frames - 1)
    assert stage.GetRootLayer().customLayerData["prompt"] == 'quotes " and\nünïcödé \\'
    validators: Any = UsdValidation.ValidationRegistry().GetOrLoadAllValidators()
    assert [error.GetMessage() for error in UsdValidation.ValidationContext(validators).Validate(stage)] == []
    cache: Any = UsdSkel.Cache()
    cache.Populate(UsdSkel.Root(stage.GetPrimAtPath("/Character")), Usd.PrimDefaultPredicate)
    query = cache.GetSkelQuery(UsdSkel.Skeleton(stage.GetPrimAtPath("/Character/Rig")))
    _, expected = world(tracks)
    for frame in range(0, tracks.frames, 9):
        found = query.ComputeJointSkelTransforms(Usd.TimeCode(frame))
        np.testing.assert_allclose([m.ExtractTranslation() for m in found], expected[frame], atol=1e-5)


_CURVE = re.compile(r"m_Curve:\n(.*?)m_PreInfinity.*?path: (\"[^\n]*\")", re.DOTALL)
_KEY = re.compile(r"time: (\S+)\n +value: \{(.*?)\}")


def unity_curves(text: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Path -> times and values of each curve of a part of an .anim file."""
    found: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for body, path in _CURVE.findall(text):
        keys = _KEY.findall(body)
        values = [[float(part.split(":")[1]) for part in value.split(",")] for _, value in keys]
        found[json.loads(path)] = np.array([float(time) for time, _ in keys]), np.array(values)
    return found


def unity_positions(text: str, tracks: Tracks) -> dict[str, np.ndarray]:
    """World positions in our frame of what Unity would show; rest offsets come from the model there."""
    rotations, positions = text.split("m_RotationCurves:")[1].split("m_PositionCurves:")
    turned, moved = unity_curves(rotations), unity_curves(positions)
    names, out = tracks.skeleton.names, {}
    offsets = json.loads(text_json.encode_tracks(tracks, {}))["joints"]
    world_of: dict[str, tuple[Rotation, np.ndarray]] = {}
    for path, (times, values) in turned.items():
        above, _, name = path.rpartition("/")
        flipped = np.array(offsets[names.index(name)]["offset"]) * [-1, 1, 1]
        local = moved[path][1] if path in moved else np.tile(flipped, (len(times), 1))
        rotation, position = world_of.get(above, (Rotation.identity(len(times)), np.zeros(3)))
        place = position + rotation.apply(local)
        world_of[path] = rotation * Rotation.from_quat(values), place
        out[name] = place * [-1, 1, 1]
    return out


@pytest.mark.parametrize("name", ["walk with a root", "rig"])
def test_unity_would_show_the_same(name: str, all_tracks: dict[str, Tracks]) -> None:
    yaml = pytest.importorskip("yaml")
    tracks = all_tracks[name]
    text = unity_anim.encode_tracks(tracks, {"prompt": 'a "prompt": {x}'}).decode()
    # The whole file is YAML, but a parser in Python takes long over many keys: it gets one curve.
    head, curves, tail = text.partition("  - curve:")
    one = curves + tail.split(curves)[0] + tail[tail.index("  m_CompressedRotationCurves") :]
    parsed = yaml.safe_load((head + one).split("&7400000\n")[1])["AnimationClip"]
    assert parsed["m_Name"] == 'a "prompt": {x}'
    assert parsed["m_SampleRate"] == tracks.clip.fps
    assert len(parsed["m_Events"]) == len(contact_events(tracks.clip))
    _, expected = world(tracks)
    for bone, places in unity_positions(text, tracks).items():
        np.testing.assert_allclose(places, expected[:, tracks.skeleton.index(bone)], atol=1e-5)


@pytest.mark.parametrize("name", ["walk with a root", "rig"])
def test_json_holds_the_motion(name: str, all_tracks: dict[str, Tracks]) -> None:
    tracks = all_tracks[name]
    found = json.loads(text_json.encode_tracks(tracks, {"prompt": "x"}))
    assert (found["format"], found["version"], found["notes"]) == ("posewire.animation", 1, {"prompt": "x"})
    rotations = np.array(found["rotations"]).reshape(tracks.frames, -1, 4)
    moved = {bone: np.array(rows) for bone, rows in found["translations"].items()}
    world_of: list[tuple[Rotation, np.ndarray]] = []
    _, expected = world(tracks)
    for j, joint in enumerate(found["joints"]):
        parent = joint["parent"]
        rotation, position = world_of[parent] if parent >= 0 else (Rotation.identity(), np.zeros(3))
        place = position + rotation.apply(moved.get(joint["name"], np.array(joint["offset"])))
        world_of.append((rotation * Rotation.from_quat(rotations[:, j]), place))
        np.testing.assert_allclose(np.broadcast_to(place, (tracks.frames, 3)), expected[:, j], atol=1e-5)


def test_events_are_the_changes_of_contacts(walk: Clip) -> None:
    state = np.zeros(4, bool)
    rebuilt = np.zeros_like(walk.contacts)
    events = contact_events(walk)
    for frame in range(walk.frames):
        for event in events:
            if event.frame == frame:
                state[CONTACT_NAMES.index(event.name)] = event.down
        rebuilt[frame] = state
    np.testing.assert_array_equal(rebuilt, walk.contacts)
    assert [event.seconds for event in events] == [event.frame / 30 for event in events]


ENCODERS: dict[str, Callable[..., bytes]] = {
    "fbx": fbx.encode_tracks,
    "glb": glb.encode_tracks,
    "usda": usda.encode_tracks,
    "anim": unity_anim.encode_tracks,
    "json": text_json.encode_tracks,
}


@pytest.mark.parametrize("name", ENCODERS)
def test_one_frame_and_equal_bytes(name: str, walk: Clip) -> None:
    first = replace(walk, rotations=walk.rotations[:1], root=walk.root[:1], contacts=walk.contacts[:1])
    assert ENCODERS[name](tracks_of(first), {"prompt": "x"}) == ENCODERS[name](
        tracks_of(first), {"prompt": "x"}
    )


def test_every_format_is_found_by_its_suffix(walk: Clip, tmp_path: Path) -> None:
    for suffix in formats.FORMATS:
        formats.write(tmp_path / f"clip{suffix}", walk, prompt="x")
        assert (tmp_path / f"clip{suffix}").stat().st_size > 1000

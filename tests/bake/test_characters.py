"""A user's own character: read from files with odd rests and scales, moved as far as the source, put back."""

from __future__ import annotations

import json
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

from posewire_runtime.bake.characters import Character, read_bone_map, read_character, read_glb
from posewire_runtime.bake.embed import embed
from posewire_runtime.bake.passes import parse_passes, work
from posewire_runtime.bake.rigs import rig
from posewire_runtime.cli import run
from posewire_runtime.errors import InvalidFile, InvalidRequest
from posewire_runtime.formats import bvh, fbx, glb
from posewire_runtime.formats.tracks import Tracks, world
from posewire_runtime.motion import quat
from posewire_runtime.motion.retarget import calibration, height_scale
from posewire_runtime.motion.skeleton import SMPL22, forward, rest_globals
from posewire_runtime.types import Clip

Make = Callable[..., Clip]
BLENDER = Path(__file__).parents[2] / ".venv-bpy/bin/python"
ARMS = (("L_Shoulder", "L_Elbow"), ("L_Elbow", "L_Wrist"), ("R_Shoulder", "R_Elbow"), ("R_Elbow", "R_Wrist"))


def repack(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change a GLB file's document."""
    gltf = read_glb(path)
    change(gltf.document)
    text = json.dumps(gltf.document).encode()
    text += b" " * (-len(text) % 4)
    head = struct.pack("<4sII", b"glTF", 2, 12 + 8 + len(text) + 8 + len(gltf.data))
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(gltf.data), b"BIN\0")
    path.write_bytes(head + chunks + gltf.data)


def in_blenders_way(document: dict[str, Any]) -> None:
    """As FBX files converted by tools arrive: centimetres, Z up, under a node that scales and turns."""
    turn = [0.70710678, 0, 0, 0.70710678]
    for top in [n for n in document["nodes"] if n["name"] == "Rig"]:
        top["rotation"] = [-0.70710678, 0, 0, 0.70710678]
        top["scale"] = [0.01, 0.01, 0.01]
        for child in top["children"]:
            node = document["nodes"][child]
            here = Rotation.from_quat(turn)
            node["translation"] = here.apply(np.array(node["translation"]) * 100).tolist()
            node["rotation"] = (
                (here * Rotation.from_quat(node.get("rotation", [0, 0, 0, 1]))).as_quat().tolist()
            )
    below = {c for n in document["nodes"] if n["name"] == "Rig" for c in n["children"]}
    for index, node in enumerate(document["nodes"]):
        if "mesh" not in node and node["name"] != "Rig" and index not in below:
            node["translation"] = (np.array(node["translation"]) * 100).tolist()


@pytest.fixture
def files(tmp_path: Path, make: Make) -> dict[str, Path]:
    """Characters: our rigs in files, one of them an A-pose with rolled bones, one in another tool's units."""
    clip = make("stands idle", 1)
    out: dict[str, Path] = {}
    for name in ("ue5-manny", "mixamo", "rigify", "vrm", "godot"):
        out[name] = tmp_path / f"{name}.glb"
        out[name].write_bytes(glb.encode(rig(name).put(clip), {}))
    out["scaled"] = tmp_path / "scaled.glb"
    out["scaled"].write_bytes(out["rigify"].read_bytes())
    repack(out["scaled"], in_blenders_way)
    for name in ("rigify", "ue5-manny"):
        out[f"fbx {name}"] = tmp_path / f"{name}.fbx"
        out[f"fbx {name}"].write_bytes(fbx.encode(rig(name).put(clip), {}))
    out["fbx bones"] = tmp_path / "bones.fbx"
    out["fbx bones"].write_bytes(fbx.encode(rig("rigify").put(clip), {}, body=False))
    out["bvh"] = tmp_path / "character.bvh"
    out["bvh"].write_bytes(bvh.encode(rig("mixamo").put(clip), {}, centimetres=True))
    return out


def put(character: Character, clip: Clip, passes: str = "") -> Tracks:
    return work(clip, parse_passes(passes), character.rig)[0]


@pytest.mark.parametrize(
    "name", ["ue5-manny", "mixamo", "rigify", "vrm", "godot", "scaled", "bvh", "fbx rigify", "fbx bones"]
)
def test_bones_turn_as_far_as_joints(name: str, files: dict[str, Path], make: Make) -> None:
    """Every mapped bone's change from its calibrated rest is the joint's from its own, within 0.1 degree."""
    character = read_character(files[name])
    assert character.rig.target is not None
    target, clip = character.rig.target, make("walks, turns around, then waves", 3)
    turned, positions = world(put(character, clip))
    source, joints = forward(clip.skeleton, clip.rotations.astype(float), clip.root.astype(float))
    calm = quat.multiply(calibration(SMPL22, target), rest_globals(target.skeleton).astype(float))
    assert len(target.bones) == 22
    for joint, bone in target.bones.items():
        place = target.skeleton.index(bone)
        change = quat.multiply(turned[:, place], quat.conjugate(calm[place]))
        assert np.degrees(quat.angle(change, source[:, clip.skeleton.index(joint)]).max()) < 0.1
    for here, there in ARMS:
        ours = joints[:, clip.skeleton.index(there)] - joints[:, clip.skeleton.index(here)]
        theirs = [target.skeleton.index(target.bones[joint]) for joint in (there, here)]
        step = positions[:, theirs[0]] - positions[:, theirs[1]]
        cosine = np.sum(quat.normalise(step) * quat.normalise(ours), axis=-1)
        assert np.degrees(np.arccos(np.minimum(cosine, 1))).max() < 2


@pytest.mark.parametrize("name", ["ue5-manny", "mixamo", "rigify", "godot", "scaled"])
def test_feet_stay_on_the_floor(name: str, files: dict[str, Path], make: Make) -> None:
    """A foot that stands is as high as at rest: within some centimetres, on legs of other proportions too."""
    character = read_character(files[name])
    target, clip = character.rig.target, make("walks forward", 4)
    assert target is not None
    _, positions = world(put(character, clip))
    sole = target.skeleton.sole
    for side, joint in enumerate(("L_Foot", "R_Foot")):
        bone = target.skeleton.index(target.bones[joint])
        standing = clip.contacts[:, 2 * side] & clip.contacts[:, 2 * side + 1]
        rest = target.skeleton.positions[bone, 1] - sole
        assert np.abs(positions[standing, bone, 1] - rest).max() < 0.06


def test_scales_and_turns_above_the_bones_are_seen_through(files: dict[str, Path]) -> None:
    plain, scaled = read_character(files["rigify"]), read_character(files["scaled"])
    assert plain.rig.target is not None
    assert scaled.rig.target is not None
    a, b = plain.rig.target.skeleton, scaled.rig.target.skeleton
    assert a.names == b.names
    np.testing.assert_allclose(a.positions, b.positions, atol=1e-5)
    assert quat.angle(rest_globals(a).astype(float), rest_globals(b).astype(float)).max() < 1e-5
    assert height_scale(SMPL22, plain.rig.target) == pytest.approx(
        height_scale(SMPL22, scaled.rig.target), abs=1e-3
    )


@pytest.mark.parametrize("name", ["ue5-manny", "rigify", "scaled"])
@pytest.mark.parametrize("passes", ["", "root-motion keys=0.5"])
def test_the_character_comes_back_with_the_motion_inside(
    name: str, passes: str, files: dict[str, Path], make: Make, tmp_path: Path
) -> None:
    """Its mesh is untouched; its nodes, followed by glTF's rules, are where the retarget put the bones."""
    character = read_character(files[name])
    assert character.gltf is not None
    tracks = put(character, make("walks forward", 2), passes)
    if passes and name != "ue5-manny":  # these have no bone on the floor, and their files get none
        with pytest.raises(ValueError, match="bones, found"):
            embed(character.gltf, tracks, {})
        return
    data = embed(character.gltf, tracks, {"prompt": "x"})
    (tmp_path / "moved.glb").write_bytes(data)
    file: Any = GLTF2.load_from_bytes(data)
    before: Any = GLTF2().load(str(files[name]))
    assert file.binary_blob().startswith(before.binary_blob())
    _, expected = world(tracks)
    bones = [tracks.skeleton.index(n) for n in tracks.skeleton.names]
    for frame in (0, tracks.frames // 2, tracks.frames - 1):
        found = node_positions(file, frame / tracks.clip.fps)
        error = max(np.abs(found[character.gltf.nodes[j]] - expected[frame, j]).max() for j in bones)
        assert error < (1e-3 if passes else 1e-4)


def node_positions(file: Any, time: float) -> list[np.ndarray]:
    """World positions of all nodes at a moment, scales and all."""
    from posewire_runtime.motion.quat import slerp

    blob = file.binary_blob()

    def values(index: int, width: int) -> np.ndarray:
        accessor, view = file.accessors[index], file.bufferViews[file.accessors[index].bufferView]
        start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
        return np.frombuffer(blob, np.float32, accessor.count * width, start).reshape(-1, width).astype(float)

    pose: dict[tuple[int, str], np.ndarray] = {}
    for channel in file.animations[0].channels:
        sampler = file.animations[0].samplers[channel.sampler]
        times = values(sampler.input, 1)[:, 0]
        after = int(np.clip(np.searchsorted(times, time), 1, len(times) - 1))
        t = float(np.clip((time - times[after - 1]) / (times[after] - times[after - 1]), 0, 1))
        turns = channel.target.path == "rotation"
        track = values(sampler.output, 4 if turns else 3)
        a, b = track[after - 1], track[after]
        pose[channel.target.node, channel.target.path] = slerp(a, b, t) if turns else a + (b - a) * t
    world_of: dict[int, np.ndarray] = {}

    def walk(index: int, above: np.ndarray) -> None:
        node = file.nodes[index]
        local = np.eye(4)
        rotation = pose.get((index, "rotation"), node.rotation or [0, 0, 0, 1])
        local[:3, :3] = Rotation.from_quat(rotation).as_matrix() * np.array(node.scale or [1, 1, 1])
        local[:3, 3] = pose.get((index, "translation"), node.translation or [0, 0, 0])
        world_of[index] = above @ local
        for child in node.children or []:
            walk(child, world_of[index])

    for top in file.scenes[0].nodes:
        walk(top, np.eye(4))
    return [world_of[index][:3, 3] for index in range(len(file.nodes))]


def test_a_character_that_stands_below_the_origin_is_lifted(files: dict[str, Path], make: Make) -> None:
    def sink(document: dict[str, Any]) -> None:
        top = next(node for node in document["nodes"] if node["name"] == "root")
        top["translation"] = [0, -1.0, 0]

    repack(files["ue5-manny"], sink)
    character = read_character(files["ue5-manny"])
    assert character.gltf is not None
    tracks = put(character, make("walks forward", 2))
    found = node_positions(GLTF2.load_from_bytes(embed(character.gltf, tracks, {})), 0.0)
    np.testing.assert_allclose([found[node] for node in character.gltf.nodes], world(tracks)[1][0], atol=1e-4)


@pytest.mark.parametrize("name", ["fbx rigify", "fbx bones", "fbx ue5-manny"])
def test_fbx_and_glb_hold_the_same_character(name: str, files: dict[str, Path]) -> None:
    target = read_character(files[name]).rig.target
    other = read_character(files["ue5-manny" if "ue5" in name else "rigify"]).rig.target
    assert target is not None
    assert other is not None
    a, b = target.skeleton, other.skeleton
    assert set(a.names) == set(b.names)
    same = [b.index(bone) for bone in a.names]
    np.testing.assert_allclose(a.positions, b.positions[same], atol=1e-5)
    turned = [rest_globals(s).astype(float) for s in (a, b)]
    assert quat.angle(turned[0], turned[1][same]).max() < 1e-4
    parents = [a.names[p] if p >= 0 else "" for p in a.parents]
    assert parents == [b.names[b.parents[j]] if b.parents[j] >= 0 else "" for j in same]


@pytest.mark.skipif(not BLENDER.is_file(), reason="needs Blender: scripts/check_bake installs it")
def test_a_character_exported_by_blender(tmp_path: Path, make: Make) -> None:
    """Rigify's metarig as Blender writes it to FBX, under a node that scales by 100 and turns."""
    script = (
        "import bpy, addon_utils; bpy.ops.wm.read_factory_settings(use_empty=True);"
        "addon_utils.enable('rigify', default_set=True); bpy.ops.object.armature_human_metarig_add();"
        f"bpy.ops.export_scene.fbx(filepath={str(tmp_path / 'blender.fbx')!r}, add_leaf_bones=False)"
    )
    subprocess.run([BLENDER, "-c", script], check=True, capture_output=True, timeout=120)
    target = read_character(tmp_path / "blender.fbx").rig.target
    ours = rig("rigify").target
    assert target is not None
    assert ours is not None
    theirs = [target.skeleton.index(bone) for bone in ours.bones.values()]
    here = [ours.skeleton.index(bone) for bone in ours.bones.values()]
    found, expected = target.skeleton.positions[theirs], ours.skeleton.positions[here]
    np.testing.assert_allclose(found - found[0], expected - expected[0], atol=1e-3)


def test_text_fbx_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.fbx").write_text("; FBX 7.4.0 project file")
    with pytest.raises(InvalidFile, match="export it as binary"):
        read_character(tmp_path / "a.fbx")


def test_vrm_brings_its_own_map(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "model.vrm"
    path.write_bytes(files["vrm"].read_bytes())

    def rename(document: dict[str, Any]) -> None:
        joints = document["skins"][0]["joints"]
        bones = {document["nodes"][j]["name"]: {"node": j} for j in joints}
        document["extensions"] = {"VRMC_vrm": {"specVersion": "1.0", "humanoid": {"humanBones": bones}}}
        for number, joint in enumerate(joints):
            document["nodes"][joint]["name"] = f"J_{number}"

    repack(path, rename)
    character = read_character(path)
    assert character.rig.target is not None
    assert len(character.rig.target.bones) == 22
    assert character.rig.target.bones["Pelvis"] == "J_0"
    repack(path, lambda document: document.update(extensions={"VRM": {}}))
    with pytest.raises(InvalidFile, match=r"VRM 1\.0"):
        read_character(path)


def test_a_bone_map_of_the_users(files: dict[str, Path], tmp_path: Path) -> None:
    table = rig("mixamo").target
    assert table is not None
    lines = "".join(f"{joint}, {bone}  # note\n" for joint, bone in table.bones.items())
    (tmp_path / "map.txt").write_text("# my map\n\n" + lines)
    (tmp_path / "map.json").write_text(json.dumps(dict(table.bones)))
    for name in ("map.txt", "map.json"):
        assert read_bone_map(tmp_path / name) == table.bones
        assert read_character(files["mixamo"], tmp_path / name).unmapped == ()
    (tmp_path / "bad.txt").write_text("Pelvis hips\nLeftArm arm\n")
    with pytest.raises(InvalidFile, match=r"bad\.txt:2: expected a joint"):
        read_bone_map(tmp_path / "bad.txt")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(InvalidFile, match="bone map"):
        read_bone_map(tmp_path / "bad.json")
    (tmp_path / "wrong.txt").write_text("Pelvis nobody\n")
    with pytest.raises(InvalidRequest, match="found 'nobody'"):
        read_character(files["mixamo"], tmp_path / "wrong.txt")


def test_a_skeleton_without_legs_is_refused(tmp_path: Path, make: Make) -> None:
    """The message names what is missing."""
    clip = rig("mixamo").put(make("stands idle", 1))
    keep = [j for j, name in enumerate(clip.skeleton.names) if "Leg" not in name and "Foot" not in name]
    keep = [j for j in keep if "Toe" not in clip.skeleton.names[j]]
    parents = [clip.skeleton.parents[j] for j in keep]
    skeleton = replace(
        clip.skeleton,
        names=tuple(clip.skeleton.names[j] for j in keep),
        parents=tuple(keep.index(p) if p >= 0 else -1 for p in parents),
        positions=clip.skeleton.positions[keep],
        rotations=None,
    )
    torso = replace(clip, skeleton=skeleton, rotations=clip.rotations[:, keep])
    (tmp_path / "torso.glb").write_bytes(glb.encode(torso, {}))
    with pytest.raises(InvalidRequest, match=r"nearest is mixamo, but there is no .*LeftUpLeg"):
        read_character(tmp_path / "torso.glb")


def test_a_glb_without_a_skin_is_refused(files: dict[str, Path]) -> None:
    repack(files["mixamo"], lambda document: document.pop("skins"))
    with pytest.raises(InvalidFile, match="no skin"):
        read_character(files["mixamo"])


def test_root_motion_inside_a_character_needs_a_bone(
    files: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "list.csv").write_text("prompt,passes\nwaves,\nwalks,root-motion\n")
    words = [
        "bake",
        "--model",
        "stand-in",
        str(tmp_path / "list.csv"),
        "--out",
        str(tmp_path / "out"),
        "--embed",
        "--target",
    ]
    assert run([*words, str(files["mixamo"])]) == 2
    assert "list.csv:3: passes: expected a bone above the hips of mixamo.glb" in capsys.readouterr().err
    assert run([*words, str(files["ue5-manny"])]) == 0


def test_the_command_puts_motion_on_a_character(files: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("a person waves\n")
    words = [
        "bake",
        "--model",
        "stand-in",
        str(tmp_path / "list.txt"),
        "--out",
        str(tmp_path / "out"),
        "--format",
        "glb,fbx,npz",
    ]
    assert run([*words, "--target", str(files["scaled"]), "--embed"]) == 0
    sidecar = json.loads((tmp_path / "out/a_person_waves_0.json").read_text())
    assert sidecar["rig"] == {"name": "scaled.glb", "note": "the rest pose of scaled.glb"}
    moved: Any = GLTF2().load(str(tmp_path / "out/a_person_waves_0.glb"))
    assert moved.animations[0].name == "a person waves"
    assert next(n for n in moved.nodes if n.name == "Rig").scale == [0.01] * 3

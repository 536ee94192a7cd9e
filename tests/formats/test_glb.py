"""GLB files, judged by the Khronos validator and read back with pygltflib."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pygltflib import GLTF2
from scipy.spatial.transform import Rotation

from posewire_runtime import formats
from posewire_runtime.figure.mannequin import mannequin, pose
from posewire_runtime.formats import glb
from posewire_runtime.motion.skeleton import SMPL22, forward, rest_globals
from posewire_runtime.types import Clip

HERE = Path(__file__).parent
DTYPES = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": (), "VEC3": (3,), "VEC4": (4,), "MAT4": (4, 4)}


def load(data: bytes) -> Any:
    return GLTF2.load_from_bytes(data)


def array(file: Any, index: int) -> np.ndarray:
    """An accessor's values, found by the format's rules alone."""
    accessor = file.accessors[index]
    view = file.bufferViews[accessor.bufferView]
    start = (view.byteOffset or 0) + (accessor.byteOffset or 0)
    shape = (accessor.count, *WIDTHS[accessor.type])
    values = np.frombuffer(file.binary_blob(), DTYPES[accessor.componentType], int(np.prod(shape)), start)
    return values.reshape(shape)


def node_matrices(file: Any, frame: int) -> np.ndarray:
    """World matrix of every node at a key frame of the only animation."""
    local = []
    for node in file.nodes:
        local.append((np.array(node.rotation or [0, 0, 0, 1.0]), np.array(node.translation or [0, 0, 0.0])))
    for channel in file.animations[0].channels:
        value = array(file, file.animations[0].samplers[channel.sampler].output)[frame].astype(float)
        rotation, translation = local[channel.target.node]
        local[channel.target.node] = (
            (value, translation) if channel.target.path == "rotation" else (rotation, value)
        )
    world = np.tile(np.eye(4), (len(file.nodes), 1, 1))

    def place(node: int, above: np.ndarray) -> None:
        rotation, translation = local[node]
        here = np.eye(4)
        here[:3, :3], here[:3, 3] = Rotation.from_quat(rotation).as_matrix(), translation
        world[node] = above @ here
        for child in file.nodes[node].children or []:
            place(child, world[node])

    for top in file.scenes[0].nodes:
        place(top, np.eye(4))
    return world


def test_the_validator_finds_nothing(tmp_path: Path, walk: Clip, rig_clip: Clip) -> None:
    node = shutil.which("node")
    if node is None or not (HERE / "node_modules" / "gltf-validator").is_dir():
        pytest.skip("needs node and the validator: npm ci --prefix tests/formats")
    first = replace(walk, rotations=walk.rotations[:1], root=walk.root[:1], contacts=walk.contacts[:1])
    files = []
    for name, clip in {"walk": walk, "rig": rig_clip, "one frame": first}.items():
        files.append(tmp_path / f"{name}.glb")
        formats.write(files[-1], clip, prompt='quotes " and ünïcödé', licence_notice="a notice")
    files.append(tmp_path / "bones.glb")
    files[-1].write_bytes(glb.encode(walk, {}, body=False))
    run = [node, "check_glb.mjs", *map(str, files)]
    said = subprocess.run(run, cwd=HERE, capture_output=True, text=True, check=True, timeout=120).stdout
    for file, line in zip(files, said.splitlines(), strict=True):
        issues = json.loads(line)
        # Bones that nothing hangs on, and a skin that no mesh uses, are worth a remark to it.
        harmless = {"NODE_EMPTY", "UNUSED_OBJECT"} if file.name == "bones.glb" else set()
        assert {message["code"] for message in issues["messages"]} <= harmless, file.name


@pytest.mark.parametrize("name", ["walk", "rig_clip"])
def test_joints_are_where_forward_kinematics_puts_them(name: str, request: pytest.FixtureRequest) -> None:
    clip: Clip = request.getfixturevalue(name)
    file = load(glb.encode(clip, {}))
    assert [node.name for node in file.nodes[: len(clip.skeleton)]] == list(clip.skeleton.names)
    _, positions = forward(clip.skeleton, clip.rotations.astype(float), clip.root.astype(float))
    for frame in range(0, clip.frames, 7):
        world = node_matrices(file, frame)[: len(clip.skeleton), :3, 3]
        np.testing.assert_allclose(world, positions[frame], atol=2e-6)


def test_the_skin_follows_the_bones(walk: Clip) -> None:
    """A vertex skinned by the file's own numbers is where our skinning puts it."""
    file = load(glb.encode(walk, {}))
    primitive = file.meshes[0].primitives[0]
    vertices = array(file, primitive.attributes.POSITION)
    joints = array(file, primitive.attributes.JOINTS_0)
    weights = array(file, primitive.attributes.WEIGHTS_0) / 255
    bind = np.swapaxes(array(file, file.skins[0].inverseBindMatrices), -1, -2)
    frame = 60
    matrices = node_matrices(file, frame)[file.skins[0].joints] @ bind
    blended = np.einsum("vk,vkab->vab", weights, matrices[joints])
    skinned = np.einsum("vab,vb->va", blended[:, :3, :3], vertices) + blended[:, :3, 3]
    ours, _ = pose(mannequin(SMPL22), SMPL22, walk.rotations[frame], walk.root[frame])
    np.testing.assert_allclose(skinned, ours, atol=1e-5)


@pytest.mark.parametrize("name", ["walk", "rig_clip"])
def test_rest_pose_is_the_bind_pose(name: str, request: pytest.FixtureRequest) -> None:
    skeleton = request.getfixturevalue(name).skeleton
    file = load(glb.encode(request.getfixturevalue(name), {}))
    file.animations[0].channels = []
    world = node_matrices(file, 0)[: len(skeleton)]
    bind = np.swapaxes(array(file, file.skins[0].inverseBindMatrices), -1, -2)
    np.testing.assert_allclose(world @ bind, np.tile(np.eye(4), (len(skeleton), 1, 1)), atol=1e-6)
    expected = Rotation.from_quat(rest_globals(skeleton)).as_matrix()
    np.testing.assert_allclose(world[:, :3, :3], expected, atol=1e-6)


def test_the_rest_pose_stands_on_the_floor(walk: Clip) -> None:
    file = load(glb.encode(walk, {}))
    lowest = array(file, file.meshes[0].primitives[0].attributes.POSITION)[:, 1].min()
    assert lowest == pytest.approx(0, abs=1e-5)


def test_times_and_signs(walk: Clip) -> None:
    file = load(glb.encode(walk, {}))
    animation = file.animations[0]
    times = array(file, animation.samplers[0].input)
    np.testing.assert_array_equal(times, (np.arange(walk.frames) / 30).astype(np.float32))
    moved = [channel.target.node for channel in animation.channels if channel.target.path == "translation"]
    assert moved == [walk.skeleton.pelvis]
    for channel in animation.channels:
        if channel.target.path == "rotation":
            values = array(file, animation.samplers[channel.sampler].output)
            assert (np.sum(values[1:] * values[:-1], axis=-1) > 0).all()


def test_what_the_file_tells(rig_clip: Clip) -> None:
    file = load(glb.encode(rig_clip, {"prompt": "a dance", "licence_notice": "mind", "generator": "me 1"}))
    assert file.asset.generator == "me 1"
    assert file.asset.extras == {"prompt": "a dance", "licence_notice": "mind"}
    extras = file.animations[0].extras
    assert extras["seed"] == str(2**64 - 1)
    assert (extras["fps"], extras["frames"]) == (60, 50)
    bits = np.array(extras["contacts"])[:, None] >> np.arange(4) & 1
    np.testing.assert_array_equal(bits.astype(bool), rig_clip.contacts)


def test_the_same_clip_gives_the_same_bytes(walk: Clip) -> None:
    assert glb.encode(walk, {"prompt": "x"}) == glb.encode(walk, {"prompt": "x"})

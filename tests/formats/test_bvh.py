"""BVH files, read back with a parser made from the format's rules alone, and read by ours."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from posewire_runtime.errors import InvalidFile
from posewire_runtime.formats import bvh
from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.types import Clip


def joint_positions(text: str) -> tuple[dict[str, np.ndarray], float]:
    """World positions (L, 3) of all joints and end sites by name, and the frame time."""
    tokens = iter(text.split())
    joints: dict[str, np.ndarray] = {}

    def expect(word: str) -> None:
        found = next(tokens)
        assert found == word, f"{word} expected, {found} found"

    def offset() -> np.ndarray:
        expect("OFFSET")
        return np.array([float(next(tokens)) for _ in range(3)])

    layout: list[tuple[str, str | None, np.ndarray, list[str]]] = []

    def joint(parent: str | None) -> None:
        name = next(tokens)
        expect("{")
        here = offset()
        expect("CHANNELS")
        layout.append((name, parent, here, [next(tokens) for _ in range(int(next(tokens)))]))
        while (word := next(tokens)) != "}":
            if word == "JOINT":
                joint(name)
            else:
                assert word == "End"
                expect("Site")
                expect("{")
                layout.append((name + " end", name, offset(), []))
                expect("}")

    expect("HIERARCHY")
    expect("ROOT")
    joint(None)
    expect("MOTION")
    expect("Frames:")
    frames = int(next(tokens))
    expect("Frame")
    expect("Time:")
    step = float(next(tokens))
    table = np.array([float(token) for token in tokens]).reshape(frames, -1)
    column = 0
    turned: dict[str, np.ndarray] = {}
    for name, parent, here, channels in layout:
        local, rotation = np.tile(here, (frames, 1)), np.tile(np.eye(3), (frames, 1, 1))
        for channel in channels:
            values = table[:, column]
            column += 1
            if channel.endswith("position"):
                local[:, "XYZ".index(channel[0])] = values
            else:
                rotation = (
                    rotation @ Rotation.from_euler(channel[0], values[:, None], degrees=True).as_matrix()
                )
        above = turned[parent] if parent else np.tile(np.eye(3), (frames, 1, 1))
        turned[name] = above @ rotation
        joints[name] = np.einsum("lab,lb->la", above, local) + (joints[parent] if parent else 0)
    assert column == table.shape[1]
    return joints, step


@pytest.mark.parametrize(("centimetres", "scale"), [(False, 1), (True, 100)])
def test_joints_are_where_forward_kinematics_puts_them(walk: Clip, centimetres: bool, scale: float) -> None:
    joints, step = joint_positions(bvh.encode(walk, {}, centimetres=centimetres).decode())
    _, positions = forward(walk.skeleton, walk.rotations.astype(float), walk.root.astype(float))
    for index, name in enumerate(walk.skeleton.names):
        np.testing.assert_allclose(joints[name] / scale, positions[:, index], atol=5e-6)
    assert step == pytest.approx(1 / 30, abs=1e-9)


def test_rest_rotations_are_taken_into_account(rig_clip: Clip) -> None:
    """The positions agree, and the pose of zeros is the rest pose."""
    text = bvh.encode(rig_clip, {}).decode()
    joints, _ = joint_positions(text)
    skeleton = rig_clip.skeleton
    _, positions = forward(skeleton, rig_clip.rotations.astype(float), rig_clip.root.astype(float))
    head, motion = text.split("MOTION\n")
    zeros = " ".join(["0"] * len(motion.splitlines()[2].split()))
    rest, _ = joint_positions(f"{head}MOTION\nFrames: 1\nFrame Time: 1\n{zeros}\n")
    below = {"hips": 1, "spine": 2, "head": 3, "left_leg": 4, "left_foot": 5}
    assert {name for name in joints if not name.endswith(" end")} == set(below)
    for name, index in below.items():
        np.testing.assert_allclose(joints[name], positions[:, index], atol=5e-6)
        np.testing.assert_allclose(
            rest[name][0], skeleton.positions[index] - skeleton.positions[1], atol=2e-6
        )


def test_the_form(walk: Clip) -> None:
    text = bvh.encode(walk, {}).decode()
    assert text.count("End Site") == 5
    assert re.search(r"Frame Time: 0\.\d{6,}\n", text)
    assert "CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation" in text
    assert "-0.000000" not in text
    assert bvh.encode(walk, {}) == bvh.encode(walk, {})


def test_angles_do_not_jump(rig_clip: Clip) -> None:
    rows = bvh.encode(rig_clip, {}).decode().split("Frame Time: 0.016666667\n")[1].splitlines()
    angles = np.array([row.split()[3:] for row in rows], float)
    assert np.abs(np.diff(angles, axis=0)).max() < 150


def test_reading_what_was_written(tmp_path: Path, walk: Clip) -> None:
    path = tmp_path / "walk.bvh"
    path.write_bytes(bvh.encode(walk, {}, centimetres=True))
    clip = bvh.read(path, metres=0.01)
    assert clip.fps == 30
    order = [clip.skeleton.index(name) for name in SMPL22.names]
    assert quat.angle(clip.rotations[:, order], walk.rotations).max() < 1e-5
    np.testing.assert_allclose(clip.root, walk.root, atol=1e-5)
    shape = SMPL22.positions - SMPL22.positions[0]
    np.testing.assert_allclose(clip.skeleton.positions[order], shape, atol=1e-5)
    # Found from the motion alone, the contacts agree with those the puppet knows in most frames.
    assert (clip.contacts == walk.contacts).mean() > 0.9


orders = st.sampled_from(["".join(order) for order in itertools.permutations("XYZ")])


@given(orders, orders, st.integers(0, 2**31), st.booleans())
def test_reading_any_channel_order(root_order: str, order: str, seed: int, everywhere: bool) -> None:
    random = np.random.default_rng(seed)
    values = random.uniform(-170, 170, (3, 12 if everywhere else 9))
    rotations = [" ".join(f"{axis}rotation" for axis in o) for o in (root_order, order)]
    position = "Zposition Xposition Yposition"
    knee_channels = f"6 {position} {rotations[1]}" if everywhere else f"3 {rotations[1]}"
    text = (
        f"HIERARCHY\nROOT hip bone\n{{\nOFFSET 1 2 3\nCHANNELS 6 {position} {rotations[0]}\n"
        f"JOINT knee\n{{\nOFFSET 0 -1.5 0.25\nCHANNELS {knee_channels}\n"
        "End Site\n{\nOFFSET 0 -1 0\n}\n}\n}\nMOTION\nFrames: 3\nFrame Time: 0.0333333\n"
        + "\n".join(" ".join(map(str, row)) for row in values)
    )
    joints, fps, table = bvh._parse(text.split())
    clip = bvh._clip(joints, fps, table, 1.0)
    assert (clip.skeleton.names, clip.skeleton.parents, clip.fps) == (("hip bone", "knee"), (-1, 0), 30)
    np.testing.assert_allclose(clip.root, values[:, [1, 2, 0]], rtol=1e-6)
    knee = values[:, 9:] if everywhere else values[:, 6:]
    for joint, (name, angles) in enumerate(zip((root_order, order), (values[:, 3:6], knee), strict=True)):
        expected = Rotation.from_euler(name, angles, degrees=True).as_quat()
        assert quat.angle(clip.rotations[:, joint].astype(float), expected).max() < 1e-6


GOOD = (
    "HIERARCHY\nROOT a\n{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\n"
    "End Site\n{\nOFFSET 0 1 0\n}\n}\n"
    "MOTION\nFrames: 1\nFrame Time: 0.1\n0 0 0\n"
)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "HIERARCHY",
        GOOD.replace("ROOT", "ROTO"),
        GOOD.replace("Frames: 1", "Frames: 2"),
        GOOD.replace("Frames: 1", "Frames: 0").replace("\n0 0 0\n", "\n"),
        GOOD.replace("0.1", "-1"),
        GOOD.replace("\n0 0 0\n", "\n0 nan 0\n"),
        GOOD.replace("\n0 0 0\n", "\n0 zero 0\n"),
        GOOD.replace("}\n}", "}\n}\n}"),
        GOOD.replace("}\n}", "}"),
        GOOD.replace("Frame Time", "Frame"),
        GOOD.replace("Zrotation", "Wrotation"),
    ],
)
def test_what_is_no_bvh_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "broken.bvh"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=r"broken\.bvh"):
        bvh.read(path)


def test_the_smallest_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.bvh"
    path.write_text(GOOD)
    assert bvh.read(path).frames == 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="nowhere"):
        bvh.read(tmp_path / "nowhere.bvh")

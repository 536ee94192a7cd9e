"""Heading and travel taken out of a clip and put back."""

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.motion import quat
from posewire_runtime.motion.root import along, from_heading, heading, in_place, place, root_motion
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.types import Clip, Skeleton

UP = np.array([0.0, 1.0, 0.0])


def circling(frames=60):
    """Runs a circle to the left and a bit more, leaning forward."""
    angle = np.linspace(0.2, 7.5, frames)
    lean = quat.from_axis_angle(np.array([1.0, 0, 0]), 0.3)
    rotations = quat.normalise(
        quat.identity((frames, 22)) + 0.2 * np.random.RandomState(0).standard_normal((22, 4))
    )
    rotations[:, 0] = quat.multiply(from_heading(angle), lean)
    root = np.stack([2 - 2 * np.cos(angle), 0.9 + 0.05 * np.sin(5 * angle), 2 * np.sin(angle)], axis=-1)
    clip = Clip(
        SMPL22, 30.0, rotations.astype(np.float32), root.astype(np.float32), np.zeros((frames, 4), bool)
    )
    return clip, angle


@given(st.floats(-3.1, 3.1), st.floats(-1.4, 1.4))
def test_heading_is_the_turn_about_the_vertical(yaw, lean):
    q = quat.multiply(quat.from_axis_angle(UP, yaw), quat.from_axis_angle(np.array([1.0, 0, 0]), lean))
    assert abs(heading(q) - yaw) < 1e-12
    assert abs(heading(-q) - yaw) < 1e-12


def test_heading_to_the_left_is_positive():
    np.testing.assert_allclose(
        quat.rotate(from_heading(np.array(np.pi / 2)), np.array([0.0, 0, 1])), [1, 0, 0], atol=1e-12
    )


def test_root_motion_follows_the_pelvis():
    clip, angle = circling()
    motion = root_motion(clip)
    np.testing.assert_allclose(motion.headings, angle, atol=1e-5)
    np.testing.assert_array_equal(motion.positions[:, 1], 0)
    np.testing.assert_array_equal(motion.positions[:, [0, 2]], clip.root[:, [0, 2]])


def test_in_place_and_along_are_opposites():
    clip, _ = circling()
    motion = root_motion(clip)
    still = in_place(clip, motion)
    assert np.abs(root_motion(still).headings).max() < 1e-5
    np.testing.assert_array_equal(still.root[:, [0, 2]], 0)
    np.testing.assert_array_equal(still.root[:, 1], clip.root[:, 1])
    back = along(still, motion)
    assert quat.angle(back.rotations, clip.rotations).max() < 1e-5
    np.testing.assert_allclose(back.root, clip.root, atol=1e-6)


@given(st.floats(-3, 3), st.floats(-5, 5), st.floats(-5, 5))
def test_placing_moves_the_clip_as_one_piece(radians, x, z):
    clip, _ = circling()
    placed = place(clip, np.array([x, 0.25, z]), radians)
    start = root_motion(placed)
    np.testing.assert_allclose(start.positions[0], [x, 0, z], atol=1e-5)
    assert abs(heading(from_heading(start.headings[0] - np.float32(radians)))) < 1e-5
    _, before = forward(SMPL22, clip.rotations, clip.root)
    _, after = forward(SMPL22, placed.rotations, placed.root)
    turn = from_heading(np.asarray(radians - root_motion(clip).headings[0], np.float64))
    moved = quat.rotate(turn, before - root_motion(clip).positions[0]) + np.array([x, 0.25, z])
    np.testing.assert_allclose(after, moved, atol=1e-5)


def test_a_pelvis_below_another_bone_is_turned_in_the_world():
    """As in Unreal: a root bone above the pelvis, with axes of its own."""
    clip, angle = circling()
    tilt = quat.from_axis_angle(np.array([1.0, 0, 0]), -np.pi / 2).astype(np.float32)
    rig = Skeleton(
        names=("root", "pelvis"),
        parents=(-1, 0),
        positions=np.array([[0, 0, 0], [0, 1, 0]], np.float32),
        rotations=np.stack([tilt, quat.conjugate(tilt)]),
        pelvis=1,
    )
    rotations = np.stack(
        [np.broadcast_to(tilt, (60, 4)), quat.multiply(quat.conjugate(tilt), clip.rotations[:, 0])], axis=1
    )
    on_rig = replace(clip, skeleton=rig, rotations=rotations)
    np.testing.assert_allclose(root_motion(on_rig).headings, angle, atol=1e-5)
    still = in_place(on_rig, root_motion(on_rig))
    np.testing.assert_array_equal(still.rotations[:, 0], rotations[:, 0])
    assert np.abs(root_motion(still).headings).max() < 1e-5

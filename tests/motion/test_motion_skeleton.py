"""Forward kinematics and mirroring."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.errors import InvalidRequest
from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import (
    SMPL22,
    feet,
    forward,
    global_rotations,
    levels,
    local_from_global,
    mirror,
    mirrored_name,
    rest_offsets,
    rest_rotations,
)
from posewire_runtime.types import Clip, Skeleton

seeds = st.integers(0, 2**32 - 1)


def random_rotations(seed, *shape):
    return quat.normalise(np.random.RandomState(seed).standard_normal((*shape, 4)))


def random_clip(seed, frames=5):
    random = np.random.RandomState(seed)
    return Clip(
        skeleton=SMPL22,
        fps=30.0,
        rotations=quat.normalise(random.standard_normal((frames, 22, 4))).astype(np.float32),
        root=random.uniform(-1, 1, (frames, 3)).astype(np.float32),
        contacts=random.uniform(size=(frames, 4)) > 0.5,
    )


def test_golden(golden):
    for case in golden("kinematics")["cases"]:
        rest = case["skeleton"]
        skeleton = Skeleton(
            names=tuple(rest["names"]),
            parents=tuple(rest["parents"]),
            positions=np.array(rest["positions"]),
            rotations=np.array(rest["rotations"]) if "rotations" in rest else None,
            pelvis=rest["pelvis"],
        )
        turned, positions = forward(skeleton, np.array(case["rotations"]), np.array(case["root"]))
        assert quat.angle(turned, np.array(case["global_rotations"])).max() < 1e-12
        np.testing.assert_allclose(positions, case["positions"], atol=1e-12)


def test_smpl22_is_the_golden_body(golden):
    body = golden("kinematics")["cases"][0]["skeleton"]
    assert list(SMPL22.names) == body["names"]
    assert list(SMPL22.parents) == body["parents"]
    np.testing.assert_array_equal(SMPL22.positions, np.array(body["positions"], np.float32))
    assert SMPL22.sole == body["sole"]
    assert len(SMPL22) == 22


def test_rest_pose_stands_where_it_rests():
    skeleton = Skeleton(
        SMPL22.names, SMPL22.parents, SMPL22.positions, random_rotations(0, 22).astype(np.float32)
    )
    _, positions = forward(skeleton, rest_rotations(skeleton), skeleton.positions[0])
    np.testing.assert_allclose(positions, skeleton.positions, atol=1e-6)


@given(seeds)
def test_local_and_global_rotations_there_and_back(seed):
    rotations = random_rotations(seed, 2, 3, 22)
    turned = global_rotations(SMPL22, rotations)
    assert quat.angle(local_from_global(SMPL22, turned), rotations).max() < 1e-13


@given(seeds)
def test_turning_the_pelvis_turns_the_body(seed):
    turn, *rotations = random_rotations(seed, 23)
    rotations, root = np.array(rotations), np.array([1.0, 2.0, 3.0])
    _, before = forward(SMPL22, rotations, root)
    rotations[0] = quat.multiply(turn, rotations[0])
    _, after = forward(SMPL22, rotations, root)
    np.testing.assert_allclose(after - root, quat.rotate(turn, before - root), atol=1e-6)


def test_a_stack_equals_one_by_one():
    rotations, root = random_rotations(1, 2, 3, 22), np.random.RandomState(1).standard_normal((2, 3, 3))
    turned, positions = forward(SMPL22, rotations, root)
    for place in np.ndindex(2, 3):
        one_turned, one_positions = forward(SMPL22, rotations[place], root[place])
        np.testing.assert_array_equal(turned[place], one_turned)
        np.testing.assert_array_equal(positions[place], one_positions)


def test_precision_is_kept():
    clip = random_clip(0)
    turned, positions = forward(clip.skeleton, clip.rotations, clip.root)
    assert turned.dtype == positions.dtype == np.float32


def test_levels_hold_every_joint_once_and_after_its_parent():
    seen = {0}
    for joints, parents in levels(SMPL22.parents):
        assert set(parents.tolist()) <= seen
        assert not seen & set(joints.tolist())
        seen |= set(joints.tolist())
    assert seen == set(range(22))


def test_what_is_shared_can_not_be_written():
    with pytest.raises(ValueError, match="read-only"):
        rest_offsets(SMPL22)[0] = 0


def test_feet():
    assert feet(SMPL22) == (7, 10, 8, 11)
    with pytest.raises(InvalidRequest, match="L_Ankle") as caught:
        feet(Skeleton(("hips",), (-1,), np.zeros((1, 3), np.float32)))
    assert caught.value.violations[0].field == "skeleton.names"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("L_Hip", "R_Hip"),
        ("thigh_l", "thigh_r"),
        ("LeftUpperArm", "RightUpperArm"),
        ("leftHand", "rightHand"),
        ("mixamorig:LeftToeBase", "mixamorig:RightToeBase"),
        ("upper_arm.L", "upper_arm.R"),
        ("b_L_Hip", "b_L_Hip"),
        ("Pelvis", "Pelvis"),
    ],
)
def test_mirrored_names(left, right):
    assert mirrored_name(left) == right
    assert mirrored_name(right) == left


@given(seeds)
def test_a_mirrored_clip_puts_joints_on_the_other_side(seed):
    clip = random_clip(seed)
    # A body that is the same on both sides, so that the mirror image is one of its poses.
    other = [SMPL22.index(mirrored_name(name)) for name in SMPL22.names]
    even = (SMPL22.positions + SMPL22.positions[other] * np.array([-1, 1, 1])) / 2
    body = Skeleton(SMPL22.names, SMPL22.parents, even.astype(np.float32))
    clip = Clip(body, clip.fps, clip.rotations, clip.root, clip.contacts)
    mirrored = mirror(clip)
    _, before = forward(body, clip.rotations, clip.root)
    _, after = forward(body, mirrored.rotations, mirrored.root)
    np.testing.assert_allclose(after, before[:, other] * [-1, 1, 1], atol=1e-5)
    np.testing.assert_array_equal(mirrored.contacts, clip.contacts[:, [2, 3, 0, 1]])
    again = mirror(mirrored)
    assert quat.angle(again.rotations, clip.rotations).max() < 1e-5
    np.testing.assert_array_equal(again.root, clip.root)


def test_mirror_knows_rest_rotations():
    """A rig with turned bones moves to the same places as one with straight ones."""
    clip = random_clip(3)
    rest = random_rotations(4, 22).astype(np.float32)
    rig = Skeleton(SMPL22.names, SMPL22.parents, SMPL22.positions, rest)
    turned = quat.multiply(global_rotations(SMPL22, clip.rotations), global_rotations(rig, rest))
    on_rig = Clip(rig, 30.0, local_from_global(rig, turned), clip.root, clip.contacts)  # pyright: ignore[reportArgumentType]
    straight, bent = mirror(clip), mirror(on_rig)
    _, expected = forward(SMPL22, straight.rotations, straight.root)
    _, found = forward(rig, bent.rotations, bent.root)
    np.testing.assert_allclose(found, expected, atol=1e-5)

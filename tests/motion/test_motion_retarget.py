"""Retargeting: against the shared vectors, and by what must be true of any character."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.errors import InvalidRequest
from posewire_runtime.motion import quat
from posewire_runtime.motion.retarget import (
    calibration,
    check,
    height_scale,
    retarget,
    retarget_root,
    retarget_rotations,
)
from posewire_runtime.motion.skeleton import SMPL22, forward, rest_rotations
from posewire_runtime.types import Clip, Skeleton, Target

SAME = {name: name for name in SMPL22.names}
seeds = st.integers(0, 2**32 - 1)


def random_rotations(seed, *shape):
    return quat.normalise(np.random.RandomState(seed).standard_normal((*shape, 4)))


def random_clip(seed, frames=4):
    root = np.random.RandomState(seed).uniform(-1, 1, (frames, 3))
    rotations = random_rotations(seed, frames, 22).astype(np.float32)
    return Clip(SMPL22, 30.0, rotations, root.astype(np.float32), np.ones((frames, 4), bool), seed=7)


def skeleton_of(data):
    return Skeleton(
        names=tuple(data["names"]),
        parents=tuple(data["parents"]),
        positions=np.array(data["positions"], float),  # pyright: ignore[reportArgumentType]
        rotations=np.array(data["rotations"], float) if "rotations" in data else None,  # pyright: ignore[reportArgumentType]
        pelvis=data["pelvis"],
        sole=data["sole"],
    )


def rig(**changes):
    return Target(replace(SMPL22, **changes), SAME)


@pytest.mark.parametrize("index", range(4))
def test_golden(golden, index):
    case = golden("retarget")["cases"][index]
    source = skeleton_of(case["source"])
    target = Target(skeleton_of(case["target"]), case["bones"], case["match_limbs"], case["scale_travel"])
    assert check(source, target) == []
    found = retarget_rotations(source, target, np.array(case["rotations"]))
    assert quat.angle(found, np.array(case["target_rotations"])).max() < 1e-12
    np.testing.assert_allclose(
        retarget_root(source, target, np.array(case["root"])), case["target_root"], atol=1e-12
    )


def test_the_worked_example_points_forward_with_the_forearm_up(golden):
    case = golden("retarget")["cases"][0]
    source, skeleton = skeleton_of(case["source"]), skeleton_of(case["target"])
    target = Target(skeleton, case["bones"])
    rotations = retarget_rotations(source, target, np.array(case["rotations"]))
    root = retarget_root(source, target, np.array(case["root"]))
    np.testing.assert_allclose(root, [[1.2933, 0.97, 3.2333]], atol=5e-5)
    _, positions = forward(skeleton, rotations, root)
    upper, lower = np.diff(positions[0, 2:5], axis=0)
    np.testing.assert_allclose(upper, [0, 0, 0.3], atol=1e-12)
    np.testing.assert_allclose(lower, [0, 0.25, 0], atol=1e-12)


@given(seeds)
def test_the_same_body_in_other_axes_goes_to_the_same_places(seed):
    body = replace(SMPL22, positions=SMPL22.positions.astype(float))
    axes = random_rotations(seed, 22)
    target = Target(replace(body, rotations=axes), SAME)
    rotations, root = random_rotations(seed, 4, 22)[1:], np.array([1.0, 2.0, 3.0])
    _, expected = forward(body, rotations, root)
    found_rotations = retarget_rotations(body, target, rotations)
    _, found = forward(target.skeleton, found_rotations, root)
    np.testing.assert_allclose(found, expected, atol=1e-12)


@given(seeds)
def test_a_round_trip_gives_the_clip_back(seed):
    clip = random_clip(seed)
    there = retarget(clip, rig(rotations=random_rotations(seed, 22).astype(np.float32)))
    back = retarget(there, rig())
    assert quat.angle(back.rotations, clip.rotations).max() < 1e-5
    np.testing.assert_allclose(back.root, clip.root, atol=1e-6)


def test_rest_on_the_source_is_the_t_pose_on_the_target():
    """An A-pose's arms come up; with match_limbs off the target rests as it was bound."""
    positions = SMPL22.positions.copy()
    for shoulder, elbow, wrist in ((16, 18, 20), (17, 19, 21)):
        side = 1 if shoulder == 16 else -1
        positions[[elbow, wrist]] = (
            positions[shoulder] + np.array([[side, -1, 0], [2 * side, -2, 0]], np.float32) * 0.2
        )
    target = rig(positions=positions)
    at_rest = np.asarray(rest_rotations(SMPL22), float)
    rotations = retarget_rotations(SMPL22, target, at_rest)
    _, posed = forward(target.skeleton, rotations, positions[0])
    for here, there in ((16, 18), (18, 20), (17, 19), (19, 21)):
        expected = quat.normalise((SMPL22.positions[there] - SMPL22.positions[here]).astype(float))
        np.testing.assert_allclose(quat.normalise(posed[there] - posed[here]), expected, atol=1e-6)
    loose = replace(target, match_limbs=False)
    assert quat.angle(retarget_rotations(SMPL22, loose, at_rest), at_rest).max() < 1e-7
    assert quat.angle(calibration(SMPL22, loose), quat.identity()).max() == 0


def test_calibration_leaves_legs_spine_and_collars_alone():
    positions = SMPL22.positions + np.random.RandomState(0).uniform(-0.05, 0.05, (22, 3)).astype(np.float32)
    turned = quat.angle(calibration(SMPL22, rig(positions=positions)), quat.identity()) > 0
    assert [SMPL22.names[j] for j in np.flatnonzero(turned)] == [
        "L_Shoulder", "R_Shoulder", "L_Elbow", "R_Elbow", "L_Wrist", "R_Wrist",
    ]  # fmt: skip


def test_unmapped_bones_keep_their_rest():
    """A ground root above, a twist bone beside, a bone in between, and a joint nobody plays."""
    names = ["ground", *SMPL22.names, "twist"]
    parents = [-1, *(parent + 1 for parent in SMPL22.parents), 17]
    rotations = random_rotations(3, 24).astype(np.float32)
    positions = np.vstack([np.zeros((1, 3)), SMPL22.positions, SMPL22.positions[16:17]]).astype(np.float32)
    positions[:, 1] += 1.161
    skeleton = Skeleton(tuple(names), tuple(parents), positions, rotations)
    bones = {name: name for name in SMPL22.names if name not in ("Spine2", "Head")}
    clip = random_clip(5)
    out = retarget(clip, Target(skeleton, bones))
    assert out.skeleton.names[out.skeleton.pelvis] == "Pelvis"
    for bone in ("ground", "twist", "Spine2", "Head"):
        index = skeleton.index(bone)
        np.testing.assert_allclose(out.rotations[:, index], np.tile(rotations[index], (4, 1)), atol=1e-6)
    # The others stand in the world as if nobody were missing.
    whole = retarget(clip, Target(skeleton, SAME))
    there, _ = forward(out.skeleton, out.rotations, out.root)
    expected, _ = forward(whole.skeleton, whole.rotations, whole.root)
    played = [skeleton.index(bone) for bone in bones]
    assert quat.angle(there[:, played], expected[:, played]).max() < 1e-5


@pytest.mark.parametrize(("scale_travel", "expected"), [(True, [2.4, 1.8, 6.0]), (False, [1.2, 1.8, 3.0])])
def test_travel_scales_with_the_height_of_the_hips(scale_travel, expected):
    target = replace(rig(positions=SMPL22.positions * 2, sole=SMPL22.sole * 2), scale_travel=scale_travel)
    assert height_scale(SMPL22, target) == pytest.approx(2)
    np.testing.assert_allclose(retarget_root(SMPL22, target, np.array([1.2, 0.9, 3.0])), expected, rtol=1e-6)


def test_what_is_not_pose_stays():
    clip = random_clip(0)
    out = retarget(clip, rig())
    assert (out.seed, out.fps) == (7, 30.0)
    assert out.contacts is clip.contacts
    assert out.rotations.dtype == out.root.dtype == np.float32


def test_a_stack_equals_one_by_one():
    target = rig(rotations=random_rotations(8, 22).astype(np.float32))
    rotations = random_rotations(9, 2, 3, 22)
    whole = retarget_rotations(SMPL22, target, rotations)
    for place in np.ndindex(2, 3):
        np.testing.assert_array_equal(whole[place], retarget_rotations(SMPL22, target, rotations[place]))


def positions_with(index, value):
    positions = SMPL22.positions.copy()
    positions[index] = value
    return positions


@pytest.mark.parametrize(
    ("target", "field", "message"),
    [
        (rig(parents=(-1, 2, 1, *SMPL22.parents[3:])), "target.joints[1].parent", "found 2"),
        (rig(parents=(-1, 1, *SMPL22.parents[2:])), "target.joints[1].parent", "found 1"),
        (rig(parents=(-2, *SMPL22.parents[1:])), "target.joints[0].parent", "found -2"),
        (rig(names=("Pelvis", "Pelvis", *SMPL22.names[2:])), "target.joints[1].name", "'Pelvis' again"),
        (rig(positions=positions_with((4, 1), np.nan)), "target.joints[4].position", "finite"),
        (rig(rotations=np.zeros((22, 4), np.float32)), "target.joints[0].rotation", "unit quaternion"),
        (rig(names=(), parents=()), "target.joints", "found none"),
        (rig(sole=0.0), "target.joints[0].position", "above the floor"),
        (Target(SMPL22, {"L_Hip": "L_Hip"}), "target.bones", "at least a bone for Pelvis"),
        (
            Target(SMPL22, {"Pelvis": "Pelvis", "Tail": "L_Hip"}),
            "target.bones['Tail']",
            "a joint of the model",
        ),
        (Target(SMPL22, SAME | {"L_Hip": "Leg"}), "target.bones['L_Hip']", "'Leg'"),
        (Target(SMPL22, SAME | {"L_Hip": "R_Hip"}), "target.bones['R_Hip']", "L_Hip already"),
    ],
)
def test_targets_that_can_not_be(target, field, message):
    with pytest.raises(InvalidRequest) as caught:
        retarget(random_clip(0), target)
    found = {violation.field: violation.message for violation in caught.value.violations}
    assert message in found[field]

"""Ingest, features and stitching, on made-up motion."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_export.train import features, ingest
from posewire_export.train.ingest import Motion
from posewire_export.train.rest import REST
from posewire_export.train.stitch import fits, stitch
from posewire_runtime import formats
from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion import quat, skeleton
from posewire_runtime.types import Clip, Skeleton

seeds = st.integers(0, 10_000)


def wander(seed: int, frames: int = 40, size: float = 0.5) -> Motion:
    """Smooth random motion on our skeleton."""
    chance = np.random.default_rng(seed)
    phase, speed = chance.uniform(0, 6, (2, 22, 3))
    turns = size * np.sin(phase + 0.05 * speed * np.arange(frames)[:, None, None])
    path = np.cumsum(chance.normal(0, 0.01, (frames, 3)), 0) + np.array([0, 0.95, 0])
    rotations = quat.from_rotation_vector(turns).astype(np.float32)
    return Motion(quat.continuous(rotations), path.astype(np.float32))


@given(seeds)
def test_features_round_trip(seed: int) -> None:
    motion = wander(seed)
    back = features.decode(features.encode(motion))
    assert quat.angle(back.rotations, motion.rotations).max() < 2e-3
    np.testing.assert_allclose(back.root, motion.root, atol=1e-6)


def test_feature_layout() -> None:
    motion = wander(1)
    numbers = features.encode(motion)
    _, positions = skeleton.forward(REST, motion.rotations, motion.root)
    assert numbers.shape == (40, 201)
    np.testing.assert_array_equal(numbers[:, :3], motion.root)
    np.testing.assert_allclose(
        numbers[:, 135:].reshape(40, 22, 3) + numbers[:, None, :3], positions, atol=1e-6
    )
    matrix = quat.to_matrix(motion.rotations[:, 4])
    np.testing.assert_allclose(numbers[:, 27:33].reshape(40, 3, 2), matrix[..., :2], atol=1e-6)


@given(seeds)
def test_mirror_is_that_of_the_skeleton(seed: int) -> None:
    motion = wander(seed)
    clip = Clip(REST, 30, motion.rotations, motion.root, np.zeros((40, 4), np.bool_))
    other = skeleton.mirror(clip)
    expected = features.encode(Motion(other.rotations, other.root))
    np.testing.assert_allclose(features.mirror(features.encode(motion)), expected, atol=1e-5)


@given(seeds, st.integers(2, 90))
def test_stretch_keeps_the_ends(seed: int, frames: int) -> None:
    numbers = features.encode(wander(seed))
    stretched = features.stretch(numbers, frames)
    assert stretched.shape == (frames, 201)
    np.testing.assert_allclose(stretched[[0, -1]], numbers[[0, -1]], atol=1e-6)


def test_normaliser_undoes_itself() -> None:
    clips = [features.encode(wander(seed)) for seed in range(4)]
    normaliser = features.measure(clips)
    np.testing.assert_allclose(normaliser.undo(normaliser.apply(clips[0])), clips[0], atol=1e-5)
    assert normaliser.std.min() >= 0.01


@given(seeds, st.floats(-3, 3))
def test_facing_forward(seed: int, angle: float) -> None:
    motion = ingest.turn(wander(seed, size=0.3), angle, np.array([3.0, 0, -2]))
    forward = ingest.face_forward(motion)
    assert ingest.heading(forward) == pytest.approx(0, abs=1e-3)
    np.testing.assert_allclose(forward.root[0, [0, 2]], 0, atol=1e-5)
    np.testing.assert_allclose(forward.root[:, 1], motion.root[:, 1], atol=1e-5)


def test_ground_puts_the_lowest_step_on_the_floor() -> None:
    still = np.broadcast_to(quat.identity((22,), np.float32), (10, 22, 4))
    motion = ingest.ground(Motion(still, np.full((10, 3), 2.0, np.float32)))
    np.testing.assert_allclose(motion.root[:, 1], -REST.sole, atol=1e-5)


@given(seeds)
def test_retarget_to_ourselves_changes_nothing(seed: int) -> None:
    motion = ingest.face_forward(ingest.ground(wander(seed)))
    clip = Clip(REST, 30, motion.rotations, motion.root, np.zeros((40, 4), np.bool_))
    again = ingest.retarget(clip, {name: name for name in REST.names})
    assert quat.angle(again.rotations, motion.rotations).max() < 2e-3
    np.testing.assert_allclose(again.root, motion.root, atol=1e-4)


def without(clip: Clip, *missing: str) -> Clip:
    """The same clip on a skeleton that lacks some joints, their turns given to their children."""
    keep = [i for i, name in enumerate(REST.names) if name not in missing]
    turned = skeleton.global_rotations(REST, clip.rotations)[:, keep]
    place = {old: new for new, old in enumerate(keep)}

    def parent(joint: int) -> int:
        above = REST.parents[joint]
        while above >= 0 and above not in place:
            above = REST.parents[above]
        return place.get(above, -1)

    names = tuple(REST.names[i] for i in keep)
    rig = Skeleton(names, tuple(parent(i) for i in keep), REST.positions[keep], sole=REST.sole)
    return Clip(rig, 30, skeleton.local_from_global(rig, turned), clip.root, clip.contacts)


@pytest.mark.parametrize(
    "missing", [("Spine2",), ("Spine1", "Spine2", "Head"), ("Neck", "L_Collar", "R_Collar"), ("L_Foot",)]
)
def test_absent_joints_leave_the_others_alone(missing: tuple[str, ...]) -> None:
    motion = ingest.face_forward(ingest.ground(wander(3)))
    clip = without(Clip(REST, 30, motion.rotations, motion.root, np.zeros((40, 4), np.bool_)), *missing)
    again = ingest.retarget(clip, {name: name for name in clip.skeleton.names})
    mine = skeleton.global_rotations(REST, motion.rotations)
    theirs = skeleton.global_rotations(REST, again.rotations)
    # The heading is measured at the shoulders, which an absent collar moves: compare without it.
    turn = quat.multiply(mine[:, :1], quat.conjugate(theirs[:, :1]))
    kept = [i for i, name in enumerate(REST.names) if name not in missing]
    assert quat.angle(quat.multiply(turn, theirs)[:, kept], mine[:, kept]).max() < 2e-3


def test_an_incomplete_rig_is_refused() -> None:
    motion = wander(0)
    clip = Clip(REST, 30, motion.rotations, motion.root, np.zeros((40, 4), np.bool_))
    names = {name: name for name in REST.names if name != "L_Knee"}
    with pytest.raises(InvalidFile, match="none found for L_Knee"):
        ingest.retarget(clip, names)


@given(seeds, seeds)
def test_stitching_goes_on_where_the_first_ends(one: int, two: int) -> None:
    first, second = wander(one), ingest.face_forward(wander(two, 60))
    joined = stitch(first, second)
    assert len(joined) == 99
    np.testing.assert_array_equal(joined.root[:40], first.root)
    step = np.linalg.norm(np.diff(joined.root, axis=0), axis=1)
    assert step[39] < 0.15
    assert ingest.heading(joined, 39) == pytest.approx(ingest.heading(first, 39), abs=1e-3)
    assert quat.angle(joined.rotations[39], joined.rotations[40]).max() < 0.35


def test_only_like_poses_fit() -> None:
    standing, lying = wander(0, size=0.1), wander(0, size=0.1)
    lying = Motion(lying.rotations, lying.root - np.array([0, 0.7, 0], np.float32))
    assert fits(standing, standing)
    assert not fits(standing, lying)


def test_bvh_of_a_mixamo_like_rig(tmp_path: Path) -> None:
    file = tmp_path / "clip.bvh"
    file.write_text(_bvh(frames=4))
    motion = ingest.read_motion(file)
    assert len(motion) == 4
    assert motion.root[-1, 2] == pytest.approx(0.84 / 0.8 * 0.3, rel=1e-4)
    left_thigh = quat.to_rotation_vector(motion.rotations[-1, 1])
    np.testing.assert_allclose(left_thigh, np.radians([-30, 0, 0]), atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_glb_of_ourselves_comes_back(seed: int, tmp_path: Path) -> None:
    motion = ingest.face_forward(ingest.ground(wander(seed)))
    clip = Clip(REST, 30, motion.rotations, motion.root, np.zeros((40, 4), np.bool_))
    formats.write(tmp_path / "clip.glb", clip)
    again = ingest.read_motion(tmp_path / "clip.glb")
    assert quat.angle(again.rotations, motion.rotations).max() < 3e-3
    np.testing.assert_allclose(again.root, motion.root, atol=2e-3)


def test_hanging_arms_are_raised_first() -> None:
    """An A-pose rig that stands in its rest pose shows hanging arms on our skeleton."""
    positions = REST.positions.astype(np.float64).copy()
    for side, sign in (("L", 1), ("R", -1)):
        for joint, reach in (("Elbow", 0.275), ("Wrist", 0.525)):
            shoulder = positions[REST.index(f"{side}_Shoulder")]
            down = np.array([sign * np.cos(0.9), -np.sin(0.9), 0]) * reach
            positions[REST.index(f"{side}_{joint}")] = shoulder + down
    rig = replace(REST, positions=positions.astype(np.float32))
    still = np.broadcast_to(quat.identity((22,), np.float32), (5, 22, 4))
    clip = Clip(rig, 30, still, np.zeros((5, 3), np.float32), np.zeros((5, 4), np.bool_))
    motion = ingest.retarget(clip, {name: name for name in REST.names})
    _, posed = skeleton.forward(REST, motion.rotations, motion.root)
    arm = posed[0, REST.index("L_Elbow")] - posed[0, REST.index("L_Shoulder")]
    np.testing.assert_allclose(arm / np.linalg.norm(arm), [np.cos(0.9), -np.sin(0.9), 0], atol=1e-4)


def test_what_is_no_glb_is_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.glb").write_bytes(b"BVH in disguise, really")
    with pytest.raises(InvalidFile, match="to be a GLB"):
        ingest.read_motion(tmp_path / "clip.glb")


def _bvh(frames: int) -> str:
    """A stick figure of 0.8 m legs that walks along +Z at 0.1 m a frame with a leg raised by 30 degrees."""
    spine = "JOINT Spine { OFFSET 0 0.2 0 CH JOINT Spine2 { OFFSET 0 0.2 0 CH ARMS } }"
    arms = " ".join(
        f"JOINT {side}Arm {{ OFFSET {sign * 0.2} 0.1 0 CH JOINT {side}ForeArm {{ OFFSET {sign * 0.3} 0 0 CH "
        f"JOINT {side}Hand {{ OFFSET {sign * 0.2} 0 0 CH End Site {{ OFFSET 0 0 0 }} }} }} }}"
        for side, sign in (("Left", 1), ("Right", -1))
    )
    legs = " ".join(
        f"JOINT {side}UpLeg {{ OFFSET {sign * 0.1} 0 0 CH JOINT {side}Leg {{ OFFSET 0 -0.4 0 CH "
        f"JOINT {side}Foot {{ OFFSET 0 -0.4 0 CH End Site {{ OFFSET 0 0 0.1 }} }} }} }}"
        for side, sign in (("Left", 1), ("Right", -1))
    )
    root = "Xposition Yposition Zposition Zrotation Xrotation Yrotation"
    text = f"HIERARCHY ROOT Hips {{ OFFSET 0 0 0 CHANNELS 6 {root} {spine.replace('ARMS', arms)} {legs} }}"
    text = text.replace("CH ", "CHANNELS 3 Zrotation Xrotation Yrotation ")
    for word in ("{", "}", "ROOT", "JOINT", "End", "OFFSET", "CHANNELS"):
        text = text.replace(f"{word} ", f"\n{word} ")
    text = text.replace("{ ", "{\n").replace("} ", "}\n")
    channels = 6 + 3 * text.count("JOINT")
    thigh = 6 + 3 * 8 + 1  # Spine, Spine2 and three joints of each arm stand before it
    rows = []
    for frame in range(frames):
        row = [0.0] * channels
        row[1], row[2], row[thigh] = 0.9, 0.1 * frame, -30.0
        rows.append(" ".join(map(str, row)))
    return text + f"\nMOTION\nFrames: {frames}\nFrame Time: 0.0333333\n" + "\n".join(rows) + "\n"

"""Coordinates of other programs: against the shared vectors, and by the laws that make them usable."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.motion import quat
from posewire_runtime.motion.coords import (
    FRAMES,
    positions_from,
    positions_to,
    rotations_from,
    rotations_to,
    skeleton_from,
)
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.types import Skeleton

PROGRAMS = [name for name in FRAMES if name != "canonical"]
each_program = pytest.mark.parametrize("program", PROGRAMS)
seeds = st.integers(0, 2**32 - 1)


def random_rotations(seed, *shape):
    return quat.normalise(np.random.RandomState(seed).standard_normal((*shape, 4)))


@each_program
def test_golden(program, golden):
    case, frame = golden("conversions"), FRAMES[program]
    ours = {key: np.array(values) for key, values in case["canonical"].items()}
    theirs = {key: np.array(values) for key, values in case[program].items()}
    np.testing.assert_allclose(positions_to(frame, ours["positions"]), theirs["positions"], atol=1e-12)
    np.testing.assert_allclose(rotations_to(frame, ours["rotations"]), theirs["rotations"], atol=1e-12)
    np.testing.assert_allclose(positions_from(frame, theirs["positions"]), ours["positions"], atol=1e-12)
    np.testing.assert_allclose(rotations_from(frame, theirs["rotations"]), ours["rotations"], atol=1e-12)


@each_program
@given(seed=seeds)
def test_there_and_back_is_exact(program, seed):
    frame = FRAMES[program]
    q = random_rotations(seed, 5)
    np.testing.assert_array_equal(rotations_from(frame, rotations_to(frame, q)), q)
    np.testing.assert_allclose(positions_from(frame, positions_to(frame, q[:, :3])), q[:, :3], rtol=1e-15)


@each_program
@given(seed=seeds)
def test_conversion_commutes_with_products_and_turns(program, seed):
    frame, (a, b) = FRAMES[program], random_rotations(seed, 2, 5)
    np.testing.assert_allclose(
        rotations_to(frame, quat.multiply(a, b)),
        quat.multiply(rotations_to(frame, a), rotations_to(frame, b)),
        atol=1e-15,
    )
    np.testing.assert_allclose(
        positions_to(frame, quat.rotate(a, b[:, :3])),
        quat.rotate(rotations_to(frame, a), positions_to(frame, b[:, :3])),
        atol=1e-13,
    )


@each_program
@given(seed=seeds)
def test_conversion_commutes_with_forward_kinematics(program, seed):
    frame = FRAMES[program]
    rest, pose = random_rotations(seed, 2, 22)
    ours = Skeleton(SMPL22.names, SMPL22.parents, SMPL22.positions.astype(np.float64), rest)  # pyright: ignore[reportArgumentType]
    theirs = Skeleton(
        ours.names, ours.parents, positions_to(frame, ours.positions), rotations_to(frame, rest)
    )  # pyright: ignore[reportArgumentType]
    root = np.array([1.0, 2.0, 3.0])
    turned, positions = forward(ours, pose, root)
    there_turned, there = forward(theirs, rotations_to(frame, pose), positions_to(frame, root))
    np.testing.assert_allclose(there, positions_to(frame, positions), atol=1e-12)
    np.testing.assert_allclose(there_turned, rotations_to(frame, turned), atol=1e-14)


def test_facts_that_people_know():
    """The pelvis example in Unreal's centimetres, and which way a left turn goes."""
    unreal, actor = FRAMES["unreal_component"], FRAMES["unreal_actor"]
    pelvis = np.array([1.2933, 0.97, 3.2333])
    np.testing.assert_allclose(positions_to(unreal, pelvis), [129.33, 323.33, 97.00])
    left_turn = quat.from_axis_angle(np.array([0.0, 1.0, 0.0]), np.pi / 6)
    for program, axis, way in (
        ("unity", 1, -1),
        ("unreal_component", 2, -1),
        ("blender", 2, 1),
        ("gltf", 1, 1),
    ):
        expected = quat.from_axis_angle(np.eye(3)[axis], way * np.pi / 6)
        np.testing.assert_allclose(rotations_to(FRAMES[program], left_turn), expected, atol=1e-15)
    # An actor's space is a component's, turned by -90 degrees about Z (left-handed).
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        quat.rotate(np.array([0, 0, -half, half]), positions_to(unreal, pelvis)), positions_to(actor, pelvis)
    )


def test_a_skeleton_from_unreal():
    unreal = FRAMES["unreal_component"]
    theirs = Skeleton(
        names=("pelvis", "thigh_l"),
        parents=(-1, 0),
        positions=np.array([[0, 0, 97], [9, 0, 92]], np.float32),
        rotations=np.array([[0, 0, 0, 1], [0, 0, 1, 0]], np.float32),
        sole=2.0,
    )
    ours = skeleton_from(unreal, theirs)
    np.testing.assert_allclose(ours.positions, [[0, 0.97, 0], [0.09, 0.92, 0]], rtol=1e-6)
    np.testing.assert_array_equal(ours.rotations, np.array([[0, 0, 0, 1], [0, -1, 0, 0]], np.float32))
    assert ours.sole == 0.02
    assert ours.positions.dtype == np.float32

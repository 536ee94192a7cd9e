"""Foot contacts and the floor, on feet that do what the test says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis.extra import numpy as hnp

from posewire_runtime.motion import quat
from posewire_runtime.motion.contacts import MIN_FRAMES, foot_contacts, ground
from posewire_runtime.motion.skeleton import SMPL22, feet, forward
from posewire_runtime.types import CONTACT_NAMES

FPS = 30.0
FEET = list(feet(SMPL22))
REST = SMPL22.positions - np.array([0, SMPL22.sole, 0], np.float32)  # standing on y = 0


def standing(frames):
    return np.broadcast_to(REST, (frames, 22, 3)).copy()


def raised(frames, height):
    return standing(frames) + np.array([0, height, 0])


def test_who_stands_touches_with_everything():
    assert foot_contacts(SMPL22, standing(10), FPS).all()


def test_who_floats_touches_with_nothing():
    assert not foot_contacts(SMPL22, raised(10, 0.2), FPS).any()
    assert foot_contacts(SMPL22, raised(10, 0.2), FPS, floor=0.2).all()


def test_who_slides_touches_with_nothing():
    slide = np.arange(10)[:, None, None] * np.array([0, 0, 1.0]) / FPS  # a metre a second
    assert not foot_contacts(SMPL22, standing(10) + slide, FPS).any()


@pytest.mark.parametrize("which", range(4))
def test_each_contact_is_its_own_joint(which):
    positions = standing(10)
    positions[:, FEET[which], 1] += 0.3
    expected = [name != CONTACT_NAMES[which] for name in CONTACT_NAMES]
    assert (foot_contacts(SMPL22, positions, FPS) == expected).all()
    assert "L_R_"[2 * (which // 2)] == SMPL22.names[FEET[which]][0]


def test_a_step_comes_between_two_contacts():
    positions = standing(30)
    lift = np.zeros(30)
    lift[10:20] = 0.15 * np.sin(np.linspace(0, np.pi, 10))
    positions[:, FEET[:2], 1] += lift[:, None]
    contacts = foot_contacts(SMPL22, positions, FPS)
    assert contacts[:, 2:].all()
    assert contacts[:9, :2].all()
    assert not contacts[12:18, :2].any()
    assert contacts[21:, :2].all()


def test_a_wobble_between_the_thresholds_does_not_break_a_contact():
    positions = standing(20)
    positions[8:12, FEET, 1] += 0.025
    assert foot_contacts(SMPL22, positions, FPS).all()
    # Staying there without ever being sure is no contact.
    assert not foot_contacts(SMPL22, raised(20, 0.025), FPS).any()


@given(hnp.arrays(np.bool_, 25))
def test_no_contact_is_shorter_than_the_least(up):
    positions = standing(25)
    positions[up, FEET[0], 1] += 0.5
    contacts = foot_contacts(SMPL22, positions, FPS)[:, 0]
    edges = np.flatnonzero(np.diff(np.pad(contacts, 1).astype(int)))
    assert all(end - start >= MIN_FRAMES for start, end in zip(edges[::2], edges[1::2], strict=True))
    assert not (contacts & up).any()


def test_a_stack_equals_one_by_one():
    random = np.random.RandomState(0)
    rotations = quat.slerp(
        quat.identity((40, 3, 22)),
        quat.normalise(random.standard_normal((3, 22, 4))),
        np.full((40, 3, 22), 0.02),
    )
    root = REST[0] + 0.008 * random.standard_normal((40, 3, 3)).cumsum(0)
    _, positions = forward(SMPL22, rotations, root)
    contacts, grounded = foot_contacts(SMPL22, positions, FPS), ground(SMPL22, root, positions)
    assert contacts.any()
    assert not contacts.all()
    for one in range(3):
        np.testing.assert_array_equal(contacts[:, one], foot_contacts(SMPL22, positions[:, one], FPS))
        np.testing.assert_array_equal(grounded[:, one], ground(SMPL22, root[:, one], positions[:, one]))


def test_clips_too_short_for_a_contact_have_none():
    assert foot_contacts(SMPL22, standing(1), FPS).tolist() == [[False] * 4]
    assert not foot_contacts(SMPL22, standing(2), FPS).any()


def test_grounding_puts_the_lowest_foot_on_the_floor():
    lift = np.array([0.5, 0.2, 0.9])
    positions = standing(3) + lift[:, None, None] * [0, 1, 0]
    root = positions[:, 0]
    grounded = ground(SMPL22, root, positions)
    np.testing.assert_allclose(grounded[:, 1] - REST[0, 1], lift - 0.2, atol=1e-6)
    np.testing.assert_array_equal(grounded[:, [0, 2]], root[:, [0, 2]])

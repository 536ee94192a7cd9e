"""One motion turns into another: what may not jump, and where the body goes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_runtime import puppet
from posewire_runtime.motion.carry import SECONDS, carry_on
from posewire_runtime.motion.root import place, root_motion
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.motion.tape import Tape
from posewire_runtime.motion.trim import cut
from posewire_runtime.types import Clip

FPS = 30.0
SPAN = round(SECONDS * FPS)
PROMPTS = ("walks", "runs", "stands", "waves with both hands", "turns around")


def clip(prompt: str, frames: int = 150, seed: int = 1) -> Clip:
    return puppet.perform(f"a person {prompt}", frames, FPS, seed)


def joints(made: Clip) -> np.ndarray:
    return forward(made.skeleton, made.rotations.astype(np.float64), made.root.astype(np.float64))[1]


def jump(points: np.ndarray, order: int) -> np.ndarray:
    return np.linalg.norm(np.diff(points, order, axis=0), axis=-1).max(-1)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(PROMPTS), st.sampled_from(PROMPTS), st.integers(30, 100), st.integers(1, 60))
def test_nothing_jumps(old: str, new: str, at: int, begins: int):
    before, after = clip(old), clip(new, seed=2)
    made = carry_on(before, after, at, begins)
    assert made.frames == after.frames - begins
    shown = np.concatenate([joints(cut(before, 0, at)), joints(made)])
    for order in (1, 2, 3):
        inside = max(jump(joints(one), order).max() for one in (before, after))
        seam = jump(shown, order)[at - 4 : at + 2].max()
        assert seam <= 1.5 * inside, order


def test_speed_and_acceleration_go_on_at_first():
    before, after = clip("runs"), clip("stands")
    made = carry_on(before, after, 60, 10)
    goes_on = joints(before)[60:62]
    np.testing.assert_allclose(joints(made)[:2], goes_on, atol=0.02)


def test_a_motion_that_goes_on_as_it_is_stays_as_it_is():
    before = clip("walks")
    made = carry_on(before, before, 60, 60)
    np.testing.assert_allclose(made.root, before.root[60:], atol=1e-4)
    np.testing.assert_allclose(joints(made), joints(before)[60:], atol=1e-3)


def test_it_begins_where_the_old_one_is_and_faces_where_that_faces():
    before = place(clip("walks"), np.array([5.0, 0.0, -3.0], np.float32), 2.0)
    after = clip("walks", seed=1)
    made = carry_on(before, after, 60, 60)
    path = root_motion(made)
    assert path.headings[SPAN] == pytest.approx(root_motion(before).headings[60 + SPAN], abs=0.1)
    np.testing.assert_allclose(path.positions[SPAN], root_motion(before).positions[60 + SPAN], atol=0.1)


def test_nobody_is_drawn_back():
    """A runner who comes to stand goes forward all the time."""
    made = carry_on(clip("runs"), clip("stands"), 75, 30)
    ahead = np.diff(made.root[:, 2])
    assert ahead[: SPAN // 2].min() > 0
    assert ahead.min() > -0.01


def test_an_old_motion_that_ends_comes_to_rest():
    before, after = cut(clip("runs"), 0, 60), clip("stands")
    made = carry_on(before, after, 60, 10)
    shown = np.concatenate([joints(before), joints(made)])
    assert jump(shown, 1)[56:64].max() <= 1.1 * jump(joints(before), 1).max()


def test_half_turns_are_not_told_the_other_way_round():
    """Arms that go on while they are nearly opposite must not switch sides."""
    before, after = clip("waves with both hands"), clip("stands")
    shown = joints(carry_on(before, after, 70, 30))
    assert jump(shown, 1).max() <= 1.5 * jump(joints(before), 1).max()


def test_a_tape_keeps_what_is_needed():
    tape = Tape()
    assert tape.end == 0
    tape.splice(0, clip("walks"), 0)
    assert (tape.first, tape.end) == (0, 150)
    tape.forget(40)
    assert (tape.first, tape.end) == (40, 150)
    np.testing.assert_array_equal(tape.part(50, 52).root, clip("walks").root[50:52])
    tape.splice(100, clip("runs"), 20)
    assert tape.end == 100 + 130
    np.testing.assert_array_equal(tape.part(99, 100).root, clip("walks").root[99:100])
    tape.forget(30)
    assert tape.first == 40


def test_a_tape_can_be_read_between_frames():
    tape, walk = Tape(), clip("walks")
    tape.splice(0, walk, 0)
    np.testing.assert_array_equal(tape.at(np.array([3.0, 4.0])).root, walk.root[3:5])
    halfway = tape.at(np.array([60.5])).root[0]
    np.testing.assert_allclose(halfway, walk.root[60:62].mean(0), atol=2e-3)
    assert tape.at(np.array([149.0])).frames == 1

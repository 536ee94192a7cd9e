"""Pace and target: smooth, and where they lead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from posewire_runtime import puppet
from posewire_runtime.motion.root import root_motion
from posewire_runtime.motion.tape import Tape
from posewire_runtime.motion.walk import Goal, Walk
from posewire_runtime.types import Clip

FPS = 30.0


@pytest.fixture
def tape() -> Tape:
    made = Tape()
    made.splice(0, puppet.perform("a person walks", 900, FPS, 1), 0)
    return made


def go(walk: Walk, tape: Tape, frames: int) -> list[Clip]:
    """So many frames, eight at a time."""
    made: list[Clip] = []
    while sum(clip.frames for clip in made) < frames:
        points = walk.points(8, tape.end)
        if not len(points):
            break
        made.append(walk.go(tape, points))
    return made


def roots(clips: list[Clip]) -> np.ndarray:
    return np.concatenate([clip.root for clip in clips])


def test_it_shows_the_tape_as_it_is(tape: Tape):
    clips = go(Walk(FPS), tape, 80)
    np.testing.assert_allclose(roots(clips), tape.part(0, 80).root, atol=1e-6)


def test_it_begins_where_it_was_put(tape: Tape):
    made = go(Walk(FPS, (3.0, -2.0), math.pi / 2), tape, 160)
    root = roots(made)
    np.testing.assert_allclose(root[0, [0, 2]], (3.0, -2.0), atol=0.1)
    assert root[-1, 0] - root[0, 0] > 2, "a quarter turn to the left leads along +X"
    assert abs(root[-1, 2] - root[0, 2]) < 0.3


def test_the_pace_changes_smoothly_and_covers_as_much_more(tape: Tape):
    usual = roots(go(Walk(FPS), tape, 240))
    walk = Walk(FPS)
    walk.wanted = 1.5
    fast = roots(go(walk, tape, 240))
    speed = np.diff(fast[:, 2])
    assert np.abs(np.diff(speed)).max() < 2.5 * np.abs(np.diff(np.diff(usual[:, 2]))).max()
    assert speed[120:200].mean() == pytest.approx(1.5 * np.diff(usual[:, 2])[120:200].mean(), rel=0.1)
    walk.wanted = 1.0
    go(walk, tape, 60)
    assert walk.rate == 1.0


@pytest.mark.parametrize("place", [(4.0, 4.0), (-5.0, 3.0), (0.0, -6.0)])
def test_it_comes_to_its_goal(tape: Tape, place: tuple[float, float]):
    walk = Walk(FPS)
    walk.goal = Goal(place)
    clips = []
    while walk.goal is not None:
        points = walk.points(8, tape.end)
        assert len(points), "the tape ended before the goal was reached"
        clips.append(walk.go(tape, points))
    end = clips[-1].root[-1, [0, 2]]
    assert np.linalg.norm(end - place) < 1.0
    turning = np.diff(root_motion(clips[-1]).headings)
    assert np.abs(turning).max() * FPS < 4


def test_who_stands_turns_to_face(tape: Tape):
    still = Tape()
    still.splice(0, puppet.perform("a person stands", 300, FPS, 1), 0)
    walk = Walk(FPS)
    walk.goal = Goal(heading=math.pi / 2)
    clips = go(walk, still, 150)
    assert walk.goal is None
    assert root_motion(clips[-1]).headings[-1] == pytest.approx(math.pi / 2, abs=0.1)
    assert np.linalg.norm(clips[-1].root[-1, [0, 2]] - clips[0].root[0, [0, 2]]) < 0.1


def test_turning_begins_gently(tape: Tape):
    walk = Walk(FPS)
    go(walk, tape, 80)
    walk.goal = Goal((-9.0, 0.0))
    headings = np.unwrap(np.concatenate([root_motion(clip).headings for clip in go(walk, tape, 80)]))
    plain = np.unwrap(root_motion(tape.part(80, 160)).headings)
    spin = np.diff(headings - plain) * FPS
    assert np.abs(np.diff(spin)).max() < 0.3
    assert np.abs(spin).max() <= 2.6

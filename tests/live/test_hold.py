"""Known frames: held while a flow is sampled, and found again by the puppet."""

from __future__ import annotations

import numpy as np

from posewire_runtime import puppet
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.motion.root import place
from posewire_runtime.motion.trim import cut
from posewire_runtime.sampling.hold import Hold, shares
from posewire_runtime.types import Clip, Request

KNOWN = 15


def known() -> Clip:
    walk = cut(puppet.perform("a person walks", 90, 30.0, 1), 40, 40 + KNOWN)
    return place(walk, np.zeros(3, np.float32), 0.0)


def test_held_frames_go_the_straight_way_and_arrive():
    draw = np.random.default_rng(1)
    noise, aim = draw.normal(size=(20, 3)).astype(np.float32), draw.normal(size=(8, 3)).astype(np.float32)
    hold = Hold.of(noise, aim)
    firm = int((shares(8) == 1).sum())
    assert 0 < firm < 8
    stray = draw.normal(size=(20, 3)).astype(np.float32)
    for time in (0.0, 0.25, 1.0):
        put = hold.put(stray, time)
        np.testing.assert_allclose(put[:firm], (noise[:firm] * (1 - time) + aim[:firm] * time), atol=1e-6)
        np.testing.assert_array_equal(put[8:], stray[8:])
        way = noise[firm:8] * (1 - time) + aim[firm:8] * time
        assert (np.abs(put[firm:8] - way) <= np.abs(stray[firm:8] - way) + 1e-6).all()
    assert hold.share[-1] < hold.share[firm - 1]


def test_shares_fall_and_never_vanish():
    for count in (1, 2, 3, 15):
        found = shares(count)[:, 0]
        assert len(found) == count
        assert (np.diff(found) <= 0).all()
        assert found.min() > 0


def test_the_puppet_enters_where_it_fits():
    walk = puppet.perform("a person walks", 200, 30.0, 3)
    before = place(cut(walk, 70, 85), np.zeros(3, np.float32), 0.0)
    made = puppet.go_on(before, "a person walks", 90, 3)
    assert made.frames == 90
    gap = np.abs(np.abs((made.rotations[:15] * before.rotations).sum(-1)) - 1).max()
    assert gap < 0.02, "the same walk at the same phase"
    assert np.linalg.norm(np.diff(made.root[:, [0, 2]], axis=0), axis=-1)[-10:].min() > 0.02, "no stop"


def test_the_stand_in_takes_known_frames():
    program = FakeProgram()
    request = Request("a person walks", "stand-in", 90, 3, known=known())
    run = program.start(request, program.condition([request])[0])
    while not run.finished:
        program.step([run])
    assert program.clip(run).frames == 90

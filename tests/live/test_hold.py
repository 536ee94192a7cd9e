"""Known frames: held while a flow is sampled, and found again by the puppet."""

from __future__ import annotations

import numpy as np

from posewire_runtime import puppet
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.motion.root import place
from posewire_runtime.motion.trim import cut
from posewire_runtime.sampling.hold import FALL, Hold
from posewire_runtime.types import Clip, Float, Request

KNOWN = 15


def known() -> Clip:
    walk = cut(puppet.perform("a person walks", 90, 30.0, 1), 40, 40 + KNOWN)
    return place(walk, np.zeros(3, np.float32), 0.0)


def moved(motion: Float, known: Float) -> Float:
    """The first number says where: it is brought to where the known frames are at their end."""
    made = motion.copy()
    made[:, 0] += (known[-1] - motion[len(known) - 1])[0]
    return made


def test_held_frames_go_the_straight_way_and_arrive():
    draw = np.random.default_rng(1)
    noise, aim = draw.normal(size=(40, 5)).astype(np.float32), draw.normal(size=(8, 5)).astype(np.float32)
    hold = Hold(noise[:8], aim, moved)
    stray, velocity = (draw.normal(size=(40, 5)).astype(np.float32) for _ in range(2))
    for time in (0.0, 0.25, 1.0):
        put = hold.put(stray, velocity, time)
        np.testing.assert_allclose(put[:8], noise[:8] * (1 - time) + aim * time, atol=1e-6)
        np.testing.assert_allclose(put[8 + FALL :, 1:], stray[8 + FALL :, 1:], atol=1e-6)


def test_what_follows_is_corrected_by_what_the_network_is_wrong_by():
    hold = Hold(np.zeros((8, 3), np.float32), np.full((8, 3), 2.0, np.float32), moved)
    latent = np.full((40, 3), 0.5, np.float32)  # at half the way to 1, where 2 is known
    put = hold.put(latent, np.ones((40, 3), np.float32), 0.5)
    np.testing.assert_allclose(put[8:, 0], 1.0, atol=1e-6)
    assert (np.diff(put[8:, 1]) <= 1e-6).all()
    assert put[8, 1] > 0.9
    np.testing.assert_allclose(put[8 + FALL :, 1], 0.5, atol=1e-6)


def test_a_network_that_is_right_is_left_alone():
    draw = np.random.default_rng(2)
    noise, aim = (draw.normal(size=(40, 3)).astype(np.float32) for _ in range(2))
    hold = Hold(noise[:8], aim[:8], moved)
    latent = (noise + np.float32(0.5) * (aim - noise)).astype(np.float32)
    np.testing.assert_allclose(hold.put(latent, aim - noise, 0.5), latent, atol=1e-5)


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

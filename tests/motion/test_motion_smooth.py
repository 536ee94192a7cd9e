"""Smoothing: against the official decoder's numbers, the published weights and plain definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.motion import quat, rot6d
from posewire_runtime.motion.smooth import DEGREE, WINDOW, savitzky_golay, smooth_rotations

MIDDLE = np.array([18, -45, -10, 60, 120, 143, 120, 60, -10, -45, 18]) / 429
FIRST = [
    np.array([557, 54, -51, -16, 24, 24, -4, -24, -9, 26, -9]) / 572,
    np.array([27, 184, 111, 6, -44, -30, 12, 34, 9, -36, 13]) / 286,
    np.array([-153, 666, 719, 456, 156, -40, -96, -48, 29, 54, -27]) / 1716,
    np.array([-4, 3, 38, 57, 48, 20, -8, -18, -4, 17, -6]) / 143,
    np.array([6, -22, 13, 48, 57, 40, 12, -8, -8, 6, -1]) / 143,
]
seeds = st.integers(0, 2**32 - 1)


@pytest.fixture
def official(golden_folder):
    with np.load(golden_folder / "hymotion_smoothing.npz") as arrays:
        return dict(arrays)


def test_positions_as_the_official_decoder(official):
    smooth = savitzky_golay(official["raw_transl"])
    assert smooth.dtype == np.float32
    np.testing.assert_allclose(smooth, official["smooth_transl"], atol=1e-6)


def test_rotations_as_the_official_decoder(official):
    q = quat.from_matrix(rot6d.interleaved_to_matrix(official["raw_rot6d"]))
    smooth = rot6d.interleaved_from_matrix(quat.to_matrix(smooth_rotations(q)))
    assert smooth.dtype == np.float32
    np.testing.assert_allclose(smooth, official["smooth_rot6d"], atol=1e-5)


def test_positions_by_the_published_weights():
    values = np.random.RandomState(0).standard_normal((30, 2))
    smooth = savitzky_golay(values)
    for frame in range(5, 25):
        np.testing.assert_allclose(smooth[frame], MIDDLE @ values[frame - 5 : frame + 6], atol=1e-13)
    for frame, weights in enumerate(FIRST):
        np.testing.assert_allclose(smooth[frame], weights @ values[:11], atol=1e-13)
        np.testing.assert_allclose(smooth[-1 - frame], weights @ values[:-12:-1], atol=1e-13)


@given(seeds, st.integers(1, 40))
def test_polynomials_pass_unchanged(seed, frames):
    coefficients = np.random.RandomState(seed).uniform(-1, 1, (DEGREE + 1, 3))
    time = np.linspace(-1, 1, frames)[:, None]
    values = time ** np.arange(DEGREE + 1) @ coefficients
    np.testing.assert_allclose(savitzky_golay(values), values, atol=1e-12)


@pytest.mark.parametrize("frames", [7, 10, WINDOW, WINDOW + 1])
def test_short_clips_are_fitted_as_a_whole(frames):
    values = np.random.RandomState(1).standard_normal((frames, 2))
    window = slice(0, min(frames, WINDOW))
    time = np.arange(frames)[window]
    fits = [np.polynomial.Polynomial.fit(time, column[window], DEGREE) for column in values.T]
    np.testing.assert_allclose(savitzky_golay(values)[0], [fit(0) for fit in fits], atol=1e-12)


@given(seeds, st.sampled_from([0.01, 0.3, 10.0]))
def test_rotations_by_the_definition(seed, spread):
    """For motion that is calm, lively, and random to the point where no direction dominates."""
    path = np.array([0.1, 0.2, 0.3, 1.0]) + spread * np.random.RandomState(seed).standard_normal(
        (12, 4)
    ).cumsum(0)
    path = quat.normalise(path)
    smooth = smooth_rotations(path)
    weights = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    for frame, found in enumerate(smooth):
        window = path[np.clip(np.arange(frame - 4, frame + 5), 0, 11)]
        values, vectors = np.linalg.eigh(np.einsum("k,ki,kj->ij", weights / weights.sum(), window, window))
        gap = values[-1] - values[-2]
        assert quat.angle(found, vectors[:, -1]) * gap < 1e-11
        assert found @ path[frame] >= 0


def test_signs_do_not_matter_to_rotations():
    random = np.random.RandomState(2)
    path = quat.normalise(np.ones(4) + 0.1 * random.standard_normal((20, 3, 4)))
    flips = np.where(random.uniform(size=(20, 3, 1)) < 0.5, -1, 1)
    np.testing.assert_allclose(smooth_rotations(path * flips), smooth_rotations(path) * flips, atol=1e-14)


def test_a_stack_equals_one_by_one():
    values = np.random.RandomState(3).standard_normal((20, 3, 2, 4))
    for function in (savitzky_golay, smooth_rotations):
        whole = function(quat.normalise(values))
        for place in np.ndindex(3, 2):
            one = function(quat.normalise(values[:, *place]))
            np.testing.assert_allclose(whole[:, *place], one, atol=1e-14)


def test_a_single_frame_stays():
    q = quat.identity((1, 2))
    np.testing.assert_array_equal(smooth_rotations(q), q)
    np.testing.assert_array_equal(savitzky_golay(q), q)

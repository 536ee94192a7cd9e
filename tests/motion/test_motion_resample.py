"""Other frame rates: nothing is retimed, nothing is lost."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.errors import InvalidRequest
from posewire_runtime.motion import quat
from posewire_runtime.motion.resample import (
    cubic_at,
    linear_at,
    nearest_at,
    resample,
    rotations_at,
    sample_points,
)
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Clip


def turning(frames=31):
    """Each joint turns at its own even pace about its own axis."""
    random = np.random.RandomState(0)
    axes, pace = random.standard_normal((22, 3)), random.uniform(-0.05, 0.05, 22)
    rotations = quat.from_axis_angle(axes, np.arange(frames)[:, None] * pace)
    root = np.stack([np.arange(frames) * 0.1, 0.01 * np.arange(frames) ** 2, np.ones(frames)], axis=-1)
    clip = Clip(
        SMPL22,
        30.0,
        rotations.astype(np.float32),
        root.astype(np.float32),
        random.uniform(size=(frames, 4)) > 0.5,
    )
    return clip, axes, pace


@pytest.mark.parametrize(
    ("frames", "fps", "expected"),
    [(31, 60, 61), (32, 60, 63), (31, 24, 25), (31, 30, 31), (90, 24, 73), (1, 60, 1)],
)
def test_how_many_frames(frames, fps, expected):
    points = sample_points(frames, 30.0, fps)
    assert len(points) == expected
    assert points[0] == 0
    assert points[-1] == frames - 1


@given(st.integers(1, 400), st.sampled_from([20.0, 24.0, 29.97, 30.0, 60.0, 120.0]))
def test_frames_keep_their_time_and_the_last_pose_is_shown(frames, fps):
    points = sample_points(frames, 30.0, fps)
    np.testing.assert_allclose(points[:-1] / 30, np.arange(len(points) - 1) / fps, atol=1e-9)
    assert points[-1] == frames - 1 or abs(points[-1] - frames + 1) < 1e-5
    assert (len(points) - 2) / fps < (frames - 1) / 30 or frames == 1


@pytest.mark.parametrize("fps", [24.0, 60.0, 47.0])
def test_even_motion_stays_even(fps):
    clip, axes, pace = turning()
    out = resample(clip, fps)
    frames = np.minimum(np.arange(out.frames) * 30 / fps, 30)
    assert out.fps == fps
    assert quat.angle(out.rotations, quat.from_axis_angle(axes, frames[:, None] * pace)).max() < 1e-5
    np.testing.assert_allclose(out.root[:, 0], frames * 0.1, atol=1e-5)
    np.testing.assert_allclose(out.root[:, 1], 0.01 * frames**2, atol=1e-5)


def test_the_same_rate_changes_nothing():
    clip, *_ = turning()
    out = resample(clip, 30.0)
    assert quat.angle(out.rotations, clip.rotations).max() < 1e-6
    np.testing.assert_array_equal(out.root, clip.root)
    np.testing.assert_array_equal(out.contacts, clip.contacts)


def test_twice_the_rate_keeps_every_old_frame():
    clip, *_ = turning()
    out = resample(clip, 60.0)
    assert quat.angle(out.rotations[::2], clip.rotations).max() < 1e-6
    np.testing.assert_allclose(out.root[::2], clip.root, atol=1e-6)
    np.testing.assert_array_equal(out.contacts[::2], clip.contacts)


def test_parts_one_by_one():
    points = np.array([0, 0.25, 1.5, 2.0])
    line = np.array([[0.0], [2.0], [4.0]])
    np.testing.assert_allclose(linear_at(line, points), [[0], [0.5], [3], [4]])
    np.testing.assert_allclose(cubic_at(line**2, points), [[0], [0.25], [9], [16]])
    np.testing.assert_array_equal(nearest_at(np.array([True, False, True]), points), [True, True, True, True])
    flipped = np.array([[0, 0, 0, 1.0], [0, 0, 0, -1], [0, 0, 0, 1]])
    assert quat.angle(rotations_at(flipped, points), quat.identity()).max() == 0


def test_cubic_has_no_kinks():
    values = np.random.RandomState(1).standard_normal((9, 2))
    for knot in range(1, 8):
        before, at, after = cubic_at(values, np.array([knot - 1e-5, knot, knot + 1e-5]))
        np.testing.assert_allclose(at - before, after - at, atol=1e-8)


def test_single_and_double_frames():
    clip, *_ = turning(1)
    assert resample(clip, 60.0).frames == 1
    clip, *_ = turning(2)
    assert resample(clip, 60.0).frames == 3


@pytest.mark.parametrize("fps", [0.0, -30.0, float("nan"), float("inf")])
def test_a_rate_is_a_positive_number(fps):
    with pytest.raises(InvalidRequest, match="positive"):
        resample(turning()[0], fps)


def test_raw_arrays_do_not_outlive_their_rate():
    clip = replace(turning()[0], raw={"latent": np.zeros(3)})
    assert not resample(clip, 60.0).raw


@given(st.integers(0, 10_000), st.sampled_from([0.0, 1e-7, 1e-4, -1e-7, -1e-4, 1.0, -1.0]))
def test_half_way_lies_half_way(seed, cosine):
    """Between rotations half a turn apart, and between a quaternion and (nearly) its opposite, too."""
    random = np.random.RandomState(seed)
    a = quat.normalise(random.standard_normal(4))
    across = random.standard_normal(4)
    across = quat.normalise(across - (across @ a) * a)
    b = cosine * a + np.sqrt(1 - min(1, cosine * cosine)) * across + 1e-9 * random.standard_normal(4)
    pair = np.stack([a, quat.normalise(b)]).astype(np.float32)
    half = rotations_at(pair[:, None], np.array([0.5]))[0, 0]
    whole = quat.angle(pair[0], pair[1])
    assert np.linalg.norm(half) == pytest.approx(1, abs=1e-6)
    for end in pair:
        assert quat.angle(half, end) == pytest.approx(whole / 2, abs=1e-5)

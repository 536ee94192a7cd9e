"""Smoothing along time, frames first: positions by Savitzky-Golay, rotations by a Gaussian average.

Both compute in float64 and give back the precision they got. They are what HY-Motion's decoder does,
so their constants are its constants.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from posewire_runtime.motion.quat import Array, normalise

WINDOW = 11
"""Frames that Savitzky-Golay fits at once."""
DEGREE = 5
"""Degree of the polynomial it fits."""

_SQUARINGS = 4
"""A 4x4 average to the power of 16 is its dominant direction, for rotations that belong together."""


def savitzky_golay(values: Array) -> Array:
    """Values `(L, ...)` along the first axis, each replaced by a local polynomial's value there.

    A frame within half a window of an end takes the value of the end's own fit. A clip shorter than the
    window is fitted as a whole.
    """
    frames = len(values)
    window = min(WINDOW, frames)
    fit = _fit(window, min(DEGREE, window - 1))
    half = window // 2
    flat = values.reshape(frames, -1).astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(flat, window, axis=0)  # (L - window + 1, n, window)
    out = np.empty_like(flat)
    out[:half] = fit[:half] @ flat[:window]
    out[half : half + len(windows)] = windows @ fit[half]
    out[half + len(windows) :] = fit[half + 1 :] @ flat[-window:]
    return out.reshape(values.shape).astype(values.dtype)


def smooth_rotations(q: Array, sigma: float = 1.0) -> Array:
    """Quaternions `(L, ..., 4)`, each replaced by the average of its neighbours in time, on its own side.

    The average is the rotation that is nearest to all of the window, Gaussian weighted; signs don't
    matter to it. Frames beyond the ends repeat the last one.
    """
    radius = int(4 * sigma + 0.5)
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    weights /= weights.sum()
    wide = q.astype(np.float64)
    outer = wide[..., :, None] * wide[..., None, :]  # (L, ..., 4, 4)
    padded = np.concatenate([outer[:1]] * radius + [outer] + [outer[-1:]] * radius)
    average = np.zeros_like(outer)
    for shift, weight in enumerate(weights):
        average += weight * padded[shift : shift + len(outer)]
    mean = _dominant(average)
    same_side = np.sum(mean * wide, axis=-1, keepdims=True) >= 0
    return np.where(same_side, mean, -mean).astype(q.dtype)


@lru_cache(maxsize=64)
def _fit(window: int, degree: int) -> Array:
    """Row i gives the value at frame i of the polynomial fitted to `window` frames."""
    basis, _ = np.linalg.qr(np.vander(np.linspace(-1, 1, window), degree + 1))
    return basis @ basis.T


def _dominant(matrices: Array) -> Array:
    """Eigenvector of the largest eigenvalue of symmetric, non-negative matrices `(..., 4, 4)` of trace 1.

    Squaring finds it at a fraction of the eigensolver's time; what hasn't settled after a few rounds,
    because its rotations point all over the place, goes to the eigensolver.
    """
    power = matrices
    for _ in range(_SQUARINGS):
        power = power @ power
    best = np.argmax(np.diagonal(power, axis1=-2, axis2=-1), axis=-1)
    vectors = normalise(np.take_along_axis(power, best[..., None, None], axis=-1)[..., 0])
    images = (matrices @ vectors[..., None])[..., 0]
    along = np.sum(images * vectors, axis=-1, keepdims=True) * vectors
    unsettled = np.linalg.norm(images - along, axis=-1) > 1e-14
    if np.any(unsettled):
        vectors[unsettled] = np.linalg.eigh(matrices[unsettled])[1][..., -1]
    return vectors

"""Another frame rate: rotations by slerp, paths by cubics, flags by the nearest frame.

Nothing is retimed: frame i of the result is the motion at i / fps, and the last pose is kept.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.motion import quat
from posewire_runtime.motion.contacts import Flags
from posewire_runtime.motion.quat import Array
from posewire_runtime.types import Clip

_SAME_INSTANT = 1e-6
"""In frames: nearer than this to the clip's end is the end."""


def sample_points(frames: int, fps: float, new_fps: float) -> Array:
    """Where the new frames fall, counted in old frames, `(N,)`.

    When the clip's length isn't a whole number of new frames, one more shows the last pose.
    """
    if not (np.isfinite(new_fps) and new_fps > 0):
        raise InvalidRequest.of([Violation("fps", f"expected a positive number, found {new_fps}")])
    last = frames - 1
    count = int(np.ceil(last / fps * new_fps - _SAME_INSTANT)) + 1
    return np.minimum(np.arange(count) * (fps / new_fps), last)


def rotations_at(q: Array, points: Array) -> Array:
    """Rotations `(L, ..., 4)` at fractional frames `(N,)`, by slerp."""
    before, after, t = _around(len(q), points)
    return quat.slerp(q[before], q[after], _trailing(t, q.ndim - 2).astype(q.dtype))


def linear_at(values: Array, points: Array) -> Array:
    """Values `(L, ..., C)` at fractional frames `(N,)`, along straight lines."""
    before, after, t = _around(len(values), points)
    t = _trailing(t, values.ndim - 1).astype(values.dtype)
    return values[before] * (1 - t) + values[after] * t


def cubic_at(values: Array, points: Array) -> Array:
    """Values `(L, ..., C)` at fractional frames `(N,)`, along a curve without kinks (cubic Hermite).

    The slope at a frame is that between its neighbours, at the ends that of a parabola.
    """
    if len(values) < 3:
        return linear_at(values, points)
    slopes = np.gradient(values, axis=0, edge_order=2)
    before, after, t = _around(len(values), points)
    t = _trailing(t, values.ndim - 1).astype(values.dtype)
    s = 1 - t
    from_before = s * s * ((1 + 2 * t) * values[before] + t * slopes[before])
    from_after = t * t * ((1 + 2 * s) * values[after] - s * slopes[after])
    return from_before + from_after


def nearest_at(flags: Flags, points: Array) -> Flags:
    """Flags `(L, ...)` at fractional frames `(N,)`: those of the nearest frame."""
    return flags[np.minimum((points + 0.5).astype(np.intp), len(flags) - 1)]


def resample(clip: Clip, fps: float) -> Clip:
    """The same motion at another frame rate."""
    points = sample_points(clip.frames, clip.fps, fps)
    return replace(
        clip,
        fps=fps,
        rotations=rotations_at(clip.rotations, points).astype(np.float32),
        root=cubic_at(clip.root, points).astype(np.float32),
        contacts=nearest_at(clip.contacts, points),
        raw={},
    )


def _around(frames: int, points: Array) -> tuple[np.ndarray, np.ndarray, Array]:
    """The frames before and after each point, and how far it is between them, 0 to 1."""
    before = np.clip(np.floor(points), 0, max(frames - 2, 0)).astype(np.intp)
    return before, np.minimum(before + 1, frames - 1), points - before


def _trailing(t: Array, axes: int) -> Array:
    """With so many axes of length 1 behind the first."""
    return t.reshape(-1, *[1] * axes)

"""Which foot touches the floor when, and where the floor is: from joint positions alone.

Knows nothing of meshes: a foot joint's height above the sole in rest pose stands for the foot around it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import feet
from posewire_runtime.types import Skeleton

Flags = NDArray[np.bool_]

MIN_FRAMES = 3
"""A contact is at least this long."""

_SURE = (0.02, 0.20)
"""A joint within this height (m) of its rest height over the floor and below this speed (m/s) touches it."""
_LIKELY = (0.04, 0.40)
"""Within these it keeps touching before and after a moment when it surely does."""


def foot_contacts(skeleton: Skeleton, positions: Array, fps: float, floor: float = 0.0) -> Flags:
    """World positions `(L, ..., J, 3)` -> flags `(L, ..., 4)` in the order of `types.CONTACT_NAMES`.

    Two thresholds: a run of frames that are likely to touch counts when one of them surely does.
    """
    points = positions[..., list(feet(skeleton)), :]
    height = points[..., 1] - _clearance(skeleton).astype(points.dtype) - floor
    speed = _speed(points, fps)
    sure, likely = (
        (height <= most_height) & (speed <= most_speed) for most_height, most_speed in (_SURE, _LIKELY)
    )
    return _runs_with(sure & likely, likely, MIN_FRAMES)


def ground(skeleton: Skeleton, root: Array, positions: Array) -> Array:
    """The root's path `(L, ..., 3)` shifted by one height, so that the lowest foot stands on y = 0.

    `positions` `(L, ..., J, 3)` are the world positions that belong to this path. An approximation: it
    takes the foot for level with its rest pose, and no other part of the body for the lowest.
    """
    heights = positions[..., list(feet(skeleton)), 1] - _clearance(skeleton).astype(positions.dtype)
    lowest = heights.min(axis=(0, -1))
    shifted = root.copy()
    shifted[..., 1] -= lowest
    return shifted


def _clearance(skeleton: Skeleton) -> Array:
    """How high above the sole each foot joint lies in rest pose, `(4,)`."""
    return skeleton.positions[list(feet(skeleton)), 1] - skeleton.sole


def _speed(points: Array, fps: float) -> Array:
    """Speed of points `(L, ..., 3)` in units a second, from the frames around each."""
    if len(points) < 2:
        return np.zeros(points.shape[:-1], points.dtype)
    return np.linalg.norm(np.gradient(points, axis=0), axis=-1) * fps


def _runs_with(sure: Flags, likely: Flags, least: int) -> Flags:
    """The runs of `likely` along the first axis, at least so long, in which something is `sure`."""
    columns = likely.reshape(len(likely), -1).T
    # Columns laid end to end with a gap between them, so that no run reaches into the next column.
    line = np.pad(columns, ((0, 0), (1, 1))).ravel()
    count = np.cumsum(np.pad(sure.reshape(len(sure), -1).T, ((0, 0), (1, 1))).ravel())
    edges = np.flatnonzero(line[1:] != line[:-1])
    starts, ends = edges[::2], edges[1::2]
    kept = (ends - starts >= least) & (count[ends] > count[starts])
    marks = np.zeros(len(line), np.int8)
    marks[starts[kept] + 1] = 1
    marks[ends[kept] + 1] = -1
    filled = np.cumsum(marks).astype(bool).reshape(len(columns), -1)[:, 1:-1]
    return filled.T.reshape(likely.shape)

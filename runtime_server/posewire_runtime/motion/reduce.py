"""Fewer keys within a bound: which frames of each joint must be kept so that no joint strays further.

The bound holds for joints in the world, for the interpolations that engines use between keys: along the arc,
straight between quaternions, and straight between Euler angles (FBX). Knows no files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import levels, rest_globals, rest_offsets
from posewire_runtime.types import Skeleton

Keys = NDArray[np.intp]

_EULER = "ZYX"
"""The angles that FBX interpolates."""
_SKIN = 0.1
"""Metres around a joint that turn with it, where no other joint is further out."""
_TRIES = 6
"""Bisections of the share of the bound that each joint may use."""


Errors = Callable[[Keys, Keys, Keys, Keys], Array]
"""(frames, joints, first, last) -> how far each frame of a joint's track is from the way between two keys."""


def reduce_keys(
    skeleton: Skeleton, rotations: Array, moved: Mapping[int, Array], bound: float
) -> tuple[dict[int, Keys], dict[int, Keys]]:
    """Keys of the rotations `(L, J, 4)` and of the moving joints' places, for a bound in metres.

    Each joint gets a share of the bound by how far its turning reaches; the largest share is sought with
    which no joint strays further than the bound in the world.
    """
    rotations = quat.continuous(rotations)
    rest = _rest(skeleton)
    angles = quat.unwrap_euler(quat.to_euler(quat.multiply(quat.conjugate(rest), rotations), _EULER))
    true = _world(skeleton, rotations, moved)
    least = bound / (len(levels(skeleton.parents)) + 1) / 4
    turning = importance(_turning_errors(rotations, angles, _reach(skeleton)), rotations.shape[:2], least)
    places = np.stack(list(moved.values()), axis=1)
    moving = importance(_straight_errors(places), places.shape[:2], least)

    def strays(share: float) -> float:
        """How far the worst joint is from where it should be, by arcs and by Euler angles."""
        shown = {
            j: _between(values, np.flatnonzero(moving[:, k] > share))
            for k, (j, values) in enumerate(moved.items())
        }
        keys = [np.flatnonzero(column > share) for column in turning.T]
        arcs = [_arcs(rotations[:, j], some) for j, some in enumerate(keys)]
        turned = [
            quat.multiply(rest[j], quat.from_euler(_between(angles[:, j], some), _EULER))
            for j, some in enumerate(keys)
        ]
        return max(
            float(np.linalg.norm(_world(skeleton, np.stack(drawn, axis=1), shown) - true, axis=-1).max())
            for drawn in (arcs, turned)
        )

    share = _largest(strays, least, bound)
    return (
        {j: np.flatnonzero(column > share) for j, column in enumerate(turning.T)},
        {j: np.flatnonzero(moving[:, k] > share) for k, j in enumerate(moved)},
    )


def importance(errors: Errors, shape: tuple[int, int], least: float) -> Array:
    """For every frame of every track `(L, J)` the bound below which it must be a key.

    Each stretch between two keys is split at its worst frame, all stretches of all tracks at once; a part
    never counts more than the stretch it comes from. What is below `least` is 0; ends are infinite.
    """
    frames, tracks = shape
    out = np.zeros((tracks, frames))
    out[:, [0, -1]] = np.inf
    joint, frame = np.divmod(np.arange(tracks * frames), frames)
    inside = (frame > 0) & (frame < frames - 1)
    joint, frame = joint[inside], frame[inside]
    first, last = np.zeros_like(frame), np.full_like(frame, frames - 1)
    above = np.full(len(frame), np.inf)
    while len(frame):
        wrong = errors(frame, joint, first, last)
        starts = np.flatnonzero(np.r_[True, (np.diff(joint) != 0) | (np.diff(first) != 0)])
        stretch = np.repeat(np.arange(len(starts)), np.diff(np.r_[starts, len(frame)]))
        worst = np.maximum.reduceat(wrong, starts)
        hits = np.flatnonzero(wrong == worst[stretch])
        middle = hits[np.unique(stretch[hits], return_index=True)[1]]
        value = np.minimum(worst, above[starts])
        out[joint[middle], frame[middle]] = np.where(value > least, value, 0)
        at = frame[middle][stretch]
        first, last = np.where(frame > at, at, first), np.where(frame < at, at, last)
        above = value[stretch]
        left = (frame != at) & (above > least)
        joint, frame, first, last, above = joint[left], frame[left], first[left], last[left], above[left]
    return out.T


def _largest(strays: Callable[[float], float], low: float, bound: float) -> float:
    """The largest share that keeps to the bound, found by bisection; at worst the smallest one."""
    high = bound
    for _ in range(_TRIES):
        middle = float(np.sqrt(low * high))
        low, high = (middle, high) if strays(middle) <= bound else (low, middle)
    return low


def _turning_errors(rotations: Array, angles: Array, reach: Array) -> Errors:
    """Errors of rotations `(L, J, 4)` and their Euler angles `(L, J, 3)`, in metres at each joint's reach."""

    def errors(frames: Keys, joints: Keys, first: Keys, last: Keys) -> Array:
        t = ((frames - first) / (last - first))[:, None]
        true, before, after = (rotations[some, joints] for some in (frames, first, last))
        straight = quat.normalise(before * (1 - t) + after * t)
        turned = angles[first, joints] * (1 - t) + angles[last, joints] * t
        arc = quat.angle(true, quat.slerp(before, after, t[:, 0]))
        euler = quat.angle(quat.from_euler(angles[frames, joints], _EULER), quat.from_euler(turned, _EULER))
        return np.maximum(np.maximum(arc, quat.angle(true, straight)), euler) * reach[joints]

    return errors


def _straight_errors(places: Array) -> Errors:
    """Errors of straight lines through places `(L, K, 3)`."""

    def errors(frames: Keys, joints: Keys, first: Keys, last: Keys) -> Array:
        t = ((frames - first) / (last - first))[:, None]
        between = places[first, joints] * (1 - t) + places[last, joints] * t
        return np.linalg.norm(places[frames, joints] - between, axis=-1)

    return errors


def _between(values: Array, keys: Keys) -> Array:
    """Values `(L, C)` as straight lines between their keys give them."""
    out = np.empty_like(values)
    for column in range(values.shape[1]):
        out[:, column] = np.interp(np.arange(len(values)), keys, values[keys, column])
    return out


def _arcs(rotations: Array, keys: Keys) -> Array:
    """Rotations `(L, 4)` as slerp between their keys gives them."""
    frames = np.arange(len(rotations))
    if len(keys) < 2:
        return rotations
    after = np.clip(np.searchsorted(keys, frames, side="right"), 1, len(keys) - 1)
    first, last = keys[after - 1], keys[after]
    return quat.slerp(rotations[first], rotations[last], (frames - first) / (last - first))


def _rest(skeleton: Skeleton) -> Array:
    """Rest rotations relative to the parent, `(J, 4)`."""
    turned = rest_globals(skeleton).astype(np.float64)
    above = np.array([turned[p] if p >= 0 else quat.identity() for p in skeleton.parents])
    return quat.multiply(quat.conjugate(above), turned)


def _world(skeleton: Skeleton, rotations: Array, moved: Mapping[int, Array]) -> Array:
    """Positions `(L, J, 3)`, from parent-relative rotations and places."""
    offsets = rest_offsets(skeleton).astype(np.float64)
    turned, out = rotations.copy(), np.empty((*rotations.shape[:-1], 3))
    for joint, parent in enumerate(skeleton.parents):
        local = moved.get(joint, np.broadcast_to(offsets[joint], out[:, joint].shape))
        if parent < 0:
            out[:, joint] = local
            continue
        turned[:, joint] = quat.multiply(turned[:, parent], rotations[:, joint])
        out[:, joint] = out[:, parent] + quat.rotate(turned[:, parent], local)
    return out


def _reach(skeleton: Skeleton) -> Array:
    """How far from each joint the furthest joint below it is at rest, `(J,)`, at least a hand's breadth."""
    out = np.full(len(skeleton), _SKIN)
    for joint in range(len(skeleton)):
        above = skeleton.parents[joint]
        while above >= 0:
            way = np.linalg.norm(skeleton.positions[joint] - skeleton.positions[above])
            out[above] = max(out[above], float(way))
            above = skeleton.parents[above]
    return out

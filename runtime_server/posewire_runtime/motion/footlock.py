"""Feet that stay where they stand: while a part of a foot touches the floor, it doesn't move.

Each stretch of contact gets an offset of the foot that cancels the sliding of the part that touches (the toes
where both do), on average nothing; between stretches it eases away. Two-bone IK carries the foot there, the
foot keeps its turn in the world, and the pelvis goes down where a leg would be too short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.motion import quat
from posewire_runtime.motion.contacts import Flags
from posewire_runtime.motion.ik import two_bones
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import feet, forward
from posewire_runtime.types import Clip, Skeleton

EASE = 0.13
"""Seconds in which an offset comes and goes, where there is so much time in the air."""
REACH = 0.995
"""A corrected leg is stretched to this share of its length at most."""
_CALM = 5
"""Frames around, over which the lowering of the pelvis is spread."""


def lock_feet(clip: Clip) -> Clip:
    """The clip with its contacts held."""
    skeleton = clip.skeleton
    turned, positions = forward(skeleton, clip.rotations.astype(np.float64), clip.root.astype(np.float64))
    ease = max(1, round(EASE * clip.fps))
    legs = _legs(skeleton)
    points = positions[:, list(feet(skeleton))]
    offsets = [
        _offsets(points[:, side : side + 2], clip.contacts[:, side : side + 2], ease) for side in (0, 2)
    ]
    goals = [positions[:, leg[2]] + offset for leg, offset in zip(legs, offsets, strict=True)]
    drop = _drop(positions, legs, goals)
    rotations = clip.rotations.astype(np.float64)
    for (hip, knee, ankle), goal in zip(legs, goals, strict=True):
        upper, middle, end = (positions[:, joint] - drop for joint in (hip, knee, ankle))
        thigh, calf = two_bones(upper, middle, end, goal)
        above = quat.conjugate(turned[:, skeleton.parents[hip]])
        thigh = quat.multiply(thigh, turned[:, hip])
        calf = quat.multiply(calf, turned[:, knee])
        rotations[:, hip] = quat.multiply(above, thigh)
        rotations[:, knee] = quat.multiply(quat.conjugate(thigh), calf)
        rotations[:, ankle] = quat.multiply(quat.conjugate(calf), turned[:, ankle])
    rotations = quat.normalise(rotations).astype(np.float32)
    return replace(clip, rotations=rotations, root=(clip.root - drop).astype(np.float32), raw={})


def sliding(clip: Clip) -> float:
    """Mean speed of the parts of the feet while they touch the floor, metres a second; 0 without contacts."""
    _, positions = forward(clip.skeleton, clip.rotations.astype(np.float64), clip.root.astype(np.float64))
    speed = np.linalg.norm(np.diff(positions[:, list(feet(clip.skeleton))], axis=0), axis=-1) * clip.fps
    touching = clip.contacts[1:] & clip.contacts[:-1]
    # A foot that rolls over its toes lifts its heel by right: what stands is the toes.
    touching[:, [0, 2]] &= ~touching[:, [1, 3]]
    return float(speed[touching].mean()) if touching.any() else 0.0


def _legs(skeleton: Skeleton) -> list[tuple[int, int, int]]:
    """Hip, knee and ankle of the left and of the right leg."""
    ankles = feet(skeleton)[0], feet(skeleton)[2]
    knees = [skeleton.parents[ankle] for ankle in ankles]
    return [(skeleton.parents[knee], knee, ankle) for knee, ankle in zip(knees, ankles, strict=True)]


def _offsets(points: Array, contacts: Flags, ease: int) -> Array:
    """What a foot is moved by, `(L, 3)`, from its heel and toe `(L, 2, 3)` and their contacts `(L, 2)`."""
    out = np.zeros((len(points), 3))
    runs = _runs(contacts[:, 0] | contacts[:, 1])
    for start, end in runs:
        out[start:end] = _held(points[start:end], contacts[start:end])
    ends = [(-ease, -ease), *runs, (len(points) + ease, len(points) + ease)]
    for (_, before), (after, _) in pairwise(ends):
        from_value = out[before - 1] if before > 0 else np.zeros(3)
        to_value = out[after] if after < len(points) else np.zeros(3)
        first, last = max(before, 0), min(after, len(points))
        frames = np.arange(first, last)[:, None]
        span = min(ease, max(1, (after - before + 1) // 2))
        leaving = _fall((frames - (before - 1)) / (span + 1))
        coming = _fall((after - frames) / (span + 1))
        out[first:last] = from_value * leaving + to_value * coming
    return out


def _held(points: Array, contacts: Flags) -> Array:
    """The offsets of one stretch: against the steps of the part that touches, around zero."""
    steps = np.diff(points, axis=0)
    both = contacts[1:] & contacts[:-1]
    toe, heel = both[:, 1:2], both[:, 0:1] & ~both[:, 1:2]
    slide = np.where(toe, steps[:, 1], np.where(heel, steps[:, 0], 0))
    held = np.concatenate([np.zeros((1, 3)), -np.cumsum(slide, axis=0)])
    return held - (held.max(axis=0) + held.min(axis=0)) / 2


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """First frame and the frame after the last of each stretch."""
    edges = np.flatnonzero(np.diff(np.pad(flags.astype(np.int8), 1)))
    return [(int(start), int(end)) for start, end in zip(edges[::2], edges[1::2], strict=True)]


def _fall(t: Array) -> Array:
    """From 1 at 0 to 0 at 1 and beyond, level at both."""
    t = np.clip(t, 0, 1)
    return 1 - t * t * (3 - 2 * t)


def _drop(
    positions: Array, legs: Sequence[tuple[int, int, int]], goals: Sequence[Array]
) -> NDArray[np.float64]:
    """How far the pelvis goes down `(L, 3)`, so that both legs reach their goals; spread over neighbours."""
    needed = np.zeros(len(positions))
    for (hip, knee, ankle), goal in zip(legs, goals, strict=True):
        upper, middle, end = positions[:, hip], positions[:, knee], positions[:, ankle]
        length = np.linalg.norm(middle - upper, axis=-1) + np.linalg.norm(end - middle, axis=-1)
        # A leg that was straighter before may stay so.
        reach = np.maximum(REACH * length, np.linalg.norm(end - upper, axis=-1))
        way = goal - upper
        level = np.sqrt(np.maximum(reach**2 - way[:, 0] ** 2 - way[:, 2] ** 2, 0))
        far = np.linalg.norm(way, axis=-1) > reach
        needed = np.maximum(needed, np.where(far, np.maximum(-way[:, 1] - level, 0), 0))
    window = np.ones(2 * _CALM + 1) / (2 * _CALM + 1)
    widest = np.lib.stride_tricks.sliding_window_view(np.pad(needed, 2 * _CALM, mode="edge"), 2 * _CALM + 1)
    lowered = np.convolve(widest.max(axis=-1), window, mode="valid")
    return np.stack([np.zeros_like(lowered), lowered, np.zeros_like(lowered)], axis=-1)

"""Where a character goes, apart from how it moves: heading, travel, and placing a clip in the world.

Travel and heading are those of the pelvis, smoothed by nobody here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import rest_globals
from posewire_runtime.types import Clip, Skeleton

_ON_THE_FLOOR = np.array([1, 0, 1])
_UP = np.array([0.0, 1.0, 0.0])


@dataclass(frozen=True, eq=False)
class RootMotion:
    """The path of a character on the floor."""

    positions: Array  # (L, 3)
    """The pelvis projected on y = 0."""
    headings: Array  # (L,)
    """Radians about +Y from facing +Z, toward +X; continuous in time."""


def heading(q: Array) -> Array:
    """How far a rotation `(..., 4)` away from rest turns about the vertical, -pi to pi.

    It is the twist about +Y, so that it stays well defined for a body that bends over or lies down.
    """
    turn = 2 * np.arctan2(q[..., 1], q[..., 3])
    return np.arctan2(np.sin(turn), np.cos(turn))


def from_heading(radians: Array) -> Array:
    """The rotation about +Y by so much."""
    return quat.from_axis_angle(_UP.astype(radians.dtype), radians)


def root_motion(clip: Clip) -> RootMotion:
    """The path that the clip's pelvis takes."""
    pelvis = clip.skeleton.pelvis
    above = _above_pelvis(clip.skeleton, clip.rotations)
    turned = quat.multiply(above, clip.rotations[:, pelvis])
    turned = quat.multiply(turned, quat.conjugate(rest_globals(clip.skeleton)[pelvis]))
    return RootMotion(clip.root * _ON_THE_FLOOR.astype(clip.root.dtype), np.unwrap(heading(turned), axis=0))


def in_place(clip: Clip, motion: RootMotion) -> Clip:
    """The clip seen by one who walks along: travel and heading taken out, heights kept."""
    back = quat.conjugate(from_heading(motion.headings))
    return _moved(clip, back, quat.rotate(back, clip.root - motion.positions))


def along(clip: Clip, motion: RootMotion) -> Clip:
    """The opposite of `in_place`: a clip in place, carried along a path."""
    turn = from_heading(motion.headings)
    return _moved(clip, turn, quat.rotate(turn, clip.root) + motion.positions)


def place(clip: Clip, position: Array, radians: float) -> Clip:
    """The whole clip moved so that its first frame stands at `position` and heads `radians` from +Z.

    Of `position` `(3,)` x and z say where the pelvis is; y is the height of the floor.
    """
    motion = root_motion(clip)
    turn = from_heading(np.asarray(radians - motion.headings[0]))
    return _moved(clip, turn, quat.rotate(turn, clip.root - motion.positions[0]) + position)


def _moved(clip: Clip, turn: Array, root: Array) -> Clip:
    """The clip with its pelvis turned in the world and put where `root` says."""
    pelvis = clip.skeleton.pelvis
    above = _above_pelvis(clip.skeleton, clip.rotations)
    rotations = clip.rotations.copy()
    turned = quat.multiply(turn, quat.multiply(above, clip.rotations[:, pelvis]))
    rotations[:, pelvis] = quat.multiply(quat.conjugate(above), turned)
    return replace(clip, rotations=rotations, root=root.astype(np.float32), raw={})


def _above_pelvis(skeleton: Skeleton, rotations: Array) -> Array:
    """World rotation of the pelvis' parent, `(L, 4)`."""
    out = quat.identity((len(rotations),), np.float32)
    joint = skeleton.parents[skeleton.pelvis]
    while joint >= 0:
        out = quat.multiply(rotations[:, joint], out)
        joint = skeleton.parents[joint]
    return out

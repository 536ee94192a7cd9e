"""Coordinates of other programs. Posewire's own: right-handed, Y up, facing +Z, left is +X, metres.

Each frame is one row of a table: a signed permutation of the axes and a unit. Positions and rotations
follow from it; `conv(a * b) = conv(a) * conv(b)`, so that parent-relative rotations and offsets can be
converted joint by joint.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from posewire_runtime.motion.quat import Array
from posewire_runtime.types import Skeleton


@dataclass(frozen=True)
class Frame:
    """A program's axes in terms of ours."""

    axes: tuple[int, int, int]
    """Which of our axes becomes its x, y and z."""
    signs: tuple[int, int, int]
    """And with which sign."""
    units_per_metre: float = 1.0
    """How many of its units a metre is."""

    @property
    def handedness(self) -> int:
        """1: right-handed as ours; -1: left-handed."""
        swaps_two = (self.axes[1] - self.axes[0]) % 3 == 2
        return (-1 if swaps_two else 1) * self.signs[0] * self.signs[1] * self.signs[2]

    @property
    def inverse(self) -> Frame:
        """The way back."""
        axes = tuple(self.axes.index(i) for i in range(3))
        signs = tuple(self.signs[i] for i in axes)
        return Frame((axes[0], axes[1], axes[2]), (signs[0], signs[1], signs[2]), 1 / self.units_per_metre)


FRAMES = {
    "canonical": Frame((0, 1, 2), (1, 1, 1)),
    "gltf": Frame((0, 1, 2), (1, 1, 1)),
    "godot": Frame((0, 1, 2), (1, 1, 1)),
    "unity": Frame((0, 1, 2), (-1, 1, 1)),
    "blender": Frame((0, 2, 1), (1, -1, 1)),
    # A mesh's own space, where Manny faces +Y: bones and root motion.
    "unreal_component": Frame((0, 2, 1), (1, 1, 1), 100.0),
    # The space of actors, which face +X: transforms and paths in the level.
    "unreal_actor": Frame((2, 0, 1), (1, -1, 1), 100.0),
}
"""Name -> how its coordinates come from ours."""


def positions_to(frame: Frame, positions: Array) -> Array:
    """Our positions `(..., 3)` in another frame's axes and units."""
    scale = np.array(frame.signs, positions.dtype) * positions.dtype.type(frame.units_per_metre)
    return positions[..., list(frame.axes)] * scale


def rotations_to(frame: Frame, q: Array) -> Array:
    """Our quaternions `(..., 4)` in another frame's axes; a mirrored frame turns the other way round."""
    signs = [sign * frame.handedness for sign in frame.signs]
    return q[..., [*frame.axes, 3]] * np.array([*signs, 1], q.dtype)


def positions_from(frame: Frame, positions: Array) -> Array:
    """Another frame's positions `(..., 3)` in ours, in metres."""
    return positions_to(frame.inverse, positions)


def rotations_from(frame: Frame, q: Array) -> Array:
    """Another frame's quaternions `(..., 4)` in ours."""
    return rotations_to(frame.inverse, q)


def skeleton_from(frame: Frame, skeleton: Skeleton) -> Skeleton:
    """A skeleton measured in another frame, in ours. Its `sole` is a height there, in its units."""
    rotations = None if skeleton.rotations is None else rotations_from(frame, skeleton.rotations)
    return replace(
        skeleton,
        positions=positions_from(frame, skeleton.positions).astype(np.float32),
        rotations=None if rotations is None else rotations.astype(np.float32),
        sole=skeleton.sole / frame.units_per_metre,
    )

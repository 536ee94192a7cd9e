"""Motion <-> the 201 numbers a frame that the network sees, laid out as HY-Motion does.

[0:3] translation | [3:9] root rotation | [9:135] rotations of joints 1 to 21 | [135:201] joint positions
without the translation. Rotations are six numbers each, rows of two. Decoding reads no positions.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_export.train.ingest import Motion, places
from posewire_export.train.rest import REST
from posewire_runtime.motion import quat, rot6d, skeleton
from posewire_runtime.types import Float

WIDTH = 201
TRANSLATION = slice(0, 3)
ROTATIONS = slice(3, 135)
POSITIONS = slice(135, 201)

WEIGHTS = np.concatenate([np.full(3, 1.5), np.full(6, 2.0), np.full(126, 1.0), np.full(66, 1.0)])
"""How much an error in each feature counts: three numbers place the whole body, six turn it.

Not more: with noise still to come, where the body will be is so uncertain that its error would drown that of
the arms, and the network would hear where to go but not which hand to raise.
"""

LATE_WEIGHTS = np.concatenate([np.full(3, 8.0), np.full(6, 2.0), np.full(126, 1.0), np.full(66, 1.0)])
"""The same where the noise is gone: by then the legs are settled, and the body must go as they do."""

_GROUPS = (slice(3, 9), slice(9, 135), slice(135, 201))
_FLOOR = 0.7
"""No feature's spread counts as less than this share of its group's: tiny movements stay tiny."""
_TRAVEL = np.array([0.5, 0.15, 0.5])
"""What translation is counted in, metres: less than its spread, for an error in it slides the feet."""


def encode(motion: Motion) -> Float:
    """(L, 201), not normalised."""
    positions = places(motion)
    six = rot6d.interleaved_from_matrix(quat.to_matrix(motion.rotations))  # (L, 22, 6)
    translation = motion.root - REST.positions[0]
    bare = positions - translation[:, None]
    frames = len(motion)
    parts = (translation, six.reshape(frames, -1), bare.reshape(frames, -1))
    return np.concatenate(parts, axis=1).astype(np.float32)


def decode(features: Float) -> Motion:
    """The motion of features (L, 201) that are not normalised; any numbers give rotations."""
    six = features[:, ROTATIONS].reshape(len(features), len(REST), 6)
    rotations = quat.continuous(quat.from_matrix(rot6d.interleaved_to_matrix(six)))
    return Motion(rotations.astype(np.float32), features[:, TRANSLATION] + REST.positions[0])


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Brings every feature to mean 0 and a spread of about 1."""

    mean: Float  # (201,)
    std: Float  # (201,)

    def apply(self, features: Float) -> Float:
        return (features - self.mean) / self.std

    def undo(self, features: Float) -> Float:
        return features * self.std + self.mean


def measure(clips: list[Float]) -> Normaliser:
    """Mean and spread over all frames of the clips."""
    frames = np.concatenate(clips).astype(np.float64)
    std = frames.std(0)
    for group in _GROUPS:
        std[group] = np.maximum(std[group], _FLOOR * np.median(std[group]))
    std[TRANSLATION] = _TRAVEL
    std = np.maximum(std, 1e-2)
    return Normaliser(frames.mean(0).astype(np.float32), std.astype(np.float32))


def _mirror_table() -> tuple[NDArray[np.intp], Float]:
    """(which feature comes here, with which sign) in the mirror image across x = 0."""
    other = [REST.index(skeleton.mirrored_name(name)) for name in REST.names]
    place, sign = np.arange(WIDTH), np.ones(WIDTH, np.float32)
    sign[0] = -1
    for joint, twin in enumerate(other):
        here, there = 3 + 6 * joint, 3 + 6 * twin
        place[here : here + 6] = np.arange(there, there + 6)
        sign[here : here + 6] = (1, -1, -1, 1, -1, 1)
        here, there = 135 + 3 * joint, 135 + 3 * twin
        place[here : here + 3] = np.arange(there, there + 3)
        sign[here] = -1
    return place, sign


_MIRROR_PLACE, _MIRROR_SIGN = _mirror_table()


def mirror(features: Float) -> Float:
    """The features of the mirror image: left and right change places."""
    return (features[:, _MIRROR_PLACE] * _MIRROR_SIGN).astype(np.float32, copy=False)


def stretch(features: Float, frames: int) -> Float:
    """The same motion in another number of frames, read between frames in straight lines."""
    at = np.linspace(0, len(features) - 1, frames)
    before = np.minimum(at.astype(np.intp), len(features) - 2)
    share = (at - before).astype(np.float32)[:, None]
    return (features[before] * (1 - share) + features[before + 1] * share).astype(np.float32, copy=False)

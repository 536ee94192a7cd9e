"""The body goes where its standing foot lets it: what glides is the way, so it is the way that is corrected.

A foot near the floor that is slow, or slower than the other, is taken to stand; the path over the floor is
changed by what it moves. Where nothing stands, the correction of the moments around goes on. No joint turns
and no height changes, so that on motion without sliding next to nothing happens.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.motion.contacts import foot_contacts
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import feet, forward
from posewire_runtime.types import Clip, Skeleton

_NEAR = 0.03
"""Metres above the floor over which a toe ceases to stand."""
_SLOW = (1.5, 0.8, 0.4, 0.4, 0.4)
"""Metres a second over which it does, round by round: at first even the slower of fast feet stands."""
_CALM = 1 / 30
"""Seconds over which the correction is spread."""
_TRUST = 0.02
"""How much the path as it is counts, beside a foot that certainly stands."""
_LEVEL = [0, 2]


def plant(clip: Clip) -> Clip:
    """The clip with its path corrected, and its contacts found anew; it should be on the floor already."""
    skeleton = clip.skeleton
    _, positions = forward(skeleton, clip.rotations.astype(np.float64), clip.root.astype(np.float64))
    change = path_change(skeleton, positions, clip.fps)
    contacts = foot_contacts(skeleton, positions + change[:, None], clip.fps)
    return replace(clip, root=(clip.root + change).astype(np.float32), contacts=contacts, raw={})


def path_change(skeleton: Skeleton, positions: Array, fps: float) -> Array:
    """What has to be added to the path, `(L, 3)`, of a body whose joints are at `(L, J, 3)`."""
    change = np.zeros((len(positions), 3))
    if len(change) > 1:
        change[1:, _LEVEL] = np.cumsum(_correction(skeleton, positions, fps), axis=0) / fps
    return change


def _correction(skeleton: Skeleton, positions: Array, fps: float) -> Array:
    """Velocity to add to the path between frames, `(L - 1, 2)`, from joint positions `(L, J, 3)`."""
    toes = list(feet(skeleton))[1::2]
    places = positions[:, toes]
    height = places[..., 1] - (skeleton.positions[toes, 1] - skeleton.sole)
    near = np.exp(-0.5 * (np.maximum(np.maximum(height[1:], height[:-1]), 0) / _NEAR) ** 2)
    velocity = np.diff(places[..., _LEVEL], axis=0) * fps  # (L - 1, 2 toes, 2)
    change = np.zeros((len(velocity), 2))
    for slow in _SLOW:
        speed = np.linalg.norm(velocity + change[:, None], axis=-1)
        stands = near * np.exp(-0.5 * (speed / slow) ** 2)
        sums = np.column_stack([(stands[..., None] * velocity).sum(1), stands.sum(1)])
        spread = _spread(sums, _CALM * fps)
        change = -spread[:, :2] / (spread[:, 2:] + _TRUST)
    return change


def _spread(values: Array, frames: float) -> Array:
    """Columns averaged over neighbours under a bell of this width; beyond the ends they go on as they end."""
    reach = max(1, round(4 * frames))
    bell = np.exp(-0.5 * (np.arange(-reach, reach + 1) / frames) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, len(bell), axis=0)  # (L - 1, 3, width)
    return windows @ (bell / bell.sum())

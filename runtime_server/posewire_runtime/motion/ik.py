"""Two bones that reach for a goal: the turns of thigh and calf that put the ankle there.

Works on world positions of any leading dimensions and gives turns of the world, so that it needs to know
neither skeletons nor rest rotations.
"""

from __future__ import annotations

import numpy as np

from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array

_STRAIGHT = 1e-6
"""A bend smaller than this, in metres, has no direction."""


def two_bones(upper: Array, middle: Array, end: Array, goal: Array) -> tuple[Array, Array]:
    """World turns of the upper and of the lower bone that bring `end` to `goal`, all of them `(..., 3)`.

    The limb keeps the plane it bends in, carried along with the way to the goal; a straight limb bends
    forward (+Z as the limb hangs). A goal out of reach is approached as far as the limb's length allows.
    """
    swing = quat.between(end - upper, goal - upper)
    knee = quat.rotate(swing, middle - upper)
    first = np.linalg.norm(middle - upper, axis=-1, keepdims=True)
    second = np.linalg.norm(end - middle, axis=-1, keepdims=True)
    way = np.linalg.norm(goal - upper, axis=-1, keepdims=True)
    ahead = quat.normalise(goal - upper)
    reach = np.clip(way, np.abs(first - second) + _STRAIGHT, first + second)
    along = (first**2 + reach**2 - second**2) / (2 * reach)
    aside = np.sqrt(np.maximum(first**2 - along**2, 0))
    bent = upper + along * ahead + aside * _across(knee, ahead)
    upper_turn = quat.multiply(quat.between(knee, bent - upper), swing)
    shin = quat.rotate(upper_turn, end - middle)
    lower_turn = quat.multiply(quat.between(shin, upper + reach * ahead - bent), upper_turn)
    return upper_turn, lower_turn


def _across(knee: Array, ahead: Array) -> Array:
    """The direction of the bend: of unit length, at right angles to the way to the goal."""
    bend = knee - np.sum(knee * ahead, axis=-1, keepdims=True) * ahead
    forward = np.zeros_like(bend)
    forward[..., 2] = 1
    forward -= np.sum(forward * ahead, axis=-1, keepdims=True) * ahead
    straight = np.linalg.norm(bend, axis=-1, keepdims=True) < _STRAIGHT
    return quat.normalise(forward * straight + bend * ~straight)

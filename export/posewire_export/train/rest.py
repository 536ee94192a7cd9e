"""The rest skeleton of the starter model: SMPL's 22 joints with proportions of our own.

A T-pose with straight legs, arms exactly along X, every rest rotation the identity. The lengths
are rounded medians of the people in the training data; no body model's numbers are used. The
pelvis rests in the origin, so that a frame's translation is the pelvis' place in the world.
"""

from __future__ import annotations

import numpy as np

from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Skeleton

NAME = "posewire-starter-rest-1"
"""Packages carry this name, so that nobody mistakes the pose for SMPL's own."""

_MIDDLE = {  # joint: offset from its parent, metres
    "Spine1": (0.0, 0.100, 0.0),
    "Spine2": (0.0, 0.110, 0.0),
    "Spine3": (0.0, 0.110, 0.0),
    "Neck": (0.0, 0.210, 0.0),
    "Head": (0.0, 0.090, 0.015),
}
_LEFT = {
    "Hip": (0.088, -0.060, 0.0),
    "Knee": (0.0, -0.420, 0.0),
    "Ankle": (0.0, -0.420, 0.0),
    "Foot": (0.0, -0.065, 0.135),
    "Collar": (0.040, 0.130, -0.010),
    "Shoulder": (0.125, 0.030, -0.015),
    "Elbow": (0.275, 0.0, 0.0),
    "Wrist": (0.250, 0.0, 0.0),
}
SOLE = -0.99
"""Height of the soles, below the pelvis: 2.5 cm under the toe joint."""


def _offset(name: str) -> tuple[float, float, float]:
    if name in _MIDDLE:
        return _MIDDLE[name]
    side, _, part = name.partition("_")
    x, y, z = _LEFT[part]
    return (x if side == "L" else -x), y, z


def _skeleton() -> Skeleton:
    positions = np.zeros((len(SMPL22), 3))
    for joint, (name, parent) in enumerate(zip(SMPL22.names, SMPL22.parents, strict=True)):
        if parent >= 0:
            positions[joint] = positions[parent] + _offset(name)
    return Skeleton(SMPL22.names, SMPL22.parents, positions.astype(np.float32), sole=SOLE)


REST = _skeleton()
"""The skeleton that clips are brought to before the model learns from them."""

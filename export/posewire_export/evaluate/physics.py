"""Does a motion slide, sink, shake? Measured on joints, the same for real and made motion. Pure numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_export.train.ingest import FPS, Motion, places
from posewire_export.train.rest import REST
from posewire_runtime.motion import quat

LOW = 0.05
"""A toe whose sole is less high above the floor, metres, may touch it."""

_TOES = [REST.index("L_Foot"), REST.index("R_Foot")]
_TOE_HEIGHT = float(REST.positions[_TOES[0], 1] - REST.sole)

Numbers = NDArray[np.floating]


@dataclass(frozen=True)
class Physics:
    """One clip's figures."""

    sliding: float
    """Mean horizontal speed of toes near the floor, m/s; not a number where no toe comes near."""
    sinking: float
    """Deepest point of a toe's sole below the floor, metres."""
    jerk: float
    """Mean third derivative of joint positions, m/s³."""
    flips: int
    """Joints that turn by more than half a right angle within a frame, counted over the clip."""
    drift: float
    """How much higher the lowest toe is in the last fifth than in the first, metres."""


def measure(motion: Motion) -> Physics:
    """Physics of a clip of at least four frames."""
    positions = places(motion)
    return Physics(
        sliding=_sliding(positions),
        sinking=float(max(0.0, -(positions[:, _TOES, 1] - _TOE_HEIGHT).min())),
        jerk=float(np.linalg.norm(np.diff(positions, 3, axis=0), axis=-1).mean() * FPS**3),
        flips=int((quat.angle(motion.rotations[1:], motion.rotations[:-1]) > np.pi / 4).sum()),
        drift=_drift(positions),
    )


def _sliding(positions: Numbers) -> float:
    toes = positions[:, _TOES]
    speed = np.linalg.norm(np.diff(toes[..., [0, 2]], axis=0), axis=-1) * FPS  # (L - 1, 2)
    height = toes[..., 1] - _TOE_HEIGHT
    near = np.maximum(height[1:], height[:-1]) < LOW
    return float(speed[near].mean()) if near.any() else float("nan")


def _drift(positions: Numbers) -> float:
    lowest = positions[:, _TOES, 1].min(1)
    part = max(1, len(lowest) // 5)
    return float(np.quantile(lowest[-part:], 0.1) - np.quantile(lowest[:part], 0.1))

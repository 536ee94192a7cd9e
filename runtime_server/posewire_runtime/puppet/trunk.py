"""The puppet above the hips: a spine that balances, a head that looks ahead, arms that swing and wave."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.puppet.footsteps import Curve, Steps
from posewire_runtime.puppet.script import Act
from posewire_runtime.puppet.style import Style
from posewire_runtime.types import Float

_SPINE = [SMPL22.index(name) for name in ("Spine1", "Spine2", "Spine3")]
_NECK = [SMPL22.index(name) for name in ("Neck", "Head")]
_COLLARS, _SHOULDERS, _ELBOWS, _WRISTS = (
    [SMPL22.index(f"{side}_{part}") for side in "LR"] for part in ("Collar", "Shoulder", "Elbow", "Wrist")
)
_MIRROR = np.array([[1, 1, 1, 1], [1, -1, -1, 1]], np.float32)
"""Both arms are made as left ones; the right one is mirrored."""
_RAISED = quat.from_euler(np.radians([-22, 10, -84]).astype(np.float32), "YZX")
"""A left upper arm held out and turned so that the forearm points up and the palm forward."""

_RAISE, _LOWER = 0.6, 0.65
"""Seconds that an arm takes to come up, and to go down."""
_BURST = 4.5
"""About how many seconds a hand waves before it rests."""
_REST = 1.2
"""Seconds of rest between two bursts."""


def set_trunk(
    rotations: Float,
    steps: Steps,
    spans: Sequence[tuple[Act, float]],
    times: Curve,
    yaw: Curve,
    roll: Curve,
    style: Style,
) -> None:
    """Set spine, head and arms over hips that sway by `yaw` and `roll`."""
    waving = np.stack([_waving(spans, times, side) for side in ("left", "right")], axis=-1)  # (L, 2)
    aside = waving[:, 0] - waving[:, 1]
    breath = np.sin(2 * np.pi * 0.27 * times + style.phases[2, 0])
    lean = np.radians(steps.style["lean"])
    # The shoulders turn against the hips, and stay level while the hips roll.
    chest_yaw = -0.7 * yaw + np.radians(3) * aside

    angles = np.zeros(
        (len(times), 4, 3), np.float32
    )  # yaw, pitch, roll of spine, head, left and right collar
    angles[:, 0, 0] = (chest_yaw - yaw) / 3
    angles[:, 0, 1] = lean / 6 - np.radians(0.8) * breath
    angles[:, 0, 2] = np.radians(0.8) * aside - 0.38 * roll
    angles[:, 1] = _head(steps, times, chest_yaw, lean, aside, style) / 2
    angles[:, 2:, 2] = np.radians(-3 + 11 * waving + 0.7 * breath[:, None])
    turned = quat.from_euler(angles, "YXZ")
    rotations[:, _SPINE] = turned[:, :1]
    rotations[:, _NECK] = turned[:, 1:2]
    rotations[:, _COLLARS] = turned[:, 2:] * _MIRROR
    _set_arms(rotations, steps, waving, times, lean, style)


def _head(steps: Steps, times: Curve, chest_yaw: Curve, lean: Curve, aside: Curve, style: Style) -> Curve:
    """How neck and head together turn against the chest: yaw, pitch, roll (L, 3)."""
    ahead = np.interp(times + 0.4, times, steps.heading) - steps.heading
    curious = 1 - 0.6 * steps.going
    yaw = -chest_yaw + 0.6 * ahead + np.radians(10) * curious * style.drift(times, 6.0, 3)
    pitch = -0.8 * lean + np.radians(2) * curious * style.drift(times, 4.5, 4)
    tilt = np.radians(-3) * aside + np.radians(1) * style.drift(times, 8.0, 5)
    return np.stack([yaw, pitch, tilt], axis=-1)


def _set_arms(rotations: Float, steps: Steps, waving: Curve, times: Curve, lean: Curve, style: Style) -> None:
    """Let the arms swing against the legs, hang or wave."""
    # Each arm is in front when the other leg strikes: 0.2 of a cycle after that one's mid-swing.
    swinging = np.cos(2 * np.pi * (steps.cycle[:, None] - [0.7, 0.2]))  # (L, 2)
    loose = np.stack([style.drift(times, 5.0, which) for which in (6, 7)], axis=-1)
    still = 1 - steps.going[:, None]
    elbow = steps.style["elbow"][:, None]
    swing = np.radians(steps.style["arm_swing"] * style.swagger)[:, None] * swinging
    swing += np.radians(2.5) * still * loose
    to_and_fro = (2 * np.pi * style.waves * times)[:, None]

    angles = np.zeros((len(times), 6, 3), np.float32)  # about x, z, y of both shoulders, elbows, wrists
    angles[:, :2, 0] = 0.06 - swing - 0.9 * lean[:, None]
    angles[:, :2, 1] = np.radians(-77 + 1.5 * loose)
    angles[:, :2, 2] = -0.1
    angles[:, 2:4, 0] = np.radians(8 + 0.2 * elbow) * (1 - waving)
    bend = np.radians(16 * still + elbow) + 0.4 * np.maximum(swing, -0.15)
    angles[:, 2:4, 2] = -(bend + waving * (np.radians(77 + 21 * np.sin(to_and_fro)) - bend))
    angles[:, 4:, 2] = -np.radians(6 + waving * (13 * np.sin(to_and_fro - 0.9) - 2))
    arms = quat.from_euler(angles, "XZY")
    if waving.any():
        arms[:, :2] = quat.slerp(arms[:, :2], _RAISED, waving)
    rotations[:, _SHOULDERS] = arms[:, :2] * _MIRROR
    rotations[:, _ELBOWS] = arms[:, 2:4] * _MIRROR
    rotations[:, _WRISTS] = arms[:, 4:] * _MIRROR


def _waving(spans: Sequence[tuple[Act, float]], times: Curve, side: str) -> Curve:
    """How far up a waving arm is: 0 hanging, 1 waving."""
    up = np.zeros_like(times)
    begin = 0.0
    for act, seconds in spans:
        if side in act.waves:
            bursts = max(1, round(seconds / (_BURST + _REST)))
            slot = seconds / bursts
            for k in range(bursts):
                start = begin + k * slot + 0.1
                stop = begin + (k + 1) * slot - (_REST if k + 1 < bursts else 0.05)
                up += _smooth((times - start) / _RAISE) * _smooth((stop - times) / _LOWER)
        begin += seconds
    return np.minimum(up, 1.0)


def _smooth(x: Curve) -> Curve:
    x = np.clip(x, 0, 1)
    return x * x * (3 - 2 * x)

"""The puppet's body over its footsteps: the hips, then the legs by two-bone IK, so that feet stay put.

Everything is computed for all frames at once, in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.puppet import trunk
from posewire_runtime.puppet.footsteps import Curve, Feet, Steps, plan
from posewire_runtime.puppet.script import WALK, Act, read
from posewire_runtime.puppet.style import Style
from posewire_runtime.types import Clip, Float

_REST = SMPL22.positions.astype(np.float64)
_HIPS, _KNEES, _ANKLES, _BALLS = (
    [SMPL22.index(f"{side}_{part}") for side in "LR"] for part in ("Hip", "Knee", "Ankle", "Foot")
)
_THIGH = _REST[_KNEES] - _REST[_HIPS]  # (2, 3)
_SHANK = _REST[_ANKLES] - _REST[_KNEES]
_THIGH_LENGTH, _SHANK_LENGTH = np.linalg.norm(_THIGH, axis=-1), np.linalg.norm(_SHANK, axis=-1)  # (2,)
_SOLE = _REST[_ANKLES] * [0, 1, 0] - [0, SMPL22.sole, 0]  # (2, 3)
"""From the floor up to the ankles."""
_BALL = _REST[_BALLS] - _REST[_ANKLES]
"""From the ankles to the joints that the toes roll over."""
_HEEL = -_SOLE - [0, 0, 0.05]
"""From the ankles to where the heels strike."""
_HIGH = _REST[SMPL22.pelvis, 1] - SMPL22.sole
"""The pelvis over the floor, with straight legs."""
_SHORTEST = 1.6
"""Seconds that an act needs at least."""
_STRETCH = 0.997
"""The longest that a leg gets, as a share of its bones: knees never lock."""
_FLAT = np.radians(4.0)
"""A foot that is tilted no further touches the floor with heel and toes."""


def _axes(hinge: Curve, direction: Curve) -> Curve:
    """Orthonormal columns: the hinge as far as it lies across, the direction, and what stands on both."""
    direction = quat.normalise(direction)
    along = np.sum(hinge * direction, axis=-1, keepdims=True)
    across = quat.normalise(hinge - along * direction)
    return np.stack([across, direction, _across(across, direction)], axis=-1)


def _across(a: Curve, b: Curve) -> Curve:
    return np.asarray(np.cross(a, b), a.dtype)


_REST_AXES = np.swapaxes(_axes(np.array([1.0, 0.0, 0.0]), np.concatenate([_THIGH, _SHANK])), -1, -2)
"""The other way round from thighs and shanks at rest, (4, 3, 3): the knees' hinges lie across."""


def perform(prompt: str, frames: int, fps: float, seed: int) -> Clip:
    """The motion of a prompt. The same arguments give the same clip, to the bit."""
    # A clip too short for its acts is cut, rather than rushed.
    acts = read(prompt)[: 1 + int(frames / fps / _SHORTEST)]
    seconds = max(frames / fps, 0.9 + _SHORTEST * len(acts))
    style = Style.of(seed)
    shares = np.array([act.share for act in acts])
    spans = list(zip(acts, (shares / shares.sum() * seconds).tolist(), strict=True))
    times = np.arange(frames) / fps
    return _pose(plan(spans, times, style.first, style.tempo), spans, times, fps, style, seed)


def _pose(
    steps: Steps, spans: Sequence[tuple[Act, float]], times: Curve, fps: float, style: Style, seed: int
) -> Clip:
    """Put the body over its footsteps."""
    sway = _Sway.of(steps, times, style)
    turned = quat.from_euler(_angles(steps, sway), "YXZ")
    hips, flat, soles, toes = turned[:, 0], turned[:, 1:3], turned[:, 3:5], turned[:, 5:]
    toward = quat.rotate(hips[:, None], _REST[_HIPS] - _REST[SMPL22.pelvis])
    # A tilted foot rolls over its heel or its ball.
    pivot = np.where(steps.feet.pitch[..., None] > 0, _HEEL, _BALL)
    ankles = steps.feet.place + _SOLE + quat.rotate(flat, pivot) - quat.rotate(soles, pivot)
    root = _root(steps, sway, toward, ankles, fps)
    rotations = np.empty((len(times), len(SMPL22), 4), np.float32)  # parent-relative, (L, J, 4)
    rotations[:, SMPL22.pelvis] = hips
    rotations[:, _BALLS] = toes
    _set_legs(rotations, steps, hips, ankles - root[:, None] - toward, soles)
    trunk.set_trunk(rotations, steps, spans, times, sway.yaw, sway.roll, style)
    return Clip(
        SMPL22,
        fps,
        rotations,
        root.astype(np.float32),
        _contacts(steps.feet),
        seed,
    )


@dataclass(frozen=True, eq=False)
class _Sway:
    """How the hips move over the path."""

    aside: Curve
    """Metres to the left."""
    yaw: Curve
    """Radians to the left."""
    roll: Curve
    """Radians, the left hip up positive."""

    @classmethod
    def of(cls, steps: Steps, times: Curve, style: Style) -> _Sway:
        """Toward the foot that stands, the hip of the swinging leg low and, as it lands, in front."""
        turn = 2 * np.pi * steps.cycle
        speed = np.minimum(steps.style["stride"] / WALK.stride, 1.0)
        still = 1 - steps.going
        weight = style.drift(times, 5.5, 0)
        aside = (0.032 - 0.012 * speed) * steps.going * -np.cos(turn) + 0.028 * still * weight
        yaw = np.radians(6.0) * style.swagger * speed * -np.cos(turn - 0.4 * np.pi)
        roll = np.radians(3.2) * style.swagger * steps.going * -np.cos(turn)
        return cls(
            aside,
            yaw + np.radians(1.5) * still * style.drift(times, 7.0, 1),
            roll + np.radians(1.8) * still * weight,
        )


def _angles(steps: Steps, sway: _Sway) -> Curve:
    """Yaw, pitch, roll of the pelvis, of both feet flat, of both feet as they are, of both feet's toes."""
    feet = steps.feet
    angles = np.zeros((len(steps.heading), 7, 3))
    angles[:, 0, 0] = steps.heading + sway.yaw
    angles[:, 0, 1] = np.radians(steps.style["lean"]) / 2
    angles[:, 0, 2] = sway.roll
    angles[:, 1:3, 0] = angles[:, 3:5, 0] = feet.yaw
    angles[:, 3:5, 1] = -feet.pitch
    # Toes stay flat on the floor while the heel rises, and ease once they are in the air.
    away = np.clip(feet.swing * 3, 0, 1) * (feet.swing < 1)
    angles[:, 5:, 1] = np.minimum(feet.pitch, 0) * (1 - 0.7 * away)
    return angles


def _root(steps: Steps, sway: _Sway, toward: Curve, ankles: Curve, fps: float) -> Curve:
    """The pelvis in the world (L, 3): over the path, and as high as the standing legs let it."""
    x = steps.ground[:, 0] + sway.aside * np.cos(steps.heading)
    z = steps.ground[:, 1] - sway.aside * np.sin(steps.heading)
    root = np.stack([x, np.zeros_like(x), z], axis=-1)
    gap = ankles - root[:, None] - toward  # from a hip at floor height, (L, 2, 3)
    level = gap[..., 0] ** 2 + gap[..., 2] ** 2
    reach = ((_THIGH_LENGTH + _SHANK_LENGTH) * _STRETCH) ** 2 - level
    highest = gap[..., 1] + np.sqrt(np.maximum(reach, 0.01))
    highest = np.min(np.where(_standing(steps.feet), highest, np.inf), axis=-1)
    wanted = _HIGH - steps.style["crouch"] - steps.style["bounce"] * np.cos(4 * np.pi * steps.cycle)
    root[:, 1] = wanted + _soften(np.minimum(highest - wanted, 0), max(1, round(0.065 * fps)))
    return root


def _soften(curve: Curve, radius: int) -> Curve:
    """A smooth curve that is nowhere above the given one: the mean of the minima around each frame."""
    windows = np.lib.stride_tricks.sliding_window_view
    lowest = windows(np.pad(curve, 2 * radius, mode="edge"), 2 * radius + 1).min(axis=-1)
    return windows(lowest, 2 * radius + 1).mean(axis=-1)


def _set_legs(rotations: Float, steps: Steps, pelvis: Curve, gap: Curve, soles: Curve) -> None:
    """Bend hips and knees so that the ankles come where they shall be: `gap` (L, 2, 3) from the hips."""
    length = np.linalg.norm(gap, axis=-1)
    down = gap / length[..., None]
    facing = (steps.heading[:, None] + steps.feet.yaw) / 2
    forward = np.stack([np.sin(facing), np.zeros_like(facing), np.cos(facing)], axis=-1)
    ahead = quat.normalise(forward - np.sum(forward * down, axis=-1, keepdims=True) * down)
    hinge = _across(ahead, down)
    # The law of cosines. A swinging foot that is out of reach comes as near as the leg lets it.
    a, b, c = _THIGH_LENGTH, _SHANK_LENGTH, np.minimum(length, (_THIGH_LENGTH + _SHANK_LENGTH) * _STRETCH)
    cosine = np.clip((a**2 + c**2 - b**2) / (2 * a * c), -1.0, 1.0)[..., None]
    thigh = cosine * down + np.sqrt(1 - cosine**2) * ahead
    bones = np.concatenate(
        [thigh, c[..., None] * down - a[:, None] * thigh], axis=1
    )  # thighs, then shanks: (L, 4, 3)
    axes = _axes(np.concatenate([hinge, hinge], axis=1), bones)
    below = quat.from_matrix(axes @ _REST_AXES)
    children = np.concatenate([below, soles], axis=1)
    parents = np.concatenate([np.repeat(pelvis[:, None], 2, axis=1), below], axis=1)
    rotations[:, [*_HIPS, *_KNEES, *_ANKLES]] = quat.multiply(quat.conjugate(parents), children)


def _standing(feet: Feet) -> NDArray[np.bool_]:
    """Which feet are on the floor (L, 2)."""
    return (feet.swing <= 0) | (feet.swing >= 1)


def _contacts(feet: Feet) -> NDArray[np.bool_]:
    """Left heel, left toe, right heel, right toe: what stands on the floor (L, 4)."""
    standing = _standing(feet)
    heel, toe = standing & (feet.pitch > -_FLAT), standing & (feet.pitch < _FLAT)
    return np.stack([heel, toe], axis=-1).reshape(len(standing), 4)

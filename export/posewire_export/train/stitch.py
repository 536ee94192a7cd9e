"""Two motions into one: the second begins where and how the first ends."""

from __future__ import annotations

import numpy as np

from posewire_export.train.ingest import Motion, heading, turn
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array


def fits(first: Motion, second: Motion) -> bool:
    """Whether one can follow the other without a leap: pelvis height and pose are near enough."""
    rise = abs(first.root[-1, 1] - second.root[0, 1])
    bend = quat.angle(first.rotations[-1, 1:], second.rotations[0, 1:]).mean()
    return bool(rise < 0.2 and bend < 0.6)


def stitch(first: Motion, second: Motion) -> Motion:
    """`first`, then `second` turned to go on from there; the gap between the poses fades out."""
    last = len(first) - 1
    second = turn(second, heading(first, last) - heading(second), first.root[last])
    gap = quat.multiply(first.rotations[last], quat.conjugate(second.rotations[0]))  # (22, 4)
    lift = first.root[last] - second.root[0]
    bend = float(quat.angle(gap, quat.identity((), np.float32)).max())
    fade = _fade(len(second), 8 + 12 * bend)
    rest = quat.identity(gap.shape[:-1], np.float32)
    eased = quat.slerp(rest[None], gap[None], fade[:, None])
    rotations = quat.multiply(eased, second.rotations).astype(np.float32)
    root = second.root + fade[:, None] * lift
    joined = np.concatenate([first.rotations, rotations[1:]])
    path = np.concatenate([first.root, root[1:]])
    return Motion(quat.continuous(joined), path.astype(np.float32))


def _fade(frames: int, over: float) -> Array:
    """1 falling smoothly to 0 over so many frames."""
    at = np.clip(np.arange(frames, dtype=np.float32) / np.float32(over), 0, 1)
    return 1 - at * at * (3 - 2 * at)

"""The part of a clip in which something happens: idle lead-in and tail cut off."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import Clip

IDLE_SPEED = 0.12
"""Metres a second: while no joint is faster, nothing happens. Breathing and swaying are slower."""
MARGIN = 0.2
"""Seconds kept before the first and after the last movement."""


def cut(clip: Clip, start: int, end: int) -> Clip:
    """The frames from `start` up to, not including, `end`."""
    part = slice(start, end)
    return replace(
        clip,
        rotations=clip.rotations[part],
        root=clip.root[part],
        contacts=clip.contacts[part],
        raw={},
    )


def active_window(clip: Clip) -> tuple[int, int]:
    """First frame and the frame after the last of what isn't idle; the whole clip where all of it is."""
    _, positions = forward(clip.skeleton, clip.rotations, clip.root)
    if clip.frames < 2:
        return 0, clip.frames
    speed = np.linalg.norm(np.gradient(positions, axis=0), axis=-1).max(axis=-1) * clip.fps
    moving = np.flatnonzero(speed > IDLE_SPEED)
    if not len(moving):
        return 0, clip.frames
    margin = round(MARGIN * clip.fps)
    return max(0, int(moving[0]) - margin), min(clip.frames, int(moving[-1]) + 1 + margin)


def trim_idle(clip: Clip) -> Clip:
    """The clip without its idle ends."""
    return cut(clip, *active_window(clip))

"""Several clips as one: each begins where the one before is, faces the way it faces, fades in from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

import numpy as np

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.motion import quat
from posewire_runtime.motion.root import place, root_motion
from posewire_runtime.types import Clip

FADE = 0.35
"""Seconds in which a clip turns into the next one."""


def join(clips: Sequence[Clip], seconds: float = FADE) -> Clip:
    """One after another; the fade takes place over the end of one and the beginning of the next."""
    return reduce(lambda before, after: _two(before, after, seconds), clips)


def _two(before: Clip, after: Clip, seconds: float) -> Clip:
    if after.skeleton.names != before.skeleton.names or after.fps != before.fps:
        found = f"{before.fps:g} and {after.fps:g} fps"
        message = f"expected clips of one skeleton and rate, found {found}; use one model for all of a row"
        raise InvalidRequest.of([Violation("prompt", message)])
    shared = max(1, min(round(seconds * before.fps), before.frames - 1, after.frames - 1))
    motion = root_motion(before)
    position = motion.positions[-shared].astype(np.float32)
    after = place(after, position, float(motion.headings[-shared]))
    t = (np.arange(shared) + 1) / (shared + 1)
    t = t * t * (3 - 2 * t)
    here, there = before.rotations[-shared:], after.rotations[:shared]
    rotations = quat.slerp(here, there, t[:, None].astype(np.float32)).astype(np.float32)
    weight = t[:, None].astype(np.float32)
    root = before.root[-shared:] * (1 - weight) + after.root[:shared] * weight
    contacts = np.where(t[:, None] < 0.5, before.contacts[-shared:], after.contacts[:shared])
    return replace(
        before,
        rotations=np.concatenate([before.rotations[:-shared], rotations, after.rotations[shared:]]),
        root=np.concatenate([before.root[:-shared], root, after.root[shared:]]),
        contacts=np.concatenate([before.contacts[:-shared], contacts, after.contacts[shared:]]),
        raw={},
    )

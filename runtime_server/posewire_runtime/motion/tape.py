"""Motion without end: frames are added at one side and forgotten at the other. Indices never start anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.motion.carry import carry_on
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.resample import cubic_at, nearest_at, rotations_at
from posewire_runtime.motion.trim import cut
from posewire_runtime.types import Clip

_AROUND = 2
"""Frames on either side of a point that its cubic looks at."""


class Tape:
    """The frames of one character that are still needed."""

    def __init__(self) -> None:
        self._clip: Clip | None = None
        self.first = 0
        """Index of the oldest frame that is kept."""

    @property
    def end(self) -> int:
        """Index after the newest frame."""
        return self.first + (0 if self._clip is None else self._clip.frames)

    def splice(self, at: int, clip: Clip, skipped: int) -> None:
        """From `at` on show `clip` from its frame `skipped` on, without a seam; what stood there is gone."""
        if self._clip is None:
            self._clip = cut(clip, skipped, clip.frames)
            return
        before = cut(self._clip, 0, at - self.first)
        new = carry_on(self._clip, clip, at - self.first, skipped)
        self._clip = replace(
            before,
            rotations=np.concatenate([before.rotations, new.rotations]),
            root=np.concatenate([before.root, new.root]),
            contacts=np.concatenate([before.contacts, new.contacts]),
        )

    def part(self, start: int, end: int) -> Clip:
        """Frames `start` to `end`, without `end`."""
        assert self._clip is not None
        return cut(self._clip, start - self.first, end - self.first)

    def at(self, points: Array) -> Clip:
        """The motion at points that may lie between frames, the newest frame at most."""
        low = max(int(np.floor(points[0])) - _AROUND, self.first)
        high = min(int(np.ceil(points[-1])) + _AROUND + 1, self.end)
        part, points = self.part(low, high), points - low
        whole = points.astype(np.intp)
        if np.array_equal(whole, points):
            return replace(
                part, rotations=part.rotations[whole], root=part.root[whole], contacts=part.contacts[whole]
            )
        return replace(
            part,
            rotations=rotations_at(part.rotations, points).astype(np.float32),
            root=cubic_at(part.root, points).astype(np.float32),
            contacts=nearest_at(part.contacts, points),
        )

    def forget(self, before: int) -> None:
        """Frames before this one are not needed any more."""
        if self._clip is not None and before > self.first:
            self._clip = cut(self._clip, before - self.first, self._clip.frames)
            self.first = before

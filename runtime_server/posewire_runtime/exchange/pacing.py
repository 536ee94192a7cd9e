"""When which frames of a clip leave: pure decisions, on plain numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

FIRST_CHUNK = 4
"""Frames of an unpaced clip's first chunk; each next one is twice as long."""
MOST_CHUNK = 256
"""Frames of an unpaced clip's longest chunks."""
PACED_CHUNK = 8
"""Frames of a paced clip's chunks."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast frames leave."""

    rate: float = 0.0
    """Times real time; 0: as fast as possible."""
    ahead: float = 0.25
    """With a rate: seconds of motion that are sent ahead of the play head."""

    def due(self, seconds: float) -> float:
        """When the frame at `seconds` of its clip leaves, in seconds after the clip began to be sent."""
        return max(0.0, seconds - self.ahead) / self.rate if self.rate else 0.0


def chunks(frames: int, pace: Pace, most: int | None = None) -> Iterator[tuple[int, int]]:
    """First frame and end of each chunk; `most` frames each where somebody said so.

    Unpaced, the first one is short, so that it leaves at once, and they grow, so that there are few.
    """
    largest = most or (PACED_CHUNK if pace.rate else MOST_CHUNK)
    size = largest if pace.rate else min(FIRST_CHUNK, largest)
    first = 0
    while first < frames:
        end = min(frames, first + size)
        yield first, end
        first, size = end, min(size * 2, largest)

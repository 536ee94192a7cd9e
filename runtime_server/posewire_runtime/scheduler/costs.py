"""How long the calls of a program take, as measured lately: what the planner goes by."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field


@dataclass(slots=True)
class _Recent:
    """The last calls of one pace."""

    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=CallCosts.KEEP))
    last: float = 0.0
    """When the newest was measured."""


class CallCosts:
    """The least of the last few times of one kind of call, by what they were measured under.

    The least, because it is better to fail late now and then than to refuse what would have
    been done in time. Forgotten when old, so that one slow moment can't keep everybody out
    for ever: whoever is refused makes no steps that would correct the figure.
    """

    KEEP = 8
    """Calls that are looked at."""
    FRESH = 10.0
    """Seconds after which a measurement no longer counts."""

    def __init__(self) -> None:
        self._recent: dict[Hashable, _Recent] = {}

    def record(self, pace: Hashable, seconds: float, now: float) -> None:
        """A call of this pace took so long."""
        recent = self._recent.setdefault(pace, _Recent())
        recent.seconds.append(seconds)
        recent.last = now

    def current(self, now: float) -> dict[Hashable, float]:
        """Seconds of one call, by pace. A pace needs two measurements: the first is the warm-up's."""
        return {
            pace: min(recent.seconds)
            for pace, recent in self._recent.items()
            if len(recent.seconds) > 1 and now - recent.last < self.FRESH
        }

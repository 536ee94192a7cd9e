"""Searching the time grid with the least error: the part of `posewire export calibrate` that knows no model.

An error is asked of the caller for each grid (it samples a prompt set and compares with the reference),
over and over. Two searches follow each other: over the two numbers of a warped grid, then
over every step's width by itself, from where the first ended. Both are pattern searches: walk along
one axis at a time while it helps, halve the stride when nothing does. Deterministic; the even grid is
always among the grids tried, so the result is never worse than it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from posewire_runtime.sampling.schedule import even_times, spaced_times, warped_times

Times = tuple[float, ...]
_STRIDE = 0.5
"""First stride, in logarithms: shifts and widths change by a factor of 1.65."""
_FINEST = 0.04
"""Strides below this change the error by less than prompts differ."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search ended with."""

    times: Times
    error: float
    even_error: float
    """Of the evenly spaced grid, for comparison."""
    tried: int
    """Grids whose error was asked for."""


def search_grid(error: Callable[[Times], float], steps: int, budget: int = 80) -> Found:
    """The grid of so many steps with the least error, within `budget` calls of `error`."""
    asked = _Asked(error, budget)
    even_error = asked(even_times(steps))
    _walk(lambda p: asked(warped_times(steps, math.exp(p[0]), math.exp(p[1]))), (0.0, 0.0), even_error)
    widths = tuple(math.log(b - a) for a, b in pairwise(asked.best))
    _walk(lambda p: asked(spaced_times([math.exp(width) for width in p])), widths, asked.least)
    return Found(asked.best, asked.least, even_error, asked.count)


class _Asked:
    """The error function, with a budget and a memory of the best; beyond the budget all is infinitely bad."""

    def __init__(self, error: Callable[[Times], float], budget: int) -> None:
        self._error, self._budget = error, budget
        self._known: dict[Times, float] = {}
        self.best: Times = ()
        self.least = math.inf

    @property
    def count(self) -> int:
        return len(self._known)

    def __call__(self, times: Times) -> float:
        if times not in self._known:
            if self.count >= self._budget or any(a >= b for a, b in pairwise(times)):
                return math.inf
            found = self._error(times)
            self._known[times] = math.inf if math.isnan(found) else found
            if self._known[times] < self.least or not self.best:
                self.best, self.least = times, self._known[times]
        return self._known[times]


def _walk(error: Callable[[Sequence[float]], float], start: Sequence[float], least: float) -> None:
    """Pattern search; what it finds is in the memory behind `error`."""
    place, stride = list(start), _STRIDE
    while stride >= _FINEST:
        moved = False
        for axis in range(len(place)):
            for way in (stride, -stride):
                there = [*place[:axis], place[axis] + way, *place[axis + 1 :]]
                if (found := error(there)) < least:
                    place, least, moved = there, found, True
                    break
        if not moved:
            stride /= 2

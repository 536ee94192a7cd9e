"""Two reports compared: which cases became slower or faster, and how sure that is. Pure.

A case is compared by its blocks, each a ratio to the reference product that stood beside it. Small changes
are no news even where they are real: the question is whether a case changed by more than a tolerance, asked
by a rank test of the blocks with one side scaled by it, and made harder by the number of cases asked about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posewire_runtime.profile.machine import same
from posewire_runtime.profile.report import with_figures
from posewire_runtime.profile.statistics import holm, median, slower

TOLERANCE = 0.05
"""Changes up to this share are no news."""
CHANCE = 0.01
"""A change counts when chance would show it less often than this."""
LEAST = 5
"""Blocks on each side without which nothing can be said."""


@dataclass(frozen=True, slots=True)
class Change:
    """One case in both reports."""

    case: str
    before: float
    """Median of its blocks, in reference products."""
    after: float
    before_ms: float
    after_ms: float
    chance: float
    """Of seeing this although nothing changed beyond the tolerance; raised for the number of cases."""
    verdict: str
    """slower, faster, same, or unknown."""

    @property
    def change(self) -> float:
        """0.15: takes 15 % longer."""
        return self.after / self.before - 1


@dataclass(frozen=True, slots=True)
class Diff:
    """All that can be said of two reports."""

    changes: tuple[Change, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    machines: tuple[str, ...]
    """In what the machines differ."""
    references: tuple[str, ...]
    """Cases whose reference was another one: they aren't compared."""

    def regressions(self, more_than: float = 0.0) -> list[Change]:
        """Cases that are slower for sure, by more than a share."""
        return [change for change in self.changes if change.verdict == "slower" and change.change > more_than]


def diff(before: Mapping[str, Any], after: Mapping[str, Any], tolerance: float = TOLERANCE) -> Diff:
    """Compare what both have."""
    old = {case["name"]: case for case in with_figures(before)}
    new = {case["name"]: case for case in with_figures(after)}
    both = [name for name in old if name in new]
    other = tuple(name for name in both if old[name]["reference"] != new[name]["reference"])
    compared = [name for name in both if name not in other]
    return Diff(
        changes=tuple(changes([(name, old[name], new[name]) for name in compared], tolerance)),
        only_before=tuple(name for name in old if name not in new),
        only_after=tuple(name for name in new if name not in old),
        machines=tuple(same(dict(before["machine"]), dict(after["machine"]))),
        references=other,
    )


def changes(
    pairs: Sequence[tuple[str, Mapping[str, Any], Mapping[str, Any]]], tolerance: float = TOLERANCE
) -> list[Change]:
    """What became of each case."""
    blocks = [(one["ratio"]["blocks"], other["ratio"]["blocks"]) for _, one, other in pairs]
    up = holm([slower([b * (1 + tolerance) for b in old], new) for old, new in blocks])
    down = holm([slower([b * (1 + tolerance) for b in new], old) for old, new in blocks])
    return [
        Change(
            case=name,
            before=median(old),
            after=median(new),
            before_ms=one["end_to_end"]["p50"],
            after_ms=other["end_to_end"]["p50"],
            chance=min(rise, fall),
            verdict=_verdict(min(len(old), len(new)), rise, fall),
        )
        for (name, one, other), (old, new), rise, fall in zip(pairs, blocks, up, down, strict=True)
    ]


def _verdict(count: int, rise: float, fall: float) -> str:
    if count < LEAST:
        return "unknown"
    if rise < CHANCE:
        return "slower"
    return "faster" if fall < CHANCE else "same"

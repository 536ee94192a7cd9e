"""Which cases are measured, and how long that will take: decisions on plain values.

What a user names is crossed; where nothing is named, a star: one base case and one case for each step along
one axis away from it, which answers the usual questions with a third of the cases. Knows no clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from posewire_runtime.types import Limits

MOST = 20
"""Cases that a star may have over all models and providers."""
LEAST_ROUNDS = 3
"""Rounds without which a case says nothing; warm-up comes on top."""
FRAMES, BATCH, CONCURRENCY = (60, 120, 300), (1, 4, 16), (1, 8)
BASE_FRAMES = 120
_SETTINGS = ("frames", "steps", "batch", "concurrency")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is measured."""

    target: str
    """Which model, on which provider."""
    frames: int
    steps: int
    batch: int
    """Clips of one request, each of its own seed."""
    concurrency: int
    """Requests that are made at the same moment."""
    game: bool = False
    """Whether a game's load runs beside it."""

    @property
    def clips(self) -> int:
        """Of one round."""
        return self.batch * self.concurrency

    @property
    def name(self) -> str:
        """Short and unique within a report; the same in every report."""
        shape = f"{self.target} {self.frames}f {self.steps}st {self.batch}b {self.concurrency}c"
        return f"{shape} game" if self.game else shape


@dataclass(frozen=True, slots=True)
class Axes:
    """What a user asked for; None: nothing."""

    frames: tuple[int, ...] | None = None
    steps: tuple[int, ...] | None = None
    batch: tuple[int, ...] | None = None
    concurrency: tuple[int, ...] | None = None

    @property
    def free(self) -> bool:
        """Whether nothing was asked for."""
        return all(getattr(self, name) is None for name in _SETTINGS)


@dataclass(frozen=True, slots=True)
class Subject:
    """What must be known of a target to plan for it."""

    name: str
    limits: Limits
    presets: Mapping[str, int]
    """Preset -> steps."""
    default_preset: str

    @property
    def base(self) -> Case:
        """The case that the others are compared with."""
        limits, steps = self.limits, self.presets[self.default_preset]
        return Case(self.name, min(max(BASE_FRAMES, limits.min_frames), limits.max_frames), steps, 1, 1)


@dataclass(frozen=True, slots=True)
class Left:
    """A case that isn't measured."""

    case: Case
    why: str


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, by one request that was made to find out: how long others will take."""

    fixed: float
    """Of a request, whatever it asks for."""
    frame_step: float
    """Of one step of one frame."""

    def seconds(self, case: Case) -> float:
        """One round of a case."""
        return self.fixed * case.concurrency + self.frame_step * case.frames * case.steps * case.clips


@dataclass(frozen=True, slots=True)
class Plan:
    """What will be measured, what won't, and how long it takes."""

    cases: tuple[Case, ...]
    left: tuple[Left, ...]
    seconds: float


def cases_of(subjects: Sequence[Subject], axes: Axes) -> tuple[list[Case], list[Left]]:
    """All cases, and those that can't be or are too many."""
    wanted = [case for subject in subjects for case in _wanted(subject, axes)]
    limits = {subject.name: subject.limits for subject in subjects}
    left = [Left(case, why) for case in wanted if (why := _impossible(case, limits[case.target]))]
    fine = [case for case in wanted if not _impossible(case, limits[case.target])]
    if not axes.free or len(fine) <= MOST:
        return fine, left
    kept = _fairly(fine, MOST)
    why = f"more than {MOST} cases; name what you want (--frames, --steps, --batch, --concurrency)"
    return [case for case in fine if case in kept], left + [Left(c, why) for c in fine if c not in kept]


def plan(cases: Sequence[Case], costs: Mapping[str, Cost], budget: float) -> Plan:
    """What fits: a case whose warm-up and least rounds take longer than its `budget` seconds is left out."""
    kept: list[Case] = []
    left: list[Left] = []
    for case in cases:
        needed = costs[case.target].seconds(case) * (LEAST_ROUNDS + 1)
        if needed > budget:
            why = f"would take about {needed:.1f} s for {LEAST_ROUNDS} rounds, its time is {budget:g} s"
            left.append(Left(case, f"{why} (--seconds-per-case)"))
        else:
            kept.append(case)
    return Plan(tuple(kept), tuple(left), len(kept) * budget)


def _wanted(subject: Subject, axes: Axes) -> list[Case]:
    base = subject.base
    if axes.free:
        return _star(subject)
    values = [getattr(axes, name) or (getattr(base, name),) for name in _SETTINGS]
    crossed = [Case(subject.name, *row) for row in product(*values)]
    return list(dict.fromkeys(crossed))


def _star(subject: Subject) -> list[Case]:
    base = subject.base
    arms: list[tuple[str, Sequence[int]]] = [
        ("steps", sorted(set(subject.presets.values()))),
        ("frames", FRAMES),
        ("batch", BATCH),
        ("concurrency", CONCURRENCY),
    ]
    around = [replace(base, **{name: value}) for name, values in arms for value in values]
    return list(dict.fromkeys([base, *around]))


def _impossible(case: Case, limits: Limits) -> str:
    """Why a model can't be asked for this; empty where it can."""
    if not limits.min_frames <= case.frames <= limits.max_frames:
        return f"the model makes {limits.min_frames} to {limits.max_frames} frames"
    if not 1 <= case.steps <= limits.max_steps:
        return f"the model takes 1 to {limits.max_steps} steps"
    return ""


def _fairly(cases: Sequence[Case], most: int) -> set[Case]:
    """So many cases, each target's first ones first."""
    seen: dict[str, int] = {}
    ranked: list[tuple[int, int, Case]] = []
    for place, case in enumerate(cases):
        seen[case.target] = seen.get(case.target, 0) + 1
        ranked.append((seen[case.target], place, case))
    return {case for _, _, case in sorted(ranked, key=lambda row: row[:2])[:most]}

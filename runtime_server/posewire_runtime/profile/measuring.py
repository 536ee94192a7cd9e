"""Cases measured in turns: every case is visited many times, so that a disturbance hits all of them alike.

A visit makes rounds; beside each stands the reference. A case ends when its median is known well enough or
its time is over. Knows drivers and clocks, nothing of reports.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from posewire_runtime.device.memory import device_memory, process_bytes
from posewire_runtime.device.meter import Meter
from posewire_runtime.errors import PosewireError, Unreachable
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.driving import Driver
from posewire_runtime.profile.machine import forget_peak, peak_bytes
from posewire_runtime.profile.reference import Reference
from posewire_runtime.profile.samples import Round, Stop, enough
from posewire_runtime.profile.statistics import calm

VISITS = 20
"""To each case, while its time lasts."""
BESIDE = 0.2
"""The reference after each round is measured for at least this share of the round."""


@dataclass(slots=True)
class Measured:
    """One case as it grows."""

    case: Case
    rounds: list[Round] = field(default_factory=list[Round])
    stopped: str = ""
    """`tight`, `time` or `error`; empty: it goes on."""
    error: str = ""
    spent: float = 0.0
    """Seconds."""
    longest: float = 0.0
    """Seconds of its longest round, the reference included."""
    peak: int = 0
    """Bytes of this process at most."""
    steady: int = 0
    """Bytes of this process after a visit."""
    device_peak: int = 0
    """Bytes of the GPU, all processes, at most after a round."""


@dataclass(frozen=True, eq=False)
class Bench:
    """What cases are measured with."""

    driver: Driver
    reference: Reference
    meter: Meter | None
    budget: float
    """Seconds of each case."""
    stop: Stop = field(default_factory=Stop)
    gpu: int | None = None
    """Number of an NVIDIA GPU whose memory is looked at."""


def measure(
    bench: Bench, cases: Sequence[Case], progress: Callable[[float], object] = lambda seconds: None
) -> list[Measured]:
    """Visit all cases in turns until each is done; what can't be measured carries its error."""
    found = [Measured(case) for case in cases]
    for visit in range(VISITS):
        for one in found:
            if one.stopped:
                continue
            before = one.spent
            try:
                _visit(bench, one, visit)
            except Unreachable as error:
                _give_up(found, error)
            except PosewireError as error:
                one.stopped, one.error = "error", str(error)
            progress(one.spent - before)
            if enough(one.rounds, bench.stop):
                one.stopped = "tight"
                progress(max(bench.budget - one.spent, 0.0))
        _share_reference(found, visit)
    for one in found:
        one.stopped = one.stopped or "time"
    return found


def _share_reference(found: Sequence[Measured], visit: int) -> None:
    """All cases that were visited in a turn are compared with what the reference took in that turn: the more
    often it was measured, the less of its own noise is in their ratios."""
    seconds = [made.reference for one in found for made in one.rounds if made.block == visit]
    if not seconds:
        return
    reference = calm(seconds)
    for one in found:
        one.rounds = [
            replace(made, reference=reference) if made.block == visit else made for made in one.rounds
        ]


def _visit(bench: Bench, one: Measured, visit: int) -> None:
    """Rounds until this visit's share of the time is used; the first round of a case warms it up."""
    due = bench.budget * (visit + 1) / VISITS
    if one.spent >= due:
        return
    forget_peak()
    if visit == 0:
        begun = time.perf_counter()
        bench.driver.round(one.case)
        one.spent += time.perf_counter() - begun
    before = bench.reference.seconds()
    while not one.rounds or (one.spent < due and one.spent + one.longest <= bench.budget * 1.1):
        begun = time.perf_counter()
        made, before = _round(bench, one.case, visit, before)
        one.rounds.append(made)
        took = time.perf_counter() - begun
        one.spent, one.longest = one.spent + took, max(one.longest, took)
        if bench.gpu is not None and (memory := device_memory(bench.gpu)) is not None:
            one.device_peak = max(one.device_peak, memory.used)
    one.peak, one.steady = max(one.peak, peak_bytes() or 0), process_bytes() or 0


def _round(bench: Bench, case: Case, visit: int, before: float) -> tuple[Round, float]:
    """A round with the reference before and after it; gives the latter too, for the next one."""
    started = _read(bench.meter)
    begun = time.perf_counter()
    samples = bench.driver.round(case)
    seconds = time.perf_counter() - begun
    ended = _read(bench.meter)
    device = {graph: (spent - started.get(graph, 0)) / 1e9 for graph, spent in ended.items()}
    after = bench.reference.seconds(BESIDE * seconds)
    made = Round(tuple(samples), seconds, (before + after) / 2, device, visit)
    return made, after


def _read(meter: Meter | None) -> Mapping[str, int]:
    return meter.read() if meter else {}


def _give_up(found: Sequence[Measured], error: PosewireError) -> None:
    """The server went away: what was measured counts, the rest is named."""
    for one in found:
        if not one.stopped:
            one.stopped, one.error = "error", f"the server went away: {error}"

"""What to do next: `plan(waiting, running, limits, now, costs) -> Plan`, a pure function.

It looks at frozen views of the jobs and decides who is dropped, loaded, encoded, decoded,
admitted and stepped. Knows no jobs, programs, threads or clocks: time comes in as a number.

The rules, in the order in which they are applied:

1. Who cancelled or ran out of time is dropped before anything is spent on it; so is who
   can't make its deadline even alone, or could never fit into the memory budget.
2. Waiting jobs go by priority, which grows with the time waited. From `patience` on a job
   is overdue: those go first, oldest first, and nobody takes room from an overdue job that
   doesn't fit yet. Before that a job that doesn't fit doesn't block those behind it.
3. One key is stepped at a time: that of the row with the highest priority, which grows with
   the time since its last step, so that no key starves.
4. Between two steps clips are decoded for about `decoding` seconds, so that a crowd of long
   clips doesn't hold up a step that somebody waits for.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum


class Text(Enum):
    """Whether the prompt of a waiting job has its features."""

    NEEDED = "needed"
    """Somebody has to encode it."""
    ENCODING = "encoding"
    """The encode thread has it."""
    READY = "ready"
    """It has features, or its program takes prompts as they are."""


class Reason(Enum):
    """Why a job is dropped."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Its deadline passed."""
    UNREACHABLE = "unreachable"
    """Its deadline can't be met any more."""
    TOO_LARGE = "too large"
    """It needs more memory than there will ever be."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that holds no memory of the device yet."""

    id: int
    model: str
    priority: int
    """Larger goes first."""
    arrived: float
    """When it was submitted."""
    deadline: float | None
    cancelled: bool
    cost: int | None
    """Bytes it will hold once admitted; None: its model isn't loaded."""
    steps: int
    """Steps it will need."""
    pace: Hashable
    """What the times of its calls are measured under."""
    text: Text
    loading: bool = False
    """Its model is being loaded, or waits for room."""


@dataclass(frozen=True, slots=True)
class Running:
    """A job with a run."""

    id: int
    model: str
    key: Hashable
    """Rows with equal keys may share a step."""
    pace: Hashable
    """What the times of its calls are measured under."""
    priority: int
    """Larger goes first."""
    deadline: float | None
    cancelled: bool
    cost: int
    """Bytes it holds."""
    position: int
    """Steps done."""
    steps: int
    """Steps in all."""
    finished: bool
    """Whether it only waits to be decoded."""
    last_stepped: float
    """When it last advanced, or was admitted."""
    max_batch: int
    """Most rows that its program takes in one step."""


@dataclass(frozen=True, slots=True)
class PlanLimits:
    """How much may be done at once, and how long anybody may be passed over."""

    memory: int = 2 << 30
    """Bytes that all running jobs may hold together."""
    rows: int = 64
    """Most running jobs."""
    batch: int = 64
    """Most rows of one step, where the program allows more."""
    admit: int = 16
    """Most jobs conditioned in one batch between two steps."""
    encode: int = 16
    """Most prompts handed to the text encoder at once."""
    lookahead: int = 128
    """Only the first so many in the queue are encoded ahead: features take memory too."""
    decoding: float = 0.02
    """Seconds of decoding between two steps, by what it took lately; one clip is always decoded."""
    patience: float = 10.0
    """Seconds in the queue after which nobody may overtake."""
    ageing: float = 4.0
    """Seconds of waiting, for room or to be decoded, that count as much as one level of priority."""
    turn: float = 1.0
    """Seconds without a step that count as much as one level of priority."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds that calls took lately, by pace."""

    step: Mapping[Hashable, float] = field(default_factory=dict[Hashable, float])
    """One step."""
    decode: Mapping[Hashable, float] = field(default_factory=dict[Hashable, float])
    """One clip decoded; where nobody measured, it is taken to need all the time there is."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens before the next plan, in this order."""

    drop: tuple[tuple[int, Reason], ...] = ()
    """Jobs that end here, each with its reason."""
    encode: tuple[int, ...] = ()
    """Jobs of one model whose prompts go to the text encoder."""
    decode: tuple[int, ...] = ()
    """Finished rows that become clips."""
    admit: tuple[int, ...] = ()
    """Jobs of one model that are conditioned in one batch and started."""
    step: tuple[int, ...] = ()
    """Rows of one key that advance by one step in one call."""
    load: str | None = None
    """A model that somebody waits for and that isn't loaded, nor being loaded."""
    wake: float | None = None
    """When to plan again although nothing happened: the next deadline of a waiting job."""

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do until something happens or `wake` comes."""
        return not (self.drop or self.load or self.encode or self.decode or self.admit or self.step)


def plan(
    waiting: Sequence[Waiting],
    running: Sequence[Running],
    limits: PlanLimits,
    now: float,
    costs: Costs = Costs(),
) -> Plan:
    """Decide what happens next."""
    latest = {job.id: _latest_start(job, costs) for job in waiting if job.deadline is not None}
    doomed = {job.id: _why_waiting(job, latest.get(job.id), limits, now) for job in waiting}
    doomed |= {row.id: _why_running(row, now) for row in running}
    order = _in_turn([job for job in waiting if not doomed[job.id]], limits, now)
    rows = [row for row in running if not doomed[row.id]]
    decode = _decode(rows, limits, costs)
    leaving = set(decode)
    return Plan(
        drop=tuple((id, reason) for id, reason in doomed.items() if reason),
        load=next((job.model for job in order if job.cost is None and not job.loading), None),
        encode=_encode(order, limits),
        decode=decode,
        admit=_admit(order, [row for row in rows if row.id not in leaving], limits, now),
        step=_step(rows, limits),
        wake=min((latest[job.id] for job in order if job.id in latest), default=None),
    )


def _latest_start(job: Waiting, costs: Costs) -> float:
    """When it would have to run at the latest, if it were alone; its deadline where nothing is measured."""
    assert job.deadline is not None
    return job.deadline - job.steps * costs.step.get(job.pace, 0.0)


def _why_waiting(job: Waiting, latest: float | None, limits: PlanLimits, now: float) -> Reason | None:
    """Why a waiting job has to go, if it has to."""
    if job.cancelled:
        return Reason.CANCELLED
    if job.deadline is not None and now >= job.deadline:
        return Reason.EXPIRED
    if latest is not None and now >= latest:
        return Reason.UNREACHABLE
    if job.cost is not None and job.cost > limits.memory:
        return Reason.TOO_LARGE
    return None


def _why_running(row: Running, now: float) -> Reason | None:
    """Why a running job has to go, if it has to."""
    if row.cancelled:
        return Reason.CANCELLED
    return Reason.EXPIRED if row.deadline is not None and now >= row.deadline else None


def _overdue(job: Waiting, limits: PlanLimits, now: float) -> bool:
    """Whether it waited so long that nobody may overtake it any more."""
    return now - job.arrived >= limits.patience


def _in_turn(waiting: Sequence[Waiting], limits: PlanLimits, now: float) -> list[Waiting]:
    """Who goes first: the overdue by arrival, then by priority that grows with the time waited.

    All grow at the same rate, so comparing `arrived / ageing - priority` compares them at any time.
    """
    ranked = [
        (0, job.arrived, job.id, job)
        if _overdue(job, limits, now)
        else (1, job.arrived / limits.ageing - job.priority, job.id, job)
        for job in waiting
    ]
    return [job for *_, job in sorted(ranked)]


def _encode(order: Sequence[Waiting], limits: PlanLimits) -> tuple[int, ...]:
    """Prompts of one model, as soon as the encode thread is free: what comes later may be more urgent."""
    if any(job.text is Text.ENCODING for job in order):
        return ()
    needy = [job for job in order[: limits.lookahead] if job.text is Text.NEEDED and job.cost is not None]
    return tuple(job.id for job in needy if job.model == needy[0].model)[: limits.encode]


def _admit(
    order: Sequence[Waiting], rows: Sequence[Running], limits: PlanLimits, now: float
) -> tuple[int, ...]:
    """Who gets room. Jobs of other models that fit keep their place: room is left for them."""
    places = limits.rows - len(rows)
    room = limits.memory - sum(row.cost for row in rows)
    chosen: list[Waiting] = []
    for job in order:
        if places <= 0 or len(chosen) == limits.admit:
            break
        if job.cost is None or job.text is not Text.READY:
            continue
        if job.cost > room:
            if _overdue(job, limits, now):
                break
            continue
        places -= 1
        room -= job.cost
        if not chosen or job.model == chosen[0].model:
            chosen.append(job)
    return tuple(job.id for job in chosen)


def _rank(row: Running, level: float) -> tuple[float, int]:
    """Smallest first: priority that grows by one in `level` seconds since the last step, as in `_in_turn`."""
    return row.last_stepped / level - row.priority, row.id


def _decode(rows: Sequence[Running], limits: PlanLimits, costs: Costs) -> tuple[int, ...]:
    """The finished rows that leave now."""
    chosen: list[int] = []
    spent = 0.0
    for row in sorted((row for row in rows if row.finished), key=lambda row: _rank(row, limits.ageing)):
        spent += costs.decode.get(row.pace, limits.decoding)
        if chosen and spent > limits.decoding:
            break
        chosen.append(row.id)
    return tuple(chosen)


def _step(rows: Sequence[Running], limits: PlanLimits) -> tuple[int, ...]:
    """The rows of the most urgent key, the most urgent first where they don't all fit into one step."""
    groups: dict[Hashable, list[Running]] = {}
    for row in rows:
        if not row.finished:
            groups.setdefault((row.model, row.key), []).append(row)
    if not groups:
        return ()
    ranked = min(
        (sorted(group, key=lambda row: _rank(row, limits.turn)) for group in groups.values()),
        key=lambda group: _rank(group[0], limits.turn),
    )
    return tuple(row.id for row in ranked[: min(limits.batch, ranked[0].max_batch)])

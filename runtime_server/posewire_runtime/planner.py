"""What to do next: `plan(waiting, running, limits, now, step_seconds) -> Plan`, a pure function.

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
4. Only `decodes` finished rows are decoded between two steps.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
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
    """What its step time is measured under."""
    text: Text


@dataclass(frozen=True, slots=True)
class Running:
    """A job with a run."""

    id: int
    model: str
    key: Hashable
    """Rows with equal keys may share a step."""
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
    decodes: int = 2
    """Most clips decoded between two steps."""
    patience: float = 10.0
    """Seconds in the queue after which nobody may overtake."""
    ageing: float = 4.0
    """Seconds in the queue that count as much as one level of priority."""
    turn: float = 0.25
    """Seconds without a step that count as much as one level of priority."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What happens before the next plan, in this order."""

    drop: tuple[tuple[int, Reason], ...] = ()
    """Jobs that end here, each with its reason."""
    load: str | None = None
    """A model that somebody waits for and that isn't loaded."""
    encode: tuple[int, ...] = ()
    """Jobs of one model whose prompts go to the text encoder."""
    decode: tuple[int, ...] = ()
    """Finished rows that become clips."""
    admit: tuple[int, ...] = ()
    """Jobs of one model that are conditioned in one batch and started."""
    step: tuple[int, ...] = ()
    """Rows of one key that advance by one step in one call."""
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
    step_seconds: Mapping[Hashable, float] | None = None,
) -> Plan:
    """Decide what happens next. `step_seconds`: measured time of one step, by `Waiting.pace`."""
    raise NotImplementedError

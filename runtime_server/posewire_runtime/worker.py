"""The one thread that owns the device: drain -> plan -> step -> deliver."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from posewire_runtime.jobs import Job, Listener
from posewire_runtime.library import Library
from posewire_runtime.metrics import Metrics
from posewire_runtime.planner import PlanLimits
from posewire_runtime.types import Request


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What an operator may choose. Defaults live here and nowhere else."""

    queue: int = 1024
    """Most jobs that wait; more are refused."""
    limits: PlanLimits = field(default_factory=PlanLimits)
    """How much is done at once."""
    text_cache: int = 64 << 20
    """Bytes of text features that are kept."""
    faults: int = 2
    """Batches in a row that may fail as a whole before the program is closed and opened anew."""
    check: bool = False
    """Check the invariants after every turn: for tests and for hunting bugs."""


@dataclass(frozen=True, slots=True)
class Stats:
    """The worker at one moment."""

    waiting: int
    """Jobs without a run."""
    running: int
    """Jobs with a run."""
    memory: int
    """Bytes the running jobs are counted with."""
    steps: int
    """Graph calls made."""
    rows: int
    """Rows advanced by them."""
    outcomes: Mapping[str, int]
    """Ended jobs by terminal state."""
    closing: bool
    """Whether new work is refused."""


class Worker:
    """Makes clips of requests."""

    def __init__(
        self,
        library: Library,
        settings: WorkerSettings | None = None,
        *,
        metrics: Metrics | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Start the thread; without it `run_until_idle` drives the same loop."""
        raise NotImplementedError

    def submit(self, requests: Sequence[Request], listener: Listener) -> tuple[Job, ...]:
        """Queue all of them or none.

        Raises `UnknownModel`, `Overloaded` (with `retry_after`) or `ShuttingDown`. From any thread;
        never waits for the device.
        """
        raise NotImplementedError

    def cancel(self, job: Job) -> None:
        """End a job: the next plan drops it and its listener gets `Cancelled`. From any thread."""
        raise NotImplementedError

    def warm(self, model: str, prompts: Sequence[str] = ()) -> Future[int]:
        """Load a model and encode prompts ahead of time; gives how many were encoded now. From any thread."""
        raise NotImplementedError

    def run_until_idle(self) -> None:
        """Do everything that is queued, on the caller's thread."""
        raise NotImplementedError

    def close(self, grace: float = 5.0) -> None:
        """Refuse new work and end within `grace` seconds: what isn't done then fails with `ShuttingDown`."""
        raise NotImplementedError

    def stats(self) -> Stats:
        """How things stand. From any thread."""
        raise NotImplementedError

"""Where jobs come in and go out, from any thread, each out exactly once.

Whoever takes a job out of the desk's list ends it, and nobody else can. Holds the lock,
the queue's limit and the sleep of the loop; knows no programs and makes no plans.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from posewire_runtime.errors import Cancelled, InvalidRequest, Overloaded, PosewireError, ShuttingDown
from posewire_runtime.metrics import Stage
from posewire_runtime.scheduler.jobs import Job, JobState, Listener, expected_steps
from posewire_runtime.scheduler.library import Entry
from posewire_runtime.scheduler.tally import Tally
from posewire_runtime.scheduler.warming import WarmUp
from posewire_runtime.types import Clip, ModelInfo, Request

logger = logging.getLogger(__name__)

_RETRY = (0.1, 10.0)
"""Least and most seconds after which a refused caller is told to try again."""


@dataclass(frozen=True, slots=True)
class News:
    """What happened since the loop looked last."""

    arrived: tuple[Job, ...]
    cancelled: tuple[Job, ...]
    warm_ups: tuple[WarmUp, ...]


class Desk:
    """The front of a worker."""

    def __init__(self, queue: int, tally: Tally, clock: Callable[[], float]) -> None:
        """`queue`: most jobs that wait."""
        self._limit = queue
        self._tally = tally
        self._clock = clock
        self._ids = itertools.count()
        self._changed = threading.Condition(threading.Lock())
        """Its lock guards everything below."""
        self._signalled = False
        self._closing = False
        self._arrived: list[Job] = []
        self._cancelled: dict[int, Job] = {}
        self._warm_ups: list[WarmUp] = []
        self._jobs: dict[int, Job] = {}
        """All jobs that haven't ended."""
        self._warming: set[WarmUp] = set()
        """All warm-ups that haven't ended."""
        self._waiting = 0
        """Jobs without a run."""

    def __contains__(self, job: Job) -> bool:
        """Whether it hasn't ended."""
        return job.id in self._jobs

    # ------------------------------------------------------------------------------ in, by anybody

    def submit(
        self, requests: Sequence[Request], infos: Sequence[ModelInfo], listener: Listener
    ) -> tuple[Job, ...]:
        """Queue all of them or none."""
        with self._changed:
            self._refuse_when_closing()
            if len(requests) > self._limit:
                raise InvalidRequest(f"expected at most {self._limit} clips at once, found {len(requests)}")
            if self._waiting + len(requests) > self._limit:
                raise self._overloaded(len(requests))
            now = self._clock()
            jobs = tuple(
                Job(
                    next(self._ids),
                    request,
                    listener,
                    now,
                    expected_steps(request, info),
                    info.limits.max_batch,
                )
                for request, info in zip(requests, infos, strict=True)
            )
            self._arrived.extend(jobs)
            self._jobs.update((job.id, job) for job in jobs)
            self._waiting += len(jobs)
            self._notify()
        return jobs

    def cancel(self, job: Job) -> None:
        """Ask to end a job; nothing happens to one that has ended."""
        with self._changed:
            if job.id in self._jobs:
                self._cancelled[job.id] = job
                self._notify()

    def warm(self, model: str, prompts: Sequence[str], entry: Entry | None = None) -> Future[int]:
        """Queue a warm-up, of another program for this model where there is an `entry`."""
        warm_up = WarmUp(model, tuple(prompts), Future(), entry)
        with self._changed:
            self._refuse_when_closing()
            self._warm_ups.append(warm_up)
            self._warming.add(warm_up)
            self._notify()
        return warm_up.done

    def signal(self) -> None:
        """Wake the loop."""
        with self._changed:
            self._notify()

    def close(self) -> None:
        """Refuse whatever comes now."""
        with self._changed:
            self._closing = True
            self._notify()

    # -------------------------------------------------------------------------------- for the loop

    def news(self) -> News:
        """What happened since the last call."""
        with self._changed:
            self._signalled = False
            news = News(tuple(self._arrived), tuple(self._cancelled.values()), tuple(self._warm_ups))
            self._arrived.clear()
            self._cancelled.clear()
            self._warm_ups.clear()
        return news

    def admitted(self, jobs: Sequence[Job]) -> list[Job]:
        """These have runs now; gives those that somebody else hasn't ended meanwhile."""
        with self._changed:
            here = [job for job in jobs if job.id in self._jobs]
            for job in here:
                job.state = JobState.RUNNING
            self._waiting -= len(here)
        return here

    def sleep(self, until: float | None) -> None:
        """Wait until something happens, or for a moment."""
        with self._changed:
            if not self._signalled:
                self._changed.wait(None if until is None else max(until - self._clock(), 0.0))

    @property
    def drained(self) -> bool:
        """Whether nothing is left and nothing more will come."""
        with self._changed:
            return self._closing and not self._jobs and not self._warming

    # ------------------------------------------------------------------------------------------ out

    def finish(self, job: Job, clip: Clip) -> None:
        """End a job well."""
        if self._end(job, JobState.FINISHED):
            self.tell(job.listener.finished, job, clip)

    def fail(self, job: Job, error: PosewireError) -> None:
        """End a job without a clip."""
        job_state = JobState.CANCELLED if isinstance(error, Cancelled) else JobState.FAILED
        if self._end(job, job_state, error):
            self.tell(job.listener.failed, job, error)

    def settle(self, warm_up: WarmUp, error: PosewireError | None = None) -> None:
        """End a warm-up."""
        with self._changed:
            if warm_up not in self._warming:
                return
            self._warming.discard(warm_up)
        if not warm_up.done.set_running_or_notify_cancel():
            return
        if error is None:
            warm_up.done.set_result(warm_up.encoded)
        else:
            warm_up.done.set_exception(error)

    def abandon(self, error: PosewireError) -> None:
        """Fail everything that is left. Should the loop still know any of it, it lets go at its next turn."""
        with self._changed:
            jobs, warm_ups = tuple(self._jobs.values()), tuple(self._warming)
            self._cancelled.update(self._jobs)
        for job in jobs:
            self.fail(job, error)
        for warm_up in warm_ups:
            self.settle(warm_up, error)
        self.signal()

    def tell(self, call: Callable[..., None], *what: object) -> None:
        """Call a listener. What it raises is its own trouble."""
        try:
            call(*what)
        except (Exception, SystemExit):
            logger.exception("a listener failed")
            self._tally.listener_failed()

    def levels(self) -> tuple[int, int, bool]:
        """Jobs without a run, jobs with one, and whether new ones are refused."""
        with self._changed:
            return self._waiting, len(self._jobs) - self._waiting, self._closing

    def _end(self, job: Job, state: JobState, error: PosewireError | None = None) -> bool:
        """Take a job out, if nobody did before."""
        with self._changed:
            if self._jobs.pop(job.id, None) is None:
                return False
            self._waiting -= job.state is JobState.WAITING
            job.state = state
            job.error = error
            now = self._clock()
            if Stage.QUEUE not in job.timings:
                job.queued_until(now)
            self._tally.ended(job, now)
        return True

    def _refuse_when_closing(self) -> None:
        if self._closing:
            raise ShuttingDown("the worker is draining and takes no new work; try another server")

    def _overloaded(self, more: int) -> Overloaded:
        """The error of a full queue, with about the time until half of it is gone."""
        low, high = _RETRY
        retry_after = min(max(self._tally.interval * self._waiting / 2, low), high)
        found = f"{self._waiting} waiting and {more} more"
        return Overloaded(
            f"expected at most {self._limit} waiting jobs, found {found}; try again in {retry_after:.1f} s",
            retry_after,
        )

    def _notify(self) -> None:
        self._signalled = True
        self._changed.notify()

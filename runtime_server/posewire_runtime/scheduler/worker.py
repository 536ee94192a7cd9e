"""The one thread that owns the device: drain -> plan -> step -> deliver.

The desk takes jobs in and lets them out, the planner decides, the executor does; the loop
here only carries things from one to the other. A turn does what one plan says. The loop
sleeps when a plan is idle, until something happens or the next deadline of a waiting job
comes. Knows no gRPC and no tensors.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from posewire_runtime.errors import DeviceError, InvalidConfig, PosewireError, ShuttingDown, Violation
from posewire_runtime.metrics import Metrics, Stage
from posewire_runtime.scheduler.desk import Desk
from posewire_runtime.scheduler.encoding import Encoded, Encoding
from posewire_runtime.scheduler.executor import Executor
from posewire_runtime.scheduler.invariants import InvariantBroken, Snapshot, check_invariants
from posewire_runtime.scheduler.jobs import Job, Listener, dropped
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.loading import Arrival, Loading
from posewire_runtime.scheduler.planner import Plan, PlanLimits, Reason, Running, Text, Waiting, plan
from posewire_runtime.scheduler.tally import Tally
from posewire_runtime.scheduler.warming import Warming, WarmUp
from posewire_runtime.text.cache import FeatureCache
from posewire_runtime.types import Clip, Request

logger = logging.getLogger(__name__)

_LAST_STEP = 1.0
"""Seconds that `close` waits beyond its grace for the step under way."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What an operator may choose. Defaults live here and nowhere else."""

    queue: int = 1024
    """Most jobs that wait; more are refused."""
    limits: PlanLimits = field(default_factory=PlanLimits)
    """How much is done at once."""
    text_cache: int = 64 << 20
    """Bytes of text features that are kept in memory."""
    faults: int = 2
    """Batches in a row that may fail as a whole before the program is closed and opened anew."""
    degraded: int = 3
    """Clips in a row that may be no numbers before their model counts as degraded."""
    check: bool = False
    """Check the invariants after every turn: for tests and for hunting bugs."""

    def __post_init__(self) -> None:
        """Refuse what would let nobody in, ever."""
        limits = self.limits
        amounts = {"queue": self.queue, "faults": self.faults, "degraded": self.degraded}
        for name in ("memory", "rows", "batch", "admit", "encode", "lookahead"):
            amounts[f"limits.{name}"] = getattr(limits, name)
        times = {"limits.ageing": limits.ageing, "limits.turn": limits.turn}
        wrong = [
            *(
                (name, f"expected at least 1, found {amount}")
                for name, amount in amounts.items()
                if amount < 1
            ),
            *((name, f"expected more than 0, found {time}") for name, time in times.items() if not time > 0),
        ]
        if wrong:
            violations = [Violation(f"worker.{name}", message) for name, message in wrong]
            raise InvalidConfig("; ".join(f"{v.field}: {v.message}" for v in violations), violations)


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
    failures: int
    """Turns of the loop that broke; anything but 0 is a bug."""
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
        cache: FeatureCache | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`cache`: a text cache shared with others; None: one of its own of `settings.text_cache` bytes."""
        self.settings = settings or WorkerSettings()
        self.metrics = metrics or Metrics()
        self._library = library
        self._clock = clock
        self._tally = Tally(self.metrics)
        self._desk = Desk(self.settings.queue, self._tally, clock)
        self._executor = Executor(library, self._tally, self.settings.faults, self.settings.degraded, clock)
        self._encoding = Encoding(
            cache or FeatureCache(self.settings.text_cache), self.metrics, self._desk.signal
        )
        self._loading = Loading(library, self._desk.signal)
        self._thread: threading.Thread | None = None
        self._turn_began: float | None = None
        # What follows belongs to the thread that turns the loop.
        self._waiting: dict[int, Job] = {}
        self._views: dict[int, Waiting] = {}
        self._running: dict[int, Job] = {}
        self._rows: dict[int, Running] = {}
        self._warming = Warming(self._encoding, self.settings.limits.encode, self._desk.settle)
        self._to_warm: list[WarmUp] = []
        """Warm-ups whose model is being loaded."""
        self._before: Snapshot | None = None

    def __enter__(self) -> Worker:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the threads; without them `run_until_idle` drives the same loop."""
        self._encoding.start()
        self._loading.start()
        self._thread = threading.Thread(target=self._loop, name="posewire-device", daemon=True)
        self._thread.start()

    def submit(self, requests: Sequence[Request], listener: Listener) -> tuple[Job, ...]:
        """Queue all of them or none. From any thread; never waits for the device.

        Raises `UnknownModel`, `Overloaded` (with `retry_after`) or `ShuttingDown`.
        """
        infos = [self._library.info(request.model) for request in requests]
        return self._desk.submit(requests, infos, listener)

    def cancel(self, job: Job) -> None:
        """End a job: the next plan drops it and its listener gets `Cancelled`. From any thread.

        Nothing happens to a job that has ended.
        """
        self._desk.cancel(job)

    def warm(self, model: str, prompts: Sequence[str] = ()) -> Future[int]:
        """Load a model and encode prompts ahead of time. From any thread.

        Gives how many of the prompts weren't in the cache.
        """
        self._library.info(model)
        return self._desk.warm(model, prompts)

    def renew(self, model: str, entry: Entry) -> Future[int]:
        """Serve another program under this name, once it is loaded. From any thread.

        Runs that have begun end with the old one; who waits gets the new one. If it can't be
        loaded, the old one stays and the result is the error.
        """
        self._library.info(model)
        return self._desk.warm(model, (), entry)

    def turn_seconds(self) -> float:
        """How long the turn under way has taken: if long, the device call in it. From any thread."""
        began = self._turn_began
        return 0.0 if began is None else max(self._clock() - began, 0.0)

    def degraded(self) -> frozenset[str]:
        """Models that lately made nothing but numbers that are none. From any thread."""
        return self._executor.degraded()

    def give_up(self, error: PosewireError) -> None:
        """Answer everybody who waits, because the device doesn't. From any thread.

        Should it come back, work goes on with what is submitted then.
        """
        self._desk.abandon(error)

    def run_until_idle(self) -> None:
        """Do everything that is queued, on the caller's thread."""
        if self._thread is not None:
            raise RuntimeError("expected a worker without a thread, found one that was started")
        self._turn_until(None)

    def close(self, grace: float = 5.0) -> bool:
        """Refuse new work; within `grace` seconds all jobs end. What isn't done then gets `ShuttingDown`.

        Gives whether the device is free. If not, a program is stuck in a call: the library must
        not be closed.
        """
        self._desk.close()
        if self._thread is None:
            self._turn_until(self._clock() + grace)
        else:
            self._thread.join(grace)
        self._desk.abandon(ShuttingDown("the worker closed before this was done; try another server"))
        self._encoding.close(_LAST_STEP)
        if self._thread is not None:
            self._thread.join(_LAST_STEP)
            if self._thread.is_alive():
                return False
        self._loading.close(_LAST_STEP)
        return True

    def stats(self) -> Stats:
        """How things stand. From any thread."""
        waiting, running, closing = self._desk.levels()
        tally = self._tally
        return Stats(
            waiting=waiting,
            running=running,
            memory=tally.memory,
            steps=tally.steps,
            rows=tally.rows,
            outcomes=tally.outcome_counts(),
            failures=tally.failures,
            closing=closing,
        )

    # -------------------------------------------------------------------------------------- the loop

    def _loop(self) -> None:
        while not self._desk.drained:
            self._turn_began = self._clock()
            try:
                made = self._turn()
            except BaseException as error:  # a SystemExit of a program would end the thread silently
                self._recover(error)
                continue
            finally:
                self._turn_began = None
            if made.idle and not self._desk.drained:
                self._desk.sleep(made.wake)

    def _turn_until(self, end: float | None) -> None:
        """Turn the loop on this thread until it is idle, or until `end`."""
        while end is None or self._clock() < end:
            try:
                if self._turn().idle and not self._warming and not self._loading.busy:
                    return
            except Exception as error:
                self._recover(error)
                raise

    def _turn(self) -> Plan:
        """Everything that one plan says, in its order."""
        self._drain()
        now = self._clock()
        made = plan(
            tuple(self._views.values()),
            tuple(self._rows.values()),
            self.settings.limits,
            now,
            self._executor.costs(now),
        )
        for id, reason in made.drop:
            self._drop(self._waiting.get(id) or self._running[id], reason)
        if made.encode:
            self._encode([self._waiting[id] for id in made.encode])
        for id in made.decode:
            self._decode(self._running[id])
        if made.admit:
            self._admit([self._waiting[id] for id in made.admit], now)
        if made.step:
            self._step([self._running[id] for id in made.step])
        if made.load is not None:
            self._want(made.load)
        self._warming.advance()
        self._observe()
        return made

    def _recover(self, error: BaseException) -> None:
        """The loop itself broke, which is a bug of ours: everybody gets an answer, and it goes on."""
        logger.critical("the worker's loop broke; all jobs fail", exc_info=error)
        self._tally.turn_failed()
        self._waiting.clear()
        self._views.clear()
        self._running.clear()
        self._rows.clear()
        self._warming.clear()
        self._to_warm.clear()
        self._before = None
        self._desk.abandon(
            DeviceError(f"the scheduler broke ({type(error).__name__}: {error}); please report it")
        )

    def _drain(self) -> None:
        """Take in what happened: arrivals, cancels, warm-ups, features."""
        news = self._desk.news()
        for job in news.arrived:
            if job not in self._desk:
                continue  # the loop broke before it was seen
            self._waiting[job.id] = job
            if self._library.loaded(job.request.model):
                self._price(job)
            else:
                job.loading = self._loading.pending(job.request.model)
                self._look(job)
        for job in news.cancelled:
            job.cancelled = True
            self._look(job)
        for arrival in self._loading.collect():
            self._arrive(arrival)
        for warm_up in news.warm_ups:
            self._warm(warm_up)
        for encoded in self._encoding.collect():
            self._read(encoded)

    def _look(self, job: Job) -> None:
        """Show the planner what a job is like now."""
        if job.id in self._running:
            self._rows[job.id] = job.running_view()
        elif job.id in self._waiting:
            self._views[job.id] = job.waiting_view()

    def _want(self, model: str) -> None:
        """Have a program opened, and others closed for it where there must be."""
        try:
            closed = self._loading.want(model, {job.request.model for job in self._running.values()})
        except PosewireError as error:
            self._arrive(Arrival(model, error, replaced=False))
            return
        for name in closed:
            for job in self._waiting_for(name):
                job.cost = None
                self._look(job)
        for job in self._waiting_for(model):
            job.loading = True
            self._look(job)

    def _arrive(self, arrival: Arrival) -> None:
        """A program was opened, or can't be; those who wait for it can be priced then."""
        usable = self._library.loaded(arrival.model)
        for job in self._waiting_for(arrival.model):
            job.loading = False
            if not usable and arrival.error is not None:
                self._fail(job, arrival.error)
                continue
            if arrival.replaced:
                job.reconsider()
            if usable and job.cost is None:
                self._price(job)
        for warm_up in [one for one in self._to_warm if one.model == arrival.model]:
            self._to_warm.remove(warm_up)
            if arrival.error is None:
                self._warming.begin(warm_up, self._library.program(warm_up.model).encoder)
            else:
                self._desk.settle(warm_up, arrival.error)
        self._executor.forgive(arrival.model)
        self._try_blocked()

    def _try_blocked(self) -> None:
        """Runs ended: models that found no room may ask again."""
        for model in self._loading.blocked:
            for job in self._waiting_for(model):
                job.loading = False
                self._look(job)
            if any(one.model == model for one in self._to_warm):
                self._want(model)

    def _waiting_for(self, model: str) -> list[Job]:
        return [job for job in self._waiting.values() if job.request.model == model]

    def _price(self, job: Job) -> None:
        """What it will hold, and how far its text is."""
        error = self._executor.price(job)
        if error is not None:
            self._fail(job, error)
            return
        if job.text is Text.NEEDED and job.prompt is not None:
            if self._encoding.pending(job.prompt):
                job.text = Text.ENCODING
            elif (features := self._encoding.find(job.prompt)) is not None:
                job.features, job.text = features, Text.READY
        self._look(job)

    def _encode(self, jobs: Sequence[Job]) -> None:
        """Hand prompts to the encode thread; others who wait for the same prompts wait along."""
        encoder = self._library.program(jobs[0].request.model).encoder
        prompts = [job.prompt for job in jobs if job.prompt is not None]
        if encoder is None:
            return
        self._encoding.encode(encoder, prompts)
        for job in self._waiting.values():
            if job.text is Text.NEEDED and job.prompt in prompts:
                job.text = Text.ENCODING
                self._look(job)

    def _read(self, encoded: Encoded) -> None:
        """A prompt has its features, or never will."""
        self._warming.read(encoded)
        for job in [job for job in self._waiting.values() if job.prompt == encoded.prompt]:
            if job.text is not Text.ENCODING:
                continue
            job.spend(Stage.ENCODE, encoded.nanoseconds - encoded.tokenising)
            if encoded.tokenising:
                job.spend(Stage.TOKENISE, encoded.tokenising)
            if isinstance(encoded.result, PosewireError):
                self._fail(job, encoded.result)
            else:
                job.features, job.text = encoded.result, Text.READY
                self._look(job)

    def _warm(self, warm_up: WarmUp) -> None:
        model = warm_up.model
        if warm_up.entry is not None:
            if self._loading.renew(model, warm_up.entry):
                self._to_warm.append(warm_up)
            else:
                self._desk.settle(warm_up)
        elif self._library.loaded(model):
            self._warming.begin(warm_up, self._library.program(model).encoder)
        else:
            self._to_warm.append(warm_up)
            self._want(model)

    def _admit(self, jobs: Sequence[Job], now: float) -> None:
        """Condition and start; from here on they hold memory."""
        if self._held_back(jobs[0].request.model, now):
            return
        admitted = self._clock()  # later than the plan: it may have decoded clips first
        for job in jobs:
            job.queued_until(admitted)
        outcomes = self._executor.admit(jobs)
        for job, error in zip(jobs, outcomes, strict=True):
            if error is not None:
                self._fail(job, error)
        started = [job for job in jobs if job.run is not None]
        for job in started:
            del self._waiting[job.id], self._views[job.id]
        for job in self._desk.admitted(started):
            self._running[job.id] = job
            self._look(job)
            self._desk.tell(job.listener.started, job)

    def _held_back(self, model: str, now: float) -> bool:
        """Whether a model that waits for this one's room has waited long enough: then nothing new begins."""
        if model in self._library.pinned:
            return False
        patience = self.settings.limits.patience
        others = [job for name in self._loading.blocked if name != model for job in self._waiting_for(name)]
        return any(now - job.arrived >= patience for job in others)

    def _step(self, jobs: Sequence[Job]) -> None:
        """Advance by one step; a program that failed too often is closed, and opened for those who wait."""
        for job, error in zip(jobs, self._executor.step(jobs), strict=True):
            if error is not None:
                self._fail(job, error)
                continue
            self._look(job)
            if job in self._desk:
                self._desk.tell(job.listener.stepped, job)
        model = jobs[0].request.model
        if self._executor.lost(model):
            self._lose(model)

    def _lose(self, model: str) -> None:
        for job in [job for job in self._running.values() if job.request.model == model]:
            self._fail(job, DeviceError(f"the device lost model {model}, which is being loaded again; retry"))
        logger.error("model %s: batch after batch failed; it is closed", model)
        self._executor.forgive(model)
        self._loading.discard(model)
        for job in self._waiting_for(model):
            job.cost = None
            self._look(job)

    def _decode(self, job: Job) -> None:
        clip = self._executor.decode(job)
        self._forget(job)
        if isinstance(clip, Clip):
            self._desk.finish(job, clip)
        else:
            self._desk.fail(job, clip)

    def _drop(self, job: Job, reason: Reason) -> None:
        self._fail(job, dropped(job, reason, self.settings.limits))

    def _fail(self, job: Job, error: PosewireError) -> None:
        self._forget(job)
        self._desk.fail(job, error)

    def _forget(self, job: Job) -> None:
        """Let go of what it holds."""
        self._waiting.pop(job.id, None)
        self._views.pop(job.id, None)
        ran = self._running.pop(job.id, None)
        self._rows.pop(job.id, None)
        job.run = job.condition = job.program = None
        if ran is not None and self._loading.blocked:
            self._try_blocked()

    def _observe(self) -> None:
        """Close what was replaced, tell the gauges; check the invariants, if that is wanted."""
        self._loading.sweep([job.program for job in self._running.values() if job.program is not None])
        memory = sum(job.cost or 0 for job in self._running.values())
        self._tally.level(len(self._waiting), len(self._running), memory)
        if self.settings.check:
            waiting = tuple(job.waiting_view() for job in self._waiting.values())
            running = tuple(job.running_view() for job in self._running.values())
            if (waiting, running) != (tuple(self._views.values()), tuple(self._rows.values())):
                raise InvariantBroken("the planner sees something else than what is")
            now = Snapshot(waiting, running, self.settings.limits, self.settings.queue)
            check_invariants(now, self._before)
            self._before = now

"""What a plan says, done with the programs: price, condition, start, step, decode.

Everything here runs on the thread that owns the device, and nothing here raises for what
a program did: failures come back job by job. Knows jobs and programs, not queues,
listeners or threads.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from posewire_runtime.errors import DeviceError, GenerationFailed, PosewireError
from posewire_runtime.families.base import Condition, Program, Run
from posewire_runtime.metrics import Stage
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.scheduler.confine import as_failure, confined
from posewire_runtime.scheduler.costs import CallCosts
from posewire_runtime.scheduler.encoding import Prompt
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.planner import Costs, Text
from posewire_runtime.scheduler.tally import Tally
from posewire_runtime.types import Clip, Request

logger = logging.getLogger(__name__)

Outcome = PosewireError | None
"""What became of one job: its error, or None if all is well."""


class Executor:
    """The device's hands."""

    def __init__(
        self, library: Library, tally: Tally, faults: int, degraded: int, clock: Callable[[], float]
    ) -> None:
        """`faults`: batches in a row that may fail as a whole before a program is opened anew.

        `degraded`: clips in a row that may be no numbers before a model counts as degraded.
        """
        self._steps = CallCosts()
        self._decodes = CallCosts()
        self._library = library
        self._tally = tally
        self._most_faults = faults
        self._faults: Counter[str] = Counter()
        self._most_spoilt = degraded
        self._spoilt: Counter[str] = Counter()
        self._clock = clock

    def price(self, job: Job) -> Outcome:
        """What it will hold and whether its prompt must be encoded; its program is open."""
        program = self._library.program(job.request.model)
        try:
            encoder, features = program.encoder, job.request.features
            if encoder is not None and features is None:
                features = encoder.recall(job.request.prompt)
                if features is not None:
                    self._tally.packed()
            if encoder is None or features is not None:
                job.features, job.text = features, Text.READY
            else:
                job.prompt = Prompt(encoder.fingerprint, job.request.prompt)
            job.cost = program.cost(job.request)
        except Exception as error:
            return _failure(error, "pricing the request")
        return None

    def admit(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Condition jobs of one model in one batch and start their runs."""
        begun = time.perf_counter_ns()
        program = self._library.program(jobs[0].request.model)
        requests = [_with_features(job) for job in jobs]
        conditions = confined(requests, program.condition)
        outcomes = [self._start(program, *row) for row in zip(jobs, requests, conditions, strict=True)]
        ended = time.perf_counter_ns()
        for job in jobs:
            job.spend(Stage.CONDITION, ended - begun)
            job.worked = ended
        return outcomes

    def step(self, jobs: Sequence[Job]) -> list[Outcome]:
        """Advance rows of one key by one step; if that fails, each alone."""
        model, program = jobs[0].request.model, _program_of(jobs[0])
        begun = time.perf_counter_ns()
        stepped = confined(jobs, lambda rows: _advance(program, rows))
        results = [row if isinstance(row, Exception) else _follow(row) for row in stepped]
        ended = time.perf_counter_ns()
        spent = ended - begun
        now = self._clock()
        for job in jobs:
            job.waited(Stage.QUEUE, begun)
            job.spend(Stage.STEP, spent)
            job.last_stepped, job.worked = now, ended
        failed = sum(isinstance(result, Exception) for result in results)
        self._tally.stepped(model, len(jobs) - failed, spent / 1e9)
        if failed == 0:
            self._faults[model] = 0
            for pace in {job.pace for job in jobs}:
                self._steps.record(pace, spent / 1e9, now)
            return [None] * len(jobs)
        return self._blame(model, results)

    def decode(self, job: Job) -> Clip | PosewireError:
        """The clip of a finished run, on the character that was asked for."""
        assert job.run is not None
        try:
            begun = time.perf_counter_ns()
            job.waited(Stage.QUEUE, begun)
            clip = _program_of(job).clip(job.run)
            decoded = time.perf_counter_ns()
            job.spend(Stage.DECODE, decoded - begun)
            _check_finite(clip)
            if job.request.target is not None:
                clip = retarget(clip, job.request.target)
                job.spend(Stage.POST, time.perf_counter_ns() - decoded)
            job.worked = time.perf_counter_ns()
            self._decodes.record(job.pace, (time.perf_counter_ns() - begun) / 1e9, self._clock())
        except Exception as error:
            if isinstance(error, GenerationFailed):
                self._spoil(job.request.model)
            return _failure(error, "decoding")
        self._heal(job.request.model)
        return clip

    def costs(self, now: float) -> Costs:
        """What calls took lately."""
        return Costs(step=self._steps.current(now), decode=self._decodes.current(now))

    def lost(self, model: str) -> bool:
        """Whether the device seems to have lost this program: batch after batch fails as a whole."""
        return self._faults[model] >= self._most_faults

    def degraded(self) -> frozenset[str]:
        """Models whose last clips were no numbers, one after the other. From any thread."""
        return frozenset(model for model, count in self._spoilt.copy().items() if count >= self._most_spoilt)

    def forgive(self, model: str) -> None:
        """This model has another program, or will get one: what the old one did counts no more."""
        self._faults[model] = 0
        self._heal(model)

    def _spoil(self, model: str) -> None:
        """A clip was no numbers."""
        self._spoilt[model] += 1
        if self._spoilt[model] == self._most_spoilt:
            logger.error(
                "model %s counts as degraded: %d clips in a row were not finite", model, self._most_spoilt
            )
            self._tally.degraded(model, True)

    def _heal(self, model: str) -> None:
        """A clip was fine."""
        if self._spoilt.pop(model, 0) >= self._most_spoilt:
            logger.warning("model %s makes good clips again", model)
            self._tally.degraded(model, False)

    def _start(
        self, program: Program, job: Job, request: Request, condition: Condition | Exception
    ) -> Outcome:
        if isinstance(condition, Exception):
            return _failure(condition, "conditioning")
        try:
            run = program.start(request, condition)
            job.key = program, program.key(run)
        except Exception as error:
            return _failure(error, "starting")
        job.condition = condition
        job.run = run
        job.program = program
        job.steps = run.steps
        job.position = run.position
        job.max_batch = program.info.limits.max_batch
        job.last_stepped = self._clock()
        return None

    def _blame(self, model: str, results: Sequence[Job | Exception]) -> list[Outcome]:
        """Whose fault a failed step was: a row's, where the others advanced without it; else the device's."""
        errors = [result for result in results if isinstance(result, Exception)]
        alone = len(errors) < len(results)
        self._faults[model] = 0 if alone else self._faults[model] + 1
        if not alone:
            self._tally.fault(model)
        logger.error(
            "%d of %d rows of %s failed in a step", len(errors), len(results), model, exc_info=errors[0]
        )
        kind = GenerationFailed if alone else DeviceError
        return [as_failure(row, "a step", kind) if isinstance(row, Exception) else None for row in results]


def _advance(program: Program, jobs: Sequence[Job]) -> Sequence[Job]:
    """One call of the program. A run that a failed call moved must not be stepped again."""
    runs = [_run_of(job) for job in jobs]
    for job, run in zip(jobs, runs, strict=True):
        if run.position != job.position:
            raise DeviceError(
                f"a step failed halfway: expected a run at {job.position}, found {run.position}"
            )
    program.step(runs)
    return jobs


def _follow(job: Job) -> Job | Exception:
    """The job at its run's new position; a run that doesn't advance would never end."""
    run = _run_of(job)
    if run.position <= job.position:
        return GenerationFailed(f"expected the run to leave step {job.position}, found {run.position}")
    job.position = run.position
    job.steps = run.steps
    return job


def _run_of(job: Job) -> Run:
    """The run of a job that was admitted."""
    assert job.run is not None
    return job.run


def _program_of(job: Job) -> Program:
    """What made the run of a job that was admitted."""
    assert job.program is not None
    return job.program


def _with_features(job: Job) -> Request:
    """The request as programs want it: with its features, where they were encoded for it."""
    if job.features is job.request.features:
        return job.request
    return replace(job.request, features=job.features)


def _check_finite(clip: Clip) -> None:
    """The last door: nothing that isn't a number ever leaves."""
    if not (np.isfinite(clip.rotations).all() and np.isfinite(clip.root).all()):
        raise GenerationFailed("expected finite motion, found NaN or infinity; try another seed")


def _failure(error: Exception, what: str) -> PosewireError:
    """An error that a job ends with, logged where nobody raised it on purpose."""
    if not isinstance(error, PosewireError):
        logger.error("%s failed", what, exc_info=error)
    return as_failure(error, what)

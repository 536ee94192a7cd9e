"""Requests made as a game makes them, in this process: the server's worker, and frames packed and unpacked.

What a round's requests say of themselves is measured by whoever does the work: stages by the worker, packing,
the way to the caller and decoding here. Nothing is derived from the total, so what is missing shows.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Protocol

from posewire_runtime.errors import DeviceError, PosewireError
from posewire_runtime.exchange.pacing import Pace, chunks
from posewire_runtime.exchange.packing import PackedClip, Packing, unpack
from posewire_runtime.metrics import Stage
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.samples import Sample
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.types import Clip, Features, Request, Sampling

PROMPT = "a person walks forward, then waves with the right hand, take {}"
"""Each request has another number, so that its text is encoded and not remembered."""

_PATIENCE = 120.0
"""Seconds without any clip after which a worker counts as lost."""


@dataclass(frozen=True, slots=True)
class Span:
    """Something that one request went through, for the picture of its time."""

    stage: str
    begin: float
    """Milliseconds since the request was made."""
    end: float

    def to_dict(self) -> dict[str, float | str]:
        """For the report."""
        return {"stage": self.stage, "begin": round(self.begin, 4), "end": round(self.end, 4)}


class Driver(Protocol):
    """Makes requests and says what became of them."""

    def round(self, case: Case) -> list[Sample]:
        """All requests of one round, made at the same moment; raises what kept any from being made."""
        ...

    def timeline(self, case: Case) -> list[Span]:
        """One request alone, in the order in which things happened."""
        ...


def sampling_of(steps: int, presets: Mapping[str, int], default: str) -> Sampling:
    """The preset of so many steps, where there is one: its grid is what a game would get."""
    if presets.get(default) == steps:
        return Sampling(preset=default)
    named = next((name for name, count in presets.items() if count == steps), None)
    return Sampling(preset=named) if named else Sampling(steps=steps)


@dataclass(slots=True)
class _Asked:
    """A request under way."""

    began: int
    """By `time.perf_counter_ns`, as all that follows."""
    open: int
    """Clips that are still to come."""
    ended: int = 0
    first: int = 0
    """When its first frame was there."""
    gaps: list[float] = field(default_factory=list[float])
    last: Job | None = None
    """The job whose clip came last."""

    def sample(self) -> Sample:
        """What is said of it."""
        assert self.last is not None
        return Sample(
            end_to_end=(self.ended - self.began) / 1e9,
            first_frame=(self.first - self.began) / 1e9,
            gaps=tuple(self.gaps),
            stages=dict(self.last.timings),
        )


class _Inbox:
    """A listener that hands over what ended, and keeps what happened where somebody wants to know."""

    def __init__(self) -> None:
        self.ended: SimpleQueue[tuple[Job, Clip | PosewireError]] = SimpleQueue()
        self.events: list[tuple[str, int, dict[str, int]]] = []
        self.keep = False

    def started(self, job: Job) -> None:
        """Its text is done."""
        self._note("started", job)

    def stepped(self, job: Job) -> None:
        """A step is done."""
        self._note("stepped", job)

    def finished(self, job: Job, clip: Clip) -> None:
        """Its clip."""
        self._note("finished", job)
        self.ended.put((job, clip))

    def failed(self, job: Job, error: PosewireError) -> None:
        """No clip."""
        self.ended.put((job, error))

    def _note(self, what: str, job: Job) -> None:
        if self.keep:
            self.events.append((what, time.perf_counter_ns(), dict(job.timings)))


class LocalDriver:
    """Drives a worker with threads of its own, as a server does."""

    def __init__(
        self, library: Library, model: str, features: Callable[[int], Features] | None = None, rows: int = 64
    ) -> None:
        limits = PlanLimits(rows=rows, batch=rows, admit=rows, encode=rows)
        self._library = library
        self._model = model
        self._features = features
        self._worker = Worker(library, WorkerSettings(limits=limits))
        self._worker.start()
        self._numbers = itertools.count()
        self._spans: list[Span] = []

    def warm(self) -> None:
        """Open the model."""
        self._worker.warm(self._model).result()

    def round(self, case: Case) -> list[Sample]:
        """Submit all, then take what comes; each clip is packed and unpacked as on the wire."""
        inbox = _Inbox()
        return self._round(case, inbox)

    def timeline(self, case: Case) -> list[Span]:
        """One request alone."""
        inbox = _Inbox()
        inbox.keep = True
        alone = Case(case.target, case.frames, case.steps, 1, 1)
        self._spans = []
        begun = time.perf_counter_ns()
        self._round(alone, inbox)
        return spans_of(begun, inbox.events) + [
            Span(span.stage, span.begin - begun / 1e6, span.end - begun / 1e6) for span in self._spans
        ]

    def looked_at(self, case: Case) -> float:
        """A round as it is measured: seconds until its last request was done."""
        return max(sample.end_to_end for sample in self.round(case))

    def bare(self, case: Case) -> float:
        """The same round without looking at it: seconds. What looking costs is the difference."""
        inbox = _Inbox()
        wishes = [self._requests(case) for _ in range(case.concurrency)]
        begun = time.perf_counter()
        for requests in wishes:
            self._worker.submit(requests, inbox)
        for _ in range(case.clips):
            _, what = self._next(inbox)
            if isinstance(what, PosewireError):
                raise what
            packed = PackedClip(what, Packing.FLOAT32)
            for first, end in chunks(what.frames, Pace()):
                unpack(packed.slice(first, end), len(what.skeleton), Packing.FLOAT32)
        return time.perf_counter() - begun

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def _round(self, case: Case, inbox: _Inbox) -> list[Sample]:
        wishes = [self._requests(case) for _ in range(case.concurrency)]
        asked: list[_Asked] = []
        whose: dict[int, _Asked] = {}
        for requests in wishes:
            one = _Asked(time.perf_counter_ns(), len(requests))
            asked.append(one)
            whose |= {job.id: one for job in self._worker.submit(requests, inbox)}
        while any(one.open for one in asked):
            job, what = self._next(inbox)
            if isinstance(what, PosewireError):
                raise what
            self._receive(job, what, whose[job.id], inbox.keep)
        return [one.sample() for one in asked]

    def _next(self, inbox: _Inbox) -> tuple[Job, Clip | PosewireError]:
        try:
            return inbox.ended.get(timeout=_PATIENCE)
        except Empty:
            raise DeviceError(f"expected a clip within {_PATIENCE:g} s, found none") from None

    def _requests(self, case: Case) -> list[Request]:
        number = next(self._numbers)
        info = self._library.info(self._model)
        features = self._features(number) if self._features else None
        first = Request(
            prompt=PROMPT.format(number),
            model=self._model,
            frames=case.frames,
            seed=0,
            sampling=sampling_of(case.steps, info.presets, info.default_preset),
            features=features,
        )
        return [_with_seed(first, seed) for seed in range(case.batch)]

    def _receive(self, job: Job, clip: Clip, asked: _Asked, keep: bool) -> None:
        """Pack the clip as the server does, unpack it as a client does."""
        packed, before = PackedClip(clip, Packing.FLOAT32), 0
        for first, end in chunks(clip.frames, Pace()):
            begun = time.perf_counter_ns()
            job.waited(Stage.SEND, begun)
            data = packed.slice(first, end)
            done = time.perf_counter_ns()
            unpack(data, len(clip.skeleton), Packing.FLOAT32)
            there = time.perf_counter_ns()
            job.spend(Stage.PACK, done - begun)
            job.spend(Stage.CLIENT, there - done)
            job.worked = there
            asked.first = asked.first or there
            if before:
                asked.gaps.append((there - before) / 1e9)
            before = there
            if keep:
                self._spans.append(Span(Stage.PACK, begun / 1e6, done / 1e6))
                self._spans.append(Span(Stage.CLIENT, done / 1e6, there / 1e6))
        asked.open -= 1
        asked.ended, asked.last = time.perf_counter_ns(), job


def spans_of(begun: int, events: Sequence[tuple[str, int, Mapping[str, int]]]) -> list[Span]:
    """The worker's part of a timeline: each event ends what its timings grew by since the one before."""
    spans: list[Span] = []
    before: Mapping[str, int] = {}
    order = (Stage.DECODE, Stage.POST, Stage.STEP, Stage.CONDITION, Stage.ENCODE, Stage.TOKENISE, Stage.QUEUE)
    for _, at, timings in events:
        end = at
        grown = {stage: timings.get(stage, 0) - before.get(stage, 0) for stage in order}
        made: list[Span] = []
        for stage in order:  # from the last to the first: a queue stands before the work it waited for
            if grown[stage] > 0:
                made.append(Span(stage, (end - grown[stage] - begun) / 1e6, (end - begun) / 1e6))
                end -= grown[stage]
        spans += reversed(made)
        before = timings
    return spans


def _with_seed(request: Request, seed: int) -> Request:
    return replace(request, seed=seed)

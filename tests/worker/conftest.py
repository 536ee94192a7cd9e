"""A program small enough to be read, whose prompts say what goes wrong with them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from posewire_runtime.errors import GenerationFailed, PosewireError
from posewire_runtime.families.base import Condition, Run
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.types import (
    Clip,
    Features,
    Licence,
    Limits,
    ModelInfo,
    Request,
    Sampling,
    Skeleton,
)

SKELETON = Skeleton(("pelvis", "head"), (-1, 0), np.array([[0, 1, 0], [0, 1.7, 0]], np.float32))


class DeviceGone(Exception):
    """What a broken device raises."""


class TinyEncoder:
    """Features that depend on the prompt; prompts with `encode!` can't be encoded."""

    fingerprint = "tiny-encoder"

    def __init__(self) -> None:
        self.batches: list[tuple[str, ...]] = []
        self.gate = threading.Event()
        self.gate.set()

    def recall(self, prompt: str) -> Features | None:
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        self.gate.wait(10)
        self.batches.append(tuple(prompts))
        if any("encode!" in prompt for prompt in prompts):
            raise ValueError("unencodable")
        return [self.features(prompt) for prompt in prompts]

    @staticmethod
    def features(prompt: str) -> Features:
        value = np.float32(sum(prompt.encode()) % 97)
        return Features(np.full((3, 2), value), np.full((1, 2), value), familiarity=0.5)


@dataclass(eq=False)
class TinyCondition:
    prompt: str
    value: float
    features: Features | None
    nbytes: int = 10


@dataclass(eq=False)
class TinyRun:
    latent: np.ndarray  # (L, 3)
    prompt: str
    value: float
    seed: int
    steps: int
    position: int = 0
    nbytes: int = 100

    @property
    def finished(self) -> bool:
        return self.position >= self.steps


@dataclass(eq=False)
class Tiny:
    """Numbers without meaning; `condition!`, `start!`, `step!`, `clip!`… in a prompt make that part fail."""

    name: str = "tiny"
    encoder: TinyEncoder | None = None
    max_batch: int = 64
    bytes_per_frame: int = 1
    broken: bool = False
    """The device is gone: every step raises."""
    on_step: Callable[[], None] = lambda: None
    """Called before each step."""
    batches: list[tuple[str, ...]] = field(default_factory=list)
    """Prompts of each step."""
    conditioned: list[tuple[str, ...]] = field(default_factory=list)
    """Prompts of each batch that was conditioned."""
    decoded: list[str] = field(default_factory=list)
    closed: int = 0

    @property
    def info(self) -> ModelInfo:
        limits = Limits(min_frames=1, max_frames=1000, max_steps=50, max_batch=self.max_batch)
        presets = {"fast": 4, "best": 9}
        return ModelInfo(
            self.name, "tiny", SKELETON, 30, limits, presets, "fast", Licence("none"), ("numpy",)
        )

    def cost(self, request: Request) -> int:
        if "cost!" in request.prompt:
            raise ValueError("priceless")
        return request.frames * self.bytes_per_frame

    def condition(self, requests: Sequence[Request]) -> list[Condition]:
        self.conditioned.append(tuple(request.prompt for request in requests))
        if any("condition!" in request.prompt for request in requests):
            raise ValueError("unconditional")
        return [self._condition(request) for request in requests]

    def _condition(self, request: Request) -> TinyCondition:
        if self.encoder is None:
            return TinyCondition(request.prompt, float(len(request.prompt)), None)
        assert request.features is not None, "a program with an encoder gets features"
        return TinyCondition(request.prompt, float(request.features.sentence[0, 0]), request.features)

    def start(self, request: Request, condition: Condition) -> Run:
        assert isinstance(condition, TinyCondition)
        if "start!" in request.prompt:
            raise ValueError("no start")
        noise = np.random.RandomState(request.seed % 2**32).standard_normal((request.frames, 3))
        steps = request.sampling.steps or self.info.presets[request.sampling.preset or "fast"]
        return TinyRun(noise, request.prompt, condition.value, request.seed, steps)

    def key(self, run: Run) -> Hashable:
        assert isinstance(run, TinyRun)
        return 1 << (len(run.latent) - 1).bit_length()

    def step(self, runs: Sequence[Run]) -> None:
        rows = [run for run in runs if isinstance(run, TinyRun)]
        self.on_step()
        if self.broken:
            raise DeviceGone("the device is gone")
        assert len(rows) <= self.max_batch
        assert len({self.key(row) for row in rows}) == 1, "one key a step"
        for row in rows:
            if "halfway!" in row.prompt and row.position == 1:
                rows[0].position += 1
                raise ValueError("halfway")
            if "step!" in row.prompt and row.position == 1:
                raise ValueError("stumbled")
        self.batches.append(tuple(row.prompt for row in rows))
        self._advance(rows)

    def _advance(self, rows: Sequence[TinyRun]) -> None:
        """One padded batch, as a graph would do it."""
        longest = max(len(row.latent) for row in rows)
        batch = np.stack([np.pad(row.latent, ((0, longest - len(row.latent)), (0, 0))) for row in rows])
        values = np.array([row.value for row in rows])[:, None, None]
        batch = np.sin(batch * 1.3 + values)
        for row, latent in zip(rows, batch, strict=True):
            if "lazy!" not in row.prompt:
                row.latent = latent[: len(row.latent)]
                row.position += 1

    def clip(self, run: Run) -> Clip:
        assert isinstance(run, TinyRun)
        assert run.finished
        self.decoded.append(run.prompt)
        if "clip!" in run.prompt:
            raise ValueError("no clip")
        if "failed!" in run.prompt:
            raise GenerationFailed("not finite")
        root = run.latent.astype(np.float32)
        if "nan!" in run.prompt:
            root[0, 0] = np.nan
        rotations = np.tile(np.array([0, 0, 0, 1], np.float32), (len(root), 2, 1))
        return Clip(SKELETON, 30, rotations, root, np.zeros((len(root), 4), bool), run.seed)

    def close(self) -> None:
        self.closed += 1


class Diary:
    """A listener that writes down everything, and lets tests wait for the end of jobs."""

    def __init__(self) -> None:
        self.events: dict[int, list[str]] = {}
        self.clips: dict[int, Clip] = {}
        self.errors: dict[int, PosewireError] = {}
        self.familiarity: dict[int, float | None] = {}
        self._ended = threading.Condition()

    def started(self, job: Job) -> None:
        assert job.run is not None
        self.familiarity[job.id] = job.features.familiarity if job.features else None
        self._write(job, "started")

    def stepped(self, job: Job) -> None:
        self._write(job, f"stepped {job.position}/{job.steps}")

    def finished(self, job: Job, clip: Clip) -> None:
        self.clips[job.id] = clip
        self._write(job, "finished")

    def failed(self, job: Job, error: PosewireError) -> None:
        self.errors[job.id] = error
        self._write(job, f"failed {type(error).__name__}")

    def wait(self, jobs: Sequence[Job], timeout: float = 20.0) -> None:
        """Until all of them ended."""
        end = time.monotonic() + timeout
        with self._ended:
            while not all(job.id in self.clips or job.id in self.errors for job in jobs):
                left = end - time.monotonic()
                assert left > 0, f"jobs never ended: {[job for job in jobs if not job.ended][:3]}"
                self._ended.wait(left)

    def ends(self, job: Job) -> list[str]:
        """The terminal events of a job; there must be exactly one."""
        return [event for event in self.events.get(job.id, []) if event.startswith(("finished", "failed"))]

    def _write(self, job: Job, event: str) -> None:
        with self._ended:
            self.events.setdefault(job.id, []).append(event)
            self._ended.notify_all()


@dataclass
class Clock:
    """Time that passes when a test says so."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Kit:
    """What a test of the worker needs."""

    Tiny: type[Tiny] = Tiny
    TinyEncoder: type[TinyEncoder] = TinyEncoder
    Diary: type[Diary] = Diary
    Clock: type[Clock] = Clock
    DeviceGone: type[DeviceGone] = DeviceGone

    def request(self, prompt: str = "walk", *, steps: int | None = None, **fields: object) -> Request:
        """A request with everything that a test doesn't care about filled in."""
        plain = Request(prompt, "tiny", 8, 1, Sampling(steps=steps))
        return replace(plain, **fields)  # type: ignore[arg-type]

    def worker(
        self,
        *programs: Tiny,
        limits: PlanLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
        **settings: int,
    ) -> Worker:
        """A worker that checks its invariants after every turn."""
        chosen = WorkerSettings(limits=limits or PlanLimits(), check=True, **settings)
        return Worker(Library.of(*(programs or (Tiny(),))), chosen, clock=clock)


@pytest.fixture
def kit() -> Kit:
    return Kit()

"""A job: the only mutable state of a request, and who listens to it.

Only the worker's thread changes a job. Once `finished` or `failed` was called the worker
never touches it again, so a listener may keep it and add its own timings.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from posewire_runtime.errors import (
    Cancelled,
    DeadlineExceeded,
    DeadlineUnreachable,
    InvalidRequest,
    PosewireError,
)
from posewire_runtime.families.base import Condition, Program, Run
from posewire_runtime.metrics import Stage
from posewire_runtime.scheduler.encoding import Prompt
from posewire_runtime.scheduler.planner import PlanLimits, Reason, Running, Text, Waiting
from posewire_runtime.types import Clip, Features, ModelInfo, Request


class JobState(StrEnum):
    """Where a job is. The last three are terminal."""

    WAITING = "waiting"
    """For its text, its model or room."""
    RUNNING = "running"
    """It has a run and holds memory."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Listener(Protocol):
    """Who wants to know. Called on the worker's thread: must not block.

    Each job gets exactly one of `finished` and `failed`, ever, and nothing after it. What a
    listener raises is logged and counted, and hurts nobody.
    """

    def started(self, job: Job) -> None:
        """Its text is known (`job.features`) and its run exists."""
        ...

    def stepped(self, job: Job) -> None:
        """It advanced: `job.position` of `job.steps`."""
        ...

    def finished(self, job: Job, clip: Clip) -> None:
        """Here is the clip."""
        ...

    def failed(self, job: Job, error: PosewireError) -> None:
        """There will be no clip."""
        ...


@dataclass(slots=True, eq=False)
class Job:
    """One request on its way."""

    id: int
    request: Request
    listener: Listener
    arrived: float
    """When it was submitted, by the worker's clock."""
    steps: int
    """Steps in all: what the preset says, then what the run says."""
    max_batch: int
    """Most rows that its program takes in one step."""
    state: JobState = JobState.WAITING
    text: Text = Text.NEEDED
    """How far its prompt is."""
    cancelled: bool = False
    """Somebody asked to end it; the next plan drops it."""
    cost: int | None = None
    """Bytes it is counted with in the memory budget; None: its model isn't loaded."""
    loading: bool = False
    """Its model is being loaded, or waits for room."""
    prompt: Prompt | None = None
    """Encoder fingerprint and text, where features have to be made."""
    features: Features | None = None
    """What the text encoder made; None where the program takes prompts as they are."""
    condition: Condition | None = None
    """The text side, while it runs."""
    program: Program | None = None
    """What made its run, while it runs; its model may have got another one since."""
    run: Run | None = None
    """The clip being made, while it runs."""
    key: Hashable = None
    """Rows with equal keys may share a step."""
    position: int = 0
    """Steps done."""
    last_stepped: float = 0.0
    """When it last advanced, or was started."""
    worked: int = 0
    """When work on it last ended, by `time.perf_counter_ns`; 0: none has begun."""
    timings: dict[str, int] = field(default_factory=dict[str, int])
    """Stage name -> nanoseconds."""
    error: PosewireError | None = None
    """Why it failed."""

    @property
    def ended(self) -> bool:
        """Whether its listener has heard, or is just hearing, the last of it."""
        return self.state in (JobState.FINISHED, JobState.FAILED, JobState.CANCELLED)

    @property
    def pace(self) -> Hashable:
        """What the times of its calls are measured under: the model and the length to a power of two."""
        return self.request.model, self.request.frames.bit_length()

    def spend(self, stage: Stage, nanoseconds: int) -> None:
        """Add to the time of a stage."""
        self.timings[stage] = self.timings.get(stage, 0) + nanoseconds

    def waited(self, stage: Stage, until: int) -> None:
        """Count what passed since work on it last ended as part of a stage."""
        if self.worked:
            self.spend(stage, max(until - self.worked, 0))

    def queued_until(self, now: float) -> None:
        """It leaves the queue: what it waited, but for the time in the encoder."""
        waited = round((now - self.arrived) * 1e9)
        encoding = self.timings.get(Stage.ENCODE, 0) + self.timings.get(Stage.TOKENISE, 0)
        self.timings[Stage.QUEUE] = max(waited - encoding, 0)

    def reconsider(self) -> None:
        """Its model has another program now: what was found out with the old one counts no more."""
        self.cost = self.prompt = None
        self.text, self.features = Text.NEEDED, self.request.features

    def waiting_view(self) -> Waiting:
        """What the planner sees of it while it waits."""
        return Waiting(
            id=self.id,
            model=self.request.model,
            priority=self.request.priority,
            arrived=self.arrived,
            deadline=self.request.deadline,
            cancelled=self.cancelled,
            cost=self.cost,
            steps=self.steps,
            pace=self.pace,
            text=self.text,
            loading=self.loading,
        )

    def running_view(self) -> Running:
        """What the planner sees of it while it runs."""
        return Running(
            id=self.id,
            model=self.request.model,
            key=self.key,
            pace=self.pace,
            priority=self.request.priority,
            deadline=self.request.deadline,
            cancelled=self.cancelled,
            cost=self.cost or 0,
            position=self.position,
            steps=self.steps,
            finished=self.run is not None and self.run.finished,
            last_stepped=self.last_stepped,
            max_batch=self.max_batch,
        )


def expected_steps(request: Request, info: ModelInfo) -> int:
    """Steps a request will need, known before its run exists."""
    if request.sampling.steps is not None:
        return request.sampling.steps
    presets = info.presets
    return presets.get(request.sampling.preset, presets.get(info.default_preset, info.limits.max_steps))


def dropped(job: Job, reason: Reason, limits: PlanLimits) -> PosewireError:
    """What a dropped job ends with."""
    at = f"at step {job.position} of {job.steps}"
    match reason:
        case Reason.CANCELLED:
            return Cancelled(f"the caller cancelled {at}")
        case Reason.EXPIRED:
            return DeadlineExceeded(f"the deadline passed {at}; allow more time, or ask for fewer steps")
        case Reason.UNREACHABLE:
            message = (
                f"the deadline can't be met by {job.steps} steps; allow more time, or ask for fewer steps"
            )
            return DeadlineUnreachable(message, retry_after=1.0)
        case Reason.TOO_LARGE:
            return InvalidRequest(
                f"expected a request of at most {limits.memory} bytes, found {job.cost}; ask for fewer frames"
            )


class Collector:
    """A listener that keeps what it hears, by job id: for baking, command lines and tests."""

    def __init__(self) -> None:
        self.clips: dict[int, Clip] = {}
        self.errors: dict[int, PosewireError] = {}

    def started(self, job: Job) -> None:
        """Nothing to keep."""

    def stepped(self, job: Job) -> None:
        """Nothing to keep."""

    def finished(self, job: Job, clip: Clip) -> None:
        """Keep the clip."""
        self.clips[job.id] = clip

    def failed(self, job: Job, error: PosewireError) -> None:
        """Keep the error."""
        self.errors[job.id] = error

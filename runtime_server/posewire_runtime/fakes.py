"""The stand-in model: a real `Program` whose motion is a puppet's, so that everything around a model works
without one. Public: build and test clients against it.

It keeps to every rule of `families.base`: runs advance step by step in batches, share conditions, and the
same request gives the same clip in whatever company. Only the steps cost nothing: they count.

    program = FakeProgram()
    library = Library({program.info.name: Entry(program.info, lambda: program)})

`Faults` makes it slow or makes it fail on purpose.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import cast

from posewire_runtime import puppet
from posewire_runtime.errors import DeviceError, GenerationFailed
from posewire_runtime.families.base import Condition, Encoder, Run
from posewire_runtime.motion import quat, rot6d
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.sampling import schedule
from posewire_runtime.types import Clip, Features, Licence, Limits, ModelInfo, Preset, Request

LIMITS = Limits(min_frames=20, max_frames=7200, max_steps=100)
"""From two thirds of a second to four minutes."""

PRESETS = {"preview": Preset(4), "fast": Preset(8), "quality": Preset(16), "reference": Preset(50)}

FPS = 30.0

_BUCKET = 120
"""Runs share a step when their lengths, rounded up to a multiple of this, are the same."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Ways to misbehave on purpose; a word stands for every prompt that contains it."""

    step_seconds: float = 0.0
    """How long a step takes, however many rows it has."""
    condition_word: str | None = None
    """`condition` raises for a batch with such a prompt."""
    step_word: str | None = None
    """`step` raises `DeviceError` for a batch with such a prompt."""
    not_finite_word: str | None = None
    """A run of such a prompt leaves the numbers in its first step: `clip` raises `GenerationFailed`."""
    clip_word: str | None = None
    """`clip` raises what nobody expects."""


@dataclass(frozen=True, eq=False)
class FakeCondition:
    """A prompt, and its features where there is an encoder."""

    prompt: str
    features: Features | None

    @property
    def nbytes(self) -> int:
        return _condition_bytes(self.prompt, self.features)


@dataclass(eq=False)
class FakeRun:
    """A clip on its way: a count of steps."""

    request: Request
    condition: FakeCondition
    steps: int
    position: int = 0
    finite: bool = True

    @property
    def finished(self) -> bool:
        return self.position >= self.steps or not self.finite

    @property
    def nbytes(self) -> int:
        return _run_bytes(self.request)


class FakeProgram:
    """The stand-in model. Counters tell what the device did."""

    def __init__(
        self,
        *,
        name: str = "stand-in",
        limits: Limits = LIMITS,
        encoder: Encoder | None = None,
        faults: Faults | None = None,
    ) -> None:
        """With an `encoder` requests must come with features, as a real model's do; they change nothing."""
        self.info = ModelInfo(
            name=name,
            family="fake",
            skeleton=SMPL22,
            fps=FPS,
            limits=limits,
            presets={preset: value.steps for preset, value in PRESETS.items()},
            default_preset="fast",
            licence=Licence("Apache-2.0"),
            providers=("none",),
            description=(
                "Procedural, no network: stands, walks, runs, turns and waves as the prompt's words say."
            ),
        )
        self.encoder = encoder
        self.faults = faults or Faults()
        self.steps_made = 0
        """Batches stepped."""
        self.rows_stepped = 0
        """Runs advanced, over all of them."""
        self.clips_made = 0
        self.closed = False

    def cost(self, request: Request) -> int:
        """Bytes of its condition and run."""
        return _condition_bytes(request.prompt, request.features) + _run_bytes(request)

    def condition(self, requests: Sequence[Request]) -> list[Condition]:
        """One condition a prompt, shared by its requests."""
        for request in requests:
            if _says(request.prompt, self.faults.condition_word):
                raise ValueError(f"a fault asked for: condition of {request.prompt!r}")
            if self.encoder is not None and request.features is None:
                raise ValueError(f"{self.info.name} has an encoder: expected features of {request.prompt!r}")
        shared: dict[tuple[str, int], Condition] = {}
        return [
            shared.setdefault(
                (request.prompt, id(request.features)), FakeCondition(request.prompt, request.features)
            )
            for request in requests
        ]

    def start(self, request: Request, condition: Condition) -> FakeRun:
        """A run at its first step; refuses samplings that a real model would refuse."""
        plan = schedule.resolve(request.sampling, PRESETS, self.info.default_preset, self.info.limits)
        return FakeRun(request, cast(FakeCondition, condition), plan.steps)

    def key(self, run: Run) -> Hashable:
        """The model and the length, rounded up."""
        return self.info.name, -(-cast(FakeRun, run).request.frames // _BUCKET)

    def step(self, runs: Sequence[Run]) -> None:
        """Count."""
        if len({self.key(run) for run in runs}) > 1:
            raise ValueError("expected runs of one key in a step")
        rows = cast(Sequence[FakeRun], runs)
        if self.faults.step_seconds:
            time.sleep(self.faults.step_seconds)
        if any(_says(run.request.prompt, self.faults.step_word) for run in rows):
            raise DeviceError("a fault asked for: the device failed under a batch")
        for run in rows:
            run.position += 1
            run.finite = not _says(run.request.prompt, self.faults.not_finite_word)
        self.steps_made += 1
        self.rows_stepped += len(rows)

    def clip(self, run: Run) -> Clip:
        """Let the puppet perform."""
        request = cast(FakeRun, run).request
        if not cast(FakeRun, run).finite:
            raise GenerationFailed(f"{self.info.name}: a fault asked for: numbers that are not finite")
        if _says(request.prompt, self.faults.clip_word):
            raise RuntimeError(f"a fault asked for: clip of {request.prompt!r}")
        self.clips_made += 1
        if request.known is None:
            made = puppet.perform(request.prompt, request.frames, FPS, request.seed)
        else:
            made = puppet.go_on(request.known, request.prompt, request.frames, request.seed)
        return _with_raw(made) if request.raw else made

    def close(self) -> None:
        """There is nothing to give back."""
        self.closed = True


def _says(prompt: str, word: str | None) -> bool:
    return word is not None and word in prompt


def _condition_bytes(prompt: str, features: Features | None) -> int:
    return len(prompt.encode()) + (features.nbytes if features is not None else 0)


def _run_bytes(request: Request) -> int:
    """Of the clip it will be: rotations and root in float32, contacts."""
    return request.frames * (len(SMPL22) * 16 + 12 + 4)


def _with_raw(clip: Clip) -> Clip:
    """The clip with the arrays that SMPL families have."""
    _, joints = forward(clip.skeleton, clip.rotations, clip.root)
    six = rot6d.interleaved_from_matrix(quat.to_matrix(clip.rotations))
    transl = clip.root - clip.skeleton.positions[clip.skeleton.pelvis]
    return replace(clip, raw={"rot6d": six, "transl": transl, "joints": joints})

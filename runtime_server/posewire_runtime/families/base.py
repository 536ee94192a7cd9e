"""What a model family is: a program that advances runs step by step.

A run has a position and is advanced one step at a time, whatever a step means to the
family (an Euler step, a refinement round, a scale). Families know tensors and graphs,
not jobs, threads or the wire. All calls come from the one thread that owns the device,
but for `Encoder.encode`, which has a thread of its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Protocol, runtime_checkable

from posewire_runtime.types import Clip, Features, ModelInfo, Request


class Condition(Protocol):
    """All that depends on the text: shared by every run of the same prompt."""

    @property
    def features(self) -> Features | None:
        """What the text encoder made, if there is one."""
        ...

    @property
    def nbytes(self) -> int:
        """Memory it holds."""
        ...


class Run(Protocol):
    """One clip on its way: latent, schedule, position."""

    @property
    def position(self) -> int:
        """Steps done."""
        ...

    @property
    def steps(self) -> int:
        """Steps in all."""
        ...

    @property
    def finished(self) -> bool: ...

    @property
    def nbytes(self) -> int:
        """Memory it holds beyond its condition."""
        ...


class Encoder(Protocol):
    """Prompt -> features. Called by a thread of its own, so that encoding never blocks a step."""

    @property
    def fingerprint(self) -> str:
        """Equal fingerprints make equal features of equal prompts: half of the cache's key."""
        ...

    def recall(self, prompt: str) -> Features | None:
        """Features at hand without running anything, as those of a prompt pack; any thread may ask."""
        ...

    def encode(self, prompts: Sequence[str]) -> list[Features]: ...


@runtime_checkable
class Tokenises(Protocol):
    """An encoder that also says how long it tokenised, for whoever looks where the time goes."""

    @property
    def tokenising(self) -> int:
        """Nanoseconds of all tokenising so far."""
        ...


class Program(Protocol):
    """A loaded model."""

    @property
    def info(self) -> ModelInfo:
        """Its limits, presets, skeleton and licence."""
        ...

    @property
    def encoder(self) -> Encoder | None:
        """None: `condition` takes prompts as they are."""
        ...

    def cost(self, request: Request) -> int:
        """Bytes that condition and run of this request will hold; counted before admission."""
        ...

    def condition(self, requests: Sequence[Request]) -> list[Condition]:
        """The text side of these requests, batched; equal texts may share one object.

        Where `encoder` is not None each request comes with its `features`.
        """
        ...

    def start(self, request: Request, condition: Condition) -> Run: ...

    def key(self, run: Run) -> Hashable:
        """Runs with equal keys may share a step."""
        ...

    def step(self, runs: Sequence[Run]) -> None:
        """Advance every run by one step, in one graph call.

        A run whose numbers are no longer finite raises `GenerationFailed` from `clip`, not here:
        here an exception means that the whole batch failed.
        """
        ...

    def clip(self, run: Run) -> Clip:
        """The finished motion, before any retarget. Called once, when `run.finished`."""
        ...

    def close(self) -> None:
        """Give the device's memory back."""
        ...

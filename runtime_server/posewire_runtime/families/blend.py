"""One motion that several texts make together, each for its stretch of the clip.

Every part is a run of its own over its stretch and a little of its neighbours', so that each action has all
of its time to itself. After each step they meet: where two overlap they take the mean of what they became,
whose weights fade from one to the next. For a step that adds velocities this is to mix the velocities.

Where the body is over the floor counts from where it starts, which every part takes for its own start: there
it is the ways from frame to frame that are mixed. Knows no graph.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.types import Features, Float

FADE = 16
"""Frames in which one part turns into the next: so many they have in common."""


class Flow(Protocol):
    """What is known here of a part's run."""

    latent: Float  # (L, D)
    velocities: deque[Float]
    """Newest first."""
    failed_at: int | None
    position: int

    @property
    def steps(self) -> int: ...
    @property
    def finished(self) -> bool: ...
    @property
    def nbytes(self) -> int: ...


class Text(Protocol):
    """What is known here of a part's condition."""

    @property
    def nbytes(self) -> int: ...


T = TypeVar("T", bound=Text)
R = TypeVar("R", bound=Flow)


@dataclass(frozen=True, eq=False)
class Texts(Generic[T]):
    """The conditions of the parts of one prompt."""

    features: Features
    """Of the whole."""
    parts: tuple[T, ...]

    @property
    def nbytes(self) -> int:
        return sum(part.nbytes for part in self.parts)


class Blend(Generic[R]):
    """The parts of one clip on their way."""

    def __init__(
        self, parts: Sequence[R], stretches: Sequence[slice], frames: int, travel: Sequence[int] = ()
    ) -> None:
        """Runs over these stretches of so many frames; `travel`: what of a frame says where the body is."""
        self.parts = tuple(parts)
        self.failed_at: int | None = None
        self._stretches = tuple(stretches)
        self._weights = weights(stretches, frames)
        self._travel = list(travel)
        self.latent = self._mixed([part.latent for part in parts])
        """The whole motion, (L, D)."""

    @property
    def position(self) -> int:
        return self.parts[0].position

    @property
    def steps(self) -> int:
        return self.parts[0].steps

    @property
    def finished(self) -> bool:
        return any(part.finished for part in self.parts)

    @property
    def nbytes(self) -> int:
        return self.latent.nbytes + sum(part.nbytes for part in self.parts)

    def meet(self) -> None:
        """After a step of all parts: from here they go on together. One that left the numbers spoils all."""
        self.failed_at = next((part.failed_at for part in self.parts if part.failed_at is not None), None)
        self.latent = self._mixed([part.latent for part in self.parts])
        for part, stretch in zip(self.parts, self._stretches, strict=True):
            part.latent, part.failed_at = self._own(self.latent, stretch, part.latent), self.failed_at
        if all(part.velocities for part in self.parts):
            velocity = self._mixed([part.velocities[0] for part in self.parts])
            for part, stretch in zip(self.parts, self._stretches, strict=True):
                part.velocities[0] = self._own(velocity, stretch, part.velocities[0])

    def _mixed(self, arrays: Sequence[Float]) -> Float:
        """The whole of what the parts have, (L, D)."""
        whole = np.zeros((self._weights.shape[1], arrays[0].shape[1]), np.float32)
        ways = np.zeros((len(whole), len(self._travel)))
        for weight, stretch, mine in zip(self._weights, self._stretches, arrays, strict=True):
            share = weight[stretch, None]
            way = mine[:, self._travel]
            start = way[:1] if stretch.start == 0 else np.zeros_like(way[:1])
            steps = np.concatenate([start, np.diff(way, axis=0)])
            whole[stretch] += share * mine
            ways[stretch] += share * steps
        whole[:, self._travel] = ways.cumsum(0)
        return whole

    def _own(self, whole: Float, stretch: slice, before: Float) -> Float:
        """A part's stretch of the whole, as seen from where that part starts."""
        mine = whole[stretch].copy()
        mine[:, self._travel] += before[0, self._travel] - mine[0, self._travel]
        return mine


def stretches_of(seconds: Sequence[float], frames: int, known: int = 0) -> list[slice]:
    """As long as what each would take alone, in proportion, and half of a fade longer at each joint.

    Frames that are `known` before come on top of the first.
    """
    ends = np.cumsum([0.0, *seconds]) / np.sum(seconds) * (frames - known)
    ends[1:] += known
    return [
        slice(max(0, round(start) - FADE // 2), min(frames, round(end) + FADE // 2))
        for start, end in pairwise(ends.tolist())
    ]


def weights(stretches: Sequence[slice], frames: int) -> Float:  # (parts, L), adding up to 1 at each frame
    """How much each part counts at each frame: all where it is alone, and fading where it meets another."""
    at = np.arange(frames) + 0.5
    past = np.array([_passing(at, after.start, before.stop) for before, after in pairwise(stretches)])
    past = np.minimum.accumulate(past.reshape(-1, frames))
    reached = np.vstack([np.ones(frames), past])
    return (reached - np.vstack([past, np.zeros(frames)])).astype(np.float32)


def _passing(at: NDArray[np.floating], start: int, end: int) -> NDArray[np.floating]:
    """From 0 at the start to 1 at the end, level at both."""
    share = np.clip((at - start) / max(1, end - start), 0, 1)
    return share * share * (3 - 2 * share)

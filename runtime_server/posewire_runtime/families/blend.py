"""One motion that several texts make together, each for its stretch of the clip.

Every part is a run of its own over the whole clip. All start from the same noise; after each step they take
the mean of what they became, weighted frame by frame: a part's weight is one in its stretch and fades
where it meets the next. For a step that adds velocities this is to mix the velocities. What each part
sees of the others is the motion itself, so that one action goes over into the next.

Where the body is over the floor counts from where it starts, which every part takes for its own start: there
it is the ways from frame to frame that are mixed, or who walks and then waves would be drawn back. Knows no
graph.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from posewire_runtime.types import Features, Float

FADE = 12
"""Frames in which one part turns into the next."""


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

    def __init__(self, parts: Sequence[R], seconds: Sequence[float], travel: Sequence[int] = ()) -> None:
        """`seconds` that each would take alone; `travel`: which numbers of a frame say where the body is."""
        self.parts = tuple(parts)
        self._travel = list(travel)
        self._weights = weights(seconds, len(parts[0].latent))

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
        return sum(part.nbytes for part in self.parts)

    def meet(self) -> None:
        """After a step of all parts: from here they go on together. One that left the numbers spoils all."""
        latent = self._mean([part.latent for part in self.parts])
        failed = next((part.failed_at for part in self.parts if part.failed_at is not None), None)
        newest = [part.velocities[0] for part in self.parts if part.velocities]
        velocity = self._mean(newest) if len(newest) == len(self.parts) else None
        for part in self.parts:
            part.latent, part.failed_at = latent, failed
            if velocity is not None:
                part.velocities[0] = velocity

    def _mean(self, arrays: Sequence[Float]) -> Float:
        stacked = np.stack(arrays)
        mean = np.einsum("kl,kld->ld", self._weights, stacked)
        ways = np.diff(stacked[..., self._travel], axis=1, prepend=0)
        mean[:, self._travel] = np.einsum("kl,kld->ld", self._weights, ways).cumsum(0, dtype=np.float64)
        return mean


def weights(seconds: Sequence[float], frames: int) -> Float:  # (parts, L), adding up to 1 at each frame
    """How much each part counts at each frame: stretches as long as their seconds, with soft joints."""
    ends = np.cumsum(seconds)[:-1] / np.sum(seconds) * frames
    past = np.clip((np.arange(frames) + 0.5 - ends[:, None]) / FADE + 0.5, 0, 1)  # (joints, L)
    past = past * past * (3 - 2 * past)
    reached = np.vstack([np.ones(frames), past])
    return (reached - np.vstack([past, np.zeros(frames)])).astype(np.float32)

"""Known frames held while the rest is sampled: in-painting in a flow, with a soft mask. Pure.

The straight way from noise (t = 0) to motion (t = 1) is known for frames that are known: after each step
they are put back on it. And the network always says where all frames will end. What it is wrong by at the
last known frames it is about to be wrong by in those that follow: they are moved by as much, less and less
with each frame; for good where a number says where the body is and not how it stands. So what is sampled
begins where the known frames end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posewire_runtime.types import Float

FALL = 10
"""Frames behind the known ones until which their error is corrected."""
_LAST = 3
"""Known frames, the last ones, that tell the error."""


@dataclass(frozen=True, eq=False)
class Hold:
    """The beginning of one latent."""

    noise: Float  # (K, D)
    """Where those frames begin."""
    known: Float  # (K, D)
    """Where they end."""
    lasting: Float  # (D,)
    """1 for numbers that are moved for good, 0 for the others."""

    @classmethod
    def of(cls, noise: Float, known: Float, lasting: slice) -> Hold:
        """Hold `known` over the first frames of `noise`."""
        marks = np.zeros(known.shape[1], np.float32)
        marks[lasting] = 1
        return cls(noise[: len(known)], known, marks)

    def put(self, latent: Float, velocity: Float, time: float) -> Float:
        """The latent at `time`, which `velocity` brought there: its first frames back on their way."""
        count, time = len(self.known), np.float32(time)
        aim = latent[:count] + (1 - time) * velocity[:count]
        wrong = (self.known - aim)[-_LAST:].mean(axis=0)  # (D,)
        held = latent.copy()
        held[:count] = self.noise + time * (self.known - self.noise)
        held[count:] += time * wrong * shares(len(latent) - count, self.lasting)
        return held


def shares(frames: int, lasting: Float) -> Float:  # (frames, D)
    """How much of the known frames' error each following frame is corrected by."""
    fall = np.maximum(1 - (np.arange(frames, dtype=np.float32) + 1) / FALL, 0)[:, None] ** 2
    return fall + (1 - fall) * lasting

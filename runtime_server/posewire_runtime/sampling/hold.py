"""Known frames held while the rest is sampled: in-painting in a flow, with a soft mask. Pure.

The straight way from noise (t = 0) to motion (t = 1) is known for frames that are known: after each step they
are put back on it. And the network always says where all frames will end. What it is wrong by at the last
known frames it is about to be wrong by in those that follow. So these are corrected too: for good in what
`align` can move as a whole, such as where the body is, and less and less with each frame in all else. So what
is sampled begins where the known frames end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from posewire_runtime.types import Float

LAST = 3
"""Known frames, the last ones, that tell what the network is wrong by."""
FALL = 10
"""Frames behind the known ones until which that is corrected."""


@dataclass(frozen=True, eq=False)
class Hold:
    """The beginning of one latent."""

    noise: Float  # (K, D)
    """Where those frames begin."""
    known: Float  # (K, D)
    """Where they end."""
    align: Callable[[Float, Float], Float]
    """Moves a whole motion `(L, D)` so that it is where known frames `(K, D)` are at their end."""

    def put(self, latent: Float, velocity: Float, time: float) -> Float:
        """The latent at `time`, which `velocity` brought there: its first frames back on their way."""
        count, t = len(self.known), np.float32(time)
        aim = np.add(latent, (1 - t) * velocity, dtype=np.float32)
        right = self.align(aim, self.known)
        wrong = (self.known - right[:count])[-LAST:].mean(axis=0)  # (D,)
        right[count:] += wrong * _fall(len(latent) - count)
        held = np.add(latent, t * (right - aim), dtype=np.float32)
        held[:count] = self.noise + t * (self.known - self.noise)
        return held


def _fall(frames: int) -> Float:  # (frames, 1)
    """How much of the error each following frame is corrected by."""
    left = np.maximum(1 - (np.arange(frames) + 1) / FALL, 0)
    return (left**2).astype(np.float32)[:, None]

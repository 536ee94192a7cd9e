"""Known frames held while the rest is sampled: in-painting in a flow, with a soft mask. Pure.

The straight way from noise (t = 0) to motion (t = 1) is known for frames that are known. After each step
they are put back on it, and so everything else is sampled to go with them. Towards their end they are held
less and less: there the sampler may smooth over what doesn't fit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posewire_runtime.types import Float

SOFT = 0.4
"""The share of the known frames, the last ones, that are held softly."""
_LEAST = 0.2
"""How much the last one is held."""


@dataclass(frozen=True, eq=False)
class Hold:
    """The beginning of one latent."""

    noise: Float  # (K, D)
    """Where those frames begin."""
    known: Float  # (K, D)
    """Where they end."""
    share: Float  # (K, 1)
    """How much each is held, 0 to 1."""

    @classmethod
    def of(cls, noise: Float, known: Float) -> Hold:
        """Hold `known` over the first frames of `noise`."""
        return cls(noise[: len(known)], known, shares(len(known)))

    def put(self, latent: Float, time: float) -> Float:
        """The latent at `time`, with its first frames back on their way."""
        count = len(self.known)
        way = self.noise + np.float32(time) * (self.known - self.noise)
        held = latent.copy()
        held[:count] += self.share * (way - latent[:count])
        return held


def shares(frames: int) -> Float:  # (frames, 1)
    """How much each of so many known frames is held."""
    soft = round(frames * SOFT)
    fall = 1 - (1 - _LEAST) * (np.arange(soft) + 1) / max(soft, 1)
    return np.concatenate([np.ones(frames - soft), fall]).astype(np.float32)[:, None]

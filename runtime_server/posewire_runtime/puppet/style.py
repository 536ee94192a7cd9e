"""What a seed varies about the puppet: tempo, swagger, handedness, slow drifts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posewire_runtime.motion.quat import Array


@dataclass(frozen=True, eq=False)
class Style:
    """One puppet's ways."""

    tempo: float
    """Of its steps, about 1."""
    swagger: float
    """Of hips, trunk and arms, about 1."""
    first: int
    """The foot that goes first: 0 left, 1 right."""
    waves: float
    """How often a waving hand goes to and fro in a second."""
    phases: Array  # (8, 2)
    """Where the slow drifts begin."""

    @classmethod
    def of(cls, seed: int) -> Style:
        """The style of a seed."""
        random = np.random.default_rng(seed)
        return cls(
            tempo=random.uniform(0.93, 1.07),
            swagger=random.uniform(0.8, 1.2),
            first=int(random.integers(2)),
            waves=random.uniform(1.5, 1.9),
            phases=random.uniform(0, 2 * np.pi, (8, 2)),
        )

    def drift(self, times: Array, period: float, which: int) -> Array:
        """A slow wander within -1 to 1 that doesn't visibly repeat."""
        first, second = self.phases[which]
        turn = 2 * np.pi / period * times
        return 0.65 * np.sin(turn + first) + 0.35 * np.sin(1.618 * turn + second)

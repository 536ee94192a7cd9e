"""Travel for a root bone: the pelvis' path and heading without the sway of each step.

The pelvis swings to and fro while the character goes straight on. A bone on the floor should go straight;
what is left stays with the pelvis. `root` has the raw path.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.root import RootMotion, root_motion
from posewire_runtime.types import Clip

SECONDS = 0.25
"""Standard deviation of the averaging, seconds: about half a step."""


def smooth_travel(clip: Clip, seconds: float = SECONDS) -> RootMotion:
    """Path and heading, averaged. Ends keep their speed, so that a straight walk isn't shortened."""
    motion = root_motion(clip)
    sigma = seconds * clip.fps
    return replace(
        motion,
        positions=_average(motion.positions.astype(np.float64), sigma),
        headings=_average(motion.headings.astype(np.float64)[:, None], sigma)[:, 0],
    )


def _average(values: Array, sigma: float) -> Array:
    """Gaussian average along the first axis; beyond the ends values go on, mirrored through the last one."""
    radius = min(int(3 * sigma), len(values) - 1)
    if radius < 1:
        return values
    weights = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    head = 2 * values[0] - values[radius:0:-1]
    tail = 2 * values[-1] - values[-2 : -radius - 2 : -1]
    padded = np.concatenate([head, values, tail])
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * radius + 1, axis=0)
    return windows @ (weights / weights.sum())

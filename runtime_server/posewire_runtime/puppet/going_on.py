"""The puppet goes on from known frames: a performance is entered where it looks most like them.

Knows poses, not scripts: of a longer performance it takes the part whose beginning fits best.
"""

from __future__ import annotations

import numpy as np

from posewire_runtime.motion.root import in_place, root_motion
from posewire_runtime.motion.trim import cut
from posewire_runtime.puppet.body import perform
from posewire_runtime.types import Clip, Float

_WINDOW = 2.0
"""Seconds of the performance in which the place is sought: two cycles of a slow walk."""
_ENDING = 1.5
"""Seconds before the performance ends: it comes to rest there, and that isn't shown."""


def go_on(known: Clip, prompt: str, frames: int, seed: int) -> Clip:
    """So many frames of the prompt, of which the first ones look like the known ones, as far as they can."""
    window, ending = round(_WINDOW * known.fps), round(_ENDING * known.fps)
    made = perform(prompt, window + frames + ending, known.fps, seed)
    start = _best(_poses(known), _poses(made), window)
    return cut(made, start, start + frames)


def _poses(clip: Clip) -> Float:  # (L, J * 4 + 3)
    """What of each frame is compared: rotations without the heading, and how high the pelvis is."""
    still = in_place(clip, root_motion(clip))
    # A rotation and its negative are the same: the real part says which one is compared.
    signs = np.where(still.rotations[..., 3:] < 0, np.float32(-1), np.float32(1))
    return np.concatenate([(still.rotations * signs).reshape(clip.frames, -1), still.root], axis=1)


def _best(known: Float, made: Float, window: int) -> int:
    """Where in the first frames the known ones fit best."""
    costs = [float(np.square(made[at : at + len(known)] - known).sum()) for at in range(window)]
    return int(np.argmin(costs))

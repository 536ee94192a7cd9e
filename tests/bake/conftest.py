"""Clips with the faults that passes mend: the puppet's motion, swayed and jittered as a network's is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from posewire_runtime import puppet
from posewire_runtime.motion import quat
from posewire_runtime.types import Clip


def sway(clip: Clip, seed: int) -> Clip:
    """The clip with its pelvis swaying by some centimetres and its joints by some degrees."""
    random = np.random.default_rng(seed)
    t = np.arange(clip.frames)[:, None] / clip.fps
    phase, rate = random.uniform(0, 6.3, 69), random.uniform(0.2, 1.2, 69)
    wave = np.sin(2 * np.pi * rate * t + phase)
    root = clip.root + 0.02 * wave[:, :3] * [1, 0.3, 1]
    turn = quat.from_rotation_vector(0.03 * wave[:, 3:].reshape(clip.frames, 22, 3))
    rotations = quat.multiply(clip.rotations, turn)
    return replace(clip, root=root.astype(np.float32), rotations=rotations.astype(np.float32))


@pytest.fixture(scope="session")
def make() -> Callable[..., Clip]:
    """Prompt -> clip, clean or swaying."""

    def make(prompt: str, seconds: float = 4.0, seed: int = 3, swaying: bool = False) -> Clip:
        clip = puppet.perform(prompt, round(seconds * 30), 30, seed)
        return sway(clip, seed) if swaying else clip

    return make

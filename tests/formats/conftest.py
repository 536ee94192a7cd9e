"""Clips to write: the puppet's, and one on a rig with bent rest rotations and a bone above the pelvis."""

from __future__ import annotations

import numpy as np
import pytest

from posewire_runtime import puppet
from posewire_runtime.motion import quat
from posewire_runtime.types import Clip, Skeleton


@pytest.fixture(scope="session")
def walk() -> Clip:
    """A walk with a wave and a turn, on SMPL-22."""
    return puppet.perform("walks, turns around, then waves with the left hand", 150, 30, 7)


@pytest.fixture(scope="session")
def rig_clip() -> Clip:
    """Wild motion on a rig whose joints are all turned at rest."""
    random = np.random.default_rng(4)
    skeleton = Skeleton(
        names=("root", "hips", "spine", "head", "left leg", "left foot", "prop"),
        parents=(-1, 0, 1, 2, 1, 4, 0),
        positions=random.uniform(-1, 1, (7, 3)).astype(np.float32),
        rotations=quat.normalise(random.normal(size=(7, 4))).astype(np.float32),
        pelvis=1,
    )
    knots = random.normal(size=(5, 7, 4))
    times = np.linspace(0, 3.999, 50)
    before = times.astype(int)
    rotations = quat.slerp(
        quat.normalise(knots[before]), quat.normalise(knots[before + 1]), (times - before)[:, None]
    )
    root = np.cumsum(random.normal(0, 0.02, (50, 3)), axis=0).astype(np.float32)
    contacts = random.uniform(size=(50, 4)) < 0.5
    return Clip(skeleton, 60.0, rotations.astype(np.float32), root, contacts, seed=2**64 - 1)

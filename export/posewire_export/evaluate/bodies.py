"""The bodies of many clips in a few figures: as they come, and after the passes that a bake would do.

Medians over the clips of each action, then over actions: common actions don't drown rare ones.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from posewire_export.evaluate import physics
from posewire_export.evaluate.scores import Interval, Numbers
from posewire_export.train.ingest import FPS, Motion, ground, places
from posewire_export.train.rest import REST
from posewire_runtime.motion.contacts import foot_contacts
from posewire_runtime.motion.footlock import lock_feet
from posewire_runtime.motion.plant import plant
from posewire_runtime.types import Clip

PASSES = "ground plant foot-lock"
"""What `after_passes` does, in the words of `posewire bake --passes`."""
MEASURES = ("sliding", "sinking", "jerk", "flips", "drift")
"""Figures of `physics.Physics`."""

_ROUNDS = 200


def clip_of(motion: Motion, seed: int = 0) -> Clip:
    """A motion with the contacts of its feet, as the runtime finds them."""
    contacts = foot_contacts(REST, places(motion), FPS)
    return Clip(REST, FPS, motion.rotations, motion.root, contacts, seed)


def after_passes(motion: Motion) -> Motion:
    """The motion as a bake with `PASSES` would write it."""
    locked = lock_feet(plant(clip_of(ground(motion))))
    return Motion(locked.rotations, locked.root)


def typical(motions: Sequence[Motion], actions: Sequence[Sequence[str]]) -> dict[str, Interval]:
    """The measures of a crowd; intervals by drawing the clips of each action anew."""
    values = np.array([[getattr(physics.measure(m), name) for name in MEASURES] for m in motions])
    groups = _groups(actions)
    chance = np.random.default_rng(0)
    drawn = [
        _middle(values, [group[chance.integers(0, len(group), len(group))] for group in groups])
        for _ in range(_ROUNDS)
    ]
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    middle = _middle(values, groups)
    return {
        name: Interval(float(middle[i]), float(low[i]), float(high[i])) for i, name in enumerate(MEASURES)
    }


def _groups(actions: Sequence[Sequence[str]]) -> list[NDArray[np.int64]]:
    """For each action the numbers of its clips."""
    found: dict[str, list[int]] = {}
    for number, names in enumerate(actions):
        for name in names or ("",):
            found.setdefault(name, []).append(number)
    return [np.array(numbers) for numbers in found.values()]


def _middle(values: Numbers, groups: Sequence[NDArray[np.int64]]) -> Numbers:
    """The median action's median, of each column; what is not a number doesn't count."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice", RuntimeWarning)
        return np.nanmedian([np.nanmedian(values[group], axis=0) for group in groups], axis=0)

"""Sampling with the torch module: the plain way, as a truth to compare graphs with.

The same schedules and the same noise as the runtime, but text and motion together at every
step, as the official tool does it. Slow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from posewire_export.hymotion.network import MotionTransformer
from posewire_runtime.families.hymotion_text import Vectors
from posewire_runtime.sampling import schedule
from posewire_runtime.sampling.schedule import Schedule
from posewire_runtime.types import Features, Float


@dataclass(frozen=True, eq=False)
class Moment:
    """Where a sampling stood before a step, and what the network said."""

    time: float
    latent: Float  # (L, 201)
    velocity: Float  # (L, 201)
    """With text, before guidance."""


def velocity(network: MotionTransformer, latent: Float, features: Features, time: float) -> Float:
    """The velocity (L, 201) of one latent (L, 201) with its text at a time."""
    with torch.inference_mode():
        x, tokens = torch.from_numpy(latent)[None], torch.from_numpy(features.tokens)[None]
        sentence, times = torch.from_numpy(features.sentence)[None], torch.tensor([time])
        return network(x, tokens, sentence, times, _all(x), _all(tokens))[0].numpy()


def trajectory(
    network: MotionTransformer, features: Features, vectors: Vectors, plan: Schedule, latent: Float
) -> Iterator[Moment]:
    """Walk from noise to motion; the last moment is the result, with a velocity of zeros."""
    null = Features(np.repeat(vectors.null_words, len(features.tokens), axis=0), vectors.null_sentence)
    velocities: list[Float] = []
    for step, time in enumerate(plan.times[:-1]):
        said = velocity(network, latent, features, time)
        yield Moment(time, latent, said)
        if plan.guided(step):
            said = schedule.combine(velocity(network, latent, null, time), said, plan.guidance)
        velocities = [said, *velocities][: plan.order]
        latent = schedule.advance(latent, velocities, plan.weights(step))
    yield Moment(plan.times[-1], latent, np.zeros_like(latent))


def _all(x: Tensor) -> Tensor:
    return torch.ones(x.shape[:2], dtype=torch.bool)

"""The text side of HY-Motion: what the `condition` graph makes of a prompt, for every step of a schedule.

A condition may be gigabytes (50 steps, 128 words), so steps are computed in groups under a byte
budget and the oldest group is dropped. The null branch that guidance needs is the same for every
prompt: all its words are alike, so one word is computed once a schedule, and its keys are turned
to the places of as many words as the prompt has. Knows nothing of latents and solvers.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posewire_runtime.device.engine import Graph
from posewire_runtime.families.hymotion_batch import Geometry, rope
from posewire_runtime.types import Features, Float

Times = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class NetworkConfig:
    """`config` of a HY-Motion package."""

    width: int
    """D, the width of a token."""
    layers: int
    heads: int
    word_dim: int
    """Width of a word's features."""
    sentence_dim: int
    """Width of the sentence's features."""
    band: int
    """A frame sees this many frames to each side."""
    text_position: int
    """Rotary position of the first word."""
    noise_frames: int
    """Noise is always drawn for so many frames and then cropped."""
    max_words: int = 128
    rope_base: float = 10000.0
    time_factor: float = 1000.0
    """Times in [0, 1] are multiplied by this before the sinusoid."""
    guidance: float = 5.0
    """Guidance where neither request nor preset says another."""
    noise: Literal["cpu", "cuda"] = "cpu"
    """Whose generator seeds refer to."""
    vectors: str = "vectors.npz"
    """File with `null_words`, `null_sentence` and `game_sentence`."""

    @property
    def geometry(self) -> Geometry:
        return Geometry(self.band, self.width // self.heads, self.rope_base)

    @property
    def modulations(self) -> int:
        """Vectors that modulate motion at one time."""
        double = self.layers // 3
        return 6 * double + 3 * (self.layers - double) + 2

    def step_bytes(self, words: int) -> int:
        """Memory of one step of a condition with so many words."""
        return 4 * self.width * (self.modulations + 2 * self.layers * words)


@dataclass(frozen=True, eq=False)
class Vectors:
    """Features that stand in the checkpoint."""

    null_words: Float  # (1, C)
    null_sentence: Float  # (1, V)
    game_sentence: Float  # (1, V)
    """Added to the sentence for game-like motion."""


@dataclass(frozen=True, eq=False)
class AtStep:
    """All that motion needs of the text at one step."""

    modulation: Float  # (modulations, D)
    words: Float  # (layers, 2, n, D)
    """Keys and values."""


class Steps:
    """The text side of one schedule: computed in groups of steps, of which at most two are held."""

    def __init__(
        self, make: Callable[[Times], tuple[Float, Float]], times: Times, step_bytes: int, budget: int
    ) -> None:
        """`make` computes modulation and words at several times; `budget` is in bytes."""
        self._make = make
        self._times = times
        total = step_bytes * len(times)
        self._group = len(times) if total <= budget else max(1, budget // (2 * step_bytes))
        self._held: OrderedDict[int, tuple[Float, Float]] = OrderedDict()
        self.nbytes = min(total, 2 * self._group * step_bytes)

    def at(self, step: int) -> AtStep:
        """The values of a step, computed with its neighbours if they aren't at hand."""
        group, place = divmod(step, self._group)
        if group not in self._held:
            if len(self._held) == 2:
                self._held.popitem(last=False)
            first = group * self._group
            self._held[group] = self._make(self._times[first : first + self._group])
        self._held.move_to_end(group)
        modulation, words = self._held[group]
        return AtStep(modulation[place], words[:, :, place])


@dataclass(frozen=True, eq=False)
class TextCondition:
    """One prompt over one schedule; shared by all runs that have both in common."""

    features: Features
    steps: Steps

    @property
    def nbytes(self) -> int:
        return self.steps.nbytes + self.features.nbytes

    @property
    def words(self) -> int:
        return len(self.features.tokens)


def condition_bytes(config: NetworkConfig, words: int, steps: int, budget: int) -> int:
    """What `TextCondition.nbytes` will be, before it is made."""
    step = config.step_bytes(words)
    held = steps if step * steps <= budget else min(steps, 2 * max(1, budget // (2 * step)))
    return held * step + 4 * (words * config.word_dim + config.sentence_dim)


class TextSide:
    """Runs the `condition` graph and keeps the null branches of the last few schedules."""

    KEPT = 4
    """Schedules whose null branch is held."""

    def __init__(self, graph: Graph, config: NetworkConfig, vectors: Vectors, budget: int) -> None:
        """`budget` in bytes for each condition."""
        self._graph = graph
        self._config = config
        self._vectors = vectors
        self._budget = budget
        self._nulls: OrderedDict[Times, Steps] = OrderedDict()

    def condition(self, features: Features, times: Times, *, game: bool) -> TextCondition:
        """The condition of a prompt at these times, its first group of steps computed."""
        sentence = features.sentence + self._vectors.game_sentence if game else features.sentence
        steps = self._steps(features.tokens, sentence, times, self._config.text_position)
        steps.at(0)
        return TextCondition(features, steps)

    def null(self, times: Times, step: int, words: int) -> AtStep:
        """The branch without text, as a prompt of so many words sees it."""
        if times not in self._nulls:
            # At position 0 the keys come out unturned.
            vectors = self._vectors
            self._nulls[times] = self._steps(vectors.null_words, vectors.null_sentence, times, 0)
            if len(self._nulls) > self.KEPT:
                self._nulls.popitem(last=False)
        self._nulls.move_to_end(times)
        found = self._nulls[times].at(step)
        return AtStep(found.modulation, self._spread(found.words, words))

    def _spread(self, words: Float, count: int) -> Float:
        """One unturned word (layers, 2, 1, D) as `count` words at their places."""
        config = self._config
        places = config.text_position + np.arange(count)
        cos, sin = rope(places, config.geometry)
        turns = (cos + 1j * sin).astype(np.complex64)[:, None]  # (n, 1, d / 2)
        keys = np.ascontiguousarray(words[:, 0]).view(np.complex64)  # (layers, 1, D / 2)
        spread = np.empty((config.layers, 2, count, config.width), np.float32)
        turned = keys.reshape(config.layers, 1, config.heads, -1) * turns  # (layers, n, H, d / 2)
        spread[:, 0] = turned.reshape(config.layers, count, -1).view(np.float32)
        spread[:, 1] = words[:, 1]
        return spread

    def _steps(self, tokens: Float, sentence: Float, times: Times, first: int) -> Steps:
        config = self._config

        def make(some: Times) -> tuple[Float, Float]:
            return self._run(tokens, sentence, some, first)

        return Steps(make, times, config.step_bytes(len(tokens)), self._budget)

    def _run(self, tokens: Float, sentence: Float, times: Times, first: int) -> tuple[Float, Float]:
        config = self._config
        cos, sin = rope(first + np.arange(len(tokens)), config.geometry)
        feeds = {
            "tokens": tokens,
            "sentence": sentence,
            "time": sinusoid(times, config.width, config.time_factor),
            "refiner_time": sinusoid(times, config.width, 1.0),
            "cos": cos[None],
            "sin": sin[None],
        }
        made = self._graph.run(feeds)
        return made["modulation"], made["words"]


def sinusoid(times: Sequence[float], width: int, factor: float) -> Float:
    """Times (S,) -> embeddings (S, width), cosines first; angles in float32, as the reference has them."""
    half = width // 2
    frequencies = np.exp(-np.log(10000.0) * np.arange(half) / half).astype(np.float32)
    scaled = np.asarray(times, np.float32) * np.float32(factor)
    angles = scaled[:, None] * frequencies
    return np.concatenate([np.cos(angles), np.sin(angles)], axis=-1)


def fingerprint(features: Features) -> bytes:
    """Equal for equal features."""
    digest = hashlib.blake2b(digest_size=16)
    for array in (features.tokens, features.sentence):
        digest.update(repr(array.shape).encode() + array.tobytes())
    return digest.digest()

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
from functools import partial
from itertools import accumulate, pairwise
from typing import Literal
from weakref import WeakValueDictionary

import numpy as np

from posewire_runtime.device.engine import DeviceArray, Engine, Graph
from posewire_runtime.device.lanes import Lanes
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
    says: Literal["velocity", "motion"] = "velocity"
    """What the network's last layer makes; the graphs give velocities either way."""
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
        """Vectors that modulate motion at one time, and one for 1 / (1 - t) where motion is said."""
        double = self.layers // 3
        return 6 * double + 3 * (self.layers - double) + 2 + (self.says == "motion")

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


@dataclass(frozen=True, eq=False)
class Group:
    """The text side at neighbouring steps, where the device has it."""

    modulation: DeviceArray  # (steps, modulations, D)
    words: DeviceArray  # (layers, 2, steps, n, D)

    def at(self, place: int) -> AtStep:
        """One of its steps, in host memory."""
        return AtStep(self.modulation.numpy()[place], self.words.numpy()[:, :, place])


@dataclass(frozen=True, slots=True)
class Grouping:
    """How the steps of a schedule are cut into groups."""

    size: int
    """Steps of a group."""
    held: int
    """Groups that are kept."""

    @classmethod
    def of(cls, steps: int, step_bytes: int, budget: int, most: int | None = None) -> Grouping:
        """As few groups as `budget` bytes and `most` steps a group allow; two at least are held."""
        fits = step_bytes * steps <= budget
        size = steps if fits else max(1, budget // (2 * step_bytes))
        size = min(size, most or size)
        return cls(size, -(-steps // size) if fits else max(2, budget // (size * step_bytes)))


@dataclass(frozen=True, eq=False)
class Beside:
    """A graph that runs several times at once."""

    graph: Graph
    """Loaded for one thread."""
    lanes: Lanes


class Steps:
    """The text side of one schedule: computed in groups of steps, of which the latest are held."""

    def __init__(
        self, make: Callable[[Times, Graph | None], Group], times: Times, step_bytes: int, grouping: Grouping
    ) -> None:
        """`make` computes a group, by this graph or by its own."""
        self._make = make
        self._times = times
        self._grouping = grouping
        self._held: OrderedDict[int, Group] = OrderedDict()
        self.nbytes = step_bytes * min(len(times), grouping.size * grouping.held)

    def has(self, step: int) -> bool:
        """Whether the group of a step is at hand."""
        return step // self._grouping.size in self._held

    def group(self, step: int, graph: Graph | None = None) -> tuple[Group, int]:
        """The group of a step and its place there; if it isn't at hand computed, by this graph or its own."""
        index, place = divmod(step, self._grouping.size)
        if index not in self._held:
            if len(self._held) == self._grouping.held:
                self._held.popitem(last=False)
            first = index * self._grouping.size
            self._held[index] = self._make(self._times[first : first + self._grouping.size], graph)
        self._held.move_to_end(index)
        return self._held[index], place

    def at(self, step: int) -> AtStep:
        """The values of a step."""
        group, place = self.group(step)
        return group.at(place)


@dataclass(frozen=True, eq=False)
class TextCondition:
    """One prompt over one schedule; shared by all runs that have both in common."""

    features: Features
    steps: Steps
    null: Steps
    """The branch without text over the same schedule: one for all conditions that have it in common."""

    @property
    def nbytes(self) -> int:
        return self.steps.nbytes + self.features.nbytes

    @property
    def words(self) -> int:
        return len(self.features.tokens)


def condition_bytes(config: NetworkConfig, words: int, steps: int, budget: int) -> int:
    """What `TextCondition.nbytes` will be at most, before it is made."""
    return held_bytes(config, words, steps, budget) + 4 * (words * config.word_dim + config.sentence_dim)


def held_bytes(config: NetworkConfig, words: int, steps: int, budget: int) -> int:
    """What the groups of a schedule take that are held together."""
    step = config.step_bytes(words)
    grouping = Grouping.of(steps, step, budget)
    return step * min(steps, grouping.size * grouping.held)


class TextSide:
    """Runs the `condition` graph and keeps null branches: those in use, and of the last few schedules."""

    KEPT = 4
    """Schedules whose null branch is held though nobody uses it."""

    def __init__(
        self,
        engine: Engine,
        graph: Graph,
        config: NetworkConfig,
        vectors: Vectors,
        budget: int,
        group: int | None = None,
        beside: Beside | None = None,
    ) -> None:
        """`budget` in bytes for each condition; `group`: most steps that are computed together.

        `beside`: the same graph for several prompts at once, where it is small.
        """
        self._engine = engine
        self._graph = graph
        self._config = config
        self._vectors = vectors
        self._budget = budget
        self._group = group
        self._beside = beside
        cos, sin = rope(config.text_position + np.arange(config.max_words), config.geometry)
        self._turns = (cos + 1j * sin).astype(np.complex64)[:, None]  # (max_words, 1, d / 2)
        self._nulls: WeakValueDictionary[Times, Steps] = WeakValueDictionary()
        self._latest_nulls: OrderedDict[Times, Steps] = OrderedDict()
        self._spread_nulls: OrderedDict[tuple[Times, int], Steps] = OrderedDict()

    def condition(self, features: Features, times: Times, *, game: bool) -> TextCondition:
        """The condition of a prompt at these times; nothing of it is computed yet."""
        sentence = features.sentence + self._vectors.game_sentence if game else features.sentence
        steps = self._steps(features.tokens, sentence, times, self._config.text_position)
        return TextCondition(features, steps, self._null_steps(times))

    def prepare(self, wanted: Sequence[Steps]) -> None:
        """Compute the first steps of these, unless they are at hand; side by side where that pays."""
        missing = [steps for steps in dict.fromkeys(wanted) if not steps.has(0)]
        if self._beside is None or len(missing) < 2:
            for steps in missing:
                steps.group(0)
        else:
            self._beside.lanes.run([partial(steps.group, 0, self._beside.graph) for steps in missing])

    def nulls(self, wanted: Sequence[tuple[TextCondition, int]]) -> list[AtStep]:
        """The branch without text at a step of each condition, as a prompt of as many words sees it."""
        if not wanted:
            return []
        found = [condition.null.at(step) for condition, step in wanted]
        counts = [condition.words for condition, _ in wanted]
        words = self._spread(np.concatenate([one.words for one in found], axis=2), counts)
        cuts = pairwise(accumulate(counts, initial=0))
        return [AtStep(one.modulation, words[:, :, a:b]) for one, (a, b) in zip(found, cuts, strict=True)]

    def null_group(self, times: Times, step: int, words: int) -> tuple[Group, int]:
        """The same for the group of a step and any number of words, on the device."""

        def make(some: Times, _: Graph | None) -> Group:
            first = times.index(some[0])
            found = [self._null_steps(times).at(first + place) for place in range(len(some))]
            each = np.concatenate([one.words for one in found], axis=2)  # (layers, 2, steps, D)
            spread = self._spread(each, [words] * len(some)).reshape(
                each.shape[0], 2, len(some), words, each.shape[-1]
            )
            modulation = np.stack([one.modulation for one in found])
            return Group(self._engine.put(modulation), self._engine.put(spread))

        key = (times, words)
        if key not in self._spread_nulls:
            self._spread_nulls[key] = self._lazy(make, times, words)
            if len(self._spread_nulls) > self.KEPT:
                self._spread_nulls.popitem(last=False)
        self._spread_nulls.move_to_end(key)
        return self._spread_nulls[key].group(step)

    def _null_steps(self, times: Times) -> Steps:
        found = self._nulls.get(times)
        if found is None:
            # At position 0 the keys come out unturned.
            vectors = self._vectors
            found = self._steps(vectors.null_words, vectors.null_sentence, times, 0)
            self._nulls[times] = found
        self._latest_nulls[times] = found
        self._latest_nulls.move_to_end(times)
        if len(self._latest_nulls) > self.KEPT:
            self._latest_nulls.popitem(last=False)
        return found

    def _spread(self, words: Float, counts: Sequence[int]) -> Float:  # (layers, 2, the sum of counts, D)
        """Unturned words (layers, 2, rows, D), each as so many at their places."""
        spread = np.repeat(words, counts, axis=2)
        shape = len(spread), spread.shape[2], self._config.heads, -1
        keys = spread[:, 0].view(np.complex64).reshape(shape)
        keys *= np.concatenate([self._turns[:count] for count in counts])
        return spread

    def _steps(self, tokens: Float, sentence: Float, times: Times, first: int) -> Steps:
        def make(some: Times, graph: Graph | None) -> Group:
            return self._run(tokens, sentence, some, first, graph or self._graph)

        return self._lazy(make, times, len(tokens))

    def _lazy(self, make: Callable[[Times, Graph | None], Group], times: Times, words: int) -> Steps:
        step_bytes = self._config.step_bytes(words)
        return Steps(make, times, step_bytes, Grouping.of(len(times), step_bytes, self._budget, self._group))

    def _run(self, tokens: Float, sentence: Float, times: Times, first: int, graph: Graph) -> Group:
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
        made = graph.run_on_device(feeds)
        return Group(made["modulation"], made["words"])


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

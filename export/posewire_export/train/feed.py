"""What the trainer eats: batches of augmented clips with captions, of nearly one length each.

Clips are drawn a pool at a time, and a pool depends on nothing but the seed and its number: a run that
goes on after an interruption makes the same batches again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

import numpy as np

from posewire_export.train import features, shown, wording
from posewire_export.train.config import Augment, Config
from posewire_export.train.library import Entry, balanced_weights
from posewire_export.train.stitch import fits, stitch
from posewire_runtime.types import Float

POOL = 192
"""Clips drawn at once, then sorted by length."""


@dataclass(frozen=True, eq=False)
class Example:
    """One clip as it is shown."""

    frames: Float  # (L, 201)
    """Features, not normalised."""
    text: str
    noise: Float | None = None  # (L, 201)
    """The noise that belongs to it; None: any."""


@dataclass(frozen=True, eq=False)
class Corpus:
    """The clips of one part of the split, as features."""

    entries: Sequence[Entry]
    clips: Sequence[Float]
    """(L, 201) each, in the order of `entries`."""

    @property
    def frames(self) -> int:
        return sum(len(clip) for clip in self.clips)


class Pools(Protocol):
    """Where batches come from, pool by pool."""

    def batches(self, pool: int) -> list[list[Example]]:
        """The batches of one pool, in the order they are shown; they depend on its number alone."""
        ...


class Feed:
    """Draws pools of examples from a corpus."""

    def __init__(self, corpus: Corpus, config: Config) -> None:
        self._corpus = corpus
        self._config = config
        self._shown = [shown.measure(clip) for clip in corpus.clips]
        self._weights = [
            weight * _told(entry, what, config.augment)
            for entry, what, weight in zip(
                corpus.entries, self._shown, balanced_weights(corpus.entries), strict=True
            )
        ]

    def batches(self, pool: int) -> list[list[Example]]:
        """The batches of one pool, in the order they are shown."""
        chance = Random(f"{self._config.seed}/{pool}")
        examples = sorted((self._example(chance) for _ in range(POOL)), key=lambda e: len(e.frames))
        batches = list(pack(examples, self._config.batch_frames))
        chance.shuffle(batches)
        return batches

    def _example(self, chance: Random) -> Example:
        one = self._single(chance)
        if chance.random() >= self._config.augment.stitch:
            return one
        first = features.decode(one.frames)
        for _ in range(6):
            other = self._single(chance)
            if len(one.frames) + len(other.frames) - 1 > self._config.max_frames:
                continue
            second = features.decode(other.frames)
            if fits(first, second):
                joined = features.encode(stitch(first, second))
                return Example(joined, wording.join(one.text, other.text, chance))
        return one

    def _single(self, chance: Random) -> Example:
        which = chance.choices(range(len(self._weights)), self._weights)[0]
        clip, augment = self._corpus.clips[which], self._config.augment
        text = chance.choice(self._corpus.entries[which].texts)
        if chance.random() < augment.sides:
            text = shown.name_side(text, self._shown[which], chance)
        if chance.random() < augment.reverse and (back := shown.reversed_walk(clip, text)) is not None:
            clip, text = back
        if chance.random() < augment.bend and (bent := shown.bent_walk(clip, text, chance)) is not None:
            clip, text = bent
        if chance.random() < augment.mirror:
            other = wording.mirror(text)
            if other is not None:
                clip, text = features.mirror(clip), other
        if chance.random() < augment.warp:
            factor = 1 + augment.warp_range * (2 * chance.random() - 1)
            clip = features.stretch(clip, max(2, round(len(clip) * factor)))
        if chance.random() < augment.paraphrase:
            text = wording.paraphrase(text, chance)
        return Example(self._fitting(clip), text)

    def _fitting(self, clip: Float) -> Float:
        """Cut to the longest length; a clip that is too short stands still at its end."""
        clip = clip[: self._config.max_frames]
        missing = self._config.min_frames - len(clip)
        return clip if missing <= 0 else np.concatenate([clip, np.repeat(clip[-1:], missing, axis=0)])


def _told(entry: Entry, what: shown.Shown, augment: Augment) -> float:
    """How many times as often a clip is drawn for telling left from right."""
    if what == shown.Shown() and not any(map(wording.names_side, entry.texts)):
        return 1.0
    return augment.pointed * (augment.legs if what.leg is not None else 1.0)


def pack(examples: Sequence[Example], budget: int) -> Iterator[list[Example]]:
    """Batches of neighbours, as many as the frames allow when all are padded to the longest.

    `examples` come sorted by length.
    """
    batch: list[Example] = []
    for example in examples:
        if batch and len(example.frames) * (len(batch) + 1) > budget:
            yield batch
            batch = []
        batch.append(example)
    yield batch

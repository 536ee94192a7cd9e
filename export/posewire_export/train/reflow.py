"""Few steps instead of many: a second network learns where the first one ends up.

The teacher, with guidance, turns noise into motion in many steps. The pairs (noise, motion) that come out
are joined by straight lines, and the student learns those lines: it needs few steps, and the guidance
is folded into it. Any number of steps works, more are better; one step is the teacher's end in one go.

The student learns better than the teacher does: feet that glide are planted first, and where words name
a limb or a direction, only answers that keep to it are taken. A share of recordings keeps what it learns near
them. Pairs lie in files of one pool each, so that making them may stop at any time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import numpy as np
import torch
from tqdm import tqdm

from posewire_export.train import wording
from posewire_export.train.claims import claims, holds
from posewire_export.train.config import Config
from posewire_export.train.features import TRANSLATION, WIDTH, Normaliser
from posewire_export.train.feed import POOL, Example, Pools, pack
from posewire_export.train.flow import sample
from posewire_export.train.generate import Generator, finish, noise_of
from posewire_export.train.ingest import FPS, places
from posewire_export.train.rest import REST
from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion.plant import path_change
from posewire_runtime.text.duration import estimate_seconds
from posewire_runtime.types import Float

TRIES = 4
"""Seeds that a caption gets until an answer keeps to what it claims; then it is left out."""


@dataclass(frozen=True)
class Teaching:
    """How the teacher makes its examples."""

    steps: int = 16
    guidance: float = 4.0
    pools: int = 100
    """Each has `feed.POOL` examples."""
    batch_frames: int = 4096
    """Frames the teacher makes at once, padding included."""
    bf16: bool = True


@dataclass(frozen=True, eq=False)
class _Answer:
    """One example of the teacher's."""

    text: str
    seed: int
    latent: Float  # (L, 201), normalised


def make_pairs(teacher: Generator, feed: Pools, teaching: Teaching, folder: Path) -> list[Path]:
    """Write the missing pools of pairs; returns the files of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"pool{number:04}.npz" for number in range(teaching.pools)]
    for number, file in enumerate(tqdm(files, desc="teaching", unit="pool", disable=None)):
        if not file.exists():
            _write_pool(_pool(teacher, feed, number, teaching), file)
    return files


def _pool(teacher: Generator, feed: Pools, number: int, teaching: Teaching) -> list[_Answer]:
    """What the teacher answers to the captions of a pool, as far as it keeps to them."""
    asked = sorted((e for batch in feed.batches(number) for e in batch), key=lambda e: len(e.frames))
    kept: list[_Answer] = []
    for attempt in range(TRIES):
        if not asked:
            break
        first = (number * TRIES + attempt) * 1_000
        seeded = [replace(example, noise=noise_of(first + i).numpy()) for i, example in enumerate(asked)]
        made = [_kept(teacher, *one) for one in zip(asked, _answers(teacher, seeded, teaching), strict=True)]
        kept += [
            _Answer(example.text, first + i, latent)
            for i, (example, latent) in enumerate(zip(asked, made, strict=True))
            if latent is not None
        ]
        asked = [example for example, latent in zip(asked, made, strict=True) if latent is None]
    return kept


def _kept(teacher: Generator, example: Example, latent: Float) -> Float | None:
    """What is learned of an answer: on a path that doesn't glide; None where it breaks its words."""
    latent = latent.astype(np.float16).astype(np.float32)  # as it will be stored
    motion = finish(teacher.normaliser, latent)
    if not all(holds(claim, motion) for claim in claims(example.text)):
        return None
    planted = latent.copy()
    planted[:, TRANSLATION] += path_change(REST, places(motion), FPS) / teacher.normaliser.std[TRANSLATION]
    return planted


def _answers(teacher: Generator, asked: Sequence[Example], teaching: Teaching) -> Iterator[Float]:
    """Normalised features for each of these texts, noises and lengths; `asked` come sorted by length."""
    for batch in pack(asked, teaching.batch_frames):
        lengths = torch.tensor([len(example.frames) for example in batch])
        longest = int(lengths.max())
        noise = torch.stack([torch.from_numpy(e.noise)[:longest] for e in batch]).to(teacher.device)
        mask = (torch.arange(longest) < lengths[:, None]).to(teacher.device)
        text = teacher.text([example.text for example in batch], teacher.device)
        with torch.autocast(teacher.device.type, torch.bfloat16, enabled=teaching.bf16):
            made = sample(teacher.model, text, noise, mask, steps=teaching.steps, guidance=teaching.guidance)
        for row, length in zip(made.cpu().numpy(), lengths.tolist(), strict=True):
            yield row[:length]


def _write_pool(answers: Sequence[_Answer], file: Path) -> None:
    draft = file.with_suffix(".part.npz")
    np.savez(
        draft,
        motions=np.concatenate([answer.latent for answer in answers]).astype(np.float16),
        lengths=np.array([len(answer.latent) for answer in answers]),
        seeds=np.array([answer.seed for answer in answers]),
        texts=np.array([answer.text for answer in answers]),
    )
    draft.replace(file)


class PromptFeed:
    """Pools of prompts without clips, for which the teacher alone knows what to show."""

    def __init__(self, prompts: Sequence[str], config: Config) -> None:
        if not prompts:
            raise InvalidFile("expected prompts, a line each, found none")
        self._prompts = prompts
        self._config = config

    def batches(self, pool: int) -> list[list[Example]]:
        """One batch; the frames of its examples stand for their number alone."""
        chance = Random(f"{self._config.seed}/prompts/{pool}")
        return [[self._example(chance) for _ in range(POOL)]]

    def _example(self, chance: Random) -> Example:
        prompt = chance.choice(self._prompts)
        if chance.random() < self._config.augment.paraphrase:
            prompt = wording.paraphrase(prompt, chance)
        frames = round(FPS * estimate_seconds(prompt) * chance.uniform(0.7, 1.3))
        frames = max(self._config.min_frames, min(frames, self._config.max_frames))
        return Example(np.zeros((frames, WIDTH), np.float32), prompt)


class PairFeed:
    """Draws the student's batches: a pool is a file of pairs, the files in another order every time."""

    def __init__(self, files: Sequence[Path], config: Config, normaliser: Normaliser) -> None:
        if not files:
            raise InvalidFile("expected files of pairs to learn from, found none")
        self._files = files
        self._config = config
        self._normaliser = normaliser
        self.frames = sum(int(_lengths(file).sum()) for file in files)
        """Of all pairs together."""

    def batches(self, pool: int) -> list[list[Example]]:
        """The batches of one pool, in the order they are shown."""
        turn, place = divmod(pool, len(self._files))
        chance = Random(f"{self._config.seed}/{turn}")
        order = list(range(len(self._files)))
        chance.shuffle(order)
        examples = sorted(self._examples(self._files[order[place]]), key=lambda e: len(e.frames))
        batches = list(pack(examples, self._config.batch_frames))
        Random(f"{self._config.seed}/{pool}").shuffle(batches)
        return batches

    def _examples(self, file: Path) -> list[Example]:
        with np.load(file, allow_pickle=False) as arrays:
            lengths, texts, seeds = arrays["lengths"], arrays["texts"], arrays["seeds"]
            motions = np.split(arrays["motions"].astype(np.float32), np.cumsum(lengths)[:-1])
        return [
            Example(self._normaliser.undo(motion), str(text), noise_of(int(seed))[: len(motion)].numpy())
            for motion, text, seed in zip(motions, texts, seeds, strict=True)
        ]


class MixedFeed:
    """Pools of pairs, and among them, evenly, a share of pools of recordings with any noise."""

    def __init__(self, pairs: Pools, recordings: Pools, share: float) -> None:
        self._pairs = pairs
        self._recordings = recordings
        self._share = share

    def batches(self, pool: int) -> list[list[Example]]:
        """The batches of one pool, in the order they are shown."""
        before, after = (math.floor(count * self._share) for count in (pool, pool + 1))
        return self._recordings.batches(before) if after > before else self._pairs.batches(pool - before)


def _lengths(file: Path) -> np.ndarray:
    with np.load(file, allow_pickle=False) as arrays:
        return arrays["lengths"]

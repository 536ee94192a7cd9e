"""Few steps instead of many: a second network learns where the first one ends up.

The teacher, with guidance, turns noise into motion in many steps. The pairs (noise, motion) that come out
are joined by straight lines, and the student learns those lines: it needs few steps, and the guidance
is folded into it. Any number of steps works, more are better; one step is the teacher's end in one go.

Pairs lie in files of one pool each, so that making them may stop at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import torch
from tqdm import tqdm

from posewire_export.train.config import Config
from posewire_export.train.features import Normaliser
from posewire_export.train.feed import Example, Feed, pack
from posewire_export.train.flow import sample
from posewire_export.train.generate import Generator, noise_of
from posewire_runtime.errors import InvalidFile


@dataclass(frozen=True)
class Teaching:
    """How the teacher makes its examples."""

    steps: int = 16
    guidance: float = 4.0
    pools: int = 100
    """Each has `feed.POOL` examples."""


def make_pairs(teacher: Generator, feed: Feed, teaching: Teaching, folder: Path, *, bf16: bool) -> list[Path]:
    """Write the missing pools of pairs; returns the files of all of them."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [folder / f"pool{number:04}.npz" for number in range(teaching.pools)]
    for number, file in enumerate(tqdm(files, desc="teaching", unit="pool", disable=None)):
        if not file.exists():
            _write_pool(teacher, feed.batches(number), number, teaching, file, bf16)
    return files


def _write_pool(
    teacher: Generator,
    batches: Sequence[Sequence[Example]],
    pool: int,
    teaching: Teaching,
    file: Path,
    bf16: bool,
) -> None:
    texts: list[str] = []
    motions: list[np.ndarray] = []
    seeds: list[int] = []
    for batch in batches:
        chosen = [pool * 1_000_000 + len(texts) + i for i in range(len(batch))]
        motions += _answers(teacher, batch, chosen, teaching, bf16)
        texts += [example.text for example in batch]
        seeds += chosen
    draft = file.with_suffix(".part.npz")
    np.savez(
        draft,
        motions=np.concatenate(motions).astype(np.float16),
        lengths=np.array([len(motion) for motion in motions]),
        seeds=np.array(seeds),
        texts=np.array(texts),
    )
    draft.replace(file)


def _answers(
    teacher: Generator, batch: Sequence[Example], seeds: Sequence[int], teaching: Teaching, bf16: bool
) -> list[np.ndarray]:
    """What the teacher makes of these texts and lengths: normalised features."""
    lengths = torch.tensor([len(example.frames) for example in batch])
    longest = int(lengths.max())
    noise = torch.stack([noise_of(seed)[:longest] for seed in seeds]).to(teacher.device)
    mask = (torch.arange(longest) < lengths[:, None]).to(teacher.device)
    text = teacher.text([example.text for example in batch], teacher.device)
    with torch.autocast(teacher.device.type, torch.bfloat16, enabled=bf16):
        made = sample(teacher.model, text, noise, mask, steps=teaching.steps, guidance=teaching.guidance)
    return [row[:length] for row, length in zip(made.cpu().numpy(), lengths.tolist(), strict=True)]


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


def _lengths(file: Path) -> np.ndarray:
    with np.load(file, allow_pickle=False) as arrays:
        return arrays["lengths"]

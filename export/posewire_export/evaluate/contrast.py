"""The judge: texts and motions in one space, so that a text lies near the motions it describes.

Trained by contrast on the training part only: of a batch, each text has to find its own motion and each
motion its text. It reads texts through the compact encoder's frozen features.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from posewire_export.evaluate.scores import Numbers
from posewire_export.train import features
from posewire_export.train.config import Augment, Config
from posewire_export.train.features import Normaliser
from posewire_export.train.feed import Corpus, Example, Feed
from posewire_export.train.ingest import Motion
from posewire_export.train.text_model import Text, TextSide
from posewire_runtime.types import Float

WIDTH = 256
"""Numbers of an embedding."""
SAME = 0.92
"""Texts whose sentence vectors are as alike as this are no wrong answers for each other."""


class MotionTower(nn.Module):
    """Motion (B, T, 204) -> embeddings (B, WIDTH): convolutions that halve time thrice, then the mean."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (features.WIDTH + 3, WIDTH, WIDTH, WIDTH)
        pairs = itertools.pairwise(sizes)
        self.halvings = nn.ModuleList(nn.Conv1d(a, b, 5, stride=2, padding=2) for a, b in pairs)
        self.mixings = nn.ModuleList(nn.Conv1d(WIDTH, WIDTH, 3, padding=1) for _ in sizes[1:])
        self.head = nn.Sequential(nn.Linear(2 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, motion: Tensor, mask: Tensor) -> Tensor:
        x = motion.transpose(1, 2)  # (B, C, T)
        for halving, mixing in zip(self.halvings, self.mixings, strict=True):
            mask = mask[:, ::2]
            x = functional.gelu(halving(x)) * mask[:, None]
            x = (x + functional.gelu(mixing(x))) * mask[:, None]
        mean = x.sum(-1) / mask.sum(-1, keepdim=True)
        most = x.masked_fill(~mask[:, None], -1e4).amax(-1)
        return functional.normalize(self.head(torch.cat([mean, most], -1)), dim=-1)


class TextTower(nn.Module):
    """The encoder's features -> embeddings (B, WIDTH)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.token = nn.Sequential(nn.Linear(width, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))
        self.score = nn.Linear(width, 4)
        self.sentence = nn.Linear(width, WIDTH)
        self.head = nn.Sequential(nn.Linear(5 * WIDTH, WIDTH), nn.GELU(), nn.Linear(WIDTH, WIDTH))

    def forward(self, text: Text) -> Tensor:
        scores = self.score(text.tokens).masked_fill(~text.valid[..., None], -1e4)
        weights = scores.softmax(1)  # (B, N, 4): four ways to pick words
        picked = torch.einsum("bnh,bnc->bhc", weights, self.token(text.tokens)).flatten(1)
        whole = torch.cat([picked, self.sentence(text.sentence[:, 0])], -1)
        return functional.normalize(self.head(whole), dim=-1)


@dataclass(frozen=True, eq=False)
class Judge:
    """Both towers, trained."""

    motion: MotionTower
    text: TextTower
    normaliser: Normaliser
    side: TextSide

    @torch.no_grad()
    def texts(self, captions: Sequence[str]) -> Numbers:
        """Embeddings (N, WIDTH)."""
        rows = [self.text(self.side(captions[i : i + 64])).numpy() for i in range(0, len(captions), 64)]
        return np.concatenate(rows).astype(np.float64)

    @torch.no_grad()
    def motions(self, motions: Sequence[Motion]) -> Numbers:
        """Embeddings (N, WIDTH); one at a time, so that no length changes another's result."""
        rows = []
        for motion in motions:
            frames = torch.from_numpy(prepare(features.encode(motion), self.normaliser))[None]
            rows.append(self.motion(frames, torch.ones(1, len(motion), dtype=torch.bool)).numpy())
        return np.concatenate(rows).astype(np.float64)


def prepare(frames: Float, normaliser: Normaliser) -> Float:
    """What the motion tower sees: normalised features and the root's speed, (L, 204)."""
    speed = 20 * np.diff(frames[:, :3], axis=0, prepend=frames[:1, :3])
    return np.concatenate([normaliser.apply(frames), speed], axis=1).astype(np.float32)


def train_judge(
    corpus: Corpus,
    normaliser: Normaliser,
    side: TextSide,
    *,
    pools: int = 150,
    seed: int = 0,
    same: float = SAME,
) -> Judge:
    """Train both towers on the training part; `pools` of 192 clips each."""
    torch.manual_seed(seed)
    config = replace(Config(), seed=seed + 1000, batch_frames=16_000, augment=Augment(stitch=0.1))
    judge = Judge(MotionTower(), TextTower(side.width), normaliser, side)
    warmth = nn.Parameter(torch.tensor(2.7))
    parameters = [*judge.motion.parameters(), *judge.text.parameters(), warmth]
    optimiser = torch.optim.AdamW(parameters, lr=6e-4, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-4, total_steps=pools)
    feed = Feed(corpus, config)
    for pool in tqdm(range(pools), desc="training the judge", disable=None):
        for batch in feed.batches(pool):
            if len(batch) > 4:
                _learn(judge, warmth, batch, optimiser, same)
        schedule.step()
    judge.motion.eval()
    judge.text.eval()
    return judge


def _learn(
    judge: Judge, warmth: Tensor, batch: Sequence[Example], optimiser: torch.optim.Optimizer, same: float
) -> None:
    longest = max(len(example.frames) for example in batch)
    frames = torch.zeros(len(batch), longest, features.WIDTH + 3)
    mask = torch.zeros(len(batch), longest, dtype=torch.bool)
    for row, example in enumerate(batch):
        frames[row, : len(example.frames)] = torch.from_numpy(prepare(example.frames, judge.normaliser))
        mask[row, : len(example.frames)] = True
    text = judge.side([example.text for example in batch])
    loss = contrast(judge.motion(frames, mask), judge.text(text), text.sentence[:, 0], warmth, same)
    optimiser.zero_grad()
    loss.backward()
    nn.utils.clip_grad_norm_([p for group in optimiser.param_groups for p in group["params"]], 1.0)
    optimiser.step()


def contrast(motions: Tensor, texts: Tensor, sentences: Tensor, warmth: Tensor, limit: float) -> Tensor:
    """Each text picks its motion and the other way round; texts that say the same don't compete."""
    logits = warmth.exp() * motions @ texts.T
    alike = functional.normalize(sentences, dim=-1)
    same = (alike @ alike.T > limit) & ~torch.eye(len(texts), dtype=torch.bool)
    logits = logits.masked_fill(same, -1e4)
    target = torch.arange(len(texts))
    return (functional.cross_entropy(logits, target) + functional.cross_entropy(logits.T, target)) / 2


def write_judge(judge: Judge, file: Path) -> None:
    """Keep a trained judge: figures are comparable only under the same one."""
    torch.save(
        {
            "motion": judge.motion.state_dict(),
            "text": judge.text.state_dict(),
            "mean": torch.from_numpy(judge.normaliser.mean),
            "std": torch.from_numpy(judge.normaliser.std),
        },
        file,
    )


def read_judge(file: Path, side: TextSide) -> Judge:
    """The judge that `write_judge` wrote."""
    stored = torch.load(file, map_location="cpu", weights_only=True)
    judge = Judge(
        MotionTower(), TextTower(side.width), Normaliser(stored["mean"].numpy(), stored["std"].numpy()), side
    )
    judge.motion.load_state_dict(stored["motion"])
    judge.text.load_state_dict(stored["text"])
    judge.motion.eval()
    judge.text.eval()
    return judge

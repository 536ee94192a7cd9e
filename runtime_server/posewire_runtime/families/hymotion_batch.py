"""How rows of different lengths lie in one call of HY-Motion's `denoise` graph: pure index work.

Frames of all rows are packed behind each other, then the words of all rows. Attention works on
blocks: some neighbouring frames of one row ask, a window of that row's frames and its words
answer. One block a row is dense attention; small blocks make the cost grow linearly with
length, since a frame sees only `band` frames to each side. Which is cheaper is decided here.
Knows no graph and no network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.types import Float

HIDDEN = -30000.0
"""Added to the score of what must not be seen: far below any score, within float16."""

BLOCKS = (64, 128, 192, 256)
"""Sizes of blocks worth trying against one block a row."""

BLOCK_COST = 180
"""A block costs as much as this many more queries (measured: its keys are packed anew)."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch."""

    frames: int
    words: int


@dataclass(frozen=True, slots=True)
class Geometry:
    """What of the network the indices depend on."""

    band: int
    """A frame sees this many frames to each side."""
    head_dim: int
    rope_base: float
    """Base of the rotary frequencies."""


@dataclass(frozen=True, eq=False)
class Layout:
    """Where everything lies. N frames, W words in all."""

    grid: tuple[int, int]
    """Groups of frames that share one modulation, and frames of a group."""
    feeds: dict[str, NDArray[Any]]
    """The inputs of the graph that depend on the layout only."""
    starts: tuple[int, ...]
    """First frame of each row, and N."""

    def rows_of(self, packed: Float) -> list[Float]:
        """Cut packed frames (N, …) into rows."""
        return [packed[a:b] for a, b in zip(self.starts, self.starts[1:], strict=False)]


def lay_out(rows: Sequence[Row], geometry: Geometry, block: int | None = None) -> Layout:
    """The layout of these rows, in this order; `block` overrules the choice of the block's size."""
    frames = [row.frames for row in rows]
    starts = (0, *np.cumsum(frames).tolist())
    span = math.gcd(*frames)  # one group a row where all are equally long
    group_row = np.repeat(np.arange(len(rows)), [n // span for n in frames])
    cos, sin = rope(np.concatenate([np.arange(n) for n in frames]), geometry)
    feeds: dict[str, NDArray[Any]] = {"group_row": group_row, "cos": cos[None], "sin": sin[None]}
    feeds |= _blocks(rows, starts, geometry.band, block or best_block(rows, geometry.band))
    return Layout((len(group_row), span), feeds, starts)


def best_block(rows: Sequence[Row], band: int) -> int:
    """The block size with the least work in attention."""
    longest = max(row.frames for row in rows)
    words = max(row.words for row in rows)

    def cost(size: int) -> int:
        count = sum(-(-row.frames // size) for row in rows)
        return count * (min(size + 2 * band, longest) + words) * (size + BLOCK_COST)

    return min((longest, *(size for size in BLOCKS if size < longest)), key=cost)


def rope(positions: NDArray[np.integer[Any]], geometry: Geometry) -> tuple[Float, Float]:
    """Cosines and sines (P, d / 2) of positions (P,)."""
    exponents = np.arange(0, geometry.head_dim, 2) / geometry.head_dim
    angles = positions[:, None] * geometry.rope_base**-exponents
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _blocks(rows: Sequence[Row], starts: Sequence[int], band: int, size: int) -> dict[str, NDArray[Any]]:
    """Who asks whom: indices of queries, of keys among frames and words, the mask, and the way back."""
    longest, most_words = max(r.frames for r in rows), max(r.words for r in rows)
    window = min(size + 2 * band, longest)
    word_starts = starts[-1] + np.cumsum([0, *(r.words for r in rows)])
    queries, keys, masks, answers = [], [], [], []
    for row, start, word_start in zip(rows, starts, word_starts, strict=False):
        first = np.arange(0, row.frames, size)[:, None]  # (b, 1)
        q = first + np.arange(size)  # (b, size)
        k = np.clip(first - band, 0, max(0, row.frames - window)) + np.arange(window)  # (b, window)
        words = np.arange(most_words)
        near = (np.abs(q[:, :, None] - k[:, None, :]) <= band) & (k < row.frames)[:, None, :]
        seen = np.concatenate([near, np.broadcast_to(words < row.words, (*q.shape, most_words))], axis=2)
        word = np.broadcast_to(word_start + np.minimum(words, row.words - 1), (len(q), most_words))
        answers.append(sum(len(x) for x in queries) * size + np.arange(row.frames))
        queries.append(start + np.minimum(q, row.frames - 1))
        keys.append(np.concatenate([start + np.minimum(k, row.frames - 1), word], axis=1))
        masks.append(np.where(seen, 0, HIDDEN).astype(np.float32)[:, None])
    parts = {"queries": queries, "keys": keys, "mask": masks, "answers": answers}
    return {name: np.concatenate(arrays) for name, arrays in parts.items()}

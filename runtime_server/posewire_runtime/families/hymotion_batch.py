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
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.types import Float

Array = NDArray[Any]

HIDDEN = -30000.0
"""Added to the score of what must not be seen: far below any score, within float16."""

SMALLEST_BLOCK = 48
"""Smaller blocks never pay."""

BLOCK_COST = 70
"""A block costs as much as this many more queries (measured: its keys are gathered and packed anew)."""


STRIDE = 64
"""Keys come in multiples of this: what ONNX Runtime's softmax adds up at once."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a batch."""

    frames: int
    """Places for frames."""
    words: int
    """Places for words."""
    real_frames: int | None = None
    """Frames that are there, the others being padding; None: all."""
    real_words: int | None = None
    """Words that are there; None: all."""


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
    feeds: dict[str, Array]
    """The inputs of the graph that depend on the layout only."""
    starts: tuple[int, ...]
    """First frame of each row, and N."""
    block_rows: Array  # (blocks,)
    """The row of each block."""

    def rows_of(self, packed: Float) -> list[Float]:
        """Cut packed frames (N, …) into rows."""
        return [packed[a:b] for a, b in pairwise(self.starts)]

    def keys_with(self, word_starts: Sequence[int], words: int) -> Array:
        """The keys where the words of each row begin elsewhere; every row has `words` places."""
        keys = self.feeds["keys"].copy()
        keys[:, -words:] = np.array(word_starts)[self.block_rows][:, None] + np.arange(words)
        return keys


def lay_out(rows: Sequence[Row], geometry: Geometry, block: int | None = None) -> Layout:
    """The layout of these rows, in this order; `block` overrules the choice of the blocks' size.

    Where a key stands decides in which order the softmax adds. Without `block` that depends on the row
    alone, so that a row's numbers are the same, to the last bit, in any company.
    """
    frames = [row.frames for row in rows]
    starts = (0, *np.cumsum(frames).tolist())
    span = math.gcd(*frames)  # one group a row where all are equally long
    group_row = np.repeat(np.arange(len(rows)), [n // span for n in frames])
    cos, sin = rope(np.concatenate([np.arange(n) for n in frames]), geometry)
    feeds: dict[str, Array] = {"group_row": group_row, "cos": cos[None], "sin": sin[None]}
    sizes = [block or best_block(row, geometry.band) for row in rows]
    places = max(_keys(row, size, geometry.band) for row, size in zip(rows, sizes, strict=True))
    feeds |= _blocks(rows, starts, geometry.band, sizes, places if block else _padded(places))
    block_rows = np.repeat(
        np.arange(len(rows)), [-(-n // size) for n, size in zip(frames, sizes, strict=True)]
    )
    return Layout((len(group_row), span), feeds, starts, block_rows)


def in_calls(frames: Sequence[int], most: int) -> list[slice]:
    """Cut rows of so many frames, in their order, into few calls of at most `most` frames, or of one row."""
    starts, held = [0], 0
    for row, count in enumerate(frames):
        if held and held + count > most:
            starts.append(row)
            held = 0
        held += count
    return [slice(a, b) for a, b in pairwise((*starts, len(frames)))]


def best_block(row: Row, band: int) -> int:
    """The block size with the least work in attention."""

    def cost(size: int) -> int:
        return -(-row.frames // size) * _padded(_keys(row, size, band)) * (size + BLOCK_COST)

    most = max(1, row.frames // SMALLEST_BLOCK)
    return min((-(-row.frames // parts) for parts in range(1, most + 1)), key=cost)


def _keys(row: Row, size: int, band: int) -> int:
    """How many answer a block of so many queries: frames of its window, and words."""
    return min(size + 2 * band, row.frames) + row.words


def _padded(keys: int) -> int:
    return -(-keys // STRIDE) * STRIDE


def rope(positions: NDArray[np.integer[Any]], geometry: Geometry) -> tuple[Float, Float]:
    """Cosines and sines (P, d / 2) of positions (P,)."""
    exponents = np.arange(0, geometry.head_dim, 2) / geometry.head_dim
    angles = positions[:, None] * geometry.rope_base**-exponents
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def _blocks(
    rows: Sequence[Row], starts: Sequence[int], band: int, sizes: Sequence[int], places: int
) -> dict[str, Array]:
    """Who asks whom: indices of queries, of keys among frames and words, the mask, and the way back."""
    word, most = starts[-1], max(sizes)
    parts: list[tuple[Array, Array, Array]] = []
    answers: list[Array] = []
    blocks = 0
    for row, start, size in zip(rows, starts, sizes, strict=False):
        parts.append(_row_blocks(row, start, word, (size, most, places), band))
        at = np.arange(row.frames)
        answers.append((blocks + at // size) * most + at % size)
        blocks += len(parts[-1][0])
        word += row.words
    queries, keys, mask = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return {"queries": queries, "keys": keys, "mask": mask, "answers": np.concatenate(answers)}


def _row_blocks(
    row: Row, start: int, word: int, sizes: tuple[int, int, int], band: int
) -> tuple[Array, Array, Array]:
    """The blocks of one row, whose frames begin at `start` and whose words at `word`.

    Of `most` queries in a block `size` are its own; of `places` for keys, the last may be nobody's.
    """
    size, most, places = sizes
    window = min(size + 2 * band, row.frames)
    first = np.arange(0, row.frames, size)[:, None]  # (b, 1)
    q = first + np.minimum(np.arange(most), size - 1)  # (b, most)
    k = np.clip(first - band, 0, row.frames - window) + np.arange(window)  # (b, window)
    w = np.broadcast_to(np.arange(places - window), (len(first), places - window))
    real_frames = row.frames if row.real_frames is None else row.real_frames
    real_words = row.words if row.real_words is None else row.real_words
    near = (np.abs(q[:, :, None] - k[:, None, :]) <= band) & (k < real_frames)[:, None, :]
    read = np.broadcast_to((w < real_words)[:, None, :], (*q.shape, places - window))
    mask = np.where(np.concatenate([near, read], axis=2), 0, HIDDEN).astype(np.float32)
    queries = start + np.minimum(q, row.frames - 1)
    keys = np.concatenate([start + k, word + np.minimum(w, row.words - 1)], axis=1)
    return queries, keys, mask[:, None]

"""How rows of different lengths lie in one call of HY-Motion's `denoise` graph: pure index work.

Frames of all rows are packed behind each other, then the words of all rows. Attention works on
blocks: some neighbouring frames of one row ask, a window of that row's frames and its words
answer. One block a row is dense attention; small blocks make the cost grow linearly with
length, since a frame sees only `band` frames to each side. Which is cheaper is decided here.
Knows no graph and no network.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
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
    starts = (0, *accumulate(frames))
    span = math.gcd(*frames)  # one group a row where all are equally long
    group_row = np.repeat(np.arange(len(rows)), [n // span for n in frames])
    sizes = [block or best_block(row, geometry.band) for row in rows]
    places = max(_keys(row, size, geometry.band) for row, size in zip(rows, sizes, strict=True))
    blocks = _Blocks.of(rows, starts, geometry.band, sizes, places if block else _padded(places))
    at = np.arange(starts[-1]) - np.repeat(starts[:-1], frames)  # of each frame in its row
    cos, sin = (table[None, at] for table in rope(np.arange(max(frames)), geometry))
    feeds: dict[str, Array] = {"group_row": group_row, "cos": cos, "sin": sin, **blocks.feeds()}
    feeds["answers"] = blocks.answers(frames, sizes, at)
    return Layout((len(group_row), span), feeds, starts, blocks.row)


def in_calls(frames: Sequence[int], most: int) -> list[slice]:
    """Cut rows of so many frames, in their order, into few calls of at most `most` frames, or of one row."""
    starts, held = [0], 0
    for row, count in enumerate(frames):
        if held and held + count > most:
            starts.append(row)
            held = 0
        held += count
    return [slice(a, b) for a, b in pairwise((*starts, len(frames)))]


def side_by_side(frames: Sequence[int], calls: int) -> list[slice]:
    """Cut rows of so many frames, in their order, into calls of about as many frames each.

    A row goes to the call in which its middle lies; fewer calls than asked for where rows are few.
    """
    middles = [end - count / 2 for end, count in zip(accumulate(frames), frames, strict=True)]
    cuts = [bisect_left(middles, sum(frames) * part / calls) for part in range(1, calls)]
    return [slice(a, b) for a, b in pairwise((0, *cuts, len(frames))) if a < b]


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


@dataclass(frozen=True, eq=False)
class _Blocks:
    """The blocks of all rows: a column `(blocks, 1)` of each of their figures."""

    row: Array  # (blocks,)
    """The row of each."""
    first: Array
    """Its first query, counted in its row."""
    row_start: Array
    """Where the frames of its row begin."""
    word_start: Array
    """Where the words of its row begin, among frames and words."""
    size: Array
    """Queries of its own; what follows up to `most` repeats the last."""
    frames: Array
    words: Array
    real_frames: Array
    real_words: Array
    band: int
    most: int
    """Queries of a block."""
    places: int
    """Keys of a block; the last may be nobody's."""

    @classmethod
    def of(
        cls, rows: Sequence[Row], starts: Sequence[int], band: int, sizes: Sequence[int], places: int
    ) -> _Blocks:
        """The blocks of rows whose frames begin at `starts`, each cut into blocks of its size."""
        count = [-(-row.frames // size) for row, size in zip(rows, sizes, strict=True)]
        words = [row.words for row in rows]
        real_frames = [row.frames if row.real_frames is None else row.real_frames for row in rows]
        real_words = [row.words if row.real_words is None else row.real_words for row in rows]
        row = np.repeat(np.arange(len(rows)), count)
        place = np.arange(len(row)) - np.repeat(list(accumulate(count, initial=0))[:-1], count)

        def column(figures: Sequence[int]) -> Array:
            return np.array(figures)[row, None]

        return cls(
            row=row,
            first=place[:, None] * column(sizes),
            row_start=column(starts[:-1]),
            word_start=column(list(accumulate(words, initial=starts[-1]))[:-1]),
            size=column(sizes),
            frames=column([row.frames for row in rows]),
            words=column(words),
            real_frames=column(real_frames),
            real_words=column(real_words),
            band=band,
            most=max(sizes),
            places=places,
        )

    def feeds(self) -> dict[str, Array]:
        """Indices of queries, and of keys among frames and words; the mask."""
        query = self.first + np.minimum(np.arange(self.most), self.size - 1)  # (blocks, most)
        window = np.minimum(self.size + 2 * self.band, self.frames)
        place = np.arange(self.places)  # frames of the window, then words
        key = np.clip(self.first - self.band, 0, self.frames - window) + place  # (blocks, places)
        word = place - window
        near = (np.abs(query[:, :, None] - key[:, None, :]) <= self.band) & (
            (word < 0) & (key < self.real_frames)
        )[:, None, :]
        read = ((word >= 0) & (word < self.real_words))[:, None, :]
        mask = np.where(near | read, np.float32(0), np.float32(HIDDEN))
        return {
            "queries": self.row_start + np.minimum(query, self.frames - 1),
            "keys": np.where(
                word < 0, self.row_start + key, self.word_start + np.minimum(word, self.words - 1)
            ),
            "mask": mask[:, None],
        }

    def answers(self, frames: Sequence[int], sizes: Sequence[int], at: Array) -> Array:
        """Where the answer to each frame lies, which stands `at` a place of its row."""
        size = np.repeat(sizes, frames)
        before = np.searchsorted(self.row, np.arange(len(frames)))
        return (np.repeat(before, frames) + at // size) * self.most + at % size

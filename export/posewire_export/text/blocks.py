"""Attention among packed texts, as graph nodes: each text in a block of its own.

A block's length is a multiple of a stride, so where a key stands, and with it the order in which a softmax
or a product adds, depends on its own text alone. What a text becomes is therefore the same to the last
bit in any company. A last bit matters: it moves an activation to another level of int8.

Knows no model.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posewire_export.graph import GraphBuilder
from posewire_runtime.families.hymotion_batch import STRIDE


@dataclass(frozen=True, slots=True)
class Blocks:
    """Which packed row stands where. B texts of T rows in all, L places each, behind P rows of a prefix."""

    rows: str  # (B, L)
    """The row in each place; behind the end of a text, any row."""
    mask: str  # (B, 1, 1, L) or (groups * L, P + L)
    """0 where a query sees a key, very negative where it doesn't."""
    answers: str  # (T,)
    """The place of each row, counted through all blocks."""


def whole_blocks(g: GraphBuilder, segments: str, longest: int) -> Blocks:
    """Every row sees all of its text. `segments` (T,) count from 0, text by text; none is above `longest`."""
    layout = _Layout(g, segments, stride=longest)
    there = g.op("Less", layout.slots, layout.lengths)  # (B, L)
    seen = g.op("Unsqueeze", there, g.constant(np.array([1, 2])))
    return Blocks(layout.rows, _additive(g, seen), layout.answers)


def causal_blocks(g: GraphBuilder, segments: str, prefix: str | None = None, groups: int = 1) -> Blocks:
    """Every row sees itself, what stands before it in its text, and `prefix` (1,) rows of a prefix.

    `groups` of query heads that share a head of keys stand below each other in the mask.
    """
    layout = _Layout(g, segments, prefix)
    line, column = (g.op("Unsqueeze", layout.slots, g.constant(np.array([axis]))) for axis in (0, 1))
    # What stands behind the end of a text stands behind all of its rows.
    mask = _additive(g, g.op("GreaterOrEqual", column, line))
    if prefix is not None:
        shape = g.op("Concat", g.op("Shape", layout.slots), prefix, axis=0)
        mask = g.op("Concat", g.op("Expand", g.constant(np.float32(0)), shape), mask, axis=1)
    if groups > 1:
        mask = g.op("Tile", mask, g.constant(np.array([groups, 1])))
    return Blocks(layout.rows, mask, layout.answers)


@dataclass(frozen=True, slots=True)
class Heads:
    """The shape of an attention."""

    queries: int
    keys: int
    """Heads of keys and values; each serves queries / keys heads of queries."""
    width: int


@dataclass(frozen=True, slots=True)
class Prefix:
    """What all texts see before themselves."""

    keys: str  # (Hkv, d, P)
    values: str  # (Hkv, P, d)
    count: str  # (1,)
    """P."""


def attend(
    g: GraphBuilder, blocks: Blocks, heads: Heads, qkv: tuple[str, str, str], prefix: Prefix | None = None
) -> str:
    """Scaled queries (T, Hq, d) over keys and values (T, Hkv, d), and those of a prefix; (T, Hq * d)."""
    q, k, v = (g.op("Gather", part, blocks.rows, axis=0) for part in qkv)  # (B, L, H, d)
    keys, values = g.op("Transpose", k, perm=(0, 2, 3, 1)), g.op("Transpose", v, perm=(0, 2, 1, 3))
    # Query heads of one key head as one tall matrix: no thread then cuts a product across its columns,
    # which would cut its sums elsewhere too.
    queries = g.reshape(g.op("Transpose", q, perm=(0, 2, 1, 3)), 0, heads.keys, -1, heads.width)
    scores = g.op("MatMul", queries, keys)  # (B, Hkv, groups * L, L)
    if prefix is not None:
        scores = g.op("Concat", g.op("MatMul", queries, prefix.keys), scores, axis=-1)
    weights = g.op("Softmax", g.op("Add", scores, blocks.mask), axis=-1)
    mixed = _mixed(g, weights, values, prefix)
    mixed = g.op("Transpose", g.reshape(mixed, 0, heads.queries, -1, heads.width), perm=(0, 2, 1, 3))
    return g.op("Gather", g.reshape(mixed, -1, heads.queries * heads.width), blocks.answers, axis=0)


def _mixed(g: GraphBuilder, weights: str, values: str, prefix: Prefix | None) -> str:
    """Values by their weights (B, Hkv, groups * L, P + L)."""
    if prefix is None:
        return g.op("MatMul", weights, values)
    start, end, axis = (g.constant(np.array([n])) for n in (0, np.iinfo(np.int64).max, -1))
    shared = g.op("Slice", weights, start, prefix.count, axis)
    own = g.op("Slice", weights, prefix.count, end, axis)
    return g.op("Add", g.op("MatMul", shared, prefix.values), g.op("MatMul", own, values))


class _Layout:
    """What both kinds of blocks have in common."""

    def __init__(
        self, g: GraphBuilder, segments: str, prefix: str | None = None, stride: int = STRIDE
    ) -> None:
        self.g = g
        zero, one, last = (g.constant(np.int64(n)) for n in (0, 1, -1))
        first, second = (g.constant(np.array([axis])) for axis in (0, 1))
        rows = g.op("Range", zero, g.op("Size", segments), one)  # (T,)
        texts = g.op("Range", zero, g.op("Add", g.op("ReduceMax", segments, keepdims=0), one), one)
        own = g.op("Equal", g.op("Unsqueeze", texts, second), g.op("Unsqueeze", segments, first))
        self.lengths = g.op("ReduceSum", g.cast(own, "int64"), second, keepdims=1)  # (B, 1)
        starts = g.op("CumSum", self.lengths, zero, exclusive=1)  # (B, 1)
        before = zero if prefix is None else g.op("Squeeze", prefix)
        places = self._places(before, stride)
        self.slots = g.op("Range", zero, places, one)  # (L,)
        end = g.op("Add", g.op("Size", segments), last)
        self.rows = g.op("Min", g.op("Add", starts, self.slots), end)  # (B, L)
        begun = g.op("Gather", g.reshape(starts, -1), segments, axis=0)  # (T,)
        self.answers = g.op("Add", g.op("Mul", segments, places), g.op("Sub", rows, begun))

    def _places(self, before: str, stride: int) -> str:
        """L: so many that P + L is a multiple of the stride and the longest text has room."""
        g, step = self.g, self.g.constant(np.int64(stride))
        full = g.op("Add", g.op("ReduceMax", self.lengths, keepdims=0), before)
        strides = g.op("Div", g.op("Add", full, g.constant(np.int64(stride - 1))), step)
        return g.op("Sub", g.op("Mul", strides, step), before)


def _additive(g: GraphBuilder, seen: str) -> str:
    return g.op("Where", seen, g.constant(np.float32(0)), g.constant(np.float32(-1e30)))

"""Writes a network as a graph and, with the same calls, runs it in numpy on calibration rows.

So one pass through a checkpoint, holding one matrix at a time, gives the graph, the float32
truth that the finished graph is compared with, the keys and values of a constant prefix, and
the error of every rounded matrix on real activations. The numpy side shares no code with the
engine that runs the graph: their agreement is the parity check.

Rows of several texts lie one after the other ("packed"): no row is padding, and a text sees
only itself and, where there is one, the prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from posewire_export.graph import GraphBuilder
from posewire_export.quantise import Matrix, Rows
from posewire_export.text.checkpoint import Checkpoint
from posewire_export.text.formats import Format, FormatName, Target, format_named
from posewire_runtime.types import Float

Precision = Literal["fp32", "fp16", "int8", "int4"]


@dataclass(frozen=True, eq=False)
class Value:
    """A value of the network, twice."""

    name: str
    """What the graph calls it."""
    rows: Float  # (T, …)
    """What it is on the calibration rows."""


@dataclass(frozen=True, slots=True)
class Choice:
    """How one matrix is stored, and what its rounding does to its outputs."""

    matrix: str
    format: FormatName
    error: float
    """Relative, in the Euclidean norm, on the calibration rows."""
    refused: tuple[tuple[FormatName, float], ...] = ()
    """Smaller formats that rounded too much, with their errors."""


LADDERS: dict[tuple[Precision, Target], tuple[FormatName, ...]] = {
    ("fp32", "cpu"): ("fp32",),
    ("fp32", "gpu"): ("fp32",),
    ("fp16", "cpu"): ("fp16",),
    ("fp16", "gpu"): ("fp16",),
    ("int8", "cpu"): ("int8", "int8-g", "fp32"),
    ("int8", "gpu"): ("int8-g", "fp16"),
    ("int4", "cpu"): ("int4-g", "int8-g", "fp32"),
    ("int4", "gpu"): ("int4-g", "int8-g", "fp16"),
}
"""What is tried for a matrix, smallest first; the last one is always accepted."""

_LIMITS: dict[FormatName, float] = {"int8": 0.03, "int8-g": 0.02, "int4-g": 0.12}
"""Largest accepted error of one matrix. Normally distributed values give 0.011, 0.006 and 0.08:
beyond the limit a matrix or its inputs have outliers that this format can't hold."""


class Rounding:
    """Chooses a format for every matrix by measuring."""

    def __init__(self, precision: Precision, target: Target) -> None:
        self.formats = tuple(format_named(name, target) for name in LADDERS[precision, target])
        self.choices: list[Choice] = []

    def choose(self, name: str, matrix: Float, rows: Float) -> Format:
        """The smallest format that keeps the products of rows with this matrix (K, out)."""
        exact = rows @ matrix
        refused: list[tuple[FormatName, float]] = []
        for candidate in self.formats[:-1]:
            error = relative(candidate.product(rows, matrix), exact)
            if error <= _LIMITS[candidate.name]:
                return self._chosen(name, candidate, error, refused)
            refused.append((candidate.name, error))
        last = self.formats[-1]
        return self._chosen(name, last, relative(last.product(rows, matrix), exact), refused)

    def _chosen(
        self, name: str, chosen: Format, error: float, refused: Sequence[tuple[FormatName, float]]
    ) -> Format:
        self.choices.append(Choice(name, chosen.name, error, tuple(refused)))
        return chosen


@dataclass(frozen=True, eq=False)
class Texts:
    """Token ids of the calibration, packed: the prefix, then one text after the other."""

    ids: NDArray[np.int64]  # (T,)
    positions: NDArray[np.int64]  # (T,)
    segments: NDArray[np.int64]  # (T,)
    """0: the prefix, which every text sees; 1…: the texts."""
    prefix: int
    """Rows of the prefix."""
    choosing: slice
    """Rows on which formats are chosen; the texts behind them only report."""

    @classmethod
    def pack(
        cls, prefix: Sequence[int], choosing: Sequence[Sequence[int]], reporting: Sequence[Sequence[int]]
    ) -> Texts:
        """Lay texts, each without the prefix, one after the other."""
        texts = [*choosing, *reporting]
        segments = [np.zeros(len(prefix)), *(np.full(len(t), i + 1) for i, t in enumerate(texts))]
        positions = [np.arange(len(prefix)), *(len(prefix) + np.arange(len(t)) for t in texts)]
        ids = [np.array(part) for part in (prefix, *texts)]
        return cls(
            *_joined(ids, positions, segments),
            prefix=len(prefix),
            choosing=slice(len(prefix), len(prefix) + sum(map(len, choosing))),
        )

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which row sees which, (T, T): itself and what stands before it in its text and the prefix."""
        own = self.segments[:, None] == self.segments[None]
        causal = np.tri(len(self.ids), dtype=bool)
        return causal & (own | (self.segments == 0)[None])

    def split(self, rows: Float) -> list[Float]:
        """Rows of each text, without the prefix."""
        bounds = np.flatnonzero(np.diff(self.segments[self.prefix :])) + 1
        return np.split(rows[self.prefix :], bounds)


def _joined(*columns: Sequence[NDArray[np.generic]]) -> Iterator[NDArray[np.int64]]:
    return (np.concatenate(parts).astype(np.int64) for parts in columns)


class Net:
    """A network being written and run."""

    def __init__(self, g: GraphBuilder, checkpoint: Checkpoint, texts: Texts, rounding: Rounding) -> None:
        self.g, self.checkpoint, self.texts, self.rounding = g, checkpoint, texts, rounding
        self._rows: dict[tuple[str, FormatName], Rows] = {}

    def parameter(self, name: str, shape: tuple[int, ...], factor: float = 1) -> Value:
        """A vector or table of the checkpoint, times a factor."""
        values = self.checkpoint.tensor(name, shape) * np.float32(factor)
        return Value(self.g.weight(name, lambda: values), values)

    def linear(self, x: Value, name: str, shape: tuple[int, int], *, bias: bool = False) -> Value:
        """x W^T with a weight of shape (out, K), plus a bias where there is one."""
        matrix = self.checkpoint.tensor(f"{name}.weight", shape).T  # (K, out)
        chosen = self.rounding.choose(name, matrix, x.rows[self.texts.choosing])
        prepared = self._prepared(x.name, chosen)
        product = chosen.storage.product(self.g, prepared, Matrix(name, (shape[1], shape[0]), lambda: matrix))
        if prepared.scale is not None:
            product = self.g.op("Mul", product, prepared.scale)
        y = Value(product, x.rows @ matrix)
        return self.add(y, self.parameter(f"{name}.bias", shape[:1])) if bias else y

    def _prepared(self, x: str, chosen: Format) -> Rows:
        """Rows made ready for a format, once for all matrices that read them."""
        key = (x, chosen.name)
        if key not in self._rows:
            self._rows[key] = chosen.storage.prepare(self.g, x)
        return self._rows[key]

    def rms_norm(self, x: Value, weight: Value, epsilon: float) -> Value:
        """Root-mean-square norm over the last axis."""
        name = self.g.op("RMSNormalization", x.name, weight.name, axis=-1, epsilon=epsilon)
        scale = np.sqrt(np.mean(x.rows * x.rows, -1, keepdims=True) + np.float32(epsilon))
        return Value(name, x.rows / scale * weight.rows)

    def layer_norm(self, x: Value, name: str, epsilon: float) -> Value:
        """Layer norm with the weight and bias of this name."""
        weight, bias = (self.parameter(f"{name}.{part}", x.rows.shape[-1:]) for part in ("weight", "bias"))
        node = self.g.op("LayerNormalization", x.name, weight.name, bias.name, axis=-1, epsilon=epsilon)
        centred = x.rows - x.rows.mean(-1, keepdims=True)
        deviation = np.sqrt((centred * centred).mean(-1, keepdims=True) + np.float32(epsilon))
        return Value(node, centred / deviation * weight.rows + bias.rows)

    def add(self, a: Value, b: Value) -> Value:
        """a + b."""
        return Value(self.g.op("Add", a.name, b.name), a.rows + b.rows)

    def multiply(self, a: Value, b: Value) -> Value:
        """a * b."""
        return Value(self.g.op("Mul", a.name, b.name), a.rows * b.rows)

    def sigmoid_gate(self, x: Value, sharpness: float) -> Value:
        """x * sigmoid(sharpness x): silu at 1, CLIP's quick gelu at 1.702."""
        steep = x.name
        if sharpness != 1:
            steep = self.g.op("Mul", x.name, self.g.constant(np.float32(sharpness)))
        name = self.g.op("Mul", x.name, self.g.op("Sigmoid", steep))
        with np.errstate(over="ignore"):  # exp of a large number is infinite, and 1 / infinity is right
            return Value(name, x.rows / (np.float32(1) + np.exp(-np.float32(sharpness) * x.rows)))

    def heads(self, x: Value, count: int) -> Value:
        """Rows (T, count * d) as (T, count, d)."""
        width = x.rows.shape[-1] // count
        return Value(self.g.reshape(x.name, -1, count, width), x.rows.reshape(-1, count, width))


def attend(q: Float, k: Float, v: Float, visible: NDArray[np.bool_]) -> Float:
    """Attention of already scaled queries (T, Hq, d) over keys and values (T, Hkv, d); (T, Hq * d)."""
    rows, query_heads, width = q.shape
    groups = q.reshape(rows, k.shape[1], -1, width).transpose(1, 2, 0, 3)  # (Hkv, r, T, d)
    scores = groups @ k.transpose(1, 2, 0)[:, None]  # (Hkv, r, T, T)
    scores = np.where(visible, scores, np.float32(-np.inf))
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    mixed = weights @ v.transpose(1, 0, 2)[:, None]  # (Hkv, r, T, d)
    return np.ascontiguousarray(mixed.transpose(2, 0, 1, 3)).reshape(rows, query_heads * width)


def relative(found: Float, exact: Float) -> float:
    """Distance over length, in the Euclidean norm."""
    length = float(np.linalg.norm(exact))
    return float(np.linalg.norm(found - exact)) / length if length else 0.0

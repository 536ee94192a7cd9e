"""How the matrices of a network are stored, and the nodes that multiply with them.

Everywhere a row of activations is treated alone: what a row becomes never depends on its
neighbours in the batch. Residuals, norms, modulation and softmax stay in float32 in all forms.

| precision | stored as                                  | activations                    |
|-----------|--------------------------------------------|--------------------------------|
| fp32      | float32                                    | float32                        |
| fp16      | float16                                    | float16, damped where named    |
| bf16      | bfloat16                                   | bfloat16                       |
| int8      | signed int8, one scale per output channel  | uint8 around 128, one scale a row |
| int4      | int4 in groups of 32 inputs                | float32 (int8 in the kernel)   |

Knows no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from posewire_export.graph import GraphBuilder, np_dtype
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.packages.manifest import Precision
from posewire_runtime.types import Float

DAMPING = 128.0
"""Operands of the products that can leave float16's range are divided by this, results multiplied."""

GROUP = 32
"""Inputs that share a scale in int4."""

_TINY = np.float32(1e-12)
"""Keeps the scale of an all-zero row or column from being zero."""

_LEAST_SCALE = np.float32(1e-20)
"""Groups with a smaller scale hold nothing but zeros."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Activations made ready for products; made once for all layers that read them."""

    values: str  # (N, K)
    scale: str | None = None  # (N, 1) or a scalar
    """What results are multiplied with."""


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight that is read when it is written."""

    name: str
    shape: tuple[int, int]
    """(K, out)"""
    read: Callable[[], Float]  # (K, out)


class Storage(Protocol):
    """One precision."""

    @property
    def precision(self) -> Precision: ...

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        """Make float32 rows x (N, K) ready.

        `damped` where their products may be very large; `above` where no value is below minus this.
        """
        ...

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        """rows @ matrix (N, out), in float32, before `Rows.scale`."""
        ...


def linear(g: GraphBuilder, storage: Storage, rows: Rows, matrix: Matrix, add: str) -> str:
    """rows @ matrix + add, where `add` is a bias (out) or a summand (N, out)."""
    if storage.precision == "fp32":
        return g.op("Gemm", rows.values, g.weight(matrix.name, matrix.read), add)
    result = storage.product(g, rows, matrix)
    return g.op("Add", result if rows.scale is None else g.op("Mul", result, rows.scale), add)


class Plain:
    """float32."""

    precision: Precision = "fp32"

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        return Rows(x)

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        return g.op("MatMul", rows.values, g.weight(matrix.name, matrix.read))


HALVES: Mapping[Precision, str] = {"fp16": "float16", "bf16": "bfloat16"}
"""The precisions of 16 bits, and numpy's names of them."""


class Half:
    """float16 or bfloat16, multiplied in that type."""

    def __init__(self, precision: Precision) -> None:
        self.precision: Precision = precision
        self._dtype = HALVES[precision]

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        if not damped or self.precision == "bf16":
            return Rows(g.cast(x, self._dtype))
        small = g.op("Mul", x, g.constant(np.float32(1 / DAMPING)))
        return Rows(g.cast(small, self._dtype), g.constant(np.float32(DAMPING)))

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        stored = g.weight(f"{matrix.name}:{self.precision}", lambda: self._stored(matrix))
        return g.cast(g.op("MatMul", rows.values, stored), "float32")

    def _stored(self, matrix: Matrix) -> NDArray[np.generic]:
        return matrix.read().astype(np_dtype(self._dtype))


class Int8:
    """Signed per-channel weights and per-row activations: the fast form on a CPU."""

    precision: Precision = "int8"

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        sized = g.op("Abs", x) if above is None else x  # a known lower bound saves a pass
        peak = g.op("ReduceMax", sized, g.constant(np.array([-1])), keepdims=1)  # (N, 1)
        least = g.constant(np.float32(_TINY if above is None else above))
        scale = g.op("Mul", g.op("Max", peak, least), g.constant(np.float32(1 / 127)))
        flat = g.reshape(scale, -1)
        middle = g.op("Expand", g.constant(np.array([128], np.uint8)), g.op("Shape", flat))
        return Rows(g.op("QuantizeLinear", x, flat, middle, axis=0), scale)

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        stored = cache(lambda: to_int8(matrix.read()))
        levels = g.weight(f"{matrix.name}:int8", lambda: stored()[0])
        scale = g.weight(f"{matrix.name}:int8-scale", lambda: stored()[1])
        one, middle = g.constant(np.float32(1)), g.constant(np.uint8(128))
        return g.op("MatMulIntegerToFloat", rows.values, levels, one, scale, middle)


class Int4:
    """Weight-only: for memory, not for speed."""

    precision: Precision = "int4"

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        return Rows(x)

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        stored = cache(lambda: to_groups(matrix.read(), 4))
        levels = g.weight(f"{matrix.name}:int4", lambda: as_bytes(stored()[0], 4))
        scale = g.weight(f"{matrix.name}:int4-scale", lambda: stored()[1])
        width, out = matrix.shape
        sizes = {"K": width, "N": out, "bits": 4, "block_size": GROUP}
        # Level 4 rounds activations per row and group to int8; the other levels are much slower.
        return g.op("MatMulNBits", rows.values, levels, scale, accuracy_level=4, **sizes)


_STORAGES: Mapping[Precision, Callable[[], Storage]] = {
    "fp32": Plain,
    "fp16": lambda: Half("fp16"),
    "bf16": lambda: Half("bf16"),
    "int8": Int8,
    "int4": Int4,
}

PRECISIONS = tuple(_STORAGES)


def storage_of(precision: Precision) -> Storage:
    """The storage of this name."""
    if precision not in _STORAGES:
        raise InvalidRequest(f"precision: expected one of {', '.join(PRECISIONS)}, found {precision!r}")
    return _STORAGES[precision]()


def to_int8(matrix: Float) -> tuple[NDArray[np.int8], Float]:
    """Levels (K, out) and the scale of each column (out)."""
    scale = np.maximum(np.abs(matrix).max(0), _TINY) / np.float32(127)
    return np.rint(matrix / scale).astype(np.int8), scale.astype(np.float32)


def to_groups(
    matrix: Float, bits: int, scale_type: type[np.float16] | type[np.float32] = np.float32
) -> tuple[NDArray[np.uint8], NDArray[np.floating]]:
    """Levels (out, groups, 32) around the middle, and the scale of each group (out, groups)."""
    middle, top = 1 << (bits - 1), (1 << bits) - 1
    width, out = matrix.shape
    groups = np.pad(matrix.T, ((0, 0), (0, -width % GROUP))).reshape(out, -1, GROUP)
    at = np.abs(groups).argmax(-1)[..., None]
    # The largest value, whatever its sign, takes the lowest level: so that all levels are used.
    scale = np.take_along_axis(groups, at, -1)[..., 0] / np.float32(-middle)
    scale = np.where(np.abs(scale) < _LEAST_SCALE, np.float32(1), scale)
    levels = np.clip(np.rint(groups / scale[..., None]), -middle, top - middle)
    power = (levels * levels).sum(-1)
    # The scale that fits these levels best; where float16 would lose it, any scale of all zeros does.
    best = np.where(power > 0, (levels * groups).sum(-1) / np.maximum(power, 1), scale)
    return (levels + middle).astype(np.uint8), best.astype(scale_type)


def as_bytes(levels: NDArray[np.uint8], bits: int) -> NDArray[np.uint8]:
    """Two 4-bit levels to a byte, the first in the low half."""
    return levels if bits == 8 else levels[..., 0::2] | (levels[..., 1::2] << np.uint8(4))

"""The forms a matrix of a text encoder may be stored in, and what each does to products.

What a storage of `quantise` writes as nodes, a format here also computes in numpy, so that the
error of every matrix can be measured on real activations while it is written.

| format  | stored as                             | activations                   | meant for     |
|---------|---------------------------------------|-------------------------------|---------------|
| fp32    | float32                               | float32                       | CPU           |
| fp16    | float16                               | float16, scaled row by row    | GPU           |
| int8    | signed int8, one scale per output     | uint8, one scale a row        | CPU, speed    |
| int8-g  | int8 in groups of 32 inputs           | as they are                   | GPU, outliers |
| int4-g  | int4 in groups of 32 inputs           | as they are                   | memory        |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from posewire_export.graph import GraphBuilder
from posewire_export.quantise import GROUP, Int8, Matrix, Plain, Rows, Storage, as_bytes, to_groups, to_int8
from posewire_runtime.packages.manifest import Precision
from posewire_runtime.types import Float

FormatName = Literal["fp32", "fp16", "int8", "int8-g", "int4-g"]
Target = Literal["cpu", "gpu"]

_TINY = np.float32(1e-20)


@dataclass(frozen=True, slots=True)
class Format:
    """One form."""

    name: FormatName
    storage: Storage
    """Writes the nodes."""
    product: Callable[[Float, Float], Float]
    """What rows (T, K) times a matrix (K, out) becomes."""


def format_named(name: FormatName, target: Target) -> Format:
    """The form of this name, laid out for this kind of device."""
    match name:
        case "fp32":
            return Format(name, Plain(), lambda rows, matrix: rows @ matrix)
        case "fp16":
            return Format(name, ScaledHalf(), _half_product)
        case "int8":
            return Format(name, Int8(), _int8_product)
        case "int8-g":
            return _grouped(name, 8, target)
        case "int4-g":
            return _grouped(name, 4, target)


class ScaledHalf:
    """float16 with every row scaled to a largest magnitude of 1 first.

    The residual stream of language models holds a few very large numbers: products with them
    would leave float16's range.
    """

    precision: Precision = "fp16"

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        peak = g.op("ReduceMax", g.op("Abs", x), g.constant(np.array([-1])), keepdims=1)  # (T, 1)
        scale = g.op("Max", peak, g.constant(_TINY))
        return Rows(g.cast(g.op("Div", x, scale), "float16"), scale)

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        stored = g.weight(f"{matrix.name}:fp16", lambda: matrix.read().astype(np.float16))
        return g.cast(g.op("MatMul", rows.values, stored), "float32")


class Grouped:
    """Weight-only, one scale for every group of inputs."""

    def __init__(self, bits: Literal[4, 8], target: Target) -> None:
        self.bits = bits
        self.precision: Precision = "int4" if bits == 4 else "int8"
        self._half = ScaledHalf() if target == "gpu" else None

    @property
    def _scale_type(self) -> type[np.float16] | type[np.float32]:
        return np.float32 if self._half is None else np.float16

    def prepare(self, g: GraphBuilder, x: str, *, damped: bool = False, above: float | None = None) -> Rows:
        return Rows(x) if self._half is None else self._half.prepare(g, x)

    def product(self, g: GraphBuilder, rows: Rows, matrix: Matrix) -> str:
        stored = cache(lambda: to_groups(matrix.read(), self.bits, self._scale_type))
        name = f"{matrix.name}:{self.precision}-groups"
        levels = g.weight(name, lambda: as_bytes(stored()[0], self.bits))
        scale = g.weight(f"{name}-scale", lambda: stored()[1])
        width, out = matrix.shape
        sizes = {"K": width, "N": out, "bits": self.bits, "block_size": GROUP}
        if self._half is None:
            # On the CPU, level 4 multiplies in int8, with activations rounded per row and group.
            return g.op("MatMulNBits", rows.values, levels, scale, accuracy_level=4, **sizes)
        return g.cast(g.op("MatMulNBits", rows.values, levels, scale, **sizes), "float32")

    def meant(self, matrix: Float) -> Float:
        """The matrix (K, out) that the stored numbers stand for."""
        levels, scale = to_groups(matrix, self.bits, self._scale_type)
        groups = (levels.astype(np.float32) - (1 << (self.bits - 1))) * scale.astype(np.float32)[..., None]
        return groups.reshape(matrix.shape[1], -1)[:, : matrix.shape[0]].T


def _grouped(name: FormatName, bits: Literal[4, 8], target: Target) -> Format:
    storage = Grouped(bits, target)
    return Format(name, storage, lambda rows, matrix: rows @ storage.meant(matrix))


def _half_product(rows: Float, matrix: Float) -> Float:
    peak = np.maximum(np.abs(rows).max(-1, keepdims=True), _TINY)
    half = (rows / peak).astype(np.float16).astype(np.float32)
    return half @ matrix.astype(np.float16).astype(np.float32) * peak


def _int8_product(rows: Float, matrix: Float) -> Float:
    levels, scale = to_int8(matrix)
    row_scale = np.maximum(np.abs(rows).max(-1, keepdims=True), _TINY) / np.float32(127)
    return np.rint(rows / row_scale) @ levels.astype(np.float32) * row_scale * scale

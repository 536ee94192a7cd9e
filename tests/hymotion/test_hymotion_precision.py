"""Reduced precisions: how matrices are rounded, what it costs, and that float16 does not overflow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidRequest
from posewire_runtime.types import Float

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
import onnxruntime

from posewire_export.graph import GraphBuilder, WeightFile
from posewire_export.quantise import (
    DAMPING,
    GROUP,
    Matrix,
    as_bytes,
    linear,
    storage_of,
    to_groups,
    to_int8,
)
from posewire_runtime.packages.manifest import Precision
from posewire_runtime.packages.package import Package

pytestmark = pytest.mark.export

matrices = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 80), st.integers(1, 9)),
    elements=st.floats(-100, 100, width=32).map(lambda x: np.float32(x if abs(x) > 1e-6 else 0)),
)


@given(matrices)
def test_int8_is_within_half_a_level(matrix: Float) -> None:
    levels, scale = to_int8(matrix)
    assert levels.dtype == np.int8
    assert levels.min() >= -127
    assert (np.abs(levels * scale - matrix) <= scale * 0.5 + 1e-5).all()


@given(matrices)
@settings(deadline=None)
def test_int4_is_within_a_level_of_its_group(matrix: Float) -> None:
    levels, scale = to_groups(matrix, 4)
    packed = as_bytes(levels, 4)
    assert (np.stack([packed & 15, packed >> 4], axis=-1).reshape(levels.shape) == levels).all()
    groups = np.pad(matrix.T, ((0, 0), (0, -len(matrix) % GROUP))).reshape(levels.shape)
    error = (levels.astype(np.int16) - 8) * scale[..., None] - groups
    level = np.abs(groups).max(-1) / 8
    assert (np.square(error).mean(-1) <= np.square(level) + 1e-9).all()  # the side with seven may lack one


def run(precision: Precision, tmp_path: Path, x: Float, matrix: Float, **options: Any) -> Float:
    """x @ matrix + 1 through a graph of this precision."""
    storage = storage_of(precision)
    with WeightFile(tmp_path / "weights.bin") as weights:
        g = GraphBuilder("product", weights)
        rows = storage.prepare(g, g.input("x", "float32", "n", x.shape[1]), **options)
        one = g.constant(np.ones(matrix.shape[1], np.float32))
        result = linear(g, storage, rows, Matrix("w", matrix.shape, lambda: matrix), one)
        g.output("y", result, "float32", "n", matrix.shape[1])
        g.save(precision)
    session = onnxruntime.InferenceSession(tmp_path / "product.onnx", providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"x": x})[0])


@pytest.mark.parametrize(
    ("precision", "limit"), [("fp32", 1e-5), ("fp16", 2e-3), ("int8", 3e-2), ("int4", 0.2)]
)
def test_a_product_in_each_precision(precision: Precision, limit: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, matrix = rng.standard_normal((7, 96), np.float32), rng.standard_normal((96, 40), np.float32)
    exact = x @ matrix + 1
    found = run(precision, tmp_path, x, matrix)
    assert np.sqrt(np.mean((found - exact) ** 2) / np.mean(exact**2)) < limit


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8", "int4"])
def test_a_row_of_a_product_ignores_its_neighbours(precision: Precision, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x, matrix = rng.standard_normal((8, 96), np.float32), rng.standard_normal((96, 40), np.float32)
    other = np.concatenate([x[:1], 1000 * x[1:]])
    found = [run(precision, tmp_path, batch, matrix)[0] for batch in (x, other)]
    np.testing.assert_array_equal(found[0], found[1])


def test_rows_of_zeros_and_rows_below_a_known_bound(tmp_path: Path) -> None:
    matrix = np.eye(64, dtype=np.float32)
    x = np.stack([np.zeros(64, np.float32), np.linspace(-0.17, 0.05, 64, dtype=np.float32)])
    found = run("int8", tmp_path, x, matrix, above=0.1701)
    np.testing.assert_array_equal(found[0], 1)
    np.testing.assert_allclose(found[1], x[1] + 1, atol=0.1701 / 127)


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="expected one of fp32"):
        storage_of("fp8")  # pyright: ignore[reportArgumentType]


# ---- float16 that accumulates in float16 ----------------------------------------


def accumulate(x: NDArray[np.float16], matrix: NDArray[np.float16]) -> NDArray[np.float16]:
    """x @ matrix as a GPU does it in float16: sixteen products exactly, the running sum rounded."""
    total = np.zeros((len(x), matrix.shape[1]), np.float16)
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(0, x.shape[1], 16):
            part = x[:, k : k + 16].astype(np.float32) @ matrix[k : k + 16].astype(np.float32)
            total = (total + part).astype(np.float16)
    return total


@pytest.mark.parametrize("inputs", [4096, 5120])
def test_damping_keeps_float16_sums_in_range(inputs: int) -> None:
    """`fc2` and `linear2` of the full model: sums of thousands of large GELU outputs.

    What the trained weights do is not known here; these reach a sum of about 250,000, four times what
    float16 can hold.
    """
    rng = np.random.default_rng(0)
    x = np.abs(rng.standard_normal((4, inputs))).astype(np.float32) * 40
    matrix = np.abs(rng.standard_normal((inputs, 8))).astype(np.float32) * 2
    exact = x @ matrix
    half = matrix.astype(np.float16)
    assert not np.isfinite(accumulate(x.astype(np.float16), half)).any()
    damped = accumulate((x / DAMPING).astype(np.float16), half).astype(np.float32) * DAMPING
    assert np.isfinite(damped).all()
    assert np.abs(damped - exact).max() / np.abs(exact).max() < 0.02


def test_damping_costs_nothing_where_sums_are_small() -> None:
    rng = np.random.default_rng(1)
    x, matrix = rng.standard_normal((16, 512)).astype(np.float32), rng.standard_normal((512, 8)) * 0.05
    exact, half = x @ matrix, matrix.astype(np.float16)

    def error(result: NDArray[Any]) -> float:
        return float(np.sqrt(np.mean((result - exact) ** 2) / np.mean(exact**2)))

    plain = error(accumulate(x.astype(np.float16), half).astype(np.float32))
    damped = error(accumulate((x / DAMPING).astype(np.float16), half).astype(np.float32) * DAMPING)
    assert damped < 1.5 * plain


# ---- whole packages ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("precision", "limit"), [("fp16", 1e-3), ("bf16", 1e-2), ("int8", 3e-2), ("int4", 0.25)]
)
def test_the_manifest_holds_the_error_of_each_precision(
    exported: Callable[[str], Path], precision: Precision, limit: float
) -> None:
    manifest = Package.open(exported(precision)).manifest
    assert {manifest.graphs[name].precision for name in ("denoise", "condition")} == {precision}
    along = next(entry for entry in manifest.parity if "worst velocity" in entry.what)
    assert 1e-6 < along.error < limit


def test_reduced_packages_are_smaller(exported: Callable[[str], Path]) -> None:
    def size(precision: Precision) -> int:
        return (exported(precision) / "weights.bin").stat().st_size

    assert size("fp32") > 1.8 * size("fp16") > 1.8 * 1.4 * size("int8")

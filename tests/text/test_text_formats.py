"""Stored forms of matrices: what the nodes compute, and which form a matrix gets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.export
pytest.importorskip("onnx")

from posewire_export.graph import GraphBuilder, WeightFile  # noqa: E402
from posewire_export.quantise import Matrix, to_groups  # noqa: E402
from posewire_export.text.formats import FormatName, Target, format_named  # noqa: E402
from posewire_export.text.net import Rounding, relative  # noqa: E402
from posewire_runtime.device.engine import Engine, Graph  # noqa: E402
from posewire_runtime.device.providers import EngineSettings  # noqa: E402
from posewire_runtime.types import Float  # noqa: E402

FORMS: list[tuple[FormatName, Target]] = [
    ("fp32", "cpu"),
    ("fp16", "gpu"),
    ("int8", "cpu"),
    ("int8-g", "cpu"),
    ("int4-g", "cpu"),
    ("int8-g", "gpu"),
    ("int4-g", "gpu"),
]
LIMITS: dict[FormatName, float] = {"fp32": 1e-6, "fp16": 1e-3, "int8": 0.015, "int8-g": 0.015, "int4-g": 0.13}


def normal(seed: int, *shape: int) -> Float:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def product_graph(folder: Path, matrix: Float, name: FormatName, target: Target) -> Graph:
    with WeightFile(folder / "weights") as weights:
        g = GraphBuilder("product", weights)
        storage = format_named(name, target).storage
        rows = storage.prepare(g, g.input("x", "float32", "T", matrix.shape[0]))
        shape = (matrix.shape[0], matrix.shape[1])
        y = storage.product(g, rows, Matrix("m", shape, lambda: matrix))
        y = y if rows.scale is None else g.op("Mul", y, rows.scale)
        g.output("y", y, "float32", "T", matrix.shape[1])
        g.save("fp32")
    return Engine(EngineSettings(provider="cpu")).load(folder / "product.onnx")


@pytest.mark.parametrize(("name", "target"), FORMS)
def test_nodes_compute_what_the_format_says(tmp_path: Path, name: FormatName, target: Target) -> None:
    matrix, rows = normal(1, 80, 48), normal(2, 9, 80) * np.logspace(-3, 6, 9, dtype=np.float32)[:, None]
    found = product_graph(tmp_path, matrix, name, target).run({"x": rows})["y"]
    exact = rows @ matrix
    assert np.isfinite(found).all()
    for row in range(9):  # each alone: the last is a billion times the first
        assert relative(found[row], exact[row]) < LIMITS[name]
    said = format_named(name, target).product(rows, matrix)
    # The grouped kernels round activations to int8 as well, which the format leaves out.
    assert relative(found, said) < (0.01 if name.endswith("-g") else 1e-3)


@pytest.mark.parametrize(("name", "target"), FORMS)
def test_a_row_does_not_depend_on_its_neighbours(tmp_path: Path, name: FormatName, target: Target) -> None:
    matrix, rows = normal(3, 64, 32), normal(4, 7, 64)
    rows[3] *= 1000
    graph = product_graph(tmp_path, matrix, name, target)
    together = graph.run({"x": rows})["y"]
    for index in range(7):
        alone = graph.run({"x": rows[index : index + 1]})["y"][0]
        # Half precision adds up in another order when there is one row only.
        assert relative(together[index], alone) < (1e-3 if target == "gpu" else 1e-5)


@pytest.mark.parametrize("bits", [4, 8])
def test_groups_survive_zeros_and_odd_widths(bits: int) -> None:
    matrix = np.zeros((40, 3), np.float32)
    matrix[33, 1] = -2.5
    levels, scale = to_groups(matrix, bits, np.float16)
    assert levels.shape == (3, 2, 32)
    assert np.isfinite(scale).all()
    meant = (levels.astype(np.float32) - (1 << (bits - 1))) * scale[..., None]
    np.testing.assert_allclose(meant.reshape(3, -1)[:, :40].T, matrix, rtol=1e-3)


def test_an_ordinary_matrix_gets_the_wanted_format() -> None:
    rounding = Rounding("int8", "cpu")
    assert rounding.choose("m", normal(5, 96, 96), normal(6, 20, 96)).name == "int8"
    assert rounding.choices[0].refused == ()


def test_a_matrix_with_outliers_in_its_inputs_is_kept_higher() -> None:
    rows = normal(7, 20, 96)
    rows[:, 5] *= 300  # one channel drowns the others in a row's single scale
    matrix = normal(8, 96, 96)
    matrix[5] = 0
    rounding = Rounding("int8", "cpu")
    assert rounding.choose("m", matrix, rows).name == "int8-g"
    (choice,) = rounding.choices
    assert choice.refused[0][0] == "int8"
    assert choice.refused[0][1] > 0.03 > choice.error


def test_a_matrix_that_four_bits_would_hurt_gets_eight() -> None:
    matrix = normal(9, 96, 96)
    matrix[::32] *= 30  # one large value in each group spoils the others' resolution
    rows = normal(10, 20, 96)
    rows[:, ::32] /= 300
    rounding = Rounding("int4", "cpu")
    assert rounding.choose("m", matrix, rows).name in ("int8-g", "fp32")
    assert rounding.choices[0].refused[0][0] == "int4-g"

"""Writes the small graphs that the engine's tests run: `python tests/engine/make_graphs.py` (needs onnx).

- `affine.onnx`: y = x W + b; W lies in `weights.bin`.
- `double.onnx`: y = 2 x W, from the same `weights.bin`.
- `masked.onnx`: two outputs of inputs of three types, `total` = sum of x where mask, `next` = index + 1.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, external_data_helper, helper, numpy_helper

FOLDER = Path(__file__).parent / "graphs"
WEIGHTS = (np.arange(12, dtype=np.float32).reshape(4, 3) - 5) / 8


def value(name: str, kind: int, shape: list[str | int]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, shape)


def model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    outputs: list[onnx.ValueInfoProto],
    constants: list[onnx.TensorProto],
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "graph", inputs, outputs, constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def weights() -> onnx.TensorProto:
    """W, as a part of `weights.bin`."""
    tensor = numpy_helper.from_array(WEIGHTS, "W")
    external_data_helper.set_external_data(tensor, "weights.bin", offset=0, length=WEIGHTS.nbytes)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    return tensor


def affine() -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "W"], ["xw"]), helper.make_node("Add", ["xw", "b"], ["y"])]
    bias = numpy_helper.from_array(np.ones(3, np.float32), "b")
    x, y = value("x", TensorProto.FLOAT, ["rows", 4]), value("y", TensorProto.FLOAT, ["rows", 3])
    return model(nodes, [x], [y], [weights(), bias])


def double() -> onnx.ModelProto:
    nodes = [helper.make_node("MatMul", ["x", "W"], ["xw"]), helper.make_node("Add", ["xw", "xw"], ["y"])]
    x, y = value("x", TensorProto.FLOAT, ["rows", 4]), value("y", TensorProto.FLOAT, ["rows", 3])
    return model(nodes, [x], [y], [weights()])


def masked() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Where", ["mask", "x", "zero"], ["kept"]),
        helper.make_node("ReduceSum", ["kept"], ["total"], keepdims=0),
        helper.make_node("Add", ["index", "one"], ["next"]),
    ]
    inputs = [
        value("x", TensorProto.FLOAT, ["length"]),
        value("mask", TensorProto.BOOL, ["length"]),
        value("index", TensorProto.INT64, [1]),
    ]
    outputs = [value("total", TensorProto.FLOAT, []), value("next", TensorProto.INT64, [1])]
    zero, one = np.zeros(1, np.float32), np.ones(1, np.int64)
    constants = [numpy_helper.from_array(zero, "zero"), numpy_helper.from_array(one, "one")]
    return model(nodes, inputs, outputs, constants)


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "weights.bin").write_bytes(WEIGHTS.tobytes())
    for name, made in {"affine": affine(), "double": double(), "masked": masked()}.items():
        path = FOLDER / f"{name}.onnx"
        path.write_bytes(made.SerializeToString(deterministic=True))
        onnx.checker.check_model(path)


if __name__ == "__main__":
    main()

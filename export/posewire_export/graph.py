"""ONNX graphs written node by node, several of which may read one file of weights.

A weight is written to disk the moment it is named, and under one name only once: graphs share
what they have in common, and memory holds one matrix at a time. Knows ONNX and no model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from posewire_runtime.packages.manifest import GraphSpec, Precision, TensorSpec

OPSET = 23
"""The first with attention, RMS norm and rotary embedding as operators."""

CONTRIB = frozenset({"MatMulIntegerToFloat", "MatMulNBits"})
"""ONNX Runtime's own operators among those that graphs use."""

_PAGE = 4096
_PAGED_FROM = 1 << 16
"""Larger weights begin on a page, so that they can be mapped into memory."""

Array = NDArray[np.generic]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a weight lies in the file."""

    dtype: int
    shape: tuple[int, ...]
    offset: int
    length: int


class WeightFile:
    """The external weights of a package's graphs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("wb")
        self._places: dict[str, _Place] = {}

    def __enter__(self) -> WeightFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def place(self, name: str, make: Callable[[], Array]) -> _Place:
        """The place of a weight; the first caller's `make` is written."""
        if name not in self._places:
            self._places[name] = self._write(np.ascontiguousarray(make()))
        return self._places[name]

    def _write(self, array: Array) -> _Place:
        alignment = _PAGE if array.nbytes >= _PAGED_FROM else 64
        self._file.write(b"\0" * (-self._file.tell() % alignment))
        place = _Place(_element(array.dtype), array.shape, self._file.tell(), array.nbytes)
        self._file.write(array.reshape(-1).view(np.uint8).data)
        return place


@dataclass(eq=False)
class GraphBuilder:
    """A graph under construction. Values are known by their names."""

    name: str
    weights: WeightFile
    _nodes: list[onnx.NodeProto] = field(default_factory=list)
    _inputs: list[TensorSpec] = field(default_factory=list)
    _outputs: list[TensorSpec] = field(default_factory=list)
    _constants: dict[str, TensorProto] = field(default_factory=dict)
    _external: dict[str, TensorProto] = field(default_factory=dict)

    def input(self, name: str, dtype: str, *shape: int | str) -> str:
        """Declare an input; named sizes are known at run time."""
        self._inputs.append(TensorSpec(name, dtype, shape))
        return name

    def output(self, name: str, value: str, dtype: str, *shape: int | str) -> None:
        """Declare `value` as an output."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(TensorSpec(name, dtype, shape))

    def op(self, kind: str, *inputs: str, **attributes: object) -> str:
        """Add an operator with one output."""
        return self._add(kind, inputs, 1, attributes)[0]

    def split(self, value: str, axis: int, count: int) -> list[str]:
        """Cut a value into equal parts."""
        return self._add("Split", (value,), count, {"axis": axis, "num_outputs": count})

    def cast(self, value: str, dtype: str) -> str:
        """The value as another type."""
        return self.op("Cast", value, to=_element(np_dtype(dtype)))

    def reshape(self, value: str, *shape: int) -> str:
        """The value in another shape; 0 keeps a size, -1 finds one."""
        return self.op("Reshape", value, self.constant(np.array(shape, np.int64)))

    def constant(self, value: Array | np.generic) -> str:
        """A small constant inside the graph; equal ones are one."""
        array = np.asarray(value)
        key = f"{array.dtype}{array.shape}{array.tobytes().hex()}"
        if key not in self._constants:
            self._constants[key] = numpy_helper.from_array(array, f"constant_{len(self._constants)}")
        return self._constants[key].name

    def weight(self, name: str, make: Callable[[], Array]) -> str:
        """A weight in the external file."""
        if name not in self._external:
            self._external[name] = self._reference(name, self.weights.place(name, make))
        return name

    def save(self, precision: Precision, notes: Mapping[str, str] | None = None) -> GraphSpec:
        """Write the graph beside its weights; returns what the manifest says of it."""
        graph = helper.make_graph(
            self._nodes,
            self.name,
            [_value_info(spec) for spec in self._inputs],
            [_value_info(spec) for spec in self._outputs],
            [*self._constants.values(), *self._external.values()],
        )
        domains = {node.domain for node in self._nodes}
        opsets = [helper.make_opsetid(domain, OPSET if domain == "" else 1) for domain in sorted(domains)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=11, producer_name="posewire")
        helper.set_model_props(model, dict(notes or {}))
        file = f"{self.name}.onnx"
        self.weights.path.with_name(file).write_bytes(model.SerializeToString())
        data = (self.weights.path.name,) if self._external else ()
        return GraphSpec(file, tuple(self._inputs), tuple(self._outputs), precision, OPSET, data)

    def _add(self, kind: str, inputs: Sequence[str], count: int, attributes: dict[str, Any]) -> list[str]:
        name = f"{kind}_{len(self._nodes)}"
        outputs = [name] if count == 1 else [f"{name}_{i}" for i in range(count)]
        domain = "com.microsoft" if kind in CONTRIB else ""
        self._nodes.append(helper.make_node(kind, inputs, outputs, name=name, domain=domain, **attributes))
        return outputs

    def _reference(self, name: str, place: _Place) -> TensorProto:
        tensor = TensorProto(name=name, data_type=place.dtype, dims=place.shape)
        tensor.data_location = TensorProto.EXTERNAL
        entries = {"location": self.weights.path.name, "offset": place.offset, "length": place.length}
        for key, value in entries.items():
            tensor.external_data.add(key=key, value=str(value))
        return tensor


def np_dtype(name: str) -> np.dtype[np.generic]:
    """numpy's type of this name, bfloat16 included."""
    return np.dtype(ml_dtypes.bfloat16) if name == "bfloat16" else np.dtype(name)


def _element(dtype: np.dtype[np.generic]) -> int:
    return helper.np_dtype_to_tensor_dtype(dtype)


def _value_info(spec: TensorSpec) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(spec.name, _element(np_dtype(spec.dtype)), spec.shape)

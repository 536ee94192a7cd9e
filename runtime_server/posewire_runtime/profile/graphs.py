"""The few graphs that the profiler itself needs, as ONNX bytes written by hand.

A product of matrices and a pass over memory, so that a provider's ceilings can be measured on the provider
without a library to write graphs with. Knows the wire form of ONNX and nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

_IR, _OPSET = 10, 21
_TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6, "float16": 10}
_GRAPH, _OPSETS = 7, 8
_NODE, _NAME, _INPUT, _OUTPUT = 1, 2, 11, 12

Port = tuple[str, str, Sequence[int]]
"""Name, element type as numpy names it, shape."""


def product(rows: int, inner: int, columns: int, precision: str) -> bytes:
    """y = x @ w; in int8 the factors are 8 bit wide and y is an int32."""
    if precision == "int8":
        ports = [("x", "uint8", (rows, inner)), ("w", "int8", (inner, columns))]
        return _model("MatMulInteger", ports, ("y", "int32", (rows, columns)))
    kind = "float16" if precision == "fp16" else "float32"
    ports = [("x", kind, (rows, inner)), ("w", kind, (inner, columns))]
    return _model("MatMul", ports, ("y", kind, (rows, columns)))


def negation(size: int) -> bytes:
    """y = -x: reads and writes each of `size` floats once."""
    return _model("Neg", [("x", "float32", (size,))], ("y", "float32", (size,)))


def _model(operator: str, inputs: Sequence[Port], output: Port) -> bytes:
    names = [name for name, _, _ in inputs]
    node = b"".join(_text(1, name) for name in names) + _text(2, output[0]) + _text(4, operator)
    graph = _message(_NODE, node) + _text(_NAME, "profile")
    graph += b"".join(_message(_INPUT, _port(port)) for port in inputs) + _message(_OUTPUT, _port(output))
    return _number(1, _IR) + _message(_GRAPH, graph) + _message(_OPSETS, _number(2, _OPSET))


def _port(port: Port) -> bytes:
    name, kind, shape = port
    axes = b"".join(_message(1, _number(1, size)) for size in shape)
    tensor = _number(1, _TYPES[kind]) + _message(2, axes)
    return _text(1, name) + _message(2, _message(1, tensor))


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _text(field: int, text: str) -> bytes:
    return _message(field, text.encode())


def _message(field: int, body: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(body)) + body


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])

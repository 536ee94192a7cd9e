"""FBX's binary container, version 7.4: a tree of named records with typed values. Knows no scene.

A value's Python type chooses how it is stored: bool, int (32 bits), np.int64, float, str, bytes, arrays of
bool, int32, int64, float32 and float64. Arrays of some size are compressed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

VERSION = 7400

_MAGIC = b"Kaydara FBX Binary  \x00\x1a\x00"
_NULL = bytes(13)
"""Ends a list of records."""
_COMPRESS_FROM = 128
"""Bytes of an array from which on it is compressed."""
_SCALARS: dict[type, tuple[bytes, str]] = {
    bool: (b"C", "<?"),
    int: (b"I", "<i"),
    np.int64: (b"L", "<q"),
    float: (b"D", "<d"),
}
_ARRAYS = {"float64": b"d", "float32": b"f", "int32": b"i", "int64": b"l", "bool": b"b"}

FILE_ID = bytes.fromhex("28b32aebb624ccc2bfc8b02aa92bfcf1")
"""Readers check a file's id against its creation time: this pair is right, and the same for every file."""
CREATION_TIME = "1970-01-01 10:00:00:000"
_FOOTER_ID = bytes.fromhex("fabcab09d0c8d466b176fb831cf7267e")
_FOOTER_END = bytes.fromhex("f85a8c6adef5d97eece90ce3758f290b")


class Packed(bytes):
    """An array that has been stored once already, to be written again as it is."""


@dataclass
class Node:
    """A record."""

    name: str
    values: Sequence[Any] = ()
    children: Sequence[Node] = field(default_factory=list["Node"])
    block: bool = False
    """Whether the list of children is written although it is empty."""


def pack(nodes: Sequence[Node]) -> bytes:
    """The whole file."""
    out = bytearray(_MAGIC + struct.pack("<I", VERSION))
    for node in nodes:
        _write(out, node)
    out += _NULL + _FOOTER_ID + bytes(4)
    out += bytes(16 - len(out) % 16)
    out += struct.pack("<I", VERSION) + bytes(120) + _FOOTER_END
    return bytes(out)


def _write(out: bytearray, node: Node) -> None:
    """Append a record; its head holds where it ends, which is known last."""
    start = len(out)
    name = node.name.encode()
    values = b"".join(_value(value) for value in node.values)
    out += bytes(12) + struct.pack("<B", len(name)) + name + values
    for child in node.children:
        _write(out, child)
    if node.children or node.block:
        out += _NULL
    struct.pack_into("<III", out, start, len(out), len(node.values), len(values))


def _value(value: Any) -> bytes:
    if type(value) in _SCALARS:
        code, form = _SCALARS[type(value)]
        return code + struct.pack(form, value)
    if isinstance(value, Packed):
        return value
    if isinstance(value, str | bytes):
        data = value.encode() if isinstance(value, str) else value
        return (b"S" if isinstance(value, str) else b"R") + struct.pack("<I", len(data)) + data
    if isinstance(value, np.ndarray):
        return packed(value)  # pyright: ignore[reportUnknownArgumentType]
    raise TypeError(f"expected a value that FBX can store, found {type(value).__name__}")


def packed(array: np.ndarray[Any, np.dtype[Any]]) -> Packed:
    """An array as it is stored: worth keeping where it is written often, since compressing takes long."""
    data = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    short = zlib.compress(data, 6) if len(data) >= _COMPRESS_FROM else data
    encoding = int(len(data) >= _COMPRESS_FROM)
    return Packed(_ARRAYS[array.dtype.name] + struct.pack("<III", array.size, encoding, len(short)) + short)

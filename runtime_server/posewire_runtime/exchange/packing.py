"""How one frame becomes bytes and bytes become a frame: pure numpy, defined by `Packing` of the .proto.

Little-endian; frames follow each other without gaps. Knows no message and no stream.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.types import CONTACT_NAMES, Clip, Float

Bytes = NDArray[np.uint8]

ROOT_BYTES = 12
CONTACT_BYTES = 1


class Packing(IntEnum):
    """The wire's packings; the numbers are those of the .proto."""

    FLOAT32 = 1
    SMALLEST_THREE_48 = 2


_JOINT_BYTES = {Packing.FLOAT32: 16, Packing.SMALLEST_THREE_48: 6}

_STEPS = 32767
"""Largest value of a 15-bit component."""

_OTHERS = np.array([[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]])
"""The components that are sent, by the index of the one that is not."""

_BITS = np.array([0, 15, 30], np.uint64)
"""Where the three components begin in the 48-bit integer; the index stands after them."""
_INDEX_BIT = np.uint64(45)


def frame_bytes(joints: int, packing: Packing) -> int:
    """Bytes that one frame of so many joints takes."""
    return ROOT_BYTES + joints * _JOINT_BYTES[packing] + CONTACT_BYTES


def pack(rotations: Float, root: Float, contacts: NDArray[np.bool_], packing: Packing) -> Bytes:
    """Frames `(L, J, 4)`, `(L, 3)`, `(L, 4)` as rows of bytes."""
    length, joints = rotations.shape[:2]
    rows = np.empty((length, frame_bytes(joints, packing)), np.uint8)  # (L, B)
    rows[:, :ROOT_BYTES] = _as_bytes(root.astype("<f4"))
    rows[:, ROOT_BYTES:-CONTACT_BYTES] = _PACK[packing](rotations).reshape(length, -1)
    rows[:, -CONTACT_BYTES:] = np.packbits(contacts, axis=-1, bitorder="little")
    return rows


def unpack(data: bytes, joints: int, packing: Packing) -> tuple[Float, Float, NDArray[np.bool_]]:
    """Rotations `(L, J, 4)`, root `(L, 3)` and contacts `(L, 4)` of packed frames.

    Raises `ValueError` when the bytes aren't a whole number of frames.
    """
    width = frame_bytes(joints, packing)
    if len(data) % width:
        raise ValueError(f"expected frames of {width} bytes, found {len(data)} bytes")
    rows = np.frombuffer(data, np.uint8).reshape(-1, width)  # (L, B)
    root = np.ascontiguousarray(rows[:, :ROOT_BYTES]).view("<f4").astype(np.float32)
    body = np.ascontiguousarray(rows[:, ROOT_BYTES:-CONTACT_BYTES]).reshape(len(rows), joints, -1)
    bits = np.unpackbits(rows[:, -CONTACT_BYTES:], axis=-1, count=len(CONTACT_NAMES), bitorder="little")
    return _UNPACK[packing](body), root, bits.astype(np.bool_)


class PackedClip:
    """The frames of a clip as bytes, packed a block at a time as they are asked for.

    So the first frames leave before the last ones are packed, and memory holds one block.
    """

    def __init__(self, clip: Clip, packing: Packing, block: int = 256) -> None:
        self._clip = clip
        self._packing = packing
        self._block = block
        self._rows = np.empty((0, 0), np.uint8)
        self._first = 0

    def slice(self, first: int, end: int) -> bytes:
        """Frames `first` to `end`, without `end`."""
        if not self._first <= first <= end <= self._first + len(self._rows):
            self._pack(first, max(end, first + self._block))
        return self._rows[first - self._first : end - self._first].tobytes()

    def _pack(self, first: int, end: int) -> None:
        clip, span = self._clip, slice(first, end)
        self._rows = pack(clip.rotations[span], clip.root[span], clip.contacts[span], self._packing)
        self._first = first


def _pack_float32(rotations: Float) -> Bytes:
    return _as_bytes(rotations.astype("<f4"))  # (L, J, 16)


def _unpack_float32(body: Bytes) -> Float:
    return body.view("<f4").astype(np.float32)


def _pack_smallest_three(rotations: Float) -> Bytes:
    q = rotations.astype(np.float64)
    index = np.abs(q).argmax(-1, keepdims=True)  # (L, J, 1)
    sign = np.where(np.take_along_axis(q, index, -1) < 0, -1.0, 1.0)
    three = np.take_along_axis(q, _OTHERS[index[..., 0]], -1) * sign  # (L, J, 3)
    levels = np.rint((three * np.sqrt(2) + 1) / 2 * _STEPS).clip(0, _STEPS).astype(np.uint64)
    word = (levels << _BITS).sum(-1, dtype=np.uint64) | (index[..., 0].astype(np.uint64) << _INDEX_BIT)
    return _as_bytes(word.astype("<u8")[..., None])[..., :6]  # (L, J, 6)


def _unpack_smallest_three(body: Bytes) -> Float:
    padded = np.zeros((*body.shape[:-1], 8), np.uint8)
    padded[..., :6] = body
    word = padded.view("<u8")  # (L, J, 1)
    index = ((word >> _INDEX_BIT) & np.uint64(3)).astype(np.intp)
    three = ((word >> _BITS) & np.uint64(_STEPS)) / _STEPS * 2 - 1  # (L, J, 3), times sqrt(2)
    three /= np.sqrt(2)
    largest = np.sqrt(np.maximum(0.0, 1 - (three**2).sum(-1, keepdims=True)))
    q = np.empty((*body.shape[:-1], 4))
    np.put_along_axis(q, _OTHERS[index[..., 0]], three, -1)
    np.put_along_axis(q, index, largest, -1)
    return q.astype(np.float32)


def _as_bytes(values: NDArray[np.generic]) -> Bytes:
    """The bytes of each row along the last axis."""
    return np.ascontiguousarray(values).view(np.uint8)


_PACK: dict[Packing, Callable[[Float], Bytes]] = {
    Packing.FLOAT32: _pack_float32,
    Packing.SMALLEST_THREE_48: _pack_smallest_three,
}
_UNPACK: dict[Packing, Callable[[Bytes], Float]] = {
    Packing.FLOAT32: _unpack_float32,
    Packing.SMALLEST_THREE_48: _unpack_smallest_three,
}

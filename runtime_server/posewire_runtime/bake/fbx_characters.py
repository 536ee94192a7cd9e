"""The bones and bind pose of a character in a binary FBX file, version 7.

Bones are the models of kind LimbNode and what stands between them. A bone stands where its skin was tied to
it (clusters), else where the bind pose has it, else where its own transform puts it; pivots are not read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posewire_runtime.errors import InvalidFile
from posewire_runtime.formats.fbx_binary import Node
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.types import Skeleton

_MAGIC = b"Kaydara FBX Binary  \x00"
_SCALARS = {b"Y": "<h", b"C": "<?", b"I": "<i", b"F": "<f", b"D": "<d", b"L": "<q"}
_ARRAYS = {b"f": "<f4", b"d": "<f8", b"l": "<i8", b"i": "<i4", b"b": "<i1"}
_CENTIMETRE = 0.01


@dataclass
class _Scene:
    """What matters of a file."""

    models: dict[int, tuple[str, str]] = field(default_factory=dict[int, tuple[str, str]])
    """Id -> name and kind."""
    local: dict[int, Array] = field(default_factory=dict[int, Array])
    """Id -> its matrix relative to its parent."""
    parents: dict[int, int] = field(default_factory=dict[int, int])
    bind: dict[int, Array] = field(default_factory=dict[int, Array])
    """Id -> where it stood in the world when the skin was put on."""
    settings: dict[str, float] = field(default_factory=dict[str, float])


def read_fbx_skeleton(path: Path) -> Skeleton:
    """The skeleton of a character, in our frame."""
    try:
        scene = _scene(list(_records(path.read_bytes())))
    except (OSError, ValueError, KeyError, IndexError, struct.error, zlib.error) as error:
        raise InvalidFile(f"expected {path} to be a binary FBX file of version 7, but: {error}") from error
    limbs = {uid for uid, (_, kind) in scene.models.items() if kind == "LimbNode"}
    if not limbs:
        raise InvalidFile(f"expected bones in {path}, found none; export the character with its skeleton")
    return _skeleton(scene, _in_order(limbs, scene.parents))


def _skeleton(scene: _Scene, bones: list[int]) -> Skeleton:
    matrices = _to_our_axes(scene.settings) @ np.array([_world(scene, bone) for bone in bones])
    turned = matrices[:, :3, :3] / np.linalg.norm(matrices[:, :3, :3], axis=1, keepdims=True)
    rotations = quat.from_matrix(turned)
    places = [bones.index(scene.parents[bone]) if scene.parents.get(bone) in bones else -1 for bone in bones]
    local = [
        quat.multiply(quat.conjugate(rotations[parent]), rotations[j]) if parent >= 0 else rotations[j]
        for j, parent in enumerate(places)
    ]
    metres = scene.settings.get("UnitScaleFactor", 1.0) * _CENTIMETRE
    positions = (matrices[:, :3, 3] * metres).astype(np.float32)
    lowest = float(positions[:, 1].min())
    return Skeleton(
        names=tuple(scene.models[bone][0] for bone in bones),
        parents=tuple(places),
        positions=positions,
        rotations=np.array(local, np.float32),
        sole=0.0 if -0.05 < lowest < 0.35 else lowest,
    )


def _to_our_axes(settings: Mapping[str, float]) -> Array:
    """From the file's axes to ours."""
    out = np.zeros((4, 4))
    out[3, 3] = 1
    for row, name in enumerate(("CoordAxis", "UpAxis", "FrontAxis")):
        axis = int(settings.get(name, row))
        out[row, axis] = settings.get(f"{name}Sign", 1)
    return out


def _world(scene: _Scene, bone: int) -> Array:
    if bone in scene.bind:
        return scene.bind[bone]
    parent = scene.parents.get(bone)
    above = _world(scene, parent) if parent in scene.models else np.eye(4)
    return above @ scene.local[bone]


def _in_order(limbs: set[int], parents: Mapping[int, int]) -> list[int]:
    """The limbs and the models between them, parents first."""

    def chain(uid: int) -> list[int]:
        return [uid, *(chain(parents[uid]) if uid in parents else [])]

    kept: set[int] = set()
    for limb in limbs:
        above = chain(limb)
        last = max(i for i, uid in enumerate(above) if uid in limbs)
        kept.update(above[: last + 1])
    order = {uid: place for place, uid in enumerate(parents)}
    return sorted(kept, key=lambda uid: (len(chain(uid)), order.get(uid, 0)))


def _scene(records: list[Node]) -> _Scene:
    scene = _Scene()
    clusters: dict[int, Array] = {}
    for record in records:
        if record.name == "GlobalSettings":
            scene.settings = {name: values[0] for name, values in _properties(record).items() if values}
        for thing in record.children if record.name == "Objects" else ():
            uid = thing.values[0] if thing.values else 0
            if thing.name == "Model":
                scene.models[uid] = thing.values[1].split("\0")[0], thing.values[2]
                scene.local[uid] = _transform(_properties(thing))
            elif thing.name == "Deformer" and thing.values[2] == "Cluster":
                clusters[uid] = _matrix(_child(thing, "TransformLink"))
            elif thing.name == "Pose":
                for node in thing.children:
                    if node.name == "PoseNode":
                        scene.bind[_child(node, "Node").values[0]] = _matrix(_child(node, "Matrix"))
    for record in records:
        for link in record.children if record.name == "Connections" else ():
            kind, child, parent = link.values[:3]
            if kind == "OO" and child in scene.models and parent in scene.models:
                scene.parents[child] = parent
            elif kind == "OO" and parent in clusters and child in scene.models:
                scene.bind[child] = clusters[parent]
    return scene


def _child(record: Node, name: str) -> Node:
    return next(child for child in record.children if child.name == name)


def _matrix(record: Node) -> Array:
    return np.array(record.values[0], np.float64).reshape(4, 4).T


def _properties(record: Node) -> dict[str, tuple[Any, ...]]:
    """Names and values of a record's properties."""
    rows = [row for child in record.children if child.name == "Properties70" for row in child.children]
    return {row.values[0]: tuple(row.values[4:]) for row in rows}


def _transform(properties: Mapping[str, tuple[Any, ...]]) -> Array:
    """Relative to the parent: place, pre-rotation, rotation, scale."""

    def turn(name: str) -> Array:
        angles = np.radians(np.array(properties.get(name, (0, 0, 0)), np.float64))
        return quat.to_matrix(quat.from_euler(angles[::-1], "ZYX"))

    out = np.eye(4)
    scale = np.array(properties.get("Lcl Scaling", (1, 1, 1)), np.float64)
    out[:3, :3] = turn("PreRotation") @ turn("Lcl Rotation") @ turn("PostRotation").T * scale
    out[:3, 3] = properties.get("Lcl Translation", (0, 0, 0))
    return out


# ------------------------------------------------------------------------------------------ container


def _records(data: bytes) -> Iterator[Node]:
    """All records at the top."""
    if not data.startswith(_MAGIC):
        raise ValueError("it begins otherwise (text FBX can't be read: export it as binary)")
    version = struct.unpack_from("<I", data, 23)[0]
    at = 27
    while True:
        record, at = _record(data, at, wide=version >= 7500)
        if record is None:
            return
        yield record


def _record(data: bytes, at: int, *, wide: bool) -> tuple[Node | None, int]:
    """A record and where the next one begins; None at the end of a list."""
    form = "<QQQB" if wide else "<IIIB"
    end, count, length, name_length = struct.unpack_from(form, data, at)
    at += struct.calcsize(form)
    if end == 0:
        return None, at
    name = data[at : at + name_length].decode()
    at += name_length
    values, after = _values(data, at, count), at + length
    children: list[Node] = []
    while after < end:
        child, after = _record(data, after, wide=wide)
        if child is None:
            break
        children.append(child)
    return Node(name, values, children), end


def _values(data: bytes, at: int, count: int) -> list[Any]:
    out: list[Any] = []
    for _ in range(count):
        kind = data[at : at + 1]
        at += 1
        if kind in _SCALARS:
            out += struct.unpack_from(_SCALARS[kind], data, at)
            at += struct.calcsize(_SCALARS[kind])
        elif kind in _ARRAYS:
            size, encoding, length = struct.unpack_from("<III", data, at)
            raw = data[at + 12 : at + 12 + length]
            out.append(np.frombuffer(zlib.decompress(raw) if encoding else raw, _ARRAYS[kind], size))
            at += 12 + length
        else:
            (length,) = struct.unpack_from("<I", data, at)
            raw = data[at + 4 : at + 4 + length]
            out.append(raw.decode(errors="replace") if kind == b"S" else raw)
            at += 4 + length
    return out

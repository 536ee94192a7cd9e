"""Reading the first animation of a GLB file as a clip of its joints, 30 frames a second.

Nodes are posed with all their scales, so that rigs in centimetres under a scaled node come out in metres.
The rest pose is that of the nodes as they stand in the file. Meshes and materials are not looked at.
"""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_export.train.bones import bones_of
from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion import quat, skeleton
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.resample import linear_at, rotations_at
from posewire_runtime.types import Clip, Skeleton

FPS = 30.0

_MAGIC, _JSON, _BIN = 0x46546C67, 0x4E4F534A, 0x004E4942
_TYPES: dict[int, type[np.generic]] = {
    5120: np.int8,
    5121: np.uint8,
    5122: np.int16,
    5123: np.uint16,
    5125: np.uint32,
    5126: np.float32,
}
_SIZES = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}
_PATHS = ("translation", "rotation", "scale")
_DEFAULTS = ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), (1.0, 1.0, 1.0))

Document = dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Poses:
    """Where nodes stand in the world."""

    rotations: Array  # (L, N, 4)
    positions: Array  # (L, N, 3)


def read_glb(file: Path) -> Clip:
    """The clip of a file that has a skin and an animation."""
    try:
        document, data = _chunks(file.read_bytes())
        joints = _joints(document)
        times, tracks = _tracks(document, data)
        rest = _pose(document, {}, 1)
        moving = _pose(document, tracks, len(times))
    except (KeyError, IndexError, ValueError, StopIteration, struct.error) as error:
        raise InvalidFile(
            f"expected {file} to be a GLB with a skin and an animation, but: {error!r}"
        ) from None
    return _clip(document, joints, rest, moving)


def _chunks(raw: bytes) -> tuple[Document, bytes]:
    """The JSON part and the binary part."""
    if struct.unpack_from("<I", raw)[0] != _MAGIC:
        raise ValueError("it does not begin with glTF")
    parts: dict[int, bytes] = {}
    at = 12
    while at < len(raw):
        length, kind = struct.unpack_from("<II", raw, at)
        parts[kind] = raw[at + 8 : at + 8 + length]
        at += 8 + length
    return json.loads(parts[_JSON]), parts.get(_BIN, b"")


def _accessor(document: Document, data: bytes, index: int) -> NDArray[np.float64]:
    """Numbers of an accessor, (count, size); integers are the normalised fractions they stand for."""
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    kind, size = np.dtype(_TYPES[accessor["componentType"]]), _SIZES[accessor["type"]]
    begin = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
    stride = view.get("byteStride", kind.itemsize * size)
    rows = np.ndarray((accessor["count"], size), kind, data, begin, (stride, kind.itemsize))
    largest = float(np.iinfo(str(kind)).max) if accessor.get("normalized") else 1.0
    return rows.astype(np.float64) / largest


def _joints(document: Document) -> list[int]:
    """The nodes of all skins, parents before their children."""
    wanted = {joint for skin in document["skins"] for joint in skin["joints"]}
    return [node for node in _order(document) if node in wanted]


def _parents(document: Document) -> dict[int, int]:
    return {child: i for i, node in enumerate(document["nodes"]) for child in node.get("children", ())}


def _order(document: Document) -> list[int]:
    """All nodes, parents first."""
    parents = _parents(document)
    found = [i for i in range(len(document["nodes"])) if i not in parents]
    for node in found:
        found += document["nodes"][node].get("children", ())
    return found


def _tracks(document: Document, data: bytes) -> tuple[Array, dict[tuple[int, str], Array]]:
    """Times (L,) and, for each (node, path) that moves, its values (L, size)."""
    animation = document["animations"][0]
    keys: dict[tuple[int, str], tuple[Array, Array]] = {}
    for channel in animation["channels"]:
        sampler, target = animation["samplers"][channel["sampler"]], channel["target"]
        values = _accessor(document, data, sampler["output"])
        if sampler.get("interpolation") == "CUBICSPLINE":
            values = values[1::3]  # without the tangents
        if target["path"] in _PATHS:
            keys[target["node"], target["path"]] = (_accessor(document, data, sampler["input"])[:, 0], values)
    first = min(float(times[0]) for times, _ in keys.values())
    last = max(float(times[-1]) for times, _ in keys.values())
    times = first + np.arange(int(np.floor((last - first) * FPS + 1e-3)) + 1) / FPS
    return times, {key: _sampled(key[1], *track, times) for key, track in keys.items()}


def _sampled(path: str, keys: Array, values: Array, times: Array) -> Array:
    """Values at `times`, straight between keys."""
    points = np.interp(times, keys, np.arange(len(keys)))
    if len(keys) == 1:
        return np.repeat(values, len(times), axis=0)
    return rotations_at(quat.normalise(values), points) if path == "rotation" else linear_at(values, points)


def _pose(document: Document, tracks: dict[tuple[int, str], Array], frames: int) -> _Poses:
    """Every node in the world."""
    parents, count = _parents(document), len(document["nodes"])
    world = np.tile(np.eye(4), (frames, count, 1, 1))
    for node in _order(document):
        local = _local(document["nodes"][node], node, tracks, frames)
        world[:, node] = world[:, parents[node]] @ local if node in parents else local
    axes = world[..., :3, :3] / np.linalg.norm(world[..., :3, :3], axis=-2, keepdims=True)
    return _Poses(quat.from_matrix(axes), world[..., :3, 3])


def _local(node: Document, index: int, tracks: dict[tuple[int, str], Array], frames: int) -> Array:
    """(L, 4, 4)"""
    if "matrix" in node:
        return np.tile(np.array(node["matrix"], np.float64).reshape(4, 4).T, (frames, 1, 1))
    translation, rotation, scale = (
        tracks.get((index, path), np.tile(np.array(node.get(path, default)), (frames, 1)))
        for path, default in zip(_PATHS, _DEFAULTS, strict=True)
    )
    local = np.tile(np.eye(4), (frames, 1, 1))
    local[:, :3, :3] = quat.to_matrix(quat.normalise(rotation)) * scale[:, None]
    local[:, :3, 3] = translation
    return local


def _clip(document: Document, joints: list[int], rest: _Poses, moving: _Poses) -> Clip:
    parents, place = _parents(document), {node: i for i, node in enumerate(joints)}

    def above(node: int) -> int:
        """The nearest joint on the way up, -1 where there is none."""
        while node in parents:
            node = parents[node]
            if node in place:
                return place[node]
        return -1

    names = tuple(document["nodes"][node].get("name", f"node {node}") for node in joints)
    heights = rest.positions[0, joints]
    rig = Skeleton(names, tuple(above(node) for node in joints), heights.astype(np.float32))
    bound = skeleton.local_from_global(rig, rest.rotations[0, joints])
    pelvis = names.index(bones_of(names).get("Pelvis", names[0]))
    rig = replace(rig, rotations=bound.astype(np.float32), pelvis=pelvis, sole=float(heights[:, 1].min()))
    rotations = quat.continuous(quat.normalise(skeleton.local_from_global(rig, moving.rotations[:, joints])))
    root = moving.positions[:, joints[pelvis]]
    return Clip(
        rig, FPS, rotations.astype(np.float32), root.astype(np.float32), np.zeros((len(root), 4), np.bool_)
    )

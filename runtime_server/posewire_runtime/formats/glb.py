"""GLB (glTF 2.0 binary): skeleton, animation, and a mannequin skinned to it, so that any viewer shows a body.

Written by hand: one JSON chunk, one binary chunk, no dependency. The rest pose stands on the floor, in the
skeleton's own rest rotations. Rotations are LINEAR and keep their sign from frame to frame; only the pelvis
moves, and a bone on the floor where the travel lies on it. `asset.extras` holds the notes, the animation's
`extras` seed, fps and foot contacts.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime import __version__
from posewire_runtime.figure.mannequin import Mannequin
from posewire_runtime.formats.tracks import ROTATION, TRANSLATION, Tracks, lift, standing_offsets, tracks_of
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import rest_globals
from posewire_runtime.types import CONTACT_NAMES, Clip, Skeleton

_COMPONENTS = {"uint8": 5121, "uint16": 5123, "uint32": 5125, "float32": 5126}
_TYPES = {(): "SCALAR", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
_VERTICES, _INDICES = 34962, 34963
_SKIN = [0.18, 0.24, 0.42, 1.0]
"""The mannequin's colour, linear."""


class _Buffer:
    """The binary chunk and the views and accessors into it."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []

    def add(self, array: NDArray[np.generic], *, target: int = 0, bounds: bool = False, **more: Any) -> int:
        """Append an array (count, ...); gives its accessor's index. Matrices are given column by column."""
        array = np.ascontiguousarray(array)
        self.data += bytes(-len(self.data) % 4)
        view: dict[str, Any] = {"buffer": 0, "byteOffset": len(self.data), "byteLength": array.nbytes}
        self.views.append(view | ({"target": target} if target else {}))
        self.data += array.astype(array.dtype.newbyteorder("<")).tobytes()
        accessor: dict[str, Any] = {
            "bufferView": len(self.views) - 1,
            "componentType": _COMPONENTS[array.dtype.name],
            "count": len(array),
            "type": _TYPES[array.shape[1:]],
        }
        if bounds:
            flat = array.reshape(len(array), -1)
            accessor |= {"min": flat.min(axis=0).tolist(), "max": flat.max(axis=0).tolist()}
        self.accessors.append(accessor | more)
        return len(self.accessors) - 1


def encode(clip: Clip, notes: Mapping[str, str], *, body: bool = True) -> bytes:
    """The file's bytes, with the mannequin or with bones alone."""
    return encode_tracks(tracks_of(clip), notes, body=body)


def encode_tracks(tracks: Tracks, notes: Mapping[str, str], *, body: bool = True) -> bytes:
    """The same of tracks."""
    buffer = _Buffer()
    skeleton = tracks.skeleton
    nodes = _nodes(skeleton)
    document: dict[str, Any] = {
        "asset": _asset(notes),
        "scene": 0,
        "scenes": [{"nodes": [len(skeleton)]}],
        "nodes": nodes,
        "animations": [_animation(tracks, buffer, notes.get("prompt", ""))],
        # Without a mesh nothing uses the skin, but it tells Blender and others that the nodes are bones.
        "skins": [_skin(skeleton, buffer)],
    }
    if body:
        nodes.append({"name": "Mannequin", "mesh": 0, "skin": 0})
        document["scenes"][0]["nodes"].append(len(nodes) - 1)
        document["meshes"] = [_mesh(tracks.mesh(), skeleton, buffer)]
        document["materials"] = [_material()]
    document |= {
        "accessors": buffer.accessors,
        "bufferViews": buffer.views,
        "buffers": [{"byteLength": len(buffer.data)}],
    }
    return _pack(document, bytes(buffer.data))


def _asset(notes: Mapping[str, str]) -> dict[str, Any]:
    extras = {name: note for name, note in notes.items() if name != "generator"}
    asset: dict[str, Any] = {"version": "2.0", "generator": notes.get("generator", f"posewire {__version__}")}
    return asset | ({"extras": extras} if extras else {})


def _nodes(skeleton: Skeleton) -> list[dict[str, Any]]:
    """A node for each joint, in the skeleton's order, then the rig's own root above them."""
    nodes: list[dict[str, Any]] = []
    offsets = standing_offsets(skeleton).astype(np.float32)
    for joint, name in enumerate(skeleton.names):
        node: dict[str, Any] = {"name": name, "translation": offsets[joint].tolist()}
        if skeleton.rotations is not None:
            node["rotation"] = _unit(skeleton.rotations[joint]).tolist()
        nodes.append(node | _children(skeleton.parents, joint))
    return [*nodes, {"name": "Rig", **_children(skeleton.parents, -1)}]


def _children(parents: tuple[int, ...], joint: int) -> dict[str, Any]:
    children = [child for child, parent in enumerate(parents) if parent == joint]
    return {"children": children} if children else {}


def _unit(rotations: Array) -> NDArray[np.float32]:
    return quat.normalise(rotations.astype(np.float64)).astype(np.float32)


def _animation(tracks: Tracks, buffer: _Buffer, name: str) -> dict[str, Any]:
    """All joints' rotations and the places of those that move; tracks with equal keys share times."""
    clip = tracks.clip
    rotations = _unit(tracks.rotations)
    values = {(joint, ROTATION): rotations[:, joint] for joint in range(len(tracks.skeleton))}
    values |= {
        (joint, TRANSLATION): places.astype(np.float32) for joint, places in tracks.translations.items()
    }
    times: dict[bytes, int] = {}
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    for (joint, path), track in values.items():
        keys = tracks.kept(joint, path)
        if keys.tobytes() not in times:
            times[keys.tobytes()] = buffer.add((keys / clip.fps).astype(np.float32), bounds=True)
        channels.append({"sampler": len(samplers), "target": {"node": joint, "path": path}})
        output = buffer.add(track[keys])
        samplers.append({"input": times[keys.tobytes()], "output": output, "interpolation": "LINEAR"})
    extras: dict[str, Any] = {
        "seed": str(clip.seed),
        "fps": clip.fps,
        "frames": clip.frames,
        "contact_names": list(CONTACT_NAMES),
        "contacts": (clip.contacts @ (1 << np.arange(len(CONTACT_NAMES)))).tolist(),
    }
    extras |= {"loops": True} if tracks.loops else {}
    return {"name": name or "Motion", "channels": channels, "samplers": samplers, "extras": extras}


def _mesh(body: Mannequin, skeleton: Skeleton, buffer: _Buffer) -> dict[str, Any]:
    positions = (body.vertices + lift(skeleton)).astype(np.float32)
    joints = body.joints.astype(np.uint8) if len(skeleton) <= 256 else body.joints
    kind = np.uint16 if len(positions) < 65535 else np.uint32
    attributes = {
        "POSITION": buffer.add(positions, target=_VERTICES, bounds=True),
        "NORMAL": buffer.add(_unit(body.normals), target=_VERTICES),
        "JOINTS_0": buffer.add(joints, target=_VERTICES),
        "WEIGHTS_0": buffer.add(body.weights, target=_VERTICES, normalized=True),
    }
    indices = buffer.add(body.triangles.astype(kind).reshape(-1), target=_INDICES)
    return {
        "name": "Mannequin",
        "primitives": [{"attributes": attributes, "indices": indices, "material": 0}],
    }


def _skin(skeleton: Skeleton, buffer: _Buffer) -> dict[str, Any]:
    """Joints and the inverses of where they are in the rest pose."""
    inverse = quat.conjugate(rest_globals(skeleton).astype(np.float64))
    matrices = np.tile(np.eye(4), (len(skeleton), 1, 1))
    matrices[:, :3, :3] = quat.to_matrix(inverse)
    matrices[:, :3, 3] = -quat.rotate(inverse, skeleton.positions + lift(skeleton))
    bind = buffer.add(np.swapaxes(matrices, -1, -2).astype(np.float32))
    joints = list(range(len(skeleton)))
    return {"name": "Rig", "inverseBindMatrices": bind, "joints": joints, "skeleton": len(skeleton)}


def _material() -> dict[str, Any]:
    surface = {"baseColorFactor": _SKIN, "metallicFactor": 0.0, "roughnessFactor": 0.6}
    return {"name": "Clay", "pbrMetallicRoughness": surface}


def _pack(document: Mapping[str, Any], data: bytes) -> bytes:
    """Header, JSON chunk filled up with blanks, binary chunk filled up with zeros."""
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    data += bytes(-len(data) % 4)
    length = 12 + 8 + len(text) + 8 + len(data)
    return b"".join(
        [
            struct.pack("<4sII", b"glTF", 2, length),
            struct.pack("<I4s", len(text), b"JSON") + text,
            struct.pack("<I4s", len(data), b"BIN\0") + data,
        ]
    )

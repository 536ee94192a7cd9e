"""A user's GLB character with a motion put into it: mesh, materials and all, plus one animation."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.bake.characters import Gltf
from posewire_runtime.formats.tracks import ROTATION, TRANSLATION, Tracks, standing_offsets
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array


def embed(gltf: Gltf, tracks: Tracks, notes: Mapping[str, str]) -> bytes:
    """The character's file with the tracks as its only animation; their skeleton is the character's."""
    if len(tracks.skeleton) != len(gltf.nodes):
        found = f"{len(tracks.skeleton)} bones"
        raise ValueError(f"expected tracks of the character's {len(gltf.nodes)} bones, found {found}")
    document: dict[str, Any] = json.loads(json.dumps(gltf.document))
    data = bytearray(gltf.data)
    for name in ("bufferViews", "accessors"):
        document.setdefault(name, [])
    times: dict[bytes, int] = {}
    samplers: list[dict[str, Any]] = []
    channels: list[dict[str, Any]] = []
    for (joint, path), values in _node_tracks(gltf, tracks).items():
        keys = tracks.kept(joint, path)
        if keys.tobytes() not in times:
            times[keys.tobytes()] = _add(document, data, (keys / tracks.clip.fps).astype(np.float32))
        output = _add(document, data, values[keys].astype(np.float32))
        channels.append({"sampler": len(samplers), "target": {"node": gltf.nodes[joint], "path": path}})
        samplers.append({"input": times[keys.tobytes()], "output": output, "interpolation": "LINEAR"})
    name = notes.get("prompt", "") or "Motion"
    extras = {**notes, "fps": tracks.clip.fps, "seed": str(tracks.clip.seed)}
    document["animations"] = [{"name": name, "channels": channels, "samplers": samplers, "extras": extras}]
    data += bytes(-len(data) % 4)
    document["buffers"] = [{"byteLength": len(data)}]
    return _pack(document, bytes(data))


def _node_tracks(gltf: Gltf, tracks: Tracks) -> dict[tuple[int, str], Array]:
    """The tracks in the axes and units of what each node hangs on."""
    out: dict[tuple[int, str], Array] = {}
    parents = tracks.skeleton.parents
    scales = np.linalg.norm(gltf.above[:, :3, :3], axis=1)  # (J, 3)
    turns = quat.from_matrix(gltf.above[:, :3, :3] / scales[:, None, :])
    for joint, parent in enumerate(parents):
        values = tracks.rotations[:, joint]
        out[joint, ROTATION] = values if parent >= 0 else quat.multiply(quat.conjugate(turns[joint]), values)
    offsets = standing_offsets(tracks.skeleton)
    still = {
        joint: np.tile(offsets[joint], (tracks.frames, 1))
        for joint, parent in enumerate(parents)
        if parent < 0 and tracks.skeleton.sole
    }
    for joint, places in {**still, **tracks.translations}.items():
        if parents[joint] < 0:
            places = quat.rotate(quat.conjugate(turns[joint]), places - gltf.above[joint, :3, 3])
        out[joint, TRANSLATION] = places / scales[joint]
    return out


def _add(document: dict[str, Any], data: bytearray, values: NDArray[np.float32]) -> int:
    """Append values; gives their accessor."""
    data += bytes(-len(data) % 4)
    view = {"buffer": 0, "byteOffset": len(data), "byteLength": values.nbytes}
    data += values.astype("<f4").tobytes()
    document["bufferViews"].append(view)
    kind = {1: "SCALAR", 3: "VEC3", 4: "VEC4"}[values.shape[-1] if values.ndim > 1 else 1]
    accessor = {"bufferView": len(document["bufferViews"]) - 1, "componentType": 5126}
    accessor |= {"count": len(values), "type": kind}
    if values.ndim == 1:
        accessor |= {"min": [float(values.min())], "max": [float(values.max())]}
    document["accessors"].append(accessor)
    return len(document["accessors"]) - 1


def _pack(document: Mapping[str, Any], data: bytes) -> bytes:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + len(data)
    head = struct.pack("<4sII", b"glTF", 2, length)
    return b"".join(
        [head, struct.pack("<I4s", len(text), b"JSON"), text, struct.pack("<I4s", len(data), b"BIN\0"), data]
    )

"""A user's own character: its bones and rest pose from a file, and which bone plays which joint.

Of a GLB the joints of its skins count, in the pose that its nodes stand in, whatever scales and turns stand
above them. Bones are found by the names of known rigs, by VRM's own map, or by a map of the user's.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from posewire_runtime.bake.fbx_characters import read_fbx_skeleton
from posewire_runtime.bake.rigs import Rig
from posewire_runtime.errors import InvalidFile, InvalidRequest, Violation
from posewire_runtime.figure.mannequin import Mannequin
from posewire_runtime.formats import bvh
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.retarget import check
from posewire_runtime.motion.rigs import map_bones
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Clip, Float, Skeleton, Target

SUFFIXES = (".glb", ".vrm", ".fbx", ".bvh")
BODY_SUFFIXES = (".npz", ".pkl")
"""Of body models, which something else reads."""
_TALLEST = 10.0
"""Metres; a BVH skeleton larger than this is in centimetres."""
_FLOOR = (-0.05, 0.35)
"""Metres: a character whose lowest bone is this high stands on y = 0."""
_VRM = {
    "Pelvis": "hips",
    "Spine1": "spine",
    "Spine2": "chest",
    "Spine3": "upperChest",
    "Neck": "neck",
    "Head": "head",
    "Collar": "Shoulder",
    "Shoulder": "UpperArm",
    "Elbow": "LowerArm",
    "Wrist": "Hand",
    "Hip": "UpperLeg",
    "Knee": "LowerLeg",
    "Ankle": "Foot",
    "Foot": "Toes",
}
"""SMPL's words for joints and VRM's, sides left out."""


@dataclass(frozen=True, eq=False)
class Gltf:
    """A GLB file taken apart."""

    document: dict[str, Any]
    data: bytes
    nodes: tuple[int, ...] = ()
    """The node of each bone of the character."""
    above: Array = field(default_factory=lambda: np.zeros((0, 4, 4)))  # (J, 4, 4)
    """World matrix, at rest, of what each bone hangs on."""


class BodyModel(Protocol):
    """A body whose surface a model computes, SMPL-H for one."""

    skeleton: Skeleton
    bones: dict[str, str]
    """Joint -> bone."""
    mesh: Mannequin
    """The skin at rest."""
    triangles: np.ndarray[Any, Any]

    def vertices(self, clip: Clip) -> Float:
        """The surface in the world, frame by frame."""
        ...


@dataclass(frozen=True, eq=False)
class Character:
    """A character to put motion on."""

    path: Path
    rig: Rig
    unmapped: tuple[str, ...]
    """Bones that keep their rest."""
    gltf: Gltf | None = None
    """The file itself, where motion can be put into it."""
    model: BodyModel | None = None
    """What computes the surface, where it is a body model."""


def read_character(
    path: Path, bone_map: Path | None = None, *, match_limbs: bool = True, scale_travel: bool = True
) -> Character:
    """Read a character and find its bones; raises what says which bone is missing."""
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise InvalidFile(f"expected a character in {', '.join(SUFFIXES)}, found {path}; convert it")
    given: dict[str, str] | None = None
    gltf = None
    if suffix == ".bvh":
        skeleton = _read_bvh(path)
    elif suffix == ".fbx":
        skeleton = read_fbx_skeleton(path)
    else:
        gltf, skeleton = _read_skin(path)
        given = _vrm_bones(gltf, skeleton)
    bones = read_bone_map(bone_map) if bone_map else given or map_bones(skeleton.names).bones
    target = Target(skeleton, bones, match_limbs=match_limbs, scale_travel=scale_travel)
    if violations := check(SMPL22, target):
        raise InvalidRequest.of([Violation(f"{path.name}: {v.field}", v.message) for v in violations])
    unmapped = tuple(name for name in skeleton.names if name not in bones.values())
    skeleton = _with_pelvis(skeleton, bones["Pelvis"])
    target = Target(skeleton, bones, match_limbs=match_limbs, scale_travel=scale_travel)
    return Character(path, Rig(path.name, target, f"the rest pose of {path.name}"), unmapped, gltf)


def body_character(path: Path, model: BodyModel, *, scale_travel: bool = True) -> Character:
    """A body model as a character. Its joints turn as the motion's do: its T-pose is theirs."""
    target = Target(model.skeleton, model.bones, match_limbs=False, scale_travel=scale_travel)
    note = f"the mean shape of {path.name}, hands flat"
    unmapped = tuple(name for name in model.skeleton.names if name not in model.bones.values())
    return Character(path, Rig(path.name, target, note, model.mesh), unmapped, model=model)


def read_bone_map(path: Path) -> dict[str, str]:
    """Joint -> bone, from a JSON object or from lines of `joint bone` (or `joint,bone`)."""
    try:
        text = path.read_text(encoding="utf-8")
        if text.lstrip().startswith("{"):
            found: Any = json.loads(text)
            return {str(joint): str(bone) for joint, bone in found.items()}
    except (OSError, ValueError) as error:
        raise InvalidFile(f"expected {path} to be a bone map, but: {error}") from error
    bones: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].replace(",", " ", 1).split(None, 1)
        if not words:
            continue
        if len(words) != 2 or words[0] not in SMPL22.names:
            joints = ", ".join(SMPL22.names)
            raise InvalidFile(f"{path}:{number}: expected a joint ({joints}) and a bone, found {line!r}")
        bones[words[0]] = words[1].strip()
    return bones


def _with_pelvis(skeleton: Skeleton, name: str) -> Skeleton:
    pelvis = skeleton.index(name)
    return Skeleton(
        skeleton.names, skeleton.parents, skeleton.positions, skeleton.rotations, pelvis, skeleton.sole
    )


def _read_bvh(path: Path) -> Skeleton:
    skeleton = bvh.read(path).skeleton
    if np.ptp(skeleton.positions, axis=0).max() > _TALLEST:
        skeleton = bvh.read(path, metres=0.01).skeleton
    return skeleton


# ------------------------------------------------------------------------------------------------ glTF


def read_glb(path: Path) -> Gltf:
    """The two chunks of a GLB file."""
    try:
        data = path.read_bytes()
        magic, version, _ = struct.unpack_from("<4sII", data)
        if magic != b"glTF" or version != 2:
            raise ValueError("it is not glTF 2 in binary form")
        chunks: dict[bytes, bytes] = {}
        at = 12
        while at + 8 <= len(data):
            length, kind = struct.unpack_from("<I4s", data, at)
            chunks.setdefault(kind, data[at + 8 : at + 8 + length])
            at += 8 + length
        document: dict[str, Any] = json.loads(chunks[b"JSON"])
    except (OSError, ValueError, KeyError, struct.error) as error:
        raise InvalidFile(f"expected {path} to be a GLB file, but: {error}") from error
    return Gltf(document, chunks.get(b"BIN\0", b""))


def _read_skin(path: Path) -> tuple[Gltf, Skeleton]:
    gltf = read_glb(path)
    nodes: list[dict[str, Any]] = gltf.document.get("nodes", [])
    skins: list[dict[str, Any]] = gltf.document.get("skins", [])
    if not skins:
        raise InvalidFile(
            f"expected a skinned character in {path}, found no skin; export it with its skeleton"
        )
    parents = {child: node for node, row in enumerate(nodes) for child in row.get("children", [])}
    joints = {joint for skin in skins for joint in skin["joints"]}
    bones = _in_order(_with_links(joints, parents), parents)
    world = _world_matrices(nodes, parents)
    matrices = world[bones]
    above = np.array([world[parents[bone]] if bone in parents else np.eye(4) for bone in bones])
    turned = quat.from_matrix(_turn(matrices))
    places = [bones.index(parents[bone]) if parents.get(bone) in bones else -1 for bone in bones]
    local = [
        quat.multiply(quat.conjugate(turned[parent]), turned[j]) if parent >= 0 else turned[j]
        for j, parent in enumerate(places)
    ]
    skeleton = Skeleton(
        names=_unique([str(nodes[bone].get("name") or f"bone_{bone}") for bone in bones]),
        parents=tuple(places),
        positions=matrices[:, :3, 3].astype(np.float32),
        rotations=np.array(local, np.float32),
        sole=_sole(gltf.document, matrices),
    )
    return Gltf(gltf.document, gltf.data, tuple(bones), above), skeleton


def _with_links(joints: set[int], parents: Mapping[int, int]) -> set[int]:
    """The joints, and the nodes between any two of them."""
    out = set(joints)
    for joint in joints:
        chain = [joint]
        while chain[-1] in parents:
            chain.append(parents[chain[-1]])
        last = max(i for i, node in enumerate(chain) if node in joints)
        out.update(chain[: last + 1])
    return out


def _in_order(nodes: set[int], parents: Mapping[int, int]) -> list[int]:
    """Parents before children, otherwise as the file has them."""

    def depth(node: int) -> int:
        return depth(parents[node]) + 1 if node in parents else 0

    return sorted(nodes, key=lambda node: (depth(node), node))


def _world_matrices(nodes: Sequence[Mapping[str, Any]], parents: Mapping[int, int]) -> Array:
    local = [_local_matrix(node) for node in nodes]
    out = np.zeros((len(nodes), 4, 4))
    for node in _in_order(set(range(len(nodes))), parents):
        out[node] = out[parents[node]] @ local[node] if node in parents else local[node]
    return out


def _local_matrix(node: Mapping[str, Any]) -> Array:
    if "matrix" in node:
        return np.array(node["matrix"], np.float64).reshape(4, 4).T
    out = np.eye(4)
    out[:3, :3] = quat.to_matrix(quat.normalise(np.array(node.get("rotation", (0, 0, 0, 1)), np.float64)))
    out[:3, :3] *= np.array(node.get("scale", (1, 1, 1)), np.float64)
    out[:3, 3] = node.get("translation", (0, 0, 0))
    return out


def _turn(matrices: Array) -> Array:
    """Matrices without their scales."""
    turn = matrices[..., :3, :3]
    return turn / np.linalg.norm(turn, axis=-2, keepdims=True)


def _sole(document: Mapping[str, Any], matrices: Array) -> float:
    """Where the soles are: at 0, where characters stand; else at the lowest point of the meshes or bones."""
    lowest = float(matrices[:, 1, 3].min())
    if _FLOOR[0] < lowest < _FLOOR[1]:
        return 0.0
    skinned = {node["mesh"] for node in document["nodes"] if "skin" in node and "mesh" in node}
    bounds = [
        document["accessors"][primitive["attributes"]["POSITION"]].get("min", [0, np.nan, 0])[1]
        for mesh in skinned
        for primitive in document["meshes"][mesh]["primitives"]
    ]
    bottom = min(bounds, default=np.nan)
    return float(bottom) if lowest - 0.3 < bottom < lowest + 0.05 else lowest


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    out: list[str] = []
    for name in names:
        out.append(name if name not in out else f"{name}_{len(out)}")
    return tuple(out)


def _vrm_bones(gltf: Gltf, skeleton: Skeleton) -> dict[str, str] | None:
    """The map that a VRM file brings along."""
    extensions = gltf.document.get("extensions", {})
    if "VRM" in extensions:
        message = "expected VRM 1.0, found VRM 0.x, whose models face backward; convert it to 1.0"
        raise InvalidFile(message)
    humanoid = extensions.get("VRMC_vrm", {}).get("humanoid", {}).get("humanBones")
    if humanoid is None:
        return None
    place = {node: skeleton.names[bone] for bone, node in enumerate(gltf.nodes)}
    found = {joint: humanoid.get(_vrm_name(joint), {}).get("node") for joint in SMPL22.names}
    return {joint: place[node] for joint, node in found.items() if node in place}


def _vrm_name(joint: str) -> str:
    side = {"L": "left", "R": "right"}.get(joint[0]) if joint[1:2] == "_" else None
    return f"{side}{_VRM[joint[2:]]}" if side else _VRM[joint]

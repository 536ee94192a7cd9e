"""Makes the mannequin of the Godot demo: the model's proportions and body on bones named and turned as Godot
likes its humanoids.

    scripts/godot --headless -s scripts/rest_poses/read_godot.gd -- rest.json
    .venv/bin/python scripts/godot_mannequin.py rest.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from posewire_runtime.figure.mannequin import mannequin
from posewire_runtime.formats.glb import encode_tracks
from posewire_runtime.formats.tracks import Tracks
from posewire_runtime.motion import quat
from posewire_runtime.motion.rigs import BONE_TABLES
from posewire_runtime.motion.skeleton import SMPL22, local_from_global, rest_globals
from posewire_runtime.types import Clip, Skeleton

TARGET = Path(__file__).parents[1] / "godot_client_stub/demo/mannequin.glb"
BONES = BONE_TABLES["godot"]


def read_turns(path: Path) -> dict[str, np.ndarray]:
    """Each bone's rotation in the profile's rest pose, in model space."""
    bones = json.loads(path.read_text())["bones"]
    profile = Skeleton(
        names=tuple(bone["name"] for bone in bones),
        parents=tuple(bone["parent"] for bone in bones),
        positions=np.array([bone["position"] for bone in bones], np.float32),
        rotations=np.array([bone["rotation"] for bone in bones], np.float32),
        pelvis=1,
    )
    return dict(zip(profile.names, quat.normalise(rest_globals(profile).astype(np.float64)), strict=True))


def make_skeleton(turns: dict[str, np.ndarray]) -> Skeleton:
    """`Root` on the floor, then the model's joints under the profile's names."""
    names = ("Root", *(BONES[joint] for joint in SMPL22.names))
    bare = Skeleton(
        names=names,
        parents=(-1, *(parent + 1 for parent in SMPL22.parents)),
        positions=np.concatenate([[[0, SMPL22.sole, 0]], SMPL22.positions]).astype(np.float32),
        pelvis=1,
        sole=SMPL22.sole,
    )
    rotations = local_from_global(bare, np.stack([turns[name] for name in names])).astype(np.float32)
    return Skeleton(names, bare.parents, bare.positions, rotations, pelvis=1, sole=SMPL22.sole)


def main() -> None:
    """Write the file."""
    skeleton = make_skeleton(read_turns(Path(sys.argv[1])))
    body = mannequin(SMPL22)
    joints = np.where(body.weights > 0, body.joints + 1, 0).astype(np.uint16)
    body = type(body)(body.vertices, body.normals, body.triangles, joints, body.weights)
    assert skeleton.rotations is not None
    rest = Clip(
        skeleton,
        30.0,
        skeleton.rotations[None],
        skeleton.positions[None, 1],
        np.zeros((1, 4), bool),
    )
    tracks = Tracks(rest, skeleton, rest.rotations.astype(np.float64), {}, body=body)
    TARGET.write_bytes(encode_tracks(tracks, {"title": "Posewire's mannequin for Godot"}))
    print(f"{TARGET.name}: {TARGET.stat().st_size} bytes")


main()

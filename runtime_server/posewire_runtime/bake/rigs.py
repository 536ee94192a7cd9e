"""The rigs that motion can be written for without a character: names and hierarchy, on which proportions.

Rigify's rest pose is Blender's own (`rest/rigify.json`), that of Godot's Humanoid profile is Godot's
(`rest/godot.json`). The others have the right names and hierarchy on the model's own proportions, in a T-pose
with identity rests: exact ones come with a character of the user's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files

import numpy as np

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.figure.mannequin import Mannequin, mannequin
from posewire_runtime.motion.coords import FRAMES, skeleton_from
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.motion.rigs import BONE_TABLES
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Clip, Skeleton, Target


@dataclass(frozen=True, eq=False)
class Rig:
    """Bones that clips can be put on."""

    name: str
    target: Target | None
    """None: the model's own skeleton."""
    note: str
    """What users must know about its proportions."""
    body: Mannequin | None = None
    """What is skinned to it; None: the mannequin of its skeleton."""

    def put(self, clip: Clip) -> Clip:
        """The clip on this rig."""
        return retarget(clip, self.target) if self.target else clip


_OURS = "names and hierarchy of {name}, on the model's proportions in a T-pose; --target makes it exact"

_BETWEEN = {"spine_02": ("Spine1", "Spine2"), "spine_04": ("Spine2", "Spine3"), "neck_02": ("Neck", "Head")}
"""Bones of UE5's mannequin that no joint drives, halfway between two that are driven."""


def _table(rig: str, ground: str = "", prefix: str = "") -> Callable[[], Rig]:
    """A rig of a bone table; `ground` is its bone on the floor."""

    def build() -> Rig:
        table = {joint: prefix + bone for joint, bone in BONE_TABLES[rig].items()}
        bones: dict[str, tuple[str, Array]] = {}  # bone -> parent and place
        if ground:
            bones[ground] = "", np.array([0, SMPL22.sole, 0])
        between = {pair: bone for bone, pair in _BETWEEN.items()} if rig == "ue5" else {}
        for joint, (name, parent) in enumerate(zip(SMPL22.names, SMPL22.parents, strict=True)):
            place = SMPL22.positions[joint]
            above = table[SMPL22.names[parent]] if parent >= 0 else ground
            if parent >= 0 and (extra := between.get((SMPL22.names[parent], name))):
                bones[extra] = above, (place + SMPL22.positions[parent]) / 2
                above = extra
            bones[table[name]] = above, place
        skeleton = _skeleton(bones, table["Pelvis"])
        return Rig(rig, Target(skeleton, table), _OURS.format(name=rig), _body(skeleton, table))

    return build


def _skeleton(bones: Mapping[str, tuple[str, Array]], pelvis: str) -> Skeleton:
    names = list(bones)
    return Skeleton(
        names=tuple(names),
        parents=tuple(names.index(parent) if parent else -1 for parent, _ in bones.values()),
        positions=np.array([place for _, place in bones.values()], np.float32),
        pelvis=names.index(pelvis),
        sole=SMPL22.sole,
    )


def _body(skeleton: Skeleton, table: Mapping[str, str]) -> Mannequin:
    """The model's own mannequin, skinned to the bones that play its joints."""
    body = mannequin(SMPL22)
    places = np.array([skeleton.index(table[joint]) for joint in SMPL22.names])
    joints = np.where(body.weights > 0, places[body.joints], 0).astype(np.uint16)
    return replace(body, joints=joints)


def _read(rig: str) -> Callable[[], Rig]:
    """A rig whose rest pose a program gave away."""

    def build() -> Rig:
        stored = json.loads(
            files("posewire_runtime.bake").joinpath("rest", f"{rig}.json").read_text(encoding="utf-8")
        )
        bones = stored["bones"]
        names = tuple(bone["name"] for bone in bones)
        theirs = Skeleton(
            names=names,
            parents=tuple(bone["parent"] for bone in bones),
            positions=np.array([bone["position"] for bone in bones], np.float32),
            rotations=np.array([bone["rotation"] for bone in bones], np.float32),
            pelvis=names.index(BONE_TABLES[rig]["Pelvis"]),
            sole=stored["sole"],
        )
        skeleton = skeleton_from(FRAMES[stored["frame"]], theirs)
        return Rig(rig, Target(skeleton, BONE_TABLES[rig]), f"rest pose of {stored['source']}")

    return build


_RIGS: Mapping[str, Callable[[], Rig]] = {
    "smpl22": lambda: Rig("smpl22", None, "the model's own skeleton"),
    "ue5-manny": _table("ue5", "root"),
    "ue4": _table("ue4", "root"),
    "unity": _table("unity"),
    "mixamo": _table("mixamo", prefix="mixamorig:"),
    "vrm": _table("vrm"),
    "godot": _read("godot"),
    "rigify": _read("rigify"),
}

RIGS = tuple(_RIGS)
"""Names of the rigs."""


@lru_cache(maxsize=len(_RIGS))
def rig(name: str) -> Rig:
    """A rig by name."""
    if name not in _RIGS:
        raise InvalidRequest.of([Violation("rig", f"expected one of {', '.join(_RIGS)}, found {name!r}")])
    return replace(_RIGS[name](), name=name)

"""Names that well-known rigs give to the joints of SMPL-22, and finding out which rig one is.

Knows names only; `retarget` knows what to do with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from posewire_runtime.errors import InvalidRequest, Violation

_RIGS = ("ue5", "ue4", "unity", "vrm", "mixamo", "godot", "rigify")
_ROWS = """
Pelvis      pelvis      pelvis      Hips           hips           Hips          Hips           spine
Spine1      spine_01    spine_01    Spine          spine          Spine         Spine          spine.001
Spine2      spine_03    spine_02    Chest          chest          Spine1        Chest          spine.002
Spine3      spine_05    spine_03    UpperChest     upperChest     Spine2        UpperChest     spine.003
Neck        neck_01     neck_01     Neck           neck           Neck          Neck           spine.004
Head        head        head        Head           head           Head          Head           spine.006
L_Collar    clavicle_l  clavicle_l  LeftShoulder   leftShoulder   LeftShoulder  LeftShoulder   shoulder.L
R_Collar    clavicle_r  clavicle_r  RightShoulder  rightShoulder  RightShoulder RightShoulder  shoulder.R
L_Shoulder  upperarm_l  upperarm_l  LeftUpperArm   leftUpperArm   LeftArm       LeftUpperArm   upper_arm.L
R_Shoulder  upperarm_r  upperarm_r  RightUpperArm  rightUpperArm  RightArm      RightUpperArm  upper_arm.R
L_Elbow     lowerarm_l  lowerarm_l  LeftLowerArm   leftLowerArm   LeftForeArm   LeftLowerArm   forearm.L
R_Elbow     lowerarm_r  lowerarm_r  RightLowerArm  rightLowerArm  RightForeArm  RightLowerArm  forearm.R
L_Wrist     hand_l      hand_l      LeftHand       leftHand       LeftHand      LeftHand       hand.L
R_Wrist     hand_r      hand_r      RightHand      rightHand      RightHand     RightHand      hand.R
L_Hip       thigh_l     thigh_l     LeftUpperLeg   leftUpperLeg   LeftUpLeg     LeftUpperLeg   thigh.L
R_Hip       thigh_r     thigh_r     RightUpperLeg  rightUpperLeg  RightUpLeg    RightUpperLeg  thigh.R
L_Knee      calf_l      calf_l      LeftLowerLeg   leftLowerLeg   LeftLeg       LeftLowerLeg   shin.L
R_Knee      calf_r      calf_r      RightLowerLeg  rightLowerLeg  RightLeg      RightLowerLeg  shin.R
L_Ankle     foot_l      foot_l      LeftFoot       leftFoot       LeftFoot      LeftFoot       foot.L
R_Ankle     foot_r      foot_r      RightFoot      rightFoot      RightFoot     RightFoot      foot.R
L_Foot      ball_l      ball_l      LeftToes       leftToes       LeftToeBase   LeftToes       toe.L
R_Foot      ball_r      ball_r      RightToes      rightToes      RightToeBase  RightToes      toe.R
"""


def _tables() -> dict[str, dict[str, str]]:
    rows = [line.split() for line in _ROWS.strip().splitlines()]
    return {rig: {row[0]: row[column] for row in rows} for column, rig in enumerate(_RIGS, start=1)}


BONE_TABLES: Mapping[str, Mapping[str, str]] = _tables()
"""Rig -> SMPL-22 joint -> the rig's bone."""

_GROUND_ROOT = {"ue5": "root", "ue4": "root", "godot": "Root"}
"""The bone on the floor, where a rig has one: tells apart rigs that share all other names."""

_OPTIONAL = frozenset(
    ("Spine2", "Spine3", "Neck", "L_Collar", "R_Collar", "L_Foot", "R_Foot"),
)
"""Joints that a character may lack. One that lacks any other is not the rig whose names it borrows."""

_PREFIX = re.compile(r"^(.*[:|]|mixamorig\d*[_ ]?|bip\d*[_ ])", re.IGNORECASE)
_SIDE_AT_END = re.compile(r"^(.*)[._ -]([lr]|left|right)$")
_SIDE_AT_START = re.compile(r"^(left|right|[lr][._ -])(.*)$")


class BoneMap(NamedTuple):
    """Which bone of a character plays which joint."""

    bones: dict[str, str]
    """Joint -> the character's bone, as `types.Target.bones` wants it."""
    rig: str
    """The rig whose names were recognised."""
    unmapped: tuple[str, ...]
    """The character's bones that no joint drives."""


def normalise_name(name: str) -> str:
    """A bone's name without namespace, case and separators, its side in front: "l upperarm"."""
    name = _PREFIX.sub("", name).lower()
    side = ""
    if found := _SIDE_AT_END.match(name):
        name, side = found.groups()
    elif found := _SIDE_AT_START.match(name):
        side, name = found.groups()
    return f"{side[:1]} {re.sub(r'[^a-z0-9]', '', name)}".strip()


def map_bones(names: Sequence[str]) -> BoneMap:
    """Recognise a character's rig from all its names at once: the rig that explains most of them."""
    found = {rig: _matches(rig, names) for rig in _RIGS}
    rig = max(_RIGS, key=lambda rig: _score(rig, found[rig], names))
    bones = found[rig]
    if missing := [joint for joint in BONE_TABLES[rig] if joint not in bones and joint not in _OPTIONAL]:
        lacking = ", ".join(f"{BONE_TABLES[rig][joint]} ({joint})" for joint in missing)
        message = (
            f"expected the bone names of a known rig ({', '.join(_RIGS)}); nearest is {rig}, but there is no "
            f"{lacking}. Give the map from joints to bones"
        )
        raise InvalidRequest.of([Violation("target.bones", message)])
    driven = set(bones.values())
    return BoneMap(bones, rig, tuple(name for name in names if name not in driven))


def _matches(rig: str, names: Sequence[str]) -> dict[str, str]:
    """The rig's joints that are found among the names; the first of equal names counts."""
    by_name: dict[str, str] = {}
    for name in names:
        by_name.setdefault(normalise_name(name), name)
    wanted = {joint: normalise_name(bone) for joint, bone in BONE_TABLES[rig].items()}
    return {joint: by_name[name] for joint, name in wanted.items() if name in by_name}


def _score(rig: str, bones: Mapping[str, str], names: Sequence[str]) -> tuple[int, int]:
    """How well a rig explains a character: joints found, then names that are right to the letter."""
    letters = sum(bone == bones.get(joint) for joint, bone in BONE_TABLES[rig].items())
    return len(bones), letters + (_GROUND_ROOT.get(rig) in names)

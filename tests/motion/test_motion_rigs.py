"""Recognising rigs by their bones' names."""

import pytest

from posewire_runtime.errors import InvalidRequest
from posewire_runtime.motion.rigs import BONE_TABLES, map_bones, normalise_name
from posewire_runtime.motion.skeleton import SMPL22

GROUND = {"ue5": ["root"], "ue4": ["root"], "godot": ["Root"]}


@pytest.mark.parametrize("rig", BONE_TABLES)
def test_each_rig_is_recognised(rig):
    bones = [*GROUND.get(rig, []), *BONE_TABLES[rig].values()]
    found = map_bones(bones)
    assert found.rig == rig
    assert found.bones == BONE_TABLES[rig]
    assert found.unmapped == tuple(GROUND.get(rig, ()))


def test_tables_are_complete_and_their_names_unique():
    for table in BONE_TABLES.values():
        assert tuple(sorted(table)) == tuple(sorted(SMPL22.names))
        assert len({normalise_name(bone) for bone in table.values()}) == 22


@pytest.mark.parametrize(
    "rename",
    [
        lambda bone: f"mixamorig:{bone}",
        lambda bone: f"mixamorig1:{bone}",
        lambda bone: f"mixamorig{bone}",
        lambda bone: f"Armature|mixamorig:{bone}",
        str.upper,
    ],
)
def test_prefixes_and_case_do_not_matter(rename):
    bones = [rename(bone) for bone in BONE_TABLES["mixamo"].values()]
    found = map_bones(bones)
    assert found.rig == "mixamo"
    assert sorted(found.bones.values()) == sorted(bones)
    assert found.bones["L_Knee"] == rename("LeftLeg")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("upperarm_l", "l upperarm"),
        ("LeftUpperArm", "l upperarm"),
        ("upper_arm.L", "l upperarm"),
        ("Bip001 R Thigh", "r thigh"),
        ("hand_right", "r hand"),
        ("pelvis", "pelvis"),
        ("root", "root"),
        ("spine.001", "spine001"),
    ],
)
def test_normalised_names(name, expected):
    assert normalise_name(name) == expected


def test_unreal_5_with_everything_it_has():
    extra = ["spine_02", "spine_04", "neck_02", "upperarm_twist_01_l", "ik_foot_l", "thumb_01_r"]
    found = map_bones(["root", *BONE_TABLES["ue5"].values(), *extra])
    assert found.rig == "ue5"
    assert found.bones["Spine2"] == "spine_03"
    assert found.unmapped == ("root", *extra)


def test_optional_joints_may_lack():
    bones = [
        bone
        for joint, bone in BONE_TABLES["vrm"].items()
        if joint not in ("Spine2", "Spine3", "Neck", "L_Collar", "R_Collar", "L_Foot", "R_Foot")
    ]
    found = map_bones(bones)
    assert found.rig == "vrm"
    assert sorted(found.bones.values()) == sorted(bones)


def test_a_rig_is_not_guessed_from_a_few_names():
    """LeftLeg is a shin in Mixamo and a thigh elsewhere; here it comes with a LeftShin."""
    thigh_is_leg = ["Hips", "Spine1", "Spine2", "Chest", "Neck1", "Head", "LeftLeg", "LeftShin", "LeftFoot"]
    with pytest.raises(InvalidRequest, match="known rig") as caught:
        map_bones(thigh_is_leg)
    assert caught.value.violations[0].field == "target.bones"
    with pytest.raises(InvalidRequest):
        map_bones([])

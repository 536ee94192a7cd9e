"""Reads the rest pose of Rigify's human metarig from Blender and writes it as bake/rest/rigify.json.

    .venv-bpy/bin/python scripts/rest_poses/read_rigify.py        # where bpy 5.0.1 is installed

In Blender's frame: right-handed, Z up, facing -Y, metres, quaternions xyzw relative to the parent. The bones
of the face, which all hang on the head, are left out: a body's motion doesn't move them.
"""

import json
from pathlib import Path

import bpy

TARGET = Path(__file__).parents[2] / "runtime_server/posewire_runtime/bake/rest/rigify.json"
HEAD = "spine.006"


def on_the_head(bone: bpy.types.Bone) -> bool:
    """Whether a bone hangs on the head."""
    return any(above.name == HEAD for above in bone.parent_recursive)


def main() -> None:
    """Write the file."""
    import addon_utils  # it exists once bpy has been imported

    bpy.ops.wm.read_factory_settings(use_empty=True)
    addon_utils.enable("rigify", default_set=True)
    bpy.ops.object.armature_human_metarig_add()
    bones = [bone for bone in bpy.context.object.data.bones if not on_the_head(bone)]
    bones.sort(key=lambda bone: len(bone.parent_recursive))
    names = [bone.name for bone in bones]
    rows = []
    for bone in bones:
        local = bone.parent.matrix_local.inverted() @ bone.matrix_local if bone.parent else bone.matrix_local
        turn = local.to_quaternion()
        rows.append(
            {
                "name": bone.name,
                "parent": names.index(bone.parent.name) if bone.parent else -1,
                "position": [round(value, 6) for value in bone.head_local],
                "rotation": [round(value, 7) for value in (turn.x, turn.y, turn.z, turn.w)],
            }
        )
    source = f"Rigify's human metarig in Blender {bpy.app.version_string}"
    lines = ",\n".join(json.dumps(row) for row in rows)
    TARGET.write_text(f'{{"source": "{source}", "frame": "blender", "sole": 0.0, "bones": [\n{lines}\n]}}\n')


main()

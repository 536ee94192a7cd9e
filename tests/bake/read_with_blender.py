"""Run by Blender's Python (bpy), not by pytest: where Blender shows the bones of files.

    python read_with_blender.py OUT.npz FPS FILE…

Writes for each file, under its name, the world positions (frames, bones, 3) of the bones' heads in Blender's
frame, and their names. Frames are Blender's whole frames from the action's first to its last.
"""

import sys
from pathlib import Path

import bpy  # pyright: ignore[reportMissingImports]
import numpy as np


def load(path: Path, fps: float) -> None:
    """Import one file into an empty scene."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.fps = round(fps)
    match path.suffix:
        case ".glb":
            bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
        case ".fbx":
            bpy.ops.import_scene.fbx(filepath=str(path))
        case ".bvh":
            bpy.ops.import_anim.bvh(filepath=str(path), update_scene_fps=False, use_fps_scale=False)
        case ".usda":
            bpy.ops.wm.usd_import(filepath=str(path), set_frame_range=True)


def positions() -> tuple[list[str], np.ndarray]:
    """Names and places of all bones, frame by frame."""
    rig = next(thing for thing in bpy.data.objects if thing.type == "ARMATURE")
    first, last = (round(f) for f in span(rig))
    names = [bone.name for bone in rig.pose.bones]
    rows = []
    for frame in range(first, last + 1):
        bpy.context.scene.frame_set(frame)
        rows.append([tuple(rig.matrix_world @ bone.head) for bone in rig.pose.bones])
    return names, np.array(rows)


def span(rig: bpy.types.Object) -> tuple[float, float]:
    """First and last frame: of the action, or of the scene where the file itself is read frame by frame."""
    action = rig.animation_data.action if rig.animation_data else None
    if action is not None:
        return tuple(action.frame_range)
    return bpy.context.scene.frame_start, bpy.context.scene.frame_end


def main() -> None:
    """Read all files."""
    out, fps, *files = sys.argv[1:]
    found = {}
    for file in map(Path, files):
        load(file, float(fps))
        names, places = positions()
        found[f"{file.name}/names"] = np.array(names)
        found[f"{file.name}/positions"] = places
    np.savez(out, **found)


main()

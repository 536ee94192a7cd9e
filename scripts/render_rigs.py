"""Renders baked files beside one another with Blender (bpy): docs/pictures/bake/rigs.png is made by it.

for rig in smpl22 ue5-manny mixamo rigify godot; do
  posewire bake one.csv --out $rig --format glb,fbx --rig $rig
done
.venv-bpy/bin/python scripts/render_rigs.py OUT.png FRAME \\
    smpl22/m.glb ue5-manny/m.fbx mixamo/m.fbx rigify/m.fbx godot/m.glb
"""

import sys
from pathlib import Path

import bpy
from mathutils import Vector

COLOURS = ((0.16, 0.22, 0.42), (0.62, 0.16, 0.05), (0.1, 0.34, 0.18), (0.5, 0.36, 0.06), (0.3, 0.12, 0.4))
APART = 0.98


def material(name: str, colour: tuple[float, float, float]) -> bpy.types.Material:
    """A plain surface."""
    made = bpy.data.materials.new(name)
    made.use_nodes = True
    surface = made.node_tree.nodes["Principled BSDF"]
    surface.inputs["Base Color"].default_value = (*colour, 1)
    surface.inputs["Roughness"].default_value = 0.55
    return made


def bring(path: Path, x: float, colour: tuple[float, float, float]) -> bpy.types.Object:
    """Import a file, so far to the side; gives its bones."""
    before = set(bpy.data.objects)
    if path.suffix == ".glb":
        bpy.ops.import_scene.gltf(filepath=str(path), disable_bone_shape=True)
    else:
        bpy.ops.import_scene.fbx(filepath=str(path), anim_offset=0.0)
    new = [thing for thing in bpy.data.objects if thing not in before]
    beside = bpy.data.objects.new("Beside", None)
    bpy.context.scene.collection.objects.link(beside)
    beside.location.x = x
    for thing in new:
        if thing.type == "MESH":
            thing.data.materials.clear()
            thing.data.materials.append(material(path.stem, colour))
        if thing.parent is None:
            thing.parent = beside
    return next(thing for thing in new if thing.type == "ARMATURE")


def stage(y: float) -> None:
    """Floor, light, and a camera without perspective, so that all are seen from the same side."""
    scene = bpy.context.scene
    bpy.ops.mesh.primitive_plane_add(size=60)
    bpy.context.object.data.materials.append(material("Floor", (0.8, 0.78, 0.74)))
    scene.world = bpy.data.worlds.new("World")
    scene.world.use_nodes = True
    scene.world.node_tree.nodes["Background"].inputs[0].default_value = (1, 1, 1, 1)
    scene.world.node_tree.nodes["Background"].inputs[1].default_value = 0.45
    sun = bpy.data.objects.new("Sun", bpy.data.lights.new("Sun", "SUN"))
    sun.data.energy, sun.data.angle, sun.rotation_euler = 3.0, 0.1, (0.7, 0.2, 0.5)
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    camera.data.type, camera.data.ortho_scale = "ORTHO", 5.2
    camera.location = (3.4, y - 8, 2.9)
    aim = Vector((0.1, y, 0.98)) - camera.location
    camera.rotation_euler = aim.to_track_quat("-Z", "Y").to_euler()
    for thing in (sun, camera):
        scene.collection.objects.link(thing)
    scene.camera = camera


def main() -> None:
    """Render one frame."""
    out, frame, *files = sys.argv[1:]
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.fps = 30
    middle = (len(files) - 1) / 2
    rigs = [
        bring(Path(file), (k - middle) * APART, COLOURS[k % len(COLOURS)]) for k, file in enumerate(files)
    ]
    scene.frame_set(int(frame))
    stage((rigs[0].matrix_world @ rigs[0].pose.bones[0].head).y)
    scene.render.engine, scene.cycles.device, scene.cycles.samples = "CYCLES", "CPU", 32
    scene.cycles.use_denoising = False
    scene.render.resolution_x, scene.render.resolution_y = 900, 440
    scene.render.filepath = str(Path(out).resolve())
    scene.view_settings.view_transform = "Standard"
    bpy.ops.render.render(write_still=True)


main()

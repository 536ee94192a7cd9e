# Reads the rest pose of Godot's humanoid profile from Godot and writes it as JSON, as bake/rest/rigify.json is.
#
#     scripts/godot --headless -s scripts/rest_poses/read_godot.gd -- godot.json
#
# In Godot's frame, which is the canonical one: positions in model space, metres; quaternions xyzw, relative to the
# parent. The profile's ankles stand on the floor, so its sole is at 0. Bones come in the profile's order with
# parents first, fingers, eyes and jaw among them.
extends SceneTree


func _init() -> void:
	var file := FileAccess.open(OS.get_cmdline_user_args()[0], FileAccess.WRITE)
	var rows := PackedStringArray()
	for row in _rows(SkeletonProfileHumanoid.new()):
		rows.append(JSON.stringify(row, "", false))
	var source := "SkeletonProfileHumanoid of Godot %s" % Engine.get_version_info().string.get_slice("-", 0)
	file.store_string('{"source": "%s", "frame": "godot", "sole": 0.0, "bones": [\n%s\n]}\n' % [source, ",\n".join(rows)])
	file.close()
	quit()


func _rows(profile: SkeletonProfile) -> Array[Dictionary]:
	var rows: Array[Dictionary] = []
	var places: Array[Transform3D] = []
	for bone in profile.bone_size:
		var local := profile.get_reference_pose(bone)
		var parent := profile.find_bone(profile.get_bone_parent(bone))
		assert(parent < bone, "expected parents first")
		places.append(places[parent] * local if parent >= 0 else local)
		var turn := local.basis.get_rotation_quaternion()
		rows.append(
			{
				"name": String(profile.get_bone_name(bone)),
				"parent": parent,
				"position": _rounded([places[bone].origin.x, places[bone].origin.y, places[bone].origin.z], 1e-6),
				"rotation": _rounded([turn.x, turn.y, turn.z, turn.w], 1e-7),
			}
		)
	return rows


func _rounded(values: Array, step: float) -> Array:
	return values.map(func(value: float) -> float: return snappedf(value, step) + 0.0)

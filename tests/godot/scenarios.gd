## What tests/godot/run_godot.py runs inside Godot: scenarios.gd -- SCENARIO key=value …
##
## Each scenario writes what it saw as JSON and ends with 0, or says what was wrong and ends with 1. World positions of
## joints are read where they can be read: while the skeleton's `skeleton_updated` fires.
extends SceneTree

const DEMO := "res://demo/demo.tscn"

var wanted := {}
var began := Time.get_ticks_msec()


func _initialize() -> void:
	var arguments := OS.get_cmdline_user_args()
	for argument in arguments.slice(1):
		wanted[argument.get_slice("=", 0)] = argument.substr(argument.find("=") + 1)
	await process_frame
	call(arguments[0])


func fail(message: String) -> void:
	printerr("expected otherwise: " + message)
	quit(1)


func expect(fine: bool, message: String) -> void:
	if not fine:
		fail(message)


## Tells the program outside that it shall do something now.
func say(line: String) -> void:
	print("say ", line)


func seconds_since_start() -> float:
	return (Time.get_ticks_msec() - began) / 1000.0


func write(name: String, value: Variant) -> void:
	var file := FileAccess.open(wanted.out + "/" + name + ".json", FileAccess.WRITE)
	file.store_string(JSON.stringify(value))
	file.close()


# ---------------------------------------------------------------------------------------------- characters


func described(skeleton: Skeleton3D) -> Array:
	var bones := []
	for bone in skeleton.get_bone_count():
		var rest := skeleton.get_bone_rest(bone)
		var turn := rest.basis.get_rotation_quaternion()
		bones.append({
			"name": skeleton.get_bone_name(bone),
			"parent": skeleton.get_bone_parent(bone),
			"place": numbers(skeleton.get_bone_global_rest(bone).origin),
			"rotation": [turn.x, turn.y, turn.z, turn.w],
		})
	return bones


func numbers(v: Vector3) -> Array:
	return [v.x, v.y, v.z]


func read_glb(path: String) -> Node3D:
	var document := GLTFDocument.new()
	var state := GLTFState.new()
	expect(document.append_from_file(path, state) == OK, path + " can be read")
	return document.generate_scene(state)


## Godot's own humanoid in its rest pose: 56 bones, fingers among them.
func profile_skeleton() -> Node3D:
	var skeleton := Skeleton3D.new()
	var profile := SkeletonProfileHumanoid.new()
	for bone in profile.bone_size:
		skeleton.add_bone(profile.get_bone_name(bone))
	for bone in profile.bone_size:
		skeleton.set_bone_parent(bone, skeleton.find_bone(profile.get_bone_parent(bone)))
		skeleton.set_bone_rest(bone, profile.get_reference_pose(bone))
	skeleton.reset_bone_poses()
	var out := Node3D.new()
	out.add_child(skeleton)
	return out


func skeleton_in(node: Node) -> Skeleton3D:
	return node.find_children("*", "Skeleton3D", true, false)[0]


func add_character(to: Skeleton3D) -> PosewireCharacter:
	var character := PosewireCharacter.new()
	character.server = wanted.server
	character.token = wanted.get("token", "")
	character.autoplay = false
	character.motion_seed = int(wanted.get("seed", "7"))
	character.seconds = float(wanted.get("seconds", "4"))
	to.add_child(character)
	return character


## World positions of all bones at each moment that is seen.
class Recorder:
	var rows := []
	var character: PosewireCharacter
	var skeleton: Skeleton3D

	func _init(whose: PosewireCharacter) -> void:
		character = whose
		skeleton = whose.get_skeleton()
		skeleton.skeleton_updated.connect(_record)

	func _record() -> void:
		if character.motion < PosewireCharacter.Motion.PLAYING:
			return
		var places := []
		for bone in skeleton.get_bone_count():
			var place := skeleton.global_transform * skeleton.get_bone_global_pose(bone).origin
			places.append_array([place.x, place.y, place.z])
		rows.append({
			"time": character.times().time,
			"delta": character.get_process_delta_time(),
			"motion": character.motion,
			"places": places,
		})


func ended(character: PosewireCharacter) -> void:
	while character.motion != PosewireCharacter.Motion.ENDED:
		if character.last_error or seconds_since_start() > 60:
			fail("a motion that ends; found %s, %s" % [character.motion, character.last_error])
			return
		await process_frame
	await process_frame


# ----------------------------------------------------------------------------------------------- scenarios


## The demo project itself, as it is.
func demo() -> void:
	var scene: Node = load(DEMO).instantiate()
	var character: PosewireCharacter = scene.get_node("%PosewireCharacter")
	character.server = wanted.server
	character.motion_seed = int(wanted.seed)
	var told := []
	character.header_received.connect(func(header: Dictionary) -> void: told.append(header))
	character.foot_contact.connect(func(foot: String, down: bool) -> void: told.append([foot, down]))
	root.add_child(scene)
	var recorder := Recorder.new(character)
	await ended(character)
	expect(character.model_name != "", "the model's name")
	expect(told.size() > 4, "a header and steps of the feet, found " + str(told.size()))
	write("demo", {"bones": described(recorder.skeleton), "rows": recorder.rows, "prompt": character.prompt})
	quit()


## One character file, placed and turned somewhere; optionally moved by root motion instead of in its pose.
func character() -> void:
	var node := profile_skeleton() if wanted.file == "profile" else read_glb(wanted.file)
	root.add_child(node)
	node.rotation.y = 0.5
	node.position = Vector3(2, 0.25, -1)
	var skeleton := skeleton_in(node)
	var start := skeleton.global_transform
	var made := add_character(skeleton)
	made.root = PosewireCharacter.Root[wanted.root.to_upper()]
	if made.root == PosewireCharacter.Root.IN_PLACE:
		made.root_motion_target = node
	if wanted.file == "profile":
		skeleton.set_bone_pose_rotation(skeleton.find_bone("LeftIndexProximal"), Quaternion(Vector3.RIGHT, 0.4))
	var recorder := Recorder.new(made)
	var fingers := []
	skeleton.skeleton_updated.connect(func() -> void: fingers.append(_finger(skeleton)))
	expect(made.generate(wanted.prompt), made.last_error)
	await ended(made)
	if wanted.file == "profile":
		expect(fingers.all(func(angle: float) -> bool: return absf(angle - 0.4) < 1e-4), "a finger that stays bent")
	write("character", {
		"bones": described(skeleton),
		"rows": recorder.rows,
		"start": [numbers(start.basis.x), numbers(start.basis.y), numbers(start.basis.z), numbers(start.origin)],
	})
	quit()


func _finger(skeleton: Skeleton3D) -> float:
	var bone := skeleton.find_bone("LeftIndexProximal")
	return skeleton.get_bone_pose_rotation(bone).get_angle() if bone >= 0 else 0.4


## A stream at the pace of playing; outside the server is killed on the way and started again.
func restart() -> void:
	var made := add_character(skeleton_in(_added(profile_skeleton())))
	var recorder := Recorder.new(made)
	var errors := []
	made.failed.connect(func(code: int, message: String) -> void: errors.append([code, message]))
	made.generate(wanted.prompt, {"rate": 1.0, "ahead_seconds": 0.2})
	while made.times().time < 1:
		await process_frame
	say("kill")
	while made.motion != PosewireCharacter.Motion.STARVED:
		await process_frame
	say("start")
	await ended(made)
	expect(errors.is_empty(), "no error, found " + str(errors))
	write("restart", {"bones": described(made.get_skeleton()), "rows": recorder.rows})
	quit()


func _added(node: Node3D) -> Node3D:
	root.add_child(node)
	return node


## What goes wrong is said at once and clearly, and nothing hangs.
func refused() -> void:
	var made := add_character(skeleton_in(_added(profile_skeleton())))
	var errors := []
	made.failed.connect(func(code: int, message: String) -> void: errors.append({"code": code, "message": message}))
	made.generate("a person waves")
	while errors.is_empty() and seconds_since_start() < 30:
		await process_frame
	made.generate("a person waves", {"no_such_option": 1})
	made.generate("a person waves", {"steps": "many"})
	write("refused", {"errors": errors, "seconds": seconds_since_start()})
	quit()


## Cancelling, asking again while one plays, stopping; then leaving in the middle of a stream.
func cancel() -> void:
	var made := add_character(skeleton_in(_added(profile_skeleton())))
	var statuses := []
	made.finished.connect(func() -> void: statuses.append("finished"))
	made.failed.connect(func(_code: int, message: String) -> void: statuses.append(message))
	made.generate("a person walks in a circle", {"rate": 1.0, "seconds": 8.0})
	while made.motion != PosewireCharacter.Motion.PLAYING:
		await process_frame
	made.cancel()
	for frame in 30:
		await process_frame
	expect(statuses.is_empty(), "no signal after cancelling, found " + str(statuses))
	made.generate("a person waves")
	while statuses.is_empty():
		await process_frame
	expect(statuses == ["finished"], "a motion after a cancelled one, found " + str(statuses))
	made.stop()
	await process_frame
	await process_frame
	expect(made.motion == PosewireCharacter.Motion.IDLE, "nothing after stop()")
	made.generate("a person walks in a circle", {"rate": 1.0, "seconds": 8.0})
	while made.motion != PosewireCharacter.Motion.PLAYING:
		await process_frame
	say("leaving")
	quit()


## A session: another prompt, a place to go to, a refused command, a server that is gone and comes back.
func live() -> void:
	var made := add_character(skeleton_in(_added(profile_skeleton())))
	var told := {"segments": [], "refused": [], "lost": 0, "errors": []}
	made.segment_began.connect(func(wish: String, _frame: int) -> void: told.segments.append(wish))
	made.command_refused.connect(func(message: String) -> void: told.refused.append(message))
	made.failed.connect(func(_code: int, message: String) -> void: told.errors.append(message))
	made.noticed.connect(func(what: String, _message: String) -> void: told.lost += int(what == "session_lost"))
	var recorder := Recorder.new(made)
	expect(made.begin_live("a person walks forward"), made.last_error)
	await _until(func() -> bool: return made.path().origin.length() > 1)
	expect(made.say("a person waves"), made.last_error)
	await _until(func() -> bool: return "a person waves" in told.segments)
	expect(made.say("a person walks forward"), made.last_error)
	expect(made.walk_to(Vector3(-3, 0, 2)), made.last_error)
	made.say("x".repeat(5000), true)
	await _until(func() -> bool: return made.path().origin.x < -0.5 and told.refused.size() > 0)
	say("kill")
	await _until(func() -> bool: return told.lost > 0)
	say("start")
	told.segments.clear()
	await _until(func() -> bool: return told.segments.size() > 0 and made.motion == PosewireCharacter.Motion.PLAYING)
	var here := made.path().origin
	await _until(func() -> bool: return made.path().origin.distance_to(here) > 0.5)
	made.end_live()
	await _until(func() -> bool: return made.motion == PosewireCharacter.Motion.ENDED)
	write("live", {"rows": recorder.rows, "told": told, "end": numbers(made.path().origin)})
	quit()


func _until(done: Callable) -> void:
	while not done.call():
		if seconds_since_start() > 60:
			fail("something within a minute")
			return
		await process_frame


## The native classes as typed code calls them, and numbers that GDScript repeats.
func native() -> void:
	expect(PosewireClient.version() != "", "a version")
	expect(PosewireCharacter.Motion.STARVED == PosewirePlayer.STARVED, "the same states")
	expect(PosewireCharacter.Motion.FAILED == PosewirePlayer.FAILED, "the same states")
	expect(PosewireCharacter.Connection.WAITING == PosewireClient.WAITING, "the same connection states")
	expect(PosewireCharacter.Root.IN_PLACE == PosewirePlayer.ROOT_IN_PLACE, "the same roots")
	expect(PosewireCharacter._EVENT_STATUS == PosewireStream.STATUS, "the same events")
	var client := PosewireClient.new()
	expect(client.generate("x") == null, "no stream without open()")
	expect("open" in PosewireClient.last_error(), PosewireClient.last_error())
	expect(not client.open(wanted.server, {"tls": 3}), "a wrong option")
	expect("tls: expected true or false" in PosewireClient.last_error(), PosewireClient.last_error())
	expect(client.open(wanted.server), PosewireClient.last_error())
	await _ask(client)
	var player := PosewirePlayer.new()
	expect(not player.build(), "no skeleton without joints")
	expect(not player.play(null), "no motion from nothing")
	expect(player.get_rotation(3) == Quaternion.IDENTITY, "identity without a pose")
	var stream := client.generate("ein Mensch grüßt – 你好", {"seeds": [-1], "seconds": 2.0})
	var seeds := []
	while true:
		var event := stream.poll()
		if event.get("kind") == PosewireStream.CLIP_START:
			seeds.append(event.seed)
		if event.get("kind") == PosewireStream.STATUS:
			expect(event.code == PosewireClient.OK, event.message)
			break
		await process_frame
	expect(seeds == [-1], "all 64 bits of a seed, found " + str(seeds))
	quit()


## What a character costs, beside the same number of bones that a script just sets.
func cost() -> void:
	var made := add_character(skeleton_in(_added(profile_skeleton())))
	made.generate(wanted.prompt)
	while made.times().buffered < 3:
		await process_frame
	made.set_process(false)
	var skeleton := made.get_skeleton()
	var best := {"character": INF, "script": INF}
	for repetition in 20:
		var start := Time.get_ticks_usec()
		for frame in 200:
			made._process(0.001)
			made._process_modification()
		var arm := skeleton.find_bone("LeftUpperArm")
		var turned := skeleton.get_bone_pose_rotation(arm).angle_to(skeleton.get_bone_rest(arm).basis.get_rotation_quaternion())
		expect(turned > 0.5, "an arm that hangs down")
		best.character = minf(best.character, (Time.get_ticks_usec() - start) / 200.0)
		start = Time.get_ticks_usec()
		for frame in 200:
			for bone in 23:
				skeleton.set_bone_pose_rotation(bone, Quaternion(0.0, 0.0, 0.0, 1.0))
		best.script = minf(best.script, (Time.get_ticks_usec() - start) / 200.0)
	write("cost", best)
	quit()


func _ask(client: PosewireClient) -> void:
	expect(client.ask_models(10), PosewireClient.last_error())
	expect(client.warm({"prompts": ["a person waves"]}), PosewireClient.last_error())
	var models := {}
	var warmed := {}
	while models.is_empty() or warmed.is_empty():
		if models.is_empty():
			models = client.take_models()
		if warmed.is_empty():
			warmed = client.take_warmed()
		await process_frame
	expect(models.code == 0 and warmed.code == 0, "answers, found %s %s" % [models, warmed])
	expect(models.models[0].name == "stand-in", "the stand-in model, found " + str(models))

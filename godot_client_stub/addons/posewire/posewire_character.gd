@icon("posewire_character.svg")
class_name PosewireCharacter
extends SkeletonModifier3D
## Moves the [Skeleton3D] above it as a prompt says.
##
## Put it under a character's Skeleton3D, write a prompt, run the scene. Bones are recognised by name (Godot's humanoid
## profile, Unreal, Unity, VRM, Mixamo, Rigify); fingers, face and everything else that a motion doesn't drive are left
## alone, also to animations that play below. [member active] and [member influence] work as with any modifier.

## The motion's state has changed.
signal motion_changed(state: Motion)
## What is known before the first frame: model, fps, licence_notice and more.
signal header_received(header: Dictionary)
## So many more frames have arrived.
signal chunk_received(first_frame: int, frames: int)
## All frames of the motion have arrived. Playing them may take longer: see [signal motion_changed].
signal finished
## No motion, or no more of it: what was expected, what was found, what to do.
signal failed(code: int, message: String)
## Something to know that isn't an error; [param name] is a stable word.
signal noticed(name: String, message: String)
## In a live session: from frame [param first_frame] on, the character does this; empty: it stands.
signal segment_began(prompt: String, first_frame: int)
## In a live session: the server refuses a command, and goes on as before.
signal command_refused(message: String)
## A foot comes down or lifts, as it is seen.
signal foot_contact(foot: String, began: bool)

## What is seen.
enum Motion { IDLE, BUFFERING, PLAYING, STARVED, ENDED, FAILED }
## What the connection does.
enum Connection { IDLE, CONNECTING, READY, WAITING }
## Where the travel of a motion goes.
enum Root {
	AS_SENT,  ## The path as it was generated; each motion begins at the skeleton's origin again.
	TRAVEL,  ## One path through all motions and loops: each goes on where the last one led.
	IN_PLACE,  ## The pose stays in place; [member root_motion_target] travels instead.
}

const _CANCELLED := 1
const _INVALID_ARGUMENT := 3
const _UNAVAILABLE := 14
const _EVENT_HEADER := 1
const _EVENT_CHUNK := 3
const _EVENT_NOTICE := 6
const _EVENT_STATUS := 7
const _EVENT_SEGMENT := 9
const _EVENT_ANSWER := 10
## How a live session ends whose server is gone: NOT_FOUND, FAILED_PRECONDITION, UNAVAILABLE.
const _LOST: Array[int] = [5, 9, _UNAVAILABLE]
const _NO_PLACE := Vector3.INF
const _NO_TURN := Quaternion(NAN, NAN, NAN, NAN)

## What the character does.
@export_multiline var prompt := ""
## Begin with [member prompt] as soon as the scene runs.
@export var autoplay := true
## Move without end: [member prompt] is what the character does first, [method say] what it does next.
@export var live := false
## Begin again at the end.
@export var loop := false
## Length of the motion; 0: estimated from the prompt.
@export_range(0, 60, 0.1, "or_greater", "suffix:s") var seconds := 0.0
## The same seed gives the same motion again; negative: the server picks one.
@export var motion_seed := -1
## Cross-fade from what plays now.
@export_range(0, 2, 0.01, "suffix:s") var fade := 0.25
## Playing speed, times real time.
@export_range(0, 4, 0.01) var speed := 1.0:
	set(value):
		speed = value
		if _player:
			_player.set_speed(value)

@export_group("Character")
@export var root := Root.TRAVEL
## With [constant IN_PLACE]: the node that travels, mostly the character's own topmost one. Empty: ask
## [method take_root_motion] yourself.
@export var root_motion_target: Node3D
## How firmly feet that touch the floor stay where they are.
@export_range(0, 1, 0.01) var foot_ik := 0.0
## Scale the whole path by the character's size; off: only heights, so that distances are those of the model.
@export var scale_travel := true
## Height of the soles above the skeleton's origin, in the rest pose.
@export var sole_height := 0.0
## Only for bones whose names aren't recognised: from the model's joints ("Pelvis", "L_Elbow") to bones of this skeleton.
@export var bones := {}

@export_group("Server")
## host:port; empty: that of the project settings.
@export var server := ""
## Access token; empty: that of the project settings.
@export var token := ""
## Which of the server's models; empty: its default.
@export var model := ""
## One of the model's presets; empty: its default.
@export var preset := ""
## When the connection breaks on the way, try so long to go on where it broke.
@export_range(0, 120, 1, "suffix:s") var resume_seconds := 20.0

## What is seen now. Visible in the remote inspector, as are the next three.
var motion := Motion.IDLE
## What went wrong last; empty: nothing.
var last_error := ""
## The model that answers.
var model_name := ""
## What must be shown about the model's weights; empty: nothing.
var licence_notice := ""

var _client: RefCounted
var _stream: RefCounted
var _player: RefCounted
var _bone_of_joint: PackedInt32Array
var _driven: PackedInt32Array
var _feet: Array = []
var _is_live := false
var _live_options := {}


func _ready() -> void:
	if autoplay and live:
		begin_live(prompt)
	elif autoplay and prompt:
		generate(prompt)


## Asks for a motion and plays it as soon as its first frames arrive; what plays now goes on until then.
## [param options]: more than the inspector offers, by the names of [code]pw_generate_options[/code]. False, after
## [signal failed], where not even asking was possible.
func generate(wish: String, options := {}) -> bool:
	if not _connect():
		return false
	prompt = wish
	_is_live = false
	var request := {"seconds": seconds, "resume_seconds": resume_seconds}
	if motion_seed >= 0:
		request["seeds"] = [motion_seed]
	return _play(_client.generate(wish, _request(request, options)))


## Begins a live session: the character moves without end. [param options] as in [code]pw_live_options[/code].
func begin_live(wish := "", options := {}) -> bool:
	if not _connect():
		return false
	prompt = wish
	_is_live = true
	_live_options = options
	var request := {"prompt": wish, "resume_seconds": resume_seconds}
	if motion_seed >= 0:
		request["seed"] = motion_seed
	return _play(_client.live(_request(request, options)))


## In a live session: do this from now on, or with [param queued] once the present prompt has been done.
func say(wish: String, queued := false) -> bool:
	return _command(_stream.live_prompt(wish, queued) if _stream else 0)


## In a live session: come to rest and stand.
func rest() -> bool:
	return _command(_stream.live_stop() if _stream else 0)


## In a live session: bend the path towards a place in the world.
func walk_to(place_in_world: Vector3) -> bool:
	return _aim(get_skeleton().global_transform.affine_inverse() * place_in_world, _NO_TURN)


## In a live session: turn to face a direction of the world.
func face(direction: Vector3) -> bool:
	var there := get_skeleton().global_basis.inverse() * direction
	return _aim(_NO_PLACE, Quaternion(Vector3.UP, atan2(there.x, there.z)))


## In a live session: go slower or faster.
func pace(rate: float) -> bool:
	return _command(_stream.live_pace(rate) if _stream else 0)


## Ends a live session well: the character stays in its last pose.
func end_live() -> void:
	_is_live = false
	if _stream:
		_stream.live_close()


## Stops asking: the server drops the work. What has arrived is played to its end.
func cancel() -> void:
	_is_live = false
	if _stream:
		_stream.cancel()


## Cancels, and shows no motion: the skeleton goes back to what moves it otherwise.
func stop() -> void:
	cancel()
	if _player:
		_player.clear()


## Stand here, in the skeleton's space.
func place(position: Vector3, rotation := Quaternion.IDENTITY) -> void:
	if _player or _build():
		_player.place(position, rotation)


## What the connection does.
func connection() -> Connection:
	return _client.get_state() if _client else Connection.IDLE


## Travel and turn since the last time, in the skeleton's space. For [constant IN_PLACE] without a
## [member root_motion_target].
func take_root_motion() -> Transform3D:
	if not _player:
		return Transform3D.IDENTITY
	var travel: Dictionary = _player.take_root_motion()
	return Transform3D(Basis(travel.rotation), travel.position)


## Where the character stands and which way it faces, in the skeleton's space: the floor under its pelvis. Cameras and
## shadows want this; poses of bones can be read only while [signal Skeleton3D.skeleton_updated] fires.
func path() -> Transform3D:
	if not _player:
		return Transform3D.IDENTITY
	return Transform3D(Basis(_player.get_path_rotation()), _player.get_path_position())


## Play head, length and what has arrived ahead of the play head, in seconds.
func times() -> Dictionary:
	if not _player:
		return {"time": 0.0, "duration": 0.0, "buffered": 0.0}
	return {"time": _player.get_time(), "duration": _player.get_duration(), "buffered": _player.get_buffered()}


func _process(delta: float) -> void:
	if not _player:
		return
	_player.advance(delta)
	_read_events()
	_read_contacts()
	if root == Root.IN_PLACE and root_motion_target:
		_travel(take_root_motion())


func _process_modification() -> void:
	if not _player or not _player.sample():
		return
	var skeleton := get_skeleton()
	if _driven.is_empty():
		_driven = _find_driven(skeleton)
	for joint in _driven:
		skeleton.set_bone_pose_rotation(_bone_of_joint[joint], _player.get_rotation(joint))
	skeleton.set_bone_pose_position(_bone_of_joint[_player.get_pelvis()], _player.get_pelvis_position())


func _connect() -> bool:
	last_error = ""
	_client = PosewireServer.client(server, token)
	if not _client:
		return _fail(_UNAVAILABLE, "no native library, or a wrong address; see the error above")
	return _player != null or _build()


func _request(own: Dictionary, options: Dictionary) -> Dictionary:
	return own.merged({"model": model, "preset": preset}).merged(options, true)


func _play(stream: RefCounted) -> bool:
	_stream = stream
	var how := {"loop": loop and not _is_live, "fade_seconds": fade, "speed": speed}
	if _stream and _player.play(_stream, 0, how):
		return true
	_is_live = false
	return _fail(_INVALID_ARGUMENT, _client.last_error())


func _aim(position: Vector3, rotation: Quaternion) -> bool:
	return _command(_stream.live_target(_player, position, rotation) if _stream else 0)


func _command(number: int) -> bool:
	return number != 0 or _fail(_INVALID_ARGUMENT, _client.last_error() if _stream else "expected a live session, found none")


## Tells the player about the skeleton's rest pose, parents first.
func _build() -> bool:
	var skeleton := get_skeleton()
	if not skeleton:
		return _fail(_INVALID_ARGUMENT, "expected a Skeleton3D above %s, found none: move it under one" % name)
	var player: RefCounted = ClassDB.instantiate(&"PosewirePlayer")
	_bone_of_joint = _parents_first(skeleton)
	for bone in _bone_of_joint:
		var rest := skeleton.get_bone_rest(bone)
		var parent := _bone_of_joint.find(skeleton.get_bone_parent(bone))
		player.add_joint(skeleton.get_bone_name(bone), parent, rest.origin, rest.basis.get_rotation_quaternion())
	var options := {"root": root, "foot_ik": foot_ik, "scale_travel": scale_travel, "sole": sole_height}
	if bones:
		options["bones"] = bones
	if not player.build(options):
		return _fail(_INVALID_ARGUMENT, _client.last_error() if _client else "")
	_player = player
	_driven.clear()
	return true


static func _parents_first(skeleton: Skeleton3D) -> PackedInt32Array:
	var order := skeleton.get_parentless_bones()
	var at := 0
	while at < order.size():
		order.append_array(skeleton.get_bone_children(order[at]))
		at += 1
	return order


## The joints that the motion drives, and those between them and the skeleton's root: their rest rotations count too.
func _find_driven(skeleton: Skeleton3D) -> PackedInt32Array:
	var wanted := {}
	for joint in _bone_of_joint.size():
		var bone := _bone_of_joint[joint] if _player.is_driven(joint) else -1
		while bone >= 0 and bone not in wanted:
			wanted[bone] = true
			bone = skeleton.get_bone_parent(bone)
	var out := PackedInt32Array()
	for joint in _bone_of_joint.size():
		if _bone_of_joint[joint] in wanted:
			out.append(joint)
	return out


func _read_events() -> void:
	while _stream:
		var event: Dictionary = _stream.poll()
		if event.is_empty():
			break
		match event.kind:
			_EVENT_HEADER:
				_read_header(_stream.get_header())
			_EVENT_CHUNK:
				chunk_received.emit(event.first_frame, event.frames)
			_EVENT_SEGMENT:
				prompt = event.prompt
				segment_began.emit(event.prompt, event.first_frame)
			_EVENT_ANSWER when event.code != OK:
				command_refused.emit(event.message)
			_EVENT_NOTICE:
				noticed.emit(event.name, event.message)
			_EVENT_STATUS:
				_end_stream(event)
	_read_motion()


func _read_motion() -> void:
	if motion == _player.get_state():
		return
	motion = _player.get_state()
	motion_changed.emit(motion)
	# Of streams that failed or were cancelled the status has told, or will.
	var why: String = _player.get_error()
	if motion == Motion.FAILED and why and not last_error and _player.get_code() != _CANCELLED:
		_fail(_player.get_code(), why)


func _read_header(header: Dictionary) -> void:
	model_name = header.model
	licence_notice = header.licence_notice
	_feet = header.contact_names
	header_received.emit(header)


func _end_stream(status: Dictionary) -> void:
	_stream = null
	if _is_live and status.code in _LOST:
		noticed.emit("session_lost", status.message)
		begin_live(prompt, _live_options.merged({"wait_for_server": true}, true))
	elif status.code == OK:
		finished.emit()
	elif status.code != _CANCELLED:
		_fail(status.code, status.message)


func _read_contacts() -> void:
	while true:
		var contact: Dictionary = _player.next_contact()
		if contact.is_empty():
			return
		if contact.bit < _feet.size():
			foot_contact.emit(_feet[contact.bit], contact.began)


func _travel(step: Transform3D) -> void:
	var here := get_skeleton().global_transform
	var goal := here * step * here.affine_inverse() * root_motion_target.global_transform
	var size := root_motion_target.scale
	# What rounding adds to the axes in each frame would add up.
	root_motion_target.global_transform = goal.orthonormalized()
	root_motion_target.scale = size


func _fail(code: int, message: String) -> bool:
	last_error = message
	push_error("Posewire: %s" % message)
	failed.emit(code, message)
	return false

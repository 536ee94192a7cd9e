extends Node3D
## A mannequin, a prompt, and what the connection says.

const _LOOKS_AT := Vector3(0, 0.65, 0)
const _VIEW := Vector3(1.9, 1.0, 3.9)

@onready var character: PosewireCharacter = %PosewireCharacter
@onready var _camera: Camera3D = $Camera


func _ready() -> void:
	_camera.look_at_from_position(_LOOKS_AT + _VIEW, _LOOKS_AT)
	%Prompt.text = character.prompt
	%Prompt.text_submitted.connect(_generate)
	%Go.pressed.connect(func() -> void: _generate(%Prompt.text))
	%Loop.toggled.connect(func(on: bool) -> void: character.loop = on)


func _generate(prompt: String) -> void:
	character.generate(prompt)


func _process(delta: float) -> void:
	_follow(delta)
	%Status.text = _status()
	%Status.modulate = Color.TOMATO if character.last_error else Color.WHITE


## The camera goes along without turning.
func _follow(delta: float) -> void:
	var path := character.get_skeleton().global_transform * character.path()
	_camera.position = _camera.position.lerp(path.origin + _LOOKS_AT + _VIEW, 1 - exp(-6 * delta))


func _status() -> String:
	if character.last_error:
		return character.last_error
	var connection: String = PosewireCharacter.Connection.find_key(character.connection())
	var motion: String = PosewireCharacter.Motion.find_key(character.motion)
	var times := character.times()
	var line := "%s · %s · %.1f of %.1f s" % [connection.to_lower(), motion.to_lower(), times.time, times.duration]
	return "%s · %s" % [line, character.model_name] if character.model_name else line

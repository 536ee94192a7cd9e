class_name PosewireServer
extends RefCounted
## Which server the characters of this project talk to, and one connection for all of them.
##
## The address comes from the first of these that names one: the character itself, the command line
## ([code]-- --posewire-server=host:port[/code]), the project setting [code]posewire/server/target[/code].
## "https://" in front means TLS.

const SETTINGS := {
	"posewire/server/target": "127.0.0.1:50051",
	"posewire/server/token": "",
	"posewire/server/ca_file": "",
}

static var _open := {}  # address and token -> WeakRef


## Whether the native library is there for this platform.
static func is_available() -> bool:
	return ClassDB.class_exists(&"PosewireClient")


## The connection to a server: the same for all who ask for the same. It ends with the last of them. Null, and an
## error, where there can't be one. Connecting itself happens later and can't fail here.
static func client(target := "", token := "") -> RefCounted:
	if not is_available():
		push_error(
			"Posewire: expected its native library for this platform, found none in addons/posewire/bin. "
			+ "Build it with scripts/build_godot, then start the editor again."
		)
		return null
	target = target if target else _setting("target")
	token = token if token else _setting("token")
	var key := "%s\n%s" % [target, token]
	var known: RefCounted = _open[key].get_ref() if key in _open else null
	if known:
		return known
	var made: RefCounted = ClassDB.instantiate(&"PosewireClient")
	if not made.open(target, _options(token)):
		push_error("Posewire: " + made.last_error())
		return null
	_open[key] = weakref(made)
	return made


## Makes the settings known, so that the editor shows them.
static func add_settings() -> void:
	for setting: String in SETTINGS:
		if not ProjectSettings.has_setting(setting):
			ProjectSettings.set_setting(setting, SETTINGS[setting])
		ProjectSettings.set_initial_value(setting, SETTINGS[setting])
		ProjectSettings.set_as_basic(setting, true)


static func _options(token: String) -> Dictionary:
	var options := {"token": token}
	var ca_file := _setting("ca_file")
	if ca_file:
		options["ca_pem"] = FileAccess.get_file_as_string(ca_file)
	return options


static func _setting(name: String) -> String:
	var flag := "--posewire-%s=" % ("server" if name == "target" else name.replace("_", "-"))
	for argument in OS.get_cmdline_user_args():
		if argument.begins_with(flag):
			return argument.trim_prefix(flag)
	var setting := "posewire/server/" + name
	return ProjectSettings.get_setting(setting, SETTINGS[setting])

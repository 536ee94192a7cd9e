@tool
extends EditorPlugin
## Shows Posewire's settings in Project Settings, under Posewire. Everything else works without this plugin.


func _enter_tree() -> void:
	PosewireServer.add_settings()

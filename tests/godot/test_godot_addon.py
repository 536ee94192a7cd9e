"""What can be held of the Godot addon without Godot: it says the same as the C interface."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEADER = (ROOT / "native_client/include/posewire.h").read_text(encoding="utf-8")
SOURCES = ROOT / "godot_client_stub/src"
CHARACTER = (ROOT / "godot_client_stub/addons/posewire/posewire_character.gd").read_text(encoding="utf-8")


def header_enum(name: str, prefix: str) -> dict[str, int]:
    """The values of an enum of the header, without their prefix."""
    body = re.search(rf"typedef enum {name} \{{(.*?)\}} {name};", HEADER, re.DOTALL)
    assert body
    return {key: int(value) for key, value in re.findall(rf"{prefix}(\w+) = (-?\d+)", body[1])}


def header_fields(name: str) -> set[str]:
    """The fields of a struct of the header."""
    body = re.search(rf"typedef struct {name} \{{(.*?)\}} {name};", HEADER, re.DOTALL)
    assert body
    code = re.sub(r"/\*.*?\*/", "", body[1], flags=re.DOTALL)
    return set(re.findall(r"(\w+)(?:\[\d+\])?;", code))


@pytest.mark.parametrize(
    ("theirs", "name", "prefix"),
    [("Motion", "pw_player_state", "PW_PLAYER_"), ("Connection", "pw_client_state", "PW_CLIENT_")],
)
def test_states_in_gdscript_have_the_numbers_of_the_header(theirs: str, name: str, prefix: str) -> None:
    listed = re.search(rf"enum {theirs} \{{ (.*?) \}}", CHARACTER)
    assert listed
    assert {key: number for number, key in enumerate(listed[1].split(", "))} == header_enum(name, prefix)


def test_roots_and_events_in_gdscript_have_the_numbers_of_the_header() -> None:
    listed = re.search(r"enum Root \{(.*?)\}", CHARACTER, re.DOTALL)
    assert listed
    roots = re.findall(r"^\t(\w+),", listed[1], re.MULTILINE)
    assert {key: number for number, key in enumerate(roots)} == header_enum("pw_root", "PW_ROOT_")
    events = {key: int(number) for key, number in re.findall(r"const _EVENT_(\w+) := (\d+)", CHARACTER)}
    assert events
    assert events.items() <= header_enum("pw_event_kind", "PW_EVENT_").items()


@pytest.mark.parametrize(
    ("struct", "held_back"),
    [
        ("pw_client_options", {"struct_size", "target"}),
        (
            "pw_generate_options",
            # The player retargets; the prompt and the number of seeds come with the call.
            {"struct_size", "prompt", "seed_count", "target", "bones", "bone_count"}
            | {"match_limbs", "scale_travel"},
        ),
        (
            "pw_live_options",
            {"struct_size", "position", "heading", "target", "bones", "bone_count"}
            | {"match_limbs", "scale_travel"},
        ),
        ("pw_warm_options", {"struct_size", "model_count", "prompt_count"}),
        ("pw_play_options", {"struct_size"}),
    ],
)
def test_every_option_of_the_header_can_be_given_in_gdscript(struct: str, held_back: set[str]) -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.c")))
    given = set(re.findall(rf"GD_(?:FIELD|LIST)\({struct}, \w+, (\w+)", code))
    assert given == header_fields(struct) - held_back


def test_every_function_that_the_extension_needs_is_exported() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(SOURCES.glob("*.c")))
    code = re.sub(r"/\*.*?\*/", "", code, flags=re.DOTALL)
    exports = set((ROOT / "native_client/exports.txt").read_text().split())
    called = set(re.findall(r"\b(pw_\w+)\(", code))
    assert len(called) > 40
    assert called <= exports


def test_the_library_is_listed_with_what_it_needs_for_each_platform() -> None:
    text = (ROOT / "godot_client_stub/addons/posewire/posewire.gdextension").read_text(encoding="utf-8")
    libraries, dependencies = (
        set(re.findall(r"^(\w+\.single[.\w]*) = ", text.split(f"[{part}]")[1].split("[")[0], re.MULTILINE))
        for part in ("libraries", "dependencies")
    )
    assert libraries == dependencies
    assert {platform.split(".")[0] for platform in libraries} == {"linux", "windows", "macos"}

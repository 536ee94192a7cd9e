"""The Unity package as a package, and its C# against posewire.h. With mono and servers: scripts/e2e_unity."""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "unity_client_stub" / "com.posewire.client"
HEADER = (ROOT / "native_client" / "include" / "posewire.h").read_text()
INTEROP = "\n".join(path.read_text() for path in sorted((PACKAGE / "Runtime" / "Interop").glob("*.cs")))


def load(path: Path) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


metas = load(ROOT / "unity_client_stub" / "metas.py")


def uncommented(text: str) -> str:
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


# ------------------------------------------------------------------------------------------ C# against C

NUMBERS = {"uint32_t": "uint", "int32_t": "int", "uint64_t": "ulong", "double": "double", "float": "float",
           "uint8_t": "byte", "size_t": "UIntPtr", "void": "void"}  # fmt: skip
ENUMS = ("pw_code", "pw_poll", "pw_client_state")
"""Enums that functions give: 32 bits each."""

HANDLES = {
    "pw_client": "ClientHandle",
    "pw_stream": "StreamHandle",
    "pw_reply": "ReplyHandle",
    "pw_skeleton": "SkeletonHandle",
    "pw_retargeter": "RetargeterHandle",
    "pw_player": "PlayerHandle",
}


def c_functions() -> dict[str, tuple[str, list[str]]]:
    """Name -> what it gives, and the types of its parameters."""
    found: dict[str, tuple[str, list[str]]] = {}
    for gives, name, parameters in re.findall(
        r"PW_API ([\w \*]+?)\s*PW_CALL (\w+)\(([^)]*)\);", uncommented(HEADER)
    ):
        kinds = [re.sub(r"\w+$", "", p.strip()).strip() for p in parameters.split(",") if p.strip() != "void"]
        found[name] = (gives, kinds)
    return found


def cs_functions() -> dict[str, tuple[str, list[str]]]:
    found: dict[str, tuple[str, list[str]]] = {}
    pattern = r"static extern (?:unsafe )?(\w+) (pw_\w+)\(([^)]*)\);"
    for gives, name, parameters in re.findall(pattern, uncommented(INTEROP)):
        kinds = [re.sub(r"\w+$", "", p.strip()).strip() for p in parameters.split(",") if p.strip()]
        found[name] = (gives, kinds)
    return found


def struct_name(kind: str) -> str:
    return "Pw" + "".join(part.capitalize() for part in kind.removeprefix("pw_").split("_"))


def allowed(kind: str) -> set[str]:
    """How C# may spell a C parameter."""
    bare = kind.replace("const", "").replace(" ", "")
    if not bare.endswith("*"):
        return {NUMBERS.get(bare, "int" if bare in ENUMS else "?")}
    inner = bare[:-1]
    if inner.removesuffix("*") in HANDLES:
        return {"out IntPtr"} if inner.endswith("*") else {HANDLES[inner], "IntPtr"}
    if inner in NUMBERS:
        number = NUMBERS[inner]
        return {f"{number}[]", f"{number}*", f"out {number}", "IntPtr"}
    if inner == "char*":
        return {"out IntPtr"}
    if inner == "char":
        return {"IntPtr"}
    struct = struct_name(inner)
    return {f"ref {struct}", f"out {struct}", f"[Out] {struct}[]"}


def test_every_function_that_csharp_calls_is_one_of_the_header() -> None:
    header, called = c_functions(), cs_functions()
    assert len(called) > 50
    for name, (gives, parameters) in called.items():
        assert name in header, f"posewire.h has no {name}"
        c_gives, c_parameters = header[name]
        returned = {"IntPtr"} if "*" in c_gives else allowed(c_gives)
        assert gives in returned, f"{name} gives {c_gives}, C# says {gives}"
        assert len(parameters) == len(c_parameters), f"{name} takes {c_parameters}, C# says {parameters}"
        for kind, expected in zip(parameters, c_parameters, strict=True):
            assert kind in allowed(expected), f"{name} takes {expected}, C# says {kind}"


def test_a_wrong_declaration_would_be_found() -> None:
    assert "ref PwPose" in allowed("pw_pose *")
    assert "float[]" in allowed("const float *")
    assert "int[]" not in allowed("const float *")
    assert "StreamHandle" not in allowed("pw_player *")
    assert "ulong" not in allowed("uint32_t")


def c_structs() -> dict[str, list[tuple[str, str]]]:
    """Name -> fields: C# type and name."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\} \1;", uncommented(HEADER), re.S):
        fields: list[tuple[str, str]] = []
        for field in (" ".join(line.split()) for line in body.split(";") if line.strip()):
            if "*" in field:
                fields.append(("IntPtr", field.rpartition("*")[2].replace("const", "").strip()))
                continue
            kind, _, field_name = field.partition(" ")
            fixed = "fixed " if "[" in field_name else ""
            fields.append((fixed + NUMBERS[kind], field_name))
        found[struct_name(name)] = fields
    return found


def test_structs_are_those_of_the_header_field_by_field() -> None:
    header = c_structs()
    body = uncommented(INTEROP)
    declared = dict(re.findall(r"internal (?:unsafe )?struct (Pw\w+)\s*\{(.*?)\n    \}", body, re.S))
    assert set(declared) == set(header)
    for name, text in declared.items():
        fields = [
            (kind, snake(field)) for kind, field in re.findall(r"public ((?:fixed )?\w+) ([\w\[\]]+);", text)
        ]
        assert fields == header[name], name


ENUM_NAMES = {
    "PosewireCode": ("pw_code", "PW_"),
    "Frame": ("pw_frame", "PW_FRAME_"),
    "Packing": ("pw_packing", "PW_PACKING_"),
    "Priority": ("pw_priority", "PW_PRIORITY_"),
    "Rest": ("pw_rest", "PW_REST_"),
    "ClientState": ("pw_client_state", "PW_CLIENT_"),
    "EventKind": ("pw_event_kind", "PW_EVENT_"),
    "Root": ("pw_root", "PW_ROOT_"),
    "PlayerState": ("pw_player_state", "PW_PLAYER_"),
}


def enum_values(text: str, pattern: str) -> dict[str, int]:
    body = re.search(pattern, uncommented(text), re.S)
    assert body is not None, pattern
    return {name: int(value) for name, value in re.findall(r"(\w+) = (-?\d+)", body.group(1))}


@pytest.mark.parametrize("name", ENUM_NAMES)
def test_enums_have_the_same_numbers(name: str) -> None:
    kind, prefix = ENUM_NAMES[name]
    expected = enum_values(HEADER, rf"typedef enum {kind} \{{(.*?)\}}")
    found = enum_values(
        (PACKAGE / "Runtime" / "Api" / "Enums.cs").read_text(), rf"enum {name}\s*\{{(.*?)\n    \}}"
    )

    def plain(text: str) -> str:
        return text.replace("_", "").lower()

    assert {plain(prefix + word): value for word, value in found.items()} == {
        plain(word): value for word, value in expected.items()
    }


def test_the_abi_version_is_the_headers() -> None:
    version = re.search(r"#define PW_ABI_VERSION (\d+)", HEADER)
    assert version is not None
    assert f"AbiVersion = {version.group(1)};" in INTEROP


# --------------------------------------------------------------------------------------------- the package


def test_every_asset_has_its_meta_and_no_meta_is_alone() -> None:
    assets = list(metas.assets())
    assert len(assets) > 30
    for path in assets:
        assert metas.meta_path(path).read_text() == metas.meta(path), path
    found = {path for path in PACKAGE.rglob("*.meta") if not any(p.name.endswith("~") for p in path.parents)}
    assert found == {metas.meta_path(path) for path in assets}
    assert len({metas.guid(path) for path in assets}) == len(assets)


def test_native_libraries_get_settings_of_their_own_platform() -> None:
    folder = metas.PACKAGE / "Runtime" / "Plugins"
    windows = metas.meta(folder / "x86_64" / "posewire.dll")
    assert "Standalone: Win64" in windows
    assert "OS: Windows" in windows
    assert windows.count("enabled: 1") == 2
    assert "CPU: AnyCPU" in metas.meta(folder / "macOS" / "libposewire.dylib")


def test_the_manifest_is_complete() -> None:
    manifest: dict[str, Any] = json.loads((PACKAGE / "package.json").read_text())
    assert manifest["name"] == "com.posewire.client"
    assert re.fullmatch(r"\d+\.\d+\.\d+", manifest["version"])
    assert manifest["unity"] == "2021.3"
    for sample in manifest["samples"]:
        assert list((PACKAGE / sample["path"]).glob("*.cs"))
    assert f"[{manifest['version']}]" in (PACKAGE / "CHANGELOG.md").read_text()
    for name in ("README.md", "LICENSE.md", "Third Party Notices.md", "Documentation~/index.md"):
        assert (PACKAGE / name).read_text().strip()


def test_assemblies_refer_to_those_that_are_there() -> None:
    assemblies = {path: json.loads(path.read_text()) for path in PACKAGE.rglob("*.asmdef")}
    names = {content["name"] for content in assemblies.values()}
    assert names == {"Posewire.Runtime", "Posewire.Editor", "Posewire.Tests"}
    for path, content in assemblies.items():
        assert path.stem == content["name"]
        assert set(content["references"]) <= names
        assert (content["includePlatforms"] == ["Editor"]) == (content["name"] != "Posewire.Runtime")
    assert 'fullname="Posewire.Runtime"' in (PACKAGE / "Runtime" / "link.xml").read_text()
    linker = (PACKAGE / "Editor" / "LinkerFile.cs").read_text()
    assert f'"Packages/{PACKAGE.name}/Runtime/link.xml"' in linker


def test_nothing_calls_back_from_native_code() -> None:
    for path in (PACKAGE / "Runtime").rglob("*.cs"):
        text = path.read_text()
        assert "UnmanagedFunctionPointer" not in text, path
        assert "GetFunctionPointerForDelegate" not in text, path
        if path.parent.name != "Interop":
            assert "DllImport" not in text, path


@pytest.mark.skipif(shutil.which("mcs") is None, reason="needs mono's mcs: scripts/e2e_unity installs it")
def test_it_compiles_against_the_stand_ins(tmp_path: Path) -> None:
    program = load(Path(__file__).parent / "compile_package.py").compile_package(tmp_path)
    assert program.exists()

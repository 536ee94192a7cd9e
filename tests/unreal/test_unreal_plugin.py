"""The Unreal plugin without Unreal: what its tools would complain about, and whether it compiles.

scripts/e2e_unreal also plays it against a server.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "unreal_client_stub/Posewire"
SOURCE = PLUGIN / "Source"
HEADERS = sorted(SOURCE.rglob("*.h"))
PUBLIC = [path for path in HEADERS if path.parent.name == "Public"]
NATIVE = (ROOT / "native_client/include/posewire.h").read_text(encoding="utf-8")


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def name_of(path: Path) -> str:
    return path.name


@pytest.mark.parametrize("path", HEADERS, ids=name_of)
def test_reflected_headers_include_their_generated_one_last(path: Path) -> None:
    found = re.findall(r'#include "(.*)"', text_of(path))
    reflected = "GENERATED_BODY()" in text_of(path)
    assert ("UCLASS(" in text_of(path) or "USTRUCT(" in text_of(path)) == reflected
    if reflected:
        assert found[-1] == f"{path.stem}.generated.h"
        assert text_of(path).count("GENERATED_BODY()") == len(
            re.findall(r"^U(?:CLASS|STRUCT)\(", text_of(path), re.MULTILINE)
        )


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_public_headers_hold_unreal_types_only(path: Path) -> None:
    assert not re.search(r"\bpw_|PW_|posewire\.h|std::|grpc|protobuf", text_of(path))


@pytest.mark.parametrize("path", PUBLIC, ids=name_of)
def test_parameters_of_functions_have_other_names_than_properties(path: Path) -> None:
    text = text_of(path)
    properties = set(re.findall(r"UPROPERTY\([^\n]*\)\n\s*[\w<>:, ]+?\s(\w+)(?: =[^;]*)?;", text))
    for parameters in re.findall(r"UFUNCTION\([^\n]*\)\n[^(]*\(([^)]*)\)", text):
        names = {
            parameter.split("=")[0].split()[-1].lstrip("&*")
            for parameter in parameters.split(",")
            if parameter
        }
        assert not names & properties


def test_events_for_blueprints_are_dynamic_multicast_delegates() -> None:
    text = "".join(text_of(path) for path in PUBLIC)
    declared = set(re.findall(r"DECLARE_DYNAMIC_MULTICAST_DELEGATE\w*\((\w+)", text))
    used = set(re.findall(r"UPROPERTY\(BlueprintAssignable[^\n]*\)\n\s*(\w+) \w+;", text))
    assert used
    assert used <= declared


def test_what_dynamic_delegates_bind_is_reflected() -> None:
    for path in sorted(SOURCE.rglob("*.cpp")):
        for owner, method in re.findall(r"AddDynamic\(this, &(\w+)::(\w+)\)", text_of(path)):
            header = next(
                other for other in HEADERS if re.search(rf"class \w+_API {owner} :", text_of(other))
            )
            assert re.search(rf"UFUNCTION\([^\n]*\)\n\s*void {method}\(", text_of(header))


def test_the_plugin_file_names_each_module_and_its_phase() -> None:
    described = json.loads(text_of(PLUGIN / "Posewire.uplugin"))
    modules = {module["Name"]: module for module in described["Modules"]}
    folders = {path.parent.name for path in SOURCE.glob("*/*.Build.cs")}
    assert modules.keys() == folders
    # Blueprints that use a module's structs or nodes break where it loads later than they do.
    assert {name for name, module in modules.items() if module["LoadingPhase"] == "PreDefault"} == {
        "Posewire",
        "PosewireUncooked",
    }
    assert modules["PosewireUncooked"]["Type"] == "UncookedOnly"
    assert modules["PosewireEditor"]["Type"] == "Editor"
    for module in modules.values():
        assert module["PlatformAllowList"] == ["Win64", "Linux", "Mac"]


@pytest.mark.parametrize("rules", sorted(SOURCE.rglob("*.Build.cs")), ids=name_of)
def test_build_rules_are_classes_of_their_file(rules: Path) -> None:
    name = rules.name.removesuffix(".Build.cs")
    assert f"public class {name} : ModuleRules" in text_of(rules)
    assert f"public {name}(ReadOnlyTargetRules Target) : base(Target)" in text_of(rules)


@pytest.mark.parametrize(
    ("theirs", "ours", "prefix"),
    [
        ("EPosewireMotion", "pw_player_state", "PW_PLAYER_"),
        ("EPosewireConnection", "pw_client_state", "PW_CLIENT_"),
        ("EPosewireRoot", "pw_root", "PW_ROOT_"),
    ],
)
def test_enums_that_are_cast_have_the_order_of_the_header(theirs: str, ours: str, prefix: str) -> None:
    mine = re.search(rf"enum class {theirs} : uint8\n\{{(.*?)\}};", text_of(PUBLIC_TYPES), re.DOTALL)
    native = re.search(rf"typedef enum {ours} \{{(.*?)\}} {ours};", NATIVE, re.DOTALL)
    assert mine
    assert native
    listed = [name.upper() for name in re.findall(r"^\t(\w+)", mine[1], re.MULTILINE)]
    numbered = re.findall(rf"{prefix}(\w+) = (\d+)", native[1])
    assert [int(number) for _, number in numbered] == list(range(len(numbered)))
    assert listed[: len(numbered)] == [name.replace("_", "") for name, _ in numbered]


PUBLIC_TYPES = SOURCE / "Posewire/Public/PosewireTypes.h"


def test_every_function_that_is_loaded_is_exported() -> None:
    names = set(re.findall(r"Do\((pw_\w+)\)", text_of(SOURCE / "Posewire/Private/PosewireLibrary.h")))
    code = "".join(text_of(path) for path in sorted(SOURCE.rglob("*.cpp")))
    code += text_of(SOURCE / "Posewire/Private/PosewireNativeStream.h")
    called = set(re.findall(r"(?:Library(?:->|\.)|\b)(pw_\w+)\(", code))
    assert called == names
    assert names <= set((ROOT / "native_client/exports.txt").read_text().split())


def test_the_packaged_plugin_holds_exactly_these_files(tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts/package_unreal", tmp_path], check=True, capture_output=True)
    packed = tmp_path / "Posewire"
    files = {str(path.relative_to(packed)) for path in packed.rglob("*") if path.is_file()}
    listed = text_of(Path(__file__).parent / "packaged_files.txt").split()
    libraries = {name for name in files if name.startswith("Source/ThirdParty/PosewireNative/bin/")}
    assert sorted(files - libraries) == sorted(listed)


@pytest.mark.skipif(
    shutil.which("g++") is None,
    reason="needs g++: scripts/test_native installs it",
)
def test_it_compiles_and_plays_without_library_and_server(tmp_path: Path) -> None:
    builder = Path(__file__).parent / "unreal_build.py"
    built = subprocess.run([sys.executable, builder, tmp_path / "build"], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    played = subprocess.run([built.stdout.strip(), "null"], capture_output=True, text=True, timeout=60)
    assert played.returncode == 0, played.stdout
    assert "expected libposewire at one of" in played.stdout

"""Compiles the Unreal plugin against the stand-in headers, as Unreal would: a module sees the public headers
of those that its Build.cs names, and its own private ones.

    python unreal_build.py FOLDER        # leaves FOLDER/play
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "unreal_client_stub/Posewire"
SOURCE = PLUGIN / "Source"
STAND_IN = Path(__file__).parent / "stand_in"
MODULES = ("Posewire", "PosewireLiveLink", "PosewireUncooked", "PosewireEditor")
FLAGS = ("-std=c++20", "-O0", "-Wall", "-Wextra", "-Wshadow", "-Wno-unused-parameter", "-Werror", "-fPIC")
_CLASS = re.compile(r"^(?:class|struct) (?:[A-Z]+_API )?(\w+)(?: final)?(?: : public (\w+))?$")


def dependencies(module: str) -> list[str]:
    """The modules that a module's Build.cs names."""
    rules = (SOURCE / module / f"{module}.Build.cs").read_text(encoding="utf-8")
    return re.findall(r'"(\w+)"', " ".join(re.findall(r"DependencyModuleNames\.AddRange\((.*?)\);", rules)))


def generated(header: str, text: str) -> str:
    """What Unreal's header tool would write, as far as the plugin can tell."""
    lines = ["#undef CURRENT_FILE_ID", f"#define CURRENT_FILE_ID {header}_"]
    found: tuple[str, str | None] = "", None
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _CLASS.match(line):
            found = match[1], match[2]
        if line.strip() != "GENERATED_BODY()":
            continue
        name, base = found
        body = f"public: using ThisClass = {name}; " + (f"using Super = {base}; " if base else "")
        if not name.startswith("F"):
            body += "static UClass* StaticClass() { static UClass Class; return &Class; } private: "
        lines.append(f"#define {header}_{number} {body}")
    return "\n".join(lines) + "\n"


def write_generated(folder: Path) -> None:
    """A `.generated.h` for each header that asks for one."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(SOURCE.rglob("*.h")):
        text = path.read_text(encoding="utf-8")
        if f"{path.stem}.generated.h" in text:
            (folder / f"{path.stem}.generated.h").write_text(generated(path.stem, text))


def includes(module: str) -> list[str]:
    """Where a module's files may look for headers."""
    folders = [SOURCE / module / part for part in ("Public", "Private")]
    for other in dependencies(module):
        if other == "PosewireNative":
            folders.append(ROOT / "native_client/include")
        elif other in MODULES:
            folders.append(SOURCE / other / "Public")
    return [f"-I{folder}" for folder in folders if folder.is_dir()]


def precompile(folder: Path) -> str:
    """The core's header once for all files, which takes most of their time; how to use it."""
    folder.mkdir()
    header = folder / "CoreMinimal.h"
    header.write_text(f'#pragma once\n#include "{STAND_IN / header.name}"\n')
    # As a file of its own its `#pragma once` would be an error.
    flags = [flag for flag in FLAGS if flag != "-Werror"]
    command = ["g++", *flags, "-w", "-x", "c++-header", header, "-o", folder / "CoreMinimal.h.gch"]
    subprocess.run(command, check=True)
    return f"-I{folder}"


def compile_one(source: Path, target: Path, options: list[str]) -> Path:
    command = ["g++", *FLAGS, *options, f"-I{STAND_IN}", "-include", "CoreMinimal.h"]
    command += ["-c", str(source), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{source.relative_to(ROOT)}:\n{done.stderr[:6000]}")
    return target


def build(folder: Path) -> Path:
    """All modules and the program that plays with them."""
    headers = folder / "generated"
    write_generated(headers)
    everything = [option for module in MODULES for option in includes(module)]
    common = [precompile(folder / "core"), f"-I{headers}"]
    jobs = [
        (path, folder / f"{path.stem}.o", [*common, *includes(module)])
        for module in MODULES
        for path in sorted((SOURCE / module).rglob("*.cpp"))
    ]
    jobs.append((Path(__file__).parent / "play.cpp", folder / "play.o", [*common, *everything]))
    with ThreadPoolExecutor(2) as pool:
        objects = list(pool.map(lambda job: compile_one(*job), jobs))
    program = folder / "play"
    subprocess.run(["g++", *map(str, objects), "-ldl", "-o", str(program)], check=True)
    return program


if __name__ == "__main__":
    print(build(Path(sys.argv[1])))

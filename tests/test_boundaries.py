"""The arrows of docs/architecture.md, held by reading imports.

Every module of the runtime stands in one room of `ROOMS`; a room may import what its row of
`ARROWS` names, and nothing else. Imports inside functions and under TYPE_CHECKING count too: they
are knowledge all the same. A new module must be given a room, which is the moment to think about it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Container, Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

REPOSITORY = Path(__file__).parents[1]
RUNTIME, EXPORT, PROTO = "posewire_runtime", "posewire_export", "posewire_proto"

ROOMS: dict[str, str] = {
    "nouns": "posewire_runtime types errors files",
    "metrics": "metrics",
    "motion": "motion motion.*",
    "sampling": "sampling sampling.*",
    "packages": "packages packages.*",
    "device": "device device.*",
    "text": "text text.*",
    "families": "families families.*",
    "stand-in": "puppet puppet.* fakes",
    "planner": "scheduler.planner scheduler.invariants",
    "scheduler": "scheduler scheduler.*",
    "exchange": "exchange exchange.*",
    "wire": "wire wire.*",
    "figure": "figure figure.*",
    "formats": "formats formats.*",
    "client": "client live_client",
    "server": "server server.*",
    "gateway": "gateway gateway.*",
    "in process": "local bake bake.*",
    "profile": "profile profile.*",
    "commands": "cli commands commands.*",
}
"""Room -> its modules, as patterns under posewire_runtime; the lowest room first, the first match counts."""

ARROWS: dict[str, str] = {
    "nouns": "",
    "metrics": "",
    "motion": "types errors",
    "sampling": "types errors",
    "packages": "nouns sampling.schedule",
    "device": "nouns packages",
    "text": "nouns packages device",
    "families": "nouns motion sampling packages device text",
    "stand-in": "nouns motion sampling.schedule families.base",
    "planner": "types",
    "scheduler": "nouns metrics motion planner families.base text.cache",
    "exchange": "nouns text.duration",
    "wire": "nouns exchange",
    "figure": "nouns motion",
    "formats": "nouns motion figure",
    "client": "nouns exchange wire",
    "server": "nouns metrics motion exchange wire planner scheduler device.memory "
    "text.duration text.settings text.rewrite",
    "gateway": "nouns motion exchange wire figure formats server",
    "in process": "nouns metrics motion exchange wire scheduler formats figure client",
    "profile": "nouns metrics packages device families.base exchange scheduler client",
    "commands": "*",
}
"""Room -> rooms and modules that it may import, besides itself."""

THIRD_PARTY: dict[str, str] = {
    "numpy": "*",
    "grpc": "server client",
    "grpc_health": "server",
    "grpc_reflection": "server",
    "google": "wire gateway",
    "posewire_proto": "wire server client gateway",
    "websockets": "gateway",
    "onnxruntime": "device",
    "tokenizers": "text",
    "PIL": "figure",
    "tqdm": "commands",
    "yaml": "commands",
}
"""Package -> rooms that may import it. What isn't here, the runtime doesn't import: torch above all."""

HEAVY = {"torch", "transformers", "onnx", "onnxruntime", "grpc", "scipy"}
"""What the small commands must not load, since it takes seconds."""


def test_the_runtime_keeps_its_arrows():
    assert violations(REPOSITORY / "runtime_server" / RUNTIME) == []


def test_imports_never_go_round_in_circles():
    assert cycle(REPOSITORY / "runtime_server" / RUNTIME) == []


def test_the_protocol_knows_nobody():
    for path in sorted((REPOSITORY / "proto" / PROTO).rglob("*.py")):
        imported = {top(name) for name, _ in imports(path, set())}
        assert not imported & {RUNTIME, EXPORT}, path


def test_every_arrow_points_at_something():
    """A typing error in the tables would silently forbid or allow too much."""
    assert set(ARROWS) == set(ROOMS)
    modules = {module for module, _ in modules_of(REPOSITORY / "runtime_server" / RUNTIME)}
    for words in (*ARROWS.values(), *THIRD_PARTY.values()):
        for word in words.split():
            assert word == "*" or word in ROOMS or word in modules | {"live"}, word


def test_arrows_point_down_only():
    floors = {room: floor for floor, room in enumerate(ROOMS)}
    for room, words in ARROWS.items():
        for word in set(words.split()) - {"*"}:
            aim = word if word in ROOMS else room_of(word)
            assert aim is not None, word
            assert floors[aim] < floors[room], f"{room} -> {aim}"


def test_every_module_has_its_sentence():
    page = (REPOSITORY / "docs" / "architecture.md").read_text(encoding="utf-8")
    for module, path in modules_of(REPOSITORY / "runtime_server" / RUNTIME):
        if path.name != "__init__.py":
            name = module.replace(".", "/")
            assert f"`{name}`" in page, f"docs/architecture.md has no sentence for {name}"


# ------------------------------------------------------------------------- the checker checks itself

PLANTS = {
    "a forbidden room": (
        "scheduler/planner.py",
        "from posewire_runtime.device.engine import Session",
        "may not import",
    ),
    "hidden in a function": (
        "motion/quat.py",
        "def f():\n    import posewire_runtime.scheduler.worker",
        "may not import posewire_runtime.scheduler.worker",
    ),
    "behind TYPE_CHECKING": (
        "types.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import posewire_runtime.scheduler.jobs",
        "may not import posewire_runtime.scheduler.jobs",
    ),
    "torch": ("scheduler/worker.py", "import torch.nn", "may not import torch"),
    "export": ("cli.py", "from posewire_export.hymotion import export", "may not import posewire_export"),
    "a library of another room": ("scheduler/worker.py", "import grpc.aio", "may not import grpc"),
    "onnxruntime at import time": ("device/engine.py", "import onnxruntime", "inside a function"),
    "a relative import": ("motion/quat.py", "from .. import worker", "absolute"),
    "a module without a room": ("utilities.py", "", "stands in no room"),
}

SMALL_HOUSE = (
    "__init__.py",
    "types.py",
    "scheduler/__init__.py",
    "scheduler/planner.py",
    "scheduler/jobs.py",
    "motion/__init__.py",
    "motion/quat.py",
)


@pytest.mark.parametrize("case", PLANTS)
def test_a_planted_import_is_found(case: str, tmp_path: Path):
    file, source, message = PLANTS[case]
    for name in SMALL_HOUSE:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("import numpy\n")
    assert violations(tmp_path) == []
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(source + "\n")
    found = violations(tmp_path)
    assert len(found) == 1
    assert message in found[0]
    assert file.removesuffix(".py").split("/")[-1] in found[0]


def test_a_planted_circle_is_found(tmp_path: Path):
    (tmp_path / "a.py").write_text("from posewire_runtime.b import x\n")
    (tmp_path / "b.py").write_text("from posewire_runtime import c\n")
    (tmp_path / "c.py").write_text("import posewire_runtime.a\n")
    assert sorted(cycle(tmp_path)) == ["a", "b", "c"]


# ---------------------------------------------------------------------------- what really gets loaded


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["version", "--help"], ["generate", "--help"], ["serve", "--help"], ["inspect", "--help"]],
)
def test_help_is_light(arguments: list[str]):
    assert loaded_by(f"from posewire_runtime.cli import run\nrun({arguments!r})") == set()


def test_inspecting_a_package_is_light(tmp_path: Path):
    folder = tiny_package(tmp_path / "tiny")
    assert (
        loaded_by(f"from posewire_runtime.cli import run\nassert run(['inspect', {folder!r}]) == 0") == set()
    )


def test_the_scheduler_is_light():
    assert loaded_by("import posewire_runtime.scheduler.worker, posewire_runtime.fakes") == set()


def test_a_heavy_import_would_be_seen():
    assert loaded_by("import grpc") == {"grpc"}


def loaded_by(program: str) -> set[str]:
    """Which heavy packages a fresh interpreter has loaded after running this."""
    report = (
        "import atexit, json, sys\n"
        "atexit.register(lambda: print('\\n' + json.dumps(sorted(sys.modules)), file=sys.stderr))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", report + program], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    modules = json.loads(done.stderr.splitlines()[-1])
    return HEAVY & set(modules)


def tiny_package(folder: Path) -> str:
    """A motion package with one file that is no graph."""
    from posewire_runtime.motion.skeleton import SMPL22
    from posewire_runtime.packages.manifest import GraphSpec, Manifest, Motion, Provenance
    from posewire_runtime.packages.package import PackageWriter
    from posewire_runtime.types import Licence, Limits, Preset

    motion = Motion(
        skeleton=SMPL22,
        fps=30,
        representation="none",
        limits=Limits(1, 10, 1),
        presets={"fast": Preset(1)},
        default_preset="fast",
    )
    manifest = Manifest(
        kind="motion",
        family="none",
        name="tiny",
        description="",
        licence=Licence("none"),
        graphs={"step": GraphSpec(file="step.onnx", inputs=(), outputs=(), precision="fp32", opset=21)},
        provenance=Provenance({}, "", ""),
        motion=motion,
    )
    with PackageWriter(folder) as writer:
        (writer.folder / "step.onnx").write_bytes(np.zeros(4).tobytes())
        writer.commit(manifest)
    return str(folder)


# ---------------------------------------------------------------------------------------- the checker


def violations(root: Path) -> list[str]:
    """All that a package's modules import and shouldn't."""
    found: list[str] = []
    files = dict(modules_of(root))
    for module, path in files.items():
        room = room_of(module)
        if room is None:
            found.append(
                f"{module} stands in no room: add it to ROOMS of tests/test_boundaries.py and to "
                "docs/architecture.md"
            )
            continue
        for name, lazily in imports(path, files):
            if complaint := refusal(room, name, lazily):
                found.append(
                    f"{module} (room '{room}') {complaint}: move the code, or change the arrows of "
                    "tests/test_boundaries.py and docs/architecture.md"
                )
    return found


def refusal(room: str, name: str, lazily: bool) -> str | None:
    """Why a room may not import this, if it may not."""
    package = top(name)
    if package == ".":
        return "must use absolute imports"
    if package in sys.stdlib_module_names:
        return None
    if package == RUNTIME:
        allowed = patterns(f"{ARROWS[room]} {ROOMS[room]}")
        inner = name.removeprefix(f"{RUNTIME}.")
        return None if matches(inner, allowed) else f"may not import {name}"
    if not matches(room, THIRD_PARTY.get(package, "").split()) and THIRD_PARTY.get(package) != "*":
        return f"may not import {package}"
    return "must import onnxruntime inside a function" if package == "onnxruntime" and not lazily else None


def patterns(words: str) -> list[str]:
    """Rooms and modules -> module patterns."""
    return [pattern for word in words.split() for pattern in ROOMS.get(word, word).split()]


def matches(name: str, allowed: Iterable[str]) -> bool:
    return any(fnmatch(name, pattern) for pattern in allowed)


def room_of(module: str) -> str | None:
    """The room a module stands in."""
    return next((room for room, modules in ROOMS.items() if matches(module, modules.split())), None)


def modules_of(root: Path) -> Iterator[tuple[str, Path]]:
    """Module names under the package, and their files."""
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        yield ".".join(part for part in parts if part != "__init__") or RUNTIME, path


def imports(path: Path, modules: Container[str]) -> Iterator[tuple[str, bool]]:
    """Names of all modules that a file imports, and whether it does so inside a function."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    inner = {id(node) for function in functions for node in ast.walk(function)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, id(node) in inner) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((name, id(node) in inner) for name in origins(node, modules))


def origins(node: ast.ImportFrom, modules: Container[str]) -> Iterator[str]:
    """`from package import module` names the module, `from module import thing` what comes after `from`."""
    if node.level or node.module is None:
        yield "."
        return
    for alias in node.names:
        whole = f"{node.module}.{alias.name}"
        yield whole if whole.removeprefix(f"{RUNTIME}.") in modules else node.module


def top(name: str) -> str:
    return name if name == "." else name.split(".")[0]


def cycle(root: Path) -> list[str]:
    """Modules that import each other at import time, in a circle; empty if there are none."""
    files = dict(modules_of(root))
    edges: dict[str, set[str]] = {}
    for module, path in files.items():
        names = {name.removeprefix(f"{RUNTIME}.") for name, lazily in imports(path, files) if not lazily}
        edges[module] = (names & set(files)) - {module}
    while leaves := [module for module, after in edges.items() if not after & set(edges)]:
        for module in leaves:
            del edges[module]
    return list(edges)

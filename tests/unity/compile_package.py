"""Compiles the Unity package with mono's mcs, against stand-ins for Unity: python compile_package.py FOLDER

Leaves Posewire.Runtime.dll and Posewire.Editor.dll, the sample, and Posewire.Tests.exe, which holds the
package's edit-mode tests and the scenarios of end_to_end.py.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "unity_client_stub" / "com.posewire.client"
FLAGS = ("-unsafe", "-nologo", "-warnaserror", "-nowarn:0649,0169,0067")
"""Fields that Unity fills, and events that nobody raises here, are no warnings."""


def sources(folder: Path) -> list[str]:
    """All C# below a folder."""
    return sorted(str(path) for path in folder.rglob("*.cs"))


def compile_to(out: Path, files: Iterable[str], *needs: str) -> None:
    """One assembly; an .exe where `out` says so."""
    kind = "exe" if out.suffix == ".exe" else "library"
    references = [f"-r:{out.parent / need}.dll" for need in needs]
    command = ["mcs", *FLAGS, f"-target:{kind}", f"-out:{out}", *references, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{out.name} doesn't compile:\n{done.stdout}{done.stderr}")


def compile_package(folder: Path) -> Path:
    """Everything; gives the path of the tests' program."""
    folder.mkdir(parents=True, exist_ok=True)
    compile_to(folder / "UnityEngine.dll", [str(HERE / "stand_ins" / "UnityEngine.cs")])
    compile_to(folder / "UnityEditor.dll", [str(HERE / "stand_ins" / "UnityEditor.cs")], "UnityEngine")
    compile_to(folder / "nunit.framework.dll", [str(HERE / "stand_ins" / "NUnit.cs")])
    compile_to(folder / "Posewire.Runtime.dll", sources(PACKAGE / "Runtime"), "UnityEngine")
    engine = ("UnityEngine", "Posewire.Runtime")
    compile_to(folder / "Posewire.Editor.dll", sources(PACKAGE / "Editor"), "UnityEditor", *engine)
    compile_to(folder / "QuickStart.dll", sources(PACKAGE / "Samples~"), *engine)
    program = folder / "Posewire.Tests.exe"
    files = sources(PACKAGE / "Tests") + [str(path) for path in sorted(HERE.glob("*.cs"))]
    needs = ("UnityEditor", "Posewire.Editor", "QuickStart", "nunit.framework", *engine)
    compile_to(program, files, *needs)
    return program


if __name__ == "__main__":
    compile_package(Path(sys.argv[1]))

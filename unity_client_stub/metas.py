"""The .meta files of the Unity package: one beside each asset, with a GUID that follows from its path.

python unity_client_stub/metas.py                  # writes those that are missing
python unity_client_stub/metas.py --library FILE   # puts a native library into Runtime/Plugins
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent / "com.posewire.client"

IMPORTERS = {
    ".cs": "MonoImporter:\n  externalObjects: {}\n  serializedVersion: 2\n  defaultReferences: []\n"
    "  executionOrder: 0\n  icon: {instanceID: 0}\n",
    ".asmdef": "AssemblyDefinitionImporter:\n  externalObjects: {}\n",
    ".json": "PackageManifestImporter:\n  externalObjects: {}\n",
    ".xml": "TextScriptImporter:\n  externalObjects: {}\n",
    ".md": "TextScriptImporter:\n  externalObjects: {}\n",
    "": "folderAsset: yes\nDefaultImporter:\n  externalObjects: {}\n",
}
"""By suffix; the empty one is that of folders."""

LIBRARIES = {
    "libposewire.so": ("x86_64", "Linux", "Linux64"),
    "posewire.dll": ("x86_64", "Windows", "Win64"),
    "libposewire.dylib": ("macOS", "OSX", "OSXUniversal"),
}
"""File -> folder, the editor's system, the player's platform."""


def guid(path: Path) -> str:
    """The GUID of an asset of the package."""
    name = f"com.posewire.client/{path.relative_to(PACKAGE).as_posix()}"
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def assets(folder: Path = PACKAGE) -> Iterator[Path]:
    """All files and folders that Unity imports; it doesn't see .names and names~."""
    for path in sorted(folder.iterdir()):
        if path.suffix == ".meta" or path.name.startswith(".") or path.name.endswith("~"):
            continue
        yield path
        if path.is_dir():
            yield from assets(path)


def plugin_importer(system: str, platform: str) -> str:
    """Import settings of a native library: its own editor and player, and nothing else."""
    processor = "AnyCPU" if system == "OSX" else "x86_64"
    lines = ["PluginImporter:", "  externalObjects: {}", "  serializedVersion: 2", "  iconMap: {}"]
    lines += ["  executionOrder: {}", "  defineConstraints: []", "  isPreloaded: 0", "  isOverridable: 0"]
    lines += ["  isExplicitlyReferenced: 0", "  validateReferences: 1", "  platformData:"]
    lines += ["  - first:", "      Any: ", "    second:", "      enabled: 0", "      settings: {}"]
    for first, settings in (
        ("Editor: Editor", (f"CPU: {processor}", f"OS: {system}")),
        (f"Standalone: {platform}", (f"CPU: {processor}",)),
    ):
        lines += ["  - first:", f"      {first}", "    second:", "      enabled: 1", "      settings:"]
        lines += [f"        {setting}" for setting in settings]
    return "\n".join(lines) + "\n"


def meta(path: Path) -> str:
    """What stands in an asset's .meta."""
    if path.name in LIBRARIES:
        importer = plugin_importer(*LIBRARIES[path.name][1:])
    else:
        importer = IMPORTERS["" if path.is_dir() else path.suffix]
    endings = "  userData: \n  assetBundleName: \n  assetBundleVariant: \n"
    return f"fileFormatVersion: 2\nguid: {guid(path)}\n{importer}{endings}"


def meta_path(path: Path) -> Path:
    """Where it stands."""
    return path.with_name(path.name + ".meta")


def add_library(file: Path) -> None:
    """Copies a native library to where Unity looks for it."""
    if file.name not in LIBRARIES:
        raise SystemExit(f"expected one of {', '.join(LIBRARIES)}, found {file.name}")
    folder = PACKAGE / "Runtime" / "Plugins" / LIBRARIES[file.name][0]
    folder.mkdir(exist_ok=True)
    shutil.copyfile(file, folder / file.name)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="writes the .meta files of the Unity package")
    parser.add_argument("--library", type=Path, help="a native library to put into the package")
    library: Path | None = parser.parse_args().library
    if library:
        add_library(library)
    for path in assets():
        if not meta_path(path).exists():
            meta_path(path).write_text(meta(path), encoding="utf-8")
            print(meta_path(path).relative_to(PACKAGE.parent))


if __name__ == "__main__":
    main()

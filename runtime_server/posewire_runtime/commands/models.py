"""Which models a command can use: the built-in ones, and packages in folders that the user names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from posewire_runtime.errors import UnknownModel
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.text.settings import TextSettings

STAND_IN = "stand-in"
"""Procedural motion, no network: there is always one model to try."""


def built_in() -> dict[str, Entry]:
    """The models that need no package, by name."""
    program = FakeProgram()
    return {STAND_IN: Entry(program.info, lambda: program)}


def _package(folder: Path, text: TextSettings) -> Entry:
    from posewire_runtime.families import open_package, package_info
    from posewire_runtime.packages.package import Package
    from posewire_runtime.text.opening import encoder_bytes

    stamp = _stamp(folder)
    package = Package.open(folder)
    return Entry(
        package_info(package),
        lambda: open_package(package, text=text),
        nbytes=package.nbytes + encoder_bytes(package, text),
        stamp=lambda: _stamp(folder) or stamp,
        renew=lambda: _package(folder, text),
    )


def _stamp(folder: Path) -> object:
    """Another value when the package in this folder has become another one; None: there is none just now."""
    from posewire_runtime.packages.package import MANIFEST_FILE

    try:
        found = (folder / MANIFEST_FILE).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def open_library(
    models: Sequence[str],
    default: str | None = None,
    text: TextSettings | None = None,
    *,
    memory: int = 0,
    pinned: Collection[str] = (),
) -> Library:
    """The built-in models and those named (a name or a package's folder); the first named is the default.

    `text` says where text encoders run and which prompt packs answer; `memory` is the budget of bytes
    for all open models (0: any), from which `pinned` ones never have to go.
    """
    entries, named = built_in(), list[str]()
    for model in models:
        if model in entries:
            named.append(model)
            continue
        folder = Path(model)
        if not folder.is_dir():
            known = ", ".join(entries)
            raise UnknownModel(f"expected a built-in model ({known}) or a package's folder, found {model!r}")
        entry = _package(folder, text or TextSettings())
        entries[entry.info.name] = entry
        named.append(entry.info.name)
    return Library(entries, default or (named[0] if named else None), memory=memory, pinned=pinned)

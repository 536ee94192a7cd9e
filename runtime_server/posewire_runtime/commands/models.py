"""Which models a command can use: the built-in ones, and packages in folders that the user names."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from importlib.resources import files
from pathlib import Path

from posewire_runtime.errors import UnknownModel
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.text.settings import TextSettings

STARTER = "starter"
"""The model that ships inside Posewire, and the default."""

STAND_IN = "stand-in"
"""Procedural motion, no network: there is always one model to try."""


def starter_folder() -> Path | None:
    """Where the starter's package lies: inside the installed runtime, or beside it in a checkout."""
    inside = Path(str(files("posewire_runtime"))) / "models" / STARTER
    beside = Path(__file__).parents[3] / "models" / STARTER
    return next((folder for folder in (inside, beside) if folder.is_dir()), None)


def package_folder(model: str) -> Path:
    """The folder that a user means who names a package: a path, or the starter."""
    own = starter_folder() if model == STARTER else None
    return Path(model) if own is None or Path(model).is_dir() else own


def stand_in() -> Entry:
    """The model that needs no package at all."""
    program = FakeProgram()
    return Entry(program.info, lambda: program)


def built_in() -> tuple[str, ...]:
    """Names of the models that need no package of the user's; the first is the default."""
    return (STAND_IN,) if starter_folder() is None else (STARTER, STAND_IN)


def _entry(model: str, text: TextSettings) -> Entry:
    """The model of this name, or in this folder."""
    if model == STAND_IN:
        return stand_in()
    folder = package_folder(model)
    if not folder.is_dir():
        known = ", ".join(built_in())
        raise UnknownModel(f"expected a built-in model ({known}) or a package's folder, found {model!r}")
    return _package(folder, text)


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
    text: TextSettings | None = None,
    *,
    memory: int = 0,
    pinned: Collection[str] = (),
) -> Library:
    """The models that are named (a name or a package's folder), the first as the default, and the stand-in.

    Without any name it is the starter, which is not looked at where others are wanted.

    `text` says where text encoders run and which prompt packs answer; `memory` is the budget of bytes
    for all open models (0: any), from which `pinned` ones never have to go.
    """
    wanted = [_entry(model, text or TextSettings()) for model in models or built_in()[:1]]
    entries = {entry.info.name: entry for entry in wanted}
    return Library({**entries, STAND_IN: entries.get(STAND_IN) or stand_in()}, memory=memory, pinned=pinned)

"""One file a model family; each turns a package into a `Program`.

A family's module offers `open_program(package, settings, text) -> Program`. It is imported when a package
of its family is opened, not before: what a package is can be asked without any graph runtime.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError
from posewire_runtime.families.base import Program
from posewire_runtime.packages.manifest import Motion
from posewire_runtime.packages.package import Package
from posewire_runtime.sampling.schedule import SOLVERS
from posewire_runtime.text.settings import TextSettings
from posewire_runtime.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Family:
    """Where a family's program is, and what must be known without importing it."""

    module: str
    """Its module's name."""
    solvers: tuple[str, ...] = ()
    """Solvers that a request may choose; empty: the family has but one way."""


FAMILIES: Mapping[str, Family] = {
    "hymotion": Family("posewire_runtime.families.hymotion", tuple(SOLVERS)),
}
"""The families of motion packages, by the name in their manifest."""


def open_package(
    package: Package | str | os.PathLike[str],
    settings: EngineSettings | None = None,
    text: TextSettings | None = None,
) -> Program:
    """Load a motion package onto the device; `text` says where its text encoder runs."""
    opened = package if isinstance(package, Package) else Package.open(package)
    _motion(opened)
    module = importlib.import_module(_family(opened).module)
    return cast(Program, module.open_program(opened, settings or EngineSettings(), text or TextSettings()))


def package_info(package: Package) -> ModelInfo:
    """What a client may ask about a motion package, without loading its graphs."""
    manifest, motion = package.manifest, _motion(package)
    return ModelInfo(
        name=manifest.name,
        family=manifest.family,
        skeleton=motion.skeleton,
        fps=motion.fps,
        limits=motion.limits,
        presets={name: preset.steps for name, preset in motion.presets.items()},
        default_preset=motion.default_preset,
        licence=manifest.licence,
        providers=(),
        description=manifest.description,
        solvers=_family(package).solvers,
    )


def _motion(package: Package) -> Motion:
    motion = package.manifest.motion
    if motion is None:
        raise PackageError(
            f"{package.root}: expected a package of kind 'motion', found kind {package.manifest.kind!r}"
        )
    return motion


def _family(package: Package) -> Family:
    name = package.manifest.family
    if name not in FAMILIES:
        raise PackageError(
            f"{package.root}: expected a package of a family that this version runs ({', '.join(FAMILIES)}), "
            f"found {name!r}; update Posewire"
        )
    return FAMILIES[name]

"""What is profiled: a model on a provider, and how its program is opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posewire_runtime.device.meter import Meter
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.families.base import Program
from posewire_runtime.packages.package import Package
from posewire_runtime.profile.cases import Subject
from posewire_runtime.types import Features, ModelInfo, Preset

_WORDS = 24
"""Of features that stand in for a text encoder: about what a sentence has."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is looked at while a program runs."""

    meter: Meter | None = None
    operators: Path | None = None
    """Folder for ONNX Runtime's own profile."""


Opener = Callable[[Watch], Program]


@dataclass(frozen=True, eq=False)
class Target:
    """A model on a provider."""

    name: str
    """Unique within a report, the same in every report."""
    info: ModelInfo
    open: Opener
    package: Package | None = None
    settings: EngineSettings | None = None
    """Of its engine; None: it has none."""

    @property
    def precision(self) -> str:
        """Of its steps' weights; `none` for a model without weights."""
        return precision_of(self.package) if self.package else "none"

    @property
    def subject(self) -> Subject:
        """What planning needs."""
        return subject_of(self.name, self.info)

    @property
    def features(self) -> Callable[[int], Features] | None:
        """Features for requests of a package without a text encoder, other ones for each number."""
        if self.package is None or self.package.manifest.text_encoder is not None:
            return None
        config = self.package.manifest.config
        return lambda number: _features(config["word_dim"], config["sentence_dim"], number)

    def quality(self) -> list[dict[str, Any]]:
        """What the package says of its presets: steps, and error where somebody measured it."""
        motion = self.package.manifest.motion if self.package else None
        if motion is None:
            return [{"preset": name, "steps": steps} for name, steps in self.info.presets.items()]
        return [_quality(name, preset) for name, preset in motion.presets.items()]


def subject_of(name: str, info: ModelInfo) -> Subject:
    """What planning needs of a model."""
    return Subject(name, info.limits, info.presets, info.default_preset)


def precision_of(package: Package) -> str:
    """What its most used graph stores its weights in."""
    graphs = package.manifest.graphs
    chosen = graphs.get("denoise") or next(iter(graphs.values()))
    return chosen.precision


def variants(folder: Path, precisions: Sequence[str]) -> tuple[list[Path], list[str]]:
    """Folders of a model in these precisions, and precisions that aren't there.

    A folder is taken for itself where its precision is wanted; others are looked for beside it under its name
    with the precision at the end, as `walk-fp32` and `walk-int8`.
    """
    own = precision_of(Package.open(folder))
    stem = folder.name.removesuffix(f"-{own}")
    found: list[Path] = []
    missing: list[str] = []
    for precision in precisions:
        beside = folder if precision == own else folder.with_name(f"{stem}-{precision}")
        if beside.is_dir():
            found.append(beside)
        else:
            missing.append(precision)
    return found, missing


def _features(words: Any, sentence: Any, number: int) -> Features:
    rng = np.random.default_rng(number)
    return Features(
        rng.standard_normal((_WORDS, int(words)), np.float32),
        rng.standard_normal((1, int(sentence)), np.float32),
    )


def _quality(name: str, preset: Preset) -> dict[str, Any]:
    return {"preset": name, "steps": preset.steps, "error": preset.error, "measured": preset.measured}

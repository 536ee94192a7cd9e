"""What `posewire.json` says: the dataclasses of a package's manifest and the rules between them.

Knows no disk and no graph runtime: `package` reads, verifies and writes the files.
Field names here are the keys of the file; `docs/package.md` describes them for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any, Literal, cast

import numpy as np

from posewire_runtime.errors import PackageError
from posewire_runtime.packages.records import RecordError, decode, encode
from posewire_runtime.sampling.schedule import SOLVERS
from posewire_runtime.types import Float, Licence, Limits, Preset, Skeleton

FORMAT = 1
"""The manifest format that this version writes, and the newest it reads."""

Precision = Literal["fp32", "fp16", "bf16", "int8", "int4"]


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of the package."""

    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """An input or output of a graph."""

    name: str
    dtype: str
    """As numpy names it: `float32`, `float16`, `int64`, `bool`."""
    shape: tuple[int | str, ...]
    """Sizes; a name stands for a size known at run time."""


@dataclass(frozen=True, slots=True)
class GraphSpec:
    """One graph: where it is and what goes in and out."""

    file: str
    """Path of the `.onnx` inside the package."""
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    precision: Precision
    """What its large weights are stored in."""
    opset: int
    data: tuple[str, ...] = ()
    """External weight files that it reads; graphs may share them."""


@dataclass(frozen=True, eq=False)
class Normalisation:
    """Per-dimension statistics of the representation."""

    mean: Float  # (I,)
    std: Float  # (I,)


@dataclass(frozen=True, eq=False)
class Motion:
    """What only a motion package has."""

    skeleton: Skeleton
    fps: float
    representation: str
    """Name of the layout of one frame, for example `hymotion-201`."""
    limits: Limits
    presets: Mapping[str, Preset]
    default_preset: str
    normalisation: Normalisation | None = None


@dataclass(frozen=True, slots=True)
class EncoderReference:
    """The text-encoder package that a motion package takes its features from."""

    folder: str
    """Name of its folder."""
    place: Literal["inside", "beside"]
    """`inside` this package's folder, or `beside` it, where several models can share it."""
    fingerprint: str
    """`Package.fingerprint` of the encoder that the model was exported with."""


@dataclass(frozen=True, slots=True)
class Parity:
    """One comparison that the exporter made."""

    what: str
    """What was compared, for example `velocity, denoise graph`."""
    against: str
    """With what, for example `torch module, float32`."""
    cases: int
    error: float
    """The worst case."""
    limit: float | None = None
    """What the exporter accepts; None: measured for information."""
    metric: str = "max |a - b| / max |b|"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the weights come from and what made the package."""

    source: Mapping[str, str]
    """File name of each source file -> its sha256."""
    exporter: str
    """Name and version of the exporter."""
    command: str
    """The command line, with file names instead of this or that machine's paths."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Manifest:
    """All of `posewire.json`."""

    format: int = FORMAT
    kind: Literal["motion", "text-encoder"]
    family: str
    """Which program runs it; `families.open_package` knows them."""
    name: str
    licence: Licence
    graphs: Mapping[str, GraphSpec]
    provenance: Provenance
    description: str = ""
    motion: Motion | None = None
    """There exactly when `kind` is `motion`."""
    text_encoder: EncoderReference | None = None
    parity: tuple[Parity, ...] = ()
    config: Mapping[str, object] = field(default_factory=dict[str, object])
    """The family's own figures; its program checks them."""
    files: Mapping[str, FileEntry] = field(default_factory=dict[str, FileEntry])
    """Every file but the manifest; `PackageWriter` fills it in."""

    @classmethod
    def from_dict(cls, data: object) -> Manifest:
        """Read a plain mapping strictly; every mistake is a `PackageError` that names its place."""
        _check_format(data)
        try:
            manifest = decode(cls, data)
        except RecordError as error:
            raise PackageError(str(error)) from None
        manifest.check()
        return manifest

    def to_dict(self) -> dict[str, Any]:
        """The mapping that `from_dict` reads."""
        return cast(dict[str, Any], encode(self))

    def check(self) -> None:
        """Hold the rules that bind one field to another."""
        for problem in _problems(self):
            raise PackageError(problem)


def safe_relative(path: str) -> bool:
    """Whether a path of a manifest stays inside the package on every system."""
    parts = path.split("/")
    return (
        not (set(path) & set("\\:\0"))
        and not PurePosixPath(path).is_absolute()
        and not {"", ".", ".."} & set(parts)
    )


def _check_format(data: object) -> None:
    """Before anything else: a newer format may well have keys that this version doesn't know."""
    found = cast(Mapping[str, object], data).get("format", FORMAT) if isinstance(data, Mapping) else FORMAT
    if type(found) is int and found > FORMAT:
        raise PackageError(
            f"format: the package is of format {found}, this version of Posewire reads up to {FORMAT}; "
            "update Posewire or export the package again"
        )


def _problems(manifest: Manifest) -> Iterator[str]:
    if manifest.format < 1:
        yield f"format: expected 1 to {FORMAT}, found {manifest.format}"
    if (manifest.kind == "motion") != (manifest.motion is not None):
        yield f"motion: expected exactly in packages of kind 'motion', this is of kind {manifest.kind!r}"
    yield from _file_problems(manifest)
    if manifest.text_encoder is not None:
        folder = manifest.text_encoder.folder
        if "/" in folder or not safe_relative(folder):
            yield f"text_encoder.folder: expected the plain name of a folder, found {folder!r}"
    if manifest.motion is not None:
        yield from _motion_problems(manifest.motion)


def _file_problems(manifest: Manifest) -> Iterator[str]:
    for path, entry in manifest.files.items():
        if not safe_relative(path):
            yield f"files.{path}: expected a path inside the package with '/' between folders"
        if len(entry.sha256) != 64 or set(entry.sha256) - set("0123456789abcdef"):
            yield f"files.{path}.sha256: expected 64 lower-case hex digits, found {entry.sha256!r}"
    for name, graph in manifest.graphs.items():
        for path in (graph.file, *graph.data):
            if path not in manifest.files:
                yield f"graphs.{name}: its file {path!r} is not listed in files"


def _motion_problems(motion: Motion) -> Iterator[str]:
    yield from _skeleton_problems(motion.skeleton)
    if motion.fps <= 0:
        yield f"motion.fps: expected more than 0, found {motion.fps}"
    if motion.default_preset not in motion.presets:
        known = ", ".join(motion.presets)
        yield f"motion.default_preset: expected one of {known}, found {motion.default_preset!r}"
    for name, preset in motion.presets.items():
        yield from _preset_problems(f"motion.presets.{name}", preset, motion.limits)
    if motion.normalisation is not None:
        yield from _normalisation_problems(motion.normalisation)


def _skeleton_problems(skeleton: Skeleton) -> Iterator[str]:
    joints = len(skeleton.names)
    if skeleton.positions.shape != (joints, 3):
        yield f"motion.skeleton.positions: expected {joints} x 3 numbers, found {skeleton.positions.shape}"
    if skeleton.rotations is not None and skeleton.rotations.shape != (joints, 4):
        yield f"motion.skeleton.rotations: expected {joints} x 4 numbers, found {skeleton.rotations.shape}"
    if len(skeleton.parents) != joints:
        yield f"motion.skeleton.parents: expected {joints} entries, found {len(skeleton.parents)}"
    for joint, parent in enumerate(skeleton.parents):
        if not -1 <= parent < joint:
            yield f"motion.skeleton.parents[{joint}]: expected -1 or an earlier joint, found {parent}"
    if not 0 <= skeleton.pelvis < joints:
        yield f"motion.skeleton.pelvis: expected a joint below {joints}, found {skeleton.pelvis}"


def _preset_problems(where: str, preset: Preset, limits: Limits) -> Iterator[str]:
    if not 1 <= preset.steps <= limits.max_steps:
        yield f"{where}.steps: expected 1 to {limits.max_steps}, found {preset.steps}"
    if preset.solver not in SOLVERS:
        yield f"{where}.solver: expected one of {', '.join(SOLVERS)}, found {preset.solver!r}"
    if preset.shift <= 0:
        yield f"{where}.shift: expected a positive number, found {preset.shift}"
    if preset.interval is not None and preset.interval[0] >= preset.interval[1]:
        yield f"{where}.interval: expected two increasing times, found {preset.interval}"
    if preset.times is not None:
        if len(preset.times) != preset.steps + 1:
            yield f"{where}.times: expected {preset.steps + 1} times (steps + 1), found {len(preset.times)}"
        if not all(a < b for a, b in pairwise(preset.times)):
            yield f"{where}.times: expected increasing times, found {preset.times}"


def _normalisation_problems(normalisation: Normalisation) -> Iterator[str]:
    mean, std = normalisation.mean, normalisation.std
    if mean.ndim != 1 or mean.shape != std.shape:
        yield f"motion.normalisation: expected two equally long lists, found {mean.shape} and {std.shape}"
    if not (np.isfinite(mean).all() and np.isfinite(std).all() and (std >= 0).all()):
        yield "motion.normalisation: expected finite means and finite, non-negative deviations"

"""A network -> a HY-Motion package: graphs, vectors, manifest, and what was checked.

Used for the official checkpoints and for networks of the same kind that this project trains.
Weights are written one matrix at a time. Nothing appears at the target before all of it is
written and checked.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np
from safetensors.torch import save_file
from torch import Tensor

from posewire_export.graph import GraphBuilder, WeightFile
from posewire_export.hymotion.graphs import Net, build_condition, build_denoise
from posewire_export.hymotion.network import Config
from posewire_export.hymotion.parity import Check, compare
from posewire_export.hymotion.resident_graphs import build_advance, build_fill
from posewire_export.quantise import storage_of
from posewire_runtime.families.hymotion import FAMILY
from posewire_runtime.families.hymotion_text import NetworkConfig, Vectors
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.packages.manifest import (
    EncoderReference,
    GraphSpec,
    Manifest,
    Motion,
    Normalisation,
    Precision,
    Provenance,
)
from posewire_runtime.packages.package import Package, PackageWriter
from posewire_runtime.packages.records import encode
from posewire_runtime.types import Features, Licence, Limits, Preset, Skeleton

WEIGHTS = "weights.bin"
"""The one file of weights that both graphs read."""

CHECKPOINT = "checkpoint.safetensors"
"""The weights that a package keeps for other precisions, in float16."""

LIMITS = Limits(min_frames=20, max_frames=360, max_steps=100)
"""What the official release can be asked for."""

PRESETS: Mapping[str, Preset] = {
    "preview": Preset(steps=4, solver="ab2"),
    "fast": Preset(steps=8, solver="ab2"),
    "quality": Preset(steps=16, solver="ab3"),
    "reference": Preset(steps=50, solver="euler"),
}
"""Evenly spaced times; `posewire export calibrate` replaces them by searched ones."""


@dataclass(frozen=True, eq=False)
class Source:
    """A network and the vectors that belong to it."""

    config: Config
    tensors: Mapping[str, Tensor]
    """Under the names of `MotionTransformer`."""
    normalisation: Normalisation
    vectors: Vectors
    files: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where it comes from: file name -> sha256."""


@dataclass(frozen=True, eq=False)
class Description:
    """What the manifest says besides."""

    name: str
    licence: Licence
    description: str = ""
    skeleton: Skeleton = field(default=SMPL22)
    fps: float = 30
    limits: Limits = LIMITS
    presets: Mapping[str, Preset] = field(default_factory=lambda: dict(PRESETS))
    default_preset: str = "fast"
    guidance: float = 5.0
    """Where neither request nor preset says another; 1 for guidance folded into the weights."""
    noise: Literal["cpu", "cuda"] = "cpu"
    """Whose generator seeds refer to."""
    encoder: EncoderReference | None = None
    command: str = ""
    """The command line, without this machine's paths."""
    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files that travel along: name -> content."""
    keep_weights: bool = False
    """Small models keep them in the package, so that it can be exported again in another precision."""


@dataclass(frozen=True, eq=False)
class Making:
    """How a package is made."""

    precision: Precision = "fp32"
    check: bool = True
    """Compare the graphs with the torch module in the engine that ships."""
    features: tuple[Features, ...] = ()
    """Real prompts for the check; random ones otherwise."""
    report: Callable[[str], None] = lambda _: None
    """Told what is going on."""


def write_package(source: Source, description: Description, out: Path, making: Making) -> Package:
    """Write and check a package; raises before anything stands at `out` if the check fails."""
    with PackageWriter(out) as writer:
        making.report(f"writing graphs in {making.precision}")
        graphs = _write_graphs(source, making.precision, writer.folder)
        config = network_config(source.config, description)
        _write_vectors(writer.folder / config.vectors, source.vectors)
        if description.keep_weights:
            halves = {name: tensor.half().contiguous() for name, tensor in source.tensors.items()}
            save_file(halves, writer.folder / CHECKPOINT)
            (writer.folder / CHECKPOINT).chmod(0o644)  # safetensors makes it the owner's alone
        for name, text in description.texts.items():
            (writer.folder / name).write_text(text, "utf-8")
        motion = _motion(source, description)
        manifest = _manifest(source, description, config, graphs, motion)
        if making.check:
            check = Check(source.config, source.tensors, source.vectors, making.features, making.report)
            measured = compare(Package(writer.folder, manifest), motion, check, making.precision)
            manifest = replace(manifest, parity=measured)
        return writer.commit(manifest)


def with_encoder_inside(package: Package, encoder: Path | None, out: Path) -> Package:
    """Move a package to `out`, with a copy of a text-encoder package in it."""
    if encoder is not None:
        copied = package.root / encoder.name
        shutil.copytree(encoder, copied)
        reference = EncoderReference(encoder.name, "inside", Package.open(copied).fingerprint)
        package.update(replace(package.manifest, text_encoder=reference))
    if out.exists():
        shutil.rmtree(out)
    shutil.move(package.root, out)
    return Package.open(out)


def network_config(config: Config, description: Description) -> NetworkConfig:
    """The figures that the runtime needs."""
    return NetworkConfig(
        width=config.width,
        layers=config.layers,
        heads=config.heads,
        word_dim=config.word_dim,
        sentence_dim=config.sentence_dim,
        band=config.band,
        text_position=config.max_frames,
        noise_frames=config.max_frames,
        rope_base=config.rope_base,
        time_factor=config.time_factor,
        says=config.says,
        guidance=description.guidance,
        noise=description.noise,
    )


def network_sizes(config: NetworkConfig) -> Config:
    """The inverse: the network that those figures describe."""
    return Config(
        config.width,
        config.layers,
        config.heads,
        word_dim=config.word_dim,
        sentence_dim=config.sentence_dim,
        time_factor=config.time_factor,
        max_frames=config.text_position,
        band=config.band,
        rope_base=config.rope_base,
        says=config.says,
    )


def _write_graphs(source: Source, precision: Precision, folder: Path) -> dict[str, GraphSpec]:
    graphs: dict[str, GraphSpec] = {}
    storage = storage_of(precision)
    with WeightFile(folder / WEIGHTS) as weights:
        for name, build in (("denoise", build_denoise), ("condition", build_condition)):
            builder = GraphBuilder(name, weights)
            build(Net(builder, source.config, source.tensors, storage))
            graphs[name] = builder.save(precision)
        for name, build in (("fill", build_fill), ("advance", build_advance)):
            builder = GraphBuilder(name, weights)
            build(builder, source.config)
            graphs[name] = builder.save("fp32")
    return graphs


def _write_vectors(path: Path, vectors: Vectors) -> None:
    np.savez(
        path,
        null_words=vectors.null_words,
        null_sentence=vectors.null_sentence,
        game_sentence=vectors.game_sentence,
    )


def _motion(source: Source, description: Description) -> Motion:
    return Motion(
        skeleton=description.skeleton,
        fps=description.fps,
        representation="hymotion-201",
        limits=description.limits,
        presets=description.presets,
        default_preset=description.default_preset,
        normalisation=source.normalisation,
    )


def _manifest(
    source: Source,
    description: Description,
    config: NetworkConfig,
    graphs: Mapping[str, GraphSpec],
    motion: Motion,
) -> Manifest:
    return Manifest(
        kind="motion",
        family=FAMILY,
        name=description.name,
        description=description.description,
        licence=description.licence,
        motion=motion,
        text_encoder=description.encoder,
        graphs=graphs,
        config=encode(config),
        provenance=Provenance(source.files, f"posewire {version('posewire')}", description.command),
    )

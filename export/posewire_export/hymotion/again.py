"""A package -> the same model in another precision, from the weights that lie inside it.

Only packages whose description asked to keep their weights have them: those that `posewire publish` makes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file

from posewire_export.hymotion.network import MotionTransformer
from posewire_export.hymotion.package import (
    CHECKPOINT,
    Description,
    Making,
    Source,
    network_sizes,
    with_encoder_inside,
    write_package,
)
from posewire_runtime.errors import PackageError
from posewire_runtime.families.hymotion import read_config, read_vectors
from posewire_runtime.packages.manifest import Motion, Precision
from posewire_runtime.packages.package import Package


def export_again(
    package: Package, out: Path, precision: Precision, report: Callable[[str], None] = lambda _: None
) -> Package:
    """Write the model to `out`, its text encoder with it; each graph is compared with torch first."""
    motion = package.manifest.motion
    if CHECKPOINT not in package.manifest.files or motion is None:
        raise PackageError(
            f"{package.root}: expected a motion package with its weights ({CHECKPOINT}), found none; export "
            "it again from what it was made of"
        )
    making = Making(precision=precision, report=report)
    with TemporaryDirectory(dir=out.absolute().parent) as scratch:
        made = write_package(
            _source(package, motion), _description(package, motion), Path(scratch) / "new", making
        )
        encoder = package.text_encoder()
        return with_encoder_inside(made, encoder.root if encoder is not None else None, out)


def _source(package: Package, motion: Motion) -> Source:
    config = read_config(package)
    if motion.normalisation is None:
        raise PackageError(f"{package.root}: motion.normalisation: expected means and deviations, found null")
    file = package.file(CHECKPOINT)
    tensors = {name: tensor.float() for name, tensor in load_file(file).items()}
    sizes = network_sizes(config)
    with torch.device("meta"):
        wanted = {name: tensor.shape for name, tensor in MotionTransformer(sizes).state_dict().items()}
    found = {name: tensor.shape for name, tensor in tensors.items()}
    if found != wanted:
        wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
        raise PackageError(
            f"{file}: expected the tensors of this network, found others: {', '.join(wrong[:5])}"
        )
    return Source(
        config=sizes,
        tensors=tensors,
        normalisation=motion.normalisation,
        vectors=read_vectors(package.file(config.vectors), config),
        files=package.manifest.provenance.source,
    )


def _description(package: Package, motion: Motion) -> Description:
    manifest, config = package.manifest, read_config(package)
    texts = [name for name in manifest.files if name.endswith((".md", ".txt"))]
    return Description(
        name=manifest.name,
        licence=manifest.licence,
        description=manifest.description,
        skeleton=motion.skeleton,
        fps=motion.fps,
        limits=motion.limits,
        presets=motion.presets,
        default_preset=motion.default_preset,
        guidance=config.guidance,
        noise=config.noise,
        command=manifest.provenance.command,
        texts={name: package.file(name).read_text("utf-8") for name in texts},
        keep_weights=True,
    )

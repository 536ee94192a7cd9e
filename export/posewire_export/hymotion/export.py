"""The official HY-Motion folder -> a model package, with the licence's conditions in its manifest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from posewire_export.hymotion.checkpoint import Checkpoint, read_checkpoint
from posewire_export.hymotion.package import Description, Making, Source, write_package
from posewire_runtime.errors import InvalidFile, PackageError
from posewire_runtime.families.hymotion_text import Vectors
from posewire_runtime.packages.manifest import EncoderReference, Normalisation, Precision
from posewire_runtime.packages.package import Package
from posewire_runtime.types import Features, Licence

LICENCE = Licence(
    identifier="Tencent HY-MOTION 1.0 Community License Agreement",
    notice=(
        "Tencent HY-MOTION 1.0 is licensed under the Tencent HY-MOTION 1.0 Community License Agreement, "
        "Copyright © 2025 Tencent. All Rights Reserved. The trademark rights of “Tencent HY” are owned by "
        "Tencent or its affiliate. This package is a modified form (converted to ONNX) of the official "
        "weights, a Model Derivative: pass the licence's text on with it. Products with more than 1 million "
        "monthly active users in the month "
        "before 30 December 2025 need a separate licence. Outputs may not be used to improve any other AI "
        "model; no military use; say where publicly posted motion was made by a machine; no high-stakes "
        "automated decisions. Powered by Tencent HY."
    ),
    territory="worldwide, excluding the European Union, the United Kingdom and South Korea",
    restricts_outputs=True,
)
"""What the licence asks to be shown; the licence itself is with the official files."""


@dataclass(frozen=True, eq=False)
class Options:
    """What the command line says."""

    name: str = "hymotion"
    precision: Precision = "fp32"
    encoder: Path | None = None
    """A text-encoder package beside the package to be written."""
    features: tuple[Path, ...] = ()
    """Files of text features for the check."""
    noise: Literal["cpu", "cuda"] = "cpu"
    """Whose generator seeds refer to; `cuda` is unverified."""
    check: bool = True
    """Compare with the torch module."""
    command: str = ""
    report: Callable[[str], None] = lambda _: None
    """Told what is going on."""


def export(folder: Path, out: Path, options: Options | None = None) -> Package:
    """Read, write, check; at `out` there is a whole package or nothing new."""
    options = options or Options()
    options.report(f"reading {folder.name}")
    checkpoint = read_checkpoint(folder)
    description = Description(
        name=options.name,
        licence=LICENCE,
        description=_describe(checkpoint, options.precision),
        fps=checkpoint.settings.fps,
        guidance=checkpoint.settings.guidance,
        noise=options.noise,
        encoder=None if options.encoder is None else encoder_beside(options.encoder, out),
        command=options.command,
        texts=_licence_texts(folder),
    )
    features = tuple(read_features(path) for path in options.features)
    making = Making(options.precision, options.check, features, options.report)
    return write_package(source_of(checkpoint), description, out, making)


def source_of(checkpoint: Checkpoint) -> Source:
    """A checkpoint as `write_package` takes it."""
    vectors = checkpoint.pipeline
    return Source(
        config=checkpoint.settings.network,
        tensors=checkpoint.network,
        normalisation=Normalisation(_rows(vectors["mean"])[0], _rows(vectors["std"])[0]),
        vectors=Vectors(
            null_words=_rows(vectors["null_ctxt_input"]),
            null_sentence=_rows(vectors["null_vtxt_feat"]),
            game_sentence=_rows(vectors["special_game_vtxt_feat"]),
        ),
        files={"latest.ckpt": checkpoint.sha256},
    )


def read_features(path: Path) -> Features:
    """Text features as engineers exchange them: `ctxt` (n, C) and `vtxt` (1, V) in an NPZ file."""
    try:
        with np.load(path, allow_pickle=False) as file:
            tokens, sentence = (np.asarray(file[name], np.float32) for name in ("ctxt", "vtxt"))
    except (OSError, ValueError, KeyError) as error:
        raise InvalidFile(f"{path}: expected an NPZ file with ctxt and vtxt, found: {error}") from None
    return Features(tokens.reshape(-1, tokens.shape[-1]), sentence.reshape(1, -1))


def encoder_beside(encoder: Path, out: Path) -> EncoderReference:
    """The reference to a text-encoder package that stands beside the package."""
    if encoder.resolve().parent != out.resolve().parent:
        raise InvalidFile(
            f"{encoder}: expected the text encoder beside {out.name}, in {out.resolve().parent}"
        )
    package = Package.open(encoder)
    if package.manifest.kind != "text-encoder":
        raise PackageError(
            f"{encoder}: expected a text-encoder package, found kind {package.manifest.kind!r}"
        )
    return EncoderReference(encoder.resolve().name, "beside", package.fingerprint)


def _licence_texts(folder: Path) -> dict[str, str]:
    """The notice that the licence asks for, and the texts that lie in the official folder."""
    texts = {"NOTICE.txt": f"{LICENCE.notice}\n\nTerritory: {LICENCE.territory}.\n"}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.name.lower().startswith(("licen", "notice")):
            texts[f"official-{path.name}"] = path.read_text("utf-8", errors="replace")
    return texts


def _describe(checkpoint: Checkpoint, precision: Precision) -> str:
    count = sum(tensor.numel() for tensor in checkpoint.network.values())
    return f"HY-Motion 1.0, {count / 1e6:.0f} million parameters, {precision}; text to SMPL-22 motion"


def _rows(tensor: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return tensor.float().reshape(1, -1).numpy().copy()

"""A trained network and its text encoder -> one package that the runtime serves.

The graphs are those of HY-Motion's exporter: what is special here is the rest skeleton, the guidance
that is folded into the weights, and the text encoder that lies inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from posewire_export.hymotion.network import Config as NetworkConfig
from posewire_export.hymotion.package import Description, Making, Source, with_encoder_inside, write_package
from posewire_export.train import rest
from posewire_export.train.config import from_dict
from posewire_export.train.flow import CROWDING, GUIDED_UNTIL
from posewire_export.train.text_graph import TextPackage, write_text_package
from posewire_export.train.text_model import TextSide
from posewire_runtime.families.hymotion_text import Vectors
from posewire_runtime.packages.hashes import sha256_of
from posewire_runtime.packages.manifest import Normalisation, Precision
from posewire_runtime.packages.package import Package
from posewire_runtime.types import Features, Licence, Limits, Preset

TEXT_FOLDER = "text"
"""Where the encoder lies inside the package."""

FEW_STEPS: Mapping[str, int] = {"preview": 2, "fast": 4, "quality": 8}
"""Presets of a network whose flows were straightened, and their steps."""

GUIDED: Mapping[str, int] = {"preview": 4, "fast": 8, "quality": 16, "reference": 50}
"""Presets of a network that wasn't distilled: small ones jerk where a solver looks back over few steps."""

_PREFIX = "motion_transformer."


@dataclass(frozen=True, eq=False)
class Publication:
    """What a package says of itself, and what it is made of."""

    weights: Path
    """average.pt of a run."""
    side: TextSide
    known: Sequence[str]
    """Captions that the network learned from."""
    name: str
    licence: Licence
    description: str = ""
    guidance: float | None = None
    """Guidance at run time; None: it is folded into the weights, and no other can be asked for."""
    strange: float = 0.55
    familiar: float = 0.85
    precision: Precision = "int8"
    text_precision: Precision = "int8"
    texts: Mapping[str, str] | None = None
    """Files that travel along: name -> content."""
    command: str = ""


def publish(work: Publication, out: Path, report: Callable[[str], None] = print) -> Package:
    """Write the package, each graph checked against torch."""
    stored = torch.load(work.weights, map_location="cpu", weights_only=True)
    with TemporaryDirectory(dir=out.parent) as scratch:
        encoder = write_text_package(
            TextPackage(
                work.side,
                work.known,
                work.strange,
                work.familiar,
                work.licence,
                work.text_precision,
                f"{work.name}-text",
                work.command,
            ),
            Path(scratch) / TEXT_FOLDER,
        )
        description = _description(work)
        examples = tuple(_features(work.side, text) for text in sorted(set(work.known))[::500])
        making = Making(precision=work.precision, features=examples, report=report)
        package = write_package(source_of(stored, work), description, Path(scratch) / "motion", making)
        return with_encoder_inside(package, encoder.root, out)


def source_of(stored: Mapping[str, object], work: Publication) -> Source:
    """The network as the exporter wants it."""
    tensors = {name: value.float() for name, value in stored["model_state_dict"].items()}  # pyright: ignore[reportAttributeAccessIssue]
    sizes = from_dict(stored["config"]).network  # pyright: ignore[reportArgumentType]
    width = work.side.width
    return Source(
        config=NetworkConfig(
            sizes.width, sizes.layers, sizes.heads, word_dim=width, sentence_dim=width, says="motion"
        ),
        tensors={n.removeprefix(_PREFIX): t for n, t in tensors.items() if n.startswith(_PREFIX)},
        normalisation=Normalisation(tensors["mean"].numpy(), tensors["std"].numpy()),
        vectors=Vectors(
            null_words=tensors["null_ctxt_input"].numpy()[0],
            null_sentence=tensors["null_vtxt_feat"].numpy()[0],
            game_sentence=np.zeros((1, width), np.float32),
        ),
        files={work.weights.name: sha256_of(work.weights)},
    )


def _description(work: Publication) -> Description:
    folded = work.guidance is None
    limits = Limits(min_frames=20, max_frames=360, max_steps=50, fixed_guidance=1.0 if folded else None)
    return Description(
        name=work.name,
        licence=work.licence,
        description=work.description,
        skeleton=rest.REST,
        limits=limits,
        guidance=work.guidance or 1.0,
        command=work.command,
        texts=work.texts or {},
        keep_weights=True,
        presets=_presets(FEW_STEPS, None) if folded else _presets(GUIDED, (0.0, GUIDED_UNTIL)),
    )


def _presets(steps: Mapping[str, int], guided: tuple[float, float] | None) -> dict[str, Preset]:
    return {name: Preset(count, "euler", shift=CROWDING, interval=guided) for name, count in steps.items()}


def _features(side: TextSide, prompt: str) -> Features:
    text = side([prompt])
    return Features(text.tokens[0].numpy(), text.sentence[0].numpy())

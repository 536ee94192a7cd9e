"""`posewire encode`: prompts to text features, for engineers."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from posewire_runtime.commands.arguments import Subparsers

if TYPE_CHECKING:
    from collections.abc import Sequence

    from posewire_runtime.packages.package import Package
    from posewire_runtime.types import Features

_MANUAL = """\
Encodes prompts and writes their features. The file holds ctxt (one row for each token), vtxt (one vector
for the whole prompt) and length (the tokens). Of one prompt: ctxt (n, C), vtxt (1, V), as `posewire generate
--text-features` takes them. Of several: ctxt (N, longest, C), filled up with zeros, vtxt (N, 1, V),
length (N).

examples:
  posewire encode --model packages/text-encoder "a person waves" --raw wave.npz
  posewire encode --model packages/hymotion "walk" "run" "" --raw three.npz --text-encoder cpu
"""


def register(subparsers: Subparsers) -> None:
    """Add `posewire encode`."""
    parser = subparsers.add_parser("encode", help="make text features of prompts", description=_MANUAL)
    parser.add_argument("prompts", nargs="+", metavar="PROMPT")
    parser.add_argument("--raw", type=Path, required=True, metavar="OUT.npz", help="the file to write")
    add_encoder(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object about what was made")
    parser.set_defaults(func=_run)


def add_encoder(parser: argparse.ArgumentParser) -> None:
    """Arguments that choose an encoder and where it runs."""
    parser.add_argument(
        "--model",
        required=True,
        metavar="P",
        help="the folder of a text-encoder package, or of a model package that refers to one",
    )
    parser.add_argument(
        "--text-encoder",
        choices=("resident", "on-demand", "cpu"),
        default="resident",
        help="where the encoder runs: on the device, loaded for each call only, or on the CPU",
    )
    parser.add_argument(
        "--provider", default="auto", metavar="NAME", help="execution provider, for example cuda or cpu"
    )


def open_encoder_package(path: str) -> Package:
    """The text-encoder package that this folder is or refers to."""
    from posewire_runtime.errors import PackageError
    from posewire_runtime.packages.package import Package

    package = Package.open(path)
    if package.manifest.kind == "text-encoder":
        return package
    encoder = package.text_encoder()
    if encoder is None:
        raise PackageError(
            f"{path}: expected a model with a text encoder, found one without; "
            "name the folder of a text-encoder package"
        )
    return encoder


def write_features(path: Path, features: Sequence[Features]) -> None:
    """Write ctxt, vtxt and length of one or several prompts."""
    import numpy as np

    from posewire_runtime.errors import InvalidFile

    lengths = np.array([len(f.tokens) for f in features])
    context = np.zeros((len(features), lengths.max(), features[0].tokens.shape[1]), np.float32)
    for row, f in zip(context, features, strict=True):
        row[: len(f.tokens)] = f.tokens
    arrays = {"ctxt": context, "vtxt": np.stack([f.sentence for f in features]), "length": lengths}
    if len(features) == 1:
        arrays = {name: array[0] for name, array in arrays.items()}
    try:
        with path.open("wb") as file:
            np.savez(file, ctxt=arrays["ctxt"], vtxt=arrays["vtxt"], length=arrays["length"])
    except OSError as error:
        raise InvalidFile(f"{path}: can't be written: {error.strerror}") from error


def _run(options: argparse.Namespace) -> int:
    import sys
    import time

    from posewire_runtime.device.providers import EngineSettings
    from posewire_runtime.text.opening import encoder_of

    package = open_encoder_package(options.model)
    encoder = encoder_of(package, EngineSettings(provider=options.provider), options.text_encoder)
    began = time.perf_counter()
    features = encoder.encode(options.prompts)
    seconds = time.perf_counter() - began
    write_features(options.raw, features)
    for prompt, found in zip(options.prompts, features, strict=True):
        for notice in found.notices:
            print(f"posewire: {prompt[:40]!r}: {notice}", file=sys.stderr)
    lengths = [len(f.tokens) for f in features]
    report = {
        "encoder": package.manifest.name,
        "fingerprint": package.fingerprint,
        "lengths": lengths,
        "seconds": round(seconds, 3),
        "file": str(options.raw),
    }
    tokens = ", ".join(map(str, lengths))
    line = f"{options.raw}: {len(features)} prompts of {tokens} tokens in {seconds:.2f} s"
    print(json.dumps(report, indent=2) if options.json else line)
    return 0

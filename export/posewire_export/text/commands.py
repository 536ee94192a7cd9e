"""`posewire export text-encoder`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posewire_runtime.commands.arguments import Subparsers

_MANUAL = """\
Makes a text-encoder package of two Hugging Face folders: a Qwen3 language model and a CLIP text model, as
HY-Motion reads prompts with. Weights are read matrix by matrix, in one file or in shards; the language-model
head is left out, and the constant system prompt is computed once and stored. Afterwards the graphs run in
ONNX Runtime and are compared with float32: the figures are in the manifest (posewire inspect shows them).

precisions:
  fp32   exact; 4 bytes a weight
  fp16   half the size; for GPUs
  int8   a quarter; --target cpu: signed, per channel, the fast form on CPUs; gpu: weight-only
  int4   about a sixth; weight-only. Matrices that it hurts too much are kept at int8 or above.

examples:
  posewire export text-encoder --llm Qwen3-8B --sentence clip-vit-large-patch14 --out packages/text-encoder
  posewire export text-encoder --llm Qwen3-8B --sentence clip-vit-large-patch14 --out packages/text-int4 \\
      --precision int4 --target gpu
"""


def register_text_encoder(subparsers: Subparsers) -> None:
    """Add `text-encoder` to the exporters."""
    parser = subparsers.add_parser(
        "text-encoder",
        help="export the text encoders of HY-Motion",
        description=_MANUAL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--llm", type=Path, required=True, metavar="DIR", help="the Qwen3 folder")
    parser.add_argument("--sentence", type=Path, required=True, metavar="DIR", help="the CLIP folder")
    parser.add_argument("--out", type=Path, required=True, metavar="PACKAGE", help="the package to write")
    parser.add_argument("--name", help="what the package is called; without it: its folder's name")
    parser.add_argument(
        "--precision", choices=("fp32", "fp16", "int8", "int4"), default="fp32", help="of the weights (fp32)"
    )
    parser.add_argument(
        "--target", choices=("cpu", "gpu"), default="cpu", help="what int8 and int4 are laid out for (cpu)"
    )
    parser.add_argument(
        "--motion", type=Path, metavar="PACKAGE", help="measure the error on this model's motion, too"
    )
    parser.add_argument(
        "--no-check",
        action="store_true",
        help="don't run the finished graphs: needs no memory for the whole encoder, tells no errors",
    )
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    import sys

    from posewire_export.text.encoder import Options, export
    from posewire_runtime.packages.package import portable_command

    package = export(
        options.llm,
        options.sentence,
        options.out,
        Options(
            precision=options.precision,
            target=options.target,
            name=options.name or options.out.name,
            command=portable_command(sys.argv),
            motion=options.motion,
            check=not options.no_check,
            report=lambda line: print(f"posewire: {line}", file=sys.stderr),
        ),
    )
    print(f"{options.out}: {package.nbytes / 1e9:.2f} GB")
    for entry in package.manifest.parity:
        limit = "" if entry.limit is None else f" (at most {entry.limit:.0e})"
        print(f"  {entry.what}: {entry.error:.2e}{limit}")
    return 0

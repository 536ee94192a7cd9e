"""`posewire export hymotion` and `posewire export calibrate`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from posewire_runtime.commands.arguments import Subparsers
    from posewire_runtime.families.hymotion import HyMotion
    from posewire_runtime.packages.package import Package
    from posewire_runtime.types import Features

_EXPORT = """\
Makes a model package of an official HY-Motion 1.0 folder (config.yml, latest.ckpt). The package runs without
torch. Its graphs are compared with the torch network in the engine that ships before the package appears at
--out; the figures are in the manifest (posewire inspect shows them).

precisions:
  fp32   exact; 4 bytes a weight
  fp16   half the size; for GPUs
  bf16   half the size; for GPUs that multiply in bfloat16; the finished graph is not run here
  int8   a quarter; the fast form on CPUs
  int4   about a sixth; for memory, not for speed

examples:
  posewire export hymotion --checkpoint HY-Motion-1.0-Lite --out packages/hymotion-lite
  posewire export hymotion --checkpoint HY-Motion-1.0 --out packages/hymotion --precision int8 \\
      --text-encoder packages/text-encoder
"""

_CALIBRATE = """\
Searches the time grid with the least error for a package and a number of steps, measured against the
package's own 'reference' preset on the same prompts and seeds, and stores grid and error in the manifest.

examples:
  posewire export calibrate packages/hymotion-lite --steps 8 --preset fast --prompts prompts.txt
  posewire export calibrate packages/hymotion-lite --steps 8 --preset turbo --interval 0 0.5 --features F.npz
"""


_PRECISION = """\
Makes another precision of a model that keeps its weights in its package: the starter model, and those that
posewire publish makes. Its text encoder comes along as it is. Each graph is compared with torch first.

examples:
  posewire export precision --precision fp16 --out packages/starter-fp16
  posewire export precision --package packages/mine --precision fp32 --out packages/mine-fp32
"""


def register_hymotion(subparsers: Subparsers) -> None:
    """Add `hymotion` to the exporters."""
    parser = subparsers.add_parser(
        "hymotion",
        help="export an official HY-Motion 1.0 checkpoint",
        description=_EXPORT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--checkpoint", type=Path, required=True, metavar="DIR", help="the official folder")
    parser.add_argument("--out", type=Path, required=True, metavar="PACKAGE", help="the package to write")
    parser.add_argument("--name", help="what the model is called; without it: its folder's name")
    parser.add_argument(
        "--precision",
        choices=("fp32", "fp16", "bf16", "int8", "int4"),
        default="fp32",
        help="of the weights (fp32)",
    )
    encoder = parser.add_mutually_exclusive_group()
    encoder.add_argument(
        "--text-encoder",
        type=Path,
        metavar="PACKAGE",
        help="a text-encoder package in the same folder as --out",
    )
    encoder.add_argument(
        "--text-encoders",
        type=Path,
        metavar="DIR",
        help="a folder with Qwen3-8B and clip-vit-large-patch14, exported along with it, to OUT-text",
    )
    parser.add_argument(
        "--features",
        type=Path,
        nargs="+",
        default=[],
        metavar="F.npz",
        help="text features (ctxt, vtxt) for the check; without them: random ones",
    )
    parser.add_argument(
        "--noise",
        choices=("cpu", "cuda"),
        default="cpu",
        help="whose generator seeds refer to (cpu); cuda: as the official Lite model on a GPU, unverified",
    )
    parser.add_argument("--no-check", action="store_true", help="don't compare with the torch network")
    parser.set_defaults(func=_export)


def register_precision(subparsers: Subparsers) -> None:
    """Add `precision` to the exporters."""
    parser = subparsers.add_parser(
        "precision",
        help="export a model that keeps its weights in another precision",
        description=_PRECISION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--package", type=Path, metavar="PACKAGE", help="without it: the starter model")
    parser.add_argument("--precision", choices=("fp32", "fp16", "bf16", "int8", "int4"), required=True)
    parser.add_argument("--out", type=Path, required=True, metavar="PACKAGE", help="the package to write")
    parser.set_defaults(func=_export_again)


def register_calibrate(subparsers: Subparsers) -> None:
    """Add `calibrate` to the exporters."""
    parser = subparsers.add_parser(
        "calibrate",
        help="search a package's best time grid for a number of steps",
        description=_CALIBRATE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("package", type=Path, metavar="PACKAGE", help="the package to change")
    parser.add_argument("--steps", type=int, required=True, metavar="N", help="network steps of the preset")
    parser.add_argument("--preset", default="fast", help="the preset to store (fast)")
    parser.add_argument("--solver", choices=("euler", "ab2", "ab3"), help="without it: the best of all three")
    parser.add_argument("--guidance", type=float, metavar="G", help="without it: the model's own")
    parser.add_argument(
        "--interval", type=float, nargs=2, metavar=("LOW", "HIGH"), help="guide only at times in [LOW, HIGH)"
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--prompts", type=Path, metavar="FILE", help="a prompt a line; needs a text encoder")
    source.add_argument(
        "--features", type=Path, nargs="+", metavar="F.npz", help="text features (ctxt, vtxt)"
    )
    parser.add_argument("--frames", type=int, default=90, metavar="N", help="length of the clips (90)")
    parser.add_argument("--seeds", type=int, default=2, metavar="N", help="seeds for each prompt (2)")
    parser.add_argument(
        "--tries", type=int, default=60, metavar="N", help="grids to try for each solver (60)"
    )
    parser.set_defaults(func=_calibrate)


def _say(line: str) -> None:
    print(f"posewire: {line}", file=sys.stderr)


def _export(options: argparse.Namespace) -> int:
    from posewire_export.hymotion.export import Options, export
    from posewire_runtime.packages.package import portable_command

    encoder = options.text_encoder or _text_encoder(options)
    package = export(
        options.checkpoint,
        options.out,
        Options(
            name=options.name or options.out.name,
            precision=options.precision,
            encoder=encoder,
            features=tuple(options.features),
            noise=options.noise,
            check=not options.no_check,
            command=portable_command(sys.argv),
            report=_say,
        ),
    )
    print(f"{options.out}: {package.nbytes / 1e9:.2f} GB")
    for entry in package.manifest.parity:
        limit = "" if entry.limit is None else f" (at most {entry.limit:.0e})"
        print(f"  {entry.what}: {entry.error:.2e}{limit}")
    _say(f"licence: {package.manifest.licence.identifier}; territory: {package.manifest.licence.territory}")
    return 0


def _text_encoder(options: argparse.Namespace) -> Path | None:
    """Export both text encoders beside the package, if asked to."""
    if options.text_encoders is None:
        return None
    from posewire_export.text.encoder import Options, export
    from posewire_runtime.packages.package import portable_command

    out = options.out.with_name(f"{options.out.name}-text")
    folder: Path = options.text_encoders
    precision = "fp16" if options.precision == "bf16" else options.precision
    command = portable_command(sys.argv)
    export(
        folder / "Qwen3-8B",
        folder / "clip-vit-large-patch14",
        out,
        Options(precision=precision, name=out.name, command=command, check=not options.no_check, report=_say),
    )
    return out


def _export_again(options: argparse.Namespace) -> int:
    from posewire_export.hymotion.again import export_again
    from posewire_runtime.commands.models import STARTER, package_folder
    from posewire_runtime.packages.package import Package

    folder = options.package or package_folder(STARTER)
    package = export_again(Package.open(folder), options.out, options.precision, _say)
    print(f"{options.out}: {package.nbytes / 1e6:.1f} MB")
    return 0


def _calibrate(options: argparse.Namespace) -> int:
    from posewire_export.hymotion.calibrate import Prompts, Target, calibrate
    from posewire_runtime.device.providers import EngineSettings
    from posewire_runtime.families.hymotion import open_program
    from posewire_runtime.packages.package import Package

    package = Package.open(options.package)
    program = open_program(package, EngineSettings())
    features, names = _features(options, package, program)
    target = Target(
        preset=options.preset,
        steps=options.steps,
        guidance=options.guidance,
        interval=None if options.interval is None else tuple(options.interval),
        tries=options.tries,
    )
    if options.solver is not None:
        from dataclasses import replace

        target = replace(target, solvers=(options.solver,))
    prompts = Prompts(features, options.frames, tuple(range(options.seeds)), names)
    changed = calibrate(package, program, target, prompts, _say)
    motion = changed.manifest.motion
    if motion is not None:
        stored = motion.presets[options.preset]
        print(f"{options.preset}: {stored.steps} steps, {stored.solver}, error {stored.error:.4f}")
    return 0


def _features(options: argparse.Namespace, package: Package, program: HyMotion) -> tuple[list[Features], str]:
    """The features to calibrate with, and what they are called."""
    from posewire_export.hymotion.export import read_features
    from posewire_runtime.errors import InvalidRequest

    if options.features:
        found = [read_features(path) for path in options.features]
        return found, f"{len(found)} prompts given as features"
    if program.encoder is None:
        raise InvalidRequest(f"{package.root}: expected a package with a text encoder, or --features")
    lines = options.prompts.read_text("utf-8").splitlines()
    prompts = [line for line in lines if line.strip()]
    return program.encoder.encode(prompts), f"{len(prompts)} prompts of {options.prompts.name}"

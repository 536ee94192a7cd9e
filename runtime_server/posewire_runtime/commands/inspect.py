"""`posewire inspect`: what a model package holds, without loading it."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from posewire_runtime.commands.arguments import Subparsers

if TYPE_CHECKING:
    from posewire_runtime.types import ModelInfo

_MANUAL = """\
Shows all of a model package's manifest: skeleton, limits, presets with their measured error, graphs with
sizes, parity report, provenance, and the licence notice that must be passed on. Imports no graph runtime.

examples:
  posewire inspect packages/hymotion
  posewire inspect packages/hymotion --verify full      # hash every file, trust no memory
  posewire inspect stand-in --json
"""


def register(subparsers: Subparsers) -> None:
    """Add `posewire inspect`."""
    parser = subparsers.add_parser("inspect", help="show what a model package holds", description=_MANUAL)
    parser.add_argument(
        "package", metavar="PACKAGE", help="the folder of a package, or a built-in model's name"
    )
    parser.add_argument(
        "--verify",
        choices=("sizes", "cached", "full"),
        default="cached",
        help="how its files are checked: sizes only, hashes not known from before, or all hashes",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from pathlib import Path

    from posewire_runtime.commands.models import STAND_IN, package_folder, stand_in
    from posewire_runtime.packages.describe import describe, describe_text
    from posewire_runtime.packages.package import Package

    if options.package == STAND_IN and not Path(STAND_IN).is_dir():
        facts = _facts(stand_in().info)
        print(json.dumps(facts, indent=2) if options.json else _lines(facts))
        return 0
    package = Package.open(package_folder(options.package), verify=options.verify)
    print(json.dumps(describe(package), indent=2) if options.json else describe_text(package).rstrip())
    return 0


def _facts(info: ModelInfo) -> dict[str, object]:
    """What can be said of a model that has no package."""
    limits = info.limits
    return {
        "name": info.name,
        "family": info.family,
        "description": info.description,
        "licence": info.licence.identifier,
        "notice": info.licence.notice,
        "skeleton": f"{len(info.skeleton)} joints: {', '.join(info.skeleton.names)}",
        "fps": info.fps,
        "frames": f"{limits.min_frames} to {limits.max_frames}",
        "presets": dict(info.presets),
        "default_preset": info.default_preset,
    }


def _lines(facts: dict[str, object]) -> str:
    return "\n".join(f"{name:15} {value}" for name, value in facts.items() if value not in ("", None))

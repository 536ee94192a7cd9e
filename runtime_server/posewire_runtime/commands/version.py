"""`posewire version`: which versions are at work here."""

from __future__ import annotations

import argparse
import json
import platform
from importlib.metadata import PackageNotFoundError, version

from posewire_runtime.commands.arguments import Subparsers

_PARTS = ("posewire", "numpy", "grpcio", "protobuf", "onnxruntime", "onnxruntime-gpu", "torch")


def register(subparsers: Subparsers) -> None:
    """Add `posewire version`."""
    parser = subparsers.add_parser(
        "version",
        help="print the versions of Posewire and of what it runs on",
        description="Prints the versions of Posewire and of what it runs on: put them into a bug report.",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(func=_run)


def _installed(part: str) -> str | None:
    try:
        return version(part)
    except PackageNotFoundError:
        return None


def _run(options: argparse.Namespace) -> int:
    versions = {part: _installed(part) for part in _PARTS}
    versions["python"] = platform.python_version()
    versions["platform"] = platform.platform()
    if options.json:
        print(json.dumps(versions, indent=2))
        return 0
    for part, found in versions.items():
        print(f"{part:16} {found or 'not installed'}")
    return 0

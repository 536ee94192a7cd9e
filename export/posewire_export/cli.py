"""`posewire export …`: one command, a subcommand for each thing that can be exported."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from posewire_export.hymotion.commands import register_calibrate, register_hymotion, register_precision
from posewire_export.text.commands import register_text_encoder

if TYPE_CHECKING:
    from posewire_runtime.commands.arguments import Subparsers

_MANUAL = """\
Turns trained networks into model packages, which run without torch. Needs pip install 'posewire[export]'.

  posewire export WHAT --help tells more about each.
"""


def register_export(subparsers: Subparsers) -> None:
    """Add `posewire export`."""
    parser = subparsers.add_parser(
        "export",
        help="turn trained networks into model packages",
        description=_MANUAL,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    exporters = parser.add_subparsers(metavar="WHAT", required=True)
    register_hymotion(exporters)
    register_text_encoder(exporters)
    register_calibrate(exporters)
    register_precision(exporters)

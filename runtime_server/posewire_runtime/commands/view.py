"""`posewire view`: files of motion, on the stage in the browser."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from posewire_runtime.commands.arguments import Subparsers

if TYPE_CHECKING:
    from posewire_runtime.gateway.exhibits import Exhibit

_MANUAL = """\
Shows files of motion in the browser: play, scrub, look from all sides, save as another format. Runs until
Ctrl-C, on this machine only. GLB files are shown with the body they bring, .bvh and .npz on a mannequin.

examples:
  posewire view wave.glb
  posewire view walk.bvh run.npz            # side by side
"""

_MOST = 4
"""Characters that the stage shows side by side."""


def register(subparsers: Subparsers) -> None:
    """Add `posewire view`."""
    parser = subparsers.add_parser("view", help="show files of motion in the browser", description=_MANUAL)
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="a .glb, .bvh or .npz file; up to 4"
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port of the page; 0: any free one")
    parser.add_argument("--no-browser", action="store_true", help="only print the page's address")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from posewire_runtime.errors import InvalidRequest, Violation
    from posewire_runtime.gateway.exhibits import open_exhibit

    if len(options.files) > _MOST:
        message = f"expected at most {_MOST} files, found {len(options.files)}"
        raise InvalidRequest.of([Violation("FILE", message)])
    exhibits = [open_exhibit(path) for path in options.files]
    show_until_stopped(exhibits, options.port, browser=not options.no_browser)
    return 0


def show_until_stopped(exhibits: Sequence[Exhibit], port: int = 0, browser: bool = True) -> None:
    """Show something on the stage until Ctrl-C."""
    import asyncio

    from posewire_runtime.gateway.gateway import open_browser, show
    from posewire_runtime.server.config import Settings

    def ready(url: str) -> None:
        print(f"posewire: showing at {url}; Ctrl-C stops it", flush=True)
        if browser and not open_browser(url):
            print("posewire: found no browser to open it with", file=sys.stderr)

    asyncio.run(show(exhibits, ready, Settings(viewer_port=port)))

"""`posewire token`: draws a bearer token, shows it once, and keeps its hash in a tokens file."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from posewire_runtime.commands.arguments import Subparsers
from posewire_runtime.errors import InvalidFile

_MANUAL = """\
Draws a token for a caller and prints it, once: nobody can find it out later. Its SHA-256 goes to the end of
the tokens file, which only its owner may read. A running server reads the file again on SIGHUP; to take a
token away, delete its line.

examples:
  posewire token studio-42 --file tokens
  posewire token nightly-bake --file tokens --rate 2 --streams 4
"""


def register(subparsers: Subparsers) -> None:
    """Add `posewire token`."""
    parser = subparsers.add_parser("token", help="draw a bearer token for a caller", description=_MANUAL)
    parser.add_argument("name", help="who gets it; stands in the server's log")
    parser.add_argument(
        "--file", type=Path, metavar="FILE", help="tokens file to add it to; else: show its line"
    )
    parser.add_argument(
        "--rate", type=float, metavar="N", help="calls a second, on average (as the server says)"
    )
    parser.add_argument("--streams", type=int, metavar="N", help="streams at once (as the server says)")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from posewire_runtime.server.tokens import draw, line_of

    given = {"rate": options.rate, "streams": options.streams}
    token = draw()
    line = line_of(token, options.name, {key: value for key, value in given.items() if value is not None})
    if options.file is None:
        print(f"posewire: add this line to the tokens file: {line}", file=sys.stderr)
    else:
        _append(options.file, line)
    print(token)
    return 0


def _append(path: Path, line: str) -> None:
    """Add a line; a new file is its owner's alone."""
    try:
        with os.fdopen(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+") as file:
            text = file.read()
            file.write(("" if text.endswith("\n") or not text else "\n") + line + "\n")
    except OSError as error:
        raise InvalidFile(f"{path}: can't be written: {error.strerror}; name another file") from error

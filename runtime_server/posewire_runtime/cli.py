"""`posewire …`: finds the commands, runs one, turns errors into a line and an exit code.

Commands are entry points of the group `posewire.commands`. Each names a function
`register(subparsers)` that adds its parser and sets `func=`, a function of the parsed
arguments that returns an exit code. Registering must be cheap: whatever is heavy is
imported inside that function. Knows nothing of what the commands do.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import EntryPoint, entry_points

from posewire_runtime.errors import (
    DeviceError,
    GenerationFailed,
    InvalidConfig,
    InvalidRequest,
    MissingExtra,
    PackageError,
    PosewireError,
)

GROUP = "posewire.commands"

EXIT_CODES: tuple[tuple[type[PosewireError], int], ...] = (
    (InvalidRequest, 2),
    (InvalidConfig, 2),
    (PackageError, 3),
    (GenerationFailed, 5),
    (DeviceError, 5),
    (MissingExtra, 6),
    (PosewireError, 4),  # the server: busy, gone, draining, out of time
)
"""What a shell script may test; `docs/cli.md` lists them."""

INTERRUPTED = 130
"""What shells expect of a program ended by Ctrl-C."""

_EXTRAS = {
    "onnxruntime": "cpu",
    "torch": "export",
    "onnx": "export",
    "onnxscript": "export",
    "transformers": "export",
    "safetensors": "export",
    "smplx": "export",
    "yaml": "export",
    "pxr": "usd",
    "ray": "cluster",
}
"""Import name -> the extra that brings it."""


class _Formatter(argparse.RawDescriptionHelpFormatter, argparse.ArgumentDefaultsHelpFormatter):
    """Keeps the manual's line breaks and says each default once."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        if action.default in (None, False, ()) or action.default is argparse.SUPPRESS:
            return action.help
        return super()._get_help_string(action)


class Parser(argparse.ArgumentParser):
    """An argument parser whose help reads like a small manual."""

    def __init__(self, *args: object, **options: object) -> None:
        options.setdefault("formatter_class", _Formatter)
        super().__init__(*args, **options)  # pyright: ignore[reportArgumentType]


def _load(command: EntryPoint) -> Callable[[object], None]:
    return command.load()


def build_parser() -> argparse.ArgumentParser:
    """The parser with every installed command."""
    parser = Parser(
        prog="posewire",
        description="Text to motion at run time: a prompt goes in, joint rotations come out.",
        epilog="posewire COMMAND --help tells more about each command.",
    )
    subparsers = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for command in sorted(entry_points(group=GROUP), key=lambda c: c.name):
        _load(command)(subparsers)
    return parser


def exit_code(error: PosewireError) -> int:
    """The exit code that stands for an error."""
    return next(code for kind, code in EXIT_CODES if isinstance(error, kind))


def _missing_extra(error: ModuleNotFoundError) -> MissingExtra | None:
    name = (error.name or "").partition(".")[0]
    return MissingExtra(f"this command ({name})", _EXTRAS[name]) if name in _EXTRAS else None


def run(arguments: Sequence[str] | None = None) -> int:
    """Parse, run, report. Returns the exit code."""
    options = build_parser().parse_args(arguments)
    try:
        return options.func(options)
    except PosewireError as error:
        return _report(error)
    except ModuleNotFoundError as error:
        missing = _missing_extra(error)
        if missing is None:
            raise
        return _report(missing)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (head, less) left. Python would complain again at exit otherwise.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _report(error: PosewireError) -> int:
    print(f"posewire: {error}", file=sys.stderr)
    return exit_code(error)


def main() -> None:
    """Entry point of the `posewire` script."""
    sys.exit(run())


if __name__ == "__main__":
    main()

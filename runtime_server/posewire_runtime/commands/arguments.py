"""What several commands' parsers share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from posewire_runtime.text.settings import PLACEMENTS, UNKNOWN, TextSettings

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]
    """What `register` gets: argparse gives its type no public name."""
else:
    Subparsers = object


def add_text(parser: argparse.ArgumentParser) -> None:
    """Arguments that say where text encoders run and which packs answer, as `posewire serve` names them."""
    group = parser.add_argument_group("text")
    group.add_argument("--text-encoder", choices=PLACEMENTS, help="where it runs (resident)")
    group.add_argument("--text-packs", metavar="FILES", help="prompt packs, separated as in PATH")
    group.add_argument("--text-unknown", choices=UNKNOWN, help="prompts that no pack holds (encode)")


def text_settings(options: argparse.Namespace) -> TextSettings:
    """What `add_text`'s arguments say."""
    given = {"encoder": options.text_encoder, "packs": options.text_packs, "unknown": options.text_unknown}
    return TextSettings(**{name: value for name, value in given.items() if value is not None})


def on_off(text: str) -> bool:
    """The value of a switch."""
    if text in ("on", "off"):
        return text == "on"
    raise argparse.ArgumentTypeError(f"expected on or off, found {text!r}")


def seed_list(text: str) -> list[int]:
    """Seeds, separated by commas."""
    try:
        return [int(seed) for seed in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected whole numbers separated by commas, found {text!r}"
        ) from None

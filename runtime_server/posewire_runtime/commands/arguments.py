"""What several commands' parsers share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]  # pyright: ignore[reportPrivateUsage]
    """What `register` gets: argparse gives its type no public name."""
else:
    Subparsers = object


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

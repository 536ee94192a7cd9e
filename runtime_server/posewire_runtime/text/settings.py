"""What an operator may choose about text: where encoders run, which packs answer, what stays on disk."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from posewire_runtime.errors import InvalidConfig, Violation

_T = TypeVar("_T", bound=str)

Placement = Literal["resident", "on-demand", "cpu"]
"""Where an encoder's graphs are: on the device for good, there for each call only, or on the CPU."""

Unknown = Literal["encode", "nearest", "refuse"]
"""What happens to a prompt that no pack holds."""

PLACEMENTS: tuple[Placement, ...] = ("resident", "on-demand", "cpu")
UNKNOWN: tuple[Unknown, ...] = ("encode", "nearest", "refuse")


@dataclass(frozen=True, slots=True)
class TextSettings:
    """Defaults live here and nowhere else."""

    encoder: str = "resident"
    """Where text encoders run: resident (on the device), on-demand (loaded for each call) or cpu."""
    packs: str = ""
    """Prompt packs, separated as in PATH; with them the encoder answers only what they don't hold."""
    unknown: str = "encode"
    """Prompts that no pack holds: encode, nearest (take the most similar packed one) or refuse."""
    cache_folder: str = ""
    """Folder that keeps text features between runs; empty: none."""
    cache_folder_bytes: int = 1 << 30
    """Bytes that folder may hold."""

    def check(self) -> None:
        """Raise `InvalidConfig` for what can't be, before anything is loaded."""
        absent = [str(file) for file in self.pack_files if not file.is_file()]
        if absent:
            message = f"expected prompt packs, found no file {', '.join(absent)}"
            raise InvalidConfig(f"text.packs: {message}", [Violation("text.packs", message)])
        _ = self.placement, self.policy

    @property
    def placement(self) -> Placement:
        """`encoder`, checked."""
        return _one_of("text.encoder", self.encoder, PLACEMENTS)

    @property
    def policy(self) -> Unknown:
        """`unknown`, checked."""
        return _one_of("text.unknown", self.unknown, UNKNOWN)

    @property
    def pack_files(self) -> tuple[Path, ...]:
        """`packs`, taken apart."""
        return tuple(Path(part) for part in self.packs.split(os.pathsep) if part)


def _one_of(field: str, value: str, known: tuple[_T, ...]) -> _T:
    found = next((name for name in known if name == value), None)
    if found is None:
        message = f"expected one of {', '.join(known)}, found {value!r}"
        raise InvalidConfig(f"{field}: {message}", [Violation(field, message)])
    return found

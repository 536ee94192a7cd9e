"""What commands do with finished clips: names, files, a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from posewire_runtime import __version__, formats
from posewire_runtime.exchange.events import Notice
from posewire_runtime.figure.picture import contact_sheet
from posewire_runtime.files import slug
from posewire_runtime.types import Clip

__all__ = ["Result", "draw", "seed_paths", "slug", "write_clips", "write_raw"]


def seed_paths(target: Path, seeds: Sequence[int]) -> list[Path]:
    """One file for each seed: the target itself where there is but one."""
    if len(seeds) == 1:
        return [target]
    return [target.with_name(f"{target.stem}-{seed}{target.suffix}") for seed in seeds]


def write_clips(target: Path, clips: Sequence[Clip], notes: dict[str, Any]) -> list[Path]:
    """Write each clip, in the format of the target's suffix."""
    paths = seed_paths(target, [clip.seed for clip in clips])
    for path, clip in zip(paths, clips, strict=True):
        formats.write(path, clip, **notes)
    return paths


def write_raw(path: Path, clips: Sequence[Clip]) -> Path:
    """Write the arrays of all clips, stacked by seed."""
    arrays = {name: np.stack([clip.raw[name] for clip in clips]) for name in clips[0].raw}
    arrays |= {
        "rotations": np.stack([clip.rotations for clip in clips]),
        "root": np.stack([clip.root for clip in clips]),
        "contacts": np.stack([clip.contacts for clip in clips]),
        "seeds": np.array([clip.seed for clip in clips], np.uint64),
    }
    formats.write_arrays(path, arrays)
    return path


def draw(path: Path, clip: Clip, title: str) -> Path:
    """Draw a contact sheet."""
    contact_sheet(clip, path, title)
    return path


@dataclass
class Result:
    """What a command made, and what it says about it."""

    clips: list[Clip]
    model: str
    licence_notice: str
    notices: list[Notice]
    seconds: float = 0.0
    """How long it took."""
    files: list[Path] = field(default_factory=list[Path])

    def notes(self, prompt: str) -> dict[str, Any]:
        """What files carry beside the motion."""
        return {
            "prompt": prompt,
            "model": self.model,
            "licence_notice": self.licence_notice,
            "generator": f"posewire {__version__}",
        }

    def report(self) -> dict[str, Any]:
        """For programs."""
        return {
            "model": self.model,
            "clips": [
                {"seed": clip.seed, "frames": clip.frames, "fps": clip.fps, "seconds": clip.seconds}
                for clip in self.clips
            ],
            "files": [str(path) for path in self.files],
            "notices": [{"code": notice.code, "message": notice.message} for notice in self.notices],
            "licence_notice": self.licence_notice,
            "seconds": round(self.seconds, 4),
        }

    def sentence(self) -> str:
        """For people."""
        seeds = ", ".join(str(clip.seed) for clip in self.clips)
        frames = sum(clip.frames for clip in self.clips)
        lines = [f"{frames} frames by {self.model} in {self.seconds:.2f} s (seed {seeds})"]
        return "\n".join([*lines, *(f"  {path}" for path in self.files)])

"""Everything a training run depends on, in one frozen dataclass; read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from posewire_runtime.errors import InvalidFile


@dataclass(frozen=True)
class Network:
    """The motion network's size. `width` / `heads` is 64 in every HY-Motion."""

    width: int = 192
    layers: int = 6
    """Divisible by three: the first third keeps motion and text apart."""
    heads: int = 3


@dataclass(frozen=True)
class Augment:
    """Shares of clips that are shown changed."""

    mirror: float = 0.5
    """Left and right swapped, in motion and words."""
    sides: float = 0.7
    """The side that acts is named where the caption names none and the motion leaves no doubt."""
    pointed: float = 2.0
    """How many times as often clips are shown that tell left from right."""
    legs: float = 1.0
    """How many times as often again those in which it is a leg that acts."""
    reverse: float = 0.15
    """A straight walk is played backwards, and said to go backwards."""
    bend: float = 0.3
    """A straight walk turns to one side on its way or goes in a circle, and is said to."""
    warp: float = 0.5
    """Played slower or faster."""
    warp_range: float = 0.15
    """By at most this share."""
    stitch: float = 0.15
    """Two clips one after the other, captions joined."""
    paraphrase: float = 0.5
    """Said of somebody else."""


@dataclass(frozen=True)
class Config:
    """One training run."""

    network: Network = field(default_factory=Network)
    augment: Augment = field(default_factory=Augment)
    seed: int = 0
    passes: float = 250.0
    """How many times as many frames as the training part has."""
    batch_frames: int = 2048
    """Frames of one step, padding included."""
    rate: float = 1e-3
    """Peak learning rate."""
    warmup: int = 400
    """Steps over which the rate rises."""
    cooldown: float = 0.25
    """Share of the run over which it falls to nothing; before that it is constant."""
    weight_decay: float = 0.01
    drop: float = 0.1
    """Share of clips shown without their text, for guidance."""
    time_shift: float = 1.5
    """Above 1 more training falls on noisy times, where the whole movement is decided."""
    early: float = 0.3
    """Share of clips shown in all but pure noise, where text alone says what they will be."""
    feet: float = 0.3
    """Weight of the feet's speed in the world beside the error of all features."""
    ema: float = 0.999
    """How slowly the averaged weights follow."""
    max_frames: int = 360
    min_frames: int = 20
    bf16: bool = True
    """Matrix products in bfloat16."""
    save_minutes: float = 5.0
    loose: tuple[str, ...] = ()
    """Folders of clips whose rigs stretch: only their rotations count."""


def read_config(file: Path) -> Config:
    """A run's settings from a TOML file; unknown keys are errors."""
    try:
        return from_dict(tomllib.loads(file.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, ValueError) as error:
        raise InvalidFile(f"{file}: {error}") from None


def from_dict(values: dict[str, Any]) -> Config:
    """The inverse of `dataclasses.asdict`, strict on unknown keys."""
    values = dict(values)
    parts: dict[str, Any] = {}
    for name, kind in (("network", Network), ("augment", Augment)):
        inner = values.pop(name, {})
        _known(inner, kind, f"{name}.")
        parts[name] = kind(**inner)
    _known(values, Config, "")
    if "loose" in values:
        values["loose"] = tuple(values["loose"])
    return Config(**parts, **values)


def _known(values: dict[str, Any], kind: type, prefix: str) -> None:
    names = {f.name for f in fields(kind)}
    if unknown := sorted(set(values) - names):
        raise ValueError(
            f"unknown settings {', '.join(prefix + u for u in unknown)}; known: {', '.join(sorted(names))}"
        )

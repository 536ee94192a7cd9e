"""Pictures for people: every action that the model must know, and prompts that no single clip answers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from posewire_export.evaluate.evaluate import Maker
from posewire_export.train.generate import Wish
from posewire_export.train.ingest import FPS, Motion
from posewire_export.train.rest import REST
from posewire_runtime.figure.picture import draw
from posewire_runtime.types import Clip

ACTIONS: tuple[tuple[str, str, float], ...] = (
    ("walk", "a person walks forward", 4.0),
    ("run", "a person runs forward", 2.5),
    ("jump", "a person jumps up and down", 3.5),
    ("turn", "a person turns to the left while walking", 4.0),
    ("sit", "a person sits down on a chair", 3.0),
    ("stand-up", "a person stands up from a chair", 2.5),
    ("wave", "a person waves with the right hand", 4.0),
    ("punch", "a person punches", 3.0),
    ("kick", "a person kicks with the right leg", 2.5),
    ("throw", "a person throws a ball", 2.5),
    ("crouch", "a person crouches down", 3.0),
    ("dance", "a person dances", 5.0),
    ("clap", "a person claps their hands", 3.0),
)
"""Name, prompt and seconds of what must be told apart at a glance."""

COMPOSED: tuple[tuple[str, float], ...] = (
    ("a person walks forward, then waves with the left hand", 6.0),
    ("a person runs forward, then jumps", 4.5),
    ("a person sits down, then claps their hands", 6.0),
    ("a person claps, then turns to the right", 5.0),
    ("a person crouches down, then stands up and waves", 6.0),
    ("a person kicks with the left leg, then punches", 5.0),
    ("a person walks backward, then jumps up", 5.5),
    ("a person throws a ball, then walks away", 5.5),
    ("a person dances, then bows", 7.0),
    ("a person does jumping jacks, then walks forward", 7.0),
    ("a person waves with both hands, then sits down", 6.5),
    ("a person stands up, then runs forward", 4.5),
    ("a person jumps in place, then throws a ball", 5.0),
    ("a person turns to the left, then kicks", 5.0),
    ("a person punches, then walks backward", 5.5),
    ("a person walks forward, then crouches down", 5.5),
    ("a person picks something up, then throws it", 5.0),
    ("a person claps, then waves with the right hand", 5.5),
    ("a person sneaks forward, then runs", 6.0),
    ("a person spins around, then sits down", 5.5),
)
"""Prompt and seconds."""


def write_sheets(maker: Maker, folder: Path, *, seeds: Sequence[int] = (1, 2, 3)) -> None:
    """A sheet of `seeds` rows for each action, and sheets of four composed prompts each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, prompt, seconds in ACTIONS:
        _write(maker, [Wish(prompt, round(seconds * FPS), seed) for seed in seeds], folder / f"{name}.png")
    for start in range(0, len(COMPOSED), 4):
        wishes = [Wish(text, round(seconds * FPS), seeds[0]) for text, seconds in COMPOSED[start : start + 4]]
        _write(maker, wishes, folder / f"composed-{start // 4 + 1}.png")


def _write(maker: Maker, wishes: Sequence[Wish], file: Path) -> None:
    rows = [_row(wish, motion) for wish, motion in zip(wishes, maker(wishes), strict=True)]
    stack(rows).save(file, optimize=True)


def _row(wish: Wish, motion: Motion) -> Image.Image:
    contacts = np.zeros((len(motion), 4), np.bool_)
    clip = Clip(REST, FPS, motion.rotations, motion.root, contacts, wish.seed)
    return Image.open(io.BytesIO(draw(clip, wish.prompt))).convert("RGB").reduce(2)


def stack(rows: Iterable[Image.Image]) -> Image.Image:
    """Pictures one under the other, in few colours, so that they stay small."""
    rows = list(rows)
    sheet = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        sheet.paste(row, (0, top))
        top += row.height
    return sheet.quantize(128)

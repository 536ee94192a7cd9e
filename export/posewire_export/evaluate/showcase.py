"""Pictures for people: every action that the model must know, and prompts that no single clip answers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw, ImageFont

from posewire_export.evaluate.bodies import clip_of
from posewire_export.evaluate.evaluate import Maker
from posewire_export.train.generate import Wish
from posewire_export.train.ingest import FPS, Motion, heading
from posewire_runtime.figure.picture import draw

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


LEGEND = (
    "orange: the body's left   blue: its right   poses at even times, time goes right   "
    "at the end: the way from above, lines every metre"
)

_SCALE = 0.66
"""Of the runtime's contact sheet."""
_INSET = 200
"""Pixels of the way from above."""
_PAPER, _LINE, _INK, _WAY = (248, 246, 242), (214, 211, 206), (70, 74, 88), (222, 104, 58)


def write_sheets(maker: Maker, folder: Path, *, seeds: Sequence[int] = (1, 2, 3)) -> None:
    """A sheet of `seeds` rows for each action, and sheets of four composed prompts each."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, prompt, seconds in ACTIONS:
        _write(maker, [Wish(prompt, round(seconds * FPS), seed) for seed in seeds], folder / f"{name}.webp")
    for start in range(0, len(COMPOSED), 4):
        wishes = [Wish(text, round(seconds * FPS), seeds[0]) for text, seconds in COMPOSED[start : start + 4]]
        _write(maker, wishes, folder / f"composed-{start // 4 + 1}.webp")


def _write(maker: Maker, wishes: Sequence[Wish], file: Path) -> None:
    rows = [row(wish, motion) for wish, motion in zip(wishes, maker(wishes), strict=True)]
    stack(rows).save(file, quality=50, method=6)


def row(wish: Wish, motion: Motion) -> Image.Image:
    """One clip: its poses, and at the end its way from above."""
    drawn = Image.open(io.BytesIO(draw(clip_of(motion, wish.seed), wish.prompt, sides=True))).convert("RGB")
    size = round(drawn.width * _SCALE), round(drawn.height * _SCALE)
    poses = drawn.resize(size, Image.Resampling.LANCZOS)
    image = Image.new("RGB", (poses.width + _INSET, poses.height), _PAPER)
    image.paste(poses, (0, 0))
    image.paste(from_above(motion).resize((_INSET, _INSET)), (poses.width, (poses.height - _INSET) // 2))
    return image


def from_above(motion: Motion) -> Image.Image:
    """The way over the floor, +Z up: a ring where it starts, and where the body faces at even times."""
    size = 2 * _INSET
    path = motion.root[:, [0, 2]]
    middle = (path.max(0) + path.min(0)) / 2
    scale = 0.78 * size / max(2.0, float(np.ptp(path, axis=0).max()))

    def place(point: ArrayLike) -> tuple[float, float]:
        # Seen from above and facing up the picture, the body's left (+X) is on the left.
        x, y = size / 2 - scale * (np.asarray(point) - middle)
        return float(x), float(y)

    image = Image.new("RGB", (size, size), _PAPER)
    pen = ImageDraw.Draw(image)
    for metre in range(-20, 21):
        x, y = place((metre, metre))
        pen.line([(x, 0), (x, size)], fill=_LINE, width=2)
        pen.line([(0, y), (size, y)], fill=_LINE, width=2)
    pen.line([place(point) for point in path], fill=_WAY, width=6, joint="curve")
    for frame in np.linspace(0, len(motion) - 1, 8).round().astype(int):
        angle = heading(motion, int(frame))
        nose = path[frame] + np.array([np.sin(angle), np.cos(angle)]) * 22 / scale
        pen.line([place(path[frame]), place(nose)], fill=_INK, width=4)
    x, y = place(path[0])
    pen.ellipse([x - 9, y - 9, x + 9, y + 9], fill=_PAPER, outline=_INK, width=4)
    return image


def stack(rows: Iterable[Image.Image]) -> Image.Image:
    """Pictures one under the other, and what their colours mean."""
    rows = list(rows)
    height = sum(row.height for row in rows)
    sheet = Image.new("RGB", (max(row.width for row in rows), height + 34), _PAPER)
    top = 0
    for picture in rows:
        sheet.paste(picture, (0, top))
        top += picture.height
    pen = ImageDraw.Draw(sheet)
    pen.text((16, height + 17), LEGEND, fill=_INK, font=ImageFont.load_default(16), anchor="lm")
    return sheet

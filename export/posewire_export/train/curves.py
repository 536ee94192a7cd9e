"""Loss curves as a picture, from the CSV that the trainer writes. Knows no torch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_SIZE = (960, 540)
_MARGIN = 60
_PAPER, _INK, _GRID = (250, 249, 246), (50, 54, 66), (222, 220, 214)
_LINES = {"loss": (58, 96, 172), "heldout": (222, 104, 58)}

Points = list[tuple[float, float]]


def plot_losses(log: Path, picture: Path) -> None:
    """Draw loss and held-out loss against passes."""
    with log.open(newline="") as file:
        rows = list(csv.DictReader(file))
    lines = {name: [(float(r["passes"]), float(r[name])) for r in rows if r[name]] for name in _LINES}
    drawn = {name: points for name, points in lines.items() if len(points) > 1}
    if drawn:
        _draw(drawn).save(picture)


def _draw(lines: dict[str, Points]) -> Image.Image:
    image = Image.new("RGB", _SIZE, _PAPER)
    pen, font = ImageDraw.Draw(image), ImageFont.load_default(14)
    right = max(x for points in lines.values() for x, _ in points)
    top = _quantile([y for points in lines.values() for _, y in points], 0.98)
    bottom = min(y for points in lines.values() for _, y in points)

    def place(x: float, y: float) -> tuple[float, float]:
        width, height = _SIZE[0] - 2 * _MARGIN, _SIZE[1] - 2 * _MARGIN
        share = min(1.0, (y - bottom) / (top - bottom or 1.0))
        return _MARGIN + width * x / right, _SIZE[1] - _MARGIN - height * share

    for part in range(6):
        level, passes = bottom + (top - bottom) * part / 5, right * part / 5
        pen.line([place(0, level), place(right, level)], fill=_GRID)
        pen.text((8, place(0, level)[1] - 8), f"{level:.3f}", fill=_INK, font=font)
        pen.text(
            (place(passes, bottom)[0] - 12, _SIZE[1] - _MARGIN + 8), f"{passes:.0f}", fill=_INK, font=font
        )
    pen.text((_SIZE[0] // 2 - 80, _SIZE[1] - 28), "passes over all frames", fill=_INK, font=font)
    for row, (name, points) in enumerate(lines.items()):
        pen.line([place(x, y) for x, y in points], fill=_LINES[name], width=2)
        pen.text((_SIZE[0] - 160, 20 + 20 * row), name, fill=_LINES[name], font=font)
    return image


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[int(share * (len(ordered) - 1))]

"""Figures over the number of steps as a picture: each with its interval, real motion as a line. No torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

_PANEL = (420, 300)
_COLUMNS = 3
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 14, 44, 40
_FINE = 2
"""Drawn so many times larger, then scaled down."""
_PAPER, _INK, _GRID = (250, 249, 246), (50, 54, 66), (222, 220, 214)
_MODEL, _REAL, _OTHER = (58, 96, 172), (46, 140, 90), (222, 104, 58)
_STEPS = re.compile(r"^(\d+) steps?$")

Place = tuple[str, ...]
Values = Mapping[str, float]


@dataclass(frozen=True)
class Panel:
    """One small plot."""

    title: str
    path: Place
    """Where the figure is in the result of a maker."""


PANELS = (
    Panel("R-precision top 3 (higher is better)", ("text", "all", "top3")),
    Panel("FID (lower is better)", ("crowd", "fid")),
    Panel("1000 KID (lower is better)", ("crowd", "kid")),
    Panel("foot sliding after passes, m/s", ("bodies", "passes", "sliding")),
    Panel("jerk after passes, metres a second cubed", ("bodies", "passes", "jerk")),
    Panel("named limb moves, templates", ("templates", "limbs", "share")),
)


def draw_curves(results: Mapping[str, Any], file: Path) -> None:
    """Write the picture; nothing without a setting of some steps."""
    steps = {name: int(found.group(1)) for name in results if (found := _STEPS.match(name))}
    others = [name for name in results if name not in steps and name != "real"]
    if not steps:
        return
    rows = -(-len(PANELS) // _COLUMNS)
    sheet = Image.new("RGB", (_PANEL[0] * _COLUMNS * _FINE, (_PANEL[1] * rows + 36) * _FINE), _PAPER)
    names = sorted(steps, key=lambda name: steps[name])
    for number, panel in enumerate(PANELS):
        origin = (number % _COLUMNS * _PANEL[0], number // _COLUMNS * _PANEL[1])
        points = [_at(results[name], panel.path) for name in names]
        lines = {name: _at(results[name], panel.path) for name in ("real", *others) if name in results}
        _Plot(ImageDraw.Draw(sheet), origin).draw(panel, [steps[name] for name in names], points, lines)
    _legend(ImageDraw.Draw(sheet), others, _PANEL[1] * rows)
    sheet.reduce(_FINE).save(file, quality=82, method=6)


def _at(part: Any, path: Place) -> Values | None:
    for step in path:
        part = part.get(step) if isinstance(part, Mapping) else None
    return part


@dataclass(frozen=True)
class _Plot:
    """One panel under the pen; `origin` is its corner in pixels of the finished picture."""

    pen: ImageDraw.ImageDraw
    origin: tuple[int, int]

    def draw(
        self,
        panel: Panel,
        steps: Sequence[int],
        points: Sequence[Values | None],
        lines: Mapping[str, Values | None],
    ) -> None:
        shown = [value for value in (*points, *lines.values()) if value is not None]
        low = min(value["low"] for value in shown)
        high = max(value["high"] for value in shown)
        room = 0.06 * (high - low or 1.0)
        low, high = low - room, high + room
        self._frame(panel.title, low, high, steps)
        for name, value in lines.items():
            if value is not None:
                self._level(value, low, high, _colour(name))
        self._curve(points, low, high)

    def _frame(self, title: str, low: float, high: float, steps: Sequence[int]) -> None:
        self._text((_LEFT, 14), title, 14)
        for part in range(5):
            level = low + (high - low) * part / 4
            y = self._y(level, low, high)
            self._line([(_LEFT, y), (_PANEL[0] - _RIGHT, y)], _GRID, 1)
            self._text((_LEFT - 6, y), f"{level:.3g}", 11, "rm")
        for number, count in enumerate(steps):
            self._text((self._x(number, len(steps)), _PANEL[1] - _BOTTOM + 8), str(count), 11, "ma")
        self._text(((_PANEL[0] + _LEFT) / 2, _PANEL[1] - 16), "steps", 11, "ma")

    def _level(self, value: Values, low: float, high: float, colour: tuple[int, int, int]) -> None:
        y = self._y(value["value"], low, high)
        self._line([(_LEFT, y), (_PANEL[0] - _RIGHT, y)], colour, 2)

    def _curve(self, points: Sequence[Values | None], low: float, high: float) -> None:
        places = [
            (self._x(number, len(points)), value) for number, value in enumerate(points) if value is not None
        ]
        self._line([(x, self._y(value["value"], low, high)) for x, value in places], _MODEL, 2)
        for x, value in places:
            self._line([(x, self._y(value[end], low, high)) for end in ("low", "high")], _MODEL, 4)
            self._dot(x, self._y(value["value"], low, high))

    def _x(self, number: int, count: int) -> float:
        width = _PANEL[0] - _LEFT - _RIGHT - 24
        return _LEFT + 12 + width * (number / (count - 1) if count > 1 else 0.5)

    def _y(self, value: float, low: float, high: float) -> float:
        height = _PANEL[1] - _TOP - _BOTTOM
        return _PANEL[1] - _BOTTOM - height * (value - low) / (high - low)

    def _line(self, points: Sequence[tuple[float, float]], colour: tuple[int, int, int], width: int) -> None:
        moved = [((x + self.origin[0]) * _FINE, (y + self.origin[1]) * _FINE) for x, y in points]
        self.pen.line(moved, fill=colour, width=width * _FINE // 2 + 1)

    def _dot(self, x: float, y: float) -> None:
        x, y, radius = (x + self.origin[0]) * _FINE, (y + self.origin[1]) * _FINE, 4 * _FINE
        self.pen.ellipse([x - radius, y - radius, x + radius, y + radius], fill=_MODEL, outline=_PAPER)

    def _text(self, at: tuple[float, float], text: str, size: int, anchor: str = "la") -> None:
        place = (at[0] + self.origin[0]) * _FINE, (at[1] + self.origin[1]) * _FINE
        self.pen.text(place, text, fill=_INK, font=ImageFont.load_default(size * _FINE), anchor=anchor)


def _colour(name: str) -> tuple[int, int, int]:
    if name == "real":
        return _REAL
    return (150, 150, 156) if name == "retrieval" else _OTHER


def _legend(pen: ImageDraw.ImageDraw, others: Sequence[str], top: int) -> None:
    entries = [("the model, with 95 % intervals", _MODEL), ("real motion", _REAL)]
    entries += [(name, _colour(name)) for name in others]
    x, y = _LEFT * _FINE, (top + 16) * _FINE
    font = ImageFont.load_default(13 * _FINE)
    for name, colour in entries:
        pen.line([(x, y), (x + 28 * _FINE, y)], fill=colour, width=3 * _FINE)
        pen.text((x + 34 * _FINE, y), name, fill=_INK, font=font, anchor="lm")
        x += (34 + 28) * _FINE + font.getlength(name)

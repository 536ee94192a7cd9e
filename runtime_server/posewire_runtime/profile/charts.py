"""Plots as inline SVG, without a library: stacked bars, lines, distributions, a timeline. Pure.

Colours come from the page's style sheet by class, so that a plot follows the page's light or dark theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

_WIDTH, _LEFT, _RIGHT, _ROW = 960, 250, 70, 26


@dataclass(frozen=True, slots=True)
class Scale:
    """Values to pixels along one axis, from zero."""

    most: float
    begin: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn."""
        return self.begin + (self.end - self.begin) * value / self.most


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    """A class of the style sheet."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One row of stacked parts."""

    name: str
    parts: Sequence[tuple[str, float]]
    """Colour class and length."""
    note: str = ""
    """Stands at its end."""


@dataclass(frozen=True, slots=True)
class Box:
    """One distribution."""

    name: str
    colour: str
    quantiles: Sequence[float]
    """Evenly spaced, from the least to the most."""

    def at(self, percent: float) -> float:
        """The quantile nearest to a percentage."""
        return self.quantiles[round(percent / 100 * (len(self.quantiles) - 1))]


def ticks(most: float, count: int = 5) -> list[float]:
    """Round numbers from 0 to about `most`."""
    if most <= 0:
        return [0.0]
    raw = most / count
    unit = 10 ** floor(log10(raw))
    step = next(unit * factor for factor in (1, 2, 2.5, 5, 10) if unit * factor >= raw)
    return [step * index for index in range(floor(most / step + 1e-9) + 1)]


def bars(rows: Sequence[Bar], unit: str) -> str:
    """Stacked bars, one under the other."""
    longest = max((sum(length for _, length in row.parts) for row in rows), default=1.0) or 1.0
    scale, height = Scale(longest, _LEFT, _WIDTH - _RIGHT), len(rows) * _ROW
    drawn = [_grid(scale, height, unit)]
    for index, row in enumerate(rows):
        y, at = index * _ROW + 4, 0.0
        drawn.append(_label(row.name, y + 13))
        for colour, length in row.parts:
            x, width = scale.at(at), scale.at(at + length) - scale.at(at)
            title = f"{row.name}: {colour.removeprefix('stage-')} {length:.3g} {unit}"
            drawn.append(_rect(colour, (x, y, width, _ROW - 8), title))
            at += length
        drawn.append(f'<text class="note" x="{scale.at(at) + 6:.1f}" y="{y + 13}">{escape(row.note)}</text>')
    return _svg(_WIDTH, height + 24, drawn)


def boxes(rows: Sequence[Box], unit: str) -> str:
    """Distributions: a thin line from p5 to p95, a box around the middle half, a mark at the median."""
    longest = max((row.at(97.5) for row in rows), default=1.0) or 1.0
    scale, height = Scale(longest, _LEFT, _WIDTH - _RIGHT), len(rows) * _ROW
    drawn = [_grid(scale, height, unit)]
    for index, row in enumerate(rows):
        y = index * _ROW + _ROW / 2
        low, first, middle, third, high = (min(row.at(p), longest) for p in (5, 25, 50, 75, 95))
        drawn.append(_label(row.name, y + 4))
        drawn.append(
            f'<line class="whisker" x1="{scale.at(low):.1f}" x2="{scale.at(high):.1f}" y1="{y}" y2="{y}"/>'
        )
        wide = max(scale.at(third) - scale.at(first), 1.5)
        title = f"{row.name}: p5 {low:.3g}, p50 {middle:.3g}, p95 {high:.3g} {unit}"
        drawn.append(_rect(row.colour, (scale.at(first), y - 7, wide, 14), title))
        drawn.append(
            f'<line class="median" x1="{scale.at(middle):.1f}" x2="{scale.at(middle):.1f}" y1="{y - 9}" '
            f'y2="{y + 9}"/>'
        )
        drawn.append(f'<text class="note" x="{scale.at(high) + 6:.1f}" y="{y + 4}">{middle:.3g}</text>')
    return _svg(_WIDTH, height + 24, drawn)


def lines(found: Sequence[Line], across: str, up: str, width: int = 460, height: int = 250) -> str:
    """Lines with points, both axes from zero."""
    xs = [x for line in found for x, _ in line.points] or [1.0]
    ys = [y for line in found for _, y in line.points] or [1.0]
    x_scale, y_scale = Scale(max(xs) or 1, 52, width - 14), Scale(max(ys) * 1.06 or 1, height - 40, 12)
    drawn = [_axes(x_scale, y_scale, across, up, width, height)]
    for line in found:
        dots = [(x_scale.at(x), y_scale.at(y)) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in dots)
        drawn.append(f'<polyline class="line {line.colour}" points="{path}"/>')
        for (x, y), (vx, vy) in zip(dots, line.points, strict=True):
            drawn.append(
                f'<circle class="{line.colour}" cx="{x:.1f}" cy="{y:.1f}" r="4">'
                f"<title>{escape(line.name)}: {vx:g}, {vy:.4g}</title></circle>"
            )
    return _svg(width, height, drawn)


def timeline(spans: Sequence[Mapping[str, object]], colours: Mapping[str, str]) -> str:
    """One request: a row for each stage, a bar for each time it was there."""
    stages = list(dict.fromkeys(str(span["stage"]) for span in spans))
    most = max((float(str(span["end"])) for span in spans), default=1.0) or 1.0
    scale, height = Scale(most, 110, _WIDTH - 20), len(stages) * _ROW
    drawn = [_grid(scale, height, "ms")]
    for index, stage in enumerate(stages):
        drawn.append(_label(stage, index * _ROW + 17, 100))
    for span in spans:
        stage, begin, end = str(span["stage"]), float(str(span["begin"])), float(str(span["end"]))
        y = stages.index(stage) * _ROW + 4
        width = max(scale.at(end) - scale.at(begin), 1.0)
        title = f"{stage}: {begin:.2f} to {end:.2f} ms"
        drawn.append(_rect(colours.get(stage, "other"), (scale.at(begin), y, width, _ROW - 8), title))
    return _svg(_WIDTH, height + 24, drawn)


def _svg(width: int, height: float, drawn: Sequence[str]) -> str:
    return f'<svg viewBox="0 0 {width} {ceil(height)}" role="img">{"".join(drawn)}</svg>'


def _rect(colour: str, place: tuple[float, float, float, float], title: str) -> str:
    """A rectangle (x, y, width, height) that says what it is when it is pointed at."""
    x, y, width, height = place
    shape = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.2f}" height="{height}"'
    return f'<rect class="{colour}" {shape}><title>{escape(title)}</title></rect>'


def _grid(scale: Scale, height: float, unit: str) -> str:
    marks: list[str] = []
    for value in ticks(scale.most):
        x = scale.at(value)
        marks.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{height}"/>')
        marks.append(f'<text class="tick" x="{x:.1f}" y="{height + 16}">{value:g} {unit}</text>')
    return "".join(marks)


def _label(text: str, y: float, right: float = _LEFT - 10) -> str:
    return f'<text class="label" x="{right}" y="{y}">{escape(text)}</text>'


def _axes(x: Scale, y: Scale, across: str, up: str, width: int, height: int) -> str:
    marks: list[str] = []
    for value in ticks(y.most, 4):
        at = y.at(value)
        marks.append(f'<line class="grid" x1="{x.begin}" x2="{x.end}" y1="{at:.1f}" y2="{at:.1f}"/>')
        marks.append(f'<text class="label" x="{x.begin - 6}" y="{at + 4:.1f}">{value:g}</text>')
    for value in ticks(x.most, 5):
        marks.append(f'<text class="tick" x="{x.at(value):.1f}" y="{height - 24}">{value:g}</text>')
    middle, centre = (x.begin + x.end) / 2, (y.begin + y.end) / 2
    marks.append(f'<text class="tick name" x="{middle}" y="{height - 6}">{escape(across)}</text>')
    turned = f'transform="translate(11 {centre}) rotate(-90)"'
    marks.append(f'<text class="tick name" {turned}>{escape(up)}</text>')
    return "".join(marks)

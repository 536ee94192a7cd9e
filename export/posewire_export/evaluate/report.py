"""A report of plain numbers as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ROWS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("R-precision top 1", ("text", "all", "top1")),
    ("R-precision top 2", ("text", "all", "top2")),
    ("R-precision top 3", ("text", "all", "top3")),
    ("top 3, unheard words", ("text", "unheard", "top3")),
    ("distance to text", ("text", "all", "distance")),
    ("FID", ("crowd", "fid")),
    ("KID × 1000", ("crowd", "kid")),
    ("foot sliding, m/s", ("bodies", "sliding")),
    ("sinking, m", ("bodies", "sinking")),
    ("jerk, m/s³", ("bodies", "jerk")),
    ("flips a clip", ("bodies", "flips")),
    ("arms as told", ("claims", "arm", "share")),
    ("legs as told", ("claims", "leg", "share")),
    ("turns as told", ("claims", "turn", "share")),
    ("sides on templates", ("directions", "limbs", "share")),
    ("turns on templates", ("directions", "turns", "share")),
    ("backwards on templates", ("directions", "backwards", "share")),
    ("variety over seeds", ("variety",)),
    ("nearest training clip, m", ("nearest_training_clip",)),
)


def table(report: Mapping[str, Any]) -> str:
    """Markdown: a row for each figure, a column for each of what was measured."""
    names = list(report)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for title, path in _ROWS:
        cells = [_cell(_find(report[name], path)) for name in names]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _find(part: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(part, Mapping) or step not in part:
            return None
        part = part[step]
    return part


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, Mapping):
        return f"{value['value']:.3f} [{value['low']:.3f}, {value['high']:.3f}]"
    return f"{value:.3f}"

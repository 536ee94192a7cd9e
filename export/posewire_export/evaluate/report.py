"""A report of plain numbers: what it is about, several as one, and as a table for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from posewire_runtime.errors import InvalidRequest

if TYPE_CHECKING:
    from posewire_export.evaluate.contrast import Judge

FORMAT = 2
"""Of report.json."""


@dataclass(frozen=True)
class Row:
    """One figure of the table."""

    title: str
    path: tuple[str, ...]
    """Where it is in the result of a maker."""
    against_real: bool = False
    """Whether its ratio to real motion is shown too."""
    digits: int = 3


def _bodies(title: str, measure: str, digits: int = 3, *, against_real: bool = False) -> tuple[Row, Row]:
    return (
        Row(title, ("bodies", "raw", measure), against_real, digits),
        Row(f"{title}, after passes", ("bodies", "passes", measure), against_real, digits),
    )


_UNHEARD = ("text", "unheard", "top3")

ROWS: tuple[Row, ...] = (
    Row("clips", ("crowd", "n")),
    Row("R-precision top 1", ("text", "all", "top1"), against_real=True),
    Row("R-precision top 2", ("text", "all", "top2"), against_real=True),
    Row("R-precision top 3", ("text", "all", "top3"), against_real=True),
    Row("top 3, unheard captions", _UNHEARD, against_real=True),
    Row("distance to text", ("text", "all", "distance")),
    Row("FID", ("crowd", "fid")),
    Row("KID × 1000", ("crowd", "kid")),
    *_bodies("foot sliding, m/s", "sliding", against_real=True),
    *_bodies("jerk, m/s³", "jerk", 0, against_real=True),
    *_bodies("sinking, m", "sinking"),
    *_bodies("flips a clip", "flips"),
    *_bodies("drift of height, m", "drift"),
    Row("captions: named limb moves", ("captions", "limbs"), against_real=True),
    Row("captions: turns", ("captions", "turns"), against_real=True),
    Row("captions: backwards", ("captions", "backwards"), against_real=True),
    Row("captions: sidesteps", ("captions", "sidestep"), against_real=True),
    Row("templates: named limb moves", ("templates", "limbs"), against_real=True),
    Row("templates: turns", ("templates", "turns"), against_real=True),
    Row("templates: backwards", ("templates", "backwards"), against_real=True),
    Row("templates: sidesteps", ("templates", "sidestep"), against_real=True),
    Row("templates: circles", ("templates", "circle"), against_real=True),
    Row("variety over seeds", ("variety",)),
    Row("nearest training clip, m", ("nearest_training_clip",)),
)


def about(judge: Judge, *, clips: int, heldout: Sequence[str]) -> dict[str, Any]:
    """What has to be equal for figures to be comparable."""
    from posewire_export.evaluate.bodies import PASSES

    digest = sha256()
    for tower in (judge.motion, judge.text):
        for name, value in sorted(tower.state_dict().items()):
            digest.update(name.encode() + value.numpy().tobytes())
    return {
        "format": FORMAT,
        "judge": digest.hexdigest()[:16],
        "heldout": sha256("\n".join(sorted(heldout)).encode()).hexdigest()[:16],
        "heldout_clips": len(heldout),
        "clips_at_least": clips,
        "passes": PASSES,
        "intervals": "95 %, by resampling",
    }


def joined(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Several reports as one; later ones win where both have a column."""
    *earlier, last = reports
    for report in earlier:
        for name in ("format", "judge", "heldout"):
            theirs, ours = report.get("about", {}).get(name), last["about"][name]
            if theirs != ours:
                raise InvalidRequest(
                    f"--beside: expected reports with {name} {ours}, as figures are comparable only then; "
                    f"found {theirs}"
                )
    results: dict[str, Any] = {}
    for report in reports:
        results |= report["results"]
    return {**last, "results": results}


def table(report: Mapping[str, Any]) -> str:
    """Markdown: a row for each figure, a column for each of what was measured."""
    results = report["results"]
    names = list(results)
    lines = [f"| | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|"]
    for row in _rows(results):
        real = _centre(_find(results.get("real", {}), row.path)) if row.against_real else None
        cells = [
            _cell(row, _find(results[name], row.path), None if name == "real" else real) for name in names
        ]
        if any(cell != "–" for cell in cells):
            lines.append(f"| {row.title} | {' | '.join(cells)} |")
    return "\n".join([*lines, *_familiarity(report.get("familiarity"))]) + "\n"


def _rows(results: Mapping[str, Any]) -> Iterator[Row]:
    """All, with one for each source of clips."""
    groups = results.get("real", {}).get("text", {})
    for row in ROWS:
        yield row
        if row.path == _UNHEARD:
            for source in sorted(groups.keys() - {"all", "unheard"}):
                yield Row(f"top 3, {source}", ("text", source, "top3"), against_real=True)


def _familiarity(known: Mapping[str, Any] | None) -> list[str]:
    if not known:
        return []
    half, count = known["above half"], known["n"]
    return [
        "",
        f"Familiarity: AUROC {_interval(known['auroc'], 3)} for {count['unheard captions']} held-out "
        f"captions that training doesn't have against {count['strangers']} unrelated prompts; above 0.5 are "
        f"{half['unheard captions']:.0%} of these captions and {half['strangers']:.0%} of those prompts.",
    ]


def _find(part: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if not isinstance(part, Mapping) or step not in part:
            return None
        part = part[step]
    return part


def _centre(value: Any) -> float | None:
    """The figure itself, of an interval or of one with its count."""
    if not isinstance(value, Mapping):
        return value
    inner = value if "value" in value else _counted(value)[1]
    return inner["value"]


def _counted(value: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
    """How many, and the interval over them."""
    [inner] = [part for name, part in value.items() if name != "n"]
    return value["n"], inner


def _cell(row: Row, value: Any, real: float | None) -> str:
    if value is None:
        return "–"
    if not isinstance(value, Mapping):
        return str(value)
    count, inner = (None, value) if "value" in value else _counted(value)
    text = _interval(inner, row.digits)
    if real:
        text += f" {inner['value'] / real:.2f}×"
    return text if count is None else f"{text} n={count}"


def _interval(value: Mapping[str, float], digits: int) -> str:
    return f"{value['value']:.{digits}f} [{value['low']:.{digits}f}, {value['high']:.{digits}f}]"

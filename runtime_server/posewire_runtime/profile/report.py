"""The report: one mapping of plain values, versioned; written, read, checked. Knows no clock.

`docs/performance.md` describes it for people and programs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from posewire_runtime.errors import InvalidFile
from posewire_runtime.files import write_bytes
from posewire_runtime.metrics import STAGES
from posewire_runtime.profile.cases import Case, Left
from posewire_runtime.profile.measuring import Measured
from posewire_runtime.profile.samples import describe

SCHEMA, VERSION = "posewire-profile", 1

Report = dict[str, Any]


def new_report(machine: Mapping[str, Any], settings: Mapping[str, Any], made: str) -> Report:
    """A report without any figure yet."""
    return {
        "schema": SCHEMA,
        "version": VERSION,
        "made": made,
        "seconds": 0.0,
        "settings": dict(settings),
        "machine": dict(machine),
        "stages": [str(stage) for stage in STAGES],
        "targets": [],
        "cases": [],
        "answers": [],
        "game": None,
        "overhead": None,
        "client": None,
        "missing": [],
    }


def case_of(case: Case) -> Report:
    """What was asked for."""
    return {
        "name": case.name,
        "target": case.target,
        "frames": case.frames,
        "steps": case.steps,
        "batch": case.batch,
        "concurrency": case.concurrency,
        "game": case.game,
    }


def left_out(left: Left) -> Report:
    """A case that wasn't measured, and why."""
    return {**case_of(left.case), "status": "skipped", "why": left.why}


def measured(one: Measured, fps: float, reference: str) -> Report:
    """A case with its figures; one that failed keeps what it had."""
    head = {**case_of(one.case), "status": "failed" if one.error else "measured", "why": one.error}
    if not one.rounds:
        return head
    memory = {
        "peak_bytes": one.peak or None,
        "steady_bytes": one.steady or None,
        "device_peak_bytes": one.device_peak or None,
    }
    figures = describe(one.case, one.rounds, fps, one.stopped)
    return {**head, **figures, "reference": reference, "memory": memory}


def write_report(folder: Path, report: Report, page: str) -> list[Path]:
    """Write `report.json` and `report.html`."""
    paths = [folder / "report.json", folder / "report.html"]
    write_bytes(paths[0], (json.dumps(report, indent=1, ensure_ascii=False) + "\n").encode())
    write_bytes(paths[1], page.encode())
    return paths


def read_report(path: Path) -> Report:
    """A report, or a folder that has one; raises `InvalidFile` for what isn't one that this version reads."""
    file = path / "report.json" if path.is_dir() else path
    found = read_json(file)
    if found.get("schema") != SCHEMA:
        raise InvalidFile(f"{file}: expected a report of posewire profile, found another JSON file")
    if found.get("version") != VERSION:
        raise InvalidFile(
            f"{file}: expected a report of version {VERSION}, found {found.get('version')}; "
            "make it again with this version of Posewire"
        )
    return found


def read_json(file: Path) -> Report:
    """A JSON object of a file."""
    try:
        found: object = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidFile(f"{file}: expected a JSON file, found: {error}") from error
    if not isinstance(found, dict):
        raise InvalidFile(f"{file}: expected a JSON object, found a {type(found).__name__}")
    return cast(Report, found)


def incomplete(report: Mapping[str, Any]) -> list[str]:
    """A sentence for each reason why cases weren't measured, or not to their end."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for case in report["cases"]:
        if case["status"] != "measured":
            what = "ended early" if "end_to_end" in case else "not measured"
            reasons.setdefault((what, case["why"]), []).append(case["name"])
    return [f"{what}: {', '.join(names)}: {why}" for (what, why), names in reasons.items()]


def with_figures(report: Mapping[str, Any]) -> Sequence[Report]:
    """The cases that were measured."""
    return [case for case in report["cases"] if "end_to_end" in case]

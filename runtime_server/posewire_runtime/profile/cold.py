"""A cold start: what a fresh process needs until its first frame, and what the second request costs.

Runs in a child process, since nothing else is cold. Its parent says when it started the child.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Any

from posewire_runtime.device.memory import process_bytes
from posewire_runtime.errors import DeviceError
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.driving import LocalDriver
from posewire_runtime.profile.machine import peak_bytes
from posewire_runtime.profile.targets import Target, Watch
from posewire_runtime.scheduler.library import Entry, Library

_PATIENCE = 300.0


def start_cold(command: Sequence[str], wish: dict[str, Any]) -> dict[str, Any]:
    """Run a cold start in a child; `command` starts the process and gets the wish as JSON."""
    text = json.dumps({**wish, "started": time.time_ns()})
    try:
        done = subprocess.run(
            [*command, text],
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise DeviceError(f"expected a cold start within {_PATIENCE:g} s, found that it goes on") from None
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise DeviceError(
            f"expected a cold start, found that its process ended with {done.returncode}: {last}"
        )
    return json.loads(done.stdout.strip().splitlines()[-1])


def report_cold(
    started: int, entered: int, find: Callable[[], Target], frames: int, steps: int
) -> dict[str, Any]:
    """In the child: open, make a clip, make another; moments by `time.time_ns`. Milliseconds."""
    target = find()
    found = time.time_ns()
    library = Library({target.info.name: Entry(target.info, lambda: target.open(Watch()))})
    driver = LocalDriver(library, target.info.name, target.features)
    case = Case(target.name, frames, steps, 1, 1)
    try:
        driver.warm()
        opened = time.time_ns()
        [first] = driver.round(case)
        made = time.time_ns()
        [second] = driver.round(case)
    finally:
        driver.close()
        library.close()
    first_frame = (made - started) / 1e6 - (first.end_to_end - first.first_frame) * 1e3
    return {
        "interpreter_ms": _span(started, entered),
        "imports_ms": _span(entered, found),
        "load_ms": _span(found, opened),
        "first_request_ms": round(first.end_to_end * 1e3, 3),
        "second_request_ms": round(second.end_to_end * 1e3, 3),
        "to_first_frame_ms": round(first_frame, 3),
        "memory_bytes": process_bytes(),
        "peak_bytes": peak_bytes(),
    }


def _span(begin: int, end: int) -> float:
    return round((end - begin) / 1e6, 3)

"""What the benches of the server share: percentiles, the machine's load, memory of a process."""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
import psutil

PERCENTILES = (50, 90, 95, 99)


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50, p90, p95, p99 and the largest, in milliseconds."""
    values = np.asarray(seconds) * 1e3
    found = {f"p{p}": float(np.percentile(values, p)) for p in PERCENTILES}
    return found | {"max": float(values.max())}


def row(name: str, values: dict[str, float]) -> str:
    """A line of a table of milliseconds."""
    return f"{name:<34}" + "".join(f"{value:>10.3f}" for value in values.values())


def head(title: str) -> str:
    """The line above `row`s."""
    return f"{title:<34}" + "".join(f"{f'p{p}':>10}" for p in PERCENTILES) + f"{'max':>10}"


def machine() -> str:
    """Cores and load, without which no figure means anything."""
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, load average {load}"


def resident(process: psutil.Process) -> float:
    """Resident memory in MB."""
    return process.memory_info().rss / 1e6


def verdict(fine: bool) -> str:
    """Whether what was wanted is so."""
    return "yes" if fine else "NO"

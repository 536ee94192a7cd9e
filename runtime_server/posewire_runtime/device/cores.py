"""How many physical cores this process may use.

Two threads of matrix products on one core gain nothing. ONNX Runtime's own default counts cores
too, but then pins a thread to each, also to those that the process isn't allowed to use, and a
game that shares the machine would find them occupied. Knows nothing of what runs on the cores.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def physical_cores() -> int:
    """Cores of this process, by affinity, topology and the container's quota; at least 1."""
    return max(1, min(_cores_by_topology(), _quota(_QUOTA)))


def _cores_by_topology() -> int:
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1  # Windows and macOS: no public figure without a library
    allowed = os.sched_getaffinity(0)
    siblings = {_siblings(_CPUS / f"cpu{cpu}" / "topology", cpu) for cpu in allowed}
    return len(siblings)


def _siblings(topology: Path, cpu: int) -> str:
    """A text that the hardware threads of one core share."""
    try:
        return (topology / "thread_siblings_list").read_text().strip()
    except OSError:
        return str(cpu)


def _quota(file: Path) -> int:
    """Whole cores that a container may use; many where nothing limits it."""
    try:
        limit, period = file.read_text().split()
        return math.floor(int(limit) / int(period))
    except (OSError, ValueError):  # no such file, or `max`
        return 2**16

"""Facts about the machine: without them no figure means anything. What can't be known is named.

Reads files of the system and asks the driver; decides nothing.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from posewire_runtime.device.cores import physical_cores
from posewire_runtime.device.memory import device_memory
from posewire_runtime.device.nvidia import gpu_facts

_PARTS = ("posewire", "numpy", "grpcio", "onnxruntime", "onnxruntime-gpu", "onnxruntime-directml")
_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_CPU = Path("/sys/devices/system/cpu/cpu0/cpufreq")
_RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")


def facts(gpu: int = 0) -> dict[str, Any]:
    """All that is known of the machine."""
    found = gpu_facts(gpu)
    memory = device_memory(gpu)
    graphics = None
    if found is not None:
        graphics = asdict(found) | {"memory_bytes": memory.total if memory else None}
    return {
        "cpu": _cpu_name(),
        "cores": physical_cores(),
        "threads": os.cpu_count(),
        "memory_bytes": _memory(),
        "clock_mhz": _clock(),
        "power_mode": _line(_CPU / "scaling_governor"),
        "load": [round(value, 2) for value in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": {part: found for part in _PARTS if (found := _version(part))},
        "gpu": graphics,
    }


def missing(machine: dict[str, Any]) -> list[str]:
    """What a report of this machine has to do without, and why."""
    found: list[str] = []
    if machine["gpu"] is None:
        found.append(
            "GPU, VRAM and GPU power: no NVIDIA GPU, or no management library of it (the one pynvml wraps)"
        )
    if not os.access(_RAPL, os.R_OK):
        found.append("power of the CPU: this system doesn't show it to this user")
    if machine["power_mode"] is None:
        found.append("power mode of the CPU: this system has no cpufreq")
    if peak_bytes() is None:
        found.append("memory of this process: only known on Linux")
    return found


def joules() -> float | None:
    """Energy that the CPU has used since some moment; None where that isn't shown."""
    text = _line(_RAPL)
    return None if text is None else int(text) / 1e6


def peak_bytes() -> int | None:
    """Most memory in RAM that this process has had since `forget_peak`; None where it isn't known."""
    with suppress(OSError):
        for line in _STATUS.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None


def forget_peak() -> None:
    """Count the peak of this process anew, where the system can."""
    with suppress(OSError):
        _CLEAR.write_text("5")


def same(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """In what two machines or their software differ; empty: reports of them can be compared."""
    keys: Sequence[str] = ("cpu", "cores", "memory_bytes", "python", "versions")
    differ = [key for key in keys if one.get(key) != other.get(key)]
    return differ + (["gpu"] if _gpu_name(one) != _gpu_name(other) else [])


def _gpu_name(machine: dict[str, Any]) -> str | None:
    gpu: dict[str, Any] | None = machine.get("gpu")
    return None if gpu is None else gpu["name"]


def _version(part: str) -> str | None:
    try:
        return version(part)
    except PackageNotFoundError:
        return None


def _cpu_name() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows has no sysconf
        return None


def _clock() -> int | None:
    """MHz now."""
    text = _line(_CPU / "scaling_cur_freq")
    if text is not None:
        return int(text) // 1000
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("cpu MHz"):
                return round(float(line.partition(":")[2]))
    return None


def _line(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None

"""What an NVIDIA GPU says of itself: name, driver, clocks, power.

From the driver's management library, the one that pynvml wraps; loaded when asked. Its calls follow the
documentation and are unverified on a device. Other vendors' GPUs give None.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

_GRAPHICS_CLOCK, _MEMORY_CLOCK = 0, 2
_TEXT = 96


@dataclass(frozen=True, slots=True)
class GpuFacts:
    """One GPU at this moment; None: it doesn't say."""

    name: str
    driver: str
    clock_mhz: int | None
    """Of its cores, now."""
    most_clock_mhz: int | None
    memory_clock_mhz: int | None
    power_watts: float | None
    """Drawn now."""
    limit_watts: float | None
    """Allowed."""
    state: int | None
    """Performance state: 0 is the fastest."""


def gpu_facts(device: int = 0) -> GpuFacts | None:
    """Facts of a GPU, numbered as its driver numbers it; None without one."""
    try:
        nvml = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
    except OSError:
        return None
    return read_facts(nvml, device)


def read_facts(nvml: Any, device: int) -> GpuFacts | None:
    """The same, of a library that is loaded."""
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        handle = ctypes.c_void_p()
        if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(device), ctypes.byref(handle)) != 0:
            return None
        power = _number(nvml.nvmlDeviceGetPowerUsage, handle)
        limit = _number(nvml.nvmlDeviceGetEnforcedPowerLimit, handle)
        return GpuFacts(
            name=_text(nvml.nvmlDeviceGetName, handle),
            driver=_text(nvml.nvmlSystemGetDriverVersion),
            clock_mhz=_number(nvml.nvmlDeviceGetClockInfo, handle, _GRAPHICS_CLOCK),
            most_clock_mhz=_number(nvml.nvmlDeviceGetMaxClockInfo, handle, _GRAPHICS_CLOCK),
            memory_clock_mhz=_number(nvml.nvmlDeviceGetClockInfo, handle, _MEMORY_CLOCK),
            power_watts=None if power is None else power / 1000,
            limit_watts=None if limit is None else limit / 1000,
            state=_number(nvml.nvmlDeviceGetPerformanceState, handle),
        )
    finally:
        nvml.nvmlShutdown()


def _number(ask: Any, *arguments: Any) -> int | None:
    value = ctypes.c_uint()
    return int(value.value) if ask(*arguments, ctypes.byref(value)) == 0 else None


def _text(ask: Any, *arguments: Any) -> str:
    text = ctypes.create_string_buffer(_TEXT)
    return text.value.decode(errors="replace") if ask(*arguments, text, ctypes.c_uint(_TEXT)) == 0 else ""

"""How much memory is taken: by this process, and on an NVIDIA GPU by everybody.

For the profile and for placing an encoder beside a model. The GPU's figures come from the driver's
management library, loaded when asked; its calls follow the documentation and are unverified on
a device. Other vendors' GPUs give None.
"""

from __future__ import annotations

import ctypes
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_STATUS = Path("/proc/self/status")
_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""Names of settings in glibc's malloc.h."""


@dataclass(frozen=True, slots=True)
class DeviceMemory:
    """Bytes of a GPU."""

    used: int
    """By all processes."""
    total: int


class _NvmlMemory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = [("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong)]


def give_freed_memory_back() -> None:
    """Have the allocator return large arrays to the system once they are freed, where it is glibc's.

    Left alone it raises the size from which it does so to that of the largest array freed so far, and keeps
    a pool for each thread: a server whose clips are made by one thread and freed by another grows and grows.
    """
    mallopt = _of_libc("mallopt")
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, 1 << 18)
        mallopt(_ARENA_MAX, 2)


def trim() -> None:
    """Give the allocator's free pages back to the system, where it is glibc's: some milliseconds."""
    malloc_trim = _of_libc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def process_bytes() -> int | None:
    """Memory in RAM of this process, file pages that others share included; None where it isn't known."""
    return _kilobytes("VmRSS")


def private_bytes() -> int | None:
    """Memory in RAM that this process has for itself; None where it isn't known."""
    return _kilobytes("RssAnon")


def device_memory(device: int = 0) -> DeviceMemory | None:
    """Memory of an NVIDIA GPU, numbered as its driver numbers it; None without one."""
    try:
        nvml = ctypes.CDLL("nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1")
    except OSError:
        return None
    if nvml.nvmlInit_v2() != 0:
        return None
    try:
        return _ask(nvml, device)
    finally:
        nvml.nvmlShutdown()


def _ask(nvml: ctypes.CDLL, device: int) -> DeviceMemory | None:
    handle, memory = ctypes.c_void_p(), _NvmlMemory()
    if nvml.nvmlDeviceGetHandleByIndex_v2(ctypes.c_uint(device), ctypes.byref(handle)) != 0:
        return None
    if nvml.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != 0:
        return None
    return DeviceMemory(used=int(memory.used), total=int(memory.total))


def _of_libc(name: str) -> Any:
    """A function of the C library, if it has such a one."""
    return getattr(ctypes.CDLL(None), name, None) if sys.platform == "linux" else None


def _kilobytes(field: str) -> int | None:
    """A line of the kernel's status file, in bytes."""
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:  # not Linux
        return None
    found = next((line for line in lines if line.startswith(f"{field}:")), None)
    return None if found is None else int(found.split()[1]) * 1024

"""Memory figures: this process for real, the GPU's library by a stand-in."""

import ctypes
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire_runtime.device import memory


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's status file")
def test_private_memory_grows_with_what_is_taken() -> None:
    before = memory.private_bytes()
    taken = np.ones(32 * 2**20, np.uint8)
    after = memory.private_bytes()
    total = memory.process_bytes()
    assert before is not None
    assert after is not None
    assert total is not None
    assert after - before > 0.9 * taken.nbytes
    assert total >= after


def test_other_systems_know_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "none")
    assert memory.process_bytes() is None
    (tmp_path / "none").write_text("VmRSS:\t12 kB\n")
    assert (memory.process_bytes(), memory.private_bytes()) == (12288, None)


class Nvml:
    """The driver's library, with one GPU."""

    def __init__(self, started: int = 0) -> None:
        self.started = started
        self.ended = False

    def nvmlInit_v2(self) -> int:
        return self.started

    def nvmlShutdown(self) -> None:
        self.ended = True

    def nvmlDeviceGetHandleByIndex_v2(self, index: ctypes.c_uint, handle: Any) -> int:
        return 0 if index.value == 0 else 2

    def nvmlDeviceGetMemoryInfo(self, handle: Any, info: Any) -> int:
        info._obj.total, info._obj.used = 8 * 2**30, 3 * 2**30
        return 0


def test_the_gpus_figures_come_from_its_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = Nvml()
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: nvml)
    assert memory.device_memory() == memory.DeviceMemory(used=3 * 2**30, total=8 * 2**30)
    assert memory.device_memory(1) is None
    assert nvml.ended
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Nvml(started=9))
    assert memory.device_memory() is None


def test_no_driver_no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(memory.ctypes, "CDLL", missing)
    assert memory.device_memory() is None


FREED = """
import numpy as np
from posewire_runtime.device import memory

memory.give_freed_memory_back()
kept, before = [], memory.private_bytes()
for _ in range(3):  # what is freed first decides where the next ones are taken from
    large = [np.ones(4 << 20, np.uint8) for _ in range(16)]
    kept += [np.ones(64 << 10, np.uint8) for _ in range(16)]
    del large
print(memory.private_bytes() - before - 48 * (64 << 10))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads the kernel's status file")
def test_freed_arrays_go_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4 << 20

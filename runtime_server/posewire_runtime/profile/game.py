"""A load like a game's beside us: frames at a fixed rate, each with work that takes a share of it when alone.

The work is a fixed amount, so a frame takes longer when somebody else is on the device: that is what we do
to the game. On the CPU each process works on one core; elsewhere they are back-to-back products through the
provider. Processes of their own, since a game doesn't share our interpreter.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posewire_runtime.device.cores import physical_cores
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import DeviceError
from posewire_runtime.profile import graphs
from posewire_runtime.profile.reference import loaded
from posewire_runtime.profile.statistics import summarise

_STACK = np.ones((20, 64, 64), np.float32)
"""A product of these takes some hundred microseconds of one thread."""
_GPU_SIZE = 1024
_PATIENCE = 30.0
"""Seconds that its processes get to end."""


@dataclass(frozen=True, slots=True)
class GameLoad:
    """What the game does."""

    rate: float = 60.0
    """Frames a second."""
    share: float = 0.5
    """Of each frame that its work takes when nobody else is there."""
    workers: int = 0
    """Processes on a CPU; 0: half of the cores."""
    provider: str = "cpu"
    """Where it works."""

    @property
    def processes(self) -> int:
        """How many there will be; a GPU gets one."""
        return 1 if self.provider != "cpu" else self.workers or max(1, physical_cores() // 2)


def parse_load(text: str) -> GameLoad:
    """`60`, `60:0.5` or `60:0.5:2`: frames a second, share of each frame, processes."""
    try:
        given = [float(part) for part in text.split(":")]
        rate, share, workers = (*given, *(0.5, 0.0)[len(given) - 1 :])
    except ValueError:
        rate = share = workers = -1.0
    if not (rate > 0 and 0 < share < 1 and workers >= 0):
        raise argparse.ArgumentTypeError(f"expected RATE:SHARE:PROCESSES as 60:0.5:1, found {text!r}")
    return GameLoad(rate, share, int(workers))


class Game:
    """The processes of a load."""

    def __init__(self, load: GameLoad, command: Sequence[str]) -> None:
        """`command` starts a process that calls `run_worker`; it gets the load as JSON."""
        argument = json.dumps({"rate": load.rate, "share": load.share, "provider": load.provider})
        self._processes = [
            subprocess.Popen([*command, argument], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(load.processes)
        ]
        for process in self._processes:
            assert process.stdout is not None
            if process.stdout.readline().strip() != "ready":
                self.stop()
                raise DeviceError("expected the game's load to start, found that its process ended")

    def stop(self) -> list[tuple[float, float]]:
        """End it; all frames, as the moment on `time.monotonic` and the seconds of their work."""
        frames: list[tuple[float, float]] = []
        for process in self._processes:
            try:
                said, _ = process.communicate("stop\n", timeout=_PATIENCE)
            except subprocess.TimeoutExpired:  # stuck in its device
                process.kill()
                said, _ = process.communicate()
            last = said.strip().splitlines()[-1:] or ["[]"]
            frames += [(float(at), float(took)) for at, took in json.loads(last[0])]
        return frames


def effect(
    frames: Sequence[tuple[float, float]],
    alone: tuple[float, float],
    beside: tuple[float, float],
    load: GameLoad,
) -> dict[str, Any]:
    """What we do to the game: its frames while it was alone, and while we ran. Pure."""
    return {
        "rate": load.rate,
        "share": load.share,
        "processes": load.processes,
        "provider": load.provider,
        "alone": _frames_within(frames, *alone, 1 / load.rate),
        "beside_us": _frames_within(frames, *beside, 1 / load.rate),
    }


def run_worker(argument: str) -> int:
    """The body of a load's process: frames until its input says stop, then what they took."""
    wish = json.loads(argument)
    work = _work(wish["provider"])
    stop = threading.Event()
    times = _calibrate(work, wish["share"] / wish["rate"])
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.readline(), stop.set()), daemon=True).start()
    print(json.dumps(_frames(work, times, 1 / wish["rate"], stop)), flush=True)
    return 0


def _frames_within(
    frames: Sequence[tuple[float, float]], begin: float, end: float, period: float
) -> dict[str, Any] | None:
    took = [seconds for at, seconds in frames if begin <= at < end]
    if not took:
        return None
    found = summarise([seconds * 1e3 for seconds in took]).to_dict()
    late = sum(seconds > period for seconds in took) / len(took)
    return {name: round(value, 4) for name, value in found.items()} | {"late_share": round(late, 4)}


def _work(provider: str) -> Callable[[], object]:
    """A small piece of a frame's work."""
    if provider == "cpu":
        return lambda: _STACK @ _STACK
    engine = Engine(EngineSettings(provider=provider))
    shape = (_GPU_SIZE, _GPU_SIZE)
    ones = np.ones(shape, np.float32)
    return loaded(engine, graphs.product(*shape, _GPU_SIZE, "fp32"), {"x": ones, "w": ones})


def _calibrate(work: Callable[[], object], seconds: float) -> int:
    """How many pieces take so long when nobody else is there."""
    found: list[float] = []
    for _ in range(30):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return max(1, round(seconds / sorted(found)[len(found) // 4]))


def _frames(
    work: Callable[[], object], times: int, period: float, stop: threading.Event
) -> list[tuple[float, float]]:
    """When each frame began, and how long its work took."""
    frames: list[tuple[float, float]] = []
    due = time.monotonic()
    while not stop.is_set():
        begun = time.monotonic()
        for _ in range(times):
            work()
        frames.append((begun, time.monotonic() - begun))
        due = max(due + period, time.monotonic() - period)
        time.sleep(max(due - time.monotonic(), 0.0))
    return frames

"""What the scheduler costs: submit -> finished with a program that answers instantly.

Prints percentiles, and ratios against the same clip made by a bare thread that calls the
program, in the same run. Three loads: one job at a time in process, one at a time through
the worker's thread, and many at once.

    python bench/worker_overhead.py [--jobs 2000] [--steps 1] [--crowd 256]
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

import numpy as np

from posewire_runtime.errors import PosewireError
from posewire_runtime.families.base import Condition, Run
from posewire_runtime.scheduler.jobs import Collector, Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.types import (
    Clip,
    Features,
    Licence,
    Limits,
    ModelInfo,
    Request,
    Sampling,
    Skeleton,
)

SKELETON = Skeleton(("pelvis",), (-1,), np.zeros((1, 3), np.float32))
LIMITS = Limits(min_frames=1, max_frames=1000, max_steps=1000)


@dataclass
class InstantRun:
    """Counts its steps."""

    steps: int
    position: int = 0
    nbytes: int = 0

    @property
    def finished(self) -> bool:
        return self.position >= self.steps


@dataclass
class InstantCondition:
    """Nothing."""

    features: Features | None = None
    nbytes: int = 0


class Instant:
    """A program whose every answer is there already."""

    info = ModelInfo("instant", "bench", SKELETON, 30, LIMITS, {"fast": 1}, "fast", Licence("none"), ())
    encoder = None

    def __init__(self) -> None:
        rotations = np.zeros((60, 1, 4), np.float32)
        self.made = Clip(SKELETON, 30, rotations, np.zeros((60, 3), np.float32), np.zeros((60, 4), bool))

    def cost(self, request: Request) -> int:
        return 1

    def condition(self, requests: Sequence[Request]) -> list[Condition]:
        return [InstantCondition() for _ in requests]

    def start(self, request: Request, condition: Condition) -> Run:
        return InstantRun(request.sampling.steps or 1)

    def key(self, run: Run) -> Hashable:
        return 0

    def step(self, runs: Sequence[Run]) -> None:
        for run in runs:
            assert isinstance(run, InstantRun)
            run.position += 1

    def clip(self, run: Run) -> Clip:
        return self.made

    def close(self) -> None:
        pass


class Waiter:
    """Lets the caller wait for the last of its jobs."""

    def __init__(self, jobs: int) -> None:
        self._left = jobs
        self.error: PosewireError | None = None
        self.done = threading.Event()

    def started(self, job: Job) -> None:
        """Nothing to do."""

    def stepped(self, job: Job) -> None:
        """Nothing to do."""

    def finished(self, job: Job, clip: Clip) -> None:
        """One less to wait for."""
        self._left -= 1
        if self._left == 0:
            self.done.set()

    def failed(self, job: Job, error: PosewireError) -> None:
        """The bench makes no mistakes."""
        self.error = error
        self.done.set()

    def wait(self) -> None:
        """Until all jobs ended."""
        self.done.wait()
        if self.error is not None:
            raise self.error


def directly(program: Instant, request: Request) -> None:
    """The clip without a scheduler."""
    run = program.start(request, program.condition([request])[0])
    while not run.finished:
        program.step([run])
    program.clip(run)


def timed(times: int, work: Callable[[], None]) -> np.ndarray:
    """Seconds of each call, after a warm-up."""
    for _ in range(times // 10 + 1):
        work()
    spent = np.empty(times)
    for i in range(times):
        begun = time.perf_counter()
        work()
        spent[i] = time.perf_counter() - begun
    return spent


def hand_offs(times: int, work: Callable[[], None]) -> np.ndarray:
    """Seconds of each call done by a bare thread: what any scheduler with a thread costs."""
    tasks: SimpleQueue[threading.Event | None] = SimpleQueue()

    def serve() -> None:
        while (done := tasks.get()) is not None:
            work()
            done.set()

    def ask() -> None:
        done = threading.Event()
        tasks.put(done)
        done.wait()

    thread = threading.Thread(target=serve)
    thread.start()
    spent = timed(times, ask)
    tasks.put(None)
    thread.join()
    return spent


def measure(jobs: int, steps: int, crowd: int) -> dict[str, np.ndarray]:
    """Seconds a job, by load."""
    program = Instant()
    request = Request("walk", "instant", 60, 1, Sampling(steps=steps))
    found = {
        "direct call": timed(jobs, lambda: directly(program, request)),
        "direct call by another thread": hand_offs(jobs, lambda: directly(program, request)),
    }
    alone = Worker(Library.of(program))

    def inline() -> None:
        alone.submit([request], Collector())
        alone.run_until_idle()

    found["in process, one at a time"] = timed(jobs, inline)
    with Worker(Library.of(program)) as worker:

        def threaded(count: int) -> None:
            waiter = Waiter(count)
            worker.submit([request] * count, waiter)
            waiter.wait()

        found["thread, one at a time"] = timed(jobs, lambda: threaded(1))
        found[f"thread, {crowd} at once"] = timed(max(jobs // crowd, 3), lambda: threaded(crowd)) / crowd
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=2000, help="jobs of each load")
    parser.add_argument("--steps", type=int, default=1, help="steps of each job")
    parser.add_argument("--crowd", type=int, default=256, help="jobs submitted at once")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    found = measure(options.jobs, options.steps, options.crowd)
    bare = float(np.median(found["direct call by another thread"])) * 1e6
    rows = {
        name: dict(zip(("p50", "p90", "p99"), np.percentile(spent, [50, 90, 99]) * 1e6, strict=True))
        for name, spent in found.items()
    }
    if options.json:
        print(json.dumps({"microseconds": rows}))
        return
    print(f"{'microseconds a job':<32}{'p50':>9}{'p90':>9}{'p99':>9}{'p50 / bare':>12}")
    for name, row in rows.items():
        figures = "".join(f"{value:9.1f}" for value in row.values())
        print(f"{name:<32}{figures}{row['p50'] / bare:12.1f}")


if __name__ == "__main__":
    main()

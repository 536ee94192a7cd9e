"""Faults at random steps: exceptions, numbers that are none, slow steps, a lost device. Who else notices?

    python bench/faults.py [--rounds 20] [--jobs 64] [--seed 1]

Each round submits jobs of mixed length, steps and priority through one worker to a stand-in that breaks for
some of them: in conditioning, in a step, with NaN, in decoding, by hanging for a moment, and, in rounds of
their own, by losing the whole device. Every job must end exactly once; the clips of the innocent must be the
same bytes as without faults; no other job may fail, but those that were on a device when it was lost, and
these must be told to try again. Prints what happened and how long ends took against the same jobs without
faults. Exit code 0 only if all that is so.
"""

from __future__ import annotations

import argparse
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

import numpy as np

from posewire_runtime.errors import DeviceError, PosewireError
from posewire_runtime.fakes import FakeProgram, FakeRun, Faults
from posewire_runtime.families.base import Run
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.types import Clip, Priority, Request, Sampling

WORDS = ("condition!", "step!", "nan!", "clip!")
FAULTS = Faults(
    step_seconds=0.0005,
    condition_word="condition!",
    step_word="step!",
    not_finite_word="nan!",
    clip_word="clip!",
)
GUILTY = 0.15
"""Of the jobs."""
SLOW = 0.02
"""Of the steps, which take a hundred times as long."""


class Shaky(FakeProgram):
    """The stand-in on a device that stumbles, and that is lost for good after some steps, if so asked."""

    def __init__(self, draw: random.Random, lost_after: int | None) -> None:
        super().__init__(faults=FAULTS)
        self._draw = draw
        self._lost_after = lost_after
        self.stumbles = 0

    def key(self, run: Run) -> Hashable:
        """Everything shares a step, so that everybody stands beside somebody guilty."""
        return self.info.name

    def step(self, runs: Sequence[Run]) -> None:
        """Now and then slow; lost from some step on."""
        if self._lost_after is not None and self.steps_made >= self._lost_after:
            raise DeviceError("the device is lost")
        if self._draw.random() < SLOW:
            self.stumbles += 1
            time.sleep(FAULTS.step_seconds * 100)
        super().step(cast(Sequence[FakeRun], runs))


@dataclass
class Ends:
    """A listener that notes every end, also a second one."""

    clips: dict[int, list[Clip]] = field(default_factory=dict)
    errors: dict[int, list[PosewireError]] = field(default_factory=dict)
    times: dict[int, float] = field(default_factory=dict)
    everybody: threading.Condition = field(default_factory=threading.Condition)

    def started(self, job: Job) -> None:
        """Nothing to note."""

    def stepped(self, job: Job) -> None:
        """Nothing to note."""

    def finished(self, job: Job, clip: Clip) -> None:
        """A good end."""
        self._note(job, self.clips, clip)

    def failed(self, job: Job, error: PosewireError) -> None:
        """A bad one."""
        self._note(job, self.errors, error)

    def _note(self, job: Job, where: dict[int, Any], what: object) -> None:
        with self.everybody:
            where.setdefault(job.id, []).append(what)
            self.times[job.id] = time.monotonic() - job.arrived
            self.everybody.notify_all()

    def wait(self, jobs: Sequence[Job]) -> bool:
        """Whether all of them ended within a minute."""
        with self.everybody:
            return self.everybody.wait_for(lambda: all(job.id in self.times for job in jobs), 60)


def requests(count: int, draw: random.Random) -> list[Request]:
    """Mixed jobs, some of them guilty of something."""
    made: list[Request] = []
    for seed in range(count):
        word = f" {draw.choice(WORDS)}" if draw.random() < GUILTY else ""
        sampling = Sampling(steps=draw.choice((4, 8, 16, 50)))
        priority = draw.choice(tuple(Priority))
        made.append(Request(f"walk{word}", "stand-in", draw.randint(20, 240), seed, sampling, priority))
    return made


def play(
    asked: Sequence[Request], draw: random.Random, lost_after: int | None
) -> tuple[Ends, tuple[Job, ...], int]:
    """One round, and how often the program was opened."""
    opened: list[Shaky] = []

    def open() -> Shaky:
        opened.append(Shaky(draw, lost_after if not opened else None))
        return opened[-1]

    ends = Ends()
    settings = WorkerSettings(limits=PlanLimits(rows=16), check=True)
    with Worker(Library({"stand-in": Entry(FakeProgram().info, open)}), settings) as worker:
        jobs = worker.submit(asked, ends)
        if not ends.wait(jobs):
            raise SystemExit("jobs never ended")
        if worker.stats().failures:
            raise SystemExit("the worker's loop broke")
    return ends, jobs, len(opened)


@dataclass
class Sums:
    """Over all rounds."""

    jobs: int = 0
    guilty: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    waits: dict[str, list[float]] = field(default_factory=lambda: {"without faults": [], "with faults": []})
    reopened: int = 0


def judge(
    asked: Sequence[Request], ends: Ends, jobs: Sequence[Job], calm: Ends, lost: bool, sums: Sums
) -> None:
    """Compare a round with the same jobs on a device that works."""
    for i, (request, job) in enumerate(zip(asked, jobs, strict=True)):
        guilty = any(word in request.prompt for word in WORDS)
        clips, errors = ends.clips.get(job.id, []), ends.errors.get(job.id, [])
        sums.jobs += 1
        sums.guilty += guilty
        if len(clips) + len(errors) != 1:
            sums.wrong.append(f"job {i}: {len(clips)} clips and {len(errors)} errors")
        elif errors:
            error = errors[0]
            sums.ends[f"{'guilty' if guilty else 'innocent'}: {type(error).__name__}"] += 1
            excused = lost and isinstance(error, DeviceError) and error.retry_after is not None
            if not guilty and not excused:
                sums.wrong.append(f"job {i} was innocent: {error}")
        else:
            sums.ends[f"{'guilty' if guilty else 'innocent'}: clip"] += 1
            alone = calm.clips[i][0]
            same = clips[0].rotations.tobytes() == alone.rotations.tobytes()
            if guilty or not same or clips[0].root.tobytes() != alone.root.tobytes():
                sums.wrong.append(f"job {i} has another clip than without faults")
            sums.waits["with faults"].append(ends.times[job.id])


def innocent(asked: Sequence[Request]) -> list[Request]:
    """The same jobs, with nobody guilty."""
    return [replace(request, prompt="walk") for request in asked]


def run(rounds: int, jobs: int, seed: int) -> Sums:
    """All rounds, each with and without faults; every fourth loses its device."""
    sums = Sums()
    for turn in range(rounds):
        draw = random.Random(f"{seed}-{turn}")
        lost_after = draw.randint(1, 60) if turn % 4 == 3 else None
        asked = requests(jobs, draw)
        calm, _, _ = play(innocent(asked), draw, None)
        sums.waits["without faults"] += calm.times.values()
        ends, submitted, opened = play(asked, draw, lost_after)
        sums.reopened += opened - 1
        judge(asked, ends, submitted, calm, lost_after is not None, sums)
    return sums


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=64)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)
    sums = run(given.rounds, given.jobs, given.seed)
    print(f"{sums.jobs} jobs in {given.rounds} rounds, {sums.guilty} guilty, {sums.reopened} devices lost")
    for end, count in sorted(sums.ends.items()):
        print(f"{end:<34}{count:>7}")
    medians = {name: float(np.median(waits)) * 1e3 for name, waits in sums.waits.items()}
    ratio = medians["with faults"] / medians["without faults"]
    print(f"median wait of a clip: {medians}, ms; ratio {ratio:.2f}")
    print("\n".join(sums.wrong[:20]))
    print(f"nobody else was touched: {'NO' if sums.wrong else 'yes'}")
    raise SystemExit(bool(sums.wrong))


if __name__ == "__main__":
    main()

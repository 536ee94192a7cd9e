"""Whether batching pays: mixed requests together against one after another, on a real package.

    python bench/batching.py [--model PACKAGE] [--requests 16] [--longest 30] [--repeats 9]

Without --model, a very small HY-Motion of random weights is exported (needs the extra `export`): so small
that a step costs mostly overhead, which is where batching pays most on a CPU; how much of it is overhead is
measured and said. The requests differ in length, steps (4 to 50, as presets have them), guidance and seed.
Both ways go through the same worker, in turns, in the same run; each clip must be the same either way, to the
last bit. Text features are random and given, so that no encoder takes part. Clips aren't smoothed: rotations
of random weights point all over the place, and averaging those takes many times what it takes of motion.
"""

from __future__ import annotations

import argparse
import logging
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from posewire_runtime.families import open_package
from posewire_runtime.families.base import Program
from posewire_runtime.scheduler.jobs import Collector, Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.types import Clip, Features, Request, Sampling

STEPS = (4, 50)
"""Fewest and most steps of a request."""
WANTED = 2.0
"""Times the throughput of one after another, where a step costs mostly overhead."""
WORST = 0.95
"""Whatever the model: batching must not cost more than this."""


def small(folder: Path) -> Path:
    """A very small network as a package."""
    from posewire_export.hymotion.export import Options, export
    from posewire_export.hymotion.network import Config
    from posewire_export.hymotion.synthetic import write_checkpoint

    size = Config(width=32, layers=3, heads=2, word_dim=96, sentence_dim=48)
    checkpoint = write_checkpoint(folder / "checkpoint", size)
    return export(checkpoint, folder / "package", Options(name="small", precision="fp32")).root


def features(program: Program, draw: np.random.Generator) -> Features:
    """Random ones, of the shapes that the package wants."""
    config = program._config  # type: ignore[attr-defined]
    words = draw.integers(4, min(12, config.max_words))
    tokens = draw.standard_normal((words, config.word_dim), np.float32)
    return Features(tokens, draw.standard_normal((1, config.sentence_dim), np.float32))


def mixed(program: Program, count: int, longest: int) -> list[Request]:
    """Requests that differ in everything."""
    draw, drawn, limits = random.Random(1), np.random.default_rng(1), program.info.limits
    longest = max(min(limits.max_frames, longest), limits.min_frames)
    return [
        Request(
            f"request {seed}",
            program.info.name,
            draw.randint(limits.min_frames, longest),
            seed,
            Sampling(
                steps=draw.randint(STEPS[0], min(STEPS[1], limits.max_steps)),
                guidance=draw.choice((1.0, 3.0, 5.0)) if limits.fixed_guidance is None else None,
            ),
            features=features(program, drawn),
            smooth=False,
        )
        for seed in range(count)
    ]


@dataclass
class Spent:
    """How long each repetition of one way took, and the clips of the last."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """Of all threads of this process: what is left to compare on a machine that others use too."""
    clips: list[Clip] = field(default_factory=list)

    def run(self, worker: Worker, groups: Sequence[Sequence[Request]]) -> None:
        """One repetition: group after group, each group together."""
        self.clips = []
        wall, cpu = time.perf_counter(), time.process_time()
        for group in groups:
            collector = Collector()
            jobs = worker.submit(group, collector)
            worker.run_until_idle()
            self.clips += clips_of(collector, jobs)
        self.wall.append(time.perf_counter() - wall)
        self.cpu.append(time.process_time() - cpu)


def clips_of(collector: Collector, jobs: Sequence[Job]) -> list[Clip]:
    """The clips of these jobs; raises what kept one from being made."""
    for error in collector.errors.values():
        raise error
    return [collector.clips[job.id] for job in jobs]


def overhead(program: Program, asked: Sequence[Request], turns: int = 20) -> float:
    """The share of a lone row's step that a batch takes only once."""

    def best(requests: Sequence[Request]) -> float:
        runs = [program.start(request, program.condition([request])[0]) for request in requests]
        times = list[float]()
        for _ in range(min(turns, *(run.steps for run in runs))):
            begun = time.perf_counter()
            program.step(runs)
            times.append(time.perf_counter() - begun)
        return min(times)

    alike = [replace(asked[0], sampling=Sampling(steps=turns, guidance=1.0), seed=seed) for seed in range(16)]
    alone, batch = best(alike[:1]), best(alike)
    return 1 - (batch - alone) / (len(alike) - 1) / alone


def measure(package: Path, count: int, longest: int, repeats: int, least: float) -> bool:
    """Both ways in turn; whether batching pays at least so much."""
    program = open_package(package)
    worker = Worker(Library.of(program))
    asked = mixed(program, count, longest)
    ways = {"one after another": [[request] for request in asked], "together": [asked]}
    for groups in ways.values():
        Spent().run(worker, groups)  # warm up
    spent = {name: Spent() for name in ways}
    for _ in range(repeats):
        for name, groups in ways.items():
            spent[name].run(worker, groups)
    alone, joined = spent.values()
    pairs = zip(alone.clips, joined.clips, strict=True)
    same = all(np.array_equal(a.root, b.root) and np.array_equal(a.rotations, b.rotations) for a, b in pairs)
    frames = sum(request.frames for request in asked)
    print(f"{count} requests, {frames} frames, {program.info.name} on {program.info.providers}")
    print(f"overhead of a lone row's step: {overhead(program, asked):.0%}")
    print(f"medians of {repeats}:")
    for name, found in spent.items():
        print(f"{name:<18} {np.median(found.wall):7.3f} s, {np.median(found.cpu):7.3f} s of CPU")
    print(f"the same clips to the last bit: {'yes' if same else 'NO'}")
    print(f"throughput by CPU time: {np.median(alone.cpu) / np.median(joined.cpu):.2f} times; ", end="")
    ratio = float(np.median(alone.wall) / np.median(joined.wall))
    print(f"by the clock: {ratio:.2f} times; at least {least:g}: {'yes' if ratio >= least else 'NO'}")
    program.close()
    return same and ratio >= least


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", type=Path, help="a package; else a very small one is exported")
    parser.add_argument("--requests", type=int, default=16)
    parser.add_argument("--longest", type=int, default=30, help="most frames of a request")
    parser.add_argument("--repeats", type=int, default=9)
    parser.add_argument("--least", type=float, help=f"wanted ratio ({WANTED}; with --model {WORST})")
    given = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder:
        package = given.model or small(Path(folder))
        least = given.least if given.least is not None else WORST if given.model else WANTED
        fine = measure(package, given.requests, given.longest, given.repeats, least)
    raise SystemExit(not fine)


if __name__ == "__main__":
    main()

"""The starter model on this CPU: first frame, cold start, how many characters it keeps moving.

    python bench/starter.py [--model FOLDER] [--preset fast] [--repeats 25] [--cold 7] [--seconds 5]

First frame: a clip of 4 s of a prompt that wasn't asked before, from the call until its first frame has been
packed and unpacked, as a multiple of the time inside the graphs in the same request. Cold start: a fresh
`posewire generate`, from starting the process to its end, beside one that only imports the graph runtime.
Characters: how many clips of 4 s are made in 4 s, by how many are asked for at once. Beside them stands what
this machine multiplies per second, measured between the requests. Exit code 0 only if all is as wanted.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from figures import machine, verdict

from posewire_runtime.commands.models import package_folder
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.meter import Meter
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.families import open_package, package_info
from posewire_runtime.packages.package import Package
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.driving import LocalDriver
from posewire_runtime.profile.reference import Reference, ceilings
from posewire_runtime.scheduler.library import Entry, Library

SECONDS, FPS = 4, 30
TOGETHER = (1, 2, 4, 8, 16, 32)
"""How many are asked for at once."""
MOST_FIRST, MOST_RATIO, MOST_COLD = 0.060, 2.5, 3.0
"""Seconds until the first frame; the same in sums of its graph calls; seconds of a cold start."""
IMPORTS = "import numpy, onnxruntime"


@dataclass(frozen=True)
class First:
    """One request; seconds."""

    frame: float
    """Until its first frame was there."""
    graphs: float
    """In its graph calls."""
    product: float
    """One product of the reference, measured just before."""


def first_frames(
    driver: LocalDriver, case: Case, meter: Meter, reference: Reference, repeats: int
) -> list[First]:
    """The same length again and again, each time in other words."""
    found: list[First] = []
    for _ in range(repeats + 3):
        product, before = reference.seconds(), sum(meter.read().values())
        [sample] = driver.round(case)
        graphs = (sum(meter.read().values()) - before) / 1e9
        found.append(First(sample.first_frame, graphs, product))
    return found[3:]


def characters(driver: LocalDriver, case: Case, seconds: float) -> float:
    """Clips that play while they last: frames made in a second, over the rate at which they play."""
    driver.round(case)
    made, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < seconds:
        made += len(driver.round(case)) * case.frames
    return made / (time.perf_counter() - begun) / FPS


def cold_starts(arguments: Sequence[str], times: int) -> list[float]:
    """Wall seconds of fresh processes."""
    found: list[float] = []
    for _ in range(times):
        begun = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        found.append(time.perf_counter() - begun)
    return found


def spread(values: Sequence[float], scale: float = 1e3) -> str:
    """Median, with the least and the most, in milliseconds."""
    middle, least, most = statistics.median(values), min(values), max(values)
    return f"{middle * scale:.1f} (of {len(values)}: {least * scale:.1f} to {most * scale:.1f})"


def measure_first(driver: LocalDriver, case: Case, meter: Meter, reference: Reference, repeats: int) -> bool:
    """First frames; whether they come soon enough."""
    found = first_frames(driver, case, meter, reference, repeats)
    frame = statistics.median(one.frame for one in found)
    ratio = statistics.median(one.frame / one.graphs for one in found)
    products = statistics.median(one.frame / one.product for one in found)
    print(f"first frame, ms                {spread([one.frame for one in found])}")
    print(f"in its graph calls, ms         {spread([one.graphs for one in found])}")
    print(f"one reference product, ms      {spread([one.product for one in found])}  [{reference.kind}]")
    soon, lean = frame <= MOST_FIRST, ratio <= MOST_RATIO
    print(f"at most {MOST_FIRST * 1e3:.0f} ms on an idle machine: {verdict(soon)}")
    print(
        f"{ratio:.2f} times its graph calls, at most {MOST_RATIO:g}: {verdict(lean)}; {products:.1f} products"
    )
    return soon and lean


def measure_cold(model: Path, preset: str, times: int) -> bool:
    """Cold starts; whether they are short enough."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["-m", "posewire_runtime.cli", "generate", "a person waves", "--seconds", str(SECONDS)]
        command += ["--model", str(model), "--preset", preset, "--out", str(Path(folder) / "clip.glb")]
        found = cold_starts(command, times)
    imports = cold_starts(["-c", IMPORTS], times)
    middle, bare = statistics.median(found), statistics.median(imports)
    print(f"cold `posewire generate`, ms   {spread(found)}")
    print(f"only `{IMPORTS}`, ms {spread(imports)}: {middle / bare:.2f} times that")
    print(f"at most {MOST_COLD:g} s: {verdict(middle <= MOST_COLD)}")
    return middle <= MOST_COLD


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="starter", help="a package's folder")
    parser.add_argument("--preset", default="fast")
    parser.add_argument("--repeats", type=int, default=25, help="requests whose first frame is timed")
    parser.add_argument("--cold", type=int, default=7, help="fresh processes")
    parser.add_argument(
        "--seconds", type=float, default=5.0, help="how long each number of characters is tried"
    )
    parser.add_argument("--threads", type=int, help="of a graph; without it: one for each physical core")
    given = parser.parse_args()
    folder, meter = package_folder(given.model), Meter()
    settings = EngineSettings(provider="cpu", threads=given.threads, meter=meter)
    package = Package.open(folder)
    info = package_info(package)
    steps = info.presets[given.preset]
    print(f"{info.name}, {given.preset} ({steps} steps), a clip of {SECONDS} s; {machine()}")
    engine = Engine(EngineSettings(provider="cpu", threads=given.threads))
    rates = ceilings(engine, "int8")
    print(f"this machine multiplies {rates.flops / 1e9:.0f} G/s in int8, moves {rates.bytes / 1e9:.1f} GB/s")
    library = Library({info.name: Entry(info, lambda: open_package(package, settings))})
    driver = LocalDriver(library, info.name)
    try:
        driver.warm()
        case = Case(info.name, SECONDS * FPS, steps, 1, 1)
        fine = measure_first(driver, case, meter, Reference.on(engine), given.repeats)
        for together in TOGETHER:
            count = characters(driver, Case(info.name, SECONDS * FPS, steps, 1, together), given.seconds)
            print(f"{together:3} at once: {count:6.1f} characters kept moving at {FPS} fps")
    finally:
        driver.close()
        library.close()
    fine &= measure_cold(folder, given.preset, given.cold)
    print(f"at the end: {machine()}")
    raise SystemExit(not fine)


if __name__ == "__main__":
    main()

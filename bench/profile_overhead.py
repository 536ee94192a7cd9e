"""What the profiler costs itself: the same requests with and without being looked at.

    python bench/profile_overhead.py [--pairs 200] [--model FOLDER]

With: the meter around every graph, the listener that notes what happened, times taken of packing and
unpacking. Without: none of these; the same worker, the same packing. The two take turns; the ratio's median
and its 95 % interval are printed. Without a model the stand-in is used, where looking costs the largest
share.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from figures import machine, verdict

from posewire_runtime.device.meter import Meter
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.families import open_package, package_info
from posewire_runtime.families.base import Program
from posewire_runtime.packages.package import Package
from posewire_runtime.profile.driving import LocalDriver
from posewire_runtime.profile.session import compared
from posewire_runtime.profile.statistics import interval, median
from posewire_runtime.profile.targets import Target, Watch
from posewire_runtime.scheduler.library import Library

MOST = 0.02


def target_of(folder: Path | None) -> Target:
    """What is asked for."""
    if folder is None:
        return Target("stand-in", FakeProgram().info, lambda watch: FakeProgram())
    package, settings = Package.open(folder), EngineSettings(provider="cpu")

    def opened(watch: Watch) -> Program:
        return open_package(package, replace(settings, meter=watch.meter))

    return Target(folder.name, package_info(package), opened, package, settings)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=200)
    parser.add_argument("--model", type=Path, help="folder of a package")
    options = parser.parse_args()
    target = target_of(options.model)
    base = target.subject.base
    looked_at = Library.of(target.open(Watch(Meter())))
    alone = Library.of(target.open(Watch()))
    name = looked_at.default
    with_profile = LocalDriver(looked_at, name, target.features)
    without = LocalDriver(alone, name, target.features)
    ratios: list[float] = []
    print(f"{base.name}; {machine()}")
    try:
        for pair in range(options.pairs + 5):
            ratio = compared(with_profile, without, base, first=pair % 2 == 0)
            if pair >= 5:
                ratios.append(ratio)
    finally:
        with_profile.close()
        without.close()
    low, high = interval(ratios)
    cost = median(ratios) - 1
    print(f"with / without: {1 + cost:.4f} (95 %: {low:.4f} to {high:.4f}), {len(ratios)} pairs")
    print(f"at most {MOST:.0%}: {verdict(cost <= MOST)}; {machine()}")


if __name__ == "__main__":
    main()

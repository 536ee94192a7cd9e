"""Whether `posewire profile diff` finds what is there and nothing else, on this machine as noisy as it is.

    python bench/profile_diff.py [--seconds 120] [--slower 0.15] [--twice]

Three models that differ in nothing but their names are measured in turns (A, again, B, A, again, B …),
through the code of the profile; B does 15 % more work in every step. Then their reports are compared as the
command does it: A with B must be slower at p < 0.01, A with its own repeat must be the same. `--twice` also
makes two whole profiles of the stand-in, one after the other, and compares those.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from figures import machine, verdict

from posewire_runtime.fakes import FakeProgram
from posewire_runtime.families.base import Run
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.diff import CHANCE, Diff, diff
from posewire_runtime.profile.driving import LocalDriver, Span
from posewire_runtime.profile.machine import facts
from posewire_runtime.profile.measuring import Bench, measure
from posewire_runtime.profile.reference import Reference
from posewire_runtime.profile.report import measured, new_report
from posewire_runtime.profile.samples import Sample, Stop, blocks_of
from posewire_runtime.profile.table import diff_lines
from posewire_runtime.scheduler.library import Library

FACTORS = np.ones((12, 64, 64), np.float32)


class Working(FakeProgram):
    """The stand-in, with steps that multiply matrices."""

    def __init__(self, name: str, products: int) -> None:
        super().__init__(name=name)
        self._products = products

    def step(self, runs: Sequence[Run]) -> None:
        """Multiply, then count."""
        for _ in range(self._products):
            np.matmul(FACTORS, FACTORS)
        super().step(runs)


class Several:
    """Drives each case with the driver of its model."""

    def __init__(self, drivers: dict[str, LocalDriver]) -> None:
        self._drivers = drivers

    def round(self, case: Case) -> list[Sample]:
        """One round of its model."""
        return self._drivers[case.target].round(case)

    def timeline(self, case: Case) -> list[Span]:
        """Nothing: nobody asks."""
        del case
        return []


def interleaved(slower: float, seconds: float) -> dict[str, dict[str, Any]]:
    """Reports of A, of A once more, and of B, measured in turns; cases carry the same name."""
    products = 20
    amounts = {"A": products, "again": products, "B": round(products * (1 + slower))}
    library = Library.of(*(Working(name, amount) for name, amount in amounts.items()))
    drivers = {name: LocalDriver(library, name) for name in amounts}
    try:
        reference = Reference.on(None)
        bench = Bench(Several(drivers), reference, None, seconds / 3, Stop(tight=0.0))
        found = measure(bench, [Case(name, 60, 4, 1, 1) for name in amounts])
    finally:
        for driver in drivers.values():
            driver.close()
    reports: dict[str, dict[str, Any]] = {}
    for one in found:
        report = new_report(facts(), {}, time.strftime("%FT%T"))
        report["cases"] = [measured(one, 30.0, reference.kind) | {"name": "the same case"}]
        reports[one.case.target] = report
        print(f"{one.case.target}: {len(blocks_of(one.rounds))} visits, {len(one.rounds)} rounds")
    return reports


def twice() -> Diff:
    """Two whole profiles of the stand-in, one after the other."""
    from posewire_runtime.profile.report import read_report

    with tempfile.TemporaryDirectory() as scratch:
        folders = [Path(scratch) / name for name in ("first", "second")]
        for folder in folders:
            command = [
                sys.executable,
                "-m",
                "posewire_runtime.cli",
                "profile",
                "--no-cold",
                "--out",
                str(folder),
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return diff(read_report(folders[0]), read_report(folders[1]))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="for all three together")
    parser.add_argument("--slower", type=float, default=0.15, help="how much more work B does")
    parser.add_argument("--twice", action="store_true", help="also two whole profiles")
    options = parser.parse_args()
    print(machine())
    reports = interleaved(options.slower, options.seconds)
    # Measured in turns, so no tolerance is needed for what the machine did meanwhile.
    planted, repeat = (diff(reports["A"], reports[other], tolerance=0.0) for other in ("B", "again"))
    print("\n".join(["", f"planted: {options.slower:.0%} more work", *diff_lines(planted)]))
    print("\n".join(["", "the same once more", *diff_lines(repeat)]))
    [change], [same] = planted.changes, repeat.changes
    found = change.verdict == "slower" and change.chance < CHANCE
    print(f"\nplanted slowdown found at p < {CHANCE}: {verdict(found)} (p = {change.chance:.5f})")
    print(f"the repeat is the same: {verdict(same.verdict == 'same')} ({same.change:+.1%})")
    if options.twice:
        whole = twice()
        print("\n".join(["", "two profiles, one after the other", *diff_lines(whole)]))
        print(f"all cases the same: {verdict(all(c.verdict == 'same' for c in whole.changes))}")
    print(machine())


if __name__ == "__main__":
    main()

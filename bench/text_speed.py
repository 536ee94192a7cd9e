"""What the stored prefix and the reduced precisions are worth, on a random Qwen3 of a published size.

    python bench/text_speed.py --size 1.7b [--precision fp32 int8 int4] [--keep FOLDER]

For each precision: size, the exporter's peak memory, time of a prompt of 12 tokens behind 101 stored
ones, against the same graph run whole (113 rows) and against the padded form of the reference
(229 rows), in turns in one process; and the error that the exporter measured. Times are the best of
all rounds: whatever else runs on the machine only adds to them.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import numpy as np

from posewire_export.text.encoder import Options
from posewire_export.text.encoder import export as export_encoder
from posewire_export.text.net import Precision
from posewire_export.text.synthetic import SIZES, write_clip, write_llm
from posewire_runtime.device.engine import Engine, Graph
from posewire_runtime.device.memory import private_bytes
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.packages.package import Package

PREFIX, NEW, PADDED = 101, 12, 229
MIB = 2**20

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Timing:
    """Of one graph."""

    stored: float
    """Milliseconds of 12 rows behind the stored prefix."""
    whole: float
    """Of 113 rows."""
    padded: float
    """Of 229 rows."""
    load: float
    """Seconds."""
    private: int
    """Bytes that the loaded graph takes for itself."""


def apart(function: Callable[..., _T], *arguments: object) -> _T:
    """Run in a process of its own, whose memory is its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def export(llm: Path, clip: Path, out: Path, precision: Precision, check: bool) -> tuple[float, int]:
    """Export; gives seconds and the peak bytes of this process."""
    begun = time.perf_counter()
    export_encoder(llm, clip, out, Options(precision=precision, check=check))
    return time.perf_counter() - begun, peak_bytes()


def peak_bytes() -> int:
    """The most memory this process ever had."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def measure(root: Path, rounds: int) -> Timing:
    """The three forms in turns."""
    package = Package.open(root, verify="sizes")
    before, begun = private_bytes() or 0, time.perf_counter()
    graph = Engine(EngineSettings(provider="cpu")).load(package.graph_file("context"))
    loaded, private = time.perf_counter() - begun, (private_bytes() or 0) - before
    forms = {"stored": (NEW, PREFIX), "whole": (PREFIX + NEW, 0), "padded": (PADDED, 0)}
    best = dict.fromkeys(forms, float("inf"))
    for _ in range(rounds + 1):
        for name, (rows, stored) in forms.items():
            best[name] = min(best[name], run(graph, rows, stored))
    return Timing(best["stored"], best["whole"], best["padded"], loaded, private)


def run(graph: Graph, rows: int, stored: int) -> float:
    """Milliseconds of `rows` rows behind `stored` rows of the prefix."""
    width = int(graph.inputs[0].shape[1])
    feeds = {
        "rows": np.random.default_rng(0).standard_normal((rows, width), np.float32) * np.float32(0.02),
        "positions": np.arange(stored, stored + rows, dtype=np.int64),
        "segments": np.zeros(rows, np.int64),
        "prefix": np.array([stored], np.int64),
    }
    begun = time.perf_counter()
    graph.run(feeds)
    return (time.perf_counter() - begun) * 1e3


def report(out: Path, precision: Precision, timing: Timing, first: Timing) -> None:
    """Print what one precision is worth."""
    size = (out / "context.weights").stat().st_size / MIB
    held = f"{timing.private / MIB:.0f} MiB private once loaded in {timing.load:.1f} s"
    print(f"{precision}: {size:.0f} MiB; {held}")
    whole = f"whole {timing.whole:.0f} ms, {timing.whole / timing.stored:.2f} x"
    padded = f"padded {timing.padded:.0f} ms, {timing.padded / timing.stored:.2f} x"
    print(f"  stored prefix {timing.stored:.0f} ms; {whole}; {padded}")
    if timing is not first:
        faster = f"{first.stored / timing.stored:.2f} x (stored), {first.whole / timing.whole:.2f} x (whole)"
        print(f"  against the first precision: {faster} as fast")
    for entry in Package.open(out, verify="sizes").manifest.parity:
        print(f"  {entry.what}: {entry.error:.2e} ({entry.metric})")


def main() -> None:
    """Make, export, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--size", choices=SIZES, default="1.7b")
    parser.add_argument("--precision", nargs="+", default=["fp32", "int8", "int4"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-check", action="store_true", help="peak memory of the export proper; no errors")
    parser.add_argument("--keep", type=Path, help="folder for the models, used again by later runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = options.keep or Path(scratch)
        llm, clip = root / f"llm-{options.size}", root / "clip"
        if not llm.exists():
            write_llm(llm, SIZES[options.size], prefix=PREFIX)
        if not clip.exists():
            write_clip(clip)
        shard = max(file.stat().st_size for file in llm.glob("*.safetensors"))
        first: Timing | None = None
        for precision in options.precision:
            out = root / f"{options.size}-{precision}"
            if not out.exists():
                seconds, peak = apart(export, llm, clip, out, precision, not options.no_check)
                sizes = f"peak {peak / MIB:.0f} MiB, shards of {shard / MIB:.0f} MiB"
                print(f"{precision}: exported in {seconds:.0f} s; {sizes}")
            timing = apart(measure, out, options.rounds)
            first = first or timing
            report(out, precision, timing, first)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

"""Exports networks of the released sizes (random weights by a fixed rule) and runs them: time and memory.

    python bench/hymotion_export.py [--models lite full] [--precisions fp32] [--scratch DIR]

Everything runs through the command line, each command in a process of its own that is watched.
Own memory is what only that process holds; mapped pages belong to files and can be dropped by the
system at any time. Needs about 10 GB of disk for the full model.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from posewire_export.hymotion.network import MotionTransformer
from posewire_export.hymotion.synthetic import FULL, LITE, write_checkpoint

MODELS = {"lite": LITE, "full": FULL}
PARAMETERS = {"lite": 460_841_673, "full": 1_042_868_681}
"""Of the released networks."""


@dataclass(frozen=True)
class Watched:
    """What a command took."""

    seconds: float
    own: int
    """Largest memory of its own, bytes."""
    mapped: int
    """Largest memory of mapped files, bytes."""


def watch(*command: str) -> Watched:
    """Run a command to its end; its output goes through."""
    begun = time.perf_counter()
    process = subprocess.Popen(command)
    own = mapped = 0
    while process.poll() is None:
        found = _memory(process.pid)
        own, mapped = max(own, found["RssAnon"]), max(mapped, found["RssFile"])
        time.sleep(0.05)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Watched(time.perf_counter() - begun, own, mapped)


def _memory(pid: int) -> dict[str, int]:
    found = {"RssAnon": 0, "RssFile": 0}
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return found
    for name, _, value in (line.partition(":") for line in lines):
        if name in found:
            found[name] = int(value.split()[0]) * 1024
    return found


def features(path: Path, model: str) -> Path:
    """Random text features of 24 words."""
    config, rng = MODELS[model], np.random.default_rng(0)
    np.savez(
        path,
        ctxt=rng.standard_normal((24, config.word_dim), np.float32),
        vtxt=rng.standard_normal((1, config.sentence_dim), np.float32),
    )
    return path


def measure(model: str, precisions: list[str], scratch: Path) -> None:
    """Export one size in some precisions and generate a short clip with each."""
    with torch.device("meta"):
        count = sum(p.numel() for p in MotionTransformer(MODELS[model]).parameters())
    verdict = "as released" if count == PARAMETERS[model] else f"EXPECTED {PARAMETERS[model]:,}"
    print(f"{model}: {count:,} parameters, {verdict}", flush=True)
    checkpoint, package = scratch / f"{model}-checkpoint", scratch / model
    # A process of its own, so that its memory is gone before anything is measured.
    writer = multiprocessing.get_context("spawn").Process(
        target=write_checkpoint, args=(checkpoint, MODELS[model])
    )
    writer.start()
    writer.join()
    posewire = (sys.executable, "-m", "posewire_runtime.cli")
    text = features(scratch / "features.npz", model)
    for precision in precisions:
        where = ("--checkpoint", str(checkpoint), "--out", str(package))
        made = watch(*posewire, "export", "hymotion", *where, "--precision", precision)
        size = sum(file.stat().st_size for file in package.iterdir())
        ran = watch(
            *(*posewire, "generate", "--model", str(package), "--text-features", str(text)),
            *("--frames", "90", "--steps", "4", "--seed", "0", "--raw", str(scratch / "raw.npz")),
        )
        print(f"  {precision}: package {size / 1e9:.2f} GB")
        for what, found in (("export with check", made), ("load and 4 steps of 3 s", ran)):
            print(
                f"    {what}: {found.seconds:.0f} s, peak {found.own / 1e9:.2f} GB own, "
                f"{found.mapped / 1e9:.2f} GB mapped",
                flush=True,
            )
        shutil.rmtree(package)
    shutil.rmtree(checkpoint)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", choices=MODELS, nargs="+", default=["lite", "full"])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    parser.add_argument("--scratch", type=Path, help="where to work; default: the system's temporary folder")
    options = parser.parse_args()
    print(f"load {os.getloadavg()[0]:.1f}")
    for model in options.models:
        with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
            measure(model, options.precisions, Path(scratch))


if __name__ == "__main__":
    main()

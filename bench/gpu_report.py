"""The GPU figures of docs/performance.md, in one command, on a machine with an NVIDIA GPU.

    python bench/gpu_report.py [--models lite full] [--precisions fp32 fp16 bf16 int8] [--out out/gpu_report]

Makes packages of HY-Motion with random weights (kept in --packages for the next time), profiles each with
`posewire profile` on CUDA, with a load like a game's beside it, and writes the reports and one table in
Markdown. Where ONNX Runtime has no CUDA provider that starts, it says so and measures the same network as a
torch module instead, steps alone; those rows are labelled torch. Without any GPU it says so and ends with 5.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from hymotion_speed import MODELS, packages

from posewire_export.hymotion.network import Config, MotionTransformer
from posewire_export.hymotion.synthetic import random_tensors
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PosewireError
from posewire_runtime.packages.manifest import Precision
from posewire_runtime.profile.machine import facts
from posewire_runtime.profile.report import read_report, with_figures
from posewire_runtime.profile.statistics import summarise

TORCH = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
WORDS, FRAMES, REPEATS = 24, (60, 120, 300), 30


def tensors_of(config: Config) -> dict[str, torch.Tensor]:
    """Random weights of the network, by a fixed rule."""
    prefix = "motion_transformer."
    return {
        name.removeprefix(prefix): tensor
        for name, tensor in random_tensors(config).items()
        if name.startswith(prefix)
    }


def cuda_runs() -> str:
    """Why ONNX Runtime can't use the GPU; empty where it can."""
    try:
        Engine(EngineSettings(provider="cuda"))
    except PosewireError as error:
        return str(error)
    return ""


def profiled(folder: Path, out: Path) -> Iterator[str]:
    """Rows of one package, by the profile."""
    command = [sys.executable, "-m", "posewire_runtime.cli", "profile", "--model", str(folder)]
    options = ["--provider", "cuda", "--game-load", "60:0.5", "--out", str(out)]
    done = subprocess.run([*command, *options], check=False, stdout=subprocess.DEVNULL)
    report = read_report(out)
    for case in with_figures(report):
        whole, step = case["end_to_end"], case["stages"]["step"]["p50"] / case["steps"]
        memory = case["memory"]["device_peak_bytes"]
        used = f"{memory / 2**30:.2f} GiB" if memory else "–"
        yield (
            f"| {case['name']} | {whole['p50']:.2f} | {whole['p95']:.2f} | {step:.3f} | "
            f"{case['frames_per_second']:.0f} | {case['characters']:.0f} | {used} |"
        )
    for line in report["missing"]:
        yield f"| {folder.name}: {line} | | | | | | |"
    if done.returncode:
        yield f"| {folder.name}: the profile ended with {done.returncode} | | | | | | |"


def in_torch(model: str, tensors: dict[str, torch.Tensor], precision: str) -> Iterator[str]:
    """Rows of the network as a torch module: guided steps of one clip, nothing around them."""
    if precision not in TORCH:
        yield f"| torch {model} {precision}: not a precision of the torch module | | | | | | |"
        return
    config, kind = MODELS[model], TORCH[precision]
    with torch.device("meta"):
        network = MotionTransformer(config)
    network.load_state_dict({name: t.to("cuda", kind) for name, t in tensors.items()}, assign=True)
    for frames in FRAMES:
        seconds = step_seconds(network, config, kind, frames)
        found = summarise([value * 1e3 for value in seconds])
        used = torch.cuda.max_memory_allocated() / 2**30
        yield (
            f"| torch {model} {precision} {frames}f, one guided step | {found.p50:.2f} | {found.p95:.2f} | "
            f"{found.p50:.3f} | | | {used:.2f} GiB |"
        )


def step_seconds(network: Any, config: Config, kind: torch.dtype, frames: int) -> list[float]:
    """Seconds of steps with two rows, one with text and one without."""
    inputs = (
        torch.randn(2, frames, config.frame_dim, device="cuda", dtype=kind),
        torch.randn(2, WORDS, config.word_dim, device="cuda", dtype=kind),
        torch.randn(2, 1, config.sentence_dim, device="cuda", dtype=kind),
        torch.full((2,), 0.5, device="cuda", dtype=kind),
        torch.ones(2, frames, device="cuda", dtype=torch.bool),
        torch.ones(2, WORDS, device="cuda", dtype=torch.bool),
    )
    found: list[float] = []
    torch.cuda.reset_peak_memory_stats()
    with torch.inference_mode():
        for index in range(REPEATS + 5):
            torch.cuda.synchronize()
            begun = time.perf_counter()
            network(*inputs)
            torch.cuda.synchronize()
            if index >= 5:
                found.append(time.perf_counter() - begun)
    return found


def rows(models: Sequence[str], precisions: Sequence[Precision], folder: Path, out: Path) -> Iterator[str]:
    """Everything, model by model."""
    why = cuda_runs()
    if why:
        yield f"\nONNX Runtime's CUDA provider isn't used: {why}\n"
    yield "| case | p50 ms | p95 ms | a step ms | frames/s | characters | VRAM at most |"
    yield "|---|---|---|---|---|---|---|"
    for model in models:
        tensors = tensors_of(MODELS[model])
        made = {} if why else packages(folder, model, tensors, precisions)
        for precision in precisions:
            if why:
                yield from in_torch(model, tensors, precision)
            else:
                yield from profiled(made[precision], out / f"{model}-{precision}")


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=["lite", "full"])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "fp16", "bf16", "int8"])
    parser.add_argument("--packages", type=Path, default=Path("out/gpu_packages"))
    parser.add_argument("--out", type=Path, default=Path("out/gpu_report"))
    options = parser.parse_args()
    if not torch.cuda.is_available() and cuda_runs():
        print(f"no GPU that torch or ONNX Runtime can use: {cuda_runs()}", file=sys.stderr)
        return 5
    machine = facts()
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [f"{machine['gpu']}, {machine['versions']}, torch {torch.__version__}", ""]
    for line in rows(options.models, options.precisions, options.packages, options.out):
        print(line, flush=True)
        lines.append(line)
    (options.out / "table.md").write_text("\n".join(lines) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

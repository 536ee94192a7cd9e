"""Attention in blocks against dense attention: equality, and cost against length.

    python bench/hymotion_band.py [--frames 90 180 360 720 1800 3600] [--precision fp32]

First the attention alone (16 heads of 64, random inputs, 24 words): the largest difference
between the block form and the dense one, and the time of both. Then the whole denoise graph of a
Lite-sized network of fewer layers: its time a frame must not grow with length.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from posewire_export.graph import GraphBuilder, WeightFile
from posewire_export.hymotion.graphs import Net, build_denoise, modulation_vectors
from posewire_export.hymotion.network import Config
from posewire_export.hymotion.synthetic import random_tensors
from posewire_export.quantise import storage_of
from posewire_runtime.families.hymotion_batch import Geometry, Layout, Row, best_block, lay_out
from posewire_runtime.packages.manifest import Precision

WORDS = 24
HEADS = 16
WIDTH = 1024
GEOMETRY = Geometry(band=60, head_dim=64, rope_base=10000)
CONFIG = Config(width=WIDTH, layers=3, heads=HEADS)
"""One double and two single blocks of the Lite size."""
GROWTH = 1.3
"""Time a frame at 3,600 frames may be so many times that at 360."""
EQUAL = 1e-5

Array = NDArray[Any]


def best(run: Callable[[], object], times: int) -> float:
    """The least of several times, in seconds: others share this machine."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        found.append(time.perf_counter() - begun)
    return min(found)


def session(path: Path, threads: int) -> onnxruntime.InferenceSession:
    """A graph on the CPU."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, ["CPUExecutionProvider"])


def write_attention(folder: Path) -> Path:
    """A graph of the attention alone, gathers included."""
    with WeightFile(folder / "none.bin") as weights:
        g = GraphBuilder("attention", weights)
        q, k, v = (g.input(name, "float32", "tokens", WIDTH) for name in "qkv")
        queries = g.input("queries", "int64", "blocks", "asked")
        keys = g.input("keys", "int64", "blocks", "seen")
        mask = g.input("mask", "float32", "blocks", 1, "asked", "seen")
        answers = g.input("answers", "int64", "frames")
        net = Net(g, CONFIG, {}, storage_of("fp32"))
        gathered = (g.op("Gather", k, keys, axis=0), g.op("Gather", v, keys, axis=0))
        seen = net.attention(g.op("Gather", q, queries, axis=0), *gathered, mask)
        g.output("seen", g.op("Gather", seen, answers, axis=0), "float32", "frames", WIDTH)
        g.save("fp32")
    return folder / "attention.onnx"


def attention(
    graph: onnxruntime.InferenceSession, frames: int, block: int, repeat: int
) -> tuple[Array, float]:
    """Its result for random inputs, and its time."""
    layout = lay_out([Row(frames, WORDS)], GEOMETRY, block)
    rng = np.random.default_rng(frames)
    feeds = {name: layout.feeds[name] for name in ("queries", "keys", "mask", "answers")}
    feeds |= {name: rng.standard_normal((frames + WORDS, WIDTH), np.float32) for name in "qkv"}
    result = np.asarray(graph.run(None, feeds)[0])
    return result, best(lambda: graph.run(None, feeds), repeat)


def write_denoise(folder: Path, precision: Precision) -> Path:
    """The denoise graph of a few layers."""
    tensors = {n.removeprefix("motion_transformer."): t for n, t in random_tensors(CONFIG).items()}
    with WeightFile(folder / "weights.bin") as weights:
        g = GraphBuilder("denoise", weights)
        build_denoise(Net(g, CONFIG, tensors, storage_of(precision)))
        g.save(precision)
    return folder / "denoise.onnx"


def denoise_feeds(layout: Layout, frames: int) -> dict[str, Array]:
    """Random inputs of one row."""
    rng = np.random.default_rng(frames)
    return {
        "motion": rng.standard_normal((*layout.grid, CONFIG.frame_dim), np.float32),
        "modulation": rng.standard_normal((1, modulation_vectors(CONFIG), WIDTH), np.float32),
        "words": rng.standard_normal((CONFIG.layers, 2, WORDS, WIDTH), np.float32),
        **layout.feeds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, nargs="+", default=[90, 180, 360, 720, 1800, 3600])
    parser.add_argument("--precision", choices=("fp32", "int8"), default="fp32")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.threads} threads, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        alone = session(write_attention(Path(scratch)), options.threads)
        whole = session(write_denoise(Path(scratch), options.precision), options.threads)
    print("frames  block   difference   attention, us a frame    denoise graph, us a frame")
    print("                             blocks   dense  ratio    ")
    by_frame: dict[int, float] = {}
    for frames in options.frames:
        block = min(
            best_block(Row(frames, WORDS), GEOMETRY.band), frames // 2
        )  # blocks, also where dense wins
        cut, cut_time = attention(alone, frames, block, options.repeat)
        dense, dense_time = attention(alone, frames, frames, options.repeat)
        difference = float(np.abs(cut - dense).max() / np.abs(dense).max())
        feeds = denoise_feeds(lay_out([Row(frames, WORDS)], GEOMETRY), frames)
        by_frame[frames] = best(lambda feeds=feeds: whole.run(None, feeds), options.repeat) / frames
        print(
            f"{frames:6} {block:6}   {difference:10.1e}   {cut_time / frames * 1e6:6.1f}  "
            f"{dense_time / frames * 1e6:6.1f}  {dense_time / cut_time:5.2f}    {by_frame[frames] * 1e6:8.1f}"
            f"{'' if difference < EQUAL else '   NOT EQUAL'}",
            flush=True,
        )
    if {360, 3600} <= by_frame.keys():
        growth = by_frame[3600] / by_frame[360]
        verdict = "ok" if growth <= GROWTH else "TOO MUCH"
        print(
            f"a frame of 3,600 takes {growth:.2f} times as long as one of 360 ({verdict}, at most {GROWTH})"
        )


if __name__ == "__main__":
    main()

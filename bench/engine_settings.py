"""What the engine's settings cost and gain on this CPU (needs onnx and psutil).

    python bench/engine_settings.py [--turns 15]

Ratios against ONNX Runtime's own defaults, measured in the same run on a stack of layers of the
Lite network's size: threads, waiting between runs, and weights that are repacked or left in the file.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import psutil
from onnx import TensorProto, helper, numpy_helper

from posewire_runtime.device.cores import physical_cores
from posewire_runtime.device.engine import Engine, Graph
from posewire_runtime.device.providers import EngineSettings

WIDTH, HIDDEN, LAYERS = 1024, 4096, 6
PAUSE = 0.05


def stack(path: Path) -> None:
    """Write LAYERS pairs of matrices with their weights beside the graph."""
    rng = np.random.default_rng(0)
    nodes, constants, last = list[onnx.NodeProto](), list[onnx.TensorProto](), "x"
    for layer in range(LAYERS):
        for half, shape in enumerate(((WIDTH, HIDDEN), (HIDDEN, WIDTH))):
            matrix = rng.standard_normal(shape, np.float32) / np.float32(shape[0] ** 0.5)
            constants.append(numpy_helper.from_array(matrix, f"w{layer}_{half}"))
            out = f"y{layer}_{half}"
            nodes.append(helper.make_node("MatMul", [last, constants[-1].name], [out]))
            last = out
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, ["rows", WIDTH]) for name in ("x", last))
    graph = helper.make_graph(nodes, "stack", [x], [y], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    onnx.save(model, path, save_as_external_data=True, location="weights.bin")


def best_ms(run: Callable[[], object], turns: int) -> float:
    """Shortest time of a call: what others take of the machine only ever adds."""
    times: list[float] = []
    for _ in range(turns):
        begun = time.perf_counter()
        run()
        times.append(time.perf_counter() - begun)
    return min(times) * 1e3


def idle_cpu_ms(run: Callable[[], object], turns: int) -> float:
    """CPU time that the process takes while nobody asks anything of it, for PAUSE after each run."""
    taken = 0.0
    for _ in range(turns):
        run()
        before = time.process_time()
        time.sleep(PAUSE)
        taken += time.process_time() - before
    return taken / turns * 1e3


def runner(graph: Graph, rows: int) -> Callable[[], object]:
    """A call of the graph on fixed input."""
    x = np.random.default_rng(1).standard_normal((rows, WIDTH), np.float32)
    graph.run({"x": x})
    return lambda: graph.run({"x": x})


def threads(path: Path, rows: int, turns: int) -> None:
    one = 0.0
    for count in range(1, physical_cores() + 1):
        graph = Engine(EngineSettings(provider="cpu", threads=count)).load(path)
        took = best_ms(runner(graph, rows), turns)
        one = one or took
        print(
            f"  {count} thread{'s' * (count > 1)}: {took:8.2f} ms, {one / took:.2f} times one thread's speed"
        )


def waiting(path: Path, rows: int, turns: int) -> None:
    graphs = {
        spin: runner(Engine(EngineSettings(provider="cpu", spin=spin)).load(path), rows)
        for spin in ("always", "running", "never")
    }
    base = 0.0
    for spin, run in graphs.items():
        took, idle = best_ms(run, turns), idle_cpu_ms(run, turns)
        base = base or took
        print(
            f"  spin {spin:8} {took:8.2f} ms, {took / base:.2f} of always; "
            f"idle {idle:6.2f} ms of CPU in {PAUSE * 1e3:.0f} ms"
        )


def weights(path: Path, occasional: bool, turns: int) -> None:
    process, file = psutil.Process(), path.with_name("weights.bin").stat().st_size
    engine = Engine(EngineSettings(provider="cpu"))
    before, begun = process.memory_full_info().uss, time.perf_counter()
    graphs = [engine.load(path, occasional=occasional) for _ in range(2)]
    load = (time.perf_counter() - begun) / 2
    private = (process.memory_full_info().uss - before) / file
    kept = f"two sessions hold {private:.2f} times the file in memory of their own"
    print(f"  occasional={occasional!s:5} load {load * 1e3:6.1f} ms, {kept}")
    for rows in (24, 90, 360, 1200):
        print(f"    {rows:5} rows {best_ms(runner(graphs[0], rows), turns):8.2f} ms")


def apart(target: Callable[..., None], *arguments: object) -> None:
    """Run in a process of its own: memory that another part freed would hide what this one takes."""
    process = multiprocessing.get_context("spawn").Process(target=target, args=arguments)
    process.start()
    process.join()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, default=15)
    options = parser.parse_args()
    print(f"load average {os.getloadavg()[0]:.2f}, {physical_cores()} physical cores")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.onnx"
        apart(stack, path)
        for rows in (24, 180):
            print(f"threads, {rows} rows:", flush=True)
            apart(threads, path, rows, options.turns)
            print(f"waiting, {rows} rows:", flush=True)
            apart(waiting, path, rows, options.turns)
        print("weights:", flush=True)
        for occasional in (False, True):
            apart(weights, path, occasional, options.turns)


if __name__ == "__main__":
    main()

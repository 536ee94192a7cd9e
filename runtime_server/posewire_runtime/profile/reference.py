"""What this machine can do at this moment: a product of matrices beside every round, and two ceilings.

A round's time is compared with the product's, measured right before and after it on the same provider with
as many threads, so that reports of a noisy machine can be compared. Knows engines, no model.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posewire_runtime.device.engine import Array, Engine
from posewire_runtime.profile import graphs

_LEAST = 0.004
"""Seconds that one measurement of the reference takes at least."""
_SHAPE = (256, 1024, 1024)
_SMALL, _STACK = 64, 160
"""Products so small that the library gives each to one thread: what a model without a provider runs on."""
_CEILING_SECONDS = 0.6
_FLOATS = 1 << 24
"""Of the pass over memory: 64 MB read, 64 MB written, more than caches hold."""


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The most that was seen of this machine."""

    precision: str
    """Of the product."""
    flops: float
    """Operations a second in a large product; of integers where the precision is int8."""
    bytes: float
    """Bytes a second read and written by a pass over memory."""


class Reference:
    """A product that is measured again and again."""

    def __init__(self, kind: str, run: Callable[[], object]) -> None:
        self.kind = kind
        """What is multiplied where: only reports of the same kind can be compared."""
        self._run = run
        run()
        self._times = max(1, round(_LEAST / _best(run, 0.05)))

    @classmethod
    def on(cls, engine: Engine | None) -> Reference:
        """On a provider, or for a model without one on one thread of the CPU."""
        if engine is None:
            stack = np.ones((_STACK, _SMALL, _SMALL), np.float32)
            return cls(f"numpy, {_STACK} x {_SMALL}^3, one thread", lambda: stack @ stack)
        rows, inner, columns = _SHAPE
        run = loaded(engine, graphs.product(rows, inner, columns, "fp32"), _factors(_SHAPE, "fp32"))
        threads = engine.settings.threads or "all"
        return cls(f"{engine.provider}, {rows} x {inner} x {columns} fp32, {threads} threads", run)

    def seconds(self, least: float = 0.0) -> float:
        """One product, by as many as a measurement needs, and as fit into `least` seconds.

        What stands beside a long round is measured longer, so that it meets the same disturbances.
        """
        begun, made, spent = time.perf_counter(), 0, 0.0
        while made == 0 or spent < least:
            for _ in range(self._times):
                self._run()
            made, spent = made + self._times, time.perf_counter() - begun
        return spent / made


def ceilings(engine: Engine, precision: str) -> Ceilings:
    """Measure them on a provider."""
    size = 1024 if engine.device == "cpu" else 4096
    shape = (size, size, size)
    multiply = loaded(engine, graphs.product(*shape, precision), _factors(shape, precision))
    x = np.ones(_FLOATS, np.float32)
    negate = loaded(engine, graphs.negation(_FLOATS), {"x": x})
    return Ceilings(
        precision,
        flops=2 * size**3 / _best(multiply, _CEILING_SECONDS),
        bytes=2 * x.nbytes / _best(negate, _CEILING_SECONDS),
    )


def loaded(engine: Engine, model: bytes, inputs: dict[str, Array]) -> Callable[[], object]:
    """A function that runs the graph on the device, with inputs and outputs that stay there."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "reference.onnx"
        path.write_bytes(model)
        graph = engine.load(path)
    there = {name: engine.put(array) for name, array in inputs.items()}
    return lambda: graph.run_on_device(there)


def _factors(shape: tuple[int, int, int], precision: str) -> dict[str, Array]:
    rows, inner, columns = shape
    rng = np.random.default_rng(0)
    x, w = rng.random((rows, inner), np.float32), rng.random((inner, columns), np.float32)
    if precision == "int8":
        return {"x": (x * 255).astype(np.uint8), "w": (w * 127).astype(np.int8)}
    kind = np.float16 if precision == "fp16" else np.float32
    return {"x": x.astype(kind), "w": w.astype(kind)}


def _best(run: Callable[[], object], seconds: float) -> float:
    """The least of the times that fit into so many seconds; one at least."""
    found: list[float] = []
    end = time.perf_counter() + seconds
    while not found or time.perf_counter() < end:
        begun = time.perf_counter()
        run()
        found.append(time.perf_counter() - begun)
    return min(found)

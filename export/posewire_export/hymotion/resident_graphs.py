"""Two small graphs without weights, for devices that keep conditions and latents between steps.

`fill` puts the text side of some steps into a slot of the pools that `denoise` reads; `advance`
applies guidance and the solver to all rows. `posewire_runtime.families.hymotion_resident` runs them.
"""

from __future__ import annotations

import numpy as np

from posewire_export.graph import GraphBuilder
from posewire_export.hymotion.graphs import modulation_vectors
from posewire_export.hymotion.network import Config

_HISTORY = 3
"""Velocities that a solver combines."""


def build_fill(g: GraphBuilder, config: Config) -> None:
    """A group of steps, padded to the slot's shape, takes the place of what was in the slot."""
    width, vectors = config.width, modulation_vectors(config)
    words = g.input("words", "float32", config.layers, 2, "steps", "n", width)
    modulation = g.input("modulation", "float32", "steps", vectors, width)
    pools = (
        g.input("pool_words", "float32", config.layers, 2, "pool", width),
        g.input("pool_modulation", "float32", "pool_steps", vectors, width),
    )
    slot = g.input("slot", "int64", 1)
    shape = g.input("slot_shape", "int64", 2)  # steps, words
    steps = g.op("Slice", shape, _numbers(g, 0), _numbers(g, 1))
    padded = g.reshape(_padded(g, words, shape, (2, 3)), config.layers, 2, -1, width)
    filled = _replaced(g, pools[0], padded, slot, g.op("ReduceProd", shape, keepdims=1), axis=2)
    g.output("filled_words", filled, "float32", config.layers, 2, "pool", width)
    filled = _replaced(g, pools[1], _padded(g, modulation, steps, (0,)), slot, steps, axis=0)
    g.output("filled_modulation", filled, "float32", "pool_steps", vectors, width)


def build_advance(g: GraphBuilder, config: Config) -> None:
    """Every row one step on; padding stays zero, and health is zero where all numbers are finite."""
    rows = ("table_rows", "frames", config.frame_dim)
    motion, velocity, previous, before = (
        g.input(name, "float32", *rows) for name in ("motion", "velocity", "previous", "before")
    )
    weights = g.input("weights", "float32", _HISTORY, "table_rows", 1, 1)
    conditional, unconditional = (
        g.input(name, "int64", "table_rows") for name in ("conditional", "unconditional")
    )
    guidance = g.input("guidance", "float32", "table_rows", 1, 1)
    real = g.input("real", "bool", "table_rows", "frames", 1)
    # Rows are picked, not mixed by a matrix: zero times a broken row would break all.
    without = g.op("Gather", velocity, unconditional, axis=0)
    difference = g.op("Sub", g.op("Gather", velocity, conditional, axis=0), without)
    guided = g.op("Add", without, g.op("Mul", guidance, difference))
    moved = motion
    for weight, one in zip(g.split(weights, 0, _HISTORY), (guided, previous, before), strict=True):
        shaped = g.op("Squeeze", weight, _numbers(g, 0))  # (rows, 1, 1)
        moved = g.op("Add", moved, g.op("Mul", shaped, one))
    zero = g.constant(np.float32(0))
    moved = g.op("Where", real, moved, zero)
    health = g.op("ReduceSum", g.op("Mul", moved, zero), _numbers(g, 1, 2), keepdims=0)
    g.output("moved", moved, "float32", *rows)
    g.output("guided", guided, "float32", *rows)
    g.output("health", health, "float32", "table_rows")


def _padded(g: GraphBuilder, value: str, sizes: str, axes: tuple[int, ...]) -> str:
    """The value with zeros behind it, so that these axes have these sizes."""
    found = g.op("Shape", value, start=axes[0], end=axes[-1] + 1)
    pads = g.op("Concat", _numbers(g, *[0] * len(axes)), g.op("Sub", sizes, found), axis=0)
    return g.op("Pad", value, pads, "", _numbers(g, *axes), mode="constant")


def _replaced(g: GraphBuilder, pool: str, value: str, slot: str, size: str, axis: int) -> str:
    """The pool with `value` in a slot; slots have `size` along the axis."""
    begin = g.op("Mul", slot, size)
    end = g.op("Add", begin, size)
    along, last = _numbers(g, axis), _numbers(g, np.iinfo(np.int64).max)
    head = g.op("Slice", pool, _numbers(g, 0), begin, along)
    return g.op("Concat", head, value, g.op("Slice", pool, end, last, along), axis=axis)


def _numbers(g: GraphBuilder, *values: int) -> str:
    return g.constant(np.array(values, np.int64))

"""Which row of a packed run sees which, as graph nodes."""

from __future__ import annotations

import numpy as np

from posewire_export.graph import GraphBuilder


def additive_mask(g: GraphBuilder, segments: str, prefix: str | None = None) -> str:
    """(T, P + T): 0 where a row sees a column, very negative where it doesn't.

    A row sees itself, what stands before it in its own segment, and all of the prefix.
    """
    rows = g.op("Shape", segments)  # (1,)
    count = g.op("Squeeze", rows)
    index = g.op("Range", g.constant(np.int64(0)), count, g.constant(np.int64(1)))
    axes = [g.constant(np.array([axis])) for axis in (0, 1)]
    line, column = (g.op("Unsqueeze", index, axis) for axis in axes)
    own_line, own_column = (g.op("Unsqueeze", segments, axis) for axis in axes)
    causal = g.op("GreaterOrEqual", column, line)
    visible = g.op("And", causal, g.op("Equal", own_column, own_line))
    mask = g.op("Where", visible, g.constant(np.float32(0)), g.constant(np.float32(-1e30)))
    if prefix is None:
        return mask
    shape = g.op("Concat", rows, prefix, axis=0)
    return g.op("Concat", g.op("Expand", g.constant(np.float32(0)), shape), mask, axis=1)

"""The zero surface of a sampled field as triangles (naive surface nets). Doesn't know what the field is."""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.motion.quat import Array

_Indices = NDArray[np.intp]

_CORNERS = list(product((0, 1), repeat=3))
"""Of a cell, in the order of their bits."""
_RING = ((1, 1), (0, 1), (0, 0), (1, 0))
"""The four cells around an edge, counter-clockwise when it points at the eye."""


def surface_net(field: Array) -> tuple[Array, _Indices]:
    """Vertices (V, 3) in grid units and triangles (T, 3) around where `field` (X, Y, Z) is below zero.

    One vertex in each cell that the surface crosses, at the middle of the crossings of the cell's edges; two
    triangles around each edge that the surface crosses, counter-clockwise seen from outside. Closed, as long
    as the field is positive on the grid's border.
    """
    inside = field < 0
    size = [n - 1 for n in field.shape]
    count = np.zeros(size, int)
    for corner in _CORNERS:
        count += inside[tuple(slice(at, at + n) for at, n in zip(corner, size, strict=True))]
    cells = np.argwhere((count > 0) & (count < 8))
    index = np.full(size, -1)
    index[tuple(cells.T)] = np.arange(len(cells))
    triangles = [_around_edges(inside, index, axis) for axis in range(3)]
    return cells + _crossing(field, cells), np.concatenate(triangles)


def _crossing(field: Array, cells: _Indices) -> Array:
    """The middle of the points where the surface crosses the edges of each cell, within it."""
    values = np.stack([field[tuple((cells + corner).T)] for corner in _CORNERS], axis=-1)  # (V, 8)
    total, count = np.zeros((len(cells), 3)), np.zeros((len(cells), 1))
    for here, there in product(range(8), repeat=2):
        if here & there != here or (there - here).bit_count() != 1 or here == there:
            continue
        crossed = ((values[:, here] < 0) != (values[:, there] < 0))[:, None]
        step = np.where(crossed, (values[:, here] - values[:, there])[:, None], 1)
        along = values[:, here, None] / step
        a, b = np.array(_CORNERS[here]), np.array(_CORNERS[there])
        total += np.where(crossed, a + along * (b - a), 0)
        count += crossed
    return total / count


def _around_edges(inside: NDArray[np.bool_], index: _Indices, axis: int) -> _Indices:
    """Two triangles around each crossed edge along an axis."""
    edges = np.diff(inside.astype(np.int8), axis=axis)
    at = np.argwhere(edges)
    leaving = edges[tuple(at.T)] < 0  # from inside to outside along the axis
    ring: list[_Indices] = []
    for back in _RING:
        cell = at.copy()
        cell[:, (axis + 1) % 3] -= back[0]
        cell[:, (axis + 2) % 3] -= back[1]
        ring.append(index[tuple(cell.T)])
    second, fourth = np.where(leaving, ring[1], ring[3]), np.where(leaving, ring[3], ring[1])
    return np.concatenate(
        [np.stack([ring[0], second, ring[2]], axis=-1), np.stack([ring[0], ring[2], fourth], axis=-1)]
    )

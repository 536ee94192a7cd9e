"""A depth buffer for triangles in plain numpy: which triangle a pixel shows, and where on it.

Meant for a few hundred thousand small triangles in a still picture. Knows nothing of cameras or light.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.motion.quat import Array

_TOGETHER = 1 << 20
"""Pixels that are tested at once."""


@dataclass(frozen=True, eq=False)
class Hits:
    """Pixels with the triangles that cover them."""

    pixels: NDArray[np.intp]  # (N,)
    """Row-major indices."""
    triangles: NDArray[np.intp]  # (N,)
    """Which triangle."""
    weights: Array  # (N, 3)
    """Where on it, as shares of its three corners."""


def rasterise(corners: Array, width: int, height: int) -> Hits:
    """What each pixel shows of triangles `(T, 3, 3)`: x, y in pixels and depth, nearer is smaller.

    A front face runs counter-clockwise, as seen on the screen; back faces are left out.
    """
    parts = list(_covered(corners[..., :2], width, height))
    if not parts:
        return Hits(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros((0, 3), np.float32))
    pixels = np.concatenate([part.pixels for part in parts])
    triangles = np.concatenate([part.triangles for part in parts])
    weights = np.concatenate([part.weights for part in parts])
    depth = np.sum(weights * corners[triangles, :, 2], axis=-1)
    order = np.argsort(-depth, kind="stable")
    winner = np.full(width * height, -1)
    winner[pixels[order]] = order  # the nearest is written last
    winner = winner[winner >= 0]
    return Hits(pixels[winner], triangles[winner], weights[winner])


def _covered(xy: Array, width: int, height: int) -> Iterator[Hits]:
    """Every pixel of every triangle; those of like size are tested together, a block of pixels each."""
    u, v = xy[:, 1] - xy[:, 0], xy[:, 2] - xy[:, 0]
    area = u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0]
    low, high = np.floor(xy.min(axis=1)), np.ceil(xy.max(axis=1))
    seen = (area < -1e-9) & (high > 0).all(axis=-1) & (low < (width, height)).all(axis=-1)
    size = (high - low).max(axis=-1)
    edge, below = 4, 0
    while (seen & (size > below)).any():
        some = np.flatnonzero(seen & (size > below) & (size <= edge))
        for part in np.array_split(some, len(some) * edge * edge // _TOGETHER + 1):
            yield _block(xy, area, low, part, edge, width, height)
        edge, below = 2 * edge, edge


def _block(
    xy: Array, area: Array, low: Array, some: NDArray[np.intp], edge: int, width: int, height: int
) -> Hits:
    """The pixels that some triangles cover within `edge` by `edge` pixels from their corners."""
    step = np.arange(edge, dtype=np.float32)
    px = (low[some, 0, None, None] + step[None, None, :]).astype(np.float32)
    py = (low[some, 1, None, None] + step[None, :, None]).astype(np.float32)
    shares: list[Array] = []
    for here, there in ((1, 2), (2, 0)):  # the corner opposite to each edge
        a, b = xy[some, here, :, None, None], xy[some, there, :, None, None]
        cross = (b[:, 0] - a[:, 0]) * (py + 0.5 - a[:, 1]) - (b[:, 1] - a[:, 1]) * (px + 0.5 - a[:, 0])
        shares.append(cross / area[some, None, None])
    shares.append(1 - shares[0] - shares[1])
    inside = (shares[0] >= 0) & (shares[1] >= 0) & (shares[2] >= 0)
    inside &= (px >= 0) & (px < width) & (py >= 0) & (py < height)
    which, row, column = np.nonzero(inside)
    pixels = py[which, row, 0].astype(np.intp) * width + px[which, 0, column].astype(np.intp)
    return Hits(pixels, some[which], np.stack([share[inside] for share in shares], axis=-1))

"""Rotations as six numbers: the first two columns of the matrix, in one of two orders.

- `interleaved`: R00 R01 R10 R11 R20 R21, three rows of two (HY-Motion).
- `columns`: R00 R10 R20 R01 R11 R21, the first column and then the second.

Any six numbers make a rotation: the columns are normalised and the second straightened against the first.
"""

from __future__ import annotations

import numpy as np

from posewire_runtime.motion.quat import Array, normalise


def interleaved_to_matrix(six: Array) -> Array:
    """`(..., 6)` in rows of two -> `(..., 3, 3)`."""
    return _complete(six[..., 0::2], six[..., 1::2])


def interleaved_from_matrix(matrix: Array) -> Array:
    """`(..., 3, 3)` -> `(..., 6)` in rows of two."""
    return matrix[..., :, :2].reshape(*matrix.shape[:-2], 6)


def columns_to_matrix(six: Array) -> Array:
    """`(..., 6)`, first column then second -> `(..., 3, 3)`."""
    return _complete(six[..., :3], six[..., 3:])


def columns_from_matrix(matrix: Array) -> Array:
    """`(..., 3, 3)` -> `(..., 6)`, first column then second."""
    return np.concatenate([matrix[..., :, 0], matrix[..., :, 1]], axis=-1)


def _complete(a: Array, b: Array) -> Array:
    """The rotation whose first column points along `a` and whose second lies toward `b`."""
    first = normalise(a)
    second = normalise(b - np.sum(first * b, axis=-1, keepdims=True) * first)
    return np.stack([first, second, np.cross(first, second)], axis=-1)

"""Unit quaternions, xyzw, Hamilton product: arrays `(..., 4)` with any leading dimensions.

Functions broadcast like numpy and keep the precision they are given (float32 stays float32). `q` and
`-q` are the same rotation; where a function cares about the sign, its docstring says so. Knows nothing
of skeletons or time, apart from `continuous` and `unwrap_euler`, which walk along one axis.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.floating[Any]]
"""What the maths works on: float32 or float64."""

_SMALL_ANGLE = 1e-3
"""Below this, slerp's weights are those of lerp to within float64's rounding of the result."""


def identity(shape: tuple[int, ...] = (), dtype: type[np.floating[Any]] = np.float64) -> Array:
    """No rotation, in an array of `shape + (4,)`."""
    q = np.zeros((*shape, 4), dtype)
    q[..., 3] = 1
    return q


def normalise(v: Array) -> Array:
    """Quaternions or vectors scaled to unit length; what has no length stays zero."""
    length = np.linalg.norm(v, axis=-1, keepdims=True)
    return v / np.where(length > 0, length, 1)


def conjugate(q: Array) -> Array:
    """The inverse rotation of a unit quaternion."""
    return q * np.array([-1, -1, -1, 1], q.dtype)


def multiply(a: Array, b: Array) -> Array:
    """Hamilton product: first `b`, then `a`."""
    ax, ay, az, aw = _components(a)
    bx, by, bz, bw = _components(b)
    out = np.empty(np.broadcast_shapes(a.shape, b.shape), np.result_type(a, b))
    out[..., 0] = aw * bx + ax * bw + ay * bz - az * by
    out[..., 1] = aw * by - ax * bz + ay * bw + az * bx
    out[..., 2] = aw * bz + ax * by - ay * bx + az * bw
    out[..., 3] = aw * bw - ax * bx - ay * by - az * bz
    return out


def rotate(q: Array, v: Array) -> Array:
    """Vectors `(..., 3)` turned by unit quaternions `(..., 4)`."""
    x, y, z, w = _components(q)
    vx, vy, vz = v[..., 0], v[..., 1], v[..., 2]
    tx, ty, tz = 2 * (y * vz - z * vy), 2 * (z * vx - x * vz), 2 * (x * vy - y * vx)
    out = np.empty((*tx.shape, 3), tx.dtype)
    out[..., 0] = vx + w * tx + y * tz - z * ty
    out[..., 1] = vy + w * ty + z * tx - x * tz
    out[..., 2] = vz + w * tz + x * ty - y * tx
    return out


def angle(a: Array, b: Array) -> Array:
    """Angle in radians, 0 to pi, between two rotations; exact for the smallest ones too."""
    chord = np.minimum(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    return 4 * np.arcsin(np.minimum(chord / 2, 1))


def from_axis_angle(axis: Array, angle: ArrayLike) -> Array:
    """Turn about an axis of any length, right-handed, in radians."""
    half = np.asarray(angle, axis.dtype)[..., None] / 2
    xyz = normalise(axis) * np.sin(half)
    return np.concatenate([xyz, np.broadcast_to(np.cos(half), (*xyz.shape[:-1], 1))], axis=-1)


def from_rotation_vector(v: Array) -> Array:
    """From axis times angle."""
    angle = np.linalg.norm(v, axis=-1, keepdims=True)
    return np.concatenate([v * np.sinc(angle / (2 * np.pi)).astype(v.dtype) / 2, np.cos(angle / 2)], axis=-1)


def to_rotation_vector(q: Array) -> Array:
    """Axis times angle, the angle at most pi."""
    q = np.where(q[..., 3:] < 0, -q, q)
    sine = np.linalg.norm(q[..., :3], axis=-1, keepdims=True)
    tiny = sine < np.finfo(q.dtype).tiny
    scale = np.where(tiny, 2, 2 * np.arctan2(sine, q[..., 3:]) / np.where(tiny, 1, sine))
    return q[..., :3] * scale.astype(q.dtype)


def to_matrix(q: Array) -> Array:
    """Rotation matrices `(..., 3, 3)` for column vectors."""
    x, y, z, w = _components(q)
    out = np.empty((*q.shape[:-1], 3, 3), q.dtype)
    out[..., 0, 0] = 1 - 2 * (y * y + z * z)
    out[..., 0, 1] = 2 * (x * y - w * z)
    out[..., 0, 2] = 2 * (x * z + w * y)
    out[..., 1, 0] = 2 * (x * y + w * z)
    out[..., 1, 1] = 1 - 2 * (x * x + z * z)
    out[..., 1, 2] = 2 * (y * z - w * x)
    out[..., 2, 0] = 2 * (x * z - w * y)
    out[..., 2, 1] = 2 * (y * z + w * x)
    out[..., 2, 2] = 1 - 2 * (x * x + y * y)
    return out


def from_matrix(m: Array) -> Array:
    """From rotation matrices `(..., 3, 3)`; w is never negative.

    Of the four ways to read a quaternion off a matrix, each row of `table` one, the one that divides by
    the largest component is taken: it is exact for every rotation.
    """
    (a, b, c), (d, e, f), (g, h, i) = (tuple(np.moveaxis(row, -1, 0)) for row in np.moveaxis(m, -2, 0))
    table = np.empty((*a.shape, 4, 4), m.dtype)
    table[..., 0, :] = np.stack([1 + a - e - i, d + b, c + g, h - f], axis=-1)
    table[..., 1, :] = np.stack([d + b, 1 - a + e - i, f + h, c - g], axis=-1)
    table[..., 2, :] = np.stack([c + g, f + h, 1 - a - e + i, d - b], axis=-1)
    table[..., 3, :] = np.stack([h - f, c - g, d - b, 1 + a + e + i], axis=-1)
    best = np.argmax(np.diagonal(table, axis1=-2, axis2=-1), axis=-1)
    q = np.take_along_axis(table, best[..., None, None], axis=-2)[..., 0, :]
    return normalise(np.where(q[..., 3:] < 0, -q, q))


def between(a: Array, b: Array) -> Array:
    """The shortest turn that brings the direction of `a` to that of `b`.

    For opposite directions the axis is `cross(a, e)`, where `e` is the coordinate axis least along `a`. To
    or from a vector of no length nothing turns.
    """
    a, b = np.broadcast_arrays(normalise(a), normalise(b))
    middle = a + b
    opposite = np.linalg.norm(middle, axis=-1, keepdims=True) < np.sqrt(np.finfo(middle.dtype).eps)
    least = np.eye(3, dtype=a.dtype)[np.argmin(np.abs(a), axis=-1)]
    # Half the turn leads to the middle; with a half turn, that is any direction across.
    middle = normalise(np.where(opposite, np.cross(least, a), middle))
    xyz = np.where(opposite, normalise(np.cross(a, least)), np.cross(a, middle))
    w = np.where(opposite, 0, np.sum(a * middle, axis=-1, keepdims=True))
    nowhere = ~(np.any(a, axis=-1, keepdims=True) & np.any(b, axis=-1, keepdims=True))
    xyz, w = np.where(nowhere, 0, xyz), np.where(nowhere, 1, w)
    return np.concatenate([xyz, w.astype(xyz.dtype)], axis=-1)


def slerp(a: Array, b: Array, t: ArrayLike) -> Array:
    """The way from `a` (t = 0) to `b` (t = 1) along the shorter arc, on `a`'s side of the sign."""
    t = np.asarray(t, np.result_type(a, b))[..., None]
    b = np.where(np.sum(a * b, axis=-1, keepdims=True) < 0, -b, b)
    theta = 2 * np.arctan2(
        np.linalg.norm(a - b, axis=-1, keepdims=True), np.linalg.norm(a + b, axis=-1, keepdims=True)
    )
    small = theta < _SMALL_ANGLE
    sine = np.where(small, 1, np.sin(theta))
    from_a = np.where(small, 1 - t, np.sin((1 - t) * theta) / sine)
    from_b = np.where(small, t, np.sin(t * theta) / sine)
    return normalise(from_a * a + from_b * b)


def continuous(q: Array, axis: int = 0) -> Array:
    """Signs chosen so that neighbours along `axis` lie on the same side; the first keeps its own.

    Frames come first, `(L, ..., 4)`, unless `axis` says otherwise.
    """
    q = np.moveaxis(q, axis, 0)
    flips = np.sum(q[1:] * q[:-1], axis=-1) < 0
    odd = np.logical_xor.accumulate(flips, axis=0)
    return np.moveaxis(np.concatenate([q[:1], np.where(odd[..., None], -q[1:], q[1:])]), 0, axis)


def from_euler(angles: Array, order: str) -> Array:
    """From intrinsic angles in radians, in the order of `order`: "ZXY" means R = Rz·Rx·Ry, as BVH does."""
    first, second, third = (
        from_axis_angle(np.eye(3, dtype=angles.dtype)[axis], angles[..., place])
        for place, axis in enumerate(_axes(order))
    )
    return multiply(multiply(first, second), third)


def to_euler(q: Array, order: str) -> Array:
    """Intrinsic angles in radians `(..., 3)`, in the order of `order`; the middle one within ±pi/2.

    The last angle is read after the first has been taken off, so that the three give the rotation back
    in the gimbal lock too.
    """
    i, j, k = _axes(order)
    sign = 1 if (j - i) % 3 == 1 else -1
    m = to_matrix(q)
    first = np.arctan2(-sign * m[..., j, k], m[..., k, k])
    middle = np.arctan2(sign * m[..., i, k], np.hypot(m[..., i, i], m[..., i, j]))
    rest = np.cos(first)[..., None] * m[..., j, :] + sign * np.sin(first)[..., None] * m[..., k, :]
    last = np.arctan2(sign * rest[..., i], rest[..., j])
    return np.stack([first, middle, last], axis=-1)


def unwrap_euler(angles: Array, axis: int = 0) -> Array:
    """The same rotations with angles that follow each other closely along `axis` (frames first).

    Each frame has two triples up to full turns, (a, b, c) and (a + pi, pi - b, c + pi): the one nearer
    to the frame before is taken, so that curves don't jump where the middle angle passes pi/2.
    """
    out = np.moveaxis(angles, axis, 0).copy()
    other = out * np.array([1, -1, 1], out.dtype) + np.array(np.pi, out.dtype)
    for frame in range(1, len(out)):
        before = out[frame - 1]
        here, there = (_nearest_turn(a, before) for a in (out[frame], other[frame]))
        closer = np.abs(there - before).sum(axis=-1) < np.abs(here - before).sum(axis=-1)
        out[frame] = np.where(closer[..., None], there, here)
    return np.moveaxis(out, 0, axis)


def _nearest_turn(angles: Array, goal: Array) -> Array:
    """Angles shifted by full turns to lie within half a turn of `goal`."""
    turn = np.array(2 * np.pi, angles.dtype)
    return angles - turn * np.round((angles - goal) / turn)


def _axes(order: str) -> tuple[int, int, int]:
    """Axis numbers of an order such as "ZXY"."""
    if sorted(order) != ["X", "Y", "Z"]:
        raise ValueError(f"an Euler order names each of X, Y and Z once, for example 'ZXY'; found {order!r}")
    i, j, k = ("XYZ".index(letter) for letter in order)
    return i, j, k


def _components(q: Array) -> tuple[Array, Array, Array, Array]:
    return q[..., 0], q[..., 1], q[..., 2], q[..., 3]

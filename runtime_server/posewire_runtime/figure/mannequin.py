"""A body for skeletons that have none: a smooth mannequin, made from rounded shapes, skinned to the joints.

Each bone gets rounded cones and ellipsoids. They melt into one surface, which is sampled on a grid (surface
nets), pulled exactly onto the shapes, and weighted by how near each bone's shapes are. SMPL-22 gets a body
with chest, hands and feet; any other skeleton gets limbs. Knows nothing of poses, files or pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.figure.surface import surface_net
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import SMPL22, forward, rest_globals
from posewire_runtime.types import Float, Skeleton

_CELL = 0.018
"""Size of the sampling grid's cells, metres."""
_MELT = 90.0
"""How sharply shapes meet, 1/metres: the seam is about 1/_MELT wide."""
_FAR = 0.06
"""Beyond this a shape doesn't count, metres."""
_BLEND = 0.026
"""How far beyond the nearest bone another bone still pulls at the skin, metres."""


@dataclass(frozen=True, eq=False)
class Mannequin:
    """A skinned mesh in the skeleton's rest pose, model space, metres."""

    vertices: Float  # (V, 3)
    normals: Float  # (V, 3)
    triangles: NDArray[np.uint32]  # (T, 3)
    """Counter-clockwise, seen from outside."""
    joints: NDArray[np.uint16]  # (V, 4)
    """Indices of the joints that move a vertex; unused slots are 0."""
    weights: NDArray[np.uint8]  # (V, 4)
    """Their shares of 255, largest first; every row's sum is exactly 255."""


@dataclass(frozen=True, eq=False)
class _Shape:
    """A rounded bar from `a` to `b`, stretched along the axes; an ellipsoid where a = b."""

    joint: int
    a: Array
    b: Array
    radii: tuple[float, ...]
    """At even steps from `a` to `b`; between them the radius eases from one to the next."""
    stretch: Array
    part: int
    """Shapes of one part just unite, those of different parts melt into each other."""

    def distance(self, points: Array) -> Array:
        """How far outside points (..., 3) are, near the surface to first order."""
        points, a, b = points / self.stretch, self.a / self.stretch, self.b / self.stretch
        axis = b - a
        length = float(axis @ axis)
        along = np.clip((points - a) @ axis / length, 0, 1) if length else np.zeros(points.shape[:-1])
        offset = points - a - along[..., None] * axis
        near = np.sqrt(np.sum(offset * offset, axis=-1))
        # Divided by the gradient's length, so that a stretched shape measures metres too.
        slope = np.sqrt(np.sum((offset / self.stretch) ** 2, axis=-1)) / np.maximum(near, 1e-9)
        return (near - self._radius(along)) / np.maximum(slope, 0.2)

    def _radius(self, along: Array) -> Array:
        if len(self.radii) == 1:
            return np.full_like(along, self.radii[0])
        steps = along * (len(self.radii) - 1)
        first = np.minimum(steps.astype(int), len(self.radii) - 2)
        t = steps - first
        radii = np.array(self.radii)
        return radii[first] + (radii[first + 1] - radii[first]) * t * t * (3 - 2 * t)

    def box(self, margin: float) -> tuple[Array, Array]:
        """Corners of what lies within a margin of the shape."""
        size = max(self.radii) * self.stretch + margin
        return np.minimum(self.a, self.b) - size, np.maximum(self.a, self.b) + size


def mannequin(skeleton: Skeleton) -> Mannequin:
    """The mannequin of a skeleton; made once, in some tenths of a second, and kept."""
    places = skeleton.positions.tobytes()
    return _made(skeleton.names, skeleton.parents, places, skeleton.sole, skeleton.pelvis)


def pose(body: Mannequin, skeleton: Skeleton, rotations: Array, root: Array) -> tuple[Float, Float]:
    """Vertices and normals (..., V, 3) in the world, by linear-blend skinning, for poses (..., J, 4)."""
    turned, positions = forward(skeleton, rotations, root)
    turned = quat.multiply(turned, quat.conjugate(rest_globals(skeleton)))
    matrices = quat.to_matrix(turned)
    shifts = positions - np.einsum("...jab,jb->...ja", matrices, skeleton.positions)
    share = np.zeros((len(body.vertices), len(skeleton)), np.float32)  # (V, J)
    np.add.at(share, (np.arange(len(share))[:, None], body.joints), body.weights.astype(np.float32) / 255)
    table = np.concatenate([matrices.reshape(*matrices.shape[:-2], 9), shifts], axis=-1).astype(np.float32)
    blended = share @ table  # (..., V, 12)
    matrices = blended[..., :9].reshape(*blended.shape[:-1], 3, 3)
    vertices = np.einsum("...vab,vb->...va", matrices, body.vertices) + blended[..., 9:]
    normals = np.einsum("...vab,vb->...va", matrices, body.normals)
    return vertices, quat.normalise(normals)


@lru_cache(maxsize=8)
def _made(
    names: tuple[str, ...], parents: tuple[int, ...], positions: bytes, sole: float, pelvis: int
) -> Mannequin:
    places = np.frombuffer(positions, np.float32).reshape(-1, 3).astype(np.float64)
    if names == SMPL22.names:
        shapes, floor, scale = _body(dict(zip(names, places, strict=True))), sole, 1.0
    else:
        # Made at a person's size, whatever the skeleton's unit: the grid has cells of that size.
        scale = float(np.ptp(places, axis=0).max()) / 1.8 or 1.0
        shapes, floor = _limbs(parents, places / scale, pelvis), -np.inf
    vertices, triangles = _surface(shapes, floor)
    for _ in range(2):
        gradient = _gradient(shapes, vertices, floor)
        steep = np.sum(gradient**2, axis=-1, keepdims=True)
        vertices = vertices - _field(shapes, vertices, floor)[:, None] * gradient / np.maximum(steep, 0.1)
    joints, weights = _skin(shapes, vertices)
    return Mannequin(
        vertices=(vertices * scale).astype(np.float32),
        normals=quat.normalise(_gradient(shapes, vertices, floor)).astype(np.float32),
        triangles=triangles.astype(np.uint32),
        joints=joints,
        weights=weights,
    )


def _body(at: Mapping[str, Array]) -> list[_Shape]:
    """The shapes of a person around SMPL-22's joints."""
    shapes: list[_Shape] = []
    names = list(at)

    def bar(
        part: int,
        joint: str,
        start: Sequence[float],
        radii: tuple[float, ...],
        end: Sequence[float] | None = None,
        to: str = "",
        stretch: Sequence[float] = (1, 1, 1),
    ) -> None:
        """A shape from beside a joint to beside the same one, or another."""
        a = at[joint] + np.array(start)
        b = a if end is None else at[to or joint] + np.array(end)
        shapes.append(_Shape(names.index(joint), a, b, radii, np.array(stretch, np.float64), part))

    _torso(bar)
    _head(bar)
    for part, side, s in ((2, "L", 1.0), (6, "R", -1.0)):
        _arm(bar, part, side, s)
        _leg(bar, part + 2, side, s)
    return shapes


def _torso(bar: Callable[..., None]) -> None:
    wide = (1.28, 1, 0.9)
    bar(0, "Pelvis", (0, -0.085, -0.018), (0.118, 0.1), (0, 0.005, -0.018), "Spine1", wide)
    bar(0, "Spine1", (0, 0.005, -0.018), (0.1, 0.105), (0, 0.0, -0.015), "Spine2", wide)
    bar(0, "Spine2", (0, 0.0, -0.015), (0.105, 0.116), (0, 0.01, 0.004), "Spine3", wide)
    bar(0, "Spine3", (0, 0.01, 0.004), (0.116, 0.098), (0, 0.1, -0.01), stretch=wide)
    bar(13, "Spine3", (0.07, 0.06, -0.004), (0.096,), (-0.07, 0.06, -0.004))


def _head(bar: Callable[..., None]) -> None:
    bar(1, "Neck", (0, -0.04, -0.008), (0.058, 0.05), (0, 0.03, 0.008), "Head")
    bar(10, "Head", (0, 0.118, 0.012), (0.098,), stretch=(0.84, 1.1, 1.02))
    bar(11, "Head", (0, 0.052, 0.042), (0.06,), stretch=(0.9, 1, 1))
    bar(12, "Head", (0, 0.1, 0.1), (0.01, 0.015), (0, 0.076, 0.112))


def _arm(bar: Callable[..., None], part: int, side: str, s: float) -> None:
    collar, shoulder, elbow, wrist = (f"{side}_{name}" for name in ("Collar", "Shoulder", "Elbow", "Wrist"))
    bar(part, collar, (s * 0.01, -0.01, -0.002), (0.066, 0.06), (0, -0.004, 0), shoulder)
    bar(part, shoulder, (0, -0.004, 0), (0.06, 0.05, 0.039), (0, 0, 0), elbow)
    bar(part, elbow, (0, 0, 0), (0.039, 0.043, 0.034, 0.027), (0, 0, 0), wrist)
    bar(part, wrist, (0, 0, 0), (0.027, 0.036), (s * 0.075, -0.004, 0.004), stretch=(1, 0.68, 1.05))
    bar(
        part,
        wrist,
        (s * 0.075, -0.004, 0.004),
        (0.036, 0.032, 0.022),
        (s * 0.165, -0.01, 0),
        stretch=(1, 0.68, 1.05),
    )
    bar(part + 1, wrist, (s * 0.03, -0.006, 0.026), (0.016, 0.012), (s * 0.085, -0.016, 0.064))


def _leg(bar: Callable[..., None], part: int, side: str, s: float) -> None:
    hip, knee, ankle, ball = (f"{side}_{name}" for name in ("Hip", "Knee", "Ankle", "Foot"))
    bar(part, hip, (s * 0.004, 0.005, -0.014), (0.09, 0.075, 0.053), (0, 0, 0), knee)
    bar(part, knee, (0, 0, 0), (0.053, 0.057, 0.045, 0.036), (0, 0.01, 0), ankle)
    bar(part, ankle, (0, 0.01, 0), (0.036, 0.04), (0, -0.062, -0.02))
    bar(part, ankle, (0, -0.062, -0.02), (0.042, 0.04), (0, 0.002, -0.01), ball)
    bar(
        part + 1,
        ball,
        (0, 0.002, -0.01),
        (0.041, 0.038, 0.03),
        (s * -0.004, -0.006, 0.052),
        stretch=(1.15, 0.9, 1),
    )


def _limbs(parents: Sequence[int], places: Array, pelvis: int) -> list[_Shape]:
    """A rounded bar for every bone below the pelvis, and a ball where a chain ends.

    Bones above the pelvis, and what hangs on those, stand on the floor or carry props: they are no part of
    the body, and a bar to them would stretch as soon as the character travels.
    """
    shapes: list[_Shape] = []
    body = {pelvis}
    for joint, parent in enumerate(parents):
        if joint != pelvis and parent not in body:
            continue
        body.add(joint)
        a, b = places[pelvis if joint == pelvis else parent], places[joint]
        thick = float(np.clip(0.16 * np.linalg.norm(b - a), 0.016, 0.07))
        if joint != pelvis:
            shapes.append(_Shape(parent, a, b, (thick, 0.8 * thick), np.ones(3), joint))
        if joint not in parents:
            shapes.append(_Shape(joint, b, b, (0.9 * thick,), np.ones(3), joint))
    return shapes


def _field(shapes: Sequence[_Shape], points: Array, floor: float) -> Array:
    """The shapes' common distance at points (N, 3): united, melted, and cut off at the floor."""
    parts: dict[int, Array] = {}
    for shape in shapes:
        low, high = shape.box(_FAR)
        near = np.flatnonzero(((points > low) & (points < high)).all(axis=-1))
        united = parts.setdefault(shape.part, np.full(len(points), _FAR))
        united[near] = np.minimum(united[near], shape.distance(points[near]))
    total = np.sum([np.exp(-_MELT * united) for united in parts.values()], axis=0)
    return np.maximum(-np.log(total) / _MELT, floor - points[..., 1])


def _gradient(shapes: Sequence[_Shape], points: Array, floor: float) -> Array:
    """The field's gradient by central differences."""
    step = 5e-4
    moved = np.concatenate([points + sign * step * axis for axis in np.eye(3) for sign in (1, -1)])
    ahead, behind = np.moveaxis(_field(shapes, moved, floor).reshape(3, 2, -1), 1, 0)
    return ((ahead - behind) / (2 * step)).T


def _surface(shapes: Sequence[_Shape], floor: float) -> tuple[Array, NDArray[np.int64]]:
    """Where the melted shapes end: vertices and triangles."""
    corners = np.array([shape.box(3 * _CELL) for shape in shapes])
    low = np.floor(corners[:, 0].min(axis=0) / _CELL)
    size = (np.ceil(corners[:, 1].max(axis=0) / _CELL) - low).astype(int)
    # Only grid points near to a shape are worth a look; all others are outside.
    field = np.full(size, _FAR)
    near = np.zeros(size, bool)
    spans = np.rint(corners / _CELL - low).astype(np.intp)
    for k in range(len(shapes)):
        near[tuple(slice(first, last) for first, last in zip(spans[k, 0], spans[k, 1], strict=True))] = True
    field[near] = _field(shapes, (low + np.argwhere(near)) * _CELL, floor)
    vertices, triangles = surface_net(field)
    return (low + vertices) * _CELL, triangles


def _skin(shapes: Sequence[_Shape], vertices: Array) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Which joints move a vertex, and how much: by how near their shapes are, against the nearest one's."""
    bones = sorted({shape.joint for shape in shapes})
    distance = np.full((len(vertices), max(len(bones), 4)), np.inf)
    for shape in shapes:
        column = bones.index(shape.joint)
        distance[:, column] = np.minimum(distance[:, column], shape.distance(vertices))
    share = np.exp(-(((distance - distance.min(axis=-1, keepdims=True)) / _BLEND) ** 2))
    columns, weights = strongest_four(share)
    joints = np.pad(np.array(bones), (0, distance.shape[1] - len(bones)))[columns]
    return np.where(weights > 0, joints, 0).astype(np.uint16), weights


def strongest_four(share: Array) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Of what each column has in each vertex `(V, C)`: the four that have most, and their shares of 255."""
    order = np.argsort(-share, axis=-1, kind="stable")[:, :4]
    best = np.take_along_axis(share, order, axis=-1)
    weights = np.rint(best / np.sum(best, axis=-1, keepdims=True) * 255).astype(np.int64)
    weights[:, 0] += 255 - np.sum(weights, axis=-1)
    return np.where(weights > 0, order, 0).astype(np.uint16), weights.astype(np.uint8)

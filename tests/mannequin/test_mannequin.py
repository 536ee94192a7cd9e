"""The mannequin: a closed skin that stands on the floor, bends at the joints, and fits any skeleton."""

from __future__ import annotations

import numpy as np
import pytest

from posewire_runtime.figure.mannequin import Mannequin, mannequin, pose
from posewire_runtime.figure.surface import surface_net
from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Skeleton


def edges(triangles: np.ndarray) -> np.ndarray:
    return np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])


def volume(vertices: np.ndarray, triangles: np.ndarray) -> float:
    """Positive where triangles run counter-clockwise seen from outside."""
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    return float(np.sum(a * np.cross(b, c)) / 6)


def is_closed(triangles: np.ndarray) -> bool:
    """Each edge has one triangle on each side, which run along it in opposite directions."""
    there = {tuple(edge) for edge in edges(triangles).tolist()}
    return len(there) == 3 * len(triangles) and all((b, a) in there for a, b in there)


def check(body: Mannequin, joints: int) -> None:
    assert is_closed(body.triangles)
    assert (body.weights.astype(int).sum(axis=1) == 255).all()
    assert body.joints.max() < joints
    used = np.where(body.weights > 0, body.joints, -np.arange(1, 5))
    assert (np.diff(np.sort(used, axis=1), axis=1) > 0).all(), "a joint stands twice at a vertex"
    assert (body.joints[body.weights == 0] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(body.normals, axis=1), 1, atol=1e-5)
    a, b, c = (body.vertices[body.triangles[:, k]] for k in range(3))
    facing = np.sum(np.cross(b - a, c - a) * body.normals[body.triangles[:, 0]], axis=1)
    assert (facing > 0).mean() > 0.999


def test_a_person() -> None:
    body = mannequin(SMPL22)
    check(body, 22)
    low, high = body.vertices.min(axis=0), body.vertices.max(axis=0)
    assert low[1] == pytest.approx(SMPL22.sole, abs=1e-5)
    assert 1.7 < high[1] - low[1] < 1.85
    assert 0.05 < volume(body.vertices, body.triangles) < 0.08, "50 to 80 litres"
    soles = body.vertices[body.vertices[:, 1] < SMPL22.sole + 1e-4]
    assert len(soles) > 40, "flat soles"
    assert len(body.vertices) < 10_000
    assert mannequin(SMPL22) is body


def test_left_and_right_are_alike() -> None:
    body = mannequin(SMPL22)
    left, right = (body.vertices[body.vertices[:, 0] * s > 0.3] for s in (1, -1))
    assert len(left) == pytest.approx(len(right), rel=0.03)
    np.testing.assert_allclose(left.max(axis=0)[1:], right.max(axis=0)[1:], atol=2e-3)


def test_at_rest_the_skin_stays() -> None:
    body = mannequin(SMPL22)
    rest = quat.identity((22,), np.float32)
    vertices, normals = pose(body, SMPL22, rest, SMPL22.positions[0])
    np.testing.assert_allclose(vertices, body.vertices, atol=1e-6)
    np.testing.assert_allclose(normals, body.normals, atol=1e-5)


def test_a_bent_elbow_moves_the_forearm_and_nothing_else() -> None:
    body = mannequin(SMPL22)
    bent = quat.identity((22,), np.float32)
    bent[SMPL22.index("L_Elbow")] = quat.from_axis_angle(np.array([0, 1, 0], np.float32), -np.pi / 2)
    vertices, _ = pose(body, SMPL22, bent, SMPL22.positions[0])
    moved = np.linalg.norm(vertices - body.vertices, axis=1)
    elbow = SMPL22.positions[SMPL22.index("L_Elbow")]
    assert moved[body.vertices[:, 0] < elbow[0] - 0.12].max() < 1e-5
    hand = body.vertices[:, 0] > elbow[0] + 0.3
    np.testing.assert_allclose(vertices[hand, 0], elbow[0], atol=0.1)
    assert vertices[hand, 2].min() > 0.2, "forward"
    assert is_closed(body.triangles)
    assert volume(vertices, body.triangles) == pytest.approx(volume(body.vertices, body.triangles), rel=0.02)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_any_skeleton_gets_limbs(scale: float) -> None:
    """In any unit: a rig with two legs, a spine and a stray joint on top of its parent."""
    positions = np.array(
        [[0, 1, 0], [0, 1.5, 0], [0, 1.5, 0], [0.1, 0.9, 0], [0.1, 0, 0], [-0.1, 0.9, 0], [-0.1, 0, 0]]
    )
    skeleton = Skeleton(
        names=tuple("abcdefg"),
        parents=(-1, 0, 1, 0, 3, 0, 5),
        positions=(positions * scale).astype(np.float32),
    )
    body = mannequin(skeleton)
    check(body, 7)
    size = np.ptp(body.vertices, axis=0) / scale
    assert 1.5 < size[1] < 1.8
    assert mannequin(Skeleton(skeleton.names, skeleton.parents, skeleton.positions.copy())) is body


def test_a_bone_on_the_floor_is_no_part_of_the_body() -> None:
    """Travel moves the hips away from it: a bar between them would stretch. Props hang on it likewise."""
    positions = np.array([[0, 0, 0], [0, 1, 0], [0, 1.5, 0], [0.1, 0.9, 0], [0.1, 0, 0], [0.8, 0.5, 0]])
    names, parents = ("root", "hips", "chest", "thigh", "foot", "prop"), (-1, 0, 1, 1, 3, 0)
    body = mannequin(Skeleton(names, parents, positions.astype(np.float32), pelvis=1))
    check(body, 6)
    used = set(body.joints[body.weights > 0].tolist())
    assert used == {1, 2, 3, 4}
    assert body.vertices[:, 0].max() < 0.3, "nothing at the prop"


def test_a_single_joint_is_a_ball() -> None:
    body = mannequin(Skeleton(("only",), (-1,), np.zeros((1, 3), np.float32)))
    check(body, 1)


def test_the_surface_of_a_sphere() -> None:
    grid = np.stack(np.meshgrid(*[np.arange(24.0)] * 3, indexing="ij"), axis=-1)
    centre, radius = np.array([11.3, 11.8, 12.1]), 8.0
    vertices, triangles = surface_net(np.linalg.norm(grid - centre, axis=-1) - radius)
    assert is_closed(triangles)
    np.testing.assert_allclose(np.linalg.norm(vertices - centre, axis=-1), radius, atol=0.15)
    assert volume(vertices, triangles) == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.02)
    # Euler's formula: a sphere has no holes.
    assert len(vertices) - 1.5 * len(triangles) + len(triangles) == 2

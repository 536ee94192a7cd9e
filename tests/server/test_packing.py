"""Frames as bytes: the shared vectors, properties over any frames, and the worst angle."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from posewire_runtime.exchange.packing import PackedClip, Packing, frame_bytes, pack, unpack
from posewire_runtime.types import Clip, Skeleton

GOLDEN: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "golden/motion/packing.json").read_text("utf-8")
)


def random_frames(frames: int, joints: int, seed: int = 0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    draw = np.random.default_rng(seed)
    rotations = draw.normal(size=(frames, joints, 4))
    rotations /= np.linalg.norm(rotations, axis=-1, keepdims=True)
    root = draw.normal(size=(frames, 3)).astype(np.float32)
    return rotations.astype(np.float32), root, draw.random((frames, 4)) < 0.5


def angles(p: NDArray[Any], q: NDArray[Any]) -> NDArray[np.float64]:
    """Angle between rotations in radians, exact for small ones."""
    p, q = p.astype(np.float64), q.astype(np.float64)
    sign = np.where((p * q).sum(-1, keepdims=True) < 0, -1, 1)
    return 4 * np.arcsin(np.linalg.norm(q - sign * p, axis=-1) / 2)


def packed_rotations(rotations: NDArray[Any]) -> list[str]:
    """Each rotation's bytes in the 48-bit packing, as hex."""
    count = len(rotations)
    rows = pack(rotations[:, None], np.zeros((count, 3), "f4"), np.zeros((count, 4), bool), Packing(2))
    return [bytes(row[12:18]).hex() for row in rows]


def test_the_48_bits_of_the_shared_vectors() -> None:
    rotations = np.array(GOLDEN["rotations"], np.float32)
    assert packed_rotations(rotations) == GOLDEN["smallest_three_48"]


def test_what_is_restored_from_the_shared_vectors() -> None:
    data = b"".join(bytes(12) + bytes.fromhex(word) + bytes(1) for word in GOLDEN["smallest_three_48"])
    rotations, _, _ = unpack(data, 1, Packing.SMALLEST_THREE_48)
    np.testing.assert_allclose(rotations[:, 0], np.array(GOLDEN["restored"]), atol=1e-6)


@pytest.mark.parametrize("packing", Packing)
def test_a_whole_frame_of_the_shared_vectors(packing: Packing) -> None:
    frame = GOLDEN["frame"]
    rotations = np.array(frame["rotations"], np.float32)[None]
    contacts = np.array([[frame["contacts"] >> bit & 1 for bit in range(4)]], bool)
    rows = pack(rotations, np.array([frame["root"]], "f4"), contacts, packing)
    assert bytes(rows[0]).hex() == frame[packing.name.lower()]


def test_sizes_are_those_of_the_contract() -> None:
    assert frame_bytes(22, Packing.SMALLEST_THREE_48) == 145
    assert frame_bytes(22, Packing.FLOAT32) == 12 + 22 * 16 + 1


@pytest.mark.parametrize("packing", Packing)
def test_root_and_contacts_come_back_exactly(packing: Packing) -> None:
    rotations, root, contacts = random_frames(50, 22)
    _, root_back, contacts_back = unpack(pack(rotations, root, contacts, packing).tobytes(), 22, packing)
    np.testing.assert_array_equal(root_back, root)
    np.testing.assert_array_equal(contacts_back, contacts)


def test_float32_comes_back_exactly() -> None:
    frames = random_frames(50, 5)
    back, _, _ = unpack(pack(*frames, Packing.FLOAT32).tobytes(), 5, Packing.FLOAT32)
    np.testing.assert_array_equal(back, frames[0])


def test_the_worst_angle_of_48_bits() -> None:
    frames = random_frames(1000, 22)
    back, _, _ = unpack(pack(*frames, Packing.SMALLEST_THREE_48).tobytes(), 22, Packing.SMALLEST_THREE_48)
    assert np.degrees(angles(back, frames[0]).max()) < 0.008


components = st.floats(-1, 1, width=32)


@given(
    arrays.arrays(np.float32, (3, 2, 4), elements=components).filter(
        lambda q: bool((np.linalg.norm(q, axis=-1) > 1e-3).all())
    )
)
def test_48_bits_are_unit_quaternions_near_the_given_ones(raw: NDArray[np.float32]) -> None:
    wide = raw.astype(np.float64)
    rotations = (wide / np.linalg.norm(wide, axis=-1, keepdims=True)).astype(np.float32)
    rows = pack(rotations, np.zeros((3, 3), "f4"), np.zeros((3, 4), bool), Packing.SMALLEST_THREE_48)
    back, _, _ = unpack(rows.tobytes(), 2, Packing.SMALLEST_THREE_48)
    np.testing.assert_allclose(np.linalg.norm(back, axis=-1), 1, atol=1e-6)
    assert np.degrees(angles(back, rotations).max()) < 0.0085  # plus what float32 itself leaves open


@given(st.binary(min_size=145, max_size=145))
def test_any_bytes_are_read_without_a_crash(data: bytes) -> None:
    rotations, root, contacts = unpack(data, 22, Packing.SMALLEST_THREE_48)
    assert rotations.shape == (1, 22, 4)
    assert np.isfinite(rotations).all()
    assert (root.shape, contacts.shape) == ((1, 3), (1, 4))


def test_half_a_frame_is_refused() -> None:
    with pytest.raises(ValueError, match="frames of 145 bytes, found 100"):
        unpack(bytes(100), 22, Packing.SMALLEST_THREE_48)


def test_blocks_give_the_bytes_of_the_whole() -> None:
    rotations, root, contacts = random_frames(100, 3)
    skeleton = Skeleton(("a", "b", "c"), (-1, 0, 1), np.zeros((3, 3), "f4"))
    clip = Clip(skeleton, 30, rotations, root, contacts)
    whole = pack(rotations, root, contacts, Packing.FLOAT32).tobytes()
    blocks = PackedClip(clip, Packing.FLOAT32, block=16)
    spans = [(0, 4), (4, 12), (12, 20), (20, 60), (60, 61), (61, 100)]
    assert b"".join(blocks.slice(*span) for span in spans) == whole

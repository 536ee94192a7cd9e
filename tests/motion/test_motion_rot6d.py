"""Six numbers and matrices, in both orders."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.motion import quat, rot6d


def test_golden(golden):
    case = golden("rot6d")
    for order, to_matrix in (
        ("interleaved", rot6d.interleaved_to_matrix),
        ("columns", rot6d.columns_to_matrix),
    ):
        np.testing.assert_allclose(to_matrix(np.array(case[order])), case["matrix"], atol=1e-13)


def test_the_orders_are_what_they_say():
    matrix = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(rot6d.interleaved_from_matrix(matrix), [0, 1, 3, 4, 6, 7])
    np.testing.assert_array_equal(rot6d.columns_from_matrix(matrix), [0, 3, 6, 1, 4, 7])


@given(st.integers(0, 2**32 - 1))
def test_rotations_there_and_back(seed):
    q = quat.normalise(np.random.RandomState(seed).standard_normal((2, 3, 4)))
    matrix = quat.to_matrix(q)
    for there, back in (
        (rot6d.interleaved_from_matrix, rot6d.interleaved_to_matrix),
        (rot6d.columns_from_matrix, rot6d.columns_to_matrix),
    ):
        np.testing.assert_allclose(back(there(matrix)), matrix, atol=1e-14)


@given(st.integers(0, 2**32 - 1))
def test_any_six_numbers_make_a_rotation(seed):
    matrix = rot6d.columns_to_matrix(np.random.RandomState(seed).uniform(-1, 1, (4, 6)))
    np.testing.assert_allclose(
        matrix @ np.swapaxes(matrix, -1, -2), np.broadcast_to(np.eye(3), (4, 3, 3)), atol=1e-9
    )
    np.testing.assert_allclose(np.linalg.det(matrix), 1, atol=1e-9)


def test_precision_is_kept():
    six = np.random.RandomState(0).standard_normal((3, 6)).astype(np.float32)
    assert rot6d.interleaved_to_matrix(six).dtype == np.float32
    assert rot6d.columns_from_matrix(rot6d.columns_to_matrix(six)).dtype == np.float32

"""Quaternions: against explicit matrices, and by their laws."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from posewire_runtime.motion import quat

ORDERS = ["".join(letters) for letters in itertools.permutations("XYZ")]
EXACT = 1e-12


def vectors(size, count=3):
    """Batches that also hold zeros, equal components and right angles."""
    return hnp.arrays(np.float64, (count, size), elements=st.floats(-1, 1, width=16)).filter(
        lambda v: bool(np.all(np.linalg.norm(v, axis=-1) > 0.05))
    )


rotations = vectors(4).map(quat.normalise)


def assert_same_rotation(a, b, tolerance=EXACT):
    assert quat.angle(np.asarray(a), np.asarray(b)).max() < tolerance


class TestGolden:
    @pytest.fixture
    def case(self, golden):
        return {k: np.array(v) for k, v in golden("quaternions").items()}

    def test_matrices(self, case):
        np.testing.assert_allclose(quat.to_matrix(case["a"]), case["matrix"], atol=EXACT)
        assert_same_rotation(quat.from_matrix(case["matrix"]), case["a"])

    def test_products_and_inverses(self, case):
        assert_same_rotation(quat.multiply(case["a"], case["b"]), case["product"])
        assert_same_rotation(quat.conjugate(case["a"]), case["inverse"])

    def test_rotated_vectors(self, case):
        np.testing.assert_allclose(quat.rotate(case["a"], case["v"]), case["rotated"], atol=EXACT)

    def test_angles_down_to_a_millionth(self, case):
        np.testing.assert_allclose(quat.angle(case["a"], case["b"]), case["angle"], rtol=1e-9)

    def test_slerp(self, case):
        assert_same_rotation(quat.slerp(case["a"], case["b"], case["t"]), case["slerp"])

    def test_shortest_arcs(self, case):
        assert_same_rotation(quat.between(case["v"], case["u"]), case["between"])

    def test_rotation_vectors(self, case):
        np.testing.assert_allclose(quat.to_rotation_vector(case["a"]), case["rotation_vector"], atol=EXACT)
        assert_same_rotation(quat.from_rotation_vector(case["rotation_vector"]), case["a"])

    def test_euler_angles(self, case):
        for order, angles, expected in zip(
            case["euler_orders"], case["euler_angles"], case["euler"], strict=True
        ):
            assert_same_rotation(quat.from_euler(angles, order), expected)
            np.testing.assert_allclose(quat.to_euler(expected, order), angles, atol=EXACT)


@given(rotations, rotations, vectors(3))
def test_the_product_turns_twice(a, b, v):
    np.testing.assert_allclose(
        quat.rotate(quat.multiply(a, b), v), quat.rotate(a, quat.rotate(b, v)), atol=EXACT
    )


@given(rotations, vectors(3))
def test_the_conjugate_turns_back(q, v):
    np.testing.assert_allclose(quat.rotate(quat.conjugate(q), quat.rotate(q, v)), v, atol=EXACT)
    assert_same_rotation(quat.multiply(q, quat.conjugate(q)), quat.identity((3,)))


@given(rotations)
def test_matrices_and_rotation_vectors_there_and_back(q):
    back = quat.from_matrix(quat.to_matrix(q))
    assert_same_rotation(back, q)
    assert np.all(back[:, 3] >= 0)
    vector = quat.to_rotation_vector(q)
    assert np.all(np.linalg.norm(vector, axis=-1) <= np.pi + EXACT)
    assert_same_rotation(quat.from_rotation_vector(vector), q)


def test_tiny_turns_keep_their_digits():
    vector = np.array([[1e-9, -2e-9, 3e-9], [0, 0, 0], [1e-300, 0, 0]])
    np.testing.assert_allclose(quat.to_rotation_vector(quat.from_rotation_vector(vector)), vector, rtol=1e-12)
    tiny = quat.from_rotation_vector(vector)
    np.testing.assert_allclose(
        quat.angle(tiny, quat.identity((3,))), np.linalg.norm(vector, axis=-1), rtol=1e-9
    )


@given(vectors(3), st.floats(-3, 3))
def test_axis_angle_is_the_rotation_vector(axis, angle):
    expected = quat.from_rotation_vector(quat.normalise(axis) * angle)
    assert_same_rotation(quat.from_axis_angle(axis, angle), expected)


@given(vectors(3), vectors(3))
def test_between_brings_one_direction_to_the_other(a, b):
    turn = quat.between(a, b)
    np.testing.assert_allclose(np.linalg.norm(turn, axis=-1), 1, atol=EXACT)
    np.testing.assert_allclose(quat.rotate(turn, quat.normalise(a)), quat.normalise(b), atol=1e-7)


@given(vectors(3))
def test_between_opposites_is_half_a_turn(v):
    turn = quat.between(v, -v)
    np.testing.assert_allclose(quat.rotate(turn, v), -v, atol=EXACT)
    np.testing.assert_allclose(turn[:, 3], 0, atol=EXACT)


def test_between_nothing_turns_nothing():
    zero, x = np.zeros(3), np.eye(3)[0]
    for a, b in ((zero, x), (x, zero), (zero, zero)):
        np.testing.assert_array_equal(quat.between(a, b), [0, 0, 0, 1])


@given(rotations, rotations)
def test_slerp_ends_where_it_should(a, b):
    np.testing.assert_allclose(quat.slerp(a, b, 0.0), a, atol=EXACT)
    assert_same_rotation(quat.slerp(a, b, 1.0), b)


@given(rotations, rotations, st.floats(0, 1))
def test_slerp_goes_at_an_even_pace_by_the_short_way(a, b, t):
    assume(np.all(np.abs(np.sum(a * b, axis=-1)) > 1e-3))  # with half a turn either way is the short one
    between = quat.slerp(a, b, t)
    np.testing.assert_allclose(quat.angle(a, between), t * quat.angle(a, b), atol=1e-9)
    np.testing.assert_allclose(quat.angle(between, b), (1 - t) * quat.angle(a, b), atol=1e-9)


@given(hnp.arrays(np.bool_, (20, 3)))
def test_continuous_undoes_any_flips(flips):
    path = quat.normalise(
        np.random.RandomState(0).standard_normal(4) + np.linspace(0, 1, 60).reshape(20, 3, 1)
    )
    flipped = np.where(flips[..., None], -path, path)
    smooth = quat.continuous(flipped)
    np.testing.assert_array_equal(smooth[0], flipped[0])
    assert np.all(np.sum(smooth[1:] * smooth[:-1], axis=-1) >= 0)
    np.testing.assert_array_equal(np.abs(smooth), np.abs(path))
    np.testing.assert_array_equal(
        quat.continuous(np.moveaxis(flipped, 0, 1), axis=1), np.moveaxis(smooth, 0, 1)
    )


def test_continuous_takes_a_single_frame():
    one = quat.identity((1, 2))
    np.testing.assert_array_equal(quat.continuous(one), one)


@pytest.mark.parametrize("order", ORDERS)
@given(q=rotations)
def test_euler_angles_there_and_back(order, q):
    angles = quat.to_euler(q, order)
    assert np.all(np.abs(angles[:, 1]) <= np.pi / 2 + EXACT)
    assert_same_rotation(quat.from_euler(angles, order), q)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("off", [0, 1e-14, 1e-9, 1e-5])
def test_euler_angles_survive_the_gimbal_lock(order, off):
    for middle in (np.pi / 2 - off, -np.pi / 2 + off):
        q = quat.from_euler(np.array([0.3, middle, -1.1]), order)
        assert_same_rotation(quat.from_euler(quat.to_euler(q, order), order), q)


def test_an_order_names_three_axes():
    with pytest.raises(ValueError, match="'ZXZ'"):
        quat.to_euler(quat.identity(), "ZXZ")


@pytest.mark.parametrize("order", ORDERS)
def test_unwrapped_angles_follow_each_other_through_the_lock(order):
    time = np.linspace(0, 1, 200)[:, None]
    angles = np.array([0.4, 0.0, -0.7]) + time * np.array([9.0, 7.0, -5.0])  # the middle one passes pi/2
    q = quat.from_euler(angles, order)
    wrapped = quat.to_euler(q, order)
    unwrapped = quat.unwrap_euler(wrapped)
    assert np.abs(np.diff(wrapped, axis=0)).max() > 2
    assert np.abs(np.diff(unwrapped, axis=0)).max() < 0.1
    assert_same_rotation(quat.from_euler(unwrapped, order), q, 1e-9)


def test_float32_stays_float32():
    q = quat.normalise(np.random.RandomState(1).standard_normal((5, 4)).astype(np.float32))
    v = q[:, :3]
    results = [
        quat.multiply(q, q), quat.conjugate(q), quat.rotate(q, v), quat.angle(q, q), quat.to_matrix(q),
        quat.from_axis_angle(v, 0.5), quat.from_rotation_vector(v), quat.to_rotation_vector(q),
        quat.from_matrix(quat.to_matrix(q)), quat.between(v, v[::-1]), quat.slerp(q, q[::-1], 0.3),
        quat.continuous(q), quat.from_euler(v, "ZXY"), quat.to_euler(q, "ZXY"), quat.unwrap_euler(v),
    ]  # fmt: skip
    assert {result.dtype for result in results} == {np.dtype(np.float32)}


def test_a_stack_equals_one_by_one():
    random = np.random.RandomState(2)
    a, b = quat.normalise(random.standard_normal((2, 3, 5, 4)))
    v, u = random.standard_normal((2, 3, 5, 3))
    calls = [
        (quat.multiply, (a, b)), (quat.rotate, (a, v)), (quat.angle, (a, b)), (quat.between, (v, u)),
        (quat.to_matrix, (a,)), (quat.from_matrix, (quat.to_matrix(a),)), (quat.to_rotation_vector, (a,)),
        (quat.from_rotation_vector, (v,)), (quat.normalise, (v,)), (quat.conjugate, (a,)),
    ]  # fmt: skip
    for function, arguments in calls:
        whole = function(*arguments)
        for place in np.ndindex(3, 5):
            np.testing.assert_array_equal(whole[place], function(*(x[place] for x in arguments)))
    for place in np.ndindex(3, 5):
        np.testing.assert_array_equal(quat.to_euler(a, "YXZ")[place], quat.to_euler(a[place], "YXZ"))
        np.testing.assert_array_equal(quat.slerp(a, b, 0.4)[place], quat.slerp(a[place], b[place], 0.4))

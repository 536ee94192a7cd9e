"""Figures from embeddings, on made-up crowds."""

from __future__ import annotations

import numpy as np
import pytest

from posewire_export.evaluate import scores

CHANCE = np.random.default_rng(0)


def test_perfect_matches_come_first() -> None:
    points = CHANCE.normal(size=(60, 8))
    places = scores.ranks(points, points + 1e-6, [str(i) for i in range(60)])
    assert scores.top(places, 1) == scores.Interval(1.0, 1.0, 1.0)


def test_chance_finds_one_in_32() -> None:
    texts, motions = CHANCE.normal(size=(2, 400, 8))
    places = scores.ranks(texts, motions, [str(i) for i in range(400)])
    assert scores.top(places, 1).value == pytest.approx(1 / 32, abs=0.02)
    assert scores.top(places, 3).value == pytest.approx(3 / 32, abs=0.03)


def test_the_same_words_are_no_wrong_answer() -> None:
    texts = np.zeros((40, 2))
    texts[20:] = 100
    names = ["walks"] * 20 + ["runs"] * 20
    motions = texts + 0.1
    assert scores.ranks(texts, motions, names).max() == 0


def test_crowds_like_each_other_are_near() -> None:
    one, two, far = CHANCE.normal(size=(3, 800, 6))
    far = far + 1.0
    assert scores.fid(one, one) == pytest.approx(0, abs=1e-8)
    assert scores.fid(one, far) == pytest.approx(6.0, rel=0.15)
    assert abs(scores.kid(one, two)) < 20 < scores.kid(one, far)


def test_fid_of_known_normals() -> None:
    one, two = CHANCE.normal(size=(2, 50_000, 2)) * np.array([[[1.0, 1]], [[3.0, 1]]])
    assert scores.fid(one, two) == pytest.approx((3 - 1) ** 2, rel=0.05)


def test_intervals_hold_their_value() -> None:
    one, two = CHANCE.normal(size=(2, 200, 4))
    for score in (scores.fid, scores.kid):
        found = scores.crowd_interval(score, one, two + 0.5, rounds=40)
        assert found.low < found.value < found.high
    mean = scores.bootstrap(CHANCE.normal(size=500), np.mean)
    assert mean.low < mean.value < mean.high
    assert mean.high - mean.low == pytest.approx(4 / np.sqrt(500), rel=0.3)


def test_spreads_of_seeds() -> None:
    assert scores.spreads_of_seeds(np.ones((3, 4, 2))).tolist() == [0, 0, 0]
    assert scores.spreads_of_seeds(np.array([[[0.0, 0], [3, 4]]])).tolist() == [5]


def test_distances() -> None:
    one, two = CHANCE.normal(size=(7, 5)), CHANCE.normal(size=(4, 5))
    expected = np.linalg.norm(one[:, None] - two[None], axis=-1)
    np.testing.assert_allclose(scores.distances(one, two), expected, rtol=1e-9)
    assert scores.distances(one, one).trace() == pytest.approx(0, abs=1e-5)


def test_auroc() -> None:
    assert scores.auroc(np.array([2.0, 3]), np.array([0.0, 1])) == 1
    assert scores.auroc(np.array([1.0, 1]), np.array([1.0, 1])) == 0.5

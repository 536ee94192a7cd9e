"""Words that point, and what an encoder is taught of them."""

from __future__ import annotations

import pytest

from posewire_export.train import direction


def signs(text: str) -> list[tuple[float, float]]:
    return [(word.side, word.way) for word in direction.pointing(text)]


def test_every_word_takes_the_side_of_the_nearest_that_names_one() -> None:
    assert signs("left hand and right foot") == [(1, 0), (1, 0), (-1, 0), (-1, 0), (-1, 0)]
    assert signs("walks backwards") == [(0, -1), (0, -1)]
    assert signs("turns counter-clockwise") == [(1, 0), (1, 0)]
    assert signs("waves") == [(0, 0)]


def test_where_a_side_is_doubtful_nothing_points() -> None:
    assert signs("sits right after") == [(0, 0)] * 3


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("walks forward", "walks backward"),
        ("Backwards he goes", "forwards he goes"),
        ("a forwarded letter", "a forwarded letter"),
    ],
)
def test_turned_round(text: str, other: str) -> None:
    assert direction.turned_round(text) == other


def test_words_are_found_where_they_stand() -> None:
    text = "step to the left"
    assert [text[word.start : word.stop] for word in direction.pointing(text)] == text.split()

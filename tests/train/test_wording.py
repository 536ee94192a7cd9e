"""Captions as words."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_export.train import wording

PLAIN = ["walks", "forward", "waves", "with", "a", "left", "right", "hand", "lefts", "rightwards", "upright"]


@pytest.mark.parametrize(
    ("text", "mirrored"),
    [
        ("a person waves the left hand", "a person waves the right hand"),
        ("Left foot, right-handed", "Right foot, left-handed"),
        ("stands upright", "stands upright"),
        ("spins clockwise", "spins counterclockwise"),
        ("spins counter-clockwise, then anticlockwise", "spins clockwise, then clockwise"),
        ("leans leftwards", "leans rightwards"),
    ],
)
def test_mirror_swaps_sides(text: str, mirrored: str) -> None:
    assert wording.mirror(text) == mirrored


@pytest.mark.parametrize(
    "text", ["sits right after", "what is left", "turns rightthen walks", "has left the room"]
)
def test_doubtful_sides_are_not_mirrored(text: str) -> None:
    assert wording.mirror(text) is None


@given(st.lists(st.sampled_from(PLAIN), max_size=12).map(" ".join))
def test_mirroring_twice_gives_the_text_back(text: str) -> None:
    once = wording.mirror(text)
    if once is not None:
        assert wording.mirror(once) == text
        assert wording.names_side(once) == wording.names_side(text)


@given(st.integers(0, 1000))
def test_paraphrase_keeps_the_action(seed: int) -> None:
    assert wording.paraphrase("a person walks to the left", Random(seed)).endswith("walks to the left")


def test_paraphrase_leaves_other_subjects_alone() -> None:
    assert wording.paraphrase("walking to the left", Random(1)) == "walking to the left"


@given(st.integers(0, 1000))
def test_join_names_the_subject_once(seed: int) -> None:
    joined = wording.join("a person walks.", "a man waves", Random(seed))
    assert joined.startswith("a person walks")
    assert joined.endswith("waves")
    assert "man" not in joined


@pytest.mark.parametrize(
    ("word", "side"),
    [
        ("Left", "left"),
        ("rightwards", "right"),
        ("clockwise", "right"),
        ("anti-clockwise", "left"),
        ("upright", ""),
    ],
)
def test_side_of_a_word(word: str, side: str) -> None:
    assert wording.side_of(word) == side

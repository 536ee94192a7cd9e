"""Prompts taken apart: what follows one another, what happens at once, and what is better left whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.text.duration import estimate_seconds
from posewire_runtime.text.parts import MOST, actions, in_turn


@pytest.mark.parametrize(
    ("prompt", "parts"),
    [
        ("a person walks forward, then waves", ["a person walks forward", "waves"]),
        ("walks and then sits down.", ["walks", "sits down"]),
        ("a man kicks; he turns left", ["a man kicks", "he turns left"]),
        ("she claps. Then she waves. She bows.", ["she claps", "she waves", "She bows"]),
        ("claps before sitting down", ["claps", "sitting down"]),
        ("runs, after that jumps, followed by a bow", ["runs", "jumps", "a bow"]),
        ("crouches down, then stands up and waves", ["crouches down", "stands up and waves"]),
        ("Then he walks, then he runs", ["he walks", "he runs"]),
    ],
)
def test_what_follows_one_another_is_told_apart(prompt: str, parts: list[str]) -> None:
    assert in_turn(prompt) == parts


@pytest.mark.parametrize(
    "prompt",
    [
        "a person walks forward",
        "walks while waving",
        "waves, smiling",
        "walks forward then back",
        "turns left, then right",
        "steps to the left and then to the right",
        "a person jumps, then stops.",
        "the man strengthens his arms",
        "",
        " then ",
    ],
)
def test_one_thing_stays_whole(prompt: str) -> None:
    assert in_turn(prompt) == []


def test_a_long_story_keeps_its_end_together() -> None:
    parts = in_turn("walks, then runs, then jumps, then sits, then stands, then bows")
    assert len(parts) == MOST
    assert parts[-1] == "sits, then stands, then bows"


@given(st.text(max_size=80))
def test_any_text_can_be_read(prompt: str) -> None:
    parts = in_turn(prompt)
    assert len(parts) != 1
    assert all(part.strip() and part in prompt for part in parts)
    assert all(part in prompt for part in actions(prompt))


def test_things_done_at_once_are_actions_too() -> None:
    assert actions("walks forward while waving hello, then sits down") == [
        "walks forward",
        "waving hello",
        "sits down",
    ]
    assert actions("walks forward") == []


def test_seconds_of_parts_add_up() -> None:
    assert estimate_seconds("walks for 3 seconds, then waves for two seconds") == 5
    assert estimate_seconds("walks for 3 seconds") == 3
    assert 3 < estimate_seconds("walks for 3 seconds, then sits down") < 8

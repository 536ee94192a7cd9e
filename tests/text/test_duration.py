"""The duration rule: what a prompt names, what is guessed, and that the committed weights are in force."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.text.duration import (
    LONGEST,
    RULE,
    SHORTEST,
    estimate_frames,
    estimate_seconds,
    stems,
)
from posewire_runtime.types import Licence, Limits, ModelInfo, Skeleton

INFO = ModelInfo(
    name="m",
    family="f",
    skeleton=Skeleton(("root",), (-1,), np.zeros((1, 3), np.float32)),
    fps=30,
    limits=Limits(min_frames=40, max_frames=200, max_steps=1),
    presets={"fast": 1},
    default_preset="fast",
    licence=Licence("CC0-1.0"),
    providers=(),
)


@pytest.mark.parametrize(
    ("prompt", "seconds"),
    [
        ("wave for 6 seconds", 6),
        ("a 2.5 s jump", 2.5),
        ("Dance for Three Seconds, then stop", 3),
        ("a ten-second run", 10),
        ("run for 12secs", 12),
        ("9" * 400 + " seconds", 3600),
    ],
)
def test_a_named_time_is_taken(prompt: str, seconds: float) -> None:
    assert estimate_seconds(prompt) == seconds


@pytest.mark.parametrize("prompt", ["three steps", "1st place", "seconds later", "run 5 steps"])
def test_other_numbers_are_not_times(prompt: str) -> None:
    assert estimate_seconds(prompt) == RULE.seconds(prompt)


def test_actions_differ_and_add_up() -> None:
    assert estimate_seconds("a person throws a punch") < estimate_seconds("a person dances")
    one, several = "a person walks forward", "a person walks forward, turns around, and then walks back"
    assert estimate_seconds(one) < estimate_seconds(several)


@pytest.mark.parametrize("prompt", ["", "転身", "zzz qqq"])
def test_without_a_known_word_the_typical_length_is_taken(prompt: str) -> None:
    assert estimate_seconds(prompt) == RULE.typical


def test_forms_of_a_word_are_one() -> None:
    assert stems("walk walks walked walking") == {"walk"}
    assert stems("jogging Jogged jog") == {"jog"}


@given(st.text(max_size=200))
def test_any_text_gets_a_length_within_the_limits(prompt: str) -> None:
    assert SHORTEST <= RULE.seconds(prompt) <= LONGEST
    assert INFO.limits.min_frames <= estimate_frames(prompt, INFO) <= INFO.limits.max_frames


def test_frames_follow_the_models_rate() -> None:
    slow = replace(INFO, fps=INFO.fps / 2)
    assert estimate_frames("wave for 4 seconds", INFO) == 2 * estimate_frames("wave for 4 seconds", slow)


def test_the_learner_finds_words_that_matter() -> None:
    from posewire_export.text.learn_duration import Captions, learn, measure

    texts = ("a person hops quickly",) * 30 + ("a person sleeps",) * 30
    logarithms = np.log([1.5] * 30 + [8.0] * 30)
    captions = Captions(texts, logarithms, np.full(60, 1 / 60))
    rule = learn(captions)
    assert rule.seconds("hop quickly") < 2.5 < 5 < rule.seconds("he sleeps")
    assert measure(rule.seconds, captions).factor < 1.1

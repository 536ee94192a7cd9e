"""How long a clip should be when nobody says: from the prompt alone. Pure.

A prompt that names its seconds gets them. Otherwise a small rule, learnt from captioned recordings,
guesses: the logarithm of the seconds is a constant, plus a weight for each known word ("sits" is
short, "dances" is long), plus weights for how many actions follow one another and how many
words there are. `duration_words` holds the weights and says how good they are.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from posewire_runtime.text import duration_words as words
from posewire_runtime.text.parts import in_turn
from posewire_runtime.types import ModelInfo

SHORTEST, LONGEST = 1.0, 10.0
"""Bounds of the guess in seconds: the recordings it was learnt from hardly go beyond."""

MOST_NAMED = 3600.0
"""Longest time that a prompt may name; models have limits of their own."""

_NUMBERS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_NAMED = re.compile(
    rf"\b(?P<number>\d+(?:\.\d+)?|{'|'.join(_NUMBERS)})\s*-?\s*(?:s|secs?|seconds?)\b", re.IGNORECASE
)
_JOINING = frozenset({"then", "and", "before", "after", "while", "followed"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What was learnt."""

    typical: float
    """Seconds for a prompt without any known word."""
    base: float
    joins: float
    """For the first of `extent`."""
    length: float
    """For the second."""
    words: Mapping[str, float]
    """For each stem."""

    def seconds(self, prompt: str) -> float:
        """The guess."""
        known = [self.words[stem] for stem in stems(prompt) if stem in self.words]
        if not known:
            return self.typical
        joins, length = extent(prompt)
        logarithm = self.base + math.fsum(known) + self.joins * joins + self.length * length
        return min(LONGEST, max(SHORTEST, math.exp(logarithm)))


RULE = Rule(words.TYPICAL, words.BASE, words.JOINS, words.LENGTH, words.WORDS)


def estimate_frames(prompt: str, info: ModelInfo) -> int:
    """A length for this prompt, within the model's limits."""
    frames = round(estimate_seconds(prompt) * info.fps)
    return max(info.limits.min_frames, min(frames, info.limits.max_frames))


def estimate_seconds(prompt: str) -> float:
    """What the prompt names, or the learnt rule's guess; where it names them for parts, all together."""
    named = _NAMED.search(prompt)
    if named is None:
        return RULE.seconds(prompt)
    if parts := in_turn(prompt):
        return min(MOST_NAMED, sum(map(estimate_seconds, parts)))
    number = named["number"].lower()
    return min(MOST_NAMED, _NUMBERS.index(number) + 1 if number in _NUMBERS else float(number))


def stems(prompt: str) -> frozenset[str]:
    """The prompt's words without their endings."""
    return frozenset(_stem(word) for word in _words(prompt))


def extent(prompt: str) -> tuple[float, float]:
    """How many actions are joined, and how many words there are, as the rule counts them."""
    found = _words(prompt)
    joins = sum(word in _JOINING for word in found) + prompt.count(",") + prompt.count(";")
    return math.log1p(joins), math.log1p(len(found))


def _words(prompt: str) -> list[str]:
    return re.findall(r"[a-z]+", prompt.lower())


def _stem(word: str) -> str:
    """A rough stem: "walks", "walked" and "walking" are one."""
    ending = next((e for e in ("ing", "ed", "es", "s") if word.endswith(e) and len(word) - len(e) >= 3), "")
    word = word.removesuffix(ending)
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        word = word[:-1]
    return word[:-1] if len(word) > 3 and word.endswith("e") else word

"""Captions as words: mirrored, paraphrased, joined. Knows English, no tensors and no motion.

All functions are pure; chance comes in as a `random.Random`, so that a seed settles everything.
"""

from __future__ import annotations

import re
from random import Random

_SWAPS = {
    "left": "right",
    "lefts": "rights",
    "leftward": "rightward",
    "leftwards": "rightwards",
    "lefty": "righty",
    "clockwise": "counterclockwise",
}
_MIRROR = _SWAPS | {b: a for a, b in _SWAPS.items()} | {"anticlockwise": "clockwise"}

_SIDED = re.compile(
    r"\b(?:(?:counter|anti|ant)-?)?clockwise\b|\b(?:left|right)(?:s|wards?|y)?\b", re.IGNORECASE
)
"""A word that names a side; hyphenated compounds (right-handed) match in their part."""

_AMBIGUOUS = re.compile(
    r"\bright (?:away|now|after|before|angles?|in front|next|where|back|at|above|below|behind)\b"
    r"|\b(?:all|just|is|was) right\b|\bleft (?:the|for|alone)\b|\b(?:has|have|had|was|is|then) left\b",
    re.IGNORECASE,
)
"""Where `left` or `right` may mean something other than a side."""

_GLUED = re.compile(r"\w*(?:left|right)\w*", re.IGNORECASE)
_HARMLESS = re.compile(
    r"(?:up|down|out|forth|b|f|fore)right\w*|frighten\w*|frighteningly|alright|(?:left|right)(?:s|wards?|y)?",
    re.IGNORECASE,
)

SUBJECTS = (
    "a person",
    "someone",
    "the person",
    "a man",
    "a woman",
    "the man",
    "the woman",
    "a figure",
    "the figure",
    "the character",
    "a character",
    "a human",
    "this person",
    "he",
    "she",
    "somebody",
)
"""Ways to name who moves. Captions about one of these may name any other."""

_KINDS = (
    "person|man|woman|figure|character|human|guy|individual|stick figure|stickman|stick man|people|player|"
    "fighter|performer|dancer|boxer|hero|figurine|male|female|lady|boy|girl|actor|individual"
)
_SUBJECT = re.compile(
    rf"^(?:(?:a|an|the|this|one|that) (?:{_KINDS})|someone|somebody|he|she|they)\b\s*", re.IGNORECASE
)
_JOINS = (
    ", then ",
    " and then ",
    " then ",
    ", and then ",
    ", after that ",
    ", and ",
    " before ",
)


def names_side(text: str) -> bool:
    """Whether the text says left or right (or which way round)."""
    return _SIDED.search(text) is not None


def side_of(word: str) -> str:
    """ "left", "right", or nothing where the word names no side; clockwise is to the right."""
    if _SIDED.fullmatch(word) is None:
        return ""
    plain = word.lower()
    return "right" if plain.startswith("right") or plain == "clockwise" else "left"


def mirror(text: str) -> str | None:
    """The caption of the mirrored motion; None where a side word can't be read with certainty.

    >>> mirror("turns left, then kicks with the right foot")
    'turns right, then kicks with the left foot'
    """
    if _AMBIGUOUS.search(text) or any(not _HARMLESS.fullmatch(w) for w in _GLUED.findall(text)):
        return None
    return _SIDED.sub(lambda match: _swap(match.group()), text)


def both_ways(text: str) -> set[str]:
    """The caption, and that of the mirrored motion where there is one: both are learned from."""
    return {text, mirror(text) or text}


def _swap(word: str) -> str:
    plain = word.lower()
    if plain.endswith("clockwise") and plain != "clockwise":
        return "clockwise"
    other = _MIRROR[plain]
    return other.capitalize() if word[:1].isupper() else other


def split_subject(text: str) -> tuple[str, str]:
    """(who moves, what they do); who is empty where the text starts with the action.

    >>> split_subject("a person walks forward")
    ('a person', 'walks forward')
    """
    match = _SUBJECT.match(text)
    if match is None:
        return "", text
    return match.group().strip(), text[match.end() :]


def paraphrase(text: str, chance: Random) -> str:
    """The same motion said of somebody else, or of nobody ("walks forward")."""
    subject, action = split_subject(text)
    if not subject or not action:
        return text
    draw = chance.random()
    if draw < 0.4:
        return text
    if draw < 0.6:
        return action
    return f"{chance.choice(SUBJECTS)} {action}"


def join(first: str, second: str, chance: Random) -> str:
    """One caption for two motions that follow one another.

    >>> join("a person walks", "a person waves.", Random(0)).startswith("a person walks")
    True
    """
    _, action = split_subject(second)
    conjunction = chance.choice(_JOINS[:6])
    return first.rstrip(" .,;") + conjunction + (action or second).rstrip(" .,;")

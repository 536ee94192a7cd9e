"""Words that point: left and right, forward and backward, as numbers of each word of a text.

A sentence model puts a text and its mirror image almost in one place, for they tell of nearly the same thing.
A character that raises the wrong hand is wrong all the same, so the compact encoder is taught to hold such
texts apart. Pure functions of English words; knows no tensors.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from posewire_export.train import wording

_SIDES = {"left": 1.0, "right": -1.0}
_FORWARD = re.compile(r"forwards?|ahead", re.IGNORECASE)
_BACKWARD = re.compile(r"backwards?|reverse", re.IGNORECASE)
_WORD = re.compile(r"[a-z]+(?:-clockwise)?", re.IGNORECASE)


@dataclass(frozen=True)
class Pointing:
    """Where a text points from one letter to another."""

    start: int
    stop: int
    side: float
    """1 left, -1 right, 0 neither."""
    way: float
    """1 forward, -1 backward, 0 neither."""


def pointing(text: str) -> list[Pointing]:
    """Every word with the side and the way it belongs to: those of the nearest word that names one.

    >>> [(p.side, p.way) for p in pointing("left hand")]
    [(1.0, 0.0), (1.0, 0.0)]
    """
    words = list(_WORD.finditer(text))
    certain = wording.mirror(text) is not None
    sides = _nearest([_SIDES.get(wording.side_of(w.group()), 0.0) if certain else 0.0 for w in words])
    ways = _nearest([_way(w.group()) for w in words])
    return [Pointing(*w.span(), side, way) for w, side, way in zip(words, sides, ways, strict=True)]


def turned_round(text: str) -> str:
    """The text with forward and backward exchanged."""
    return re.sub(
        r"\b(for|back)(wards?)\b",
        lambda m: ("back" if m.group(1).lower() == "for" else "for") + m.group(2),
        text,
        flags=re.IGNORECASE,
    )


def _way(word: str) -> float:
    return float(bool(_FORWARD.fullmatch(word))) - float(bool(_BACKWARD.fullmatch(word)))


def _nearest(signs: Sequence[float]) -> list[float]:
    """Each place takes the sign of the nearest one that isn't 0; of two as near, the earlier."""
    known = [i for i, sign in enumerate(signs) if sign]
    return [signs[min(known, key=lambda k: (abs(k - i), k))] if known else 0.0 for i in range(len(signs))]

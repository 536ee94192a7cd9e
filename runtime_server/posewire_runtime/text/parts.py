"""What a prompt says one after another. Pure: knows English, no encoder and no model.

"a person walks forward, then waves"  ->  "a person walks forward" and "waves"
"""

from __future__ import annotations

import re

MOST = 4
"""Parts that a prompt is cut into; what follows stays with the last."""

_JOINT = re.compile(
    r"[\s,;.]*\b(?:and )?(?:then|after (?:that|which)|afterwards?|followed by)\b[\s,]*"
    r"|\s*;\s*|,?\s+before\s+|\.\s+(?=(?:he|she|they|it)\b)",
    re.IGNORECASE,
)
_ALONGSIDE = re.compile(r"\s*(?:,|\.|\bwhile\b)\s*", re.IGNORECASE)
_NO_ACTION = re.compile(
    r"(?:(?:and|he|she|they|it|to|the|his|her|a|bit|back|again|left|right|(?:for|back)wards?|around|stops?|"
    r"repeats?|returns?|that|this|side|other)\b[\s,.]*)*",
    re.IGNORECASE,
)
_SHORTEST = 2
"""Words of something done alongside that counts as an action of its own."""


def in_turn(prompt: str) -> list[str]:
    """The actions that follow one another, in their order; none where there is but one.

    Where a part says too little to be done by itself ("walks forward, then back"), the prompt stays whole.
    """
    found = [part.strip(" ,;.") for part in _JOINT.split(prompt, maxsplit=MOST - 1)]
    parts = [part for part in found if part]
    if len(parts) < 2 or any(_NO_ACTION.fullmatch(part) for part in parts):
        return []
    return parts


def actions(prompt: str) -> list[str]:
    """All actions, also those done at the same time; none where the prompt is of one piece."""
    pieces = (piece for part in _JOINT.split(prompt) for piece in _ALONGSIDE.split(part))
    found = [piece for piece in pieces if len(piece.split()) >= _SHORTEST]
    return found if len(found) > 1 else []

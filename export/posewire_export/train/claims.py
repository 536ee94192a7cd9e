"""Does the limb move that the words name, does the body turn and travel where they say?

Reads simple claims off a caption and checks them against a motion: when a model is measured, and when a
teacher's answers are chosen. Knows nothing of networks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posewire_export.train import shown
from posewire_export.train.ingest import Motion, facing, places

Kind = Literal["arm", "leg", "turn", "travel", "sidestep", "circle"]
Side = Literal["left", "right", "back", "forward", "round"]


@dataclass(frozen=True)
class Claim:
    """What a caption says about one direction."""

    kind: Kind
    side: Side


_ARM = r"(?:hand|arm|fist|elbow|wrist)"
_LEG = r"(?:leg|foot|knee)"
_LIMB = re.compile(rf"\b(left|right)\s+(?:(?P<arm>{_ARM})|(?P<leg>{_LEG}))\b")
_TURN = re.compile(r"\bturn(?:s|ing)?\s+(?:\w+\s+)?(?:to\s+(?:the|his|her|their)\s+)?(left|right)\b")
_BACK = re.compile(r"\b(?:walk|run|jog|step)(?:s|ing)?\s+backwards?\b")
_ASIDE = re.compile(
    r"\b(?:side\s?-?step(?:s|ping)?|strafe(?:s)?|(?:walk|step|shuffle)(?:s|ing)?\s+sideways)\b.*\b(left|right)\b"
)
_CIRCLE = re.compile(r"\b(?:walk|run|jog)(?:s|ing)?\s+(?:around\s+)?in\s+(?:a\s+|\d+\s+)?circles?\b")
_AWAY = re.compile(r"\b(?:then|before|after|while|and)\b|,")

_ROUND = 1.5 * np.pi
"""Who turns by as much as this, radians, and travels, goes in a circle."""
_STRIDE = 1.0
"""Who goes less far than this, metres, turns on the spot."""


def claims(caption: str) -> list[Claim]:
    """The claims of a caption that speaks of one thing only; of longer ones nothing is believed."""
    if _AWAY.search(caption):
        return []
    sides = {match.group(1) for match in re.finditer(r"\b(left|right)\b", caption)}
    found = [*_limbs(caption), *_turns(caption), *_asides(caption)] if len(sides) == 1 else []
    if _BACK.search(caption):
        found.append(Claim("travel", "back"))
    if _CIRCLE.search(caption):
        found.append(Claim("circle", "round"))
    return found


def _limbs(caption: str) -> Iterator[Claim]:
    for match in _LIMB.finditer(caption):
        yield Claim("arm" if match["arm"] else "leg", _side(match.group(1)))


def _turns(caption: str) -> Iterator[Claim]:
    for match in _TURN.finditer(caption):
        yield Claim("turn", _side(match.group(1)))


def _asides(caption: str) -> Iterator[Claim]:
    for match in _ASIDE.finditer(caption):
        yield Claim("sidestep", _side(match.group(1)))


def _side(word: str) -> Side:
    return "left" if word == "left" else "right"


def holds(claim: Claim, motion: Motion) -> bool:
    """Whether the motion does what is claimed."""
    match claim.kind:
        case "arm":
            return _livelier(motion, "Wrist") == claim.side
        case "leg":
            return _livelier(motion, "Ankle") == claim.side
        case "turn":
            return (turned(motion) > 0) == (claim.side == "left")
        case "travel":
            return (travel(motion)[0] < 0) == (claim.side == "back")
        case "sidestep":
            ahead, aside = travel(motion)
            return abs(aside) > abs(ahead) and (aside > 0) == (claim.side == "left")
        case "circle":
            return abs(turned(motion)) > _ROUND and _way(motion) > _STRIDE


def _livelier(motion: Motion, joint: str) -> Side:
    """The side whose limb covers more ground, seen from the pelvis."""
    left, right = shown.limb_paths(places(motion), joint)
    return "left" if left > right else "right"


def turned(motion: Motion) -> float:
    """How far the body turns over the clip, radians, left positive; whole turns count."""
    return shown.turned(places(motion))


def travel(motion: Motion) -> tuple[float, float]:
    """How far the body travels along where it faces, and toward its left, metres."""
    frames = [*range(0, len(motion) - 1, 3), len(motion) - 1]
    angles = np.unwrap(facing(places(motion))[frames])
    angles = (angles[1:] + angles[:-1]) / 2
    steps = np.diff(motion.root[frames][:, [0, 2]], axis=0)
    ahead, left = (np.stack([np.sin(turned), np.cos(turned)], 1) for turned in (angles, angles + np.pi / 2))
    return float((steps * ahead).sum()), float((steps * left).sum())


def _way(motion: Motion) -> float:
    """How long the path over the floor is, metres; what sways within a third of a second doesn't count."""
    path = motion.root[::10, [0, 2]]
    return float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())

"""Does the limb move that the words name, does the body turn and travel where they say?

Reads simple claims off a caption and checks them against a motion. Knows nothing of networks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from posewire_export.evaluate.physics import places
from posewire_export.train.ingest import Motion, heading
from posewire_export.train.rest import REST

Kind = Literal["arm", "leg", "turn", "travel"]
Side = Literal["left", "right", "back", "forward"]


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
_AWAY = re.compile(r"\b(?:then|before|after|while|and)\b|,")

ARM_TEMPLATES = (
    "a person waves with the {} hand",
    "a person raises the {} arm",
    "a person punches with the {} fist",
    "a person throws with the {} hand",
    "someone waves the {} arm",
)
LEG_TEMPLATES = (
    "a person kicks with the {} leg",
    "a person kicks with the {} foot",
    "someone raises the {} knee",
)
BACK_TEMPLATES = ("a person walks backward", "someone is walking backwards")
TURN_TEMPLATES = ("a person turns {} while walking", "a person walks forward and turns to the {}")


def claims(caption: str) -> list[Claim]:
    """The claims of a caption that speaks of one thing only; of longer ones nothing is believed."""
    if _AWAY.search(caption):
        return []
    sides = {match.group(1) for match in re.finditer(r"\b(left|right)\b", caption)}
    found = [*_limbs(caption), *_turns(caption)] if len(sides) == 1 else []
    if _BACK.search(caption):
        found.append(Claim("travel", "back"))
    return found


def _limbs(caption: str) -> Iterator[Claim]:
    for match in _LIMB.finditer(caption):
        yield Claim("arm" if match["arm"] else "leg", _side(match.group(1)))


def _turns(caption: str) -> Iterator[Claim]:
    for match in _TURN.finditer(caption):
        yield Claim("turn", _side(match.group(1)))


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
            return (advance(motion) < 0) == (claim.side == "back")


def _livelier(motion: Motion, joint: str) -> Side:
    """The side whose limb covers more ground, seen from the pelvis."""
    positions = places(motion)
    positions = positions - positions[:, :1]
    left, right = (
        np.linalg.norm(np.diff(positions[:, REST.index(f"{side}_{joint}")], axis=0), axis=-1).sum()
        for side in "LR"
    )
    return "left" if left > right else "right"


def turned(motion: Motion) -> float:
    """How far the body turns over the clip, radians, left positive; whole turns count."""
    angles = np.unwrap([heading(motion, frame) for frame in range(0, len(motion), 3)])
    return float(angles[-1] - angles[0])


def advance(motion: Motion) -> float:
    """How far the body travels along where it faces, metres; backward is negative."""
    frames = range(0, len(motion) - 1, 3)
    facing = np.array([(np.sin(a), np.cos(a)) for a in (heading(motion, frame) for frame in frames)])
    ends = [min(frame + 3, len(motion) - 1) for frame in frames]
    steps = (motion.root[ends] - motion.root[list(frames)])[:, [0, 2]]
    return float((steps * facing).sum())

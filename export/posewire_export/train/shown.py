"""What a clip shows that its caption doesn't say: which hand, which leg, which way it turns.

People write "a person waves" of a right hand far more often than they name it. What can be measured
without doubt may be added to the caption, and so the network hears of sides often enough to learn them.
Of walks that turn or go backwards there are few; straight ones are bent and reversed. Knows features and
English; all functions are pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from random import Random
from typing import Literal

import numpy as np

from posewire_export.train import features, wording
from posewire_export.train.ingest import Motion, face_forward, facing
from posewire_export.train.rest import REST
from posewire_runtime.motion import quat
from posewire_runtime.types import Float

Side = Literal["left", "right"]

_ONE_ARM, _ONE_LEG = 1.8, 1.35
"""How many times as far as the other a limb must move to be the one that acts."""
_BENDS = (0.9, 2.6)
"""Radians by which a straight walk may be bent."""
_CIRCLES = 0.3
"""The share of bent walks that go round, of those that are at least so long:"""
_ROUND = 3.0
"""Metres; a shorter circle is a turn on the spot."""
_A_TURN = 1.0
"""Radians by which the body must turn over the clip."""

_WITH_ARM = re.compile(
    r"\b(?:wav(?:es?|ing)|punch(?:es|ing)?|throw(?:s|ing)?|toss(?:es|ing)?|rais(?:es?|ing)|lift(?:s|ing)?|"
    r"point(?:s|ing)?|jab(?:s|bing)?|reach(?:es|ing)?|pick(?:s|ing)?|grab(?:s|bing)?|knock(?:s|ing)?|"
    r"drink(?:s|ing)?|salut(?:es?|ing)|push(?:es|ing)?|hit(?:s|ting)?|strik(?:es?|ing))\b"
)
_WITH_LEG = re.compile(
    r"\bkick(?:s|ed|ing)?\b|\b(?:raises?|lifts?) (?:a|one|his|her|their) (?:knee|leg|foot)\b"
)
_ON_FOOT = re.compile(r"\b(?:walk|jog|run|sneak|step|stroll|march|mov|strid|strut)")
_TURNS = re.compile(r"\bturn(?:s|ing)?\b(?! (?:around|back|over|and))")
_ANY_ARM = re.compile(r"\b(?:a|one|his|her|their|the) (hand|arm|fist)\b")
_ANY_LEG = re.compile(r"\b(?:a|one|his|her|their|the) (leg|foot|knee)\b")
_BOTH = re.compile(r"\b(?:both|two|hands|arms|legs|fists|feet)\b")
_SEVERAL = re.compile(r"\b(?:then|before|after|while|and)\b|,")
_JUST_WALKS = re.compile(
    r"((?:(?!forward|from|into|diagonal|sideway|circle).)*\b(?:walk|step|jogg?|runn?|sneak|march|stroll|strut)(?:s|ing)?)"
    r"(?: forwards?| ahead| straight)?\.?"
)


@dataclass(frozen=True)
class Shown:
    """What was measured; None where it is neither one nor the other."""

    arm: Side | None = None
    leg: Side | None = None
    turn: Side | None = None

    def mirrored(self) -> Shown:
        """Of the mirror image."""
        return Shown(_other(self.arm), _other(self.leg), _other(self.turn))


def _other(side: Side | None) -> Side | None:
    return None if side is None else ("right" if side == "left" else "left")


def measure(clip: Float) -> Shown:
    """What features (L, 201), not normalised, show."""
    places = clip[:, features.POSITIONS].reshape(len(clip), len(REST), 3)
    angle = turned(places)
    return Shown(
        arm=_livelier(places, "Wrist", _ONE_ARM),
        leg=_livelier(places, "Ankle", _ONE_LEG),
        turn=None if abs(angle) < _A_TURN else "left" if angle > 0 else "right",
    )


def _livelier(places: Float, joint: str, times: float) -> Side | None:
    """The side whose limb moves so many times as far, and half a metre at least."""
    left, right = limb_paths(places, joint)
    if max(left, right) < 0.5 or max(left, right) < times * min(left, right):
        return None
    return "left" if left > right else "right"


def limb_paths(places: Float, joint: str) -> tuple[float, float]:
    """How far the left and the right one of a joint move over the clip, seen from the pelvis: metres."""
    left, right = (places[:, REST.index(f"{side}_{joint}")] - places[:, 0] for side in "LR")
    return _length(left), _length(right)


def _length(path: Float) -> float:
    return float(np.linalg.norm(np.diff(path, axis=0), axis=-1).sum())


def turned(places: Float) -> float:
    """How far hips and shoulders turn about the vertical, radians, left positive; whole turns count."""
    angles = np.unwrap(facing(places[::3]))
    return float(angles[-1] - angles[0])


def name_side(text: str, shown: Shown, chance: Random) -> str:
    """The caption with the side that acts, where it names none and not both.

    >>> name_side("a person kicks", Shown(leg="left"), Random(1))
    'a person kicks with the left foot'
    """
    if wording.names_side(text) or _BOTH.search(text):
        return text
    text = text.rstrip(" .")
    if shown.leg is not None and _WITH_LEG.search(text) and not _SEVERAL.search(text):
        return _limb(text, shown.leg, _ANY_LEG, ("leg", "foot"), chance)
    if shown.arm is not None and _WITH_ARM.search(text):
        names = ("hand", "arm", "fist") if "punch" in text else ("hand", "arm", "hand")
        return _limb(text, shown.arm, _ANY_ARM, names, chance)
    if shown.turn is not None and not _SEVERAL.search(text):
        return _turning(text, shown.turn, chance)
    return text


def _limb(text: str, side: Side, named: re.Pattern[str], names: tuple[str, ...], chance: Random) -> str:
    if named.search(text):
        return named.sub(lambda match: f"the {side} {match.group(1)}", text, count=1)
    return f"{text} with {chance.choice(('the', 'the', 'his', 'her', 'their'))} {side} {chance.choice(names)}"


def _turning(text: str, side: Side, chance: Random) -> str:
    to = chance.choice((side, f"to the {side}"))
    if _TURNS.search(text):
        return _TURNS.sub(lambda match: f"{match.group()} {to}", text, count=1)
    if not _ON_FOOT.search(text):
        return text
    who, what = wording.split_subject(text)
    ways = (f"{text} and turns {to}", f"{text} while turning {to}", f"{text} turning {to}")
    if not who or not _ON_FOOT.match(what):
        return chance.choice(ways)
    going = "running" if what.startswith(("run", "jog")) else "walking"
    return chance.choice((*ways, f"{who} turns {to} while {going}"))


def reversed_walk(clip: Float, text: str) -> tuple[Float, str] | None:
    """A straight walk played backwards, which is a walk backwards; None where it is anything else."""
    motion, match = _straight(clip, text), _JUST_WALKS.fullmatch(text)
    if motion is None or match is None:
        return None
    back = face_forward(Motion(motion.rotations[::-1].copy(), motion.root[::-1].copy()))
    return features.encode(back), f"{match.group(1)} {_backward(text)}"


def bent_walk(clip: Float, text: str, chance: Random) -> tuple[Float, str] | None:
    """A straight walk that turns to one side on its way, or goes round; None where it is anything else."""
    motion = _straight(clip, text)
    if motion is None:
        return None
    side: Side = chance.choice(("left", "right"))
    sign = 1 if side == "left" else -1
    along = np.linspace(0, 1, len(motion), dtype=np.float32)
    if _length(motion.root) > _ROUND and chance.random() < _CIRCLES:
        return features.encode(_bent(motion, sign * 2 * np.pi * along)), _circling(text, side, chance)
    angles = sign * chance.uniform(*_BENDS) * along * along * (3 - 2 * along)
    return features.encode(_bent(motion, angles)), _turning(text.rstrip(" ."), side, chance)


def _bent(motion: Motion, angles: Float) -> Motion:
    """Body and path turned by so many radians about the vertical, frame by frame."""
    yaw = quat.from_axis_angle(np.array([0, 1, 0], np.float32), angles.astype(np.float32))
    rotations = motion.rotations.copy()
    rotations[:, 0] = quat.multiply(yaw, rotations[:, 0])
    steps = quat.rotate(yaw[1:], np.diff(motion.root, axis=0))
    root = motion.root[0] + np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    return Motion(rotations, root.astype(np.float32))


def _circling(text: str, side: Side, chance: Random) -> str:
    """A caption of somebody who just walks, said of who walks round."""
    match = _JUST_WALKS.fullmatch(text)
    assert match is not None, "only straight walks are bent"
    round_about = "counterclockwise" if side == "left" else "clockwise"
    ways = ("", "", f" to the {side}", f" {round_about}")
    return f"{match.group(1)} in {chance.choice(('a circle', 'a circle', 'circles'))}{chance.choice(ways)}"


def _straight(clip: Float, text: str) -> Motion | None:
    """The motion of a clip that only walks straight on, by its caption and by measure."""
    if _JUST_WALKS.fullmatch(text) is None or _SEVERAL.search(text) or wording.names_side(text):
        return None
    motion = features.decode(clip)
    if motion.root[-1, 2] - motion.root[0, 2] < 1.0 or measure(clip).turn is not None:
        return None
    return motion


def _backward(text: str) -> str:
    return "backwards" if len(text) % 2 else "backward"

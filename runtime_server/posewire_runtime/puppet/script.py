"""A prompt -> the acts that the puppet plays, by keywords.

Understands walking, running, turning, waving and standing, one after the other ("then", commas, full
stops) or at once ("walks and waves"). Anything else is standing: the puppet never refuses.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gait:
    """How the feet go when they go. A cycle is two steps."""

    stride: float
    """Metres a cycle; 0: steps on the spot."""
    cadence: float
    """Cycles a second."""
    swing: float
    """Share of a cycle that a foot is in the air; more than a half means flight."""
    lean: float
    """Forward lean of the trunk, degrees."""
    arm_swing: float
    """Amplitude at the shoulder, degrees."""
    elbow: float
    """Mean bend of the elbows, degrees."""
    crouch: float
    """How much lower than standing the hips go, metres."""
    bounce: float
    """How far the hips rise, and sink, as both feet are in flight; below zero, as both are on the floor."""
    strike: float
    """How far the toes are up when the heel strikes, degrees."""
    push: float
    """How far the heel is up when the toes leave the floor, degrees."""
    lift: float
    """How high the ball of a swinging foot comes, metres."""


WALK = Gait(
    stride=1.14,
    cadence=0.98,
    swing=0.42,
    lean=3,
    arm_swing=19,
    elbow=22,
    crouch=0.012,
    bounce=-0.012,
    strike=18,
    push=42,
    lift=0.045,
)
RUN = Gait(
    stride=2.1,
    cadence=1.38,
    swing=0.62,
    lean=9,
    arm_swing=34,
    elbow=82,
    crouch=0.035,
    bounce=0.03,
    strike=4,
    push=50,
    lift=0.16,
)
TURN = Gait(
    stride=0,
    cadence=0.85,
    swing=0.42,
    lean=1,
    arm_swing=5,
    elbow=16,
    crouch=0,
    bounce=0,
    strike=0,
    push=25,
    lift=0.05,
)


@dataclass(frozen=True, slots=True)
class Act:
    """What is done for a while."""

    gait: Gait | None = None
    """None: standing."""
    turn: float = 0.0
    """Degrees turned to the left over the act."""
    waves: tuple[str, ...] = ()
    """Hands that wave: "left", "right"."""
    share: float = 1.0
    """How much of the clip it gets, against the other acts."""


_NEXT = re.compile(r"\b(?:and )?(?:then|afterwards|after that|finally|before)\b|[,;.]")
_WALK = re.compile(r"\b(?:walk|strid|stroll|march|step|go(?:es)? )")
_RUN = re.compile(r"\b(?:run|jog|sprint|hurr)")
_TURN = re.compile(r"\b(?:turn|spin|rotat|pivot)")
_CIRCLE = re.compile(r"\bcircle")
_WAVE = re.compile(r"\b(?:wav(?:e|es|ing)\b|greet|say(?:s)? (?:hello|goodbye|hi))")
_STAND = re.compile(r"\b(?:stand|idle|wait|stop|breath|rest)")
_ARM = re.compile(r"\b(left|right|both)(?:\s+\w+)?\s+(?:hand|arm)s?\b")
_SIDE = re.compile(r"\b(left|right|around|back)\b")
_TURN_TO = {"left": 90.0, "right": -90.0, "around": 180.0, "back": 180.0}


def read(prompt: str) -> tuple[Act, ...]:
    """The acts of a prompt, in order; standing where no keyword is found."""
    parts = [_act(part) for part in _NEXT.split(prompt.lower())]
    return tuple(act for act in parts if act is not None) or (Act(),)


def _act(text: str) -> Act | None:
    """One part of a prompt; None where it names nothing that the puppet can do."""
    gait = _gait(text)
    turn = _turn(text)
    waves = _waves(text)
    if gait is None and turn:
        return Act(TURN, turn, waves, share=0.8)
    if gait is None and not waves and not _STAND.search(text):
        return None
    return Act(gait, turn, waves)


def _gait(text: str) -> Gait | None:
    if _RUN.search(text):
        return RUN
    return WALK if _WALK.search(text) else None


def _turn(text: str) -> float:
    """Degrees to the left; a hand's side isn't a direction."""
    if _CIRCLE.search(text):
        return -360.0 if re.search(r"\bright|(?<!counter)clockwise", text) else 360.0
    turning = _TURN.search(text)
    if not turning:
        return 0.0
    side = _SIDE.search(_ARM.sub("", text), turning.start())
    return _TURN_TO[side.group(1)] if side else 90.0


def _waves(text: str) -> tuple[str, ...]:
    if not _WAVE.search(text):
        return ()
    arm = _ARM.search(text)
    side = arm.group(1) if arm else "right"
    return ("left", "right") if side == "both" else (side,)

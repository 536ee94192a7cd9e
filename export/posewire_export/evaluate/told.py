"""Shares of motions that do what they are told: the limb that is named, the side, the direction.

On people's captions and on templates; real motion answers for the captions that say the like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from posewire_export.evaluate import scores
from posewire_export.train.claims import Claim, Kind, Side, claims, holds
from posewire_export.train.generate import Wish
from posewire_export.train.ingest import Motion

ARM_TEMPLATES = (
    "a person waves with the {} hand",
    "a person raises the {} arm",
    "a person punches with the {} fist",
    "a person throws with the {} hand",
    "a person raises the {} hand",
    "someone waves the {} arm",
)
LEG_TEMPLATES = (
    "a person kicks with the {} leg",
    "a person kicks with the {} foot",
    "a person lifts the {} leg",
    "someone raises the {} knee",
)
TURN_TEMPLATES = (
    "a person turns {} while walking",
    "a person walks forward and turns to the {}",
    "a person turns to the {}",
    "someone turns {}",
)
BACK_TEMPLATES = (
    "a person walks backward",
    "someone is walking backwards",
    "a person walks backwards slowly",
    "a person steps backward",
)
SIDESTEP_TEMPLATES = (
    "a person side steps to the {}",
    "a person walks sideways to the {}",
    "a person takes a step to the {}",
)
CIRCLE_TEMPLATES = ("a person walks in a circle", "a person runs in a circle", "someone walks in circles")

GROUPS: Mapping[str, tuple[Kind, ...]] = {
    "limbs": ("arm", "leg"),
    "turns": ("turn",),
    "backwards": ("travel",),
    "sidestep": ("sidestep",),
    "circle": ("circle",),
}
"""Claims that are counted together."""

_BOTH: tuple[Side, ...] = ("left", "right")
_FRAMES: Mapping[str, int] = {"circle": 240}
"""How long clips of templates are, where 100 frames are too few."""


def on_captions(pairs: Iterable[tuple[str, Motion]]) -> dict[str, Any]:
    """Of captions that make one simple claim: how many motions keep it, by group."""
    kept: dict[Kind, list[bool]] = {}
    for caption, motion in pairs:
        for claim in claims(caption):
            kept.setdefault(claim.kind, []).append(holds(claim, motion))
    hits = {name: [hit for kind in kinds for hit in kept.get(kind, ())] for name, kinds in GROUPS.items()}
    return {name: _share(some) for name, some in hits.items() if some}


def on_templates(make: Callable[[Sequence[Wish]], list[Motion]], *, seeds: int = 5) -> dict[str, Any]:
    """The same on prompts of our own, each side of each template with some seeds."""
    asked = {name: _asked(name) for name in GROUPS}
    wishes = [
        Wish(text, _FRAMES.get(name, 100), seed)
        for name, some in asked.items()
        for text, _ in some
        for seed in range(seeds)
    ]
    made = iter(make(wishes))
    return {
        name: _share([holds(claim, next(made)) for _, claim in some for _ in range(seeds)])
        for name, some in asked.items()
    }


def _asked(group: str) -> list[tuple[str, Claim]]:
    match group:
        case "limbs":
            return [*_sided(ARM_TEMPLATES, "arm"), *_sided(LEG_TEMPLATES, "leg")]
        case "turns":
            return _sided(TURN_TEMPLATES, "turn")
        case "sidestep":
            return _sided(SIDESTEP_TEMPLATES, "sidestep")
        case "backwards":
            return [(text, Claim("travel", "back")) for text in BACK_TEMPLATES]
        case _:
            return [(text, Claim("circle", "round")) for text in CIRCLE_TEMPLATES]


def _sided(templates: Sequence[str], kind: Kind) -> list[tuple[str, Claim]]:
    return [(template.format(side), Claim(kind, side)) for template in templates for side in _BOTH]


def _share(kept: Sequence[bool]) -> dict[str, Any]:
    share = scores.bootstrap(np.array(kept, np.float64), np.mean)
    return {"n": len(kept), "share": scores.plain(share)}

"""One run of the evaluation: settings in, a report of plain numbers out.

What is measured of a model is measured of held-out real motion and of a baseline that answers every
caption with the training clip whose caption is nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from posewire_export.evaluate import physics, scores, sides
from posewire_export.evaluate.contrast import Judge
from posewire_export.evaluate.scores import Interval, Numbers
from posewire_export.train.features import decode
from posewire_export.train.feed import Corpus
from posewire_export.train.generate import Wish
from posewire_export.train.ingest import Motion
from posewire_export.train.library import Entry

Maker = Callable[[Sequence[Wish]], list[Motion]]
"""Anything that turns wishes into motions."""

STILL = ("in place", "on the spot", "stairs", "climb", "ladder", "playground")
"""Captions whose feet do not stand on the floor, or slide in the recording: left out of the physics."""


@dataclass(frozen=True)
class Case:
    """A held-out caption with its clip."""

    caption: str
    entry: Entry
    motion: Motion
    unheard: bool
    """Whether the training part says something in other words."""


def cases_of(held: Corpus, learned: Corpus) -> list[Case]:
    """Every held-out caption."""
    known = {text for entry in learned.entries for text in entry.texts}
    return [
        Case(text, entry, decode(clip), text not in known)
        for entry, clip in zip(held.entries, held.clips, strict=True)
        for text in entry.texts
    ]


def retrieval(judge: Judge, learned: Corpus) -> Maker:
    """The baseline: the training clip with the nearest caption, whatever length is wished for."""
    texts = [(text, i) for i, entry in enumerate(learned.entries) for text in entry.texts]
    vectors = _sentences(judge, [text for text, _ in texts])

    def make(wishes: Sequence[Wish]) -> list[Motion]:
        nearest = (_sentences(judge, [wish.prompt for wish in wishes]) @ vectors.T).argmax(1)
        return [decode(learned.clips[texts[i][1]]) for i in nearest]

    return make


def _sentences(judge: Judge, texts: Sequence[str]) -> Numbers:
    rows = [judge.side(texts[i : i + 64]).sentence[:, 0].numpy() for i in range(0, len(texts), 64)]
    vectors = np.concatenate(rows).astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def wishes_of(cases: Sequence[Case], least: int, limits: tuple[int, int]) -> list[Wish]:
    """Each caption with its clip's length, as many seeds as give at least `least` clips."""
    seeds = max(1, -(-least // len(cases)))
    shortest, longest = limits
    return [
        Wish(case.caption, min(longest, max(shortest, len(case.motion))), seed)
        for seed in range(seeds)
        for case in cases
    ]


def against_text(judge: Judge, cases: Sequence[Case], motions: Sequence[Motion]) -> dict[str, Any]:
    """Do the motions answer their captions? `motions` go through the cases again and again, in order."""
    captions = [case.caption for case in cases]
    rounds = len(motions) // len(cases)
    texts = judge.texts(captions)
    made = judge.motions(motions)
    every = np.tile(texts, (rounds, 1))
    places = scores.ranks(every, made, captions * rounds)
    groups: dict[str, Any] = {"all": np.ones(len(made), np.bool_)}
    groups["unheard"] = np.array([case.unheard for case in cases] * rounds)
    for source in sorted({case.entry.source for case in cases}):
        groups[source] = np.array([case.entry.source == source for case in cases] * rounds)
    return {
        name: {
            "n": int(chosen.sum()),
            **{f"top{k}": _plain(scores.top(places[:, chosen], k)) for k in (1, 2, 3)},
            "distance": _plain(scores.matching(every[chosen], made[chosen])),
        }
        for name, chosen in groups.items()
        if chosen.sum() > 1
    }


def against_real(judge: Judge, real: Sequence[Motion], motions: Sequence[Motion]) -> dict[str, Any]:
    """Do the motions as a crowd look like the real ones?"""
    one, two = judge.motions(motions), judge.motions(real)
    return {
        "n": len(motions),
        "fid": _plain(scores.crowd_interval(scores.fid, one, two, rounds=30)),
        "kid": _plain(scores.crowd_interval(scores.kid, one, two)),
    }


def bodies(cases: Sequence[Case], motions: Sequence[Motion]) -> dict[str, Any]:
    """Physics: medians over clips of each action, then over actions; clips off the floor left out."""
    by_action: dict[str, list[physics.Physics]] = {}
    for number, motion in enumerate(motions):
        case = cases[number % len(cases)]
        if case.entry.source == "KayKit" or any(word in case.caption for word in STILL):
            continue
        for action in case.entry.actions or ("",):
            by_action.setdefault(action, []).append(physics.measure(motion))
    result: dict[str, Any] = {}
    for name in ("sliding", "sinking", "jerk", "flips", "drift"):
        medians = [np.nanmedian([getattr(p, name) for p in part]) for part in by_action.values() if part]
        result[name] = round(float(np.nanmedian(medians)), 4)
    return result


def directions(maker: Maker, *, seeds: int = 5, frames: int = 100) -> dict[str, Any]:
    """Left and right, turns and walking backwards, on templates: shares that do as they are told."""
    groups = {
        "limbs": [*_sided(sides.ARM_TEMPLATES, "arm"), *_sided(sides.LEG_TEMPLATES, "leg")],
        "turns": _sided(sides.TURN_TEMPLATES, "turn"),
        "backwards": [(text, sides.Claim("travel", "back")) for text in sides.BACK_TEMPLATES],
    }
    result: dict[str, Any] = {}
    for name, asked in groups.items():
        wishes = [Wish(text, frames, seed) for text, _ in asked for seed in range(seeds)]
        claims = [claim for _, claim in asked for _ in range(seeds)]
        kept = [sides.holds(claim, m) for claim, m in zip(claims, maker(wishes), strict=True)]
        result[name] = {
            "n": len(kept),
            "share": _plain(scores.bootstrap(np.array(kept, np.float64), np.mean)),
        }
    return result


def _sided(templates: Sequence[str], kind: sides.Kind) -> list[tuple[str, sides.Claim]]:
    both: tuple[sides.Side, ...] = ("left", "right")
    return [(template.format(side), sides.Claim(kind, side)) for template in templates for side in both]


def peoples_claims(cases: Sequence[Case], motions: Sequence[Motion]) -> dict[str, Any]:
    """The same on people's own captions, as far as they make one simple claim."""
    kept: dict[str, list[bool]] = {}
    for number, motion in enumerate(motions):
        case = cases[number % len(cases)]
        for claim in sides.claims(case.caption):
            kept.setdefault(claim.kind, []).append(sides.holds(claim, motion))
    return {kind: {"n": len(hits), "share": round(float(np.mean(hits)), 4)} for kind, hits in kept.items()}


def variety(
    judge: Judge, maker: Maker, captions: Sequence[str], *, seeds: int = 5, frames: int = 120
) -> float:
    """Mean distance between clips of one caption that differ in their seed."""
    made = maker([Wish(text, frames, seed) for text in captions for seed in range(seeds)])
    return scores.spread_of_seeds(judge.motions(made).reshape(len(captions), seeds, -1))


def copying(judge: Judge, learned: Corpus, motions: Sequence[Motion]) -> Interval:
    """How far the nearest training clip is, as mean distance of joints in metres.

    Five candidates are found by the judge, then compared frame by frame at equal length.
    """
    known = [decode(clip) for clip in learned.clips]
    far = np.linalg.norm(judge.motions(motions)[:, None] - judge.motions(known)[None], axis=-1)
    nearest = []
    for motion, row in zip(motions, far, strict=True):
        gaps = [_gap(motion, known[i]) for i in np.argsort(row)[:5]]
        nearest.append(min(gaps))
    return scores.bootstrap(np.array(nearest), np.median)


def _gap(one: Motion, two: Motion) -> float:
    """Mean distance between joints, pelvis on pelvis, both played at the same length."""
    a, b = (physics.places(m) - m.root[:, None] for m in (one, two))
    at = np.rint(np.linspace(0, len(b) - 1, len(a))).astype(int)
    return float(np.linalg.norm(a - b[at], axis=-1).mean())


def report_of(
    judge: Judge,
    learned: Corpus,
    held: Corpus,
    makers: Mapping[str, Maker],
    *,
    least: int,
    limits: tuple[int, int],
) -> dict[str, Any]:
    """Everything, for each maker by name, and for real motion and retrieval."""
    cases = cases_of(held, learned)
    real = [decode(clip) for clip in held.clips]
    wishes = wishes_of(cases, least, limits)
    answers: dict[str, list[Motion]] = {"real": [case.motion for case in cases]}
    all_makers = {"retrieval": retrieval(judge, learned), **makers}
    for name, maker in all_makers.items():
        answers[name] = maker(wishes)
    result: dict[str, Any] = {}
    for name, motions in answers.items():
        print(f"measuring {name}", flush=True)
        result[name] = {
            "text": against_text(judge, cases, motions),
            "crowd": against_real(judge, real, motions),
            "bodies": bodies(cases, motions),
            "claims": peoples_claims(cases, motions),
        }
    some = sorted({case.caption for case in cases})[::12]
    for name, maker in makers.items():
        result[name]["directions"] = directions(maker)
        result[name]["variety"] = round(variety(judge, maker, some), 4)
        result[name]["nearest_training_clip"] = _plain(copying(judge, learned, answers[name][: len(cases)]))
    result["real"]["nearest_training_clip"] = _plain(copying(judge, learned, real))
    return result


def _plain(interval: Interval) -> dict[str, float]:
    return {name: round(value, 4) for name, value in asdict(interval).items()}

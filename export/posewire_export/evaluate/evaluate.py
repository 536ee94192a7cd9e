"""One run of the evaluation: settings in, a report of plain numbers out.

What is measured of a model is measured of held-out real motion and of a baseline that answers every
caption with the training clip whose caption is nearest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from posewire_export.evaluate import scores, told
from posewire_export.evaluate.bodies import after_passes, typical
from posewire_export.evaluate.contrast import Judge
from posewire_export.evaluate.scores import Interval, Numbers, plain
from posewire_export.evaluate.strangers import STRANGERS
from posewire_export.train.claims import claims
from posewire_export.train.features import decode
from posewire_export.train.feed import Corpus
from posewire_export.train.generate import Wish
from posewire_export.train.ingest import Motion, places
from posewire_export.train.library import Entry

Maker = Callable[[Sequence[Wish]], list[Motion]]
"""Anything that turns wishes into motions."""
Familiar = Callable[[Sequence[str]], Sequence[float]]
"""How familiar prompts are, 0 to 1; nothing where nobody can say."""

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
            **{f"top{k}": plain(scores.top(places[:, chosen], k)) for k in (1, 2, 3)},
            "distance": plain(scores.matching(every[chosen], made[chosen])),
        }
        for name, chosen in groups.items()
        if chosen.sum() > 1
    }


def against_real(judge: Judge, real: Sequence[Motion], motions: Sequence[Motion]) -> dict[str, Any]:
    """Do the motions as a crowd look like the real ones?"""
    one, two = judge.motions(motions), judge.motions(real)
    return {
        "n": len(motions),
        "fid": plain(scores.crowd_interval(scores.fid, one, two, rounds=30)),
        "kid": plain(scores.crowd_interval(scores.kid, one, two)),
    }


def bodies(cases: Sequence[Case], motions: Sequence[Motion]) -> dict[str, Any]:
    """Physics of the clips whose feet belong on the floor, as they come and after the passes of a bake."""
    asked = [cases[number % len(cases)] for number in range(len(motions))]
    chosen = [(case, motion) for case, motion in zip(asked, motions, strict=True) if _stands(case)]
    actions = [case.entry.actions for case, _ in chosen]
    raw = [motion for _, motion in chosen]
    found = {"raw": raw, "passes": [after_passes(motion) for motion in raw]}
    return {"n": len(raw)} | {
        name: {measure: plain(value) for measure, value in typical(some, actions).items()}
        for name, some in found.items()
    }


def _stands(case: Case) -> bool:
    return case.entry.source != "KayKit" and not any(word in case.caption for word in STILL)


def variety(
    judge: Judge, maker: Maker, captions: Sequence[str], *, seeds: int = 5, frames: int = 120
) -> dict[str, Any]:
    """Mean distance between clips of one caption that differ in their seed."""
    made = maker([Wish(text, frames, seed) for text in captions for seed in range(seeds)])
    spreads = scores.spreads_of_seeds(judge.motions(made).reshape(len(captions), seeds, -1))
    return {"n": len(spreads), "spread": plain(scores.bootstrap(spreads, np.mean))}


def copying(judge: Judge, learned: Corpus, motions: Sequence[Motion]) -> dict[str, Any]:
    """How far the nearest training clip is, as mean distance of joints in metres.

    Five candidates are found by the judge, then compared frame by frame at equal length.
    """
    known = [decode(clip) for clip in learned.clips]
    far = scores.distances(judge.motions(motions), judge.motions(known))
    nearest = []
    for motion, row in zip(motions, far, strict=True):
        gaps = [_gap(motion, known[i]) for i in np.argsort(row)[:5]]
        nearest.append(min(gaps))
    return {"n": len(nearest), "metres": plain(scores.bootstrap(np.array(nearest), np.median))}


def _gap(one: Motion, two: Motion) -> float:
    """Mean distance between joints, pelvis on pelvis, both played at the same length."""
    a, b = (places(m) - m.root[:, None] for m in (one, two))
    at = np.rint(np.linspace(0, len(b) - 1, len(a))).astype(int)
    return float(np.linalg.norm(a - b[at], axis=-1).mean())


def knowing(familiar: Familiar, cases: Sequence[Case]) -> dict[str, Any]:
    """Does a package tell captions that it never saw from prompts about other things?"""
    unheard = sorted({case.caption for case in cases if case.unheard})
    within, outside = np.array(familiar(unheard)), np.array(familiar(STRANGERS))
    if not len(within) or not len(outside):
        return {}
    apart = [scores.auroc(*pair) for pair in _drawn_anew(within, outside)]
    low, high = np.quantile(apart, [0.025, 0.975])
    return {
        "n": {"unheard captions": len(within), "strangers": len(outside)},
        "auroc": plain(Interval(scores.auroc(within, outside), float(low), float(high))),
        "above half": {
            "unheard captions": round(float((within > 0.5).mean()), 4),
            "strangers": round(float((outside > 0.5).mean()), 4),
        },
    }


def _drawn_anew(one: Numbers, two: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    chance = np.random.default_rng(0)
    for _ in range(500):
        first, second = (some[chance.integers(0, len(some), len(some))] for some in (one, two))
        yield first, second


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
    every = cases_of(held, learned)
    cases = every[:: max(1, len(every) // least)]
    real = [decode(clip) for clip in held.clips]
    result = {"real": _measured(judge, cases, real, [case.motion for case in cases])}
    result["real"]["nearest_training_clip"] = copying(judge, learned, real)
    # Nobody recorded our templates: real motion answers for all captions that make such a claim.
    result["real"]["templates"] = told.on_captions(
        (text, decode(clip))
        for corpus in (learned, held)
        for entry, clip in zip(corpus.entries, corpus.clips, strict=True)
        for text in entry.texts
        if claims(text)
    )
    wishes = wishes_of(cases, least, limits)
    some = sorted({case.caption for case in cases})[::12]
    for name, maker in {"retrieval": retrieval(judge, learned), **makers}.items():
        motions = maker(wishes)
        result[name] = _measured(judge, cases, real, motions)
        result[name]["templates"] = told.on_templates(maker)
        if name in makers:
            result[name]["variety"] = variety(judge, maker, some)
            result[name]["nearest_training_clip"] = copying(judge, learned, motions[: len(cases)])
    return result


def _measured(
    judge: Judge, cases: Sequence[Case], real: Sequence[Motion], motions: Sequence[Motion]
) -> dict[str, Any]:
    asked = [cases[number % len(cases)].caption for number in range(len(motions))]
    return {
        "text": against_text(judge, cases, motions),
        "crowd": against_real(judge, real, motions),
        "bodies": bodies(cases, motions),
        "captions": told.on_captions(zip(asked, motions, strict=True)),
    }

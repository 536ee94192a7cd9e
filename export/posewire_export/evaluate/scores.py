"""Figures from embeddings: how well texts and motions match, how alike two crowds are. Pure numpy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

CROWD = 32
"""A motion's text has to be found among so many."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % bootstrap interval."""

    value: float
    low: float
    high: float


def plain(interval: Interval) -> dict[str, float]:
    """An interval as a report holds it."""
    return {name: round(value, 4) for name, value in asdict(interval).items()}


def ranks(texts: Numbers, motions: Numbers, names: list[str], seed: int = 0, rounds: int = 5) -> Numbers:
    """Place of each motion's own text among 31 others (0: first), (rounds, N).

    `names` are the texts' words: a text with the very same words is no other one. Distances are Euclidean.
    """
    chance = np.random.default_rng(seed)
    far = distances(motions, texts)
    places = np.empty((rounds, len(motions)))
    index = np.array([sorted(set(names)).index(name) for name in names])
    for row, own in enumerate(index):
        others = np.flatnonzero(index != own)
        for turn in range(rounds):
            crowd = chance.choice(others, min(CROWD - 1, len(others)), replace=False)
            places[turn, row] = (far[row, crowd] < far[row, row]).sum()
    return places


def distances(one: Numbers, two: Numbers) -> Numbers:
    """Euclidean distances between all of `one` (N, d) and all of `two` (M, d): (N, M)."""
    squares = (one**2).sum(-1)[:, None] + (two**2).sum(-1) - 2 * one @ two.T
    return np.sqrt(np.maximum(squares, 0))


def top(places: Numbers, k: int) -> Interval:
    """Share of motions whose text is among the first k."""
    hits = (places < k).mean(0)
    return bootstrap(hits, np.mean)


def matching(texts: Numbers, motions: Numbers) -> Interval:
    """Mean distance between a text and its motion."""
    return bootstrap(np.linalg.norm(texts - motions, axis=-1), np.mean)


def fid(one: Numbers, two: Numbers) -> float:
    """Fréchet distance between two crowds, each taken as a normal distribution."""
    # With covariances A'A and B'B the trace of the root of their product is the sum of B A's singular values.
    roots = [(crowd - crowd.mean(0)) / np.sqrt(len(crowd) - 1) for crowd in (one, two)]
    small: list[Numbers] = [np.linalg.qr(root).R for root in roots]
    overlap = np.linalg.svd(small[0] @ small[1].T, compute_uv=False).sum()
    gap = one.mean(0) - two.mean(0)
    return float(gap @ gap + sum((root**2).sum() for root in roots) - 2 * overlap)


def kid(one: Numbers, two: Numbers) -> float:
    """Kernel distance between two crowds (cubic kernel, unbiased), times 1000."""
    width = one.shape[1]

    def kernel(a: Numbers, b: Numbers) -> Numbers:
        return (a @ b.T / width + 1) ** 3

    inside = 0.0
    for crowd in (one, two):
        values, count = kernel(crowd, crowd), len(crowd)
        inside += (values.sum() - np.trace(values)) / (count * (count - 1))
    return float(1000 * (inside - 2 * kernel(one, two).mean()))


def crowd_interval(
    score: Callable[[Numbers, Numbers], float],
    one: Numbers,
    two: Numbers,
    *,
    rounds: int = 100,
    seed: int = 0,
) -> Interval:
    """A score of two crowds with the spread it has when `one` is drawn anew, with repeats."""
    chance = np.random.default_rng(seed)
    drawn = [score(one[chance.integers(0, len(one), len(one))], two) for _ in range(rounds)]
    # Repeats look like too little variety: only the width of the interval is taken from them.
    value, middle = score(one, two), float(np.median(drawn))
    low, high = np.quantile(drawn, [0.025, 0.975]) - middle + value
    return Interval(value, float(low), float(high))


def bootstrap(
    values: Numbers, statistic: Callable[..., np.floating], *, rounds: int = 500, seed: int = 0
) -> Interval:
    """A statistic of values along the first axis, with its interval."""
    chance = np.random.default_rng(seed)
    drawn = [statistic(values[chance.integers(0, len(values), len(values))]) for _ in range(rounds)]
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(float(statistic(values)), float(low), float(high))


def spreads_of_seeds(motions: Numbers) -> Numbers:
    """Mean distance between the motions of each text: (prompts, seeds, d) -> (prompts,)."""
    seeds = motions.shape[1]
    gaps = np.linalg.norm(motions[:, :, None] - motions[:, None], axis=-1)
    return gaps.sum((1, 2)) / (seeds * (seeds - 1))


def auroc(high: Numbers, low: Numbers) -> float:
    """Chance that a number of `high` is above one of `low`."""
    above = (high[:, None] > low[None]).mean()
    equal = (high[:, None] == low[None]).mean()
    return float(above + equal / 2)

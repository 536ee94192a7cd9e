"""What many measurements say: percentiles, how sure they are, and whether two sets differ.

Pure functions of numbers. Resampling uses a fixed seed, so the same numbers give the same answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

RESAMPLES = 1000
SHUFFLES = 20_000
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Summary:
    """A distribution in a few numbers, in the unit of what was measured."""

    count: int
    mean: float
    p50: float
    p90: float
    p95: float
    p99: float
    max: float

    def to_dict(self) -> dict[str, float]:
        """For the report."""
        return asdict(self)


def summarise(values: Sequence[float]) -> Summary:
    """Of at least one value."""
    found = np.asarray(values, np.float64)
    p50, p90, p95, p99 = (float(p) for p in np.percentile(found, (50, 90, 95, 99)))
    return Summary(len(found), float(found.mean()), p50, p90, p95, p99, float(found.max()))


def median(values: Sequence[float]) -> float:
    """Of at least one value."""
    return float(np.median(np.asarray(values, np.float64)))


def calm(values: Sequence[float]) -> float:
    """The lower quartile: what something takes while it is little disturbed. For comparing, not for users."""
    return float(np.percentile(np.asarray(values, np.float64), 25))


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """Where the true median lies with 95 % confidence, by the bootstrap."""
    found = np.asarray(values, np.float64)
    draws = np.random.default_rng(seed).integers(0, len(found), (RESAMPLES, len(found)))
    medians = np.median(found[draws], axis=1)
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = np.percentile(medians, (tail, 100 - tail))
    return float(low), float(high)


def spread(values: Sequence[float]) -> float:
    """Half of that interval, as a share of the median: 0.03 means plus or minus 3 %."""
    low, high = interval(values)
    middle = median(values)
    return (high - low) / 2 / middle if middle > 0 else float("inf")


def slower(before: Sequence[float], after: Sequence[float], seed: int = 0) -> float:
    """How likely `after` would rank as high as it does if the two were alike: a one-sided rank-sum test.

    By shuffling, so that it asks for no shape of the distributions and ties do no harm.
    """
    a, b = np.asarray(before, np.float64), np.asarray(after, np.float64)
    ranks = _ranks(np.concatenate([a, b]))
    observed = ranks[len(a) :].sum()
    rng = np.random.default_rng(seed)
    shuffled = rng.permuted(np.tile(ranks, (SHUFFLES, 1)), axis=1)[:, len(a) :].sum(1)
    return float((np.count_nonzero(shuffled >= observed - 1e-9) + 1) / (SHUFFLES + 1))


def holm(chances: Sequence[float]) -> list[float]:
    """Chances of several tests, raised so that testing often doesn't find what isn't there (Holm)."""
    order = sorted(range(len(chances)), key=lambda index: chances[index])
    raised, floor = [0.0] * len(chances), 0.0
    for rank, index in enumerate(order):
        floor = max(floor, min(1.0, chances[index] * (len(chances) - rank)))
        raised[index] = floor
    return raised


def _ranks(values: np.ndarray) -> np.ndarray:
    """1 for the smallest; equal values share the mean of their ranks."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return ((2 * last - counts + 1) / 2)[inverse]

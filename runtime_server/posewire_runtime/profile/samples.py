"""What was seen of one request, and what many of them say of a case. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from posewire_runtime.metrics import STAGES
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.statistics import calm, interval, median, spread, summarise
from posewire_runtime.types import Timings

DIGITS = 6
"""Of milliseconds in the report: nanoseconds."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request, from the call to its last frame in the caller's hands. Seconds."""

    end_to_end: float
    first_frame: float
    """Until the first frame was decoded."""
    gaps: tuple[float, ...]
    """Between its chunks."""
    stages: Timings
    """Of the clip that was finished last: the one that the request waited for."""


@dataclass(frozen=True, slots=True)
class Round:
    """Requests that were made at the same moment, and the reference beside them."""

    samples: tuple[Sample, ...]
    seconds: float
    """Until the last of them was done."""
    reference: float
    """Seconds of the reference product, measured before and after."""
    device: Mapping[str, float] = field(default_factory=dict[str, float])
    """Graph -> seconds in the graph runtime."""
    block: int = 0
    """Which visit to its case it was made in: rounds of one visit resemble each other."""

    @property
    def ratio(self) -> float:
        """The middle request of the round, in reference products."""
        return median([sample.end_to_end for sample in self.samples]) / self.reference


@dataclass(frozen=True, slots=True)
class Stop:
    """When a case has been measured enough."""

    tight: float = 0.03
    """The median's interval is at most so wide to each side, as a share."""
    blocks: int = 10
    """Visits without which that isn't believed."""


def blocks_of(rounds: Sequence[Round]) -> list[float]:
    """One ratio of each visit: its calm rounds."""
    visits: dict[int, list[float]] = {}
    for made in rounds:
        visits.setdefault(made.block, []).append(made.ratio)
    return [calm(ratios) for _, ratios in sorted(visits.items())]


def enough(rounds: Sequence[Round], stop: Stop) -> bool:
    """Whether more rounds would tell nothing new."""
    blocks = blocks_of(rounds)
    return len(blocks) >= stop.blocks and spread(blocks) <= stop.tight


def milliseconds(values: Sequence[float]) -> dict[str, float]:
    """A summary, for the report."""
    scaled = summarise([value * 1e3 for value in values]).to_dict()
    return {name: value if name == "count" else round(value, DIGITS) for name, value in scaled.items()}


def stages_of(samples: Sequence[Sample]) -> dict[str, dict[str, float]]:
    """Each stage that any request went through; who didn't spent no time in it."""
    there = [stage for stage in STAGES if any(stage in sample.stages for sample in samples)]
    return {
        str(stage): milliseconds([sample.stages.get(stage, 0) / 1e9 for sample in samples]) for stage in there
    }


def explained(samples: Sequence[Sample]) -> float:
    """Which share of the end-to-end time the stages add up to."""
    whole = sum(sample.end_to_end for sample in samples)
    return sum(sum(sample.stages.values()) for sample in samples) / 1e9 / whole


def describe(case: Case, rounds: Sequence[Round], fps: float, stopped: str) -> dict[str, Any]:
    """A case's figures for the report; `stopped` says why there were no more rounds."""
    samples = [sample for made in rounds for sample in made.samples]
    blocks = blocks_of(rounds)
    rate = case.frames * case.clips * len(rounds) / sum(made.seconds for made in rounds)
    gaps = [gap for sample in samples for gap in sample.gaps]
    low, high = interval(blocks)
    return {
        "rounds": len(rounds),
        "stopped": stopped,
        "end_to_end": milliseconds([sample.end_to_end for sample in samples]),
        "stages": stages_of(samples),
        "explained": round(explained(samples), 4),
        "first_frame": milliseconds([sample.first_frame for sample in samples]),
        "gap": milliseconds(gaps) if gaps else None,
        "device": _device(rounds),
        "frames_per_second": round(rate, 1),
        "real_time_factor": round(fps / rate, 6),
        "characters": round(rate / fps, 2),
        "reference_ms": round(median([made.reference for made in rounds]) * 1e3, DIGITS),
        "ratio": {
            "median": round(median(blocks), DIGITS),
            "interval": [round(low, DIGITS), round(high, DIGITS)],
            "blocks": [round(ratio, DIGITS) for ratio in blocks],
        },
        "distributions": _distributions(samples),
    }


def _device(rounds: Sequence[Round]) -> dict[str, Any]:
    """Seconds in the graph runtime and outside it, as shares of the rounds' time."""
    whole = sum(made.seconds for made in rounds)
    graphs: dict[str, float] = {}
    for made in rounds:
        for graph, seconds in made.device.items():
            graphs[graph] = graphs.get(graph, 0.0) + seconds
    per_round = {graph: round(seconds / len(rounds) * 1e3, DIGITS) for graph, seconds in graphs.items()}
    share = min(sum(graphs.values()) / whole, 1.0) if graphs else None
    return {
        "graphs_ms": per_round,
        "share": None if share is None else round(share, 4),
        "host_share": None if share is None else round(1 - share, 4),
    }


def _distributions(samples: Sequence[Sample], points: int = 41) -> dict[str, list[float]]:
    """Evenly spaced quantiles of every stage and of the whole, in milliseconds: for drawing."""
    at = np.linspace(0, 100, points)
    found = {str(s): [x.stages.get(s, 0) / 1e6 for x in samples] for s in STAGES}
    found["end_to_end"] = [sample.end_to_end * 1e3 for sample in samples]
    return {
        name: [round(float(value), 4) for value in np.percentile(values, at)]
        for name, values in found.items()
        if any(values)
    }

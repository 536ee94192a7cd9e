"""What holds a stage back: its arithmetic and traffic against what the machine can do. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from posewire_runtime.metrics import Stage

NEAR = 0.4
"""A share of a ceiling from which on it is that ceiling that holds a stage back."""

STAGE_OF: Mapping[str, Stage] = {
    "denoise": Stage.STEP,
    "fill": Stage.STEP,
    "advance": Stage.STEP,
    "condition": Stage.CONDITION,
    "context": Stage.ENCODE,
    "sentence": Stage.ENCODE,
    "encode": Stage.ENCODE,
}
"""Graph -> the stage that runs it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One graph against the ceilings."""

    graph: str
    stage: str
    flops: float
    """Achieved, a second."""
    bytes: float
    """Moved, a second, if nothing stayed in a cache."""
    flops_share: float
    """Of the measured product."""
    bytes_share: float
    """Of the measured pass over memory; above 1 where caches help."""
    by: str
    """compute, memory or overhead."""

    def to_dict(self) -> dict[str, Any]:
        """For the report."""
        return {
            "graph": self.graph,
            "stage": self.stage,
            "flops": round(self.flops),
            "bytes": round(self.bytes),
            "flops_share": round(self.flops_share, 4),
            "bytes_share": round(self.bytes_share, 4),
            "bound_by": self.by,
        }


def bounds(graphs: Sequence[Mapping[str, Any]], flops: float, bytes_a_second: float) -> list[Bound]:
    """Of graphs as `operators` describes them; `flops` and `bytes_a_second` are the ceilings."""
    return [_bound(graph, flops, bytes_a_second) for graph in graphs if graph["ms_per_run"] > 0]


def _bound(graph: Mapping[str, Any], flops: float, bytes_a_second: float) -> Bound:
    seconds = graph["ms_per_run"] / 1e3
    computed, moved = graph["flops_per_run"] / seconds, graph["bytes_per_run"] / seconds
    shares = computed / flops, moved / bytes_a_second
    by = "compute" if shares[0] >= NEAR else "memory" if shares[1] >= NEAR else "overhead"
    stage = STAGE_OF.get(graph["graph"], Stage.STEP)
    return Bound(graph["graph"], str(stage), computed, moved, *shares, by)

"""What ONNX Runtime's own profile says: which operators take the time, how much they compute and move. Pure.

Operations are counted for products of matrices alone, by their shapes: they are all that counts in a
transformer. Bytes are what operators read and write if nothing stayed in a cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, cast

TOP = 12
"""Kinds of operators that the report names for each graph."""
_BYTES = {"float": 4, "float16": 2, "bfloat16": 2, "double": 8, "int64": 8, "uint64": 8, "int32": 4}
_PRODUCTS = ("MatMul", "Gemm")
"""Words in the names of operators that multiply matrices, fused ones too."""
_ATTENTION = "Attention"
"""Word in the names of those that compare every row with every other."""

Event = Mapping[str, Any]


@dataclass(slots=True)
class _Kind:
    """One kind of operator."""

    microseconds: int = 0
    calls: int = 0


@dataclass(slots=True)
class GraphUse:
    """One graph over all its runs in a profile."""

    name: str
    runs: int = 0
    microseconds: int = 0
    """Of the runs as a whole."""
    inside: int = 0
    """Microseconds within operators."""
    flops: float = 0.0
    bytes: float = 0.0
    nodes: int = 0
    """Different operators that ran."""
    kinds: dict[tuple[str, str], _Kind] = field(default_factory=dict[tuple[str, str], _Kind])
    """By operator and provider."""

    def to_dict(self, wanted: str) -> dict[str, Any]:
        """For the report; `wanted` is the provider that was asked for, as ONNX Runtime names it."""
        total = max(sum(kind.microseconds for kind in self.kinds.values()), 1)
        ranked = sorted(self.kinds.items(), key=lambda item: -item[1].microseconds)
        runs = max(self.runs, 1)
        return {
            "graph": self.name,
            "runs": self.runs,
            "ms_per_run": round(self.microseconds / runs / 1e3, 4),
            "flops_per_run": round(self.flops / runs),
            "bytes_per_run": round(self.bytes / runs),
            "outside_operators": round(max(1 - self.inside / max(self.microseconds, 1), 0.0), 4),
            "nodes": self.nodes,
            "fell_back": sum(kind.calls for (_, provider), kind in ranked if provider != wanted) // runs,
            "operators": [
                {
                    "operator": operator,
                    "provider": provider.removesuffix("ExecutionProvider"),
                    "ms_per_run": round(kind.microseconds / runs / 1e3, 4),
                    "calls_per_run": round(kind.calls / runs, 2),
                    "share": round(kind.microseconds / total, 4),
                }
                for (operator, provider), kind in ranked[:TOP]
            ],
        }


def read_profile(name: str, events: Sequence[Event], skip: int = 1) -> GraphUse:
    """A graph's use; the first `skip` runs warm it up and don't count."""
    use, nodes = GraphUse(name), set[str]()
    runs = [event for event in events if event.get("name") == "model_run"][skip:]
    if not runs:
        return use
    begin = min(int(event["ts"]) for event in runs)
    use.runs, use.microseconds = len(runs), sum(int(event["dur"]) for event in runs)
    for event in events:
        arguments = event.get("args", {})
        if event.get("cat") != "Node" or not arguments.get("op_name") or int(event["ts"]) < begin:
            continue
        if not str(event["name"]).endswith("_kernel_time"):
            continue
        nodes.add(str(event["name"]))
        kind = use.kinds.setdefault((arguments["op_name"], arguments.get("provider", "")), _Kind())
        kind.microseconds += int(event["dur"])
        kind.calls += 1
        use.inside += int(event["dur"])
        use.flops += operations(arguments)
        use.bytes += traffic(arguments)
    use.nodes = len(nodes)
    return use


def operations(arguments: Event) -> float:
    """Of a product: two for each element of the result and each inner one; of attention: its two products."""
    results, inputs = _shapes(arguments, "output_type_shape"), _shapes(arguments, "input_type_shape")
    if not results or not inputs or not inputs[0][1]:
        return 0.0
    if _ATTENTION in arguments["op_name"]:
        keys = inputs[1][1] if len(inputs) > 1 else inputs[0][1]
        return 4.0 * prod(inputs[0][1]) * keys[-2] if len(keys) > 2 else 0.0
    return 2.0 * prod(results[0][1]) * inputs[0][1][-1] if _multiplies(arguments) else 0.0


def traffic(arguments: Event) -> float:
    """Bytes read and written; weights that were repacked are no inputs any more and are added."""
    sizes = ("activation_size", "parameter_size", "output_size")
    moved = float(sum(int(arguments.get(size, 0)) for size in sizes))
    inputs, results = _shapes(arguments, "input_type_shape"), _shapes(arguments, "output_type_shape")
    if not _multiplies(arguments) or not inputs or not inputs[0][1] or not results or not results[0][1]:
        return moved
    inner, columns = inputs[0][1][-1], results[0][1][-1]
    there = any(prod(shape) >= inner * columns for _, shape in inputs[1:])
    width = 1 if "Integer" in arguments["op_name"] else _BYTES.get(inputs[0][0], 1)
    return moved if there else moved + inner * columns * width


def _multiplies(arguments: Event) -> bool:
    return any(word in arguments["op_name"] for word in _PRODUCTS)


def _shapes(arguments: Event, key: str) -> list[tuple[str, list[int]]]:
    """Element type and shape of each tensor."""
    found = cast(Sequence[Mapping[str, list[int]]], arguments.get(key) or ())
    return [(kind, list(shape)) for tensor in found for kind, shape in tensor.items()]

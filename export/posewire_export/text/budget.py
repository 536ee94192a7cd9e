"""How many bytes an exported encoder takes, from its configuration alone. Pure.

A test holds the formula against files that were really written.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from posewire_export.quantise import GROUP
from posewire_export.text.configs import ClipConfig, Qwen3Config
from posewire_export.text.formats import FormatName, Target
from posewire_export.text.net import LADDERS, Precision

QWEN3_8B = Qwen3Config(
    hidden=4096,
    layers=36,
    heads=32,
    kv_heads=8,
    head=128,
    mlp=12288,
    vocabulary=151936,
    epsilon=1e-6,
    theta=1e6,
)
CLIP_L = ClipConfig(hidden=768, layers=12, heads=12, mlp=3072, vocabulary=49408, positions=77, epsilon=1e-5)

Part = Literal["matrices", "rest", "table"]


def llm_bytes(config: Qwen3Config, precision: Precision, target: Target, prefix: int) -> Mapping[Part, int]:
    """Of Qwen3: matrices and the rest (norms, the prefix's keys and values) where it runs, the table on disk.

    Matrices that measuring keeps higher come on top.
    """
    form = LADDERS[precision, target][0]
    shapes = {name: shape for name, shape in config.shapes.items() if "embed" not in name}
    matrices = sum(matrix_bytes(form, target, *shape) for shape in shapes.values() if len(shape) == 2)
    norms = sum(4 * shape[0] for shape in shapes.values() if len(shape) == 1)
    keys_and_values = config.layers * 2 * config.kv_heads * config.head * prefix * 4
    return {
        "matrices": matrices,
        "rest": norms + keys_and_values,
        "table": 2 * config.vocabulary * config.hidden,
    }


def clip_bytes(config: ClipConfig, precision: Precision, target: Target) -> Mapping[Part, int]:
    """Of CLIP's text model, which is never stored below int8."""
    form = LADDERS["int8" if precision == "int4" else precision, target][0]
    shapes = {name: shape for name, shape in config.shapes.items() if "embedding" not in name}
    matrices = sum(matrix_bytes(form, target, *shape) for shape in shapes.values() if len(shape) == 2)
    vectors = sum(4 * shape[0] for shape in shapes.values() if len(shape) == 1)
    return {
        "matrices": matrices,
        "rest": vectors + 4 * config.positions * config.hidden,
        "table": 4 * config.vocabulary * config.hidden,
    }


def matrix_bytes(form: FormatName, target: Target, out: int, width: int) -> int:
    """Of one matrix (out, width) with its scales."""
    weights, groups = out * width, out * -(-width // GROUP)
    scale = 2 if target == "gpu" else 4
    match form:
        case "fp32":
            return 4 * weights
        case "fp16":
            return 2 * weights
        case "int8":
            return weights + 4 * out
        case "int8-g":
            return groups * GROUP + scale * groups
        case "int4-g":
            return groups * GROUP // 2 + scale * groups

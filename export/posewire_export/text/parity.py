"""The finished graphs in ONNX Runtime against the float32 forward: what goes into the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from posewire_export.text import calibration, motion_error
from posewire_export.text.net import Choice, Precision, relative
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError
from posewire_runtime.packages.manifest import Parity
from posewire_runtime.packages.package import Package
from posewire_runtime.text.encoder import TextEncoder
from posewire_runtime.types import Features, Float

EXACT = 1e-4
"""Largest accepted difference of a float32 graph, relative to the largest value."""
PREFIX_EXACT = 1e-5
"""Largest accepted difference of the stored prefix to the whole run in float32."""
EUCLIDEAN = "|a - b| / |b|"

_TRUTH = "float32 forward of the checkpoint in numpy"


def compare(
    package: Package, exact: Sequence[Features], precision: Precision, motion: Path | None
) -> tuple[Parity, ...]:
    """Run the reporting prompts, which chose no format, and measure; with `motion`, its motion too."""
    prompts = calibration.REPORTING
    with closing(TextEncoder(package, EngineSettings(provider="cpu"))) as encoder:
        found = encoder.encode(prompts)
        whole = encoder.encode(prompts, whole=True)
    entries = tuple(_entries(found, whole, exact, precision))
    for entry in entries:
        if entry.limit is not None and not entry.error <= entry.limit:
            raise PackageError(
                f"{entry.what} differs from {entry.against} by {entry.error:.2e}, "
                f"accepted are {entry.limit:.0e}; nothing was written"
            )
    if motion is not None:
        entries += tuple(motion_error.measure(motion, found, exact))
    return entries


def raised(choice: Choice) -> Parity:
    """A matrix that the wanted precision would have hurt, and was kept higher."""
    refused = ", ".join(f"{name} {error:.3f}" for name, error in choice.refused)
    return Parity(
        what=f"{choice.matrix}, kept at {choice.format} (refused: {refused})",
        against="the float32 matrix on calibration prompts",
        cases=len(calibration.CHOOSING),
        error=choice.error,
        metric=EUCLIDEAN,
    )


def _entries(
    found: Sequence[Features], whole: Sequence[Features], exact: Sequence[Features], precision: Precision
) -> Iterator[Parity]:
    limit = EXACT if precision == "fp32" else None
    sides = {
        "context": ([f.tokens for f in found], [f.tokens for f in exact]),
        "sentence": ([f.sentence for f in found], [f.sentence for f in exact]),
    }
    for name, (a, b) in sides.items():
        what = f"{name}, {precision} graph"
        yield Parity(what, _TRUTH, len(a), max(map(_peak, a, b)), limit)
        yield Parity(
            f"{what}, mean of cases", _TRUTH, len(a), float(np.mean([*map(relative, a, b)])), None, EUCLIDEAN
        )
    # Where the graph rounds, the stored prefix, computed in float32, is the better of the two.
    error = max(_peak(f.tokens, w.tokens) for f, w in zip(found, whole, strict=True))
    limit = PREFIX_EXACT if precision == "fp32" else None
    yield Parity("context, stored prefix", "the same graph run whole", len(found), error, limit)


def _peak(found: Float, exact: Float) -> float:
    return float(np.abs(found - exact).max() / np.abs(exact).max())

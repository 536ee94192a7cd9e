"""What rounding the text encoder does to the motion that comes out: metres, not vectors."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from posewire_runtime.families import open_package
from posewire_runtime.families.base import Program
from posewire_runtime.local import make
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.packages.manifest import Parity
from posewire_runtime.packages.package import Package
from posewire_runtime.scheduler.library import Library
from posewire_runtime.types import Features, Float

FRAMES = 90
SEED, OTHER_SEED = 0, 1
METRES = "mean distance of joints, metres"


def measure(motion: Path, found: Sequence[Features], exact: Sequence[Features]) -> Iterator[Parity]:
    """Motion of these features against motion of the exact ones, and against another seed for scale."""
    package = Package.open(motion)
    alone = Package(package.root, replace(package.manifest, text_encoder=None))
    with closing(open_package(alone)) as program:
        truth = [_joints(program, features, SEED) for features in exact]
        rounded = [_joints(program, features, SEED) for features in found]
        others = [_joints(program, features, OTHER_SEED) for features in exact]
    for what, joints in (("rounded text features", rounded), ("another seed, for scale", others)):
        error = float(np.mean([_distance(a, b) for a, b in zip(joints, truth, strict=True)]))
        against = "float32 text features, the same seed"
        yield Parity(f"motion of {package.manifest.name}, {what}", against, len(truth), error, None, METRES)


def _joints(program: Program, features: Features, seed: int) -> Float:  # (L, J, 3)
    made = make(Library.of(program), "", {"frames": FRAMES, "seeds": [seed]}, features=features)
    clip = made.clips[0]
    return forward(clip.skeleton, clip.rotations, clip.root)[1]


def _distance(a: Float, b: Float) -> float:
    return float(np.linalg.norm(a - b, axis=-1).mean())

"""A clip as a difference from one of its own frames, to be laid over other motion.

Each joint turns from its rest as far as it turned from the reference frame; the pelvis moves from its place
in rest as far as it moved. The reference frame itself becomes the rest pose.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import rest_rotations
from posewire_runtime.types import Clip


def additive(clip: Clip, reference: int = 0) -> Clip:
    """The clip relative to its frame `reference`."""
    rest = rest_rotations(clip.skeleton).astype(np.float64)
    turned = clip.rotations.astype(np.float64)
    change = quat.multiply(quat.conjugate(turned[reference]), turned)
    standing = clip.skeleton.positions[clip.skeleton.pelvis] - np.array([0, clip.skeleton.sole, 0])
    return replace(
        clip,
        rotations=quat.normalise(quat.multiply(rest, change)).astype(np.float32),
        root=(clip.root - clip.root[reference] + standing).astype(np.float32),
        raw={},
    )


def apply_additive(base: Clip, layer: Clip) -> Clip:
    """A clip with an additive one of the same length laid over it: the opposite of `additive`."""
    rest = rest_rotations(base.skeleton).astype(np.float64)
    change = quat.multiply(quat.conjugate(rest), layer.rotations.astype(np.float64))
    standing = base.skeleton.positions[base.skeleton.pelvis] - np.array([0, base.skeleton.sole, 0])
    return replace(
        base,
        rotations=quat.normalise(quat.multiply(base.rotations, change)).astype(np.float32),
        root=(base.root + layer.root - standing).astype(np.float32),
        raw={},
    )

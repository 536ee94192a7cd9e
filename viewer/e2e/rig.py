"""Writes a character with Mixamo's bone names for e2e.mjs: SMPL-22's joints and an end bone.

python viewer/e2e/rig.py rig.glb
"""

from __future__ import annotations

import sys

import numpy as np

from posewire_runtime import formats
from posewire_runtime.motion.rigs import BONE_TABLES
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Clip, Skeleton


def main() -> None:
    """Write the file."""
    lifted = SMPL22.positions - np.array([0, SMPL22.sole, 0], np.float32)
    top = lifted[SMPL22.index("Head")] + np.array([0, 0.2, 0], np.float32)
    skeleton = Skeleton(
        names=(*(f"mixamorig:{BONE_TABLES['mixamo'][name]}" for name in SMPL22.names), "Top_End"),
        parents=(*SMPL22.parents, SMPL22.index("Head")),
        positions=np.concatenate([lifted, top[None]]),
    )
    still = np.tile(np.array([0, 0, 0, 1], np.float32), (2, len(skeleton), 1))
    root = np.tile(skeleton.positions[0], (2, 1))
    formats.write(sys.argv[1], Clip(skeleton, 30.0, still, root, np.zeros((2, 4), np.bool_)))


if __name__ == "__main__":
    main()

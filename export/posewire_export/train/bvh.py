"""Reading BVH files. Stands here until `posewire_runtime.formats` reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion import quat
from posewire_runtime.types import Clip, Skeleton


def read_bvh(file: Path) -> Clip:
    """The clip in a BVH file whose root has six channels and every other joint three."""
    head, _, tail = file.read_text(encoding="utf-8").partition("MOTION")
    names, parents, offsets, orders = _hierarchy(head)
    lines = tail.split()
    if lines[0] != "Frames:" or lines[2:4] != ["Frame", "Time:"]:
        raise InvalidFile(f"{file}: expected 'Frames: n' and 'Frame Time: t' after MOTION")
    frames, seconds = int(lines[1]), float(lines[4])
    rows = np.array(lines[5:], dtype=np.float64).reshape(frames, -1)
    angles = np.radians(rows[:, 3:]).reshape(frames, len(names), 3)
    rotations = np.stack([quat.from_euler(angles[:, j], order) for j, order in enumerate(orders)], axis=1)
    positions = np.array(offsets)
    for joint, parent in enumerate(parents):
        if parent >= 0:
            positions[joint] += positions[parent]
    rig = Skeleton(tuple(names), tuple(parents), positions.astype(np.float32))
    return Clip(rig, 1 / seconds, rotations, rows[:, :3].astype(np.float32), np.zeros((frames, 4), np.bool_))


def _hierarchy(text: str) -> tuple[list[str], list[int], list[list[float]], list[str]]:
    names: list[str] = []
    parents: list[int] = []
    offsets: list[list[float]] = []
    orders: list[str] = []
    path: list[int] = []
    joint = -1
    for line in text.splitlines():
        words = line.split()
        match words[:1]:
            case ["ROOT"] | ["JOINT"]:
                joint = len(names)
                names.append(words[1])
                parents.append(path[-1] if path else -1)
            case ["End"]:
                joint = -1
            case ["{"]:
                path.append(joint)
            case ["}"]:
                path.pop()
            case ["OFFSET"] if joint >= 0:
                offsets.append([float(word) for word in words[1:4]])
            case ["CHANNELS"]:
                orders.append("".join(word[0] for word in words[2:] if word.endswith("rotation")))
            case _:
                pass
    return names, parents, offsets, orders

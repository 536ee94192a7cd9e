"""Where feet are, as a function of the numbers that the network says: the legs' forward kinematics in torch.

What is decoded is rotations, so a foot stands still only if the whole chain above it agrees. Knows the
rest skeleton and the layout of features; no network and no loss.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from posewire_export.train import features
from posewire_export.train.rest import REST

_CHAIN = ("Hip", "Knee", "Ankle", "Foot")
_JOINTS = [[REST.index(f"{side}_{name}") for name in _CHAIN] for side in "LR"]
_OFFSETS = torch.from_numpy(REST.positions[_JOINTS] - REST.positions[[[0, *row[:-1]] for row in _JOINTS]])
"""Of each joint from the one above, (2, 4, 3)."""
_TURNING = [0, *(joint for row in zip(*_JOINTS, strict=True) for joint in row)][:-2]
"""Whose rotations move a foot: pelvis, hips, knees, ankles; left before right."""


def feet(values: Tensor) -> Tensor:
    """Features (..., 201), not normalised -> places of ankles and toes in the world (..., 2, 2, 3).

    The last dimensions are side (left, right), joint (ankle, toes) and x, y, z.
    """
    six = values[..., features.ROTATIONS].unflatten(-1, (len(REST), 6))[..., _TURNING, :]
    turns = _matrices(six)  # (..., 7, 3, 3)
    offsets = _OFFSETS.to(values)
    frame = turns[..., :1, :, :]
    place = values[..., None, features.TRANSLATION]
    places: list[Tensor] = []
    for level in range(len(_CHAIN)):
        place = place + (frame @ offsets[:, level, :, None]).squeeze(-1)
        places.append(place)
        if level < len(_CHAIN) - 1:
            frame = frame @ turns[..., 1 + 2 * level : 3 + 2 * level, :, :]
    return torch.stack(places[-2:], dim=-2)


def _matrices(six: Tensor) -> Tensor:
    """Rotations (..., 6) in rows of two -> (..., 3, 3); any numbers give rotations."""
    first = nn.functional.normalize(six[..., 0::2], dim=-1)
    second = six[..., 1::2]
    second = nn.functional.normalize(second - (first * second).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=-1)

"""Skeletons: the one that models speak (SMPL-22), forward kinematics, mirroring, finding the feet.

Rotations are parent-relative and whole: where a skeleton has rest rotations, a joint at rest carries
its rest rotation, not the identity. Knows nothing of other rigs' names; `retarget` does.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.types import Clip, Skeleton

_SMPL22 = (
    ("Pelvis", -1, (-0.001795, -0.190827, 0.028219)),
    ("L_Hip", 0, (0.080577, -0.280765, 0.025117)),
    ("R_Hip", 0, (-0.080577, -0.280765, 0.025117)),
    ("Spine1", 0, (0.000000, -0.096641, 0.031726)),
    ("L_Knee", 1, (0.099836, -0.658082, 0.014663)),
    ("R_Knee", 2, (-0.097853, -0.658178, 0.014663)),
    ("Spine2", 3, (0.000000, 0.025981, 0.029185)),
    ("L_Ankle", 4, (0.101074, -1.056220, -0.037459)),
    ("R_Ankle", 5, (-0.096997, -1.056317, -0.037459)),
    ("Spine3", 6, (0.000000, 0.106241, 0.005012)),
    ("L_Foot", 7, (0.113632, -1.127859, 0.105247)),
    ("R_Foot", 8, (-0.109179, -1.128021, 0.105247)),
    ("Neck", 9, (0.000000, 0.302071, -0.014954)),
    ("L_Collar", 9, (0.054692, 0.225074, -0.020233)),
    ("R_Collar", 9, (-0.054692, 0.225074, -0.020233)),
    ("Head", 12, (0.000000, 0.397715, -0.016454)),
    ("L_Shoulder", 13, (0.165353, 0.237455, -0.016860)),
    ("R_Shoulder", 14, (-0.165353, 0.237455, -0.016860)),
    ("L_Elbow", 16, (0.433444, 0.249386, -0.029562)),
    ("R_Elbow", 17, (-0.433444, 0.249386, -0.029562)),
    ("L_Wrist", 18, (0.702487, 0.253420, -0.042731)),
    ("R_Wrist", 19, (-0.702487, 0.253420, -0.042731)),
)

SMPL22 = Skeleton(
    names=tuple(name for name, _, _ in _SMPL22),
    parents=tuple(parent for _, parent, _ in _SMPL22),
    positions=np.array([position for _, _, position in _SMPL22], np.float32),
    sole=-1.161,
)
"""The body that models speak: T-pose at rest, every rest rotation the identity."""

FEET = ("L_Ankle", "L_Foot", "R_Ankle", "R_Foot")
"""The joints behind `types.CONTACT_NAMES`: heel and toe of the left foot, then of the right."""

_SIDES = (
    ("L_", "R_"),
    ("l_", "r_"),
    ("_l", "_r"),
    (".L", ".R"),
    ("_L", "_R"),
    ("Left", "Right"),
    ("left", "right"),
)
"""How rigs mark the left and the right of a pair."""


def feet(skeleton: Skeleton) -> tuple[int, int, int, int]:
    """Indices of left ankle, left toes, right ankle, right toes on a skeleton with SMPL's names."""
    missing = [name for name in FEET if name not in skeleton.names]
    if missing:
        raise InvalidRequest.of(
            [Violation("skeleton.names", f"expected the foot joints {', '.join(FEET)}; {missing} not found")]
        )
    left_heel, left_toe, right_heel, right_toe = (skeleton.index(name) for name in FEET)
    return left_heel, left_toe, right_heel, right_toe


@lru_cache(maxsize=256)
def levels(parents: tuple[int, ...]) -> tuple[tuple[NDArray[np.intp], NDArray[np.intp]], ...]:
    """Joints by distance from the root: (joints, their parents) of each level below the first.

    All joints of a level can be posed at once.
    """
    depth: list[int] = []
    for parent in parents:
        depth.append(depth[parent] + 1 if parent >= 0 else 0)
    joints = [[j for j, d in enumerate(depth) if d == level] for level in range(1, max(depth) + 1)]
    return tuple((np.array(js), np.array([parents[j] for j in js])) for js in joints)


def rest_rotations(skeleton: Skeleton) -> Array:
    """Rest rotation of each joint relative to its parent, of unit length, `(J, 4)`."""
    if skeleton.rotations is None:
        return quat.identity((len(skeleton),), np.float32)
    return quat.normalise(skeleton.rotations)


@lru_cache(maxsize=256)
def rest_globals(skeleton: Skeleton) -> Array:
    """Rest rotation of each joint in model space, `(J, 4)`."""
    return _frozen(global_rotations(skeleton, rest_rotations(skeleton)))


@lru_cache(maxsize=256)
def rest_offsets(skeleton: Skeleton) -> Array:
    """Where each joint sits in its parent's own axes, `(J, 3)`; a root keeps its position."""
    parents = np.array(skeleton.parents)
    below = parents >= 0
    parents = parents[below]
    offsets = skeleton.positions.copy()
    steps = skeleton.positions[below] - skeleton.positions[parents]
    offsets[below] = quat.rotate(quat.conjugate(rest_globals(skeleton)[parents]), steps)
    return _frozen(offsets)


def global_rotations(skeleton: Skeleton, rotations: Array) -> Array:
    """Parent-relative rotations `(..., J, 4)` -> model space."""
    out = rotations.copy()
    for joints, parents in levels(skeleton.parents):
        out[..., joints, :] = quat.multiply(out[..., parents, :], rotations[..., joints, :])
    return out


def local_from_global(skeleton: Skeleton, rotations: Array) -> Array:
    """Model space rotations `(..., J, 4)` -> parent-relative."""
    parents = np.array(skeleton.parents)
    below = parents >= 0
    out = rotations.copy()
    out[..., below, :] = quat.multiply(
        quat.conjugate(rotations[..., parents[below], :]), rotations[..., below, :]
    )
    return out


def forward(skeleton: Skeleton, rotations: Array, root: Array) -> tuple[Array, Array]:
    """Forward kinematics: `(..., J, 4)` and the pelvis' world position `(..., 3)` -> the same in the world.

    Gives rotations `(..., J, 4)` and positions `(..., J, 3)`. Joints above the pelvis stay where their
    own chain puts them.
    """
    turned = global_rotations(skeleton, rotations)
    parents = np.array(skeleton.parents)
    offsets = rest_offsets(skeleton).astype(rotations.dtype, copy=False)
    positions = np.empty((*rotations.shape[:-1], 3), np.result_type(rotations, root))
    below = parents >= 0
    positions[..., ~below, :] = offsets[~below]
    positions[..., below, :] = quat.rotate(turned[..., parents[below], :], offsets[below])
    if parents[skeleton.pelvis] < 0:
        positions[..., skeleton.pelvis, :] = root
    for joints, above in levels(skeleton.parents):
        positions[..., joints, :] += positions[..., above, :]
        if skeleton.pelvis in joints:
            positions[..., skeleton.pelvis, :] = root
    return turned, positions


def mirrored_name(name: str) -> str:
    """The name of the joint on the other side; a joint of the middle keeps its own."""
    head, colon, tail = name.rpartition(":")
    for left, right in _SIDES:
        for here, there in ((left, right), (right, left)):
            if tail.startswith(here):
                return head + colon + there + tail.removeprefix(here)
            if tail.endswith(here):
                return head + colon + tail.removesuffix(here) + there
    return name


def mirror(clip: Clip) -> Clip:
    """The clip as a mirror across the character's middle (x = 0) shows it: left and right change places."""
    skeleton = clip.skeleton
    place = {name: index for index, name in enumerate(skeleton.names)}
    other = [place.get(mirrored_name(name), place[name]) for name in skeleton.names]
    rest = rest_globals(skeleton)
    turned = quat.multiply(global_rotations(skeleton, clip.rotations), quat.conjugate(rest))
    turned = turned[..., other, :] * np.array([1, -1, -1, 1], np.float32)
    rotations = quat.normalise(local_from_global(skeleton, quat.multiply(turned, rest)))
    root = clip.root * np.array([-1, 1, 1], np.float32)
    return replace(
        clip,
        rotations=rotations.astype(np.float32),
        root=root.astype(np.float32),
        contacts=clip.contacts[:, [2, 3, 0, 1]],
        raw={},
    )


def _frozen(array: Array) -> Array:
    """Closed to writing: the caches hand the same array to everybody."""
    array.setflags(write=False)
    return array

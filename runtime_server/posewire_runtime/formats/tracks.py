"""What engine formats write of a clip: parent-relative rotations, a few moving joints, which keys are kept.

A `Clip` moves its pelvis in the world. Files move joints relative to their parents, may carry the travel on a
bone on the floor, and may leave out keys that interpolation gives back. Knows no file format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.figure.mannequin import Mannequin, mannequin
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.root import RootMotion, from_heading
from posewire_runtime.motion.skeleton import global_rotations, rest_offsets, rest_rotations
from posewire_runtime.types import Clip, Skeleton

ROTATION, TRANSLATION = "rotation", "translation"

Keys = NDArray[np.intp]
"""Frames of the keys of a track, rising, the first and the last among them."""


@dataclass(frozen=True, eq=False)
class Tracks:
    """A clip as files store it; its rest pose stands on the floor."""

    clip: Clip
    """Where it comes from: fps, contacts, seed; formats that know no bone on the floor write it as it is."""
    skeleton: Skeleton
    """The clip's, with a bone on the floor on top where the travel needed one."""
    rotations: Array  # (L, J, 4)
    """Parent-relative, of unit length, signs continuous in time."""
    translations: Mapping[int, Array]
    """Joint -> its positions (L, 3) in its parent's axes. The other joints keep their rest offsets."""
    keys: Mapping[tuple[int, str], Keys] = field(default_factory=dict[tuple[int, str], Keys])
    """(joint, ROTATION or TRANSLATION) -> the kept frames; a track that isn't named keeps all."""
    body: Mannequin | None = None
    """What is skinned to the clip's own joints; None: the mannequin of its skeleton."""
    loops: bool = False
    """Whether the first frame follows the last."""

    @property
    def frames(self) -> int:
        """How many."""
        return self.clip.frames

    def kept(self, joint: int, path: str) -> Keys:
        """The frames of a track's keys."""
        return self.keys.get((joint, path), np.arange(self.frames))

    def mesh(self) -> Mannequin:
        """The body, skinned to the joints of `skeleton`."""
        body = self.body or mannequin(self.clip.skeleton)
        added = len(self.skeleton) - len(self.clip.skeleton)
        return _moved_on(body, added) if added else body


@lru_cache(maxsize=8)
def _moved_on(body: Mannequin, added: int) -> Mannequin:
    """A body whose joints come so much later; an unused slot stays at the first joint, whichever that is."""
    joints = np.where(body.weights > 0, body.joints + added, 0).astype(np.uint16)
    return replace(body, joints=joints)


def tracks_of(clip: Clip, travel: RootMotion | None = None) -> Tracks:
    """The tracks of a clip. With `travel` the topmost bone above the pelvis carries it; where there is none,
    a bone `root` is added."""
    rotations = quat.normalise(clip.rotations.astype(np.float64))
    root = clip.root.astype(np.float64)
    if travel is None:
        translations = _places(clip.skeleton, rotations, root)
        return Tracks(clip, clip.skeleton, quat.continuous(rotations), translations)
    skeleton = clip.skeleton
    if skeleton.parents[skeleton.pelvis] < 0:
        skeleton = with_ground_bone(skeleton)
        rotations = np.concatenate([quat.identity((clip.frames, 1)), rotations], axis=1)
    top, pelvis = _top(skeleton), skeleton.pelvis
    turned = global_rotations(skeleton, rotations)[:, pelvis]
    rotations[:, top] = quat.multiply(from_heading(travel.headings), rest_rotations(skeleton)[top])
    above = global_rotations(skeleton, rotations)[:, skeleton.parents[pelvis]]
    rotations[:, pelvis] = quat.multiply(quat.conjugate(above), turned)
    translations = _places(skeleton, rotations, root, {top: travel.positions.astype(np.float64)})
    return Tracks(clip, skeleton, quat.continuous(rotations), translations)


def with_ground_bone(skeleton: Skeleton, name: str = "root") -> Skeleton:
    """The skeleton below a bone that stands on the floor under the origin, facing forward."""
    if name in skeleton.names:
        name = f"ground_{name}"
    rotations = skeleton.rotations
    if rotations is not None:
        rotations = np.concatenate([quat.identity((1,), np.float32), rotations]).astype(np.float32)
    floor = np.array([[0, skeleton.sole, 0]], np.float32)
    return Skeleton(
        names=(name, *skeleton.names),
        parents=(-1, *(parent + 1 for parent in skeleton.parents)),
        positions=np.concatenate([floor, skeleton.positions]),
        rotations=rotations,
        pelvis=skeleton.pelvis + 1,
        sole=skeleton.sole,
    )


def lift(skeleton: Skeleton) -> Array:
    """What brings the rest pose's soles onto the floor."""
    return np.array([0, -skeleton.sole, 0], np.float64)


def standing_offsets(skeleton: Skeleton) -> Array:
    """Each joint in its parent's axes, in a rest pose that stands on the floor, `(J, 3)`."""
    offsets = rest_offsets(skeleton).astype(np.float64)
    offsets[[joint for joint, parent in enumerate(skeleton.parents) if parent < 0]] += lift(skeleton)
    return offsets


def world(tracks: Tracks) -> tuple[Array, Array]:
    """What a reader of the file sees: rotations `(L, J, 4)` and positions `(L, J, 3)` in the world."""
    skeleton = tracks.skeleton
    places = np.broadcast_to(standing_offsets(skeleton), (tracks.frames, len(skeleton), 3))
    return _world(skeleton, tracks.rotations, places, tracks.translations)


def _world(
    skeleton: Skeleton, rotations: Array, offsets: Array, moved: Mapping[int, Array]
) -> tuple[Array, Array]:
    turned = global_rotations(skeleton, rotations)
    local = offsets.copy()
    for joint, places in moved.items():
        local[:, joint] = places
    positions = np.empty_like(local)
    for joint, parent in enumerate(skeleton.parents):
        positions[:, joint] = local[:, joint]
        if parent >= 0:
            positions[:, joint] = positions[:, parent] + quat.rotate(turned[:, parent], local[:, joint])
    return turned, positions


def _places(
    skeleton: Skeleton, rotations: Array, root: Array, moved: Mapping[int, Array] | None = None
) -> dict[int, Array]:
    """The tracks of positions: what was moved already, and the pelvis from its parent."""
    out = dict(moved or {})
    pelvis, parent = skeleton.pelvis, skeleton.parents[skeleton.pelvis]
    if parent < 0:
        return {pelvis: root}
    offsets = np.broadcast_to(standing_offsets(skeleton), (len(rotations), len(skeleton), 3))
    turned, positions = _world(skeleton, rotations, offsets, out)
    out[pelvis] = quat.rotate(quat.conjugate(turned[:, parent]), root - positions[:, parent])
    return out


def _top(skeleton: Skeleton) -> int:
    joint = skeleton.pelvis
    while skeleton.parents[joint] >= 0:
        joint = skeleton.parents[joint]
    return joint

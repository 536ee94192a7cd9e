"""A clip's preview for the page: a few frames of the bones below the pelvis, packed as the wire packs them.

Its skeleton isn't turned at rest: the page needs to know where joints are, not how bones are called or roll.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np

from posewire_runtime.bake.rigs import Rig
from posewire_runtime.exchange.packing import Packing, pack
from posewire_runtime.formats.tracks import Tracks, world
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.resample import linear_at, nearest_at, rotations_at

_FPS = 15.0
_FRAMES = 90
"""Longer previews show fewer frames a second."""
_JOINTS = 64
"""Of a rig with more, only bones that lead to a driven joint are shown."""
_DIGITS = 5
"""Of positions in metres."""


def preview(tracks: Tracks, rig: Rig) -> dict[str, Any]:
    """The figure's joints and its frames."""
    shown = _shown(tracks)
    parents = [shown.get(_shown_parent(tracks, joint, shown), -1) for joint in shown]
    turns, places = world(tracks)
    turns, places = turns[:, list(shown)], places[:, list(shown)]  # (L, S, 4), (L, S, 3)
    points = _sample_points(tracks)
    rotations = rotations_at(quat.continuous(_local(turns, parents)), points)
    contacts = nearest_at(tracks.clip.contacts, points)
    frames = pack(rotations, linear_at(places[:, 0], points), contacts, Packing.SMALLEST_THREE_48)
    seconds = max(tracks.frames - 1, 1) / tracks.clip.fps
    return {
        "fps": max(len(points) - 1, 1) / seconds,
        "frames": len(points),
        "parents": parents,
        "head": _head(tracks, rig, shown),
        "positions": _rest(turns[0], places[0], parents).round(_DIGITS).ravel().tolist(),
        "data": base64.b64encode(frames.tobytes()).decode(),
    }


def _sample_points(tracks: Tracks) -> Array:
    """At even times from the first frame to the last: so loops close. In frames of the clip."""
    last = tracks.frames - 1
    return np.linspace(0, last, min(round(last / tracks.clip.fps * _FPS), _FRAMES - 1) + 1)


def _local(turns: Array, parents: list[int]) -> Array:
    """Rotations in the world `(L, S, 4)` -> relative to the parent, the pelvis' own first."""
    above = quat.conjugate(turns[:, parents[1:]])
    return np.concatenate([turns[:, :1], quat.multiply(above, turns[:, 1:])], axis=1)


def _rest(turns: Array, places: Array, parents: list[int]) -> Array:
    """Where joints stand while nothing is turned, `(S, 3)`: no bone changes its length, any frame tells."""
    rest = np.zeros_like(places)
    for joint, parent in enumerate(parents[1:], start=1):
        offset = quat.rotate(quat.conjugate(turns[parent]), places[joint] - places[parent])
        rest[joint] = rest[parent] + offset
    return rest


def _shown(tracks: Tracks) -> dict[int, int]:
    """Joints of the preview -> their places in it; the pelvis comes first."""
    skeleton = tracks.skeleton
    joints = [joint for joint in range(len(skeleton)) if _holds_pelvis(tracks, joint)]
    if len(joints) > _JOINTS:
        turned = np.ptp(tracks.rotations, axis=0).max(axis=-1) > 1e-6
        joints = [joint for joint in joints if turned[joint] or joint == skeleton.pelvis][:_JOINTS]
    return {joint: place for place, joint in enumerate(joints)}


def _head(tracks: Tracks, rig: Rig, shown: Mapping[int, int]) -> int:
    """Where the head stands among the shown joints; of a rig without one, what is highest at rest."""
    names = tracks.skeleton.names
    name = rig.target.bones.get("Head", "") if rig.target else "Head"
    if name in names and names.index(name) in shown:
        return shown[names.index(name)]
    return int(np.argmax(tracks.skeleton.positions[list(shown), 1]))


def _holds_pelvis(tracks: Tracks, joint: int) -> bool:
    """Whether a joint is the pelvis or hangs on it: bones on the floor aren't part of the figure."""
    while joint >= 0 and joint != tracks.skeleton.pelvis:
        joint = tracks.skeleton.parents[joint]
    return joint >= 0


def _shown_parent(tracks: Tracks, joint: int, shown: Mapping[int, int]) -> int:
    parent = tracks.skeleton.parents[joint]
    while parent >= 0 and parent not in shown:
        parent = tracks.skeleton.parents[parent]
    return parent

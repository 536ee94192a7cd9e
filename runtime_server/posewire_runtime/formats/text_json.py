"""JSON: everything about a clip in plain numbers, for tools that nobody has written yet.

In Posewire's frame: right-handed, Y up, facing +Z, metres, quaternions xyzw, parent-relative. Rows of numbers
are flat: a frame of `rotations` holds four numbers for each joint, in the order of `joints`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from posewire_runtime.formats.events import contact_events
from posewire_runtime.formats.tracks import Tracks, standing_offsets, tracks_of
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import rest_rotations
from posewire_runtime.types import CONTACT_NAMES, Clip

FORMAT, VERSION = "posewire.animation", 1


def encode(clip: Clip, notes: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    return encode_tracks(tracks_of(clip), notes)


def encode_tracks(tracks: Tracks, notes: Mapping[str, str], *, body: bool = False) -> bytes:
    """The same of tracks. There is never a mesh."""
    del body
    skeleton, clip = tracks.skeleton, tracks.clip
    offsets, rest = standing_offsets(skeleton), rest_rotations(skeleton)
    joints = [
        {"name": name, "parent": parent, "offset": _round(offsets[j]), "rotation": _round(rest[j])}
        for j, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True))
    ]
    document: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "notes": dict(notes),
        "seed": str(clip.seed),
        "fps": clip.fps,
        "frames": clip.frames,
        "loops": tracks.loops,
        "joints": joints,
        "rotations": _rows(tracks.rotations),
        "translations": {skeleton.names[j]: _rows(v) for j, v in sorted(tracks.translations.items())},
        "contact_names": list(CONTACT_NAMES),
        "contacts": clip.contacts.astype(int).tolist(),
        "events": [asdict(event) for event in contact_events(clip)],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode() + b"\n"


def _round(values: Array) -> list[Any]:
    return (np.round(values.astype(np.float64), 7) + 0.0).tolist()


def _rows(values: Array) -> list[Any]:
    return _round(values.reshape(len(values), -1))

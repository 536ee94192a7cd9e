"""Unity's animation clip as text (.anim): generic curves for the bones' paths, in Unity's frame.

Left-handed: x flipped. Between keys curves run straight. Foot contacts are AnimationEvents that call
`OnFootContact` with the foot's name, 1 when it comes down and 0 when it leaves, and need no receiver.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import numpy as np

from posewire_runtime.formats.events import contact_events
from posewire_runtime.formats.tracks import ROTATION, TRANSLATION, Keys, Tracks, tracks_of
from posewire_runtime.motion import quat
from posewire_runtime.motion.coords import FRAMES, positions_to, rotations_to
from posewire_runtime.motion.quat import Array
from posewire_runtime.types import Clip, Skeleton

_FRAME = FRAMES["unity"]
_EVENT = "OnFootContact"
_HEAD = """\
%YAML 1.1
%TAG !u! tag:unity3d.com,2011:
--- !u!74 &7400000
AnimationClip:
  m_ObjectHideFlags: 0
  m_CorrespondingSourceObject: {fileID: 0}
  m_PrefabInstance: {fileID: 0}
  m_PrefabAsset: {fileID: 0}"""
_EMPTY = ("m_EulerCurves", "m_ScaleCurves", "m_FloatCurves", "m_PPtrCurves")


def encode(clip: Clip, notes: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    return encode_tracks(tracks_of(clip), notes)


def encode_tracks(tracks: Tracks, notes: Mapping[str, str], *, body: bool = False) -> bytes:
    """The same of tracks. There is never a mesh."""
    del body
    name = notes.get("prompt", "") or "Motion"
    lines = [_HEAD, f"  m_Name: {json.dumps(name)}", "  serializedVersion: 7", "  m_Legacy: 0"]
    lines += ["  m_Compressed: 0", "  m_UseHighQualityCurve: 1", *_curves(tracks)]
    lines += [f"  {empty}: []" for empty in _EMPTY]
    lines += [f"  m_SampleRate: {tracks.clip.fps:g}", f"  m_WrapMode: {2 if tracks.loops else 0}"]
    lines += [*_settings(tracks), *_events(tracks.clip), ""]
    return "\n".join(lines).encode()


def bone_paths(skeleton: Skeleton) -> list[str]:
    """The path of each bone below the object that has the Animator."""
    paths: list[str] = []
    for name, parent in zip(skeleton.names, skeleton.parents, strict=True):
        paths.append(name if parent < 0 else f"{paths[parent]}/{name}")
    return paths


def _curves(tracks: Tracks) -> Iterator[str]:
    paths = bone_paths(tracks.skeleton)
    rotations = quat.continuous(rotations_to(_FRAME, tracks.rotations))
    yield "  m_RotationCurves:"
    for joint, path in enumerate(paths):
        yield from _curve(rotations[:, joint], tracks.kept(joint, ROTATION), tracks.clip.fps, path)
    yield "  m_CompressedRotationCurves: []"
    yield "  m_PositionCurves:"
    for joint, places in sorted(tracks.translations.items()):
        moved = positions_to(_FRAME, places)
        yield from _curve(moved, tracks.kept(joint, TRANSLATION), tracks.clip.fps, paths[joint])


def _curve(values: Array, keys: Keys, fps: float, path: str) -> Iterator[str]:
    """The keys of one curve; its slopes are those of straight lines."""
    times, values = keys / fps, values[keys]
    slopes = np.diff(values, axis=0) / np.diff(times)[:, None]
    yield "  - curve:"
    yield "      serializedVersion: 2"
    yield "      m_Curve:"
    before, after = np.concatenate([slopes[:1], slopes]), np.concatenate([slopes, slopes[-1:]])
    if not len(slopes):
        before = after = np.zeros_like(values)
    third = f"{{{', '.join(f'{axis}: 0.33333334' for axis in 'xyzw'[: values.shape[1]])}}}"
    for time, value, arrive, leave in zip(times.tolist(), values, before, after, strict=True):
        yield "      - serializedVersion: 3"
        yield f"        time: {time:.7g}"
        yield f"        value: {_vector(value)}"
        yield f"        inSlope: {_vector(arrive)}"
        yield f"        outSlope: {_vector(leave)}"
        yield "        tangentMode: 0"
        yield "        weightedMode: 0"
        yield f"        inWeight: {third}"
        yield f"        outWeight: {third}"
    yield "      m_PreInfinity: 2"
    yield "      m_PostInfinity: 2"
    yield "      m_RotationOrder: 4"
    yield f"    path: {json.dumps(path)}"


def _vector(values: Array) -> str:
    parts = ", ".join(f"{axis}: {value:.7g}" for axis, value in zip("xyzw", values.tolist(), strict=False))
    return f"{{{parts}}}"


def _settings(tracks: Tracks) -> Iterator[str]:
    yield "  m_AnimationClipSettings:"
    yield "    serializedVersion: 2"
    yield "    m_StartTime: 0"
    yield f"    m_StopTime: {(tracks.frames - 1) / tracks.clip.fps:.7g}"
    yield f"    m_LoopTime: {int(tracks.loops)}"
    yield "    m_KeepOriginalOrientation: 1"
    yield "    m_KeepOriginalPositionY: 1"
    yield "    m_KeepOriginalPositionXZ: 1"


def _events(clip: Clip) -> Iterator[str]:
    events = contact_events(clip)
    yield "  m_Events:" + ("" if events else " []")
    for event in events:
        yield f"  - time: {event.seconds:.7g}"
        yield f"    functionName: {_EVENT}"
        yield f"    data: {event.name}"
        yield "    objectReferenceParameter: {fileID: 0}"
        yield "    floatParameter: 0"
        yield f"    intParameter: {int(event.down)}"
        yield "    messageOptions: 1"

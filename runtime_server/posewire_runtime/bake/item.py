"""One item: its clips through the passes, onto the rig, into files, and the sidecar that tells of it.

The sidecar comes last: where it stands, all files of the item stand. It also holds the preview that the page
shows, so that the page can be made of sidecars alone. No file holds a time of day.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from posewire_runtime import __version__, formats
from posewire_runtime.bake.characters import Character
from posewire_runtime.bake.embed import embed
from posewire_runtime.bake.passes import work
from posewire_runtime.bake.plan import SUFFIXES, Item, Style, sidecar_of
from posewire_runtime.bake.rigs import Rig
from posewire_runtime.files import write_bytes
from posewire_runtime.formats.events import contact_events
from posewire_runtime.formats.npz import pack
from posewire_runtime.formats.tracks import Tracks, world
from posewire_runtime.motion.join import join
from posewire_runtime.types import CONTACT_NAMES, Clip, ModelInfo

GENERATOR = f"posewire {__version__}"
_PREVIEW_FPS = 15.0
_PREVIEW_FRAMES = 90
"""Longer previews show fewer frames a second."""
_PREVIEW_JOINTS = 64
"""Of a rig with more, only bones that lead to a driven joint are shown."""


@dataclass(frozen=True, eq=False)
class Setting:
    """What all items are put on and written as."""

    style: Style
    rig: Rig
    character: Character | None = None


def encode_item(item: Item, clips: Sequence[Clip], info: ModelInfo, setting: Setting) -> dict[str, bytes]:
    """Names and bytes of all files of an item, the sidecar last."""
    tracks, report = work(join(clips), item.passes, setting.rig)
    notes = {
        "prompt": " => ".join(item.row.prompts),
        "model": info.name,
        "licence_notice": info.licence.notice,
        "generator": GENERATOR,
    }
    notes = {name: note for name, note in notes.items() if note}
    out = {
        item.name + SUFFIXES[name]: _encode(name, tracks, notes, setting) for name in setting.style.formats
    }
    sidecar = {**_story(item, info, setting), **_motion(tracks, report), "files": list(out)}
    sidecar["preview"] = preview(tracks, setting.rig)
    out[sidecar_of(item)] = (json.dumps(sidecar, indent=1, ensure_ascii=False) + "\n").encode()
    return out


def write_item(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write them in their order."""
    for name, data in files.items():
        write_bytes(folder / name, data)


def _encode(name: str, tracks: Tracks, notes: Mapping[str, str], setting: Setting) -> bytes:
    character = setting.character
    if name == "glb" and setting.style.embed and character is not None and character.gltf is not None:
        return embed(character.gltf, tracks, notes)
    if name == "mesh" and character is not None and character.model is not None:
        surface = {"vertices": character.model.vertices(tracks.clip), "faces": character.model.triangles}
        return pack(
            {**surface, "fps": np.array(tracks.clip.fps)} | {k: np.array(v) for k, v in notes.items()}
        )
    suffix = SUFFIXES[name].rpartition(".")[2]
    return formats.FORMATS[f".{suffix}"].encode_tracks(tracks, notes, body=setting.style.body)


def _story(item: Item, info: ModelInfo, setting: Setting) -> dict[str, Any]:
    """Where the clip comes from."""
    first = item.requests[0]
    sampling = asdict(first.sampling)
    sampling["steps"] = first.sampling.steps or info.presets.get(first.sampling.preset)
    return {
        "name": item.name,
        "key": item.key,
        "prompt": " => ".join(item.row.prompts),
        "seed": item.seed,
        "tags": list(item.row.tags),
        "model": {
            "name": info.name,
            "family": info.family,
            "package_sha256": item.package,
            "licence": asdict(info.licence),
        },
        "sampling": sampling,
        "passes": str(item.passes),
        "rig": {"name": setting.rig.name, "note": setting.rig.note},
        "versions": {"posewire": __version__, "numpy": np.__version__},
        "frame": "right-handed, Y up, facing +Z, metres; each file in its format's own units and axes",
    }


def _motion(tracks: Tracks, report: Mapping[str, Any]) -> dict[str, Any]:
    """What is in the files."""
    clip = tracks.clip
    return {
        "fps": clip.fps,
        "frames": clip.frames,
        "seconds": round((clip.frames - 1) / clip.fps, 6),
        "loops": tracks.loops,
        "joints": len(tracks.skeleton),
        "report": dict(report),
        "contact_names": list(CONTACT_NAMES),
        "events": [asdict(event) for event in contact_events(clip)],
    }


def preview(tracks: Tracks, rig: Rig) -> dict[str, Any]:
    """A few frames of bones as packed 16-bit integers, for the page."""
    _, positions = world(tracks)
    step = max(1, round(tracks.clip.fps / _PREVIEW_FPS), -(-tracks.frames // _PREVIEW_FRAMES))
    shown = _shown(tracks)
    points = positions[::step][:, list(shown)]
    scale = float(np.abs(points).max()) / 32767 or 1.0
    packed = np.rint(points / scale).astype("<i2")
    parents = [shown.get(_shown_parent(tracks, joint, shown), -1) for joint in shown]
    return {
        "fps": tracks.clip.fps / step,
        "frames": len(packed),
        "joints": len(shown),
        "parents": parents,
        "head": _head(tracks, rig, shown),
        "scale": scale,
        "data": base64.b64encode(packed.tobytes()).decode(),
    }


def _shown(tracks: Tracks) -> dict[int, int]:
    """Joints of the preview -> their places in it."""
    skeleton = tracks.skeleton
    joints = [joint for joint in range(len(skeleton)) if _holds_pelvis(tracks, joint)]
    if len(joints) > _PREVIEW_JOINTS:
        turned = np.ptp(tracks.rotations, axis=0).max(axis=-1) > 1e-6
        joints = [joint for joint in joints if turned[joint]][:_PREVIEW_JOINTS]
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

"""One item: its clips through the passes, onto the rig, into files, and the sidecar that tells of it.

The sidecar comes last: where it stands, all files of the item stand. It also holds the preview that the page
shows, so that the page can be made of sidecars alone. No file holds a time of day.
"""

from __future__ import annotations

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
from posewire_runtime.bake.preview import preview
from posewire_runtime.bake.rigs import Rig
from posewire_runtime.files import write_bytes
from posewire_runtime.formats.events import contact_events
from posewire_runtime.formats.npz import pack
from posewire_runtime.formats.tracks import Tracks
from posewire_runtime.motion.join import join
from posewire_runtime.types import CONTACT_NAMES, Clip, ModelInfo

GENERATOR = f"posewire {__version__}"


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

"""Clips as files: the suffix chooses the format.

    write("wave.glb", clip, prompt="a person waves", model="stand-in")

The same clip and notes give the same bytes. Formats know skeletons and meshes, but not how a clip was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidFile
from posewire_runtime.files import write_bytes
from posewire_runtime.formats import bvh, fbx, glb, npz, text_json, unity_anim, usda
from posewire_runtime.formats.tracks import Tracks
from posewire_runtime.types import Clip

__all__ = ["FORMATS", "EncodeTracks", "Format", "check_suffix", "write", "write_arrays", "write_bytes"]


class EncodeTracks(Protocol):
    """Tracks and notes -> a file's bytes, with a body or with bones alone where the format knows both."""

    def __call__(self, tracks: Tracks, notes: Mapping[str, str], *, body: bool = True) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A way to put a clip into a file."""

    description: str
    encode: Callable[[Clip, Mapping[str, str]], bytes]
    """Clip and notes -> the file's bytes."""
    encode_tracks: EncodeTracks
    """The same of tracks: travel on a bone, fewer keys."""


def _of_clip(encode: Callable[[Clip, Mapping[str, str]], bytes]) -> EncodeTracks:
    """For formats that write every frame, move the pelvis in the world, and hold no mesh."""

    def encode_tracks(tracks: Tracks, notes: Mapping[str, str], *, body: bool = True) -> bytes:
        del body
        return encode(tracks.clip, notes)

    return encode_tracks


FORMATS: Mapping[str, Format] = {
    ".glb": Format("glTF binary: skeleton, animation, skinned mannequin", glb.encode, glb.encode_tracks),
    ".fbx": Format(
        "FBX 7.4 binary: centimetres, skeleton, animation, skinned mannequin", fbx.encode, fbx.encode_tracks
    ),
    ".bvh": Format("BVH: skeleton and Euler angles, metres", bvh.encode, _of_clip(bvh.encode)),
    ".usda": Format("USD as text: UsdSkel, skinned mannequin", usda.encode, usda.encode_tracks),
    ".npz": Format("NumPy arrays: AMASS's names and Posewire's own", npz.encode, _of_clip(npz.encode)),
    ".anim": Format("Unity animation clip: generic curves", unity_anim.encode, unity_anim.encode_tracks),
    ".json": Format("JSON: joints, rotations, contacts", text_json.encode, text_json.encode_tracks),
}
"""The formats by suffix."""


def check_suffix(suffix: str) -> Format:
    """The format of a suffix, in capitals or not; raises `InvalidFile` where there is none."""
    found = FORMATS.get(suffix.lower())
    if found is None:
        known = ", ".join(FORMATS)
        raise InvalidFile(f"expected a file name that ends in {known}, found {suffix or 'no ending'!r}")
    return found


def write(path: str | Path, clip: Clip, **notes: str) -> None:
    """Write a clip. Notes (prompt, model, licence_notice, generator) go along where the format has room."""
    encode = check_suffix(Path(path).suffix).encode
    write_bytes(path, encode(clip, {name: note for name, note in notes.items() if note}))


def write_arrays(path: str | Path, arrays: Mapping[str, NDArray[np.generic]]) -> None:
    """Write arrays as they are into an .npz file."""
    if Path(path).suffix.lower() != ".npz":
        raise InvalidFile(f"expected a file name that ends in .npz for arrays, found {str(path)!r}")
    write_bytes(path, npz.pack(arrays))

"""Clips as files: the suffix chooses the format.

    write("wave.glb", clip, prompt="a person waves", model="stand-in")

The same clip and notes give the same bytes. Formats know skeletons and meshes, but not how a clip was made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidFile
from posewire_runtime.files import write_bytes
from posewire_runtime.formats import bvh, glb, npz
from posewire_runtime.types import Clip

__all__ = ["FORMATS", "Format", "check_suffix", "write", "write_arrays", "write_bytes"]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to put a clip into a file."""

    description: str
    encode: Callable[[Clip, Mapping[str, str]], bytes]
    """Clip and notes -> the file's bytes."""


FORMATS: Mapping[str, Format] = {
    ".glb": Format("glTF binary: skeleton, animation, skinned mannequin", glb.encode),
    ".bvh": Format("BVH: skeleton and Euler angles, metres", bvh.encode),
    ".npz": Format("NumPy arrays: AMASS's names and Posewire's own", npz.encode),
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

"""A whole data set as one small file, to carry to another machine.

Rotations take 48 bits as on Posewire's wire, roots are float32; features are computed on load. The file is
a numpy archive of three arrays: the frames of all clips one after another, the clips' lengths, and the
captions file's lines as bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from posewire_export.train.dataset import DataSet
from posewire_export.train.ingest import Motion
from posewire_export.train.library import parse_captions
from posewire_export.train.rest import NAME, REST
from posewire_runtime.errors import InvalidFile
from posewire_runtime.exchange import packing
from posewire_runtime.exchange.packing import Packing

SUFFIX = ".npz"
_PACKING = Packing.SMALLEST_THREE_48


def write_pack(data: DataSet, file: Path) -> None:
    """Write the data set; the rest skeleton's name goes along."""
    rotations = np.concatenate([motion.rotations for motion in data.motions])
    root = np.concatenate([motion.root for motion in data.motions])
    no_contacts = np.zeros((len(root), 4), np.bool_)
    lines = "\n".join(json.dumps(asdict(entry)) for entry in data.entries)
    np.savez(
        file,
        frames=packing.pack(rotations, root, no_contacts, _PACKING),
        lengths=np.array([len(motion) for motion in data.motions]),
        captions=np.frombuffer(lines.encode("utf-8"), np.uint8),
        skeleton=np.array(NAME),
    )


def read_pack(file: Path) -> DataSet:
    """The data set that `write_pack` wrote."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            frames, lengths, captions, skeleton = (
                arrays[name] for name in ("frames", "lengths", "captions", "skeleton")
            )
    except (OSError, KeyError, ValueError) as error:
        raise InvalidFile(
            f"expected {file} to be a packed data set (posewire train pack), but: {error}"
        ) from None
    if str(skeleton) != NAME:
        raise InvalidFile(f"{file} was packed for the skeleton {skeleton}, expected {NAME}: pack it again")
    rotations, root, _ = packing.unpack(frames.tobytes(), len(REST), _PACKING)
    ends = np.cumsum(lengths)[:-1]
    parts = zip(np.split(rotations, ends), np.split(root, ends), strict=True)
    entries = parse_captions(captions.tobytes().decode("utf-8"), str(file))
    return DataSet(entries, [Motion(turned, path) for turned, path in parts])

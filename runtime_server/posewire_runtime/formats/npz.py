"""NPZ: a clip as NumPy arrays, under AMASS's names and under ours.

Ours, for every skeleton: rotations (L, J, 4) xyzw, root (L, 3), contacts (L, 4), fps, seed, names, parents,
positions, sole, pelvis, rest_rotations where the skeleton has them; notes as strings.
AMASS's, for SMPL-22 and SMPL-H: poses (L, 156) as axis times angle, zero for the fingers that SMPL-22 lacks,
trans (L, 3), betas, gender, mocap_framerate, mocap_frame_rate. Beware: in our frame, Y up; AMASS's own files
have Z up.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion import quat
from posewire_runtime.motion.contacts import foot_contacts
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.types import Clip, Skeleton

_Arrays = Mapping[str, NDArray[np.generic]]

_SMPL_H = 156
"""Numbers of a pose of SMPL-H: 22 joints of the body, 30 of the hands."""
_BETAS = 16


def encode(clip: Clip, notes: Mapping[str, str]) -> bytes:
    """The file's bytes."""
    arrays = _own(clip) | {name: np.array(note) for name, note in notes.items()}
    if clip.skeleton.names[: len(SMPL22)] == SMPL22.names:
        arrays |= _amass(clip)
    return pack(arrays)


def pack(arrays: _Arrays) -> bytes:
    """Arrays as an .npz file; numpy dates its members 1980, so equal arrays give equal bytes."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def read(path: str | Path) -> Clip:
    """A clip from a file with our arrays, or else with AMASS's (Y up)."""
    try:
        arrays = _unpack(Path(path).read_bytes())
        return _from_own(arrays) if "rotations" in arrays else _from_amass(arrays)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise InvalidFile(f"expected {path} to be an .npz file of a motion, but: {error}") from error


def _unpack(data: bytes) -> _Arrays:
    with zipfile.ZipFile(io.BytesIO(data)):  # np.load takes other kinds of files too
        pass
    with np.load(io.BytesIO(data), allow_pickle=False) as file:
        return {name: np.asarray(file[name]) for name in file.files}


def _own(clip: Clip) -> dict[str, NDArray[np.generic]]:
    skeleton = clip.skeleton
    arrays: dict[str, NDArray[np.generic]] = {
        "rotations": clip.rotations,
        "root": clip.root,
        "contacts": clip.contacts,
        "fps": np.array(clip.fps, np.float64),
        "seed": np.array(clip.seed, np.uint64),
        "names": np.array(skeleton.names),
        "parents": np.array(skeleton.parents, np.int32),
        "positions": skeleton.positions,
        "sole": np.array(skeleton.sole, np.float64),
        "pelvis": np.array(skeleton.pelvis, np.int32),
    }
    if skeleton.rotations is not None:
        arrays["rest_rotations"] = skeleton.rotations
    return arrays


def _amass(clip: Clip) -> dict[str, NDArray[np.generic]]:
    poses = np.zeros((clip.frames, _SMPL_H), np.float32)
    vectors = quat.to_rotation_vector(clip.rotations.astype(np.float64))
    poses[:, : 3 * len(clip.skeleton)] = vectors.reshape(clip.frames, -1)
    return {
        "poses": poses,
        "trans": clip.root - clip.skeleton.positions[clip.skeleton.pelvis],
        "betas": np.zeros(_BETAS, np.float32),
        "gender": np.array("neutral"),
        "mocap_framerate": np.array(clip.fps, np.float64),
        "mocap_frame_rate": np.array(clip.fps, np.float64),
    }


def _from_own(arrays: _Arrays) -> Clip:
    rest = arrays.get("rest_rotations")
    skeleton = Skeleton(
        names=tuple(str(name) for name in arrays["names"]),
        parents=tuple(int(parent) for parent in arrays["parents"].astype(np.int64)),
        positions=arrays["positions"].astype(np.float32),
        rotations=None if rest is None else rest.astype(np.float32),
        pelvis=int(arrays["pelvis"].astype(np.int64)),
        sole=float(arrays["sole"].astype(np.float64)),
    )
    return _checked(
        Clip(
            SMPL22 if _is_smpl22(skeleton) else skeleton,
            float(arrays["fps"].astype(np.float64)),
            arrays["rotations"].astype(np.float32),
            arrays["root"].astype(np.float32),
            arrays["contacts"].astype(np.bool_),
            int(arrays["seed"].astype(np.uint64)),
        )
    )


def _is_smpl22(skeleton: Skeleton) -> bool:
    return skeleton.names == SMPL22.names and np.array_equal(skeleton.positions, SMPL22.positions)


def _from_amass(arrays: _Arrays) -> Clip:
    rate = arrays.get("mocap_framerate", arrays.get("mocap_frame_rate"))
    if rate is None:
        raise ValueError("it has neither rotations nor mocap_framerate")
    fps = float(rate.astype(np.float64))
    poses = arrays["poses"].astype(np.float64)
    vectors = poses[:, : 3 * len(SMPL22)].reshape(len(poses), len(SMPL22), 3)
    rotations = quat.continuous(quat.from_rotation_vector(vectors)).astype(np.float32)
    root = arrays["trans"].astype(np.float32) + SMPL22.positions[SMPL22.pelvis]
    _, positions = forward(SMPL22, rotations, root)
    return _checked(Clip(SMPL22, fps, rotations, root, foot_contacts(SMPL22, positions, fps)))


def _checked(clip: Clip) -> Clip:
    """The clip, if its arrays fit together."""
    frames, joints = clip.frames, len(clip.skeleton)
    found = clip.rotations.shape, clip.root.shape, clip.contacts.shape
    expected = (frames, joints, 4), (frames, 3), (frames, 4)
    if found != expected:
        raise ValueError(f"expected rotations, root and contacts of shapes {expected}, found {found}")
    return clip

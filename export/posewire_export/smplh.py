"""SMPL-H body models that users bring: skeleton, skin, and the exact surface, by the `smplx` package.

The model files are licensed by their makers and no part of Posewire. Their arrays are read here, without
running what a pickle may hold, and handed to `smplx`. Knows nothing of lists, passes or formats.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidFile
from posewire_runtime.figure.mannequin import Mannequin, strongest_four
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Clip, Float, Skeleton

_FINGERS = ("Index", "Middle", "Pinky", "Ring", "Thumb")
NAMES = (*SMPL22.names, *(f"{side}_{f}{n}" for side in "LR" for f in _FINGERS for n in (1, 2, 3)))
"""SMPL-H's 52 joints: the body as SMPL-22 has it, then the left and the right hand."""
_LAYOUT: Mapping[str, tuple[int | None, ...]] = {
    "v_template": (None, 3),
    "f": (None, 3),
    "weights": (None, 52),
    "J_regressor": (52, None),
    "kintree_table": (2, 52),
    "shapedirs": (None, 3, None),
    "posedirs": (None, 3, 9 * 51),
    "hands_meanl": (45,),
    "hands_meanr": (45,),
    "hands_componentsl": (None, 45),
    "hands_componentsr": (None, 45),
}
"""What a model file holds, and in which shapes."""
_HARMLESS = {
    "numpy": ("_reconstruct", "ndarray", "dtype", "scalar"),
    "scipy": ("csc_matrix", "csr_matrix", "coo_matrix"),
    "_codecs": ("encode",),
}
"""What makes the arrays of a pickle: package -> names."""
_AT_ONCE = 32
"""Frames whose surface is computed together."""


class SmplhBody:
    """A body model: 52 joints in a T-pose whose rests are all identity, and its skin."""

    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        import smplx
        from smplx.utils import Struct

        given = Struct(**arrays)
        # Hands are flat; the model's own mean shape, without any subject's. What it prints would spoil ours.
        with redirect_stdout(io.StringIO()):
            layer: Any = smplx.SMPLHLayer("", data_struct=given, use_pca=False, flat_hand_mean=True)
        self._layer = layer.eval()
        rest = layer.v_template.numpy().astype(np.float32)
        self.joints: Float = (layer.J_regressor @ layer.v_template).numpy().astype(np.float32)  # (52, 3)
        self.triangles = np.asarray(layer.faces).astype(np.uint32)
        self.skeleton = Skeleton(
            names=NAMES,
            parents=tuple(int(parent) for parent in layer.parents),
            positions=self.joints,
            sole=float(rest[:, 1].min()),
        )
        self.bones = {joint: joint for joint in SMPL22.names}
        joints, weights = strongest_four(layer.lbs_weights.numpy())
        self.mesh = Mannequin(rest, _normals(rest, self.triangles), self.triangles, joints, weights)

    def vertices(self, clip: Clip) -> Float:
        """The surface in the world, frame by frame `(L, V, 3)`, with the model's own correctives."""
        turned = torch.from_numpy(quat.to_matrix(clip.rotations).astype(np.float32))
        places = torch.from_numpy((clip.root - self.joints[0]).astype(np.float32))
        parts: list[Float] = []
        with torch.inference_mode():
            for first in range(0, clip.frames, _AT_ONCE):
                some = turned[first : first + _AT_ONCE]
                seen = self._layer(
                    global_orient=some[:, :1],
                    body_pose=some[:, 1:22],
                    left_hand_pose=some[:, 22:37],
                    right_hand_pose=some[:, 37:],
                    transl=places[first : first + _AT_ONCE],
                )
                parts.append(seen.vertices.numpy())
        return np.concatenate(parts)


def read_body(path: Path) -> SmplhBody:
    """Open a model file: .npz, or .pkl with plain arrays."""
    try:
        found = _npz_arrays(path) if path.suffix.lower() == ".npz" else _pickled_arrays(path)
        arrays = {name: _checked(name, found) for name in _LAYOUT}
    except (OSError, ValueError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise InvalidFile(f"expected {path} to be an SMPL-H body model, but: {error}") from error
    return SmplhBody(arrays)


def _npz_arrays(path: Path) -> dict[str, Any]:
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in _LAYOUT if name in file.files}


def _pickled_arrays(path: Path) -> dict[str, Any]:
    found = _Arrays(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    if not isinstance(found, dict):
        raise ValueError(f"expected named arrays, found {type(found).__name__}")
    return found


class _Arrays(pickle.Unpickler):
    """Makes arrays, dense and sparse, and nothing else: a pickle could run any program."""

    def find_class(self, module: str, name: str) -> Any:
        """Refuse whatever else it names."""
        if name not in _HARMLESS.get(module.partition(".")[0], ()):
            raise pickle.UnpicklingError(
                f"it holds {module}.{name}, expected plain arrays; convert it to .npz"
            )
        return super().find_class(module, name)


def _checked(name: str, found: Mapping[str, Any]) -> NDArray[Any]:
    if name not in found:
        raise ValueError(f"expected {name} in it, found {', '.join(sorted(found)) or 'nothing'}")
    value = found[name]
    array = np.asarray(value.todense() if hasattr(value, "todense") else value)
    wanted = _LAYOUT[name]
    fits = len(array.shape) == len(wanted) and all(
        w in (None, n) for w, n in zip(wanted, array.shape, strict=True)
    )
    if not fits:
        sizes = ", ".join("any" if size is None else str(size) for size in wanted)
        raise ValueError(f"expected {name} of shape ({sizes}), found {array.shape}")
    return array


def _normals(vertices: Float, triangles: NDArray[np.uint32]) -> Float:
    """Of each vertex: its triangles' normals by their areas; up where it has none."""
    a, b, c = (vertices[triangles[:, corner]] for corner in range(3))
    across: Array = np.cross(b - a, c - a)
    out = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(out, triangles[:, corner], across)
    out[~out.any(axis=-1)] = (0, 1, 0)
    return quat.normalise(out)

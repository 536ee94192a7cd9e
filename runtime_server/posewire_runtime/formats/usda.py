"""USD as text (.usda): SkelRoot, Skeleton, SkelAnimation and a skinned mesh. Written by hand, no dependency.

Y up, metres, one time code a frame. Joint paths hold letters, digits and underscores alone; the joints' own
names stand in `jointNames`. Samples hold all joints of a frame at once, so that keys can't be left out one by
one: every frame is written. Contacts are the custom attribute `posewire:contacts` of the animation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.figure.mannequin import Mannequin
from posewire_runtime.formats.tracks import Tracks, lift, standing_offsets, tracks_of
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import rest_globals, rest_rotations
from posewire_runtime.types import CONTACT_NAMES, Clip, Skeleton

_SKELETON = "</Character/Rig>"
_BINDING = '(\n    prepend apiSchemas = ["SkelBindingAPI"]\n)'


def encode(clip: Clip, notes: Mapping[str, str], *, body: bool = True) -> bytes:
    """The file's bytes, with the mannequin or with bones alone."""
    return encode_tracks(tracks_of(clip), notes, body=body)


def encode_tracks(tracks: Tracks, notes: Mapping[str, str], *, body: bool = True) -> bytes:
    """The same of tracks."""
    lines = ["#usda 1.0", *_layer(tracks, notes), f'def SkelRoot "Character" {_BINDING}', "{"]
    lines += [*_rig(tracks), *([_mesh(tracks.mesh(), tracks.skeleton)] if body else ()), "}", ""]
    return "\n".join(lines).encode()


def _layer(tracks: Tracks, notes: Mapping[str, str]) -> Iterator[str]:
    clip = tracks.clip
    yield "("
    yield "    customLayerData = {"
    for name, note in {**notes, "seed": str(clip.seed)}.items():
        yield f"        string {name} = {_quoted(note)}"
    yield f"        bool loops = {int(tracks.loops)}"
    yield "    }"
    yield '    defaultPrim = "Character"'
    yield f"    endTimeCode = {clip.frames - 1}"
    yield f"    framesPerSecond = {clip.fps:g}"
    yield "    metersPerUnit = 1"
    yield "    startTimeCode = 0"
    yield f"    timeCodesPerSecond = {clip.fps:g}"
    yield '    upAxis = "Y"'
    yield ")"


def _rig(tracks: Tracks) -> Iterator[str]:
    skeleton = tracks.skeleton
    joints = _tokens(joint_paths(skeleton))
    bind = _matrices(rest_globals(skeleton), skeleton.positions + lift(skeleton))
    rest = _matrices(rest_rotations(skeleton), standing_offsets(skeleton))
    yield f'def Skeleton "Rig" {_BINDING}'
    yield "{"
    yield f"uniform token[] joints = {joints}"
    yield f"uniform token[] jointNames = {_tokens(skeleton.names)}"
    yield f"uniform matrix4d[] bindTransforms = {bind}"
    yield f"uniform matrix4d[] restTransforms = {rest}"
    yield "rel skel:animationSource = </Character/Rig/Motion>"
    yield 'def SkelAnimation "Motion"'
    yield "{"
    yield f"uniform token[] joints = {joints}"
    places = np.tile(standing_offsets(skeleton), (tracks.frames, 1, 1))
    for joint, moved in tracks.translations.items():
        places[:, joint] = moved
    yield from _samples("float3[] translations", [_tuples(rows) for rows in places])
    yield from _samples("quatf[] rotations", [_tuples(rows) for rows in tracks.rotations[..., [3, 0, 1, 2]]])
    yield f"half3[] scales = [{', '.join(['(1, 1, 1)'] * len(skeleton))}]"
    yield f"custom uniform token[] posewire:contactNames = {_tokens(CONTACT_NAMES)}"
    contacts = [f"[{', '.join(str(int(flag)) for flag in row)}]" for row in tracks.clip.contacts]
    yield from _samples("custom bool[] posewire:contacts", contacts)
    yield "}"
    yield "}"


@lru_cache(maxsize=8)
def _mesh(body: Mannequin, skeleton: Skeleton) -> str:
    """The mesh; the same for every clip of a rig."""
    return "\n".join(_mesh_lines(body, skeleton))


def _mesh_lines(body: Mannequin, skeleton: Skeleton) -> Iterator[str]:
    points = (body.vertices + lift(skeleton)).astype(np.float32)
    counts = ", ".join(["3"] * len(body.triangles))
    spread = '(\n    elementSize = 4\n    interpolation = "vertex"\n)'
    yield f'def Mesh "Mannequin" {_BINDING}'
    yield "{"
    yield f"float3[] extent = {_tuples(np.stack([points.min(axis=0), points.max(axis=0)]))}"
    yield f"int[] faceVertexCounts = [{counts}]"
    yield f"int[] faceVertexIndices = {_numbers(body.triangles.reshape(-1))}"
    yield f"point3f[] points = {_tuples(points)}"
    yield f'normal3f[] normals = {_tuples(body.normals)} (\n    interpolation = "vertex"\n)'
    yield f"int[] primvars:skel:jointIndices = {_numbers(body.joints.reshape(-1))} {spread}"
    yield f"float[] primvars:skel:jointWeights = {_numbers(body.weights.reshape(-1) / 255)} {spread}"
    yield "matrix4d primvars:skel:geomBindTransform = ((1,0,0,0), (0,1,0,0), (0,0,1,0), (0,0,0,1))"
    yield f"rel skel:skeleton = {_SKELETON}"
    yield 'uniform token subdivisionScheme = "none"'
    yield "}"


def joint_paths(skeleton: Skeleton) -> list[str]:
    """The path of each joint from the topmost one, in names that USD takes."""
    paths: list[str] = []
    for name, parent in zip(skeleton.names, skeleton.parents, strict=True):
        word = re.sub(r"\W", "_", name, flags=re.ASCII)
        word = f"_{word}" if word[0].isdigit() else word
        paths.append(word if parent < 0 else f"{paths[parent]}/{word}")
    return paths


def _samples(attribute: str, values: Sequence[str]) -> Iterator[str]:
    yield f"{attribute}.timeSamples = {{"
    yield from (f"{frame}: {value}," for frame, value in enumerate(values))
    yield "}"


def _quoted(text: str) -> str:
    """A string as USD reads it: JSON's escapes are its own, apart from those of distant characters."""
    return json.dumps(text, ensure_ascii=False)


def _tokens(names: Sequence[str]) -> str:
    return f"[{', '.join(_quoted(name) for name in names)}]"


def _numbers(values: NDArray[np.number[Any]]) -> str:
    return f"[{', '.join([f'{value:.7g}' for value in values.tolist()])}]"


def _tuples(rows: Array) -> str:
    """Vectors `(n, k)`."""
    return f"[{_vectors(rows, '%.7g')}]"


def _vectors(rows: Array, number: str) -> str:
    form = f"({', '.join([number] * rows.shape[-1])})"
    return ", ".join([form % tuple(row) for row in rows.tolist()])


def _matrices(rotations: Array, positions: Array) -> str:
    """Transforms as USD's matrices, which multiply rows: transposed."""
    matrices = np.tile(np.eye(4), (len(positions), 1, 1))
    matrices[:, :3, :3] = np.swapaxes(quat.to_matrix(rotations.astype(np.float64)), -1, -2)
    matrices[:, 3, :3] = positions
    rows = [_vectors(matrix, "%.9g") for matrix in matrices]
    return f"[{', '.join([f'({four})' for four in rows])}]"

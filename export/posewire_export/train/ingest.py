"""Clips of any humanoid rig -> SMPL-22 rotations on our own rest skeleton, on the floor, facing +Z.

A joint's turn away from its T-pose in model space is carried over (global deltas), so bone axes
and lengths of the source don't matter. The pelvis is placed by the middle of the hips, scaled by
leg length; the floor is found again afterwards, because feet differ. Knows nothing of captions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from posewire_export.train.bones import bones_of
from posewire_export.train.glb import read_glb
from posewire_export.train.rest import REST
from posewire_runtime.errors import InvalidFile
from posewire_runtime.formats import bvh
from posewire_runtime.motion import quat, skeleton
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.resample import resample
from posewire_runtime.motion.retarget import calibration
from posewire_runtime.types import Clip, Float, Skeleton, Target

FPS = 30.0
"""Frames a second of everything the model learns."""

_SPINE = ("Pelvis", "Spine1", "Spine2", "Spine3", "Neck", "Head")
"""From bottom to top: a missing one takes its share of the turn between its neighbours."""

_FLOOR_SHARE = 0.02
"""The share of frames whose lowest point may lie under the floor: glitches must not lift a clip."""

_THICKNESS = {"Foot": 0.025, "Ankle": 0.04, "Pelvis": 0.11, "Spine1": 0.11, "Spine2": 0.11, "Head": 0.1}
"""How far the body reaches below a joint, whichever way it lies, metres."""


@dataclass(frozen=True, eq=False)
class Motion:
    """A clip as the model learns it: on `rest.REST`, 30 frames a second."""

    rotations: Float  # (L, 22, 4)
    """Parent-relative rotations, xyzw."""
    root: Float  # (L, 3)
    """World position of the pelvis."""

    def __len__(self) -> int:
        return len(self.root)


def read_motion(file: Path, *, loose: bool = False) -> Motion:
    """Read one clip of any rig in the known tables.

    `loose` rigs stretch while they move, so that their pelvis says nothing about the height of a body
    with bones of fixed length: something touches the floor in every frame.
    """
    clip = read_glb(file) if file.suffix.lower() == ".glb" else bvh.read(file)
    if abs(clip.fps - FPS) > 0.05:
        clip = resample(clip, FPS)
    try:
        motion = retarget(clip, bones_of(clip.skeleton.names))
        return settle(motion) if loose else motion
    except InvalidFile as error:
        raise InvalidFile(f"{file}: {error}") from None


def retarget(clip: Clip, names: Mapping[str, str]) -> Motion:
    """Bring a clip to our rest skeleton, grounded and facing +Z; `names` maps our joints to the rig's bones.

    The rig rests upright, facing +Z; arms that hang are raised to a T-pose by the shortest way first.
    """
    source = clip.skeleton
    places = {joint: source.index(bone) for joint, bone in names.items() if bone in source.names}
    _require(places)
    turned, _ = skeleton.forward(source, clip.rotations.astype(np.float64), clip.root.astype(np.float64))
    raised = calibration(
        REST, Target(source, {joint: source.names[place] for joint, place in places.items()})
    )
    deltas = quat.multiply(turned, quat.conjugate(quat.multiply(raised, skeleton.rest_globals(source))))
    known = {joint: deltas[:, place] for joint, place in places.items()}
    turned = np.stack([_global(joint, known) for joint in REST.names], axis=1)  # (L, 22, 4)
    root = _root(clip, turned[:, 0], places)
    rotations = quat.continuous(quat.normalise(skeleton.local_from_global(REST, turned)))
    return face_forward(ground(Motion(rotations.astype(np.float32), root.astype(np.float32))))


def _require(places: Mapping[str, int]) -> None:
    needed = (
        "Pelvis",
        *(f"{side}_{part}" for side in "LR" for part in ("Hip", "Knee", "Ankle", "Shoulder", "Elbow")),
    )
    missing = [joint for joint in needed if joint not in places]
    if missing:
        raise InvalidFile(f"expected bones for {', '.join(needed)}; none found for {', '.join(missing)}")


def _global(joint: str, known: Mapping[str, Array]) -> Array:
    """The joint's turn in model space, made up from its neighbours where the rig has no such bone."""
    if joint in known:
        return known[joint]
    if joint in _SPINE:
        at = _SPINE.index(joint)
        below = next(i for i in range(at - 1, -1, -1) if _SPINE[i] in known)
        above = next((i for i in range(at + 1, len(_SPINE)) if _SPINE[i] in known), None)
        if above is None:
            return known[_SPINE[below]]
        share = np.float64((at - below) / (above - below))
        return quat.slerp(known[_SPINE[below]], known[_SPINE[above]], share)
    return _global(REST.names[REST.parents[REST.index(joint)]], known)


def _root(clip: Clip, pelvis: Array, places: Mapping[str, int]) -> Array:
    """Where our pelvis goes, so that the middle of the hips takes the source's scaled path."""
    _, positions = skeleton.forward(
        clip.skeleton, clip.rotations.astype(np.float64), clip.root.astype(np.float64)
    )
    middle = (positions[:, places["L_Hip"]] + positions[:, places["R_Hip"]]) / 2
    scale = _leg(REST, {name: REST.index(name) for name in REST.names}) / _leg(clip.skeleton, places)
    offset = (REST.positions[1] + REST.positions[2]).astype(np.float64) / 2 - REST.positions[0]
    return scale * middle - quat.rotate(pelvis, offset)


def _leg(rig: Skeleton, places: Mapping[str, int]) -> float:
    hip, knee, ankle = (
        rig.positions[places[f"L_{part}"]].astype(np.float64) for part in ("Hip", "Knee", "Ankle")
    )
    return float(np.linalg.norm(knee - hip) + np.linalg.norm(ankle - knee))


def places(motion: Motion) -> Array:
    """World positions of all joints, (L, 22, 3)."""
    return skeleton.forward(REST, motion.rotations, motion.root)[1]


def lowest(motion: Motion) -> Array:
    """Height of the lowest point of the soles in each frame, (L,)."""
    positions = places(motion)
    feet = list(skeleton.feet(REST))
    thickness = REST.positions[feet, 1] - REST.sole
    # An ankle's sole lies below it only while the foot is flat: the toes count in full, heels at half.
    return (positions[:, feet, 1] - thickness * np.array([0.5, 1.0, 0.5, 1.0], np.float32)).min(1)


def settle(motion: Motion) -> Motion:
    """The same motion at such heights that its lowest point touches the floor in every frame."""
    positions = places(motion)
    parts = (name.removeprefix("L_").removeprefix("R_") for name in REST.names)
    thickness = np.array([_THICKNESS.get(part, 0.05) for part in parts])
    root = motion.root.copy()
    root[:, 1] -= _smooth((positions[..., 1] - thickness).min(1))
    return Motion(motion.rotations, root)


def _smooth(values: Array) -> Array:
    """Averaged over about a sixth of a second, bell-shaped."""
    weights = np.array([1, 4, 6, 4, 1]) / 16
    return np.convolve(np.pad(values, 2, mode="edge"), weights, mode="valid")


def ground(motion: Motion) -> Motion:
    """The same motion with its lowest step on the floor."""
    floor = np.quantile(lowest(motion), _FLOOR_SHARE)
    return Motion(motion.rotations, motion.root - np.array([0, floor, 0], np.float32))


def heading(motion: Motion, frame: int = 0) -> float:
    """Angle about +Y from +Z to where hips and shoulders face in a frame, radians."""
    return float(facing(skeleton.forward(REST, motion.rotations[frame], motion.root[frame])[1]))


def facing(positions: Array) -> Array:
    """The same of joints' places (..., 22, 3), wherever the pelvis is: (...)."""
    left, right = ([REST.index(f"{side}_{joint}") for joint in ("Hip", "Shoulder")] for side in "LR")
    across = (positions[..., left, :] - positions[..., right, :]).sum(-2)
    return np.arctan2(-across[..., 2], across[..., 0])


def turn(motion: Motion, angle: float, to: Array, frame: int = 0) -> Motion:
    """Turned about the vertical through the pelvis of `frame`, whose x and z become those of `to`."""
    yaw = quat.from_axis_angle(np.array([0, 1, 0], np.float32), np.float32(angle))
    rotations = motion.rotations.copy()
    rotations[:, 0] = quat.multiply(yaw, rotations[:, 0])
    flat = np.array([1, 0, 1], np.float32)
    root = quat.rotate(yaw, motion.root - motion.root[frame] * flat) + to.astype(np.float32) * flat
    return Motion(rotations, root.astype(np.float32))


def face_forward(motion: Motion) -> Motion:
    """The same motion, starting over the origin and facing +Z."""
    return turn(motion, -heading(motion), np.zeros(3))

"""Motion of one skeleton on another: as far as a joint turns from its rest in the world, its bone turns too.

`D = G · S⁻¹`, `G' = D · C · T`, `L' = G'_parent⁻¹ · G'`, with the source's global rotation G and rest
rotation S, the target's rest rotation T, and C that brings an A-pose's arms to the source's T-pose. Bones
that nobody maps keep their rest rotation. Everything is in Posewire's frame; `coords` converts before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import (
    global_rotations,
    levels,
    local_from_global,
    rest_globals,
    rest_rotations,
)
from posewire_runtime.types import Clip, Skeleton, Target

_ARMS = (("L_Shoulder", "L_Elbow", "L_Wrist"), ("R_Shoulder", "R_Elbow", "R_Wrist"))
"""What is calibrated by direction. The rest of the body differs between skeletons by design."""


def retarget(clip: Clip, target: Target) -> Clip:
    """The clip on the target's skeleton."""
    if violations := check(clip.skeleton, target):
        raise InvalidRequest.of(violations)
    pelvis = target.skeleton.index(target.bones[_pelvis(clip.skeleton)])
    skeleton = (
        replace(target.skeleton, pelvis=pelvis) if pelvis != target.skeleton.pelvis else target.skeleton
    )
    return replace(
        clip,
        skeleton=skeleton,
        rotations=retarget_rotations(clip.skeleton, target, clip.rotations).astype(np.float32),
        root=retarget_root(clip.skeleton, target, clip.root).astype(np.float32),
    )


def retarget_rotations(source: Skeleton, target: Target, rotations: Array) -> Array:
    """Parent-relative rotations `(..., J, 4)` of the source -> `(..., bones, 4)` of the target."""
    joints = np.array([source.index(joint) for joint in target.bones])
    bones = np.array([target.skeleton.index(bone) for bone in target.bones.values()])
    rest = rest_globals(source)[joints]
    turned = global_rotations(source, rotations)[..., joints, :]
    calibrated = quat.multiply(calibration(source, target), rest_globals(target.skeleton))[bones]
    driven = quat.multiply(turned, quat.multiply(quat.conjugate(rest), calibrated).astype(turned.dtype))
    return _fill(target.skeleton, bones, driven)


def retarget_root(source: Skeleton, target: Target, root: Array) -> Array:
    """The pelvis' path `(..., 3)`, scaled by the height of the hips so that steps fit the legs."""
    height = height_scale(source, target)
    travel = height if target.scale_travel else 1.0
    return root * np.array([travel, height, travel], root.dtype)


def height_scale(source: Skeleton, target: Target) -> float:
    """How much higher the target's pelvis is above its soles, both at rest."""
    pelvis = target.skeleton.index(target.bones[_pelvis(source)])
    return _height(target.skeleton, pelvis) / _height(source, source.pelvis)


def calibration(source: Skeleton, target: Target) -> Array:
    """For each target bone the turn that brings its rest to the source's, `(bones, 4)`.

    From the shoulder outwards each arm bone takes the shortest arc from its direction to the source's, on
    top of its parent's; the hand, which leads to no joint, follows the forearm.
    """
    out = quat.identity((len(target.skeleton),))
    for arm in _ARMS if target.match_limbs else ():
        mapped = [j for j in arm if j in source.names and j in target.bones]
        turn = quat.identity()
        for joint, outer in zip_longest(mapped, mapped[1:]):
            if outer is not None:
                bone = _direction(target.skeleton, target.bones[joint], target.bones[outer])
                goal = _direction(source, joint, outer)
                turn = quat.multiply(quat.between(quat.rotate(turn, bone), goal), turn)
            out[target.skeleton.index(target.bones[joint])] = turn
    return out


def check(source: Skeleton, target: Target) -> list[Violation]:
    """Everything that keeps this target from moving like the source; empty: nothing."""
    if broken := [*_check_skeleton(target.skeleton)]:
        return broken
    return [*_check_bones(source, target)]


def _check_skeleton(skeleton: Skeleton) -> Iterator[Violation]:
    if not skeleton.names:
        yield Violation("target.joints", "expected the bones of a character, found none")
    seen: set[str] = set()
    for i, (name, parent) in enumerate(zip(skeleton.names, skeleton.parents, strict=True)):
        field = f"target.joints[{i}]"
        if name in seen:
            yield Violation(f"{field}.name", f"expected unique names, found {name!r} again")
        if not -1 <= parent < i:
            yield Violation(
                f"{field}.parent", f"expected -1 or the index of an earlier bone (below {i}), found {parent}"
            )
        if not np.all(np.isfinite(skeleton.positions[i])):
            yield Violation(f"{field}.position", "expected finite numbers")
        if skeleton.rotations is not None and not abs(np.linalg.norm(skeleton.rotations[i]) - 1) < 1e-3:
            yield Violation(
                f"{field}.rotation", f"expected a unit quaternion, found {skeleton.rotations[i].tolist()}"
            )
        seen.add(name)


def _check_bones(source: Skeleton, target: Target) -> Iterator[Violation]:
    driver: dict[str, str] = {}
    for joint, bone in target.bones.items():
        field = f"target.bones[{joint!r}]"
        if joint not in source.names:
            yield Violation(field, f"expected a joint of the model ({', '.join(source.names)})")
        if bone not in target.skeleton.names:
            yield Violation(field, f"expected one of the target's bones, found {bone!r}")
        if bone in driver:
            yield Violation(field, f"expected one joint a bone; {bone!r} is {driver[bone]} already")
        driver[bone] = joint
    pelvis = target.bones.get(_pelvis(source))
    if pelvis is None:
        yield Violation("target.bones", f"expected at least a bone for {_pelvis(source)}")
    elif pelvis in target.skeleton.names:
        index = target.skeleton.index(pelvis)
        height = _height(target.skeleton, index)
        if not height > 0:
            yield Violation(
                f"target.joints[{index}].position",
                f"expected {pelvis!r} above the floor in rest pose, found it {height:g} m above the soles",
            )


def _pelvis(source: Skeleton) -> str:
    return source.names[source.pelvis]


def _height(skeleton: Skeleton, joint: int) -> float:
    return float(skeleton.positions[joint, 1]) - skeleton.sole


def _direction(skeleton: Skeleton, here: str, there: str) -> Array:
    """From one joint to another at rest, in float64."""
    step = skeleton.positions[skeleton.index(there)] - skeleton.positions[skeleton.index(here)]
    return step.astype(np.float64)


def _fill(skeleton: Skeleton, bones: NDArray[np.intp], driven: Array) -> Array:
    """Parent-relative rotations of all bones from the global ones of some; the others stay at rest."""
    rest = rest_rotations(skeleton).astype(driven.dtype)
    turned = np.empty((*driven.shape[:-2], *rest.shape), driven.dtype)
    turned[...] = rest
    turned[..., bones, :] = driven
    for joints, parents in levels(skeleton.parents):
        free = ~np.isin(joints, bones)
        still = joints[free]
        turned[..., still, :] = quat.multiply(turned[..., parents[free], :], rest[still])
    local = local_from_global(skeleton, turned)
    free = np.setdiff1d(np.arange(len(skeleton)), bones)
    local[..., free, :] = rest[free]
    return quat.normalise(local)

"""BVH: a hierarchy of offsets, then Euler angles in degrees, frame by frame.

Written with the channel order Zrotation Xrotation Yrotation and with angles that don't jump, in metres or
in centimetres. BVH has no rest rotations: its pose of zeros is the skeleton's rest pose, whatever rotations
the rest pose has. The hierarchy begins at the pelvis; joints that aren't below it are left out. Reading takes
any channel order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion import quat
from posewire_runtime.motion.contacts import foot_contacts
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.skeleton import FEET, forward, global_rotations, rest_globals
from posewire_runtime.types import Clip, Skeleton

_ORDER = "ZXY"
_END = 0.4
"""Length of an end site, as a share of the bone that leads to it."""


# ------------------------------------------------------------------------------------------- writing


def encode(clip: Clip, notes: Mapping[str, str], *, centimetres: bool = False) -> bytes:
    """The file's bytes. BVH has no room for notes."""
    del notes
    scale = 100.0 if centimetres else 1.0
    joints = _depth_first(clip.skeleton.parents, clip.skeleton.pelvis)
    lines = ["HIERARCHY", *_hierarchy(clip.skeleton, clip.skeleton.pelvis, scale, "")]
    lines += ["MOTION", f"Frames: {clip.frames}", f"Frame Time: {1 / clip.fps:.9f}"]
    angles = np.degrees(quat.unwrap_euler(quat.to_euler(_from_rest(clip, joints), _ORDER)))
    rows = np.concatenate([clip.root * scale, angles.reshape(clip.frames, -1)], axis=1)
    form = " ".join(["%.6f"] * rows.shape[1])
    lines += [form % tuple(row) for row in (np.round(rows, 6) + 0.0).tolist()]
    return ("\n".join(lines) + "\n").encode()


def _depth_first(parents: tuple[int, ...], joint: int) -> list[int]:
    """The joint and all below it, in the order in which BVH names them."""
    children = [child for child, parent in enumerate(parents) if parent == joint]
    return [joint, *(below for child in children for below in _depth_first(parents, child))]


def _hierarchy(skeleton: Skeleton, joint: int, scale: float, indent: str) -> Iterator[str]:
    """The lines of a joint and all below it."""
    is_root = joint == skeleton.pelvis
    parent = skeleton.parents[joint]
    offset = np.zeros(3) if is_root else skeleton.positions[joint] - skeleton.positions[parent]
    position = "Xposition Yposition Zposition " if is_root else ""
    name = "_".join(skeleton.names[joint].split())
    yield f"{indent}{'ROOT' if is_root else 'JOINT'} {name}"
    yield f"{indent}{{"
    inner = indent + "  "
    yield f"{inner}OFFSET {_numbers(offset * scale)}"
    channels = " ".join(f"{axis}rotation" for axis in _ORDER)
    yield f"{inner}CHANNELS {6 if is_root else 3} {position}{channels}"
    children = [child for child, above in enumerate(skeleton.parents) if above == joint]
    for child in children:
        yield from _hierarchy(skeleton, child, scale, inner)
    if not children:
        yield from (f"{inner}End Site", f"{inner}{{")
        yield f"{inner}  OFFSET {_numbers(offset * _END * scale)}"
        yield f"{inner}}}"
    yield f"{indent}}}"


def _numbers(vector: Array) -> str:
    return " ".join(f"{number:.6f}" for number in (np.round(vector, 6) + 0.0).tolist())


def _from_rest(clip: Clip, joints: list[int]) -> Array:
    """Rotations relative to the parent (L, len(joints), 4), as if all rest rotations were the identity."""
    skeleton = clip.skeleton
    turned = global_rotations(skeleton, clip.rotations.astype(np.float64))
    turned = quat.multiply(turned, quat.conjugate(rest_globals(skeleton).astype(np.float64)))
    above = [skeleton.parents[joint] for joint in joints[1:]]
    local = quat.multiply(quat.conjugate(turned[:, above]), turned[:, joints[1:]])
    return np.concatenate([turned[:, joints[:1]], local], axis=1)


# ------------------------------------------------------------------------------------------- reading


@dataclass
class _Joints:
    """A hierarchy as it is read."""

    names: list[str] = field(default_factory=list[str])
    parents: list[int] = field(default_factory=list[int])
    offsets: list[Array] = field(default_factory=list[Array])
    channels: list[tuple[str, ...]] = field(default_factory=list[tuple[str, ...]])
    ends: list[tuple[int, Array]] = field(default_factory=list[tuple[int, Array]])
    """Joints with the offsets of their end sites."""


def read(path: str | Path, metres: float = 1.0) -> Clip:
    """A clip from a file whose unit is so many metres (0.01 for centimetres).

    The rest pose is the file's pose of zeros. Of position channels only the root's count. Where the joints
    have SMPL's names the feet's contacts are found, elsewhere none are.
    """
    try:
        words = Path(path).read_text(encoding="utf-8", errors="replace").split()
        joints, fps, values = _parse(words)
        return _clip(joints, fps, values, metres)
    except (OSError, ValueError, IndexError) as error:
        raise InvalidFile(f"expected {path} to be a BVH file, but: {error}") from error


def _parse(words: list[str]) -> tuple[_Joints, float, Array]:
    """Hierarchy, frames a second, and the channels' values (L, channels)."""
    if words[:1] != ["HIERARCHY"] or "MOTION" not in words:
        raise ValueError("it has no HIERARCHY, or no MOTION after it")
    middle = words.index("MOTION")
    joints = _parse_hierarchy(words[1:middle])
    head = words[middle + 1 : middle + 6]
    if len(head) < 5 or [head[0], *head[2:4]] != ["Frames:", "Frame", "Time:"]:
        raise ValueError("after MOTION it has no 'Frames: N' and 'Frame Time: T'")
    frames, step = int(head[1]), float(head[4])
    width = sum(len(channels) for channels in joints.channels)
    values = np.array(words[middle + 6 :], np.float64)
    if frames < 1 or not step > 0 or len(values) != frames * width:
        raise ValueError(
            f"expected {frames} frames (at least one) of {width} numbers, {step} seconds (above 0) each; "
            f"found {len(values)} numbers"
        )
    if not np.isfinite(values).all():
        raise ValueError("it has numbers that are not finite")
    rate = 1 / step
    return joints, round(rate) if abs(rate - round(rate)) < 0.01 else rate, values.reshape(frames, width)


def _parse_hierarchy(words: list[str]) -> _Joints:
    joints = _Joints()
    stack: list[int] = []  # the joints whose braces are open; -1: an end site
    latest = -1
    at = 0
    while at < len(words):
        word = words[at]
        if word in ("ROOT", "JOINT"):
            # A name may hold blanks: it ends at the brace.
            brace = words.index("{", at)
            joints.names.append(" ".join(words[at + 1 : brace]))
            joints.parents.append(stack[-1] if stack else -1)
            joints.channels.append(())
            joints.offsets.append(np.zeros(3))
            latest, at = len(joints.names) - 1, brace
        elif word == "End":
            latest, at = -1, words.index("{", at)
        elif word == "{":
            stack.append(latest)
            at += 1
        elif word == "}":
            stack.pop()
            at += 1
        elif word == "OFFSET":
            offset = np.array(words[at + 1 : at + 4], np.float64)
            if stack[-1] >= 0:
                joints.offsets[stack[-1]] = offset
            else:
                joints.ends.append((stack[-2], offset))
            at += 4
        elif word == "CHANNELS":
            count = int(words[at + 1])
            joints.channels[stack[-1]] = tuple(words[at + 2 : at + 2 + count])
            at += 2 + count
        else:
            raise ValueError(f"{word!r} stands where ROOT, JOINT, End Site, OFFSET or CHANNELS is expected")
    if stack or not joints.names:
        raise ValueError("its braces don't match, or it has no joint")
    return joints


def _clip(joints: _Joints, fps: float, values: Array, metres: float) -> Clip:
    positions = np.zeros((len(joints.names), 3))
    for joint, (parent, offset) in enumerate(zip(joints.parents, joints.offsets, strict=True)):
        positions[joint] = offset * metres + (positions[parent] if parent >= 0 else 0)
    ends = [positions[joint, 1] + offset[1] * metres for joint, offset in joints.ends]
    skeleton = Skeleton(
        names=tuple(joints.names),
        parents=tuple(joints.parents),
        positions=positions.astype(np.float32),
        sole=float(min([*positions[:, 1], *ends])),
    )
    rotations = quat.identity((len(values), len(skeleton)))
    root = np.tile(positions[0], (len(values), 1))
    column = 0
    for joint, channels in enumerate(joints.channels):
        part = values[:, column : column + len(channels)]
        column += len(channels)
        for k, channel in enumerate(channels):
            axis = np.eye(3)["XYZ".index(channel[0])]
            if channel.endswith("rotation"):
                turn = quat.from_axis_angle(axis, np.radians(part[:, k]))
                rotations[:, joint] = quat.multiply(rotations[:, joint], turn)
            elif joint == 0:
                root[:, "XYZ".index(channel[0])] = part[:, k] * metres
    turned = quat.continuous(quat.normalise(rotations)).astype(np.float32)
    path = root.astype(np.float32)
    contacts = np.zeros((len(values), 4), np.bool_)
    if all(name in skeleton.names for name in FEET):
        contacts = foot_contacts(skeleton, forward(skeleton, turned, path)[1], fps)
    return Clip(skeleton, fps, turned, path, contacts)

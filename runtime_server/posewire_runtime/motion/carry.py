"""Motion that turns into other motion while both go on: no jump in place, in speed or in acceleration.

Poses are faded from one to the other; on the floor it is the steps that are faded, not the places, so that
nobody is drawn back to where the other motion would have been. The fade begins and ends level, and so gently
that speed and acceleration go on. Where the old motion ends too soon, it is taken to come to rest.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.root import RootMotion, along, from_heading, in_place, root_motion
from posewire_runtime.motion.trim import cut
from posewire_runtime.types import Clip

SECONDS = 0.6
"""How long the fade takes."""
_REST = 0.5
"""Seconds in which a motion that has ended comes to rest."""


def carry_on(old: Clip, new: Clip, at: int, begins: int, seconds: float = SECONDS) -> Clip:
    """What follows frame `at - 1` of the old motion: it turns into the new one.

    Frame `begins - 1` of the new motion shows that same moment. Both must be at least 1.
    """
    span = min(max(round(seconds * new.fps), 1), new.frames - begins)
    here = _lasting(cut(old, at - 1, min(at + span, old.frames)), _speed(old), span + 1)
    there = cut(new, begins - 1, begins + span)
    weights = _fade(span)
    here_path, there_path = root_motion(here), root_motion(there)
    pose = _faded(in_place(here, here_path), in_place(there, there_path), weights)
    path = _walked(_faded_steps(_steps(here_path), _steps(there_path), weights), here_path)
    rest = cut(new, begins + span, new.frames)
    return _joined(cut(along(pose, path), 1, span + 1), _moved(rest, there_path, path))


def _lasting(clip: Clip, speed: tuple[Array, Array], frames: int) -> Clip:
    """The clip with so many frames; in those that it lacks it comes to rest."""
    lacking = frames - clip.frames
    if lacking <= 0:
        return clip
    spin, step = speed
    speeds = 1 - _fade(max(round(_REST * clip.fps), 1))
    travelled = np.cumsum(np.resize(np.append(speeds[1:], np.zeros(lacking)), lacking)).astype(np.float32)
    turns = quat.from_rotation_vector(travelled[:, None, None] * spin)  # (n, J, 4)
    more = replace(
        clip,
        rotations=quat.multiply(turns, np.broadcast_to(clip.rotations[-1], turns.shape)).astype(np.float32),
        root=(clip.root[-1] + travelled[:, None] * step).astype(np.float32),
        contacts=np.repeat(clip.contacts[-1:], lacking, axis=0),
    )
    return _joined(clip, more)


def _speed(clip: Clip) -> tuple[Array, Array]:
    """How far joints `(J, 3)` and root `(3,)` go in the last frame that is known, if two are."""
    last = clip.frames - 1
    before = max(last - 1, 0)
    turn = quat.multiply(clip.rotations[last], quat.conjugate(clip.rotations[before]))
    return quat.to_rotation_vector(turn), clip.root[last] - clip.root[before]


def _fade(span: int) -> Array:
    """How much of the new motion there is, from 0 before the first frame to 1 in the last, `(span + 1,)`."""
    s = np.arange(span + 1) / span
    return s**3 * (10 - 15 * s + 6 * s * s)


def _faded(here: Clip, there: Clip, weights: Array) -> Clip:
    """Poses in between."""
    gaps = quat.to_rotation_vector(quat.multiply(here.rotations, quat.conjugate(there.rotations)))
    for frame in range(1, len(gaps)):  # half a turn may be told as one way round or the other
        gaps[frame] = _nearer(gaps[frame], gaps[frame - 1])
    left = (1 - weights).astype(np.float32)
    turned = quat.multiply(quat.from_rotation_vector(gaps * left[:, None, None]), there.rotations)
    return replace(
        there,
        rotations=quat.normalise(turned).astype(np.float32),
        root=(there.root + left[:, None] * (here.root - there.root)).astype(np.float32),
        contacts=np.where(left[:, None] > 0.5, here.contacts, there.contacts),
    )


def _nearer(vectors: Array, to: Array) -> Array:
    """Of the two vectors `(J, 3)` that mean the same turn the one that is nearer to another's."""
    angle = np.linalg.norm(vectors, axis=-1, keepdims=True)
    other = vectors * (1 - 2 * np.pi / np.maximum(angle, 1e-6)).astype(vectors.dtype)
    closer = np.linalg.norm(other - to, axis=-1) < np.linalg.norm(vectors - to, axis=-1)
    return np.where(closer[:, None], other, vectors)


def _steps(path: RootMotion) -> Array:
    """From each frame to the next: to the side, ahead, and turning, `(n, 3)`."""
    world = np.diff(path.positions.astype(np.float64), axis=0)
    local = quat.rotate(quat.conjugate(from_heading(_halfway(path.headings))), world)
    return np.stack([local[:, 0], local[:, 2], np.diff(path.headings)], axis=-1)


def _faded_steps(here: Array, there: Array, weights: Array) -> Array:
    middle = _halfway(weights)[:, None]
    return here + middle * (there - here)


def _walked(steps: Array, start: RootMotion) -> RootMotion:
    """The path of these steps from where another path begins."""
    headings = start.headings[0] + np.concatenate([[0.0], np.cumsum(steps[:, 2])])
    ahead = np.stack([steps[:, 0], np.zeros(len(steps)), steps[:, 1]], axis=-1)
    world = quat.rotate(from_heading(_halfway(headings)), ahead)
    positions = start.positions[0] + np.concatenate([np.zeros((1, 3)), np.cumsum(world, axis=0)])
    return RootMotion(positions.astype(np.float32), headings.astype(np.float32))


def _moved(rest: Clip, was: RootMotion, now: RootMotion) -> Clip:
    """What follows, on the floor where the end of its path is now."""
    turn = from_heading(np.asarray(now.headings[-1] - was.headings[-1], np.float32))
    origin = now.positions[-1] - quat.rotate(turn, was.positions[-1])
    frames = rest.frames
    headings = np.full(frames, now.headings[-1] - was.headings[-1], np.float32)
    return along(rest, RootMotion(np.broadcast_to(origin, (frames, 3)).astype(np.float32), headings))


def _joined(first: Clip, second: Clip) -> Clip:
    return replace(
        first,
        rotations=np.concatenate([first.rotations, second.rotations]),
        root=np.concatenate([first.root, second.root]),
        contacts=np.concatenate([first.contacts, second.contacts]),
        raw={},
    )


def _halfway(values: Array) -> Array:
    return ((values[1:] + values[:-1]) / 2).astype(np.float64)

"""Loops: the best cycle in a clip, closed so that neither place nor speed jumps when it starts again.

Frames are compared by where the joints are around the pelvis and how fast they move. Closing shares what is
left between the two ends: over some frames both bend toward the pose and speed halfway between them. A loop's
last frame is its first again, carried along by the travel: engines then play it for exactly one cycle.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.motion import quat
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.root import RootMotion, along, from_heading, in_place, place, root_motion
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.motion.trim import cut
from posewire_runtime.types import Clip

SHORTEST = 0.6
"""Seconds of the shortest cycle."""
BEND = 0.25
"""Seconds at each end that closing may change; never more than a third of the loop."""
_LENGTH_BONUS = 0.01
"""Metres of worse fit that a cycle as long as the whole clip is worth: of equals the longer one is taken."""
_SPEED_SHARE = 0.1
"""Seconds: how much a difference in speed counts against one in place."""


@dataclass(frozen=True, slots=True)
class Seam:
    """How well a clip's end leads to its start, once the start is placed where the end is."""

    metres: float
    """Largest distance of a joint in the last frame from the same joint in the first."""
    metres_per_second: float
    """Largest change of a joint's velocity from the step before the seam to the step after it."""
    usual: float
    """The same within the clip: the largest from one step to the next. A good seam isn't above it."""


@dataclass(frozen=True, eq=False)
class Loop:
    """A closed loop and how it came about."""

    clip: Clip
    start: int
    """Where in the original clip the cycle starts."""
    end: int
    """The frame that the start follows."""
    before: Seam
    """Of the clip as it was, as a whole."""
    cycle: Seam
    """Of the best cycle before it was closed."""
    after: Seam
    """Of the closed loop."""


def make_loop(clip: Clip, shortest: float = SHORTEST) -> Loop:
    """The best cycle of a clip, closed."""
    start, end = find_cycle(clip, shortest)
    chosen = cut(clip, start, end + 1)
    closed = close(clip, start, end)
    return Loop(closed, start, end, seam(clip), seam(chosen), seam(closed))


def seam(clip: Clip) -> Seam:
    """Compare a clip's last frames with its first, placed where the clip ends."""
    path = root_motion(clip)
    again = place(clip, path.positions[-1], float(path.headings[-1]))
    last, first = (_world(some) for some in (clip, again))
    jump = np.linalg.norm(last[-1] - first[0], axis=-1)
    change = np.linalg.norm((first[1] - first[0]) - (last[-1] - last[-2]), axis=-1)
    within = np.linalg.norm(np.diff(last, 2, axis=0), axis=-1)
    usual = float(within.max(initial=0)) * clip.fps
    return Seam(float(jump.max()), float(change.max()) * clip.fps, usual)


def find_cycle(clip: Clip, shortest: float = SHORTEST) -> tuple[int, int]:
    """The two frames that are most alike in pose and speed, at least `shortest` seconds apart."""
    least = round(shortest * clip.fps)
    if clip.frames < least + 2:
        message = f"expected a clip of more than {shortest:g} s to loop, found {clip.seconds:g} s"
        raise InvalidRequest.of([Violation("loop", message)])
    points = _world(in_place(clip, root_motion(clip)))
    speeds = np.gradient(points, axis=0) * clip.fps * _SPEED_SHARE
    travel = np.gradient(_steps(root_motion(clip)).cumsum(axis=0), axis=0) * clip.fps * _SPEED_SHARE
    rows = np.concatenate([part.reshape(clip.frames, -1) for part in (points, speeds)], axis=1)
    rows = rows / np.sqrt(points.shape[1])
    rows = np.concatenate([rows, travel], axis=1)
    squares = np.sum(rows**2, axis=1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0))
    gap = np.arange(clip.frames) - np.arange(clip.frames)[:, None]
    cost = np.where(gap >= least, apart - _LENGTH_BONUS * gap / clip.frames, np.inf)
    start, end = np.unravel_index(int(np.argmin(cost)), cost.shape)
    return int(start), int(end)


def close(clip: Clip, start: int, end: int) -> Clip:
    """The frames from `start` to `end`, bent so that `end` is `start` again."""
    path = root_motion(clip)
    still = in_place(clip, path)
    bend = max(1, min(round(BEND * clip.fps), (end - start) // 3))
    rotations = _closed_rotations(still.rotations.astype(np.float64), start, end, bend)
    height = _closed(still.root.astype(np.float64), start, end, bend)
    steps = _closed(np.gradient(_steps(path).cumsum(axis=0), axis=0), start, end, bend)
    part = cut(still, start, end + 1)
    contacts = part.contacts.copy()
    contacts[-1] = contacts[0]
    part = replace(
        part,
        rotations=quat.continuous(rotations).astype(np.float32),
        root=height.astype(np.float32),
        contacts=contacts,
    )
    return along(part, _walk(steps))


def _world(clip: Clip) -> Array:
    """Joints `(L, J, 3)` in the world."""
    return forward(clip.skeleton, clip.rotations.astype(np.float64), clip.root.astype(np.float64))[1]


def _steps(path: RootMotion) -> Array:
    """From each frame to the next, `(L, 3)`: ahead, to the side, and turning; the last one is repeated."""
    world = np.diff(path.positions.astype(np.float64), axis=0)
    middle = (path.headings[1:] + path.headings[:-1]) / 2
    local = quat.rotate(quat.conjugate(from_heading(middle.astype(np.float64))), world)
    steps = np.stack([local[:, 0], local[:, 2], np.diff(path.headings)], axis=-1)
    return np.concatenate([steps, steps[-1:]])


def _walk(steps: Array) -> RootMotion:
    """The path of steps `(L, 3)` taken at each frame, from the origin, facing forward."""
    between = (steps[1:] + steps[:-1]) / 2
    headings = np.concatenate([[0.0], np.cumsum(between[:, 2])])
    ahead = np.stack([between[:, 0], np.zeros(len(between)), between[:, 1]], axis=-1)
    middle = (headings[1:] + headings[:-1]) / 2
    world = quat.rotate(from_heading(middle), ahead)
    positions = np.concatenate([np.zeros((1, 3)), np.cumsum(world, axis=0)])
    return RootMotion(positions.astype(np.float32), headings.astype(np.float32))


def _closed(values: Array, start: int, end: int, bend: int) -> Array:
    """Values `(L, C)` from `start` to `end`, bent at both ends toward the halfway value and slope."""
    slopes = np.gradient(values, axis=0)
    offsets = _offsets(values[end] - values[start], slopes[end] - slopes[start], end - start + 1, bend)
    return values[start : end + 1] + offsets


def _closed_rotations(q: Array, start: int, end: int, bend: int) -> Array:
    """The same of rotations `(L, J, 4)`, by rotation vectors in the joint's own axes."""
    steps = quat.to_rotation_vector(quat.multiply(quat.conjugate(q[:-1]), q[1:]))
    speed = np.concatenate([steps[:1], (steps[1:] + steps[:-1]) / 2, steps[-1:]])
    gap = quat.to_rotation_vector(quat.multiply(quat.conjugate(q[start]), q[end]))
    offsets = _offsets(gap, speed[end] - speed[start], end - start + 1, bend)
    return quat.multiply(q[start : end + 1], quat.from_rotation_vector(offsets))


def _offsets(gap: Array, change: Array, frames: int, bend: int) -> Array:
    """Half of a gap in place and in speed at each end, eased away over `bend` frames, `(frames, …)`."""
    s = np.arange(frames) / bend
    near_start, near_end = np.minimum(s, 1), np.minimum(s[::-1], 1)
    shape = (frames, *[1] * gap.ndim)
    place = (_level(near_start) - _level(near_end)).reshape(shape)
    slope = ((_ramp(near_start) + _ramp(near_end)) * bend).reshape(shape)
    return (place * gap + slope * change) / 2


def _level(s: Array) -> Array:
    """From 1 to 0, level at both ends."""
    return 1 - s * s * (3 - 2 * s)


def _ramp(s: Array) -> Array:
    """0 at both ends, with slope 1 at 0 and level at 1."""
    return s * (1 - s) ** 2

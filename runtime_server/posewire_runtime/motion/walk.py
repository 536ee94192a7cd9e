"""A character's way through a tape and over the floor: how fast, and where to.

The tape says how the body moves; the walk decides which point of it each frame shows (pace) and turns the
body's path, a little in every frame, towards a place or a heading (target). Rates and turns change smoothly.
What has been walked is never changed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.root import RootMotion, along, root_motion
from posewire_runtime.motion.tape import Tape
from posewire_runtime.types import Clip

_RATE_CHANGE = 2.0
"""How much the rate changes in a second."""
_TURN = 2.5
"""Fastest turn towards a target, radians a second."""
_TURN_CHANGE = 6.0
"""How much that changes in a second."""
_EAGER = 2.0
"""Turn a second for each radian that is missing."""
_LOOK = 1.0
"""Seconds of path that tell where it leads."""
_GOING = 0.25
"""Metres a second; who is slower stands, and turns the way the body faces."""
_REACH = 0.4
"""Metres from the place at which it is reached; more for who is fast and can't turn as tightly."""
_FACED = math.radians(3)
"""A heading is taken when no more is missing."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Where to go."""

    place: tuple[float, float] | None = None
    """x and z on the floor; None: anywhere."""
    heading: float | None = None
    """Where to face once there, radians; None: wherever."""


class Walk:
    """Where the character is on its tape and on the floor."""

    def __init__(self, fps: float, place: tuple[float, float] = (0.0, 0.0), heading: float = 0.0) -> None:
        self._fps = fps
        self.point = 0.0
        """The point of the tape that the next frame shows."""
        self.rate = 1.0
        """Frames of the tape in a frame."""
        self.wanted = 1.0
        """The rate that it changes to."""
        self.goal: Goal | None = None
        self._turn: float = heading
        """By how much the tape's path is turned."""
        self._spin = 0.0
        """How fast that changes, radians a second."""
        self._origin = np.array([place[0], 0.0, place[1]])
        """Where the turned tape's origin lies."""

    def points(self, count: int, end: int) -> Array:
        """The points of the next frames, as far as they lie before `end`; changes nothing."""
        rate, point, found = self.rate, self.point, list[float]()
        while len(found) < count and point <= end - 1:
            found.append(point)
            rate = _toward(rate, self.wanted, _RATE_CHANGE / self._fps)
            point += rate
        return np.array(found)

    def go(self, tape: Tape, points: Array) -> Clip:
        """The frames at these points, which `points` gave, on the floor; the walk goes on behind them."""
        clip = tape.at(points)
        path = root_motion(clip)
        steers = self.goal is not None or self._spin != 0.0
        turns, origins = self._bends(tape, points, path) if steers else self._straight(path)
        self._advance(points)
        return along(clip, RootMotion(origins.astype(np.float32), turns.astype(np.float32)))

    def _advance(self, points: Array) -> None:
        for _ in points:
            self.rate = _toward(self.rate, self.wanted, _RATE_CHANGE / self._fps)
        self.point = float(points[-1]) + self.rate
        if self.rate == 1.0 and abs(self.point - round(self.point)) < 1e-3:
            self.point = float(round(self.point))

    def _straight(self, path: RootMotion) -> tuple[Array, Array]:
        """Turn and origin of each frame, where nothing turns."""
        frames = len(path.headings)
        return np.full(frames, self._turn), np.broadcast_to(self._origin, (frames, 3))

    def _bends(self, tape: Tape, points: Array, path: RootMotion) -> tuple[Array, Array]:
        """Turn and origin of each frame, `(n,)` and `(n, 3)`; each turn is about where the pelvis is then."""
        turns, origins = np.empty(len(points)), np.empty((len(points), 3))
        ways = _ways(tape, points, self._fps)
        for i, here in enumerate(path.positions.astype(np.float64)):
            world = _turned(here, self._turn) + self._origin
            wanted = self._wanted_spin(world, ways[i], float(path.headings[i]))
            self._spin = _toward(self._spin, wanted, _TURN_CHANGE / self._fps)
            self._turn += self._spin / self._fps
            self._origin = world - _turned(here, self._turn)
            turns[i], origins[i] = self._turn, self._origin
        return turns, origins

    def _wanted_spin(self, world: Array, way: Array, facing: float) -> float:
        """How fast to turn now, radians a second; drops a goal that is reached."""
        goal = self.goal
        if goal is None:
            return 0.0
        speed = float(np.hypot(way[0], way[2])) * self.rate
        leads = math.atan2(way[0], way[2]) if speed > _GOING else facing
        if goal.place is None:
            assert goal.heading is not None
            missing = _wrapped(goal.heading - facing - self._turn)
            if abs(missing) < _FACED:
                self.goal = None
            return _limited(missing)
        x, z = goal.place[0] - world[0], goal.place[1] - world[2]
        if math.hypot(x, z) < max(_REACH, speed / _TURN):
            self.goal = None if goal.heading is None else Goal(heading=goal.heading)
            return 0.0
        return _limited(_wrapped(math.atan2(x, z) - leads - self._turn))


def _ways(tape: Tape, points: Array, fps: float) -> Array:
    """Metres a second that the path leads from each point on, in the tape's directions, `(n, 3)`."""
    start = int(points[0])
    root = tape.part(start, tape.end).root.astype(np.float64)
    here = np.minimum(points.astype(np.intp) - start, len(root) - 1)
    there = np.minimum(here + round(_LOOK * fps), len(root) - 1)
    span = np.maximum(there - here, 1)[:, None] / fps
    return (root[there] - root[here]) / span


def _turned(position: Array, radians: float) -> Array:
    """A position turned about the vertical through the origin."""
    c, s = math.cos(radians), math.sin(radians)
    return np.array([c * position[0] + s * position[2], position[1], c * position[2] - s * position[0]])


def _toward(value: float, wanted: float, most: float) -> float:
    return value + min(max(wanted - value, -most), most)


def _limited(missing: float) -> float:
    return min(max(missing * _EAGER, -_TURN), _TURN)


def _wrapped(radians: float) -> float:
    return math.remainder(radians, 2 * math.pi)

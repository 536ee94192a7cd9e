"""Where the body goes and where the feet stand: a plan of footsteps, then its curves over time.

Everything is a function of the *phase*, which counts gait cycles and rests while the puppet stands. The
body's path over the phase comes first; each foot is planted where the body will be at the middle of its
stance and stays exactly there until its next swing. So feet cannot slide, whatever the path does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, fields

import numpy as np

from posewire_runtime.motion.quat import Array
from posewire_runtime.puppet.script import WALK, Act, Gait

Curve = Array
"""Numbers over time, or over the phase."""

LEFT, RIGHT = 0, 1

_FIGURES = tuple(figure.name for figure in fields(Gait))

_GRID = 0.02
"""Cycles between two samples of the path."""
_RAMP = 0.6
"""Cycles that getting up to speed takes, and coming to rest."""
_FIRST = 0.4
"""Middle of a bout's first swing, in cycles from its beginning."""
_AFTER = 0.35
"""Cycles from the middle of the last swing to the end of the bout."""
_WALK_SWING = 0.4
"""The share of a cycle that a foot swings at low speed, whatever the gait."""
_ROLL = 0.25
"""Cycles that a heel takes to rise before its foot swings."""
_LAND = 0.1
"""Cycles that a foot takes to come down flat after its heel struck."""
_STANCE = 0.1
"""Half the distance between standing feet, metres."""
_NARROWER = 0.045
"""How much nearer to the middle a foot comes down at full speed, metres."""
_BEHIND = 0.048
"""How far the ankles stand behind the pelvis, metres."""
_FURTHER = 0.016
"""How much further they are behind it in the middle of a stance at full speed, metres."""
_LEAD, _TRAIL = 0.4, 0.5
"""How far a foot may come down in front of the body, and stay behind it, metres."""
_TOE_OUT = np.radians(3.0)
"""What the feet turn out beyond the rest pose, which turns them out by 5 degrees."""
_HOLD = (0.15, 0.25)
"""Seconds of standing at the beginning and at the end of a clip that begins or ends with going."""


@dataclass(frozen=True, eq=False)
class Feet:
    """Both feet over time; the second axis is left, right."""

    place: Curve  # (L, 2, 3)
    """Where the ankle would stand, were the foot flat on the floor: y is the lift."""
    yaw: Curve  # (L, 2)
    pitch: Curve  # (L, 2)
    """Radians, toes up positive; below zero the heel is up."""
    swing: Curve  # (L, 2)
    """How far through its swing a foot is; 0 and 1 on the floor."""


@dataclass(frozen=True, eq=False)
class Steps:
    """The plan, sampled at the frames."""

    ground: Curve  # (L, 2)
    """Where the body is on the floor: x, z."""
    heading: Curve  # (L,)
    """Radians to the left."""
    cycle: Curve  # (L,)
    """Gait cycles; the left foot is in mid-swing at whole numbers, the right one half a cycle later."""
    style: Mapping[str, Curve]
    """The gait's figures by name, fading in from 0 and out again."""
    going: Curve  # (L,)
    """0 standing, 1 under way."""
    feet: Feet


@dataclass(frozen=True, eq=False)
class _Bout:
    """Going without a stop: one or several acts, a whole number of steps."""

    steps: int
    first: int
    """The foot that goes first."""
    begin: float
    """Phase of its beginning."""
    phases: Curve  # (G,)
    path: Curve  # (G, 3)
    """x, z, heading."""
    style: Curve  # (G, len(_FIGURES) + 1)
    """The gaits' figures, smoothed; the last column tells how far the bout is under way."""

    @property
    def end(self) -> float:
        return float(self.phases[-1])


@dataclass(frozen=True, eq=False)
class _Swings:
    """Swings of one foot, in order."""

    begin: Curve  # (S,)
    end: Curve  # (S,)
    push: Curve  # (S,)
    """How far the heel is up as it begins, radians."""
    roll: Curve  # (S,)
    """Cycles that the heel takes to rise before."""
    strike: Curve  # (S,)
    """How far the toes are up as it ends, radians."""
    lift: Curve  # (S,)
    """How high it goes, metres."""
    plants: Curve  # (S, 3)
    """x, z, yaw where it ends."""


def plan(spans: Sequence[tuple[Act, float]], times: Curve, first: int, tempo: float) -> Steps:
    """Footsteps for acts of so many seconds each, sampled at `times`."""
    knots = [np.zeros((1, 2))]  # time, phase
    bouts: list[_Bout] = []
    here = np.zeros(3)
    for begin, end, acts in _going(spans):
        phase = float(knots[-1][-1, 1])
        bout = _bout(acts, begin=phase, here=here, first=first, tempo=tempo)
        seconds = np.cumsum([0.0, *(seconds for _, seconds in acts)])
        cycles = np.cumsum([0.0, *(_gait(act).cadence * seconds for act, seconds in acts)])
        moments = begin + (end - begin) * seconds / seconds[-1]
        knots.append(np.stack([moments, phase + (bout.end - phase) * cycles / cycles[-1]], axis=-1))
        bouts.append(bout)
        here = bout.path[-1]
        first = (first + bout.steps) % 2
    table = np.concatenate(knots)
    return _sample(bouts, np.interp(times, table[:, 0], table[:, 1]))


def _going(spans: Sequence[tuple[Act, float]]) -> list[tuple[float, float, list[tuple[Act, float]]]]:
    """Acts that go and follow one another: when from, until when, and what."""
    out: list[tuple[float, float, list[tuple[Act, float]]]] = []
    total = sum(seconds for _, seconds in spans)
    now, going = 0.0, False
    for act, seconds in spans:
        if act.gait is not None:
            begin, _, acts = out.pop() if going else (max(now, _HOLD[0]), now, [])
            out.append((begin, min(now + seconds, total - _HOLD[1]), [*acts, (act, seconds)]))
        going = act.gait is not None
        now += seconds
    return out


def _gait(act: Act) -> Gait:
    return act.gait or WALK


def _bout(acts: Sequence[tuple[Act, float]], *, begin: float, here: Curve, first: int, tempo: float) -> _Bout:
    """A whole number of steps that comes nearest to the acts' cadence."""
    cycles = np.array([_gait(act).cadence * seconds * tempo for act, seconds in acts])
    steps = max(2, round(2 * (float(cycles.sum()) - _FIRST - _AFTER)) + 1)
    total = _FIRST + 0.5 * (steps - 1) + _AFTER
    x = np.append(np.arange(0.0, total, _GRID), total)
    act_of = np.searchsorted(np.cumsum(cycles)[:-1] / cycles.sum() * total, x, side="right")
    inside = (x > _RAMP / 2 + 0.1) & (x < total - _RAMP / 2 - 0.1)
    playing = (act_of[:, None] == np.arange(len(acts))) & inside[:, None]  # (G, acts)
    smooth = _smooth(playing.astype(np.float64))

    turns = np.radians([act.turn for act, _ in acts])
    samples = np.maximum(playing.sum(axis=0), 1)
    heading = here[2] + np.cumsum(smooth @ (turns / samples))
    style = smooth @ np.array([(*astuple(_gait(act)), 1.0) for act, _ in acts])
    speed = style[:, 0] * np.diff(x, prepend=0.0)
    path = np.stack(
        [here[0] + np.cumsum(speed * np.sin(heading)), here[1] + np.cumsum(speed * np.cos(heading)), heading],
        axis=-1,
    )
    if turns[0]:
        first = LEFT if turns[0] > 0 else RIGHT
    return _Bout(steps, first, begin, begin + x, path, style)


def _smooth(columns: Curve) -> Curve:
    """Each column under a raised cosine of `_RAMP` cycles."""
    window = np.hanning(round(_RAMP / _GRID) + 3)[1:-1]
    window /= window.sum()
    smooth = np.empty_like(columns)
    for column in range(columns.shape[1]):
        smooth[:, column] = np.convolve(columns[:, column], window, mode="same")
    return smooth


def _sample(bouts: Sequence[_Bout], phase: Curve) -> Steps:
    """The plan at the phases of the frames."""
    feet = _feet(bouts, phase)
    if not bouts:
        still = np.zeros(len(phase))
        return Steps(np.zeros((len(phase), 2)), still, still, dict.fromkeys(_FIGURES, still), still, feet)
    grid = np.concatenate([bout.phases for bout in bouts])
    path = np.concatenate([bout.path for bout in bouts])
    style = np.concatenate([bout.style for bout in bouts])
    cycle = np.concatenate([bout.phases - bout.begin - _FIRST + bout.first / 2 for bout in bouts])
    x, z, heading, cycle, *figures, going = _lookup(phase, grid, np.column_stack([path, cycle, style]))
    named = dict(zip(_FIGURES, figures, strict=True))
    return Steps(np.stack([x, z], axis=-1), heading, cycle, named, going, feet)


def _lookup(phase: Curve, grid: Curve, table: Curve) -> list[Curve]:
    """The columns of a table (G, C), each read at the phases."""
    return [np.interp(phase, grid, table[:, column]) for column in range(table.shape[1])]


def _swings(bout: _Bout, side: int, before: Curve) -> _Swings:
    """The swings that a foot makes in a bout, from where it stood before."""
    middles = np.arange((side - bout.first) % 2, bout.steps, 2) * 0.5 + _FIRST + bout.begin
    *figures, going = _lookup(middles, bout.phases, bout.style)
    gait = {name: figure / np.maximum(going, 0.1) for name, figure in zip(_FIGURES, figures, strict=True)}
    swing = np.maximum(gait["swing"] * going, _WALK_SWING)
    begin, end = middles - swing / 2, middles + swing / 2
    stand = _stands(bout, end, np.append(begin[1:], bout.end))
    speed = np.interp(stand, bout.phases, bout.style[:, 0]) / WALK.stride
    plants = _plants(_lookup(stand, bout.phases, bout.path), side, speed)
    way = np.diff(plants[:, :2], axis=0, prepend=before[None, :2])
    vigour = np.clip(np.sqrt(np.sum(way * way, axis=-1)) / WALK.stride, 0.3, 1.0)
    return _Swings(
        begin,
        end,
        push=np.radians(gait["push"]) * vigour,
        roll=np.minimum(_ROLL, begin - bout.begin),
        strike=np.radians(gait["strike"]) * vigour,
        lift=gait["lift"] * vigour,
        plants=plants,
    )


def _stands(bout: _Bout, strike: Curve, leave: Curve) -> Curve:
    """Phases at which the body is over its stances: their middles, but for hasty starts and stops.

    There the middle would be out of reach from where the body is as the foot strikes, or leaves.
    """
    step = np.diff(bout.path[:, :2], axis=0, prepend=bout.path[:1, :2])
    way = np.cumsum(np.sqrt(np.sum(step * step, axis=-1)))
    wanted = np.where(leave < bout.end, (strike + leave) / 2, bout.end)
    at, first, last = (np.interp(phase, bout.phases, way) for phase in (wanted, strike, leave))
    near = np.clip(at, last - _TRAIL, first + _LEAD)
    return np.where(np.abs(near - at) > 1e-6, np.interp(near, way, bout.phases), wanted)


def _plants(centre: Sequence[Curve] | Curve, side: int, speed: Curve | float) -> Curve:
    """Where a foot stands beside the body at `centre` (x, z, heading): x, z, yaw (..., 3)."""
    x, z, heading = centre
    sign = 1 if side == LEFT else -1
    speed = np.minimum(speed, 1.0)
    across, along = sign * (_STANCE - _NARROWER * speed), -_BEHIND - _FURTHER * speed
    sine, cosine = np.sin(heading), np.cos(heading)
    return np.stack(
        [x + across * cosine + along * sine, z - across * sine + along * cosine, heading + sign * _TOE_OUT],
        axis=-1,
    )


def _feet(bouts: Sequence[_Bout], phase: Curve) -> Feet:
    """Both feet at the phases of the frames."""
    curves: list[tuple[Curve, ...]] = []
    for side in (LEFT, RIGHT):
        start = _plants(np.zeros(3), side, 0.0)
        swings = [_still(-1.0, start)]
        for bout in bouts:
            swings.append(_swings(bout, side, swings[-1].plants[-1]))
        columns = zip(*(list(vars(part).values()) for part in [*swings, _still(np.inf, start)]), strict=True)
        curves.append(_foot(_Swings(*(np.concatenate(column) for column in columns)), phase))
    return Feet(*(np.stack(both, axis=1) for both in zip(*curves, strict=True)))


def _still(end: float, plant: Curve) -> _Swings:
    """A swing that goes nowhere, long before everything or long after."""
    nought, one = np.zeros(1), np.ones(1)
    return _Swings(one * (end - 1), one * end, nought, one, nought, nought, plant[None])


def _foot(swings: _Swings, phase: Curve) -> tuple[Curve, Curve, Curve, Curve]:
    """One foot: place, yaw, pitch and progress of the swing."""
    now = np.maximum(np.searchsorted(swings.begin, phase, side="right") - 1, 0)
    begin, length = swings.begin[now], (swings.end[:-1] - swings.begin[:-1])[now]
    push, roll, strike = swings.push[now], swings.roll[now], swings.strike[now]
    u = np.clip((phase - begin) / length, 0.0, 1.0)
    origin = swings.plants[np.maximum(now - 1, 0)]
    spot = origin + _ease(u)[:, None] * (swings.plants[now] - origin)

    landing = strike * (1 - _ease(np.clip((phase - begin - length) / _LAND, 0, 1)))
    rising = np.clip(1 - (swings.begin[now + 1] - phase) / swings.roll[now + 1], 0, 1)
    standing = landing - swings.push[now + 1] * rising**2 * (2 - rising)
    # A cubic from the push, where the heel still rises, to the strike.
    swinging = (
        -push * (1 - 3 * u**2 + 2 * u**3)
        - push * length / roll * (u - 2 * u**2 + u**3)
        + strike * (3 * u**2 - 2 * u**3)
    )
    lift = swings.lift[now] * 16 * u**2 * (1 - u) ** 2
    place = np.stack([spot[:, 0], lift, spot[:, 1]], axis=-1)
    return place, spot[:, 2], np.where(u < 1, swinging, standing), u


def _ease(u: Curve) -> Curve:
    """0 to 1 with neither speed nor acceleration at the ends."""
    return u**3 * (10 - 15 * u + 6 * u**2)

"""Which passes a row wants, and doing them: always in the same order, whatever the order they are named in.

trim, mirror, ground, plant, foot-lock, loop, fps=N   on the model's skeleton
(retargeting)
root-motion or in-place, additive, keys=MM      on the rig's
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from posewire_runtime.bake.rigs import Rig
from posewire_runtime.formats.tracks import ROTATION, TRANSLATION, Keys, Tracks, tracks_of
from posewire_runtime.motion.additive import additive
from posewire_runtime.motion.contacts import ground
from posewire_runtime.motion.footlock import lock_feet, sliding
from posewire_runtime.motion.loop import make_loop
from posewire_runtime.motion.plant import plant
from posewire_runtime.motion.reduce import reduce_keys
from posewire_runtime.motion.resample import resample
from posewire_runtime.motion.root import in_place, place
from posewire_runtime.motion.skeleton import forward, mirror
from posewire_runtime.motion.travel import smooth_travel
from posewire_runtime.motion.trim import active_window, cut
from posewire_runtime.types import Clip

PLAIN = ("trim", "mirror", "ground", "plant", "foot-lock", "loop", "root-motion", "in-place", "additive")
RATES = (10.0, 240.0)
"""Lowest and highest frame rate."""
BOUNDS = (0.01, 50.0)
"""Lowest and highest bound of key reduction, millimetres."""
KEY_BOUND = 0.5
"""Millimetres, where `keys` says none."""


@dataclass(frozen=True, slots=True)
class Passes:
    """What shall be done to a clip."""

    names: frozenset[str] = frozenset()
    """Of PLAIN."""
    fps: float | None = None
    """Frames a second; None: the model's."""
    keys: float | None = None
    """Bound of key reduction in millimetres; None: every frame is a key."""

    def __str__(self) -> str:
        words = [name for name in PLAIN if name in self.names]
        words += [f"fps={self.fps:g}"] if self.fps else []
        words += [f"keys={self.keys:g}"] if self.keys else []
        return " ".join(words)


def parse_passes(text: str) -> Passes:
    """From words separated by blanks or commas; raises `ValueError` that says what was expected."""
    names: set[str] = set()
    fps = keys = None
    for word in re.split(r"[\s,]+", text.strip()):
        name, _, value = word.partition("=")
        if name == "fps":
            fps = _number(word, value, RATES)
        elif name == "keys":
            keys = _number(word, value or str(KEY_BOUND), BOUNDS)
        elif word in PLAIN:
            names.add(word)
        elif word:
            raise ValueError(f"expected passes of {', '.join(PLAIN)}, fps=N, keys=MM; found {word!r}")
    for one, other in (("root-motion", "in-place"), ("root-motion", "additive")):
        if {one, other} <= names:
            raise ValueError(f"expected one of {one} and {other}, found both")
    return Passes(frozenset(names), fps, keys)


def _number(word: str, value: str, limits: tuple[float, float]) -> float:
    low, high = limits
    try:
        number = float(value)
    except ValueError:
        number = float("nan")
    if not low <= number <= high:
        raise ValueError(f"expected a number from {low:g} to {high:g}, found {word!r}")
    return number


@dataclass
class Worked:
    """A clip on its way through the passes, and what they report."""

    clip: Clip
    report: dict[str, Any] = field(default_factory=dict[str, Any])
    loops: bool = False


def work(clip: Clip, passes: Passes, rig: Rig) -> tuple[Tracks, dict[str, Any]]:
    """Do everything; gives the tracks to write and what there is to tell."""
    worked = Worked(clip)
    for name in _ON_MODEL:
        if name in passes.names:
            _ON_MODEL[name](worked)
    if passes.fps and passes.fps != worked.clip.fps:
        worked.report["fps"] = {"native": worked.clip.fps}
        worked.clip = resample(worked.clip, passes.fps)
    worked.clip = rig.put(worked.clip)
    tracks = _tracks(worked, passes)
    tracks = replace(tracks, body=rig.body, loops=worked.loops)
    if passes.keys:
        tracks = _fewer_keys(tracks, passes.keys, worked.report)
    return tracks, worked.report


def _trim(worked: Worked) -> None:
    start, end = active_window(worked.clip)
    worked.report["trim"] = {"start": start, "end": end, "frames": worked.clip.frames}
    worked.clip = cut(worked.clip, start, end)


def _mirror(worked: Worked) -> None:
    worked.clip = mirror(worked.clip)
    worked.report["mirror"] = True


def _ground(worked: Worked) -> None:
    clip = worked.clip
    _, positions = forward(clip.skeleton, clip.rotations, clip.root)
    root = ground(clip.skeleton, clip.root, positions).astype(np.float32)
    worked.report["ground"] = {"metres": round(float((root - clip.root)[0, 1]), 6)}
    worked.clip = replace(clip, root=root)


def _plant(worked: Worked) -> None:
    before = worked.clip
    worked.clip = plant(before)
    worked.report["plant"] = {"way_before": _way(before), "way_after": _way(worked.clip), "unit": "metres"}


def _way(clip: Clip) -> float:
    """How long the path over the floor is, metres."""
    return round(float(np.linalg.norm(np.diff(clip.root[:, [0, 2]], axis=0), axis=-1).sum()), 4)


def _lock(worked: Worked) -> None:
    locked = lock_feet(worked.clip)
    worked.report["foot_lock"] = {
        "sliding_before": round(sliding(worked.clip), 6),
        "sliding_after": round(sliding(locked), 6),
        "unit": "metres a second, mean over contacts",
    }
    worked.clip = locked


def _loop(worked: Worked) -> None:
    loop = make_loop(worked.clip)
    seams = {name: asdict(getattr(loop, name)) for name in ("before", "cycle", "after")}
    rounded = {name: {k: round(v, 6) for k, v in seam.items()} for name, seam in seams.items()}
    worked.report["loop"] = {"start": loop.start, "end": loop.end, **rounded}
    worked.clip, worked.loops = loop.clip, True


_ON_MODEL = {
    "trim": _trim,
    "mirror": _mirror,
    "ground": _ground,
    "plant": _plant,
    "foot-lock": _lock,
    "loop": _loop,
}


def _tracks(worked: Worked, passes: Passes) -> Tracks:
    """What moves the character through the world, and what the clip is relative to."""
    clip = worked.clip
    travel = None
    if passes.names & {"root-motion", "in-place"}:
        clip = place(clip, np.zeros(3, np.float32), 0.0)
        travel = smooth_travel(clip)
        worked.report["travel"] = {
            "metres": round(float(np.linalg.norm(travel.positions[-1] - travel.positions[0])), 4),
            "turn_degrees": round(float(np.degrees(travel.headings[-1] - travel.headings[0])), 2),
        }
    if travel is not None and "in-place" in passes.names:
        worked.report["travel"]["positions"] = np.round(travel.positions[:, [0, 2]], 4).tolist()
        worked.report["travel"]["headings"] = np.round(travel.headings, 5).tolist()
        clip, travel = in_place(clip, travel), None
    if "additive" in passes.names:
        clip = additive(clip)
        worked.report["additive"] = {"reference_frame": 0}
    return tracks_of(clip, travel)


def _fewer_keys(tracks: Tracks, millimetres: float, report: dict[str, Any]) -> Tracks:
    turns, places = reduce_keys(tracks.skeleton, tracks.rotations, tracks.translations, millimetres / 1000)
    keys: dict[tuple[int, str], Keys] = dict(_named(turns, places))
    kept = sum(len(some) for some in keys.values())
    report["keys"] = {"bound_mm": millimetres, "kept": kept, "of": len(keys) * tracks.frames}
    return replace(tracks, keys=keys)


def _named(turns: dict[int, Keys], places: dict[int, Keys]) -> Iterator[tuple[tuple[int, str], Keys]]:
    yield from (((joint, ROTATION), some) for joint, some in turns.items())
    yield from (((joint, TRANSLATION), some) for joint, some in places.items())

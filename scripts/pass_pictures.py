"""Draws docs/pictures/bake/*.png: what each pass of `posewire bake` does, measured on a clip of the stand-in.

.venv/bin/python scripts/pass_pictures.py
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from posewire_runtime import puppet
from posewire_runtime.bake.passes import parse_passes, work
from posewire_runtime.bake.rigs import rig
from posewire_runtime.figure.picture import draw
from posewire_runtime.formats.events import contact_events
from posewire_runtime.formats.tracks import ROTATION
from posewire_runtime.motion import quat
from posewire_runtime.motion.additive import additive
from posewire_runtime.motion.footlock import lock_feet
from posewire_runtime.motion.join import join
from posewire_runtime.motion.loop import make_loop
from posewire_runtime.motion.plant import plant
from posewire_runtime.motion.resample import resample
from posewire_runtime.motion.root import root_motion
from posewire_runtime.motion.skeleton import forward, mirror
from posewire_runtime.motion.travel import smooth_travel
from posewire_runtime.motion.trim import active_window
from posewire_runtime.types import Clip

TARGET = Path(__file__).parents[1] / "docs/pictures/bake"
SIZE, MARGIN = (1800, 560), (150, 90, 60, 90)
INK, FAINT, PAPER = (38, 42, 54), (128, 130, 140), (248, 246, 242)
COLOURS = ((222, 104, 58), (70, 100, 170), (90, 150, 110))
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass
class Line:
    """A curve of a chart."""

    name: str
    x: Array
    y: Array
    dots: bool = False


def chart(
    name: str,
    title: str,
    axes: tuple[str, str],
    lines: Sequence[Line],
    shaded: Sequence[tuple[float, float]] = (),
    equal: bool = False,
) -> None:
    """Draw curves into docs/pictures/bake/NAME.png."""
    image = Image.new("RGB", SIZE, PAPER)
    pen = ImageDraw.Draw(image)
    left, top, right, bottom = MARGIN[0], MARGIN[1], SIZE[0] - MARGIN[2], SIZE[1] - MARGIN[3]
    xs, ys = (np.concatenate([getattr(line, k) for line in lines]) for k in "xy")
    low, high = np.array([xs.min(), ys.min()]), np.array([xs.max(), ys.max()])
    high = np.maximum(high, low + 1e-6)
    low, high = low - [0, 0.06] * (high - low), high + [0, 0.06] * (high - low)
    scale = np.array([right - left, bottom - top]) / (high - low)
    if equal:
        scale = np.full(2, scale.min())

    def at(x: float, y: float) -> tuple[float, float]:
        return left + (x - low[0]) * scale[0], bottom - (y - low[1]) * scale[1]

    large, small = ImageFont.load_default(32), ImageFont.load_default(24)
    for a, b in shaded:
        pen.rectangle([at(a, high[1]), at(b, low[1])], fill=(233, 229, 220))
    for k in range(5):
        x, y = (low + (high - low) * k / 4).tolist()
        pen.line([at(low[0], y), at(high[0], y)], fill=(226, 222, 214), width=2)
        pen.text((left - 14, at(low[0], y)[1]), f"{y:.2f}", fill=FAINT, font=small, anchor="rm")
        pen.text((at(x, low[1])[0], bottom + 14), f"{x:.1f}", fill=FAINT, font=small, anchor="ma")
    for line, colour in zip(lines, COLOURS, strict=False):
        points = [at(float(x), float(y)) for x, y in zip(line.x, line.y, strict=True)]
        if line.dots:
            for x, y in points:
                pen.ellipse([x - 7, y - 7, x + 7, y + 7], fill=colour)
        else:
            pen.line(points, fill=colour, width=5, joint="curve")
    pen.text((left, 24), title, fill=INK, font=large)
    end = float(right)
    for line, colour in reversed(list(zip(lines, COLOURS, strict=False))):
        pen.text((end, 30), line.name, fill=colour, font=small, anchor="ra")
        end -= small.getlength(line.name) + 36
    pen.text((right, SIZE[1] - 12), axes[0], fill=FAINT, font=small, anchor="rb")
    pen.text((14, top - 16), axes[1], fill=FAINT, font=small, anchor="lb")
    save(name, image)


def save(name: str, image: Image.Image) -> None:
    """Half as large, with few colours."""
    TARGET.mkdir(parents=True, exist_ok=True)
    small = image.reduce(2).quantize(64)
    small.save(TARGET / f"{name}.png", optimize=True)


def sheets(name: str, clips: Sequence[tuple[Clip, str]]) -> None:
    """Contact sheets of clips, one above the other."""
    pictures = [Image.open(io.BytesIO(draw(clip, title))).convert("RGB") for clip, title in clips]
    image = Image.new("RGB", (pictures[0].width, sum(p.height for p in pictures)), PAPER)
    height = 0
    for picture in pictures:
        image.paste(picture, (0, height))
        height += picture.height
    save(name, image)


def places(clip: Clip) -> Array:
    """Joints in the world."""
    return forward(clip.skeleton, clip.rotations.astype(float), clip.root.astype(float))[1]


def swayed(clip: Clip, amount: float = 0.02) -> Clip:
    """With the pelvis swaying, as a network's does."""
    t = np.arange(clip.frames)[:, None] / clip.fps
    sway = amount * np.sin(2 * np.pi * np.array([0.7, 0.9, 0.5]) * t + [0, 1, 2])
    return replace(clip, root=(clip.root + sway * [1, 0.2, 1]).astype(np.float32))


def glide(clip: Clip) -> Clip:
    """The clip with half as much way again in every step as its legs make."""
    root = clip.root.copy()
    root[:, [0, 2]] *= 1.5
    return replace(clip, root=root)


def times(clip: Clip) -> Array:
    """Of its frames, seconds."""
    return np.arange(clip.frames) / clip.fps


def main() -> None:
    """Draw all."""
    walk = swayed(puppet.perform("a person walks forward", 120, 30, 3))
    locked = lock_feet(walk)
    toe = walk.skeleton.index("L_Foot")
    speed = [np.linalg.norm(np.gradient(places(c)[:, toe], axis=0), axis=-1) * 30 for c in (walk, locked)]
    speed = [np.minimum(one, 0.5) for one in speed]
    runs = np.flatnonzero(np.diff(np.pad(walk.contacts[:, 1].astype(int), 1)))
    shaded = [(a / 30, (b - 1) / 30) for a, b in zip(runs[::2], runs[1::2], strict=True)]
    lines = [Line("before", times(walk), speed[0]), Line("after", times(walk), speed[1])]
    title = "foot-lock: speed of the left toes (cut off at 0.5), contacts shaded"
    chart("foot-lock", title, ("s", "m/s"), lines, shaded)

    gliding = glide(walk)
    speed = [
        np.linalg.norm(np.gradient(places(c)[:, [toe, toe + 1]], axis=0), axis=-1).min(1) * 30
        for c in (gliding, plant(gliding))
    ]
    lines = [Line("before", times(walk), speed[0]), Line("after", times(walk), speed[1])]
    chart("plant", "plant: speed of the slower toes of a walk that goes too far", ("s", "m/s"), lines)

    path, smooth = root_motion(walk), smooth_travel(walk)
    lines = [
        Line("pelvis", path.positions[:, 2], path.positions[:, 0]),
        Line("root bone", smooth.positions[:, 2], smooth.positions[:, 0]),
    ]
    chart(
        "root-motion",
        "root-motion: less sway on the root bone, from above, enlarged across",
        ("m", "m"),
        lines,
    )

    tracks, _ = work(walk, parse_passes("in-place"), rig("smpl22"))
    lines = [
        Line("before", times(walk), walk.root[:, 2] - walk.root[0, 2]),
        Line("in place", times(walk), tracks.clip.root[:, 2]),
    ]
    chart("in-place", "in-place: how far ahead the pelvis is", ("s", "m"), lines)

    loop = make_loop(swayed(puppet.perform("a person turns around and waves", 100, 30, 5), 0.03))
    hand = loop.clip.skeleton.index("R_Wrist")
    cycle = places(loop.clip)[:, hand, 1]
    first = places(swayed(puppet.perform("a person turns around and waves", 100, 30, 5), 0.03))[:, hand, 1]
    lines = [
        Line("clip, twice", np.arange(200) / 30, np.tile(first, 2)),
        Line("loop, again and again", np.arange(200) / 30, np.resize(cycle[:-1], 200)),
    ]
    chart("loop", "loop: height of the right hand, played again and again", ("s", "m"), lines)

    wave = puppet.perform("a person waves", 90, 30, 2)
    late = replace(
        wave,
        rotations=np.concatenate(
            [wave.rotations[:1].repeat(40, 0), wave.rotations, wave.rotations[-1:].repeat(30, 0)]
        ),
        root=np.concatenate([wave.root[:1].repeat(40, 0), wave.root, wave.root[-1:].repeat(30, 0)]),
        contacts=np.ones((160, 4), np.bool_),
    )
    fastest = np.linalg.norm(np.gradient(places(late), axis=0), axis=-1).max(axis=-1) * 30
    start, end = active_window(late)
    chart(
        "trim", "trim: what is kept, shaded", ("s", "m/s"),
        [Line("fastest joint", times(late), fastest)], [(start / 30, (end - 1) / 30)],
    )  # fmt: skip

    fast = resample(puppet.perform("a person waves", 30, 30, 2), 60)
    slow = puppet.perform("a person waves", 30, 30, 2)
    hands = [places(c)[:, c.skeleton.index("R_Wrist"), 1] for c in (slow, fast)]
    lines = [
        Line("60 fps", times(fast), hands[1], dots=True),
        Line("30 fps", times(slow), hands[0], dots=True),
    ]
    chart("fps", "fps=60: height of the hand; every old frame is kept", ("s", "m"), lines)

    tracks, _ = work(
        puppet.perform("a person walks forward", 90, 30, 3), parse_passes("keys=2"), rig("smpl22")
    )
    knee = tracks.skeleton.index("L_Knee")
    bend = np.degrees(quat.angle(tracks.rotations[:, knee], quat.identity()))
    keys = tracks.kept(knee, ROTATION)
    lines = [
        Line("left knee, degrees", times(tracks.clip), bend),
        Line("keys", keys / 30, bend[keys], dots=True),
    ]
    chart("keys", "keys=2: the keys that are kept for 2 mm", ("s", "degrees"), lines)

    floating = replace(walk, root=walk.root + np.array([0, 0.07, 0], np.float32))
    grounded, _ = work(floating, parse_passes("ground"), rig("smpl22"))
    low = [places(c)[:, [7, 8, 10, 11], 1].min(axis=1) for c in (floating, grounded.clip)]
    lines = [Line("before", times(walk), low[0]), Line("after", times(walk), low[1])]
    chart(
        "ground",
        "ground: the lowest joint of the feet (a foot joint is 3 cm above its sole)",
        ("s", "m"),
        lines,
    )

    toes = [places(walk)[:, walk.skeleton.index(name), 1] for name in ("L_Foot", "R_Foot")]
    landed = [event for event in contact_events(walk) if event.down and event.name.endswith("toe")]
    frames = np.array([event.frame for event in landed])
    at = np.array([toes[event.name.startswith("right")][event.frame] for event in landed])
    lines = [
        Line("left toes", times(walk), toes[0]),
        Line("right toes", times(walk), toes[1]),
        Line("events", frames / 30, at, dots=True),
    ]
    title = "events: when toes come down; contacts of the left ones shaded"
    chart("events", title, ("s", "m"), lines, shaded)

    first = puppet.perform("a person walks forward", 75, 30, 3)
    blended = join([first, puppet.perform("a person waves with the right hand", 75, 30, 3)])
    sheets("blend", [(blended, "a person walks forward => a person waves with the right hand")])

    wave = puppet.perform("a person waves with the right hand", 90, 30, 2)
    sheets("mirror", [(wave, "a person waves with the right hand"), (mirror(wave), "mirror")])
    sheets(
        "additive",
        [(wave, "a person waves with the right hand"), (additive(wave), "additive: on the rest pose")],
    )


if __name__ == "__main__":
    main()

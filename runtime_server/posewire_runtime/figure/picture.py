"""A contact sheet: a clip as one picture, the mannequin in poses at even times, seen from the front left.

Each pose stands on its own patch of the same floor: its grid shows the travel, its line the path. Knows
nothing of requests; takes a clip, gives a PNG.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

from posewire_runtime.figure.mannequin import Mannequin, mannequin, pose
from posewire_runtime.figure.raster import rasterise
from posewire_runtime.files import write_bytes
from posewire_runtime.motion.quat import Array
from posewire_runtime.types import Clip, Skeleton

_POSES = 8
_CELL = (224, 400)
"""Pixels of one pose, width and height."""
_TITLE = 84
"""Pixels above the poses."""
_FINE = 2
"""Everything is drawn so many times larger, then scaled down."""
_SCALE = 168.0
"""Pixels a metre."""
_FLOOR = 338
"""Where in a cell the floor under the character is, pixels from the top."""
_SPREAD = 62
"""How far the patch of floor reaches up and down from there."""
_YAW, _PITCH = np.radians(38.0), np.radians(14.0)
"""Where the camera stands: so far to the character's left of its front, so far up."""
_PATCH = 1.05
"""Radius of the patch of floor that is shown, metres."""

_LINES = 0.5
"""Metres between the lines of the floor's grid."""

_PAPER = np.array([248, 246, 242], np.float32)
_FLOOR_TINT = np.array([233, 230, 224], np.float32)
_LINE = np.array([196, 193, 190], np.float32)
_SHADOW = np.array([70, 72, 92], np.float32)
_PATH = (222, 104, 58)
_INK, _FAINT = (38, 42, 54), (128, 130, 140)
_SKIN = np.array([118, 140, 186], np.float32)
_MIDDLE = np.array([158, 160, 168], np.float32)
_SIDES = {"L_": np.array([230, 112, 48], np.float32), "R_": np.array([44, 116, 200], np.float32)}
"""Colours of what belongs to one side, by how the names of its joints begin."""
_RIM = np.array([255, 250, 242], np.float32)


def _unit(x: float, y: float, z: float) -> Array:
    v = np.array([x, y, z], np.float32)
    return v / np.linalg.norm(v)


_AWAY = _unit(np.sin(_YAW) * np.cos(_PITCH), np.sin(_PITCH), np.cos(_YAW) * np.cos(_PITCH))
"""From the character toward the camera."""
_RIGHT = _unit(np.cos(_YAW), 0, -np.sin(_YAW))
"""Rightward on the picture."""
_UP = np.cross(_AWAY, _RIGHT)
"""Upward on the picture."""
_LIGHT = _unit(0.55, 1.0, 0.35)
"""Toward the light."""


def contact_sheet(clip: Clip, path: str | Path, title: str) -> None:
    """Write a PNG of the clip's poses at even times, with a title."""
    write_bytes(path, draw(clip, title))


def draw(clip: Clip, title: str, *, sides: bool = False) -> bytes:
    """The contact sheet as a PNG's bytes; with `sides` the body's left is orange, its right blue."""
    frames = np.round(np.linspace(0, clip.frames - 1, min(_POSES, clip.frames))).astype(int)
    body = mannequin(clip.skeleton)
    vertices, normals = pose(body, clip.skeleton, clip.rotations[frames], clip.root[frames])
    sheet = _paper(len(frames))
    for cell, frame in enumerate(frames):
        _draw_floor(sheet, cell, clip, int(frame), vertices[cell])
    skin = _sided(body, clip.skeleton) if sides else np.tile(_SKIN, (len(body.vertices), 1))
    _draw_bodies(sheet, body, clip.root[frames], vertices, normals, skin)
    image = Image.fromarray(np.clip(sheet, 0, 255).astype(np.uint8)).reduce(_FINE)
    _write_texts(image, clip, title, frames)
    file = io.BytesIO()
    image.save(file, "PNG", optimize=False)
    return file.getvalue()


def _paper(cells: int) -> Array:
    """An empty sheet, (height, width, 3)."""
    size = ((_TITLE + _CELL[1]) * _FINE, _CELL[0] * cells * _FINE, 3)
    return np.broadcast_to(_PAPER, size).copy()


def _project(points: Array, centre: Array) -> Array:
    """World points (..., 3) -> pixels of a cell and depth; `centre` is on the floor under the character."""
    points = points - centre
    x = _CELL[0] / 2 + _SCALE * (points @ _RIGHT)
    y = _FLOOR - _SCALE * (points @ _UP)
    return np.stack([x * _FINE, y * _FINE, -(points @ _AWAY)], axis=-1).astype(np.float32)


def _under(root: Array) -> Array:
    """On the floor, under the character."""
    return root * np.array([1, 0, 1], np.float32)


def _draw_floor(sheet: Array, cell: int, clip: Clip, frame: int, vertices: Array) -> None:
    """One patch of floor: tint, grid, the path that the character takes, and its shadow."""
    width, top = _CELL[0] * _FINE, _FLOOR - _SPREAD
    part = sheet[(_TITLE + top) * _FINE :, cell * width : (cell + 1) * width]
    x = (np.arange(part.shape[1], dtype=np.float32) + 0.5) / _FINE
    y = (np.arange(part.shape[0], dtype=np.float32)[:, None] + 0.5) / _FINE + top
    across = (x - _CELL[0] / 2) / _SCALE
    along = (y - _FLOOR) / np.float32(_SCALE * np.sin(_PITCH))
    fade = np.clip(1.25 - 1.25 * np.hypot(across, along) / _PATCH, 0, 1)
    centre = _under(clip.root[frame])
    world_x = centre[0] + across * _RIGHT[0] - along * _RIGHT[2]
    world_z = centre[2] + across * _RIGHT[2] + along * _RIGHT[0]
    _mix(part, _FLOOR_TINT, fade)
    _mix(part, _LINE, fade * np.maximum(_line(world_x), _line(world_z)))
    _mix(part, np.array(_PATH, np.float32), fade * _path(clip, frame, centre)[top * _FINE :])
    _mix(part, _SHADOW, 0.55 * np.minimum(2 * fade, 1) * _shadow(vertices, centre)[top * _FINE :])


def _mix(part: Array, colour: Array, share: Array) -> None:
    """Lay a colour over pixels, as strong as `share` (H, W) says."""
    part += share[..., None] * (colour - part)


def _line(coordinate: Array) -> Array:
    """1 on a line of the grid, 0 beside it."""
    off = np.abs(coordinate / _LINES - np.round(coordinate / _LINES)) * _LINES
    return np.clip(2.0 - off / 0.008, 0, 1)


def _path(clip: Clip, frame: int, centre: Array) -> Array:
    """The character's path on the floor, as shares of a cell's pixels: strong behind it, faint in front."""
    image = Image.new("L", (_CELL[0] * _FINE, _CELL[1] * _FINE))
    pen = ImageDraw.Draw(image)
    points = _project(_under(clip.root), centre)[:, :2]
    for some, grey in ((points[frame:], 70), (points[: frame + 1], 220)):
        if len(some) > 1:
            pen.line([(float(x), float(y)) for x, y in some], fill=grey, width=2 * _FINE, joint="curve")
    return np.asarray(image, np.float32) / 255


def _shadow(vertices: Array, centre: Array) -> Array:
    """The body's soft shadow, darker where it is near to the floor, as shares of a cell's pixels."""
    fallen = vertices - vertices[:, 1:2] / _LIGHT[1] * _LIGHT
    low = vertices[:, 1] < 0.12
    soft, near = _blot(_project(fallen, centre), 4.5), _blot(_project(fallen[low], centre), 2.0)
    return np.maximum(0.55 * soft, 0.95 * near).repeat(_FINE, axis=0).repeat(_FINE, axis=1)


def _blot(points: Array, blur: float) -> Array:
    """Dense points as a soft patch on a cell."""
    width, height = _CELL
    at = (points[:, :2] / _FINE).astype(int)
    at = at[((at >= 0) & (at < _CELL)).all(axis=-1)]
    count = np.bincount(at[:, 1] * width + at[:, 0], minlength=width * height).reshape(height, width)
    image = Image.fromarray(np.where(count, 255, 0).astype(np.uint8)).filter(ImageFilter.MaxFilter(3))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(blur)), np.float32) / 255


def _sided(body: Mannequin, skeleton: Skeleton) -> Array:
    """Each vertex' colour by the joints that move it, (V, 3)."""
    colours = np.array([_SIDES.get(name[:2], _MIDDLE) for name in skeleton.names])  # (J, 3)
    shares = body.weights[..., None].astype(np.float32) / 255
    return np.sum(colours[body.joints] * shares, axis=1)


def _draw_bodies(
    sheet: Array, body: Mannequin, roots: Array, vertices: Array, normals: Array, skin: Array
) -> None:
    """All poses through one depth buffer."""
    height, width, _ = sheet.shape
    cells = np.array([[cell * _CELL[0] * _FINE, _TITLE * _FINE, 0] for cell in range(len(roots))], np.float32)
    corners = np.concatenate(
        [
            (_project(some, _under(root)) + offset)[body.triangles]
            for some, root, offset in zip(vertices, roots, cells, strict=True)
        ]
    )
    hits = rasterise(corners, width, height)
    pose, triangle = np.divmod(hits.triangles, len(body.triangles))
    chosen = body.triangles[triangle]  # (N, 3)
    share = hits.weights[..., None]
    normal = np.sum(normals[pose[:, None], chosen] * share, axis=1)
    above = np.sum(vertices[pose[:, None], chosen, 1] * hits.weights, axis=1)
    sheet.reshape(-1, 3)[hits.pixels] = _shade(normal, above, np.sum(skin[chosen] * share, axis=1))


def _shade(normal: Array, above: Array, skin: Array) -> Array:
    """Light on the skin (N, 3): sky and floor, a lamp, a bright rim; darker close to the floor."""
    normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-6)
    sky = 0.5 + 0.5 * normal[:, 1:2]
    lamp = np.clip(0.15 + 0.85 * (normal @ _LIGHT), 0, 1)[:, None]
    rim = (1 - np.clip(normal @ _AWAY, 0, 1))[:, None] ** 3
    near = 0.8 + 0.2 * np.clip(above / 0.3, 0, 1)[:, None]
    return near * skin * (0.42 + 0.3 * sky + 0.52 * lamp) + 0.35 * rim * (_RIM - skin) * sky


def _write_texts(image: Image.Image, clip: Clip, title: str, frames: Array) -> None:
    """The title, what the clip is, and each pose's time."""
    pen = ImageDraw.Draw(image)
    large, small = ImageFont.load_default(26), ImageFont.load_default(15)
    pen.text((24, 16), _cut(title, large, image.width - 48), fill=_INK, font=large)
    what = f"{clip.seconds:.1f} s, {clip.frames} frames at {clip.fps:g} fps, seed {clip.seed}"
    pen.text((24, 52), what, fill=_FAINT, font=small)
    for cell, frame in enumerate(frames):
        at = (_CELL[0] * (cell + 0.5), _TITLE + _CELL[1] - 18)
        pen.text(at, f"{frame / clip.fps:.1f} s", fill=_FAINT, font=small, anchor="mm")


def _cut(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> str:
    """As much of a text as fits."""
    text = " ".join(text.split())
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "…") > width:
        text = text[:-1]
    return text + "…"

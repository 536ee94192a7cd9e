"""Contact sheets: the size, the poses, the depth buffer beneath."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posewire_runtime import puppet
from posewire_runtime.errors import InvalidFile
from posewire_runtime.figure.picture import contact_sheet, draw
from posewire_runtime.figure.raster import rasterise
from posewire_runtime.types import Clip


@pytest.fixture(scope="module")
def clip() -> Clip:
    return puppet.perform("a person waves with the right hand", 60, 30, 0)


def image(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float)


def test_every_cell_shows_a_body(clip: Clip) -> None:
    sheet = image(draw(clip, "a person waves with the right hand"))
    assert sheet.shape == (484, 1792, 3)
    for cell in range(8):
        part = sheet[84:460, cell * 224 : (cell + 1) * 224]
        blue = (part[..., 2] - part[..., 0]) > 25
        assert 0.08 < blue.mean() < 0.3
        rows = np.flatnonzero(blue.any(axis=1))
        assert 270 < np.ptp(rows) < 400, "upright, as tall as the cell lets it"


def test_a_raised_hand_is_seen_on_its_side(clip: Clip) -> None:
    """The camera stands in front, so that the right hand is on the left, above the head."""
    sheet = image(draw(clip, "x"))
    resting, waving = sheet[84:, :224], sheet[84:, 3 * 224 : 4 * 224]
    top = {
        name: np.argwhere(part[..., 2] - part[..., 0] > 25)[0]
        for name, part in (("r", resting), ("w", waving))
    }
    assert top["w"][0] < top["r"][0] - 8
    assert top["w"][1] < top["r"][1] - 20


def test_short_clips_and_long_titles(clip: Clip) -> None:
    short = replace(clip, rotations=clip.rotations[:3], root=clip.root[:3], contacts=clip.contacts[:3])
    assert image(draw(short, "word " * 200)).shape == (484, 3 * 224, 3)
    assert image(draw(short, "")).shape == (484, 3 * 224, 3)


def test_the_same_clip_gives_the_same_bytes(clip: Clip) -> None:
    assert draw(clip, "x") == draw(clip, "x")


def test_it_is_written_to_a_file(tmp_path: Path, clip: Clip) -> None:
    contact_sheet(clip, tmp_path / "new" / "sheet.png", "x")
    assert (tmp_path / "new" / "sheet.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "file").touch()
    with pytest.raises(InvalidFile, match="file"):
        contact_sheet(clip, tmp_path / "file" / "sheet.png", "x")


def square(depth: float, low: float, high: float) -> np.ndarray:
    """Two triangles, counter-clockwise on a screen whose y points down."""
    a, b, c, d = (low, low, depth), (low, high, depth), (high, high, depth), (high, low, depth)
    return np.array([[a, b, c], [a, c, d]], np.float32)


def test_the_nearest_triangle_wins() -> None:
    hits = rasterise(np.concatenate([square(2, 0, 8), square(1, 2, 5), square(3, 0, 20)]), 12, 10)
    shown = np.full(120, -1)
    shown[hits.pixels] = hits.triangles // 2
    grid = shown.reshape(10, 12)
    assert (grid[2:5, 2:5] == 1).all()
    assert (grid[:8, :8] == 0).sum() == 64 - 9
    assert (grid[8:] == 2).all()
    assert (grid[:, 8:] == 2).all()
    np.testing.assert_allclose(hits.weights.sum(axis=1), 1, atol=1e-5)


def test_back_faces_and_what_is_off_the_screen_stay_out() -> None:
    front = square(1, 0, 4)
    assert len(rasterise(front[:, ::-1], 8, 8).pixels) == 0
    assert len(rasterise(front + np.array([50, 0, 0], np.float32), 8, 8).pixels) == 0
    assert len(rasterise(front[:0], 8, 8).pixels) == 0
    assert len(rasterise(front - np.array([2, 2, 0], np.float32), 8, 8).pixels) == 4

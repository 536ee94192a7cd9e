"""The format is the suffix; files are written whole or not at all; mistakes say what to do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from posewire_runtime import formats
from posewire_runtime.errors import InvalidFile
from posewire_runtime.types import Clip


def test_the_suffix_chooses(tmp_path: Path, walk: Clip) -> None:
    starts = {".glb": b"glTF", ".fbx": b"Kaydara FBX Binary", ".bvh": b"HIERARCHY", ".usda": b"#usda 1.0"}
    starts |= {".npz": b"PK", ".anim": b"%YAML 1.1", ".json": b'{"format":"posewire.animation"'}
    assert set(starts) == set(formats.FORMATS)
    for suffix, start in starts.items():
        formats.write(tmp_path / f"new folder/clip{suffix.upper()}", walk)
        assert (tmp_path / f"new folder/clip{suffix.upper()}").read_bytes().startswith(start)


@pytest.mark.parametrize("name", ["clip.doc", "clip", "clip.glb.zip"])
def test_an_unknown_suffix_names_the_known_ones(tmp_path: Path, walk: Clip, name: str) -> None:
    with pytest.raises(InvalidFile, match=r"\.glb, \.fbx, \.bvh, .*\.npz"):
        formats.write(tmp_path / name, walk)
    assert not list(tmp_path.iterdir())


def test_arrays_go_into_npz_only(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"\.npz"):
        formats.write_arrays(tmp_path / "a.glb", {"a": np.zeros(3)})


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, walk: Clip) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InvalidFile, match="file"):
        formats.write(tmp_path / "file" / "clip.bvh", walk)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "clip.glb"
    target.write_bytes(b"old")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(InvalidFile, match="No space left"):
        formats.write_bytes(target, b"new")
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["clip.glb"]


@pytest.mark.parametrize("path", ["", "."])
def test_a_folder_is_no_file(path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InvalidFile, match="expected to write"):
        formats.write_bytes(path, b"x")
    assert not list(tmp_path.iterdir())


def test_the_longest_name_is_written(tmp_path: Path) -> None:
    name = "n" * 251 + ".glb"
    formats.write_bytes(tmp_path / name, b"x")
    assert (tmp_path / name).read_bytes() == b"x"

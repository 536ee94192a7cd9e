"""NPZ files: our arrays, AMASS's, and both ways back."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from posewire_runtime import formats
from posewire_runtime.errors import InvalidFile
from posewire_runtime.formats import npz
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.types import Clip


@pytest.mark.parametrize("name", ["walk", "rig_clip"])
def test_our_arrays_come_back_as_they_were(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    clip: Clip = request.getfixturevalue(name)
    formats.write(tmp_path / "clip.npz", clip, prompt="x")
    back = npz.read(tmp_path / "clip.npz")
    for ours, theirs in (
        (clip.rotations, back.rotations),
        (clip.root, back.root),
        (clip.contacts, back.contacts),
        (clip.skeleton.positions, back.skeleton.positions),
    ):
        np.testing.assert_array_equal(ours, theirs)
    assert (back.fps, back.seed, back.skeleton.names) == (clip.fps, clip.seed, clip.skeleton.names)
    assert (back.skeleton.pelvis, back.skeleton.parents) == (clip.skeleton.pelvis, clip.skeleton.parents)
    if clip.skeleton.rotations is not None:
        assert back.skeleton.rotations is not None
        np.testing.assert_array_equal(clip.skeleton.rotations, back.skeleton.rotations)


def test_amass_readers_find_their_names(walk: Clip) -> None:
    with np.load(io.BytesIO(npz.encode(walk, {}))) as file:
        poses, trans = file["poses"], file["trans"]
        assert (str(file["gender"]), float(file["mocap_framerate"])) == ("neutral", 30)
        assert float(file["mocap_frame_rate"]) == 30
        assert file["betas"].shape == (16,)
    assert poses.shape == (walk.frames, 156)
    assert not poses[:, 66:].any()
    # SMPL's own rule: joints turn about rest positions, then everything moves by trans.
    local = Rotation.from_rotvec(poses[:, :66].reshape(-1, 3)).as_quat().reshape(-1, 22, 4)
    _, joints = forward(SMPL22, local, np.tile(SMPL22.positions[0], (walk.frames, 1)).astype(float))
    _, expected = forward(SMPL22, walk.rotations, walk.root)
    np.testing.assert_allclose(joints + trans[:, None], expected, atol=2e-6)


def test_reading_a_file_of_amass(tmp_path: Path, walk: Clip) -> None:
    with np.load(io.BytesIO(npz.encode(walk, {}))) as file:
        arrays = {name: file[name] for name in ("poses", "trans", "mocap_framerate", "gender", "betas")}
    formats.write_arrays(tmp_path / "amass.npz", arrays)
    clip = npz.read(tmp_path / "amass.npz")
    _, expected = forward(SMPL22, walk.rotations, walk.root)
    _, joints = forward(clip.skeleton, clip.rotations, clip.root)
    np.testing.assert_allclose(joints, expected, atol=2e-6)
    assert clip.fps == 30


def test_bytes_hold_no_date(walk: Clip) -> None:
    data = npz.encode(walk, {"prompt": "x"})
    assert data == npz.encode(walk, {"prompt": "x"})
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        assert {member.date_time for member in file.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_rigs_get_no_amass_arrays(rig_clip: Clip) -> None:
    with np.load(io.BytesIO(npz.encode(rig_clip, {"prompt": "hello"}))) as file:
        assert "poses" not in file
        assert str(file["prompt"]) == "hello"


@pytest.mark.parametrize("arrays", [{}, {"poses": np.zeros((3, 66))}, {"rotations": np.zeros((3, 22, 4))}])
def test_what_is_no_motion_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]) -> None:
    formats.write_arrays(tmp_path / "no.npz", arrays)
    with pytest.raises(InvalidFile, match=r"no\.npz"):
        npz.read(tmp_path / "no.npz")


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, walk: Clip) -> None:
    with np.load(io.BytesIO(npz.encode(walk, {}))) as file:
        arrays = {name: file[name] for name in file.files}
    arrays["root"] = arrays["root"][:-1]
    formats.write_arrays(tmp_path / "short.npz", arrays)
    with pytest.raises(InvalidFile, match="shapes"):
        npz.read(tmp_path / "short.npz")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 no zip", b"text"])
def test_what_is_no_npz_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "no.npz").write_bytes(data)
    with pytest.raises(InvalidFile, match=r"no\.npz"):
        npz.read(tmp_path / "no.npz")

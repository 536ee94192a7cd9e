"""SMPL-H bodies from the user's files: a synthetic model in the official layout, judged by `smplx` itself."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire_runtime.cli import run
from posewire_runtime.figure.mannequin import Mannequin, mannequin, pose
from posewire_runtime.formats import npz
from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.types import Clip

pytestmark = pytest.mark.export
torch = pytest.importorskip("torch")
smplx: Any = pytest.importorskip("smplx")

VERTICES, JOINTS = 6890, 52
Make = Callable[..., Clip]


def synthetic(seed: int = 0) -> dict[str, np.ndarray]:
    """Every array of an official file in its shape: our mannequin's surface, fingers, random correctives."""
    random = np.random.default_rng(seed)
    body = mannequin(SMPL22)
    surface = body.vertices.astype(float)
    extra = surface[random.integers(0, len(surface), max(0, VERTICES - len(surface)))]
    triangles = body.triangles[(body.triangles < VERTICES).all(axis=1)]
    places = SMPL22.positions.astype(float) * [1.05, 0.97, 1]  # nobody has our proportions
    parents = [*SMPL22.parents]
    for wrist, side in ((20, 1.0), (21, -1.0)):
        for finger in range(5):
            for bone in range(3):
                step = [side * (0.09 + 0.03 * bone), 0, 0.03 * (finger - 2)]
                places = np.vstack([places, places[wrist] + step])
                parents.append(wrist if bone == 0 else len(parents) - 1)
    vertices = np.vstack([surface * [1.05, 0.97, 1], extra * [1.05, 0.97, 1]])[:VERTICES]
    near = np.exp(-20 * np.linalg.norm(vertices[:, None] - places, axis=-1))
    near[near < np.sort(near, axis=1)[:, -4:-3]] = 0  # official files have four a vertex
    # Each joint is a mean of vertices: such shares as least squares finds.
    given = np.vstack([vertices.T, np.ones(VERTICES)]), np.vstack([places.T, np.ones(JOINTS)])
    regressor = np.linalg.lstsq(*given, rcond=None)[0].T
    return {
        "v_template": vertices,
        "f": triangles.astype(np.uint32),
        "weights": near / near.sum(axis=1, keepdims=True),
        "J_regressor": regressor,
        "kintree_table": np.array([[4294967295, *parents[1:]], range(JOINTS)], np.int64),
        "shapedirs": random.standard_normal((VERTICES, 3, 16), np.float32) / 100,
        "posedirs": random.standard_normal((VERTICES, 3, 9 * (JOINTS - 1)), np.float32) / 10_000,
        "hands_meanl": random.normal(0, 0.1, 45),
        "hands_meanr": random.normal(0, 0.1, 45),
        "hands_componentsl": np.eye(45),
        "hands_componentsr": np.eye(45),
    }


@pytest.fixture(scope="module")
def arrays() -> dict[str, np.ndarray]:
    return synthetic()


@pytest.fixture(scope="module")
def models(arrays: dict[str, np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `smplx` expects it."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "smplh").mkdir()
    np.savez(folder / "smplh/SMPLH_NEUTRAL.npz", allow_pickle=False, **arrays)
    return folder


def official(models: Path, poses: np.ndarray, trans: np.ndarray) -> np.ndarray:
    """Vertices as everybody computes them who knows `smplx` and AMASS's keys alone."""
    count = len(poses)
    model = smplx.create(
        str(models),
        "smplh",
        gender="neutral",
        ext="npz",
        use_pca=False,
        flat_hand_mean=True,
        batch_size=count,
    )
    turned = torch.from_numpy(poses.astype(np.float32))
    with torch.no_grad():
        seen = model(
            global_orient=turned[:, :3],
            body_pose=turned[:, 3:66],
            left_hand_pose=turned[:, 66:111],
            right_hand_pose=turned[:, 111:],
            transl=torch.from_numpy(trans.astype(np.float32)),
        )
    return seen.vertices.numpy()


def bake(tmp_path: Path, *words: object) -> int:
    (tmp_path / "list.csv").write_text("prompt,name,seconds,passes\na person walks,walk,1.5,foot-lock\n")
    return run(
        [
            "bake",
            "--model",
            "stand-in",
            str(tmp_path / "list.csv"),
            "--out",
            str(tmp_path / "out"),
            *map(str, words),
        ]
    )


def test_the_surface_is_the_models_own(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = models / "smplh/SMPLH_NEUTRAL.npz"
    assert bake(tmp_path, "--target", file, "--format", "mesh,npz,glb,fbx,usd,bvh,json", "--json") == 0
    assert json.loads(capsys.readouterr().out)["made"] == 1
    with np.load(tmp_path / "out/walk.npz") as motion, np.load(tmp_path / "out/walk.mesh.npz") as surface:
        expected = official(models, motion["poses"], motion["trans"])
        assert surface["vertices"].shape == (45, VERTICES, 3)
        assert surface["fps"] == 30
        assert np.linalg.norm(surface["vertices"] - expected, axis=-1).max() < 1e-4
        assert surface["faces"].max() < VERTICES
    assert "SMPLH_NEUTRAL.npz" in json.loads((tmp_path / "out/walk.json").read_text())["rig"]["note"]
    assert (tmp_path / "out/walk.glb").stat().st_size > 200_000, "it holds the skin"


def test_the_skin_in_files_bends_as_the_model_does(
    arrays: dict[str, np.ndarray], tmp_path: Path, make: Make
) -> None:
    """Files know no correctives: without them four weights of 255 steps are within three millimetres."""
    from posewire_export.smplh import SmplhBody
    from posewire_runtime.bake.characters import body_character

    plain = SmplhBody({**arrays, "posedirs": np.zeros_like(arrays["posedirs"])})
    clip = body_character(tmp_path / "x.npz", plain).rig.put(make("waves with the right hand", 1))
    vertices, _ = pose(plain.mesh, plain.skeleton, clip.rotations, clip.root)
    off = np.linalg.norm(vertices - plain.vertices(clip), axis=-1)
    assert off.max() < 0.003
    assert isinstance(plain.mesh, Mannequin)


def test_joints_turn_as_the_motion_says(arrays: dict[str, np.ndarray], tmp_path: Path, make: Make) -> None:
    """SMPL-H's T-pose is the motion's own: rotations arrive unchanged, fingers stay flat."""
    from posewire_export.smplh import SmplhBody
    from posewire_runtime.bake.characters import body_character

    clip = make("walks forward", 1)
    put = body_character(tmp_path / "x.npz", SmplhBody(arrays)).rig.put(clip)
    assert np.degrees(quat.angle(put.rotations[:, :22], clip.rotations)).max() < 0.1
    assert np.degrees(quat.angle(put.rotations[:, 22:], quat.identity((), np.float32))).max() < 0.1
    assert npz.encode(put, {})


def test_a_pickled_file_is_the_same_body(arrays: dict[str, np.ndarray], models: Path, tmp_path: Path) -> None:
    from scipy import sparse

    from posewire_export.smplh import read_body

    sparser = {**arrays, "J_regressor": sparse.csc_matrix(arrays["J_regressor"]), "bs_style": "lbs"}
    (tmp_path / "SMPLH_MALE.pkl").write_bytes(pickle.dumps(sparser, protocol=2))
    one, other = map(read_body, (tmp_path / "SMPLH_MALE.pkl", models / "smplh/SMPLH_NEUTRAL.npz"))
    np.testing.assert_array_equal(one.joints, other.joints)
    np.testing.assert_array_equal(one.mesh.weights, other.mesh.weights)


class Trap:
    """What a hostile pickle does when it is opened."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.mark,)


@pytest.mark.parametrize(
    ("name", "spoil", "expected"),
    [
        ("a.npz", {"weights": None}, "expected weights in it"),
        (
            "a.npz",
            {"weights": np.zeros((VERTICES, 24))},
            "expected weights of shape (any, 52), found (6890, 24)",
        ),
        ("a.pkl", {"bs_style": "trap"}, "expected plain arrays; convert it"),
    ],
)
def test_what_is_no_body_model_is_refused(
    name: str,
    spoil: dict[str, Any],
    expected: str,
    arrays: dict[str, np.ndarray],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mark = tmp_path / "opened"
    spoil = {
        key: Trap(mark) if value == "trap" else value for key, value in spoil.items() if key == "bs_style"
    } or spoil
    held: dict[str, Any] = {
        key: value for key, value in {**arrays, **spoil, "posedirs": None}.items() if value is not None
    }
    if name.endswith("npz"):
        np.savez(tmp_path / name, allow_pickle=False, **held)
    else:
        (tmp_path / name).write_bytes(pickle.dumps(held))
    assert bake(tmp_path, "--target", tmp_path / name) == 2
    assert expected in capsys.readouterr().err
    assert not mark.exists()
    assert not (tmp_path / "out").exists()


def test_meshes_need_a_body_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bake(tmp_path, "--format", "mesh") == 2
    assert "SMPL-H body model for the format mesh" in capsys.readouterr().err

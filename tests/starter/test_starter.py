"""The model that ships: small, found anywhere, tells whose motion it learned from, does what it is told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from posewire_runtime.commands import models
from posewire_runtime.commands.models import STAND_IN, STARTER, built_in, open_library, starter_folder
from posewire_runtime.errors import PackageError
from posewire_runtime.local import make
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.packages.package import Package
from posewire_runtime.scheduler.library import Library
from posewire_runtime.types import Float
from posewire_runtime.wire.requests import GenerateOptions

MOST_BYTES = 40_000_000
SEEDS = (1, 2, 3)


@pytest.fixture(scope="module")
def package() -> Package:
    folder = starter_folder()
    assert folder is not None
    return Package.open(folder, verify="full")


@pytest.fixture(scope="module")
def library() -> Library:
    return open_library([])


def walked(library: Library, prompt: str) -> tuple[list[str], Float]:
    """Names of the joints, and where they are, (seeds, L, J, 3)."""
    clips = make(library, prompt, GenerateOptions(frames=120, seeds=SEEDS)).clips
    skeleton = clips[0].skeleton
    return list(skeleton.names), np.stack([forward(skeleton, c.rotations, c.root)[1] for c in clips])


def test_it_is_small_and_the_default(package: Package) -> None:
    assert sum(file.stat().st_size for file in package.root.rglob("*") if file.is_file()) <= MOST_BYTES
    assert package.manifest.name == STARTER
    assert open_library([]).names() == built_in() == (STARTER, STAND_IN)


def test_it_is_looked_at_only_where_it_is_wanted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "posewire.json").write_text("damaged")
    monkeypatch.setattr(models, "starter_folder", lambda: tmp_path)
    assert open_library([STAND_IN]).names() == (STAND_IN,)
    for named in ([], [STARTER], [STAND_IN, STARTER]):
        with pytest.raises(PackageError, match=re.escape(str(tmp_path))):
            open_library(named)


def test_it_says_whose_motion_it_learned_from(package: Package) -> None:
    notice = package.manifest.licence.notice
    for owner in ("ACCAD", "mocap.cs.cmu.edu", "Berkeley MHAD", "Xue Bin Peng", "to be confirmed"):
        assert owner in notice


def test_it_is_found_from_an_empty_folder(tmp_path: Path) -> None:
    order = [
        "generate",
        "a person walks forward",
        "--frames",
        "40",
        "--seed",
        "1",
        "--json",
        "--out",
        "w.npz",
    ]
    done = subprocess.run(
        [sys.executable, "-m", "posewire_runtime.cli", *order],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert json.loads(done.stdout)["model"] == STARTER
    assert (tmp_path / "w.npz").is_file()


def test_a_walk_goes_forward_upright_and_on_the_floor(library: Library) -> None:
    names, joints = walked(library, "a person walks forward")
    travel = joints[:, -1, 0] - joints[:, 0, 0]
    assert (travel[:, 2] > 0.8).all()
    assert (np.abs(travel[:, 0]) < travel[:, 2]).all()
    assert (joints[:, :, names.index("Head"), 1] > 1.2).all()
    lowest = joints[..., 1].min(axis=2)  # (seeds, L)
    assert np.abs(np.median(lowest, axis=1)).max() < 0.09  # the toe joint stands 0.025 high; some walks rise


def test_who_sits_down_ends_low_and_who_waves_raises_a_hand(library: Library) -> None:
    names, joints = walked(library, "a person sits down")
    assert (joints[:, -1, names.index("Pelvis"), 1] < 0.75).all()
    names, joints = walked(library, "a person waves with the right hand")
    wrists = joints[:, :, [names.index("L_Wrist"), names.index("R_Wrist")], 1]
    assert (wrists.max(axis=(1, 2)) > 1.2).sum() >= 2


def test_seeds_differ(library: Library) -> None:
    _, joints = walked(library, "a person dances")
    assert np.abs(joints[0] - joints[1]).mean() > 0.02

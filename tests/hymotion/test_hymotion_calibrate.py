"""`posewire export`: its commands as a user types them, and the search for a time grid."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("torch")
pytest.importorskip("onnxruntime")
from posewire_export.cli import register_export
from posewire_runtime.cli import Parser
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.packages.package import Package

pytestmark = pytest.mark.export


def posewire(*arguments: str) -> int:
    """Run a command of `posewire export` in this process."""
    parser = Parser(prog="posewire")
    register_export(parser.add_subparsers(parser_class=Parser))
    options = parser.parse_args(["export", *arguments])
    return options.func(options)


@pytest.fixture
def features(golden: Mapping[str, NDArray[Any]], tmp_path: Path) -> Path:
    path = tmp_path / "F.npz"
    np.savez(path, ctxt=golden["generate0_ctxt"][0], vtxt=golden["generate0_vtxt"][0])
    return path


@pytest.fixture
def package(exported: Callable[[str], Path], tmp_path: Path) -> Path:
    return Path(shutil.copytree(exported("fp32"), tmp_path / "package"))


def test_export_by_command(
    official: Path, features: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "packages" / "tiny"
    arguments = ("--checkpoint", str(official), "--out", str(out), "--features", str(features))
    assert posewire("hymotion", *arguments) == 0
    manifest = Package.open(out, verify="full").manifest
    assert manifest.name == "tiny"
    assert "a real prompt" in manifest.parity[1].what
    assert str(tmp_path) not in json.dumps(manifest.to_dict())
    shown = capsys.readouterr()
    assert "velocity, both graphs" in shown.out
    assert "European Union" in shown.err


def test_calibration_finds_a_better_grid_and_stores_it(package: Path, features: Path) -> None:
    before = Package.open(package)
    short = ("--frames", "20", "--seeds", "1", "--tries", "12", "--guidance", "1")
    arguments = ("--steps", "4", "--preset", "mine", "--solver", "euler", "--features", str(features))
    assert posewire("calibrate", str(package), *arguments, *short) == 0
    after = Package.open(package, verify="full")
    assert after.manifest.motion is not None
    found = after.manifest.motion.presets["mine"]
    assert (found.steps, found.solver, found.guidance) == (4, "euler", 1.0)
    assert found.times is not None
    assert found.times[0] == 0.0
    assert found.times[-1] == 1.0
    assert found.error is not None
    assert found.error <= float(found.measured.rpartition(" ")[2]) + 5e-5  # evenly spaced
    assert "1 prompts given as features" in found.measured
    assert after.fingerprint == before.fingerprint  # weights and figures are the same


def test_a_preset_may_guide_a_part_only(package: Path, features: Path) -> None:
    short = ("--frames", "20", "--seeds", "1", "--tries", "2", "--solver", "ab2")
    arguments = ("--steps", "2", "--preset", "turbo", "--interval", "0", "0.5", "--features", str(features))
    assert posewire("calibrate", str(package), *arguments, *short) == 0
    motion = Package.open(package).manifest.motion
    assert motion is not None
    assert motion.presets["turbo"].interval == (0.0, 0.5)
    assert set(motion.presets) == {"preview", "fast", "quality", "reference", "turbo"}


def test_prompts_need_a_text_encoder(package: Path, tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.txt"
    prompts.write_text("a person walks\n")
    with pytest.raises(InvalidRequest, match="text encoder"):
        posewire("calibrate", str(package), "--steps", "4", "--prompts", str(prompts))

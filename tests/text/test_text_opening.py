"""A model of motion and its text: encoder, packs or both, from the prompt to the clip."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.cli import run
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import InvalidConfig, InvalidRequest, PackageError
from posewire_runtime.families import open_package
from posewire_runtime.local import Made, make
from posewire_runtime.packages.package import Package
from posewire_runtime.scheduler.library import Library
from posewire_runtime.text.encoder import TextEncoder
from posewire_runtime.text.packs import PackedPrompts, PromptPack
from posewire_runtime.text.settings import TextSettings

pytestmark = pytest.mark.export

KNOWN = ["A person walks forward.", "jump"]
CPU = EngineSettings(provider="cpu")


@pytest.fixture(scope="module")
def model(encoder_package: Package) -> Path:
    """A small HY-Motion beside the golden text encoder."""
    pytest.importorskip("torch")
    from posewire_export.hymotion.export import Options, export
    from posewire_export.hymotion.network import Config
    from posewire_export.hymotion.synthetic import write_checkpoint

    home = encoder_package.root.parent
    folder = write_checkpoint(home / "checkpoint", Config(64, 3, 4, word_dim=64, sentence_dim=48))
    options = Options(name="small", encoder=encoder_package.root, check=False)
    return export(folder, home / "small", options).root


@pytest.fixture(scope="module")
def pack(encoder_package: Package, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two prompts."""
    file = tmp_path_factory.mktemp("packs") / "known.pwp"
    PromptPack.make(TextEncoder(encoder_package, CPU), "golden", KNOWN).write(file)
    return file


@pytest.fixture
def alone(model: Path, tmp_path: Path) -> Path:
    """The model without an encoder beside it, as a game ships it."""
    return Path(shutil.copytree(model, tmp_path / "game" / "small"))


@pytest.fixture
def animate() -> Callable[[Path, TextSettings, str], Made]:
    def run(root: Path, text: TextSettings, prompt: str) -> Made:
        program = open_package(root, CPU, text)
        try:
            return make(Library.of(program), prompt, {"frames": 20, "seeds": [3], "steps": 2})
        finally:
            program.close()

    return run


Animate = Callable[[Path, TextSettings, str], Made]


@pytest.mark.parametrize("placement", ["resident", "on-demand", "cpu"])
def test_every_placement_makes_the_same_clip(model: Path, animate: Animate, placement: str) -> None:
    made = animate(model, TextSettings(encoder=placement), "jump")
    resident = animate(model, TextSettings(), "jump")
    np.testing.assert_allclose(made.clips[0].rotations, resident.clips[0].rotations, atol=1e-4)


def test_a_pack_replaces_the_encoder(model: Path, alone: Path, pack: Path, animate: Animate) -> None:
    with pytest.raises(PackageError, match="no such folder"):
        animate(alone, TextSettings(), "jump")
    packed = animate(alone, TextSettings(packs=str(pack), unknown="refuse"), "jump")
    encoded = animate(model, TextSettings(), "jump")
    np.testing.assert_allclose(packed.clips[0].rotations, encoded.clips[0].rotations, atol=1e-4)


def test_unknown_prompts_are_refused_or_take_the_nearest(alone: Path, pack: Path, animate: Animate) -> None:
    with pytest.raises(InvalidRequest, match=r"one of the 2 packed prompts.*'A person walks forward\.'"):
        animate(alone, TextSettings(packs=str(pack), unknown="refuse"), "a man walks forward")
    nearest = TextSettings(packs=str(pack), unknown="nearest")
    found = animate(alone, nearest, "a man walks forward")
    known = animate(alone, nearest, KNOWN[0])
    np.testing.assert_array_equal(found.clips[0].rotations, known.clips[0].rotations)


def test_the_command_line_needs_no_encoder_beside_a_pack(
    alone: Path, pack: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = alone.parent / "jump.npz"
    model = ("generate", "--model", str(alone), "--frames", "20", "--steps", "2", "--out", str(out))
    packs = ("--text-packs", str(pack), "--text-unknown", "refuse")
    assert run([*model, *packs, "jump"]) == 0
    assert out.is_file()
    assert run([*model, *packs, "swim"]) == 2
    assert "one of the 2 packed prompts" in capsys.readouterr().err
    assert run([*model, "jump"]) == 3


def test_packs_and_encoder_together(model: Path, pack: Path) -> None:
    program = open_package(model, CPU, TextSettings(packs=str(pack)))
    assert isinstance(program.encoder, PackedPrompts)
    assert program.encoder.recall("jump") is not None
    assert program.encoder.recall("swim") is None
    assert len(program.encoder.encode(["swim"])[0].tokens) > 2


def test_a_pack_of_another_encoder_is_an_error(alone: Path, tmp_path: Path) -> None:
    none = np.zeros((0, 64), np.float32)
    PromptPack("0" * 64, "other", (), none, none).write(tmp_path / "other.pwp")
    with pytest.raises(PackageError, match="made with the encoder other"):
        open_package(alone, CPU, TextSettings(packs=str(tmp_path / "other.pwp"), unknown="refuse"))


@pytest.mark.parametrize("wrong", [TextSettings(encoder="gpu"), TextSettings(unknown="guess")])
def test_settings_that_do_not_exist_are_refused(model: Path, wrong: TextSettings) -> None:
    with pytest.raises(InvalidConfig, match="expected one of"):
        open_package(model, CPU, wrong)


def test_the_exporter_measures_the_motion_too(model: Path, llm: Path, clip: Path, tmp_path: Path) -> None:
    from posewire_export.text.encoder import Options, export

    package = export(llm, clip, tmp_path / "int8", Options(precision="int8", motion=model))
    rounded, other = (e for e in package.manifest.parity if e.what.startswith("motion of small"))
    assert 0 < rounded.error < other.error
    assert rounded.metric == "mean distance of joints, metres"

"""Bad input: each gives one clear line, and nothing appears where the package should be."""

import pickle
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from posewire_runtime.errors import InvalidFile, PackageError

pytest.importorskip("torch")
import torch
import yaml

from posewire_export.hymotion import parity
from posewire_export.hymotion.checkpoint import read_checkpoint, read_settings
from posewire_export.hymotion.export import Options, encoder_beside, export, read_features
from posewire_export.hymotion.network import Config
from posewire_export.hymotion.synthetic import random_tensors, write_checkpoint
from posewire_runtime.packages.package import Package

pytestmark = pytest.mark.export

TINY = Config(width=32, layers=3, heads=2, word_dim=8, sentence_dim=6)


@pytest.fixture
def folder(official: Path, tmp_path: Path) -> Path:
    """A copy of the tiny official folder, to be spoilt."""
    copy = tmp_path / "official"
    copy.mkdir()
    for name in ("config.yml", "latest.ckpt"):
        shutil.copy(official / name, copy / name)
    return copy


def change_options(folder: Path, name: str, value: object) -> None:
    path = folder / "config.yml"
    options = yaml.safe_load(path.read_text("utf-8"))
    *parents, last = name.split(".")
    place = options
    for parent in parents:
        place = place.setdefault(parent, {})
    place[last] = value
    path.write_text(yaml.safe_dump(options), "utf-8")


def change_tensors(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    path = folder / "latest.ckpt"
    content = torch.load(path, weights_only=True)
    change(content["model_state_dict"])
    torch.save(content, path)


def refusal(folder: Path) -> str:
    """The line that an export of this folder ends with; nothing may be left behind."""
    out = folder.parent / "packages" / "made"
    with pytest.raises((InvalidFile, PackageError)) as caught:
        export(folder, out)
    assert not out.exists()
    assert not out.parent.exists() or list(out.parent.iterdir()) == []
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_settings_of_the_official_layout(official: Path) -> None:
    settings = read_settings(official / "config.yml")
    assert settings.network == Config(width=64, layers=6, heads=4, word_dim=96, sentence_dim=48)
    assert (settings.fps, settings.steps, settings.guidance, settings.noise_on_gpu) == (30, 50, 5.0, False)


def test_a_truncated_checkpoint(folder: Path) -> None:
    path = folder / "latest.ckpt"
    path.write_bytes(path.read_bytes()[:100_000])
    assert "latest.ckpt: truncated or not a torch checkpoint" in refusal(folder)


def test_a_missing_file(folder: Path) -> None:
    (folder / "latest.ckpt").unlink()
    assert "latest.ckpt: not found" in refusal(folder)
    (folder / "config.yml").unlink()
    assert "config.yml: not found" in refusal(folder)


class Harm:
    """Would create a file if it were ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("container", ["torch", "pickle"])
def test_a_pickle_with_code_is_not_run(folder: Path, container: str) -> None:
    harm = {"model_state_dict": {}, "extra": Harm(folder / "harmed")}
    if container == "torch":
        torch.save(harm, folder / "latest.ckpt")
    else:
        (folder / "latest.ckpt").write_bytes(pickle.dumps(harm))
    assert "latest.ckpt: " in refusal(folder)
    assert not (folder / "harmed").exists()


@pytest.mark.parametrize("content", [{"weights": {}}, {"model_state_dict": 3}, [1, 2]])
def test_another_torch_file(folder: Path, content: object) -> None:
    torch.save(content, folder / "latest.ckpt")
    assert "expected a mapping with 'model_state_dict'" in refusal(folder)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("network_module_args.mask_mode", "causal"),
        ("network_module_args.apply_rope_to_single_branch", True),
        ("network_module_args.insert_start_token", True),
        ("network_module_args.with_long_skip_connection", True),
        ("network_module_args.shiny_new_option", 1),
        ("network_module_args.num_layers", 7),
        ("network_module_args.num_heads", "4"),
        ("network_module_args.feat_dim", 66),
        ("network_module_args.input_dim", 263),
        ("train_pipeline_args.train_frames", 0),
        ("train_pipeline_args.noise_scheduler_cfg.method", "dopri5"),
        ("train_pipeline_args.enable_ctxt_null_feat", False),
        ("network_module", "somebody/else.Network"),
    ],
)
def test_a_config_that_is_not_implemented_is_refused_by_name(folder: Path, name: str, value: object) -> None:
    change_options(folder, name, value)
    line = refusal(folder)
    assert name.rpartition(".")[2] in line
    assert "config.yml" in line


@pytest.mark.parametrize("text", ["", "- 1\n- 2\n", "a: [", "\x00\x01"])
def test_a_config_that_is_no_config(folder: Path, text: str) -> None:
    (folder / "config.yml").write_text(text)
    assert "config.yml" in refusal(folder)


def test_a_config_of_other_sizes_names_every_tensor(folder: Path) -> None:
    change_options(folder, "network_module_args.feat_dim", 128)
    line = refusal(folder)
    assert "motion_transformer.input_encoder.weight should be (128, 201) and is (64, 201)" in line
    assert "motion_transformer.final_layer.linear.weight should be (201, 128)" in line


def test_missing_and_unexpected_tensors_are_all_named(folder: Path) -> None:
    def change(tensors: dict[str, Any]) -> None:
        del tensors["mean"], tensors["motion_transformer.input_encoder.bias"]
        tensors["motion_transformer.surprise"] = torch.zeros(1)
        tensors["body_model.vertices"] = torch.zeros(1)  # allowed: lives elsewhere

    change_tensors(folder, change)
    line = refusal(folder)
    for part in ("missing mean", "missing motion_transformer.input_encoder.bias"):
        assert part in line
    assert "unexpected motion_transformer.surprise" in line
    assert "body_model" not in line


def test_weights_that_are_not_finite_are_named(folder: Path) -> None:
    name = "motion_transformer.double_blocks.0.text_mlp.fc1.weight"
    change_tensors(folder, lambda tensors: tensors[name].view(-1)[5].fill_(float("nan")))
    line = refusal(folder)
    assert "not finite" in line
    assert name in line


def test_graphs_that_disagree_are_not_packaged(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check is real: a tolerance of nothing refuses even rounding."""
    monkeypatch.setitem(parity.LIMITS, "fp32", 0.0)
    assert "velocity, both graphs" in refusal(folder)


def test_an_existing_package_stays_when_a_new_export_fails(folder: Path) -> None:
    out = folder.parent / "made"
    export(folder, out, Options(check=False))
    before = Package.open(out, verify="full").fingerprint
    (folder / "latest.ckpt").write_bytes(b"")
    with pytest.raises(InvalidFile):
        export(folder, out)
    assert Package.open(out, verify="full").fingerprint == before


def test_a_second_network_of_random_weights(tmp_path: Path) -> None:
    """Another width, head size and depth: checked against our own torch module by the export itself."""
    config = Config(width=96, layers=9, heads=3, word_dim=40, sentence_dim=24, max_frames=120)
    package = export(write_checkpoint(tmp_path / "official", config), tmp_path / "made")
    velocity, along, end = package.manifest.parity
    assert velocity.cases == 3
    assert velocity.error < 1e-5
    assert along.error < 1e-5
    assert end.error < 1e-4


def test_a_checkpoint_of_random_weights_is_always_the_same() -> None:
    first, second = (random_tensors(TINY) for _ in range(2))
    assert all(torch.equal(tensor, second[name]) for name, tensor in first.items())
    assert not first["std"][135:138].any()


def test_licence_and_provenance_travel(folder: Path, tmp_path: Path) -> None:
    (folder / "LICENSE.txt").write_text("the licence")
    package = export(folder, tmp_path / "made", Options(name="tiny", check=False, command="posewire export"))
    manifest = package.manifest
    assert (package.root / "official-LICENSE.txt").read_text() == "the licence"
    assert "All Rights Reserved" in (package.root / "NOTICE.txt").read_text("utf-8")
    assert manifest.licence.restricts_outputs
    assert manifest.provenance.source["latest.ckpt"] == read_checkpoint(folder).sha256
    assert manifest.motion is not None
    assert manifest.motion.normalisation is not None
    assert not manifest.motion.normalisation.std[135:138].any()


def test_a_text_encoder_stands_beside_the_package(folder: Path, exported: Callable[[str], Path]) -> None:
    motion = exported("fp32")
    with pytest.raises(InvalidFile, match="beside made"):
        encoder_beside(motion, folder.parent / "made")
    with pytest.raises(PackageError, match="expected a text-encoder package"):
        encoder_beside(motion, motion.parent / "made")


def test_features_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / "F.npz"
    path.write_bytes(b"no")
    with pytest.raises(InvalidFile, match="ctxt and vtxt"):
        read_features(path)


@pytest.mark.parametrize("spoil", ["missing graph", "missing weights", "sha256", "newer format"])
def test_a_spoilt_package_says_what_is_wrong(
    exported: Callable[[str], Path], tmp_path: Path, spoil: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(exported("fp32"), copy)
    expected = {
        "missing graph": "denoise.onnx",
        "missing weights": "weights.bin",
        "sha256": "sha256",
        "newer format": "format",
    }[spoil]
    if spoil == "missing graph":
        (copy / "denoise.onnx").unlink()
    elif spoil == "missing weights":
        (copy / "weights.bin").unlink()
    elif spoil == "sha256":
        content = bytearray((copy / "weights.bin").read_bytes())
        content[1000] ^= 1
        (copy / "weights.bin").write_bytes(content)
    else:
        manifest = copy / "posewire.json"
        manifest.write_text(manifest.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(PackageError, match=expected) as caught:
        Package.open(copy)
    assert "\n" not in str(caught.value)


def test_noise_of_the_gpu_generator_can_be_chosen(folder: Path, tmp_path: Path) -> None:
    package = export(folder, tmp_path / "made", replace(Options(check=False), noise="cuda"))
    assert package.manifest.config["noise"] == "cuda"

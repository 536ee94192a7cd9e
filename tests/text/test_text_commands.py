"""`posewire encode`, `posewire prompts …` and `posewire export text-encoder`, as a shell runs them."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.commands import encode
from posewire_runtime.commands import prompts as prompt_commands
from posewire_runtime.errors import InvalidFile, PackageError
from posewire_runtime.packages.package import Package
from posewire_runtime.text.packs import PromptPack

pytestmark = pytest.mark.export


def run(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    subparsers = parser.add_subparsers(required=True)
    encode.register(subparsers)
    prompt_commands.register(subparsers)
    options = parser.parse_args([str(argument) for argument in arguments])
    return options.func(options)


def test_encode_writes_one_prompt_as_generate_takes_it(
    encoder_package: Package, golden: dict[str, np.ndarray], prompts: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "f.npz"
    assert run("encode", "--model", encoder_package.root, prompts[0], "--raw", out, "--provider", "cpu") == 0
    with np.load(out) as arrays:
        assert int(arrays["length"]) == golden["length0"]
        np.testing.assert_allclose(arrays["ctxt"], golden["ctxt0"], atol=1e-3)
        np.testing.assert_allclose(arrays["vtxt"], golden["vtxt0"], atol=1e-3)


def test_encode_writes_several_prompts_side_by_side(
    encoder_package: Package,
    golden: dict[str, np.ndarray],
    prompts: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "f.npz"
    assert run("encode", "--model", encoder_package.root, *prompts, "--raw", out, "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["lengths"] == [7, 35, 5, 2, 34, 17, 128]
    assert "its end was cut" in said.err
    with np.load(out) as arrays:
        assert arrays["ctxt"].shape == (7, 128, 64)
        assert arrays["vtxt"].shape == (7, 1, 48)
        for index, length in enumerate(arrays["length"]):
            np.testing.assert_allclose(arrays["ctxt"][index, :length], golden[f"ctxt{index}"], atol=1e-3)
            assert not arrays["ctxt"][index, length:].any()


def test_a_pack_is_made_listed_and_verified(
    encoder_package: Package, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "prompts.txt").write_bytes(b"wave\r\n\r\n  jump twice\nwave\nrenn, schnell!\n")
    pack = tmp_path / "game.pwp"
    model = encoder_package.root
    assert run("prompts", "pack", "--model", model, tmp_path / "prompts.txt", "--out", pack) == 0
    assert run("prompts", "list", pack, "--json") == 0
    facts = json.loads(capsys.readouterr().out.split("\n", 1)[1])
    assert [p["text"] for p in facts["prompts"]] == ["wave", "  jump twice", "renn, schnell!"]
    assert facts["fingerprint"] == encoder_package.fingerprint
    assert run("prompts", "list", pack) == 0
    assert "  jump twice" in capsys.readouterr().out
    assert run("prompts", "verify", pack, "--model", model) == 0
    assert "as it should be" in capsys.readouterr().out


def test_a_pack_of_another_encoder_is_an_error(encoder_package: Package, tmp_path: Path) -> None:
    features = PromptPack("0" * 64, "other", (), np.zeros((0, 4), np.float32), np.zeros((0, 3), np.float32))
    features.write(tmp_path / "other.pwp")
    with pytest.raises(PackageError, match="made with the encoder other"):
        run("prompts", "verify", tmp_path / "other.pwp", "--model", encoder_package.root)


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_an_unreadable_prompt_list_is_an_error(
    encoder_package: Package, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "prompts.txt").write_bytes(content)
    with pytest.raises(InvalidFile, match=r"can't be read|expected UTF-8"):
        run(
            "prompts",
            "pack",
            "--model",
            encoder_package.root,
            tmp_path / "prompts.txt",
            "--out",
            tmp_path / "p",
        )


def test_features_that_cannot_be_written_are_an_error(encoder_package: Package, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="can't be written"):
        run("encode", "--model", encoder_package.root, "x", "--raw", tmp_path / "absent" / "f.npz")


def test_export_writes_a_package_and_its_figures(
    llm: Path, clip: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnx")
    from posewire_export.text.commands import register_text_encoder

    parser = argparse.ArgumentParser()
    register_text_encoder(parser.add_subparsers(required=True))
    folders = ["--llm", str(llm), "--sentence", str(clip)]
    options = parser.parse_args(
        ["text-encoder", *folders, "--out", str(tmp_path / "small"), "--precision", "int8"]
    )
    assert options.func(options) == 0
    assert "context, stored prefix" in capsys.readouterr().out
    package = Package.open(tmp_path / "small")
    assert package.manifest.name == "small"
    assert package.manifest.graphs["context"].precision == "int8"
    assert set(package.manifest.provenance.source) == {
        "Qwen3-8B/config.json",
        "Qwen3-8B/model.safetensors",
        "clip-vit-large-patch14/config.json",
        "clip-vit-large-patch14/model.safetensors",
    }

"""Exporting: reduced precisions, the refusals, and that nothing half-made is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.export
pytest.importorskip("onnx")

from posewire_export.text import chat  # noqa: E402
from posewire_export.text.checkpoint import INDEX, SINGLE  # noqa: E402
from posewire_export.text.encoder import Options, export  # noqa: E402
from posewire_export.text.net import Precision, relative  # noqa: E402
from posewire_runtime.errors import InvalidFile, PackageError, PosewireError  # noqa: E402
from posewire_runtime.packages.package import Package  # noqa: E402
from posewire_runtime.text.encoder import TextEncoder  # noqa: E402


def test_the_chat_is_the_one_the_models_were_trained_with() -> None:
    chat.check()
    assert len(chat.BEFORE.encode()) == 496


@pytest.mark.parametrize(("precision", "limit"), [("fp16", 0.01), ("int8", 0.06), ("int4", 0.3)])
def test_reduced_precisions_measure_themselves_and_do_not_mix_prompts(
    llm: Path,
    clip: Path,
    tmp_path: Path,
    golden: dict[str, np.ndarray],
    prompts: list[str],
    precision: Precision,
    limit: float,
) -> None:
    package = export(llm, clip, tmp_path / "p", Options(precision=precision))
    stated = {e.what: e.error for e in package.manifest.parity}[f"context, {precision} graph, mean of cases"]
    encoder = TextEncoder(Package.open(package.root), placement="cpu")
    together = encoder.encode(prompts)
    for index, found in enumerate(together):
        error = relative(found.tokens, golden[f"ctxt{index}"])
        assert error < limit
        assert error < 2 * stated + 1e-4
        (alone,) = encoder.encode([prompts[index]])
        np.testing.assert_array_equal(found.tokens, alone.tokens)
        np.testing.assert_array_equal(found.sentence, alone.sentence)


def test_smaller_precisions_are_smaller(llm: Path, clip: Path, tmp_path: Path) -> None:
    sizes = []
    for precision in ("fp32", "fp16", "int8", "int4"):
        export(llm, clip, tmp_path / precision, Options(precision=precision, check=False))
        sizes.append((tmp_path / precision / "context.weights").stat().st_size)
    assert sizes == sorted(sizes, reverse=True)


def test_the_head_is_dropped(encoder_package: Package, llm: Path) -> None:
    graph = (encoder_package.root / "context.onnx").read_bytes()
    assert b"lm_head" not in graph
    assert b"embed_tokens" not in graph


def test_licence_files_travel_along(own_llm: Path, clip: Path, tmp_path: Path) -> None:
    (own_llm / "LICENSE").write_text("terms")
    package = export(own_llm, clip, tmp_path / "p", Options(check=False))
    assert package.file("llm.LICENSE").read_text() == "terms"


def edit(file: Path, change: Callable[[dict[str, object]], object]) -> None:
    value = json.loads(file.read_text("utf-8"))
    change(value)
    file.write_text(json.dumps(value), "utf-8")


def shard(folder: Path) -> None:
    """Pretend that the weights come in two files, and lose the second."""
    (folder / SINGLE).rename(folder / "model-00001-of-00002.safetensors")
    names = {
        "model.norm.weight": "model-00001-of-00002.safetensors",
        "lm_head.weight": "model-00002-of-00002.safetensors",
    }
    (folder / INDEX).write_text(json.dumps({"weight_map": names}))


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])


SPOILERS: dict[str, tuple[Callable[[Path, Path], object], type[PosewireError], str]] = {
    "another tokenizer": (
        lambda llm, clip: (llm / "tokenizer.json").write_bytes((clip / "tokenizer.json").read_bytes()),
        InvalidFile,
        "knows 502 tokens, the weights have 611 rows; the tokenizer doesn't belong",
    ),
    "a larger tokenizer": (
        lambda llm, clip: (clip / "tokenizer.json").write_bytes((llm / "tokenizer.json").read_bytes()),
        PackageError,
        "the tokenizer doesn't belong to these weights",
    ),
    "no tokenizer": (
        lambda llm, clip: (llm / "tokenizer.json").unlink(),
        InvalidFile,
        "tokenizer.json is missing",
    ),
    "a broken tokenizer": (
        lambda llm, clip: (llm / "tokenizer.json").write_text("{}"),
        PackageError,
        "expected a tokenizer.json",
    ),
    "a missing shard": (
        lambda llm, clip: shard(llm),
        InvalidFile,
        "1 of 2 weight files are missing: model-00002-of-00002.safetensors",
    ),
    "no weights": (lambda llm, clip: (llm / SINGLE).unlink(), InvalidFile, "neither model.safetensors nor"),
    "a wrong hidden size": (
        lambda llm, clip: edit(llm / "config.json", lambda c: c.update(hidden_size=32)),
        InvalidFile,
        r"has shape \(611, 64\), but config.json says \(611, 32\)",
    ),
    "a wrong layer count": (
        lambda llm, clip: edit(llm / "config.json", lambda c: c.update(num_hidden_layers=3)),
        InvalidFile,
        "11 tensors are missing",
    ),
    "too few layers": (
        lambda llm, clip: edit(llm / "config.json", lambda c: c.update(num_hidden_layers=1)),
        InvalidFile,
        "11 tensors are not of this model",
    ),
    "a wrong sentence width": (
        lambda llm, clip: edit(clip / "config.json", lambda c: c.update(hidden_size=96)),
        InvalidFile,
        r"but config.json says \(502, 96\)",
    ),
    "another model": (
        lambda llm, clip: edit(llm / "config.json", lambda c: c.update(model_type="llama")),
        InvalidFile,
        "model_type is 'llama', expected 'qwen3'",
    ),
    "stretched positions": (
        lambda llm, clip: edit(
            llm / "config.json", lambda c: c.update(rope_parameters={"rope_type": "yarn", "rope_theta": 1e6})
        ),
        InvalidFile,
        "rope_type 'yarn' is not supported",
    ),
    "another activation": (
        lambda llm, clip: edit(clip / "config.json", lambda c: c.update(hidden_act="gelu")),
        InvalidFile,
        "hidden_act is 'gelu'",
    ),
    "no configuration": (lambda llm, clip: (clip / "config.json").unlink(), InvalidFile, "is missing"),
    "half a configuration": (
        lambda llm, clip: edit(llm / "config.json", lambda c: c.pop("num_attention_heads")),
        InvalidFile,
        "num_attention_heads must be a positive number, found None",
    ),
    "weights cut short": (lambda llm, clip: cut(llm / SINGLE, 200_000), InvalidFile, "is cut short"),
    "a header cut short": (lambda llm, clip: cut(clip / SINGLE, 500), InvalidFile, "cut short"),
    "not safetensors": (
        lambda llm, clip: (llm / SINGLE).write_bytes(b"\x08\0\0\0\0\0\0\0not json at all"),
        InvalidFile,
        "isn't a safetensors file",
    ),
}


@pytest.mark.parametrize("name", SPOILERS)
def test_spoilt_folders_give_one_clear_error(
    name: str, own_llm: Path, own_clip: Path, tmp_path: Path
) -> None:
    spoil, kind, message = SPOILERS[name]
    spoil(own_llm, own_clip)
    with pytest.raises(kind, match=message):
        export(own_llm, own_clip, tmp_path / "out" / "package")
    assert not list((tmp_path / "out").glob("*"))

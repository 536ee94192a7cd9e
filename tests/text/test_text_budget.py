"""The memory formula against files that were really written."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = pytest.mark.export
pytest.importorskip("onnx")

from posewire_export.text.budget import QWEN3_8B, clip_bytes, llm_bytes  # noqa: E402
from posewire_export.text.checkpoint import Checkpoint  # noqa: E402
from posewire_export.text.configs import ClipConfig, Qwen3Config  # noqa: E402
from posewire_export.text.encoder import Options, export  # noqa: E402
from posewire_export.text.formats import Target  # noqa: E402
from posewire_export.text.net import Precision  # noqa: E402
from posewire_runtime.text.encoder import read_config  # noqa: E402


@pytest.mark.parametrize(
    ("precision", "target"),
    [("fp32", "cpu"), ("fp16", "cpu"), ("int8", "cpu"), ("int4", "cpu"), ("int8", "gpu"), ("int4", "gpu")],
)
def test_formula_and_files_agree(
    llm: Path, clip: Path, tmp_path: Path, precision: Precision, target: Target
) -> None:
    package = export(llm, clip, tmp_path / "p", Options(precision=precision, target=target, check=False))
    assert not package.manifest.parity, "no matrix was kept higher"
    prefix = len(read_config(package).context.prefix)
    config = Qwen3Config.read(Checkpoint(llm).config, llm)
    sides = {
        "context": llm_bytes(config, precision, target, prefix),
        "sentence": clip_bytes(ClipConfig.read(Checkpoint(clip).config, clip), precision, target),
    }
    for name, expected in sides.items():
        written = package.file(f"{name}.weights").stat().st_size
        # Alignment adds at most 64 bytes to each of the small weights here.
        assert (
            expected["matrices"] + expected["rest"]
            <= written
            < 1.06 * (expected["matrices"] + expected["rest"])
        )
    assert sides["context"]["table"] == package.file("context.table").stat().st_size


def test_the_published_sizes_of_the_8b_model() -> None:
    matrices = llm_bytes(QWEN3_8B, "fp16", "gpu", 101)["matrices"]
    assert matrices == 2 * 6_945_767_424
    assert llm_bytes(QWEN3_8B, "fp16", "gpu", 101)["table"] == 2 * 622_329_856

"""The golden encoder folders, and packages made of them once for all tests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.packages.package import Package

GOLDEN = Path(__file__).parents[1] / "golden" / "text_encoders"


@pytest.fixture(scope="session")
def golden() -> dict[str, np.ndarray]:
    """What the reference made of the prompts."""
    with np.load(GOLDEN / "golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="session")
def prompts() -> list[str]:
    """Plain, long, one word, empty, foreign, odd whitespace, over-long."""
    return json.loads((GOLDEN / "prompts.json").read_text("utf-8"))


@pytest.fixture(scope="session")
def llm() -> Path:
    """A tiny Qwen3 folder."""
    return GOLDEN / "Qwen3-8B"


@pytest.fixture(scope="session")
def clip() -> Path:
    """A tiny CLIP text folder."""
    return GOLDEN / "clip-vit-large-patch14"


@pytest.fixture
def own_llm(llm: Path, tmp_path: Path) -> Path:
    """A copy of the Qwen3 folder to spoil."""
    return Path(shutil.copytree(llm, tmp_path / "llm"))


@pytest.fixture
def own_clip(clip: Path, tmp_path: Path) -> Path:
    """A copy of the CLIP folder to spoil."""
    return Path(shutil.copytree(clip, tmp_path / "clip"))


@pytest.fixture(scope="session")
def encoder_package(llm: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Package:
    """The golden folders in float32."""
    pytest.importorskip("onnx")
    from posewire_export.text.encoder import export

    return Package.open(export(llm, clip, tmp_path_factory.mktemp("packages") / "encoder").root)

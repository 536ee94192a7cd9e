"""A small package to read, break and write again."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.packages.manifest import (
    EncoderReference,
    GraphSpec,
    Manifest,
    Motion,
    Normalisation,
    Parity,
    Provenance,
    TensorSpec,
)
from posewire_runtime.packages.package import Package, PackageWriter
from posewire_runtime.types import Licence, Limits, Preset

FILES = {"graph.onnx": b"graph", "weights.bin": bytes(range(256)), "tokenizer/vocab.json": b"{}"}


def manifest() -> Manifest:
    """One of everything."""
    return Manifest(
        kind="motion",
        family="hymotion",
        name="tiny",
        description="A package for tests.",
        licence=Licence("Custom-1.0", "Show this.\nAnd [this].", "everywhere but the moon", True),
        graphs={
            "denoise": GraphSpec(
                file="graph.onnx",
                inputs=(TensorSpec("x", "float32", ("rows", 201)),),
                outputs=(TensorSpec("velocity", "float32", ("rows", 201)),),
                precision="fp32",
                opset=21,
                data=("weights.bin",),
            )
        },
        provenance=Provenance({"latest.ckpt": "0" * 64}, "posewire 0.1.0", "posewire export hymotion"),
        motion=Motion(
            skeleton=SMPL22,
            fps=30,
            representation="hymotion-201",
            limits=Limits(20, 360, 100),
            presets={
                "fast": Preset(8, "ab2", guidance=5.0, error=0.012, measured="rot6d, 12 prompts"),
                "preview": Preset(2, times=(0.0, 0.3, 1.0), interval=(0.1, 0.9)),
            },
            default_preset="fast",
            normalisation=Normalisation(np.array([0.1, 1 / 3], np.float32), np.array([1, 0], np.float32)),
        ),
        text_encoder=EncoderReference("encoder", "beside", "f" * 64),
        parity=(Parity("velocity", "torch", 3, 2e-6, 1e-4),),
        config={"heads": 16, "nested": {"list": [1, 2]}},
    )


def write(target: Path, content: Manifest | None = None) -> Package:
    """Write a package of FILES."""
    with PackageWriter(target) as writer:
        for name, data in FILES.items():
            path = writer.folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        return writer.commit(content or manifest())


@pytest.fixture
def content() -> Manifest:
    return manifest()


@pytest.fixture
def package(tmp_path: Path) -> Package:
    return write(tmp_path / "tiny.posewire")


@pytest.fixture(name="write")
def give_write() -> Callable[..., Package]:
    return write


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Hashes are remembered here, not in the home of whoever runs the tests."""
    folder = tmp_path / "cache" / "posewire"
    monkeypatch.setattr("posewire_runtime.packages.hashes.cache_folder", lambda: folder)
    return folder

"""kill -9 at any moment: in the end the tree is that of a bake which nobody disturbed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.types import Features

COMMAND = [sys.executable, "-m", "posewire_runtime.cli", "bake"]
HEAVY = os.environ.get("POSEWIRE_CHECK_BAKE") == "1"
"""`scripts/check_bake` asks for the full numbers; otherwise a taste of them."""
OFFICIAL = Path(__file__).parents[1] / "golden" / "hymotion"


def prompt_of(row: int) -> str:
    return f"a person walks {row} steps"


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class RandomEncoder:
    """Features drawn from the prompt's own letters."""

    fingerprint = "e" * 64

    def recall(self, prompt: str) -> Features | None:
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        return [self._one(np.random.default_rng(list(prompt.encode()))) for prompt in prompts]

    def _one(self, random: np.random.Generator) -> Features:
        words = int(random.integers(4, 9))
        return Features(
            random.standard_normal((words, 96), np.float32), random.standard_normal((1, 48), np.float32)
        )


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The words that make a bake use a tiny HY-Motion in ONNX Runtime, with a prompt pack for its text."""
    pytest.importorskip("torch")
    pytest.importorskip("onnx")
    from posewire_export.hymotion.checkpoint import read_checkpoint
    from posewire_export.hymotion.export import source_of
    from posewire_export.hymotion.package import Description, Making, write_package
    from posewire_runtime.packages.manifest import EncoderReference
    from posewire_runtime.text.packs import PromptPack
    from posewire_runtime.types import Licence

    folder = tmp_path_factory.mktemp("network")
    encoder = RandomEncoder()
    reference = EncoderReference("encoder", "beside", encoder.fingerprint)
    description = Description("tiny", Licence("none: random weights"), encoder=reference)
    making = Making("fp32", check=False, report=lambda line: None)
    write_package(source_of(read_checkpoint(OFFICIAL)), description, folder / "tiny", making)
    pack = PromptPack.make(encoder, "random", [prompt_of(row) for row in range(300)])
    pack.write(folder / "prompts.pwp")
    packs = ["--text-packs", str(folder / "prompts.pwp"), "--text-unknown", "refuse"]
    return ["--model", str(folder / "tiny"), *packs]


@pytest.mark.parametrize(
    "maker", ["stand-in", pytest.param("network", marks=pytest.mark.export)], ids=["stand-in", "onnx"]
)
def test_killed_at_any_moment_it_goes_on(maker: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    network = maker == "network"
    model: list[str] = request.getfixturevalue(maker) if network else ["--model", "stand-in"]
    rows, kills = (300, 20) if HEAVY else (16, 1 if network else 2)
    text = "prompt,seconds,passes\n"
    text += "".join(f"{prompt_of(n)},{1 + n % 3},foot-lock keys=1\n" for n in range(rows))
    (tmp_path / "list.csv").write_text(text)
    arguments = ["list.csv", "--format", "glb,npz", "--batch", "8", "--mesh", "none", *model]
    chance = random.Random(1)
    killed = 0
    began = time.perf_counter()
    subprocess.run([*COMMAND, *arguments, "--out", "calm"], cwd=tmp_path, check=True, capture_output=True)
    usual = time.perf_counter() - began
    for _ in range(20 * kills):
        process = subprocess.Popen(
            [*COMMAND, *arguments, "--out", "stormy"],
            cwd=tmp_path,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(chance.uniform(0.1, 1.0) * max(usual / 4, 1.2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            killed += 1
        if killed == kills:
            break
        if process.returncode == 0:  # it got through; begin anew, for the kills that are still owed
            for name in list(tree(tmp_path / "stormy"))[:: chance.randint(2, 5)]:
                (tmp_path / "stormy" / name).unlink()
    assert killed == kills
    subprocess.run([*COMMAND, *arguments, "--out", "stormy"], cwd=tmp_path, check=True, capture_output=True)
    calm, stormy = tree(tmp_path / "calm"), tree(tmp_path / "stormy")
    assert sorted(calm) == sorted(stormy)
    assert [name for name in calm if calm[name] != stormy[name]] == []
    print(f"{maker}: {killed} kills of a bake of {rows} rows, {len(calm)} files equal to the last byte")

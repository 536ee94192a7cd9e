"""The commands as people type them: clips in, a package and a report out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posewire_export.train import feed  # noqa: E402
from posewire_export.train.rest import REST  # noqa: E402
from posewire_export.train.text_model import TextConfig, TextEncoder, Words, write_text_side  # noqa: E402
from posewire_runtime import cli, formats  # noqa: E402
from posewire_runtime.motion import quat  # noqa: E402
from posewire_runtime.types import Clip  # noqa: E402

pytestmark = pytest.mark.export

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *["someone", "waves", "kicks", "with", "the", "left", "right", "hand", "leg", "then", ",", "and"],
]
SETTINGS = """
passes = {passes}
batch_frames = 400
warmup = 2
bf16 = false
[network]
width = 32
layers = 3
heads = 2
"""


def clip(joint: str, seed: int) -> Clip:
    swing = np.sin(seed + np.arange(30) / 4)[:, None] * np.array([0.6, 0, 0.7])
    rotations = np.tile(quat.identity((22,)), (30, 1, 1))
    rotations[:, REST.index(joint)] = quat.from_rotation_vector(swing)
    root = np.tile(np.array([0, -REST.sole, 0], np.float32), (30, 1))
    return Clip(REST, 30, rotations.astype(np.float32), root, np.zeros((30, 4), np.bool_))


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten clips with captions, a held-out list, settings and a text encoder."""
    monkeypatch.setattr(feed, "POOL", 12)
    torch.set_num_threads(1)
    (tmp_path / "clips").mkdir()
    lines = []
    for i in range(10):
        side, joint = (("left", "L_Shoulder"), ("right", "R_Hip"))[i % 2]
        suffix = ("bvh", "glb")[i // 2 % 2]
        formats.write(tmp_path / "clips" / f"{i}.{suffix}", clip(joint, i))
        text = f"someone waves with the {side} hand" if i % 2 == 0 else f"someone kicks with the {side} leg"
        lines.append(json.dumps({"file": f"{i}.{suffix}", "texts": [text], "actions": [text.split()[1]]}))
    (tmp_path / "captions.jsonl").write_text("\n".join(lines))
    (tmp_path / "heldout.txt").write_text("8.bvh\n9.bvh  # the last two\n")
    (tmp_path / "teacher.toml").write_text(SETTINGS.format(passes=8))
    (tmp_path / "student.toml").write_text(SETTINGS.format(passes=1))
    _write_text(tmp_path)
    return tmp_path


def _write_text(folder: Path) -> None:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "words.json"))
    torch.manual_seed(0)
    config = TextConfig(
        vocabulary=len(WORDS), table=32, width=64, layers=1, heads=2, output=48, max_tokens=24
    )
    write_text_side(TextEncoder(config), Words(folder / "words.json", 24), folder / "text")
    (folder / "prompts.txt").write_text("someone waves\nsomeone walks\n")


def posewire(studio: Path, words: str) -> None:
    """Run a command; names that begin with @ are files of the studio."""
    assert cli.run([str(studio / word[1:]) if word.startswith("@") else word for word in words.split()]) == 0


def test_from_clips_to_a_package_and_a_report(studio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clips = "--motions @clips --captions @captions.jsonl"
    posewire(studio, f"train pack {clips} --out @data.npz")
    data = "--motions @data.npz --heldout @heldout.txt --text @text"
    posewire(studio, f"train {data} --config @teacher.toml --out @teacher")
    assert "8 clips to learn from, 2 held out" in capsys.readouterr().out
    posewire(
        studio,
        f"train distil {data} --config @student.toml --teacher @teacher/average.pt --pools 2 "
        "--teacher-steps 2 --guidance 1.5 --prompts @prompts.txt --recordings 0.5 --out @student",
    )
    assert len(list((studio / "student/pairs").iterdir())) == 2
    assert len(list((studio / "student/prompt-pairs").iterdir())) == 1
    posewire(
        studio,
        "publish --weights @student/average.pt --text @text --captions @captions.jsonl "
        "--heldout @heldout.txt --name tiny --licence CC0-1.0 --precision fp32 --out @package",
    )
    posewire(studio, "generate someone --model @package --frames 24 --seed 1 --out @made.bvh")
    assert (studio / "made.bvh").stat().st_size > 1000
    posewire(
        studio,
        f"evaluate --model @package {data} --judge @judge.pt --judge-pools 2 --steps 1 2 --clips 4 "
        "--out @report.json",
    )
    report = json.loads((studio / "report.json").read_text())
    results = report["results"]
    assert list(results) == ["real", "retrieval", "1 step", "2 steps"]
    assert results["2 steps"]["crowd"]["n"] == 4
    assert report["familiarity"] == {}, "every held-out caption is known here: nothing to tell apart"
    assert (studio / "report.md").read_text().startswith("| | real | retrieval | 1 step | 2 steps |")
    assert (studio / "report.webp").is_file()


def test_what_is_missing_is_said(studio: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "--motions", str(studio / "clips"), "--out", str(studio / "out")]) == 2
    assert "expected --captions FILE" in capsys.readouterr().err
    arguments = ["train", "--motions", str(studio / "clips"), "--captions", str(studio / "captions.jsonl")]
    assert cli.run([*arguments, "--out", str(studio / "out")]) == 2
    assert "posewire train-text" in capsys.readouterr().err
    assert (
        cli.run([*arguments, "--out", str(studio / "out"), "--config", str(studio / "captions.jsonl")]) == 2
    )

"""The judge learns what goes together, and the report covers everything that is asked of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posewire_export.evaluate import contrast, report, showcase  # noqa: E402
from posewire_export.evaluate.evaluate import report_of  # noqa: E402
from posewire_export.train import features, feed  # noqa: E402
from posewire_export.train.feed import Corpus  # noqa: E402
from posewire_export.train.generate import Wish  # noqa: E402
from posewire_export.train.ingest import Motion  # noqa: E402
from posewire_export.train.library import Entry  # noqa: E402
from posewire_export.train.rest import REST  # noqa: E402
from posewire_export.train.text_model import (  # noqa: E402
    TextConfig,
    TextEncoder,
    TextSide,
    Words,
    read_text_side,
    write_text_side,
)
from posewire_runtime.motion import quat  # noqa: E402

pytestmark = pytest.mark.export

ACTIONS = {"waves the left hand": "L_Shoulder", "kicks with the right leg": "R_Hip", "nods": "Neck"}
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted({w for text in ACTIONS for w in text.split()})]


def swinging(joint: str, seed: int, frames: int = 24) -> Motion:
    phase = np.random.default_rng(seed).uniform(0, 6)
    rotations = quat.identity((frames, 22), np.float32).copy()
    turns = np.sin(phase + np.arange(frames) / 4)[:, None] * np.array([0.6, 0, 0.7])
    rotations[:, REST.index(joint)] = quat.from_rotation_vector(turns)
    return Motion(rotations.astype(np.float32), np.tile(np.array([0, 0.99, 0], np.float32), (frames, 1)))


def corpus(first: int) -> Corpus:
    made = [(text, joint, seed) for text, joint in ACTIONS.items() for seed in range(first, first + 4)]
    entries = [Entry(f"{t}{s}.bvh", (t,), "made up", (t.split()[0],)) for t, _, s in made]
    return Corpus(entries, [features.encode(swinging(joint, seed)) for _, joint, seed in made])


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> TextSide:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder = tmp_path_factory.mktemp("judge")
    tokenizer.save(str(folder / "words.json"))
    torch.manual_seed(0)
    config = TextConfig(vocabulary=len(WORDS), table=8, width=16, layers=1, heads=2, output=24, max_tokens=8)
    write_text_side(TextEncoder(config), Words(folder / "words.json", 8), folder)
    return read_text_side(folder)


@pytest.fixture(scope="module")
def judge(side: TextSide) -> contrast.Judge:
    torch.set_num_threads(1)
    learned = corpus(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(feed, "POOL", 16)
        return contrast.train_judge(
            learned, features.measure(list(learned.clips)), side, pools=40, same=0.9999
        )


def test_the_judge_tells_actions_apart(judge: contrast.Judge) -> None:
    texts = judge.texts(list(ACTIONS))
    motions = judge.motions([swinging(joint, 99) for joint in ACTIONS.values()])
    nearest = np.linalg.norm(motions[:, None] - texts[None], axis=-1).argmin(1)
    assert nearest.tolist() == [0, 1, 2]


def test_a_judge_can_be_kept(judge: contrast.Judge, side: TextSide, tmp_path: Path) -> None:
    contrast.write_judge(judge, tmp_path / "judge.pt")
    again = contrast.read_judge(tmp_path / "judge.pt", side)
    some = [swinging("Neck", 5)]
    np.testing.assert_array_equal(judge.motions(some), again.motions(some))


def test_the_report_of_a_good_and_a_bad_model(judge: contrast.Judge) -> None:
    def good(wishes: Sequence[Wish]) -> list[Motion]:
        return [swinging(ACTIONS.get(w.prompt, "L_Shoulder"), w.seed + 50, w.frames) for w in wishes]

    def bad(wishes: Sequence[Wish]) -> list[Motion]:
        return [swinging("R_Wrist", w.seed, w.frames) for w in wishes]

    made = report_of(judge, corpus(0), corpus(20), {"good": good, "bad": bad}, least=24, limits=(20, 360))
    assert list(made) == ["real", "retrieval", "good", "bad"]
    assert made["real"]["text"]["all"]["top1"]["value"] > 0.9
    assert made["good"]["text"]["all"]["top1"]["value"] > 0.9
    assert made["bad"]["text"]["all"]["top1"]["value"] < 0.6
    assert made["bad"]["crowd"]["kid"]["value"] > made["good"]["crowd"]["kid"]["value"]
    assert made["good"]["claims"]["arm"] == {"n": 8, "share": 1.0}
    assert made["good"]["nearest_training_clip"]["value"] < made["bad"]["nearest_training_clip"]["value"]
    assert made["good"]["crowd"]["n"] == 24
    json.dumps(made)
    lines = report.table(made).splitlines()
    assert lines[0] == "| | real | retrieval | good | bad |"
    assert all(line.count("|") == 6 for line in lines)


def test_sheets_for_every_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showcase, "ACTIONS", showcase.ACTIONS[:1])
    monkeypatch.setattr(showcase, "COMPOSED", showcase.COMPOSED[:2])
    showcase.write_sheets(
        lambda wishes: [swinging("Neck", w.seed, w.frames) for w in wishes], tmp_path, seeds=(1, 2)
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["composed-1.png", "walk.png"]

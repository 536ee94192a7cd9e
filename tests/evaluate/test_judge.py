"""The judge learns what goes together, and the report covers everything that is asked of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posewire_export.evaluate import contrast, curves, report, showcase  # noqa: E402
from posewire_export.evaluate.evaluate import cases_of, copying, knowing, report_of  # noqa: E402
from posewire_export.evaluate.makers import kept  # noqa: E402
from posewire_export.evaluate.strangers import STRANGERS  # noqa: E402
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
from posewire_runtime.errors import InvalidRequest  # noqa: E402
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


def test_copies_are_told_from_motion_of_its_own(judge: contrast.Judge) -> None:
    learned = corpus(0)
    copies = copying(judge, learned, [features.decode(clip) for clip in learned.clips])
    others = copying(judge, learned, [swinging(joint, 70) for joint in ACTIONS.values()])
    assert copies["metres"]["high"] < 1e-5
    assert others["metres"]["low"] > 1e-3


def test_a_judge_can_be_kept(judge: contrast.Judge, side: TextSide, tmp_path: Path) -> None:
    contrast.write_judge(judge, tmp_path / "judge.pt")
    again = contrast.read_judge(tmp_path / "judge.pt", side)
    some = [swinging("Neck", 5)]
    np.testing.assert_array_equal(judge.motions(some), again.motions(some))


def test_the_report_of_a_good_and_a_bad_model(judge: contrast.Judge, tmp_path: Path) -> None:
    def good(wishes: Sequence[Wish]) -> list[Motion]:
        return [swinging(ACTIONS.get(w.prompt, "L_Shoulder"), w.seed + 50, w.frames) for w in wishes]

    def bad(wishes: Sequence[Wish]) -> list[Motion]:
        return [swinging("R_Wrist", w.seed, w.frames) for w in wishes]

    makers = {"1 step": bad, "4 steps": good}
    made = report_of(judge, corpus(0), corpus(20), makers, least=24, limits=(20, 360))
    assert list(made) == ["real", "retrieval", "1 step", "4 steps"]
    assert made["real"]["text"]["all"]["top1"]["value"] > 0.9
    assert made["4 steps"]["text"]["all"]["top1"]["value"] > 0.9
    assert made["1 step"]["text"]["all"]["top1"]["value"] < 0.6
    assert made["1 step"]["crowd"]["kid"]["value"] > made["4 steps"]["crowd"]["kid"]["value"]
    assert made["4 steps"]["captions"]["limbs"]["n"] == 16
    assert made["4 steps"]["captions"]["limbs"]["share"]["value"] == 1.0
    assert made["1 step"]["captions"]["limbs"]["share"]["value"] < 1.0
    assert all(made[name]["nearest_training_clip"]["metres"]["value"] > 0 for name in ("4 steps", "1 step"))
    assert made["real"]["templates"]["limbs"]["n"] == 16
    for name in made:
        bodies = made[name]["bodies"]
        assert bodies["n"] in (12, 24)
        assert bodies["passes"]["sliding"]["value"] <= bodies["raw"]["sliding"]["value"] + 1e-3
    assert made["4 steps"]["crowd"]["n"] == 24
    whole = {"about": about(judge, "a"), "results": made}
    json.dumps(whole)
    lines = report.table(whole).splitlines()
    assert lines[0] == "| | real | retrieval | 1 step | 4 steps |"
    assert all(line.count("|") == 6 for line in lines)
    curves.draw_curves(made, tmp_path / "curves.webp")
    assert (tmp_path / "curves.webp").stat().st_size > 5_000


def about(judge: contrast.Judge, heldout: str) -> dict[str, object]:
    return report.about(judge, clips=24, heldout=[heldout])


def test_reports_stand_side_by_side_under_one_judge_only(judge: contrast.Judge) -> None:
    def one(name: str, heldout: str) -> dict[str, object]:
        results = {"real": {"crowd": {"n": 3}}, name: {"crowd": {"n": 5}}}
        return {"about": about(judge, heldout), "results": results}

    both = report.joined([one("50 steps", "a"), one("4 steps", "a")])
    assert list(both["results"]) == ["real", "50 steps", "4 steps"]
    assert report.table(both).splitlines()[2] == "| clips | 3 | 5 | 5 |"
    with pytest.raises(InvalidRequest, match="heldout"):
        report.joined([one("50 steps", "b"), one("4 steps", "a")])


def test_the_table_says_how_figures_stand_to_real_motion(judge: contrast.Judge) -> None:
    def sliding(value: float) -> dict[str, object]:
        interval = {"value": value, "low": value - 0.1, "high": value + 0.1}
        return {"bodies": {"n": 4, "raw": {"sliding": interval}}}

    results = {"real": sliding(0.2), "4 steps": sliding(0.3)}
    [row] = report.table({"results": results}).splitlines()[2:]
    assert row == "| foot sliding, m/s | 0.200 [0.100, 0.300] | 0.300 [0.200, 0.400] 1.50× |"


def test_familiarity_is_measured_against_strangers(judge: contrast.Judge) -> None:
    held = corpus(20)
    said = [Entry(e.file, (f"{e.texts[0]} gladly",), e.source, e.actions) for e in held.entries]
    cases = cases_of(Corpus(said, held.clips), corpus(0))
    strangers = set(STRANGERS)
    found = knowing(lambda texts: [0.1 if text in strangers else 0.9 for text in texts], cases)
    assert found["auroc"]["value"] == 1.0
    assert found["n"] == {"unheard captions": 3, "strangers": 100}
    assert found["above half"] == {"unheard captions": 1.0, "strangers": 0.0}
    assert knowing(lambda texts: [], cases) == {}


def test_what_was_made_is_made_once(tmp_path: Path) -> None:
    asked: list[int] = []

    def maker(wishes: Sequence[Wish]) -> list[Motion]:
        asked.append(len(wishes))
        return [swinging("Neck", wish.seed, wish.frames) for wish in wishes]

    wishes = [Wish("nods", 20, 1), Wish("nods", 31, 2)]
    first = kept(maker, "one", tmp_path)(wishes)
    again = kept(maker, "one", tmp_path)(wishes)
    assert asked == [2]
    for one, two in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.rotations, two.rotations)
        np.testing.assert_array_equal(one.root, two.root)
    kept(maker, "other weights", tmp_path)(wishes)
    kept(maker, "one", tmp_path)(wishes[:1])
    assert asked == [2, 2, 1]


def test_sheets_for_every_action(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(showcase, "ACTIONS", showcase.ACTIONS[:1])
    monkeypatch.setattr(showcase, "COMPOSED", showcase.COMPOSED[:2])
    showcase.write_sheets(
        lambda wishes: [swinging("Neck", w.seed, w.frames) for w in wishes], tmp_path, seeds=(1, 2)
    )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["composed-1.webp", "walk.webp"]


def test_the_table_has_a_row_for_each_source() -> None:
    def text(value: float) -> dict[str, object]:
        figure = {"top3": {"value": value, "low": value, "high": value}}
        return {"text": {"all": figure, "unheard": figure, "CMU": figure, "ACCAD": figure}}

    lines = report.table({"results": {"real": text(0.8), "4 steps": text(0.6)}}).splitlines()
    titles = [line.split("|")[1].strip() for line in lines[2:]]
    assert titles == ["R-precision top 3", "top 3, unheard captions", "top 3, ACCAD", "top 3, CMU"]
    assert lines[-1].endswith("0.600 [0.600, 0.600] 0.75× |")

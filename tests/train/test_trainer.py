"""The training loop on a network of a few thousand weights and motion made up on the spot."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posewire_export.train import curves, features, flow, trainer  # noqa: E402
from posewire_export.train.claims import claims, holds  # noqa: E402
from posewire_export.train.config import Augment, Config, Network, from_dict, read_config  # noqa: E402
from posewire_export.train.dataset import DataSet  # noqa: E402
from posewire_export.train.feed import Corpus, Example, Feed  # noqa: E402
from posewire_export.train.generate import Generator, Wish, finish, read_generator  # noqa: E402
from posewire_export.train.ingest import FPS, Motion, lowest, places  # noqa: E402
from posewire_export.train.library import Entry  # noqa: E402
from posewire_export.train.pack import read_pack, write_pack  # noqa: E402
from posewire_export.train.reflow import MixedFeed, PairFeed, PromptFeed, Teaching, make_pairs  # noqa: E402
from posewire_export.train.rest import REST  # noqa: E402
from posewire_export.train.text_model import (  # noqa: E402
    TextConfig,
    TextEncoder,
    TextSide,
    Words,
    pad_ids,
    read_text_side,
    write_text_side,
)
from posewire_export.train.trainer import Trainer, Validation, run  # noqa: E402
from posewire_runtime.errors import InvalidFile  # noqa: E402
from posewire_runtime.motion import quat  # noqa: E402
from posewire_runtime.motion.plant import path_change  # noqa: E402

pytestmark = pytest.mark.export

TINY = Config(
    network=Network(width=32, layers=3, heads=2),
    augment=Augment(stitch=0.5),
    seed=5,
    passes=2.0,
    batch_frames=600,
    rate=3e-3,
    warmup=4,
    ema=0.9,
    bf16=False,
)
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "person", "walks", "waves", "left", "right", "then", ","]


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> TextSide:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    folder = tmp_path_factory.mktemp("text")
    tokenizer.save(str(folder / "words.json"))
    torch.manual_seed(1)
    config = TextConfig(vocabulary=len(WORDS), table=8, width=16, layers=1, heads=2, output=24, max_tokens=8)
    write_text_side(TextEncoder(config), Words(folder / "words.json", 8), folder / "side")
    return read_text_side(folder / "side")


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    chance, clips, entries = np.random.default_rng(0), [], []
    for i, frames in enumerate((24, 36, 48, 60, 40, 30)):
        turns = 0.3 * np.sin(chance.uniform(0, 6, (22, 3)) + 0.1 * np.arange(frames)[:, None, None])
        rotations = quat.from_rotation_vector(turns).astype(np.float32)
        root = np.zeros((frames, 3), np.float32) + np.array([0, 0.95, 0], np.float32)
        clips.append(features.encode(Motion(rotations, root)))
        entries.append(Entry(f"{i}.bvh", ("a person waves left", "walks"), actions=("walk",)))
    return Corpus(entries, clips)


def make(config: Config, corpus: Corpus, text: TextSide) -> Trainer:
    torch.set_num_threads(1)
    normaliser = features.measure(list(corpus.clips))
    return Trainer(config, Feed(corpus, config), normaliser, text, total_frames=corpus.frames)


def weights(made: Trainer) -> list[Any]:
    return [*made.model.state_dict().values(), *made.average.values()]


def test_resuming_is_exact(corpus: Corpus, text: TextSide, tmp_path: Path) -> None:
    config = replace(TINY, passes=20.0)
    whole, first = make(config, corpus, text), make(config, corpus, text)
    losses = [whole.advance() for _ in range(25)]
    begun = [first.advance() for _ in range(11)]
    trainer.save_atomically(first.state(), tmp_path / "resume.pt")
    second = make(config, corpus, text)
    second.load_state(torch.load(tmp_path / "resume.pt", weights_only=True))
    assert [*begun, *(second.advance() for _ in range(14))] == losses
    assert all(torch.equal(a, b) for a, b in zip(weights(whole), weights(second), strict=True))
    assert (whole.frames, whole.pool, whole.place) == (second.frames, second.pool, second.place)
    assert whole.pool > 0  # the stop was not the only border that was crossed


def test_it_learns(corpus: Corpus, text: TextSide) -> None:
    made = make(replace(TINY, passes=100.0), corpus, text)
    losses = [made.advance() for _ in range(60)]
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:5])


def test_a_run_writes_weights_losses_and_a_picture(
    corpus: Corpus, text: TextSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "LOG_EVERY", 1)
    config = replace(TINY, passes=12.0)
    made = make(config, corpus, text)
    run(made, tmp_path, validate=Validation(corpus, config))
    assert made.finished
    assert made.passes >= 12
    with (tmp_path / "loss.csv").open() as log:
        rows = list(csv.DictReader(log))
    assert [int(row["step"]) for row in rows] == list(range(1, made.step + 1))
    stored = torch.load(tmp_path / "average.pt", weights_only=True)["model_state_dict"]
    assert {"mean", "std", "null_vtxt_feat", "motion_transformer.input_encoder.weight"} <= set(stored)
    assert stored["motion_transformer.input_encoder.weight"].dtype == torch.float16
    curves.plot_losses(tmp_path / "loss.csv", tmp_path / "loss.png")
    assert (tmp_path / "loss.png").read_bytes().startswith(b"\x89PNG")
    again = make(config, corpus, text)
    run(again, tmp_path)
    assert again.step == made.step


def test_resuming_with_another_network_is_refused(corpus: Corpus, text: TextSide) -> None:
    state = make(TINY, corpus, text).state()
    longer = make(replace(TINY, passes=3.0), corpus, text)
    longer.load_state(state)
    other = make(replace(TINY, seed=6), corpus, text)
    with pytest.raises(InvalidFile, match="other settings: seed"):
        other.load_state(state)


def test_pools_depend_on_seed_and_number_alone(corpus: Corpus) -> None:
    one, two = Feed(corpus, TINY), Feed(corpus, TINY)
    one.batches(0)
    for mine, theirs in zip(one.batches(3), two.batches(3), strict=True):
        for a, b in zip(mine, theirs, strict=True):
            assert a.text == b.text
            np.testing.assert_array_equal(a.frames, b.frames)


def test_batches_keep_to_their_size(corpus: Corpus) -> None:
    for batch in Feed(corpus, TINY).batches(0):
        lengths = [len(example.frames) for example in batch]
        assert max(lengths) * len(lengths) <= TINY.batch_frames
        assert min(lengths) >= TINY.min_frames


def test_rate_rises_stays_and_falls(corpus: Corpus, text: TextSide) -> None:
    made = make(replace(TINY, cooldown=0.5), corpus, text)
    assert made.rate() == pytest.approx(TINY.rate / 4)
    made.step = 10
    assert made.rate() == pytest.approx(TINY.rate)
    made.frames = round(1.5 * corpus.frames)
    assert made.rate() == pytest.approx(TINY.rate / 2)


def test_dropping_replaces_text_and_keeps_masks(corpus: Corpus, text: TextSide) -> None:
    made = make(TINY, corpus, text)
    words = text(["a person walks", "waves"])
    changed = made.model.without(words, torch.tensor([False, True]))
    assert torch.equal(changed.tokens[0], words.tokens[0])
    assert torch.equal(changed.tokens[1], made.model.null_ctxt_input[0].expand_as(words.tokens[1]))
    assert torch.equal(changed.valid, words.valid)


def test_padding_does_not_change_a_prompt_or_a_motion(corpus: Corpus, text: TextSide) -> None:
    alone, among = text(["waves"]), text(["waves", "a person walks left , then"])
    torch.testing.assert_close(alone.sentence[0], among.sentence[0])
    torch.testing.assert_close(alone.tokens[0], among.tokens[0, :3])
    made = make(TINY, corpus, text)
    for _ in range(8):
        made.advance()
    noise = torch.randn(2, 40, 201, generator=torch.Generator().manual_seed(0))
    mask = torch.ones(2, 40, dtype=torch.bool)
    mask[0, 25:] = False
    model = made.averaged()
    both = flow.sample(model, among, noise, mask, steps=3)
    one = flow.sample(model, alone, noise[:1, :25], mask[:1, :25], steps=3)
    torch.testing.assert_close(both[0, :25], one[0], atol=1e-4, rtol=1e-4)


def test_times_lean_to_noise() -> None:
    uniform = torch.linspace(0, 1, 101)
    assert torch.equal(flow.draw_times(uniform, 1.0), uniform)
    assert flow.draw_times(uniform, 2.0).mean() < 0.45


def test_config_is_strict(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("passes = 3\n[network]\nwidth = 64\nheads = 1\n")
    assert read_config(file) == Config(network=Network(width=64, heads=1), passes=3)
    file.write_text("pases = 3\n")
    with pytest.raises(InvalidFile, match="unknown settings pases"):
        read_config(file)
    with pytest.raises(ValueError, match=r"augment\.mirors"):
        from_dict({"augment": {"mirors": 1}})


def test_pad_ids() -> None:
    ids, valid = pad_ids([[1, 2, 3], [4]])
    assert ids.tolist() == [[1, 2, 3], [4, 0, 0]]
    assert valid.tolist() == [[True, True, True], [True, False, False]]


def test_a_student_learns_the_teachers_ends(corpus: Corpus, text: TextSide, tmp_path: Path) -> None:
    teacher_run = make(TINY, corpus, text)
    for _ in range(30):
        teacher_run.advance()
    teacher = Generator(teacher_run.averaged(), teacher_run.normaliser, text, torch.device("cpu"))
    teaching = Teaching(steps=4, guidance=2.0, pools=2, bf16=False)
    files = make_pairs(teacher, Feed(corpus, TINY), teaching, tmp_path)
    before = [file.stat().st_mtime_ns for file in files]
    assert make_pairs(teacher, Feed(corpus, TINY), teaching, tmp_path) == files
    assert [file.stat().st_mtime_ns for file in files] == before

    config = replace(TINY, passes=2.0, drop=0.0, time_shift=1.0)
    feed = PairFeed(files, config, teacher.normaliser)
    example = feed.batches(0)[0][0]
    assert example.noise is not None
    wish = Wish(example.text, len(example.frames))
    latents = flow.sample(
        teacher.model,
        text([wish.prompt]),
        torch.from_numpy(example.noise)[None],
        torch.ones(1, wish.frames, dtype=torch.bool),
        steps=4,
        guidance=2.0,
    )
    latent, motion = latents[0].numpy(), finish(teacher.normaliser, latents[0].numpy())
    learned = teacher.normaliser.apply(example.frames)
    np.testing.assert_allclose(learned[:, 3:], latent[:, 3:], atol=0.02)
    planted = path_change(REST, places(motion), FPS)
    np.testing.assert_allclose(
        example.frames[:, :3], teacher.normaliser.undo(latent)[:, :3] + planted, atol=0.01
    )

    student = Trainer(config, feed, teacher.normaliser, text, total_frames=feed.frames)
    student.start_from(teacher.model)
    losses = [student.advance() for _ in range(40)]
    assert np.mean(losses[-8:]) < np.mean(losses[:8])


@pytest.mark.parametrize(("share", "order"), [(0.0, "pppp"), (0.25, "pppr"), (0.5, "prpr"), (1.0, "rrrr")])
def test_recordings_come_evenly_among_pairs(share: float, order: str) -> None:
    class Named:
        def __init__(self, name: str) -> None:
            self.name = name

        def batches(self, pool: int) -> list[list[Example]]:
            return [[Example(np.zeros((1, 201), np.float32), f"{self.name}{pool}")]]

    feed = MixedFeed(Named("p"), Named("r"), share)
    drawn = [feed.batches(pool)[0][0].text for pool in range(4)]
    assert "".join(text[0] for text in drawn) == order
    for name in "pr":
        numbers = [int(text[1:]) for text in drawn if text[0] == name]
        assert numbers == list(range(len(numbers)))


def test_prompts_without_clips_are_asked_too() -> None:
    feed = PromptFeed(["a person waves", "a person walks for 3 seconds"], TINY)
    [batch] = feed.batches(4)
    assert [example.text for example in feed.batches(4)[0]] == [example.text for example in batch]
    assert {bool(re.search("waves|walks", example.text)) for example in batch} == {True}
    assert len({example.text for example in batch}) > 2  # said of others too
    long = [len(example.frames) for example in batch if "walks" in example.text]
    assert 63 <= min(long) < max(long) <= 117
    with pytest.raises(InvalidFile, match="a line each"):
        PromptFeed([], TINY)


def test_only_answers_that_keep_to_their_words_are_learned(
    corpus: Corpus, text: TextSide, tmp_path: Path
) -> None:
    words = ("waves the left hand", "waves the right hand", "walks")
    entries = [replace(entry, texts=(words[i % 3],)) for i, entry in enumerate(corpus.entries)]
    config = replace(TINY, augment=Augment(stitch=0.0, paraphrase=0.0))
    untrained = make(config, corpus, text)
    model = untrained.averaged()
    torch.manual_seed(2)
    for parameter in model.parameters():
        parameter.normal_(std=0.2)
    teacher = Generator(model, untrained.normaliser, text, torch.device("cpu"))
    feed = Feed(Corpus(entries, corpus.clips), config)
    files = make_pairs(teacher, feed, Teaching(steps=1, guidance=1.0, pools=1, bf16=False), tmp_path)
    pairs = [pair for batch in PairFeed(files, config, teacher.normaliser).batches(0) for pair in batch]
    assert {pair.text for pair in pairs} >= set(words)
    for pair in pairs:
        motion = finish(teacher.normaliser, teacher.normaliser.apply(pair.frames))
        assert all(holds(claim, motion) for claim in claims(pair.text))


def test_generating_gives_motion_on_the_floor(corpus: Corpus, text: TextSide, tmp_path: Path) -> None:
    made = make(TINY, corpus, text)
    trainer.save_average(made, tmp_path / "average.pt")
    generator = read_generator(tmp_path / "average.pt", text)
    motions = generator([Wish("waves", 30, 1), Wish("walks", 24, 2), Wish("waves", 30, 1)], steps=2)
    assert [len(motion) for motion in motions] == [30, 24, 30]
    np.testing.assert_allclose(motions[0].rotations, motions[2].rotations, atol=1e-6)
    assert np.quantile(lowest(motions[0]), 0.02) == pytest.approx(0, abs=1e-4)


def test_packed_data_comes_back(corpus: Corpus, tmp_path: Path) -> None:
    data = DataSet(corpus.entries, [features.decode(clip) for clip in corpus.clips])
    write_pack(data, tmp_path / "data.npz")
    again = read_pack(tmp_path / "data.npz")
    assert list(again.entries) == list(data.entries)
    for mine, theirs in zip(data.motions, again.motions, strict=True):
        np.testing.assert_array_equal(mine.root, theirs.root)
        assert quat.angle(mine.rotations, theirs.rotations).max() < 2e-4
    (tmp_path / "other.npz").write_bytes(b"no archive")
    with pytest.raises(InvalidFile, match="packed data set"):
        read_pack(tmp_path / "other.npz")


def test_a_share_of_times_is_all_but_noise() -> None:
    uniform = torch.linspace(0, 0.999, 1000)
    times = flow.draw_times(uniform, 2.0, 0.3)
    assert ((times >= 0) & (times < 1)).all()
    assert (times[:300] < flow.EARLY).all()
    assert (times[300:].diff() > 0).all()
    torch.testing.assert_close(flow.draw_times(uniform, 1.0), uniform)


def test_sampling_crowds_towards_noise() -> None:
    times = flow.sampling_times(8)
    gaps = np.diff(times)
    assert (times[0], times[-1]) == (0.0, 1.0)
    assert (np.diff(gaps) > 0).all()

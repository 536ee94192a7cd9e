"""From a run's weights to a package that the runtime serves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posewire_export.evaluate.strangers import STRANGERS  # noqa: E402
from posewire_export.hymotion.again import export_again  # noqa: E402
from posewire_export.train import features, rest, trainer  # noqa: E402
from posewire_export.train.config import Config, Network  # noqa: E402
from posewire_export.train.familiarity import calibrate  # noqa: E402
from posewire_export.train.feed import Corpus, Feed  # noqa: E402
from posewire_export.train.library import Entry  # noqa: E402
from posewire_export.train.publish import Publication, publish  # noqa: E402
from posewire_export.train.text_graph import LIMITS, TextPackage, write_text_package  # noqa: E402
from posewire_export.train.text_model import (  # noqa: E402
    TextConfig,
    TextEncoder,
    TextSide,
    Words,
    read_text_side,
    write_text_side,
)
from posewire_runtime.commands.models import open_library  # noqa: E402
from posewire_runtime.errors import InvalidRequest, PackageError  # noqa: E402
from posewire_runtime.local import make  # noqa: E402
from posewire_runtime.packages.package import Package  # noqa: E402
from posewire_runtime.text.compact import CompactEncoder  # noqa: E402
from posewire_runtime.text.duration import estimate_seconds  # noqa: E402
from posewire_runtime.types import Licence  # noqa: E402
from posewire_runtime.wire.requests import GenerateOptions  # noqa: E402

pytestmark = pytest.mark.export

WORDS = [
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    *["a", "person", "walks", "forward", "waves", "then", "left", "right", "hand", "the", ","],
]
KNOWN = ["a person walks forward", "a person waves the left hand", "waves the right hand"]


COMPANY = [
    "a person walks forward",
    "waves the left hand , then the right hand",
    "zebra",
    "a person waves then walks forward then waves the right hand",
    "",
    "the left hand the right hand " * 6,
]
"""Prompts of other lengths, one of them cut, one of two parts."""


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> TextSide:
    return random_side(
        tmp_path_factory.mktemp("text"),
        TextConfig(vocabulary=len(WORDS), table=32, width=64, layers=2, heads=4, output=48, max_tokens=12),
    )


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> TextSide:
    """As large as the starter's, where roundings show."""
    return random_side(tmp_path_factory.mktemp("wide"), TextConfig(vocabulary=len(WORDS)))


def random_side(folder: Path, config: TextConfig) -> TextSide:
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.WordPiece({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "words.json"))
    torch.manual_seed(1)
    write_text_side(TextEncoder(config), Words(folder / "words.json", config.max_tokens), folder)
    return read_text_side(folder)


@pytest.fixture(scope="module")
def weights(side: TextSide, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.set_num_threads(1)
    clip = np.random.default_rng(0).normal(size=(40, features.WIDTH)).astype(np.float32)
    corpus = Corpus([Entry("a.bvh", tuple(KNOWN))], [clip])
    config = Config(network=Network(32, 3, 2), batch_frames=400, bf16=False)
    made = trainer.Trainer(
        replace(config, warmup=0), Feed(corpus, config), features.measure([clip]), side, total_frames=40
    )
    for _ in range(12):
        made.advance()
    file = tmp_path_factory.mktemp("run") / "average.pt"
    trainer.save_average(made, file)
    return file


def text_package(side: TextSide, out: Path, precision: str = "int8", strange: float = 0.2) -> Package:
    return write_text_package(
        TextPackage(side, KNOWN, strange, 0.999, Licence("CC0-1.0"), precision=precision),  # pyright: ignore[reportArgumentType]
        out,
    )


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_text_graph_is_the_torch_module(side: TextSide, tmp_path: Path, precision: str) -> None:
    package = text_package(side, tmp_path / "text", precision)
    with CompactEncoder(Package.open(package.root)) as encoder:
        prompts = ["a person walks", "waves the left hand , then the right hand", "zebra"]
        for features_of, prompt in zip(encoder.encode(prompts), prompts, strict=True):
            wanted = side([prompt])
            assert features_of.tokens.shape == wanted.tokens[0].shape
            error = np.linalg.norm(features_of.tokens - wanted.tokens[0].numpy())
            assert error <= LIMITS[precision] * np.linalg.norm(wanted.tokens[0].numpy())


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_prompt_is_the_same_to_the_bit_in_any_company(
    tmp_path: Path, wide: TextSide, precision: str
) -> None:
    with CompactEncoder(text_package(wide, tmp_path / "text", precision)) as encoder:
        alone = [encoder.encode([prompt])[0] for prompt in COMPANY]
        for order in (range(len(COMPANY)), [4, 1], [5, 3, 0, 3, 2, 2, 4, 1] * 5):
            together = encoder.encode([COMPANY[i] for i in order])
            for index, found in zip(order, together, strict=True):
                np.testing.assert_array_equal(found.tokens, alone[index].tokens)
                np.testing.assert_array_equal(found.sentence, alone[index].sentence)
                assert found.familiarity == alone[index].familiarity


def test_known_prompts_are_familiar(side: TextSide, tmp_path: Path) -> None:
    with CompactEncoder(text_package(side, tmp_path / "text")) as encoder:
        known, long = encoder.encode(["A person walks forward.", "walks forward , then waves the right hand"])
        assert known.nearest == "a person walks forward"
        assert known.familiarity == pytest.approx(1, abs=0.08)
        assert long.notices == ()
        (cut,) = encoder.encode(["a person walks forward , waves the left hand , waves the right hand"])
        assert len(cut.tokens) == 12
        assert "longer than the 10 tokens" in cut.notices[0]


def test_a_joined_prompt_is_as_familiar_as_its_parts(side: TextSide, tmp_path: Path) -> None:
    with CompactEncoder(text_package(side, tmp_path / "text", "fp32", strange=0.9)) as encoder:
        joined, strange = encoder.encode(
            ["a person walks forward, then waves the right hand", "a person walks forward, then zebra zebra"]
        )
        assert joined.familiarity is not None
        assert strange.familiarity is not None
        assert joined.familiarity > 0.95 > strange.familiarity


def test_what_follows_one_another_comes_in_parts(side: TextSide, tmp_path: Path) -> None:
    with CompactEncoder(text_package(side, tmp_path / "text")) as encoder:
        joined, whole, first, second = encoder.encode(
            [
                "a person walks, then waves the left hand",
                "a person walks",
                "a person walks",
                "waves the left hand",
            ]
        )
        assert whole.parts == ()
        assert [part.seconds for part in joined.parts] == [
            estimate_seconds("a person walks"),
            estimate_seconds("waves the left hand"),
        ]
        for part, alone in zip(joined.parts, (first, second), strict=True):
            np.testing.assert_array_equal(part.features.tokens, alone.tokens)
            np.testing.assert_array_equal(part.features.sentence, alone.sentence)


def test_a_part_that_is_too_long_is_cut_and_a_whole_that_is_too_long_is_not(
    side: TextSide, tmp_path: Path
) -> None:
    short, long = "a person walks forward", "waves the left hand " * 4
    with CompactEncoder(text_package(side, tmp_path / "text")) as encoder:
        fits, cut = encoder.encode([f"{short}, then {short}, then {short}", f"{short}, then {long}"])
        assert fits.notices == ()
        assert "longer than the 10 tokens" in cut.notices[0]


def test_familiarity_is_calibrated_on_unseen_and_unrelated_text(side: TextSide) -> None:
    assert len(set(STRANGERS)) == 100
    scale = calibrate(side, KNOWN, ["a person waves", "walks forward", *KNOWN])
    assert scale.strange < scale.familiar
    assert scale.auroc > 0.9  # unrelated prompts are mostly unknown words here


def test_a_published_network_comes_in_other_precisions(side: TextSide, weights: Path, tmp_path: Path) -> None:
    work = Publication(
        weights, side, KNOWN, "tiny", Licence("CC0-1.0", "say so"), precision="int8", texts={"CARD.md": "yes"}
    )
    small = publish(work, tmp_path / "small", report=lambda _: None)
    exact = publish(replace(work, precision="fp32"), tmp_path / "exact", report=lambda _: None)
    again = export_again(small, tmp_path / "again", "fp32")
    kept = ("weights.bin", "vectors.npz", "checkpoint.safetensors", "CARD.md", "denoise.onnx")
    assert {name: again.manifest.files[name] for name in kept} == {n: exact.manifest.files[n] for n in kept}
    assert again.manifest.licence == small.manifest.licence
    assert again.manifest.config == small.manifest.config
    assert again.manifest.motion is not None
    assert small.manifest.motion is not None
    assert dict(again.manifest.motion.presets) == dict(small.manifest.motion.presets)
    half = export_again(small, tmp_path / "half", "fp16")
    options = GenerateOptions(frames=24, seeds=(3,))
    one, two = (
        make(open_library([str(package.root)]), "a person walks", options).clips[0]
        for package in (half, again)
    )
    np.testing.assert_allclose(one.root, two.root, atol=0.02)


def test_a_package_without_its_weights_stays_as_it_is(side: TextSide, weights: Path, tmp_path: Path) -> None:
    work = Publication(weights, side, KNOWN, "tiny", Licence("CC0-1.0"), precision="fp32")
    publish(work, tmp_path / "tiny", report=lambda _: None)
    manifest = json.loads((tmp_path / "tiny/posewire.json").read_text())
    del manifest["files"]["checkpoint.safetensors"]
    (tmp_path / "tiny/posewire.json").write_text(json.dumps(manifest))
    with pytest.raises(PackageError, match="expected a motion package with its weights"):
        export_again(Package.open(tmp_path / "tiny"), tmp_path / "other", "fp16")
    assert not (tmp_path / "other").exists()


def test_a_published_network_makes_clips(side: TextSide, weights: Path, tmp_path: Path) -> None:
    work = Publication(weights, side, KNOWN, "tiny", Licence("CC0-1.0"), precision="fp32")
    package = publish(work, tmp_path / "tiny", report=lambda _: None)
    assert package.manifest.motion is not None
    assert package.manifest.motion.skeleton.names == rest.REST.names
    np.testing.assert_array_equal(package.manifest.motion.skeleton.positions, rest.REST.positions)
    library = open_library([str(tmp_path / "tiny")])
    made = make(library, "a person walks", GenerateOptions(frames=24, seeds=(3,)))
    assert made.clips[0].rotations.shape == (24, 22, 4)
    with pytest.raises(InvalidRequest, match="guidance"):
        make(library, "a person walks", GenerateOptions(frames=24, seeds=(3,), guidance=3.0))
    (tmp_path / "tiny" / "text" / "table.npz").write_bytes(b"damaged")
    with pytest.raises(PackageError, match="table"):
        open_library([str(tmp_path / "tiny")])

"""The text encoder against the reference's outputs, alone and in company."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.errors import PackageError
from posewire_runtime.packages.package import Package
from posewire_runtime.text.encoder import Packed, TextEncoder, read_config, runs
from posewire_runtime.types import Features

pytestmark = pytest.mark.export

TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def encoder(encoder_package: Package) -> TextEncoder:
    return TextEncoder(encoder_package, placement="cpu")


def difference(found: np.ndarray, expected: np.ndarray) -> float:
    assert found.shape == expected.shape
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def check(found: Features, golden: dict[str, np.ndarray], index: int) -> None:
    assert len(found.tokens) == golden[f"length{index}"]
    assert found.tokens.dtype == found.sentence.dtype == np.float32
    assert difference(found.tokens, golden[f"ctxt{index}"]) < TOLERANCE
    assert difference(found.sentence, golden[f"vtxt{index}"]) < TOLERANCE


@pytest.mark.parametrize("index", range(7))
def test_each_prompt_equals_the_reference(
    encoder: TextEncoder, golden: dict[str, np.ndarray], prompts: list[str], index: int
) -> None:
    (found,) = encoder.encode([prompts[index]])
    check(found, golden, index)


def test_a_batch_of_all_equals_the_reference(
    encoder: TextEncoder, golden: dict[str, np.ndarray], prompts: list[str]
) -> None:
    for index, found in enumerate(encoder.encode(prompts)):
        check(found, golden, index)


def same(a: Features, b: Features) -> bool:
    return np.array_equal(a.tokens, b.tokens) and np.array_equal(a.sentence, b.sentence)


def test_neighbours_and_order_do_not_change_a_bit(encoder: TextEncoder, prompts: list[str]) -> None:
    alone = [encoder.encode([prompt])[0] for prompt in prompts]
    forwards = encoder.encode(prompts)
    backwards = encoder.encode(prompts[::-1])[::-1]
    assert all(map(same, forwards, alone))
    assert all(map(same, backwards, alone))


def test_more_prompts_than_fit_one_run(encoder: TextEncoder, prompts: list[str]) -> None:
    alone = encoder.encode(prompts)
    assert all(map(same, encoder.encode(prompts * 6), alone * 6))


def test_the_stored_prefix_equals_the_whole_run(encoder: TextEncoder, prompts: list[str]) -> None:
    for a, b in zip(encoder.encode(prompts), encoder.encode(prompts, whole=True), strict=True):
        assert difference(a.tokens, b.tokens) < 1e-5


def test_only_the_over_long_prompt_is_reported_as_cut(encoder: TextEncoder, prompts: list[str]) -> None:
    notices = [found.notices for found in encoder.encode(prompts)]
    assert notices[:-1] == [()] * 6
    assert "403 tokens" in notices[-1][0]
    assert "reads 128" in notices[-1][0]


def test_nothing_to_encode_loads_nothing(encoder_package: Package) -> None:
    encoder = TextEncoder(encoder_package)
    assert encoder.encode([]) == []
    assert encoder.memory().loads == 0


def test_features_own_their_memory(encoder: TextEncoder) -> None:
    """A cached feature must not keep a whole batch alive."""
    for found in encoder.encode(["jump", "a long walk along the river"]):
        assert found.tokens.base is None
        assert found.sentence.base is None


def test_on_demand_loads_for_each_call_and_frees(encoder_package: Package, prompts: list[str]) -> None:
    encoder = TextEncoder(encoder_package, placement="on-demand")
    first = encoder.encode(prompts[:1])
    memory = encoder.memory()
    assert (memory.loads, memory.loaded) == (1, False)
    second = encoder.encode(prompts[:1])
    assert encoder.memory().loads == 2
    np.testing.assert_array_equal(first[0].tokens, second[0].tokens)


def test_resident_loads_once(encoder_package: Package, prompts: list[str]) -> None:
    encoder = TextEncoder(encoder_package, placement="resident")
    encoder.encode(prompts[:1])
    encoder.encode(prompts[1:2])
    memory = encoder.memory()
    assert (memory.loads, memory.loaded) == (1, True)
    entries = encoder_package.manifest.files
    assert memory.weights == sum(entries[f].size for f in entries if f.endswith((".onnx", ".weights")))
    encoder.close()
    assert not encoder.memory().loaded


def test_a_package_of_another_kind_is_refused(encoder_package: Package) -> None:
    other = Package(encoder_package.root, replace(encoder_package.manifest, family="other"))
    with pytest.raises(PackageError, match="expected a text-encoder package"):
        TextEncoder(other)


def test_a_tokenizer_of_other_weights_is_refused(encoder_package: Package) -> None:
    config = dict(encoder_package.manifest.config)
    config["context"] = {**config["context"], "tokenizer": "sentence.tokenizer.json"}  # pyright: ignore
    other = Package(encoder_package.root, replace(encoder_package.manifest, config=config))
    with pytest.raises(PackageError, match="doesn't belong to these weights"):
        TextEncoder(other)


def test_unknown_config_keys_are_refused(encoder_package: Package) -> None:
    config = {**encoder_package.manifest.config, "extra": 1}
    with pytest.raises(PackageError, match="extra"):
        read_config(Package(encoder_package.root, replace(encoder_package.manifest, config=config)))


def test_the_manifest_tells_what_was_compared(encoder_package: Package) -> None:
    parity = {entry.what: entry for entry in encoder_package.manifest.parity}
    assert parity["context, stored prefix"].limit == 1e-5
    assert all(entry.error <= entry.limit for entry in parity.values() if entry.limit is not None)


@given(st.lists(st.integers(1, 300), max_size=40))
def test_runs_cover_all_texts_in_order(lengths: list[int]) -> None:
    cut = list(runs(lengths, 256))
    assert [i for run in cut for i in run] == list(range(len(lengths)))
    assert all(len(run) == 1 or sum(lengths[i] for i in run) <= 256 for run in cut)


def test_packing_keeps_texts_apart() -> None:
    packed = Packed.of([[5, 6], [7], [8, 9, 10]], start=4)
    assert packed.ids.tolist() == [5, 6, 7, 8, 9, 10]
    assert packed.positions.tolist() == [4, 5, 4, 4, 5, 6]
    assert packed.segments.tolist() == [0, 0, 1, 2, 2, 2]
    assert packed.bounds == (2, 3)

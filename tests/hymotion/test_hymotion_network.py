"""The torch module against the official code's velocities, and the sizes of both releases."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posewire_runtime.types import Features

pytest.importorskip("torch")
import torch

from posewire_export.hymotion.checkpoint import expected_shapes, load_network, read_checkpoint
from posewire_export.hymotion.network import Config, MotionTransformer
from posewire_export.hymotion.sampling import velocity
from posewire_export.hymotion.synthetic import FULL, LITE

pytestmark = pytest.mark.export

PARTS = {
    "input_encoder": (258_560, 206_848),
    "ctxt_encoder": (5_244_160, 4_195_328),
    "vtxt_encoder": (2_624_000, 1_837_056),
    "timestep_encoder": (3_279_360, 2_099_200),
    "text_refiner": (54_112_512, 34_639_360),
    "double_blocks": (531_189_504, 226_678_272),
    "single_blocks": (442_623_744, 188_880_384),
    "final_layer": (3_536_841, 2_305_225),
}
"""Parameters of the released models, full and Lite."""


@pytest.fixture(scope="module")
def network(official: Path) -> MotionTransformer:
    return load_network(read_checkpoint(official))


@pytest.mark.parametrize("case", range(3))
def test_velocity_equals_the_golden_vectors(
    network: MotionTransformer, golden: Mapping[str, NDArray[Any]], case: int
) -> None:
    x, tokens, sentence = (golden[f"forward{case}_{name}"][0] for name in ("x", "ctxt", "vtxt"))
    found = velocity(network, x, Features(tokens, sentence), float(golden[f"forward{case}_t"]))
    expected = golden[f"forward{case}_velocity"][0]
    assert np.abs(found - expected).max() / np.abs(expected).max() < 1e-5


def test_padding_behind_the_masks_changes_nothing(network: MotionTransformer) -> None:
    """The official form: 360 frames, 128 words, rows of different lengths in one batch."""
    torch.manual_seed(0)
    config, frames, words = network.config, (90, 200), (5, 128)
    x, tokens = torch.randn(2, 360, 201), torch.randn(2, 128, config.word_dim)
    sentence, times = torch.randn(2, 1, config.sentence_dim), torch.tensor([0.2, 0.9])
    motion = torch.arange(360) < torch.tensor(frames)[:, None]
    text = torch.arange(128) < torch.tensor(words)[:, None]
    with torch.inference_mode():
        padded = network(x, tokens, sentence, times, motion, text).numpy()
    for row, (length, count) in enumerate(zip(frames, words, strict=True)):
        features = Features(tokens[row, :count].numpy(), sentence[row].numpy())
        alone = velocity(network, x[row, :length].numpy(), features, float(times[row]))
        assert np.abs(padded[row, :length] - alone).max() / np.abs(alone).max() < 1e-5


def test_every_parameter_gets_a_gradient() -> None:
    config = Config(width=32, layers=3, heads=2, word_dim=8, sentence_dim=8)
    network = MotionTransformer(config)
    mask = torch.ones(2, 24, dtype=torch.bool)
    inputs = torch.randn(2, 24, 201), torch.randn(2, 24, 8), torch.randn(2, 1, 8), torch.rand(2)
    network(*inputs, mask, mask).square().mean().backward()
    # The last block's text is never read: its query, MLP and output get none of use, but exist.
    assert [n for n, p in network.named_parameters() if p.grad is None] == []


@pytest.mark.parametrize(("config", "which", "tensors"), [(FULL, 0, 422), (LITE, 1, 302)])
def test_released_sizes(config: Config, which: int, tensors: int) -> None:
    with torch.device("meta"):
        network = MotionTransformer(config)
    counts = {n: sum(p.numel() for p in m.parameters()) for n, m in network.named_children()}
    assert counts == {name: count[which] for name, count in PARTS.items()}
    assert len(network.state_dict()) == tensors
    assert len(expected_shapes(config)) == tensors + 6

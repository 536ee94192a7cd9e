"""One motion of several texts: each has its stretch to itself, and what is between them is between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
from posewire_runtime.errors import GenerationFailed, InvalidRequest
from posewire_runtime.families.blend import FADE, Blend, weights
from posewire_runtime.families.hymotion import TRAVEL, HyMotion
from posewire_runtime.types import Features, Part, Request, Sampling

pytestmark = pytest.mark.export

FRAMES = 60
SECONDS = (2.0, 4.0)
JOINT = 20
"""The frame where the second text begins."""


@pytest.fixture
def texts(golden: Mapping[str, NDArray[Any]]) -> tuple[Features, Features]:
    first = Features(golden["generate0_ctxt"][0], golden["generate0_vtxt"][0])
    return first, Features(-2 * first.tokens[:2], 3 * first.sentence)


def asking(features: Features, steps: int = 1, guidance: float = 1.0) -> Request:
    return Request(
        prompt="",
        model="tiny",
        frames=FRAMES,
        seed=3,
        sampling=Sampling("reference", steps=steps, guidance=guidance),
        features=features,
        raw=True,
    )


def joined(*texts: Features) -> Features:
    parts = tuple(Part(text, seconds) for text, seconds in zip(texts, SECONDS, strict=True))
    return replace(texts[0], parts=parts)


def latents(program: HyMotion, wanted: Sequence[Request]) -> list[NDArray[Any]]:
    runs = [program.start(r, program.condition([r])[0]) for r in wanted]
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    return [program.clip(run).raw["latent"] for run in runs]


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_each_text_has_its_stretch(
    program: HyMotion, texts: tuple[Features, Features], guidance: float
) -> None:
    first, second, both = latents(
        program, [asking(features, 1, guidance) for features in (*texts, joined(*texts))]
    )
    here, there = slice(0, JOINT - FADE // 2), slice(JOINT + FADE // 2, FRAMES)
    assert np.abs(first - second)[here].max() > 0.01
    pose = np.setdiff1d(np.arange(both.shape[1]), TRAVEL)
    np.testing.assert_allclose(both[here], first[here], atol=1e-5)
    np.testing.assert_allclose(both[there][:, pose], second[there][:, pose], atol=1e-6)
    between = both[here.stop : there.start, pose]
    low, high = (pick(first, second)[here.stop : there.start, pose] for pick in (np.minimum, np.maximum))
    assert ((between >= low - 1e-5) & (between <= high + 1e-5)).all()
    way, other = (np.diff(latent[there][:, TRAVEL], axis=0) for latent in (both, second))
    np.testing.assert_allclose(way, other, atol=1e-5)  # each goes its own way, from where it finds itself


def test_who_has_walked_somewhere_stays_there() -> None:
    """The second part, which stands where it thinks it started, does not draw the body back."""
    frames = 40
    walks, stands = (np.zeros((frames, 3), np.float32) for _ in range(2))
    walks[:, 2] = np.linspace(0, 4, frames)
    parts: list[Any] = [
        SimpleNamespace(latent=one, velocities=deque([one]), failed_at=None) for one in (walks, stands)
    ]
    Blend(parts, (1.0, 1.0), TRAVEL).meet()
    path = parts[0].latent[:, 2]
    assert (np.diff(path) >= -1e-6).all()
    assert path[-1] == pytest.approx(2.0, abs=0.15)
    np.testing.assert_array_equal(parts[0].latent, parts[1].latent)
    np.testing.assert_array_equal(parts[0].velocities[0], parts[0].latent)


@pytest.mark.parametrize("solver", ["euler", "ab2"])
def test_the_same_text_twice_is_that_text(
    program: HyMotion, texts: tuple[Features, Features], solver: str
) -> None:
    way = Sampling("reference", steps=6, guidance=2.0, solver=solver)
    once, twice = (
        replace(asking(features), sampling=way) for features in (texts[0], joined(texts[0], texts[0]))
    )
    alone, both = latents(program, [once]), latents(program, [twice])
    np.testing.assert_allclose(both[0], alone[0], atol=2e-5)


def test_company_changes_nothing(program: HyMotion, texts: tuple[Features, Features]) -> None:
    both, other = asking(joined(*texts), 5), replace(asking(texts[1], 3), seed=9, frames=41)
    alone = [latents(program, [one])[0] for one in (both, other)]
    for found, expected in zip(latents(program, [both, other]), alone, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_part_that_leaves_the_numbers_spoils_the_clip_and_no_other(
    program: HyMotion, texts: tuple[Features, Features]
) -> None:
    bad = replace(texts[1], tokens=texts[1].tokens * np.nan)
    wanted = [asking(joined(texts[0], bad), 4), asking(texts[0], 4)]
    runs = [program.start(r, program.condition([r])[0]) for r in wanted]
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    assert isinstance(runs[0], Blend)
    with pytest.raises(GenerationFailed, match="step 1 of 4"):
        program.clip(runs[0])
    assert np.isfinite(program.clip(runs[1]).raw["latent"]).all()


def test_cost_counts_every_part(program: HyMotion, texts: tuple[Features, Features]) -> None:
    request = asking(joined(*texts), 4)
    condition = program.condition([request])[0]
    run = program.start(request, condition)
    vectors = sum(part.features.nbytes for part in joined(*texts).parts)
    assert program.cost(request) == condition.nbytes + run.nbytes
    assert condition.nbytes > vectors


def test_a_part_of_another_shape_is_refused(program: HyMotion, texts: tuple[Features, Features]) -> None:
    wide = Features(np.zeros((2, 7), np.float32), texts[0].sentence)
    with pytest.raises(InvalidRequest, match="expected tokens of shape"):
        program.condition([asking(joined(texts[0], wide))])


@given(st.lists(st.floats(0.5, 20), min_size=2, max_size=4), st.integers(8, 360))
def test_weights_share_every_frame(seconds: list[float], frames: int) -> None:
    found = weights(seconds, frames)
    assert found.shape == (len(seconds), frames)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    np.testing.assert_allclose(found.sum(1), frames * np.array(seconds) / sum(seconds), atol=FADE)

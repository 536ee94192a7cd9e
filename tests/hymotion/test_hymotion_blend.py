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
from posewire_runtime import puppet
from posewire_runtime.errors import GenerationFailed, InvalidRequest
from posewire_runtime.families.blend import FADE, Blend, stretches_of, weights
from posewire_runtime.families.hymotion import TRAVEL, HyMotion, HyMotionRun
from posewire_runtime.motion.root import place
from posewire_runtime.motion.trim import cut
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


def begin(program: HyMotion, request: Request) -> Blend[HyMotionRun]:
    run = program.start(request, program.condition([request])[0])
    assert isinstance(run, Blend)
    return run


@pytest.mark.parametrize("guidance", [1.0, 3.0])
def test_each_text_has_its_stretch(
    program: HyMotion, texts: tuple[Features, Features], guidance: float
) -> None:
    request = asking(joined(*texts), 1, guidance)
    together, alone = begin(program, request), begin(program, request)
    program.step([together])
    for part in alone.parts:
        program.step([part])  # the parts by themselves, without meeting
    first, second = (part.latent for part in alone.parts)
    start, end = JOINT - FADE // 2, JOINT + FADE // 2
    assert (len(first), len(second)) == (end, FRAMES - start)
    pose = np.setdiff1d(np.arange(together.latent.shape[1]), TRAVEL)
    np.testing.assert_allclose(together.latent[:start], first[:start], atol=1e-5)
    np.testing.assert_allclose(together.latent[end:, pose], second[FADE:, pose], atol=1e-6)
    low, high = (pick(first[start:], second[:FADE])[:, pose] for pick in (np.minimum, np.maximum))
    assert np.abs(first[start:] - second[:FADE]).max() > 0.01
    between = together.latent[start:end, pose]
    assert ((between >= low - 1e-5) & (between <= high + 1e-5)).all()
    way, own = (np.diff(latent[:, TRAVEL], axis=0) for latent in (together.latent[end:], second[FADE:]))
    np.testing.assert_allclose(way, own, atol=1e-5)  # it goes its own way, from where it finds the body


def test_who_has_walked_somewhere_stays_there() -> None:
    """The second part, which stands where it thinks it started, does not draw the body back."""
    stretches = stretches_of((1.0, 1.0), 40)
    walks, stands = (np.zeros((one.stop - one.start, 3), np.float32) for one in stretches)
    walks[:, 2] = 0.1 * np.arange(len(walks))
    parts: list[Any] = [
        SimpleNamespace(latent=one, velocities=deque([one]), failed_at=None) for one in (walks, stands)
    ]
    blend = Blend[Any](parts, stretches, 40, TRAVEL)
    blend.meet()
    path = blend.latent[:, 2]
    assert (np.diff(path) >= -1e-6).all()
    assert path[-1] == pytest.approx(1.9, abs=0.2)
    for part, stretch in zip(parts, stretches, strict=True):
        assert part.latent[0, 2] == 0  # each as seen from its own start
        np.testing.assert_allclose(np.diff(part.latent[:, 2]), np.diff(path[stretch]), atol=1e-6)
        np.testing.assert_array_equal(part.velocities[0], part.latent)


@pytest.mark.parametrize("solver", ["euler", "ab2"])
def test_it_begins_with_known_frames(
    program: HyMotion, texts: tuple[Features, Features], solver: str
) -> None:
    walk = cut(puppet.perform("a person walks", 90, 30.0, 1), 40, 55)
    known = place(walk, np.zeros(3, np.float32), 0.0)
    way = Sampling("reference", steps=6, guidance=2.0, solver=solver)
    request = replace(asking(joined(*texts)), sampling=way, known=known)
    found = latents(program, [request])[0]
    alone = latents(program, [replace(request, features=texts[0])])[0]
    np.testing.assert_allclose(found[:5], alone[:5], atol=1e-3)


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
    assert condition.nbytes + run.nbytes <= program.cost(request)
    assert condition.nbytes > vectors


def test_a_part_of_another_shape_is_refused(program: HyMotion, texts: tuple[Features, Features]) -> None:
    wide = Features(np.zeros((2, 7), np.float32), texts[0].sentence)
    with pytest.raises(InvalidRequest, match="expected tokens of shape"):
        program.condition([asking(joined(texts[0], wide))])


@given(st.lists(st.floats(0.5, 20), min_size=2, max_size=4), st.integers(20, 360), st.integers(0, 15))
def test_weights_share_every_frame(seconds: list[float], frames: int, known: int) -> None:
    stretches = stretches_of(seconds, frames, known)
    found = weights(stretches, frames)
    assert found.shape == (len(seconds), frames)
    assert found.min() >= 0
    np.testing.assert_allclose(found.sum(0), 1, atol=1e-6)
    for weight, stretch in zip(found, stretches, strict=True):
        assert stretch.start < stretch.stop
        assert not weight[: stretch.start].any()
        assert not weight[stretch.stop :].any()
    wanted = (frames - known) * np.array(seconds) / sum(seconds) + known * (np.arange(len(seconds)) == 0)
    np.testing.assert_allclose(found.sum(1), wanted, atol=FADE)

"""A HY-Motion package goes on from known frames, alone and in company, in both ways of stepping."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
from posewire_runtime import puppet
from posewire_runtime.families.hymotion import HyMotion
from posewire_runtime.motion.root import place
from posewire_runtime.motion.trim import cut
from posewire_runtime.types import Clip, Features, Request, Sampling

pytestmark = pytest.mark.export

KNOWN = 15


@pytest.fixture
def known() -> Clip:
    walk = cut(puppet.perform("a person walks", 90, 30.0, 1), 40, 40 + KNOWN)
    return place(walk, np.zeros(3, np.float32), 0.0)


def make(program: HyMotion, wanted: Sequence[Request]) -> list[Clip]:
    runs = [program.start(r, c) for r, c in zip(wanted, program.condition(wanted), strict=True)]
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    return [program.clip(run) for run in runs]


def latent_of(clip: Clip) -> NDArray[Any]:
    return clip.raw["latent"]


@pytest.mark.parametrize("solver", ["euler", "ab2"])
def test_it_begins_with_the_known_frames_and_goes_its_own_way_then(
    program: HyMotion, golden: Mapping[str, NDArray[Any]], known: Clip, solver: str
) -> None:
    free = Request(
        prompt="",
        model="tiny",
        frames=60,
        seed=7,
        sampling=Sampling("reference", steps=6, solver=solver),
        features=Features(golden["generate0_ctxt"][0], golden["generate0_vtxt"][0]),
        smooth=False,
        ground=False,
        raw=True,
    )
    held = replace(free, known=known)
    [alone], [going_on] = make(program, [free]), make(program, [held])
    latent = program._decoder.latent(known)
    np.testing.assert_allclose(latent_of(going_on)[:KNOWN], latent[:KNOWN], atol=1e-4)
    np.testing.assert_allclose(going_on.root[:KNOWN], known.root[:KNOWN], atol=1e-3)
    likeness = np.abs((going_on.rotations[:KNOWN] * known.rotations[:KNOWN]).sum(-1))
    assert likeness.min() > 1 - 1e-5
    assert np.abs(latent_of(alone)[:KNOWN] - latent[:KNOWN]).max() > 0.1
    assert not np.allclose(latent_of(going_on)[KNOWN:], latent_of(alone)[KNOWN:])
    together = make(program, [free, held])
    for found, expected in zip(together, (alone, going_on), strict=True):
        np.testing.assert_allclose(latent_of(found), latent_of(expected), atol=1e-3)


def test_a_motion_is_aligned_by_place_and_heading(program: HyMotion, known: Clip) -> None:
    decoder = program._decoder
    walk = puppet.perform("a person walks", 90, 30.0, 1)
    away = place(walk, np.array([4.0, 0.0, -2.0], np.float32), 2.5)
    there = decoder.latent(cut(walk, 0, KNOWN))
    back = decoder.clip(decoder.aligned(decoder.latent(away), there), smooth=False, ground=False)
    np.testing.assert_allclose(back.root, walk.root, atol=1e-3)
    assert np.abs((back.rotations * walk.rotations).sum(-1)).min() > 1 - 1e-4
    np.testing.assert_allclose(decoder.aligned(decoder.latent(walk), there), decoder.latent(walk), atol=1e-4)


def test_the_numbers_of_a_clip_decode_to_it(program: HyMotion, known: Clip) -> None:
    back = program._decoder.clip(program._decoder.latent(known), smooth=False, ground=False)
    np.testing.assert_allclose(back.root, known.root, atol=1e-4)
    assert np.abs((back.rotations * known.rotations).sum(-1)).min() > 1 - 1e-5

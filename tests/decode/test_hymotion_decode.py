"""HY-Motion's decoder against the official one, and what it adds: contacts and the floor."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from posewire_runtime.families.hymotion_decode import DIMENSIONS, Decoder
from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22, feet
from posewire_runtime.packages.manifest import Normalisation
from posewire_runtime.types import Clip, Float

GOLDEN = Path(__file__).parents[1] / "golden"
LIMIT = 1e-4


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    with np.load(GOLDEN / "hymotion_statistics.npz") as statistics:
        return Decoder(SMPL22, 30, Normalisation(statistics["mean"], statistics["std"]))


@pytest.fixture(scope="module")
def golden() -> Iterator[Mapping[str, Float]]:
    with np.load(GOLDEN / "hymotion" / "golden.npz") as arrays:
        yield arrays


def raw(clip: Clip, name: str) -> NDArray[Any]:
    """One of the clip's raw arrays."""
    return clip.raw[name]


def relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("case", [0, 1])
@pytest.mark.parametrize("form", ["smooth", "raw"])
def test_decode_equals_the_golden_vectors(
    decoder: Decoder, golden: Mapping[str, Float], case: int, form: str
) -> None:
    clip = decoder.clip(golden[f"decode{case}_latent"][0], smooth=form == "smooth", ground=False, raw=True)
    expected = {name: golden[f"decode{case}_{form}_{name}"][0] for name in ("rot6d", "transl", "root")}
    assert relative(raw(clip, "rot6d"), expected["rot6d"]) < LIMIT
    assert relative(raw(clip, "transl"), expected["transl"]) < LIMIT
    assert relative(quat.to_matrix(clip.rotations[:, 0]), expected["root"]) < LIMIT


@pytest.mark.parametrize("case", [0, 1, 2])
def test_decode_of_generated_latents_equals_the_golden_motion(
    decoder: Decoder, golden: Mapping[str, Float], case: int
) -> None:
    for row, latent in enumerate(golden[f"generate{case}_latent"]):
        clip = decoder.clip(latent, ground=False, raw=True)
        assert relative(raw(clip, "rot6d"), golden[f"generate{case}_rot6d"][row]) < LIMIT
        assert relative(raw(clip, "transl"), golden[f"generate{case}_transl"][row]) < LIMIT
        assert relative(raw(clip, "joints"), golden[f"generate{case}_joints"][row]) < LIMIT


def test_a_clip_is_float32_with_unit_rotations_and_the_pelvis_as_its_root(
    decoder: Decoder, golden: Mapping[str, Float]
) -> None:
    latent = golden["decode0_latent"][0]
    clip = decoder.clip(latent, seed=9, raw=True)
    assert (clip.frames, clip.fps, clip.seed) == (45, 30, 9)
    assert {clip.rotations.dtype, clip.root.dtype, raw(clip, "joints").dtype} == {np.dtype(np.float32)}
    np.testing.assert_allclose(np.linalg.norm(clip.rotations, axis=-1), 1, atol=1e-6)
    np.testing.assert_allclose(clip.root, raw(clip, "joints")[:, 0], atol=1e-6)
    np.testing.assert_allclose(clip.root, raw(clip, "transl") + SMPL22.positions[0], atol=1e-6)
    assert np.array_equal(raw(clip, "latent"), latent)
    assert not decoder.clip(latent).raw


def test_dimensions_that_do_not_vary_are_their_mean(decoder: Decoder) -> None:
    loud = np.full((20, DIMENSIONS), 1e6, np.float32)
    still = decoder.normalisation.std < 1e-3
    assert still.any()
    frame = decoder.denormalise(loud)
    assert np.array_equal(
        frame[:, still], np.broadcast_to(decoder.normalisation.mean[still], (20, still.sum()))
    )


def test_grounding_shifts_the_whole_clip_by_one_height(decoder: Decoder, golden: Mapping[str, Float]) -> None:
    latent = golden["decode1_latent"][0]
    floating = decoder.clip(latent, ground=False, raw=True)
    standing = decoder.clip(latent, raw=True)
    shift = standing.root - floating.root
    np.testing.assert_allclose(shift, np.broadcast_to([0, shift[0, 1], 0], shift.shape), atol=1e-6)
    np.testing.assert_allclose(
        raw(standing, "joints") - raw(floating, "joints"),
        np.broadcast_to(shift[:, None], (150, 22, 3)),
        atol=1e-6,
    )
    points = list(feet(SMPL22))
    clearance = SMPL22.positions[points, 1] - SMPL22.sole
    np.testing.assert_allclose((raw(standing, "joints")[:, points, 1] - clearance).min(), 0, atol=1e-5)


def test_standing_still_touches_the_floor_with_both_feet() -> None:
    rest = np.tile(np.array([1, 0, 0, 1, 0, 0], np.float32), 22)  # identity, interleaved
    frame = np.concatenate([np.array([0, 1.3, 0], np.float32), rest, np.zeros(66, np.float32)])
    plain = Decoder(
        SMPL22, 30, Normalisation(np.zeros(DIMENSIONS, np.float32), np.ones(DIMENSIONS, np.float32))
    )
    clip = plain.clip(np.tile(frame, (30, 1)))
    assert clip.contacts.all()
    np.testing.assert_allclose(clip.root[:, 1], SMPL22.positions[0, 1] - SMPL22.sole, atol=1e-3)

"""Noise equals torch's, by golden vectors and where torch is there by torch itself."""

from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.sampling import noise

GOLDEN = Path(__file__).parents[1] / "golden" / "hymotion" / "golden.npz"
FULL = (360, 201)


@pytest.mark.parametrize("seed", [0, 42, 123456])
def test_cpu_noise_equals_the_golden_vectors(seed: int) -> None:
    with np.load(GOLDEN) as golden:
        head, total = golden[f"noise_seed{seed}"], float(golden[f"noise_seed{seed}_sum"])
    drawn = noise.cpu_normal(seed, FULL)
    assert drawn.dtype == np.float32
    np.testing.assert_allclose(drawn[:3], head, atol=3e-6, rtol=0)
    assert abs(float(drawn.sum(dtype=np.float64)) - total) < 1e-3


@pytest.mark.export
@pytest.mark.parametrize("shape", [FULL, (16,), (17,), (20,), (31,), (32,), (33,), (201,)])
def test_cpu_noise_equals_torch(shape: tuple[int, ...]) -> None:
    torch = pytest.importorskip("torch")
    for seed in (0, 1, 42, 77, 2**31 - 1, 2**32 - 1, 2**32 + 5, 2**40 + 123, 2**63 + 1):
        theirs = torch.randn(shape, generator=torch.Generator().manual_seed(seed)).numpy()
        np.testing.assert_allclose(noise.cpu_normal(seed, shape), theirs, atol=3e-6, rtol=0)


def test_seeds_coincide_modulo_32_bits_and_only_there() -> None:
    a, b, c = (noise.cpu_normal(seed, FULL) for seed in (7, 2**32 + 7, 8))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_a_shorter_draw_gives_other_numbers() -> None:
    """Why families draw their full length and crop."""
    assert not np.array_equal(noise.cpu_normal(0, (100, 201)), noise.cpu_normal(0, FULL)[:100])


@pytest.mark.parametrize("shape", [FULL, (360, 208), (33,), (32, 1), (17, 3)])
def test_the_first_rows_are_those_of_the_whole(shape: tuple[int, ...]) -> None:
    whole = noise.cpu_normal(9, shape)
    for rows in (1, 2, shape[0] // 2, shape[0] - 1, shape[0]):
        np.testing.assert_allclose(noise.cpu_normal(9, shape, rows), whole[:rows], atol=1e-6, rtol=0)


def test_fewer_than_sixteen_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 16"):
        noise.cpu_normal(0, (3, 5))


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [
        ((0,) * 4, (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
)
def test_philox_gives_the_published_words(
    counter: tuple[int, ...], key: tuple[int, int], expected: str
) -> None:
    words = noise.philox(np.array(counter, np.uint64).reshape(4, 1), key)
    assert " ".join(f"{int(word):08x}" for word in words[:, 0]) == expected


def test_cuda_noise_is_normal_and_its_layout_depends_on_small_gpus_only() -> None:
    large = noise.cuda_normal(5, FULL)
    assert abs(large.mean()) < 0.02
    assert abs(large.std() - 1) < 0.02
    assert np.array_equal(large, noise.cuda_normal(5, FULL, noise.CudaDevice(82, 1536)))
    small = noise.cuda_normal(5, FULL, noise.CudaDevice(28, 1536))
    threads = 28 * 6 * 256
    assert np.array_equal(small.ravel()[:threads], large.ravel()[:threads])
    assert not np.array_equal(small.ravel()[threads:], large.ravel()[threads:])
    assert abs(small.std() - 1) < 0.02
    assert not np.array_equal(large, noise.cuda_normal(2**32 + 5, FULL))  # all 64 bits of the seed count

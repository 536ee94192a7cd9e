"""Seeded normal noise that equals torch's, without torch.

`cpu_normal` follows torch's CPU generator (MT19937, low 24 bits of each word, Box-Muller on blocks
of 16): most values are equal to the last bit, the rest differ by rounding. A seed found with the
official tool on its CPU generator therefore gives the same motion here. `cuda_normal` follows the
Philox generator of torch on CUDA and has never been compared with a GPU: unverified.

Numbers depend on how many are drawn: always draw a family's full shape, then crop.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.types import Float

_BLOCK = 16
_WORD = np.uint64(0xFFFFFFFF)


def cpu_normal(seed: int, shape: tuple[int, ...], rows: int | None = None) -> Float:
    """What `torch.randn(shape, generator=torch.Generator().manual_seed(seed))` gives; at least 16 numbers.

    `rows`: only the first so many of it, without the time for the others.
    """
    count = math.prod(shape)
    if count < _BLOCK:
        raise ValueError(
            f"expected at least {_BLOCK} numbers (torch draws fewer in another way), found {count}"
        )
    wanted = count if rows is None else rows * (count // shape[0])
    tail = count % _BLOCK
    if not tail or wanted <= count - _BLOCK:
        values = _box_muller(_uniform(seed, -(-wanted // _BLOCK) * _BLOCK))
    else:  # the last 16 are drawn anew and overlap the last full block
        uniform = _uniform(seed, count + _BLOCK)
        values = _box_muller(uniform[: count - tail])
        values = np.concatenate((values[: count - _BLOCK], _box_muller(uniform[count:])))
    return values[:wanted].reshape(-1, *shape[1:])


@dataclass(frozen=True, slots=True)
class CudaDevice:
    """What of a GPU the layout of torch's CUDA noise depends on."""

    multiprocessors: int = 132
    threads_per_multiprocessor: int = 2048


def cuda_normal(seed: int, shape: tuple[int, ...], device: CudaDevice | None = None) -> Float:
    """What `torch.randn` gives on CUDA with a fresh generator of this seed; unverified.

    GPUs with few multiprocessors lay the same words out differently, hence `device`.
    """
    device = device or CudaDevice()
    count = math.prod(shape)
    resident = device.multiprocessors * (device.threads_per_multiprocessor // 256)
    threads = 256 * min(-(-count // 256), resident)
    index = np.arange(count, dtype=np.uint64)
    thread, turn = index % np.uint64(threads), index // np.uint64(threads)
    component, offset = turn % np.uint64(4), turn // np.uint64(4)
    zero = np.zeros_like(thread)
    words = philox(np.stack((offset, zero, thread, zero)), (seed & 0xFFFFFFFF, seed >> 32 & 0xFFFFFFFF))
    return _philox_normal(words, component).reshape(shape)


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Philox4x32-10: four 32-bit words (in the low halves) from a counter of shape (4, N)."""
    c0, c1, c2, c3 = counter
    shift = np.uint64(32)
    for turn in range(10):
        k0 = np.uint64(key[0] + turn * 0x9E3779B9 & 0xFFFFFFFF)
        k1 = np.uint64(key[1] + turn * 0xBB67AE85 & 0xFFFFFFFF)
        a, b = c0 * np.uint64(0xD2511F53), c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (b >> shift) ^ c1 ^ k0, b & _WORD, (a >> shift) ^ c3 ^ k1, a & _WORD
    return np.stack((c0, c1, c2, c3))


def _uniform(seed: int, count: int) -> Float:
    """The generator's words as numbers in [0, 1): one word each, its low 24 bits."""
    words = np.random.RandomState(seed & 0xFFFFFFFF).randint(0, 2**32, count, np.uint32)
    return (words & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2**-24)


def _box_muller(uniform: Float) -> Float:
    """Normal numbers from uniform ones, in blocks of 8 radii and 8 angles."""
    first, second = np.moveaxis(uniform.reshape(-1, 2, 8), 1, 0)
    radius = np.sqrt(np.float32(-2) * np.log(np.float32(1) - first))
    angle = np.float32(2 * np.pi) * second
    return np.stack((radius * np.cos(angle), radius * np.sin(angle)), 1).reshape(-1)


def _philox_normal(words: NDArray[np.uint64], component: NDArray[np.uint64]) -> Float:
    """Two words make a radius and an angle; components 0 and 2 take the sine, 1 and 3 the cosine."""
    second_pair = component >= 2
    for_radius = cast(NDArray[np.uint64], np.where(second_pair, words[2], words[0]))
    for_angle = cast(NDArray[np.uint64], np.where(second_pair, words[3], words[1]))
    radius = np.sqrt(np.float32(-2) * np.log(_open_unit(for_radius)))
    angle = np.float32(2 * np.pi) * _open_unit(for_angle)
    return np.where(component % np.uint64(2) == 0, radius * np.sin(angle), radius * np.cos(angle))


def _open_unit(words: NDArray[np.uint64]) -> Float:
    """Words as numbers in (0, 1]."""
    return words.astype(np.float32) * np.float32(2**-32) + np.float32(2**-33)

"""What the packings cost: bytes a frame, the worst angle, and time against a plain copy of the same floats.

    python bench/packing.py [--poses 100000]

The angle is 4 asin(|q - p| / 2) in float64, with p the unpacked and q the random rotation.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from figures import head, machine, percentiles, row

from posewire_runtime.exchange.packing import Packing, frame_bytes, pack, unpack

JOINTS = 22
BLOCK = 256
"""Frames that are packed at a time, as the server does it."""


def random_rotations(poses: int) -> np.ndarray:
    """Rotations drawn evenly from all there are, (poses, J, 4)."""
    rotations = np.random.default_rng(0).standard_normal((poses, JOINTS, 4))
    return rotations / np.linalg.norm(rotations, axis=-1, keepdims=True)


def angles(p: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Degrees between rotations, (..., 4) in float64."""
    sign = np.where((p * q).sum(-1, keepdims=True) < 0, -1.0, 1.0)
    return np.degrees(4 * np.arcsin(np.linalg.norm(q - sign * p, axis=-1) / 2))


def timed(work: Callable[[int], object], poses: int) -> list[float]:
    """Seconds of each block."""
    times: list[float] = []
    for first in range(0, poses - BLOCK + 1, BLOCK):
        began = time.perf_counter()
        work(first)
        times.append(time.perf_counter() - began)
    return times


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--poses", type=int, default=100_000)
    poses = parser.parse_args().poses
    exact = random_rotations(poses)
    stored = exact.astype(np.float32)
    root, contacts = np.zeros((poses, 3), np.float32), np.zeros((poses, 4), bool)
    print(machine())
    print(f"{poses} random poses of {JOINTS} joints")
    copied = percentiles(timed(lambda i: stored[i : i + BLOCK].copy(), poses))
    print(head(f"blocks of {BLOCK} frames, ms"))
    print(row("copy", copied))
    for packing in Packing:
        data = pack(stored, root, contacts, packing).tobytes()
        restored, _, _ = unpack(data, JOINTS, packing)
        size = frame_bytes(JOINTS, packing)

        def pack_block(i: int, packing: Packing = packing) -> object:
            span = slice(i, i + BLOCK)
            return pack(stored[span], root[span], contacts[span], packing)

        def unpack_block(i: int, packing: Packing = packing, data: bytes = data, size: int = size) -> object:
            return unpack(data[i * size : (i + BLOCK) * size], JOINTS, packing)

        packed = percentiles(timed(pack_block, poses))
        print(row(f"pack {packing.name.lower()}", packed))
        print(row(f"unpack {packing.name.lower()}", percentiles(timed(unpack_block, poses))))
        worst = angles(restored.astype(np.float64), exact).max()
        ratio = packed["p50"] / copied["p50"]
        print(f"    {size} bytes a frame, worst angle {worst:.6f} degrees, ", end="")
        print(f"packing takes {ratio:.1f} times a copy")
    print(machine())


if __name__ == "__main__":
    main()

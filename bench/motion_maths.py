"""What the motion maths costs for one clip, against the plain way to write the same thing.

    python bench/motion_maths.py [--frames 360] [--repeats 20]

The plain way runs in the same process on the same clip: forward kinematics joint by joint with matrices,
rotation smoothing with an eigensolver, contacts frame by frame; the results are compared before anything
is timed. What has no plain way of its own is held against plain forward kinematics.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from posewire_runtime.motion import contacts, quat, smooth
from posewire_runtime.motion.resample import resample
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.motion.skeleton import SMPL22, feet, forward, mirror, rest_offsets
from posewire_runtime.types import Clip, Target

FPS = 30.0


def swaying(frames: int) -> Clip:
    """A calm random motion of the whole body."""
    random = np.random.RandomState(0)
    curves = smooth.savitzky_golay(random.standard_normal((frames, 22, 4)).cumsum(axis=0) * 0.02)
    rotations = quat.normalise(quat.identity((frames, 22)) + curves).astype(np.float32)
    root = SMPL22.positions[0] - np.array([0, SMPL22.sole, 0]) + curves[:, 0, :3]
    return Clip(SMPL22, FPS, rotations, root.astype(np.float32), np.zeros((frames, 4), bool))


def plain_forward(clip: Clip) -> np.ndarray:
    local, offsets = quat.to_matrix(clip.rotations), rest_offsets(SMPL22)
    turned, positions = local.copy(), np.empty((clip.frames, 22, 3), np.float32)
    positions[:, 0] = clip.root
    for joint, parent in enumerate(SMPL22.parents[1:], start=1):
        turned[:, joint] = turned[:, parent] @ local[:, joint]
        positions[:, joint] = positions[:, parent] + turned[:, parent] @ offsets[joint]
    return positions


def plain_smoothing(clip: Clip) -> np.ndarray:
    wide = np.pad(clip.rotations.astype(np.float64), ((4, 4), (0, 0), (0, 0)), mode="edge")
    weights = np.exp(-(np.arange(-4, 5) ** 2) / 2)
    windows = np.lib.stride_tricks.sliding_window_view(wide, 9, axis=0)  # (L, J, 4, 9)
    return np.linalg.eigh(np.einsum("ljik,ljmk,k->ljim", windows, windows, weights))[1][..., -1]


def plain_contacts(positions: np.ndarray) -> np.ndarray:
    """Only the two thresholds, frame by frame; no runs."""
    joints, out = list(feet(SMPL22)), np.zeros((len(positions), 4), bool)
    for frame in range(1, len(positions) - 1):
        step = positions[frame + 1, joints] - positions[frame - 1, joints]
        speed = np.linalg.norm(step, axis=-1) * FPS / 2
        out[frame] = (positions[frame, joints, 1] < 0.15) & (speed < 0.4)
    return out


def milliseconds(work: Callable[[], Any], repeats: int) -> float:
    """The median of some runs, after one that warms the caches."""
    work()
    times: list[float] = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times)) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description="The cost of the motion maths, as ratios to the plain way.")
    parser.add_argument("--frames", type=int, default=360)
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    clip = swaying(options.frames)
    _, positions = forward(SMPL22, clip.rotations, clip.root)
    np.testing.assert_allclose(positions, plain_forward(clip), atol=1e-5)
    average = plain_smoothing(clip).astype(np.float32)
    assert quat.angle(smooth.smooth_rotations(clip.rotations), average).max() < 1e-5
    target = Target(SMPL22, {name: name for name in SMPL22.names})

    plain_ms = milliseconds(lambda: plain_forward(clip), options.repeats)
    rows: list[tuple[str, Callable[[], Any], float]] = [
        ("forward", lambda: forward(SMPL22, clip.rotations, clip.root), plain_ms),
        (
            "smooth_rotations",
            lambda: smooth.smooth_rotations(clip.rotations),
            milliseconds(lambda: plain_smoothing(clip), options.repeats),
        ),
        (
            "foot_contacts",
            lambda: contacts.foot_contacts(SMPL22, positions, FPS),
            milliseconds(lambda: plain_contacts(positions), options.repeats),
        ),
        ("savitzky_golay", lambda: smooth.savitzky_golay(clip.root), plain_ms),
        ("retarget", lambda: retarget(clip, target), plain_ms),
        ("resample to 60", lambda: resample(clip, 60.0), plain_ms),
        ("mirror", lambda: mirror(clip), plain_ms),
    ]
    print(f"{options.frames} frames, 22 joints; median of {options.repeats}")
    print(f"{'':18}{'ours':>10}{'plain':>10}{'ours/plain':>12}")
    for name, work, plain in rows:
        ours = milliseconds(work, options.repeats)
        print(f"{name:18}{ours:>7.2f} ms{plain:>7.2f} ms{ours / plain:>11.2f}x")


if __name__ == "__main__":
    main()

"""What the stand-in and the files cost: one clip of 4 seconds, one of a minute.

    python bench/stand_in.py [--repeats 20]

Each figure is the best of the repeats; the ratio is against forward kinematics of the same clip in the same
run, which is about the least that can be done with a clip.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

from figures import machine

from posewire_runtime import puppet
from posewire_runtime.figure.mannequin import mannequin
from posewire_runtime.figure.picture import draw
from posewire_runtime.formats import FORMATS
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import Clip

PROMPT = "a person walks forward, then waves with the right hand"


def best(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest run."""
    taken: list[float] = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return min(taken)


def measure(frames: int, repeats: int) -> None:
    """One table."""
    clip: Clip = puppet.perform(PROMPT, frames, 30, 0)
    floor = best(lambda: forward(clip.skeleton, clip.rotations, clip.root), repeats)
    print(f"\n{frames} frames{'':<24}{'ms':>10}{'x FK':>10}")
    jobs: dict[str, Callable[[], object]] = {"perform": lambda: puppet.perform(PROMPT, frames, 30, 0)}
    for suffix, kind in FORMATS.items():
        jobs[f"encode {suffix}"] = lambda encode=kind.encode: encode(clip, {})
    jobs["draw a contact sheet"] = lambda: draw(clip, PROMPT)
    for name, work in jobs.items():
        seconds = best(work, repeats if "draw" not in name else 3)
        print(f"{name:<34}{seconds * 1e3:>10.2f}{seconds / floor:>10.1f}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeats", type=int, default=20)
    options = parser.parse_args()
    print(machine())
    mannequin(puppet.perform("stands", 1, 30, 0).skeleton)  # made once, so it doesn't count
    for frames in (120, 1800):
        measure(frames, options.repeats)


if __name__ == "__main__":
    main()

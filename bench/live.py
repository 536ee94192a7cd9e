"""A live session over many prompt changes: is there a seam, how soon is a new prompt seen, does play go on?

    python bench/live.py [--model FOLDER] [--changes 200] [--minutes 10] [--rate 1]

Starts `posewire serve` as a process of its own, opens one session and plays it on a clock of its own, as a
game does, while prompts change after 1 to 3 seconds. Seams: the largest jump of any joint from one frame to
the next, of its position, of its velocity and of its acceleration, over all frames in which one motion turns
into another, against the largest inside clips: all other frames of the session, and whole clips of the same
prompts made by Generate on the same server, so many of each prompt that the largest is one to go by. The
same ratio of the 99th percentiles stands beside it. Times: from sending a prompt until its first frame is
here, and until it is played. Play: how often, and how long, the clock stood because frames were missing.
`--rate` plays faster than real time; only seams mean something then.

The last line is a JSON summary. Exit code 0 only if no ratio is above 1.2 and play was never interrupted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.client import AsyncClient
from posewire_runtime.exchange.events import Chunk
from posewire_runtime.exchange.live import LiveSegment
from posewire_runtime.live_client import AsyncLiveStream
from posewire_runtime.motion.carry import SECONDS as FADE
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.types import Clip, Skeleton

PROMPTS = (
    "a person walks forward",
    "a person walks in a circle",
    "a person runs",
    "a person waves with the left hand",
    "a person waves with both hands",
    "a person turns around",
    "a person stands still",
)
PAUSES = (1.0, 3.0)
"""Seconds between two prompts, at least and at most."""
LIMIT = 1.2
"""What a jump at a join may be of the largest inside clips."""
TICK = 1 / 60
"""Seconds between two looks of the play clock."""
SAID = 0.1
"""Seconds between two acknowledgements."""
ORDERS = {1: "position", 2: "velocity", 3: "acceleration"}


@dataclass
class Played:
    """What a session showed."""

    chunks: list[Chunk] = field(default_factory=list)
    segments: list[LiveSegment] = field(default_factory=list)
    asked: dict[int, float] = field(default_factory=dict)
    """When each command was sent."""
    arrived: list[tuple[int, float]] = field(default_factory=list)
    """When the frames before an index had arrived."""
    shown: list[tuple[int, float]] = field(default_factory=list)
    """When the clock had come to an index."""
    stalls: list[float] = field(default_factory=list)
    """How long the clock stood, each time."""

    @property
    def frames(self) -> int:
        return self.chunks[-1].first_frame + self.chunks[-1].frames if self.chunks else 0

    def reactions(self, moments: Sequence[tuple[int, float]]) -> list[float]:
        """Seconds from each prompt until its first frame was past, by one of the lists."""
        firsts = {segment.command: segment.first_frame for segment in reversed(self.segments)}
        found: list[float] = []
        for command, sent in self.asked.items():
            past = (at for index, at in moments if command in firsts and index > firsts[command])
            found += [at - sent for at in [next(past, None)] if at is not None]
        return found


async def play(live: AsyncLiveStream, played: Played, fps: float, rate: float) -> None:
    """The game's clock: goes on while there are frames, and tells the server where it is."""
    position, told, last, stood = 0.0, 0.0, time.monotonic(), 0.0
    while live.status is None:
        await asyncio.sleep(TICK)
        now = time.monotonic()
        step = (now - last) * fps * rate
        last = now
        if played.frames and position + step <= played.frames:
            if stood and position:
                played.stalls.append(stood)
            position, stood = position + step, 0.0
        elif position:
            stood += step / fps / rate
        played.shown.append((int(position), now))
        if now - told >= SAID / rate:
            told = now
            await live.played(int(position))


async def listen(live: AsyncLiveStream, played: Played) -> None:
    """Keep what comes."""
    async for event in live.events():
        if isinstance(event, Chunk):
            played.chunks.append(event)
            played.arrived.append((event.first_frame + event.frames, time.monotonic()))
        elif isinstance(event, LiveSegment):
            played.segments.append(event)


async def converse(
    live: AsyncLiveStream, played: Played, given: argparse.Namespace, draw: random.Random
) -> None:
    """Prompts, until there were enough changes and minutes."""
    began = time.monotonic()
    while len(played.asked) < given.changes or time.monotonic() - began < given.minutes * 60:
        await asyncio.sleep(draw.uniform(*PAUSES) / given.rate)
        prompt = draw.choice(given.prompt or PROMPTS)
        sent = time.monotonic()
        played.asked[await live.prompt(prompt)] = sent
        if len(played.asked) % 25 == 0:
            print(
                f"{time.monotonic() - began:6.0f} s: {len(played.asked)} prompts, {len(played.stalls)} stalls"
            )
    await asyncio.sleep(3.0)


async def session(client: AsyncClient, given: argparse.Namespace) -> tuple[Played, Skeleton, float]:
    """One whole session."""
    played, draw = Played(), random.Random(given.seed)
    first = draw.choice(given.prompt or PROMPTS)
    async with client.live(first, seed=given.seed, preset=given.preset) as live:
        await live.open()
        fps = live.header.fps
        parts = [play(live, played, fps, given.rate), listen(live, played)]
        tasks = [asyncio.create_task(part) for part in parts]
        await converse(live, played, given, draw)
        await live.close()
        await asyncio.gather(*tasks)
        return played, live.header.skeleton, fps


# ------------------------------------------------------------------------------------------- figures

Joints = NDArray[Any]


def joints_of(skeleton: Skeleton, rotations: NDArray[Any], root: NDArray[Any]) -> Joints:
    """Where all joints are, (L, J, 3)."""
    return forward(skeleton, rotations.astype(np.float64), root.astype(np.float64))[1]


def jumps(joints: Joints, order: int) -> NDArray[Any]:
    """The largest difference of an order of any joint, from each frame on, (L - order,)."""
    return np.linalg.norm(np.diff(joints, order, axis=0), axis=-1).max(axis=-1)


def compare(
    session: Joints, joins: Sequence[int], clips: Sequence[Joints], fps: float, order: int
) -> dict[str, float]:
    """Jumps where motions turn into each other, and inside clips; by seconds."""
    turning = np.zeros(len(session), np.bool_)
    for join in joins:
        turning[max(join - 1, 0) : join + round(FADE * fps) + 1] = True
    found = jumps(session, order)
    touched = np.array([turning[i : i + order + 1].any() for i in range(len(found))])
    inside = [*found[~touched], *(jump for clip in clips for jump in jumps(clip, order))]
    at, within = found[touched] * fps**order, np.array(inside) * fps**order
    usual = np.percentile(at, 99) / np.percentile(within, 99)
    figures = {
        "at_joins": at.max(),
        "inside": within.max(),
        "ratio": at.max() / within.max(),
        "p99_ratio": usual,
    }
    return {name: round(float(value), 3) for name, value in figures.items()}


def seams(played: Played, skeleton: Skeleton, clips: Sequence[Clip], fps: float) -> dict[str, Any]:
    """Jumps at joins against jumps inside clips."""
    rotations = np.concatenate([chunk.rotations for chunk in played.chunks])
    root = np.concatenate([chunk.root for chunk in played.chunks])
    shown = joints_of(skeleton, rotations, root)
    alone = [joints_of(skeleton, clip.rotations, clip.root) for clip in clips]
    joins = [segment.first_frame for segment in played.segments if segment.first_frame]
    told: dict[str, Any] = {"joins": len(joins)}
    for order, name in ORDERS.items():
        told[name] = compare(shown, joins, alone, fps, order)
    return told


def summary(played: Played, skeleton: Skeleton, clips: Sequence[Clip], fps: float) -> dict[str, Any]:
    """What programs read."""
    here, there = played.reactions(played.arrived), played.reactions(played.shown)
    played_seconds = played.shown[-1][0] / fps
    return {
        "changes": len(played.asked),
        "frames": played.frames,
        "seams": seams(played, skeleton, clips, fps),
        "first_frame_here_s": spread(here),
        "first_frame_played_s": spread(there),
        "played_s": round(played_seconds, 1),
        "stalls": len(played.stalls),
        "stalled_s": round(sum(played.stalls), 3),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, p95 and most."""
    half, most = (float(np.percentile(values, p)) for p in (50, 95))
    return {"median": round(half, 3), "p95": round(most, 3), "most": round(max(values), 3)}


def report(told: dict[str, Any]) -> bool:
    """Print it for people; gives whether all is well."""
    print(f"{told['changes']} prompt changes, {told['seams']['joins']} joins, {told['frames']} frames")
    units = {"position": "m/s", "velocity": "m/s²", "acceleration": "m/s³"}
    for name in ORDERS.values():
        jump = told["seams"][name]
        print(
            f"  jump of {name:<13} at joins {jump['at_joins']:>10} {units[name]:<5} "
            f"inside clips {jump['inside']:>10}   ratio {jump['ratio']:.3f}   of p99 {jump['p99_ratio']:.3f}"
        )
    for what in ("here", "played"):
        times = ", ".join(f"{name} {seconds} s" for name, seconds in told[f"first_frame_{what}_s"].items())
        print(f"  prompt to its first frame {what}: {times}")
    print(f"  played {told['played_s']} s, interrupted {told['stalls']} times, {told['stalled_s']} s in all")
    return told["stalls"] == 0 and all(told["seams"][name]["ratio"] <= LIMIT for name in ORDERS.values())


# --------------------------------------------------------------------------------------- the server


@asynccontextmanager
async def served(models: Sequence[str], settings: Sequence[str]) -> AsyncIterator[str]:
    """A server's process; its address."""
    command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--json", "--quiet", "--port", "0"]
    command += [word for model in models for word in ("--model", model)] + [*settings]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        line = await process.stdout.readline()
        if not line:
            raise SystemExit("the server didn't start")
        yield json.loads(line)["listening"]
    finally:
        process.terminate()
        await process.wait()


async def run(given: argparse.Namespace) -> bool:
    """Everything."""
    async with served(given.model, given.setting) as target, AsyncClient(target) as client:
        await client.warm(given.prompt or PROMPTS)
        played, skeleton, fps = await session(client, given)
        clips = [
            clip
            for prompt in given.prompt or PROMPTS
            for clip in await client.clips(prompt, seconds=5, seeds=range(given.clips), preset=given.preset)
        ]
    told = summary(played, skeleton, clips, fps)
    fine = report(told)
    print(json.dumps({"model": given.model or ["starter"]} | told | {"fine": fine}))
    return fine


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--model", action="append", default=[], help="what the server serves, as its own flag"
    )
    parser.add_argument("--preset", default="", help="one of the model's presets; none: its default")
    parser.add_argument("--changes", type=int, default=200, help="prompt changes, at least")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long, at least; fractions are fine")
    parser.add_argument(
        "--clips", type=int, default=10, help="clips of each prompt that joins are compared to"
    )
    parser.add_argument("--rate", type=float, default=1.0, help="times real time")
    parser.add_argument("--prompt", action="append", help="what to choose prompts from")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("setting", nargs="*", help="flags for the server, behind --")
    given = parser.parse_args()
    raise SystemExit(not asyncio.run(run(given)))


if __name__ == "__main__":
    main()

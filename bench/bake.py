"""What passes do to clips, and what baking costs beside the model.

    .venv/bin/python bench/bake.py                        # the stand-in
    .venv/bin/python bench/bake.py --model PACKAGE        # a real one: batches against one by one, overhead

Sliding and seams are measured over clips of the stand-in that are swayed and jittered as a network's are,
since its own feet never slide. Throughput is full batches against one by one in the same run; outside the
model is what a bake waits for beyond making the clips. A package that names no text encoder, such as those of
random weights that bench/hymotion_speed.py --packages FOLDER makes, gets random text features.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from posewire_runtime import puppet
from posewire_runtime.bake.item import Setting, encode_item, write_item
from posewire_runtime.bake.makers import LocalMaker, Outcome
from posewire_runtime.bake.passes import parse_passes
from posewire_runtime.bake.plan import SUFFIXES, Item, Style, plan
from posewire_runtime.bake.rigs import rig
from posewire_runtime.bake.rows import Problems, read_rows
from posewire_runtime.bake.run import run
from posewire_runtime.commands.models import open_library
from posewire_runtime.errors import PosewireError
from posewire_runtime.formats import FORMATS
from posewire_runtime.formats.tracks import tracks_of
from posewire_runtime.motion import quat
from posewire_runtime.motion.footlock import lock_feet, sliding
from posewire_runtime.motion.loop import make_loop
from posewire_runtime.motion.reduce import reduce_keys
from posewire_runtime.packages.package import Package
from posewire_runtime.scheduler.library import Library
from posewire_runtime.types import Clip, Features, ModelInfo

ACTS = ("walks forward", "stands idle", "waves", "turns around", "walks, turns left, then waves", "runs")
FORMATS_BAKED = ("glb", "fbx")


def swayed(count: int) -> list[Clip]:
    """Clips whose pelvis sways by centimetres and whose joints are off by degrees."""
    clips: list[Clip] = []
    for k in range(count):
        clip = puppet.perform(f"a person {ACTS[k % len(ACTS)]}", 90 + 15 * (k % 5), 30, k)
        random = np.random.default_rng(k)
        t = np.arange(clip.frames)[:, None] / clip.fps
        wave = np.sin(2 * np.pi * random.uniform(0.2, 1.2, 69) * t + random.uniform(0, 6.3, 69))
        root = clip.root + 0.02 * wave[:, :3] * [1, 0.3, 1]
        turn = quat.from_rotation_vector(0.03 * wave[:, 3:].reshape(clip.frames, 22, 3))
        rotations = quat.multiply(clip.rotations, turn)
        clips.append(replace(clip, root=root.astype(np.float32), rotations=rotations.astype(np.float32)))
    return clips


def passes(count: int) -> Iterator[str]:
    """Before and after, over so many clips."""
    clips = swayed(count)
    before, after = ([sliding(clip) for clip in some] for some in (clips, [lock_feet(c) for c in clips]))
    yield (
        f"foot lock      sliding {100 * mean(before):.2f} -> {100 * mean(after):.4f} cm/s (mean), "
        f"{100 * max(before):.2f} -> {100 * max(after):.4f} (worst)"
    )
    loops = [make_loop(clip) for clip in clips]
    for name, value in {"metres": 100, "metres_per_second": 100}.items():
        unit = "cm" if name == "metres" else "cm/s"
        seams = [[value * getattr(getattr(loop, k), name) for loop in loops] for k in ("before", "after")]
        yield f"loop seam      {mean(seams[0]):.2f} -> {mean(seams[1]):.4f} {unit} (mean over {count} clips)"
    usual = [loop.after.metres_per_second / loop.after.usual for loop in loops]
    yield f"               change of speed over the seam / largest within the loop: worst {max(usual):.2f}"
    for millimetres in (0.5, 2.0, 5.0):
        ratios = [kept(puppet_clip, millimetres / 1000) for puppet_clip in plain(count)]
        spread = f"{100 * min(ratios):.0f} to {100 * max(ratios):.0f} %"
        yield f"fewer keys     {100 * mean(ratios):.0f} % kept at {millimetres:g} mm (mean), {spread}"


def plain(count: int) -> list[Clip]:
    """The stand-in's clips as they are."""
    return [puppet.perform(f"a person {ACTS[k % len(ACTS)]}", 90 + 15 * (k % 5), 30, k) for k in range(count)]


def kept(clip: Clip, bound: float) -> float:
    """Share of keys that are kept."""
    tracks = tracks_of(clip)
    turns, places = reduce_keys(tracks.skeleton, tracks.rotations, tracks.translations, bound)
    keys = sum(map(len, turns.values())) + sum(map(len, places.values()))
    return keys / (clip.frames * (len(turns) + len(places)))


def mean(values: Sequence[float]) -> float:
    """Their mean."""
    return statistics.fmean(values)


@dataclass(frozen=True)
class Words:
    """Random text features, for a model whose package has no encoder."""

    token: int
    """Numbers of a word."""
    sentence: int
    """Numbers of a prompt."""

    @classmethod
    def of(cls, model: str | None) -> Words | None:
        """What a package needs; None: it encodes prompts itself."""
        if model is None or not Path(model).is_dir():
            return None
        manifest = Package.open(model).manifest
        if manifest.text_encoder is not None or "condition" not in manifest.graphs:
            return None
        shapes = {spec.name: spec.shape for spec in manifest.graphs["condition"].inputs}
        return cls(int(shapes["tokens"][-1]), int(shapes["sentence"][-1]))

    def give(self, item: Item) -> Item:
        """The item with features drawn from its prompt's letters."""
        requests = [replace(request, features=self._draw(request.prompt)) for request in item.requests]
        return replace(item, requests=tuple(requests))

    def _draw(self, prompt: str) -> Features:
        random = np.random.default_rng(list(prompt.encode()))
        words = random.standard_normal((int(random.integers(8, 25)), self.token), np.float32)
        return Features(words, random.standard_normal((1, self.sentence), np.float32))


class TimedMaker:
    """A maker that knows how long it took."""

    def __init__(self, maker: LocalMaker, words: Words | None) -> None:
        self.maker = maker
        self.words = words
        self.seconds = 0.0

    def make(self, group: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Make them, and look at the clock."""
        given = [self.words.give(item) for item in group] if self.words else group
        began = time.perf_counter()
        made = list(self.maker.make(given))
        self.seconds += time.perf_counter() - began
        yield from zip(group, (outcome for _, outcome in made), strict=True)

    def needs_company(self, model: str) -> bool:
        """As the maker says."""
        return self.maker.needs_company(model)


def items_of(library: Library, rows: int, style: Style, offset: int = 0) -> list[Item]:
    """So many rows of a list, of like length."""
    text = "\n".join(f"a person {ACTS[k % len(ACTS)]} {k + offset} times" for k in range(rows))
    problems = Problems("bench", [])
    csv = "prompt,seconds\n" + "\n".join(f'"{line}",{3 + k % 3}' for k, line in enumerate(text.splitlines()))
    items = plan(read_rows(csv, "csv", problems), style, library, problems)
    problems.raise_any()
    return items


def throughput(library: Library, rows: int, batch: int, words: Words | None) -> Iterator[str]:
    """Clips a minute in full batches against one by one, and what is spent outside the model."""
    style = Style(FORMATS_BAKED, "ue5-manny", passes=parse_passes("foot-lock root-motion"))
    setting = Setting(style, rig("ue5-manny"))
    list(TimedMaker(LocalMaker(library, batch), words).make(items_of(library, batch, style, 5000)))  # warms
    encode_item(*one(library, style, words), setting)
    rates: list[float] = []
    for size, some in ((batch, rows), (1, max(1, rows // 8))):
        maker = TimedMaker(LocalMaker(library, size), words)
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            outcomes = run(
                items_of(library, some, style, 100 * size),
                Path(folder),
                maker,
                setting,
                library.info,
                batch=size,
            )
            took = time.perf_counter() - began
        rates.append(60 * outcomes.made / took)
        yield (
            f"batch {size:<3}      {rates[-1]:,.0f} clips a minute ({', '.join(FORMATS_BAKED)}; "
            f"{style.passes}); outside the model {100 * (took - maker.seconds) / took:.1f} %"
        )
    yield f"               full batches / one by one: {rates[0] / rates[1]:.2f}"


def one(library: Library, style: Style, words: Words | None) -> tuple[Item, Sequence[Clip], ModelInfo]:
    """An item and its clips."""
    [item] = items_of(library, 1, style, 9000)
    [(_, outcome)] = TimedMaker(LocalMaker(library, 1), words).make([item])
    if isinstance(outcome, PosewireError):
        raise outcome
    return item, outcome, library.info(item.requests[0].model)


def formats(library: Library, given: Words | None) -> Iterator[str]:
    """Milliseconds a clip for each format, and the passes."""
    clip = puppet.perform("a person walks forward", 120, 30, 1)
    tracks = tracks_of(rig("ue5-manny").put(clip))
    for name, suffix in SUFFIXES.items():
        if name == "mesh":
            continue  # for body models alone
        ending = f".{suffix.rpartition('.')[2]}"
        each = timed(lambda e=ending: FORMATS[e].encode_tracks(tracks, {}, body=False))
        whole = timed(
            lambda e=ending: FORMATS[e].encode_tracks(replace(tracks, body=rig("ue5-manny").body), {})
        )
        yield f"{name:<14} {1000 * each:6.1f} ms a clip of 4 s, {1000 * whole:6.1f} with the mannequin"
    for words in ("", "foot-lock", "loop", "root-motion", "keys=0.5", "fps=60"):
        style = Style(("npz",), "ue5-manny", passes=parse_passes(words))
        item, clips, info = one(library, style, given)
        setting = Setting(style, rig("ue5-manny"))
        files = encode_item(item, clips, info, setting)
        took = timed(lambda: encode_item(item, clips, info, setting))  # noqa: B023
        with tempfile.TemporaryDirectory() as folder:
            disk = timed(lambda: write_item(Path(folder), files))  # noqa: B023
        spent = f"{1000 * took:6.1f} ms a clip (npz, sidecar), writing {1000 * disk:.1f} ms"
        yield f"{words or 'no pass':<14} {spent}"


def timed(work: Callable[[], object], times: int = 7) -> float:
    """The best of some runs, seconds."""
    best = float("inf")
    for _ in range(times):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    return best


def main() -> None:
    """Print everything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", help="a model's name or a package's folder")
    parser.add_argument("--rows", type=int, default=96, help="clips of the throughput run")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--clips", type=int, default=100, help="clips that passes are measured on")
    options = parser.parse_args()
    given = Words.of(options.model)
    library = open_library([options.model] if options.model else [])
    print(f"model {library.default}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    for lines in (
        passes(options.clips),
        throughput(library, options.rows, options.batch, given),
        formats(library, given),
    ):
        for line in lines:
            print(line, flush=True)
    library.close()


if __name__ == "__main__":
    main()

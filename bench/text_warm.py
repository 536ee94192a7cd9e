"""What a known prompt adds to a request, from the cache or a pack, against features that come with it.

    python bench/text_warm.py [--jobs 1000] [--prompts 500]

One stand-in model, one job at a time through the worker's own loop; the encoder would be needed for
every prompt and is never asked. Features have the size of the released encoders' (24 x 4096, 768).
Prints percentiles of each form and of what it adds, in CPU time of the loop: neighbours on the machine
don't count. The forms take turns.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from posewire_runtime.fakes import FakeProgram
from posewire_runtime.families.base import Run
from posewire_runtime.scheduler.jobs import Collector
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.text.cache import FeatureCache
from posewire_runtime.text.packs import PackedPrompt, PackedPrompts, PromptPack
from posewire_runtime.types import Clip, Features, Request

ROWS, CONTEXT, SENTENCE = 24, 4096, 768


class NeverAsked:
    """An encoder whose features are all known already."""

    fingerprint = "f" * 64

    def recall(self, prompt: str) -> Features | None:
        """Nothing."""
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        """Must not happen."""
        raise AssertionError(f"{prompts} should have been known")


class OneClip(FakeProgram):
    """The stand-in without its work: always the first clip, so that little hides what is measured."""

    made: Clip | None = None

    def clip(self, run: Run) -> Clip:
        """Made once."""
        self.made = self.made or super().clip(run)
        return self.made


@dataclass(frozen=True, eq=False)
class Form:
    """One way for features to come to a request."""

    name: str
    worker: Worker
    given: bool
    """The request brings them."""
    find: Callable[[str], Features | None]
    """The look-up alone."""


def pack_of(prompts: Sequence[str]) -> PromptPack:
    """Random features."""
    rng = np.random.default_rng(0)
    return PromptPack(
        encoder=NeverAsked.fingerprint,
        encoder_name="random",
        prompts=tuple(PackedPrompt(prompt, ROWS) for prompt in prompts),
        tokens=rng.standard_normal((ROWS * len(prompts), CONTEXT), np.float32),
        sentences=rng.standard_normal((len(prompts), SENTENCE), np.float32),
    )


def forms(pack: PromptPack, features: dict[str, Features]) -> list[Form]:
    """Given, cached, packed."""
    cache = FeatureCache(1 << 40)
    for prompt, found in features.items():
        cache.put(NeverAsked.fingerprint, prompt, found)
    packs = PackedPrompts([pack])
    plain = Worker(Library.of(OneClip(encoder=NeverAsked())))
    cached = Worker(Library.of(OneClip(encoder=NeverAsked())), cache=cache)
    packed = Worker(Library.of(OneClip(encoder=packs)))
    return [
        Form("given", plain, True, features.get),
        Form("cached", cached, False, lambda prompt: cache.get(NeverAsked.fingerprint, prompt)),
        Form("packed", packed, False, packs.recall),
    ]


def milliseconds(form: Form, request: Request) -> float:
    """From submit to the clip."""
    collector = Collector()
    begun = time.thread_time()
    form.worker.submit([request], collector)
    form.worker.run_until_idle()
    spent = time.thread_time() - begun
    if collector.errors:
        raise next(iter(collector.errors.values()))
    return spent * 1e3


def look_ups(form: Form, prompts: Sequence[str]) -> list[float]:
    """Milliseconds to find the features of each prompt."""
    spent: list[float] = []
    for prompt in prompts:
        begun = time.thread_time()
        form.find(prompt)
        spent.append((time.thread_time() - begun) * 1e3)
    return spent


def quantiles(values: Sequence[float] | np.ndarray) -> str:
    """The median and the 99th percentile of milliseconds."""
    middle, most = np.percentile(values, [50, 99])
    return f"p50 {middle:+.4f} ms, p99 {most:+.4f} ms"


def high(values: Sequence[float]) -> float:
    """The 99th percentile."""
    return float(np.percentile(values, 99))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--jobs", type=int, default=1000)
    parser.add_argument("--prompts", type=int, default=500)
    options = parser.parse_args()
    prompts = [f"a person walks {number} steps and waves" for number in range(options.prompts)]
    pack = pack_of(prompts)
    features = {prompt: found for prompt in prompts if (found := pack.get(prompt)) is not None}
    taken: dict[str, list[float]] = {}
    compared = forms(pack, features)
    for number in range(options.jobs + 20):
        prompt = prompts[number % len(prompts)]
        for form in compared:
            given = features[prompt] if form.given else None
            request = Request(prompt, "stand-in", 20, number, features=given)
            spent = milliseconds(form, request)
            if number >= 20:  # the first ones warm up
                taken.setdefault(form.name, []).append(spent)
    for name, spent in taken.items():
        added = np.array(spent) - np.array(taken["given"])
        said = f"{name:7} {quantiles(spent)}, p99 against given {high(spent) - high(taken['given']):+.4f} ms"
        print(said if name == "given" else f"{said}; adds {quantiles(added)}")
    print(f"look-up alone, cache: {quantiles(look_ups(compared[1], prompts))}")
    print(f"look-up alone, pack:  {quantiles(look_ups(compared[2], prompts))}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()

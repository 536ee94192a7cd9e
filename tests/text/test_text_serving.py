"""Packs and the cache behind a worker: who answers, and that it is counted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.jobs import Collector
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.text.cache import FeatureCache
from posewire_runtime.text.packs import PackedPrompts, PromptPack
from posewire_runtime.types import Features, Request


class CountingEncoder:
    """Says how often it was asked."""

    fingerprint = "c" * 64

    def __init__(self) -> None:
        self.asked: list[str] = []

    def recall(self, prompt: str) -> Features | None:
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        self.asked += prompts
        return [Features(np.full((2, 4), len(p), np.float32), np.ones((1, 3), np.float32)) for p in prompts]


def make(worker: Worker, prompt: str) -> Collector:
    collector = Collector()
    worker.submit([Request(prompt, "stand-in", 20, 1)], collector)
    worker.run_until_idle()
    return collector


def counted(worker: Worker, name: str) -> dict[tuple[str, ...], float]:
    (family,) = [family for family in worker.metrics.collect() if family.name == name]
    return {sample.labels: sample.value for sample in family.samples}


def test_packs_answer_what_they_hold_and_the_encoder_the_rest() -> None:
    encoder = CountingEncoder()
    pack = PromptPack.make(encoder, "counting", ["jump", "wave"])
    encoder.asked.clear()
    worker = Worker(Library.of(FakeProgram(encoder=PackedPrompts([pack], "encode", encoder))))
    for prompt in ("jump", "swim", "wave", "swim"):
        assert len(make(worker, prompt).clips) == 1
    assert encoder.asked == ["swim"]
    assert counted(worker, "posewire_text_packed_total") == {(): 2}
    assert counted(worker, "posewire_text_cache_total") == {("miss",): 1, ("hit",): 1}


def test_a_refused_prompt_fails_alone(tmp_path: Path) -> None:
    pack = PromptPack.make(CountingEncoder(), "counting", ["jump", "wave"])
    worker = Worker(Library.of(FakeProgram(encoder=PackedPrompts([pack]))))
    collector = Collector()
    prompts = ("jump", "swim", "wave", "climb")
    jobs = worker.submit([Request(p, "stand-in", 20, 1) for p in prompts], collector)
    worker.run_until_idle()
    assert [job.id in collector.clips for job in jobs] == [True, False, True, False]
    assert all("packed prompts" in str(error) for error in collector.errors.values())


def test_features_on_disk_outlive_the_server(tmp_path: Path) -> None:
    first, second = CountingEncoder(), CountingEncoder()
    for encoder in (first, second):
        cache = FeatureCache(1 << 20, tmp_path)
        worker = Worker(Library.of(FakeProgram(encoder=encoder)), cache=cache)
        assert len(make(worker, "jump").clips) == 1
    assert (first.asked, second.asked) == (["jump"], [])
    assert cache.stats().disk_hits == 1

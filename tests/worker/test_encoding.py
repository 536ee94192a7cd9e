"""Prompts, features, the cache between them, and warm-ups."""

from __future__ import annotations

import pytest

from posewire_runtime.errors import GenerationFailed, ShuttingDown, UnknownModel
from posewire_runtime.scheduler.jobs import Collector
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.text.cache import FeatureCache


def worker_with_encoder(kit, **limits):
    encoder = kit.TinyEncoder()
    program = kit.Tiny(encoder=encoder)
    return kit.worker(program, limits=PlanLimits(**limits)), program, encoder


def counted(worker: Worker, result: str) -> float:
    families = {family.name: family for family in worker.metrics.collect()}
    samples = families["posewire_text_cache_total"].samples
    return next((sample.value for sample in samples if sample.labels == (result,)), 0)


def test_waiting_prompts_are_encoded_in_one_batch_and_once(kit):
    worker, _, encoder = worker_with_encoder(kit)
    diary = kit.Diary()
    jobs = worker.submit([kit.request(prompt) for prompt in ("a", "b", "a", "c")], diary)
    worker.run_until_idle()
    assert encoder.batches == [("a", "b", "c")]
    assert all(diary.ends(job) == ["finished"] for job in jobs)
    assert all("encode" in job.timings for job in jobs)


def test_a_known_prompt_is_not_encoded_again(kit):
    worker, _, encoder = worker_with_encoder(kit)
    for _ in range(3):
        worker.submit([kit.request("a")], Collector())
        worker.run_until_idle()
    assert encoder.batches == [("a",)]
    assert (counted(worker, "hit"), counted(worker, "miss")) == (2, 1)


def test_given_features_skip_the_encoder(kit):
    worker, _, encoder = worker_with_encoder(kit)
    diary, features = kit.Diary(), kit.TinyEncoder.features("other")
    (job,) = worker.submit([kit.request("a", features=features)], diary)
    worker.run_until_idle()
    assert encoder.batches == []
    assert job.features is features
    assert diary.ends(job) == ["finished"]


def test_batches_are_bounded(kit):
    worker, _, encoder = worker_with_encoder(kit, encode=2)
    worker.submit([kit.request(prompt) for prompt in "abcde"], Collector())
    worker.run_until_idle()
    assert [len(batch) for batch in encoder.batches] == [2, 2, 1]


def test_a_cache_is_shared_by_fingerprint(kit):
    cache, first, second = FeatureCache(1 << 20), kit.TinyEncoder(), kit.TinyEncoder()
    for encoder in (first, second):
        worker = kit.worker(kit.Tiny(encoder=encoder))
        worker = Worker(worker._library, worker.settings, cache=cache)
        worker.submit([kit.request("a")], Collector())
        worker.run_until_idle()
    assert (first.batches, second.batches) == ([("a",)], [])


def test_a_cache_that_holds_nothing_still_serves(kit):
    encoder = kit.TinyEncoder()
    worker, collector = kit.worker(kit.Tiny(encoder=encoder), text_cache=0), Collector()
    worker.submit([kit.request("a"), kit.request("a")], collector)
    worker.run_until_idle()
    assert len(collector.clips) == 2


def test_a_prompt_that_cannot_be_encoded_fails_alone(kit):
    worker, _, encoder = worker_with_encoder(kit)
    diary = kit.Diary()
    good, bad, fine = worker.submit([kit.request(prompt) for prompt in ("a", "encode!", "b")], diary)
    worker.run_until_idle()
    assert isinstance(diary.errors[bad.id], GenerationFailed)
    assert "unencodable" in str(diary.errors[bad.id])
    assert diary.ends(good) == diary.ends(fine) == ["finished"]
    assert len(encoder.batches) == 4, "all, then each alone"


def test_a_cancelled_prompt_is_not_encoded(kit):
    worker, _, encoder = worker_with_encoder(kit)
    (job,) = worker.submit([kit.request("a")], Collector())
    worker.cancel(job)
    worker.run_until_idle()
    assert encoder.batches == []


# ------------------------------------------------------------------------------------------ warm-ups


def test_a_warm_up_loads_and_encodes_what_is_missing(kit):
    worker, _, encoder = worker_with_encoder(kit, encode=2)
    worker.submit([kit.request("a")], Collector())
    worker.run_until_idle()
    done = worker.warm("tiny", ["a", "b", "c", "b", "d"])
    worker.run_until_idle()
    assert done.result(0) == 3
    assert encoder.batches == [("a",), ("b", "c"), ("d",)]
    worker.submit([kit.request("d")], Collector())
    worker.run_until_idle()
    assert len(encoder.batches) == 3


def test_a_warm_up_without_an_encoder_or_prompts(kit):
    worker, _, _ = worker_with_encoder(kit)
    plain = kit.worker()
    assert _settled(worker, "tiny") == 0
    assert _settled(plain, "tiny", ["a"]) == 0


def _settled(worker: Worker, model: str, prompts: list[str] | None = None) -> int:
    done = worker.warm(model, prompts or [])
    worker.run_until_idle()
    return done.result(0)


def test_two_warm_ups_of_the_same_prompt_share_the_work(kit):
    worker, _, encoder = worker_with_encoder(kit)
    first, second = worker.warm("tiny", ["a", "b"]), worker.warm("tiny", ["b"])
    worker.run_until_idle()
    assert (first.result(0), second.result(0)) == (2, 1)
    assert encoder.batches == [("a", "b")]


def test_a_prompt_that_cannot_be_warmed_is_told(kit):
    worker, _, _ = worker_with_encoder(kit)
    bad, good = worker.warm("tiny", ["encode!"]), worker.warm("tiny", ["b"])
    worker.run_until_idle()
    assert isinstance(bad.exception(0), GenerationFailed)
    assert good.result(0) == 1


def test_warming_an_unknown_model_is_refused_at_once(kit):
    worker, _, _ = worker_with_encoder(kit)
    with pytest.raises(UnknownModel):
        worker.warm("other")


def test_a_warm_up_ends_with_the_worker(kit, monkeypatch):
    monkeypatch.setattr("posewire_runtime.scheduler.worker._LAST_STEP", 0.05)
    worker, _, encoder = worker_with_encoder(kit)
    encoder.gate.clear()
    worker.start()
    done = worker.warm("tiny", ["a"])
    worker.close(grace=0.02)
    assert isinstance(done.exception(5), ShuttingDown)
    encoder.gate.set()


def test_somebody_waiting_stands_behind_one_warm_batch_at_most(kit):
    encoder, diary = kit.TinyEncoder(), kit.Diary()
    encoder.gate.clear()
    worker = kit.worker(kit.Tiny(encoder=encoder), limits=PlanLimits(encode=2))
    with worker:
        done = worker.warm("tiny", [f"warm {i}" for i in range(20)])
        jobs = worker.submit([kit.request("live")], diary)
        encoder.gate.set()
        diary.wait(jobs)
        assert done.result(10) == 20
    assert [batch for batch in encoder.batches[:2] if "live" in batch]

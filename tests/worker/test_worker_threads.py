"""The worker as servers use it: its own thread, callers on others."""

from __future__ import annotations

import random
import threading
import time

import numpy as np
import pytest

from posewire_runtime.errors import DeadlineExceeded, Overloaded, ShuttingDown
from posewire_runtime.scheduler.jobs import Collector, Job
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.types import Priority


def test_the_thread_and_the_caller_drive_the_same_loop(kit):
    requests = [kit.request(f"p{i}", frames=5 + i, seed=i) for i in range(6)]
    threaded, inline = kit.Diary(), Collector()
    with kit.worker() as worker:
        jobs = worker.submit(requests, threaded)
        threaded.wait(jobs)
        with pytest.raises(RuntimeError, match="without a thread"):
            worker.run_until_idle()
    single = kit.worker()
    same = single.submit(requests, inline)
    single.run_until_idle()
    for one, other in zip(jobs, same, strict=True):
        np.testing.assert_array_equal(threaded.clips[one.id].root, inline.clips[other.id].root)


def test_the_loop_sleeps_when_there_is_nothing_to_do(kit, monkeypatch):
    """Also while it waits for the encoder."""
    turns, encoder, diary = [], kit.TinyEncoder(), kit.Diary()
    worker = kit.worker(kit.Tiny(encoder=encoder))
    original = worker._turn
    monkeypatch.setattr(worker, "_turn", lambda: turns.append(1) or original())
    with worker:
        diary.wait(worker.submit([kit.request(steps=1)], diary))
        encoder.gate.clear()
        jobs = worker.submit([kit.request("new")], diary)
        time.sleep(0.05)
        before = len(turns)
        time.sleep(0.1)
        assert len(turns) == before
        encoder.gate.set()
        diary.wait(jobs)


def test_a_deadline_wakes_a_sleeping_loop(kit):
    encoder, diary = kit.TinyEncoder(), kit.Diary()
    encoder.gate.clear()
    with kit.worker(kit.Tiny(encoder=encoder)) as worker:
        (job,) = worker.submit([kit.request(deadline=time.monotonic() + 0.1)], diary)
        diary.wait([job])
        assert isinstance(diary.errors[job.id], DeadlineExceeded)
        encoder.gate.set()


def test_encoding_never_blocks_a_running_batch(kit):
    encoder, diary = kit.TinyEncoder(), kit.Diary()
    encoder.gate.clear()
    features = encoder.features("known")
    with kit.worker(kit.Tiny(encoder=encoder)) as worker:
        (stuck,) = worker.submit([kit.request("unknown")], diary)
        (ready,) = worker.submit([kit.request("known", features=features, steps=20)], diary)
        diary.wait([ready])
        assert diary.ends(ready) == ["finished"]
        assert diary.ends(stuck) == []
        encoder.gate.set()
        diary.wait([stuck])
        assert diary.familiarity[stuck.id] == 0.5


def test_cancelling_a_thousand_jobs_at_random_moments_leaves_nothing(kit):
    program, diary = kit.Tiny(), kit.Diary()
    program.on_step = lambda: time.sleep(0.0005)
    chance = random.Random(1)
    with kit.worker(program, limits=PlanLimits(rows=32), queue=2000) as worker:
        jobs: list[Job] = []
        for _ in range(100):
            jobs += worker.submit(
                [kit.request(frames=chance.choice([4, 30]), steps=50) for _ in range(10)], diary
            )
            worker.cancel(chance.choice(jobs))
            time.sleep(chance.random() * 0.002)
        for job in chance.sample(jobs, len(jobs)):
            worker.cancel(job)
        diary.wait(jobs)
        stats = worker.stats()
        assert (stats.waiting, stats.running, stats.failures) == (0, 0, 0)
        time.sleep(0.05)
        assert worker.stats().steps == stats.steps, "the device stopped working on them"
        assert worker._waiting == worker._views == worker._running == {}
    assert all(len(diary.ends(job)) == 1 for job in jobs)
    assert sum(stats.outcomes.values()) == 1000
    assert stats.outcomes["cancelled"] > 500


def test_a_storm_ends_every_job_exactly_once(kit):
    """Threads submit everything that can go wrong, and cancel, while the worker is closed on them."""
    words = [
        "walk",
        "step!",
        "clip!",
        "nan!",
        "condition!",
        "start!",
        "encode!",
        "halfway!",
        "lazy!",
        "cost!",
    ]
    diary = kit.Diary()
    submitted: list[Job] = []
    worker = kit.worker(
        kit.Tiny("a"),
        kit.Tiny("b", encoder=kit.TinyEncoder()),
        limits=PlanLimits(memory=400, rows=8),
        queue=50,
    )
    worker.start()

    def storm(seed: int) -> None:
        chance = random.Random(seed)
        mine: list[Job] = []
        for _ in range(60):
            requests = [
                kit.request(
                    f"{chance.choice(words)} {chance.randrange(5)}",
                    model=chance.choice("ab"),
                    frames=chance.choice([3, 20, 90, 500]),
                    steps=chance.randint(1, 6),
                    priority=Priority(chance.randrange(3)),
                    deadline=chance.choice([None, time.monotonic() + chance.random() * 0.05]),
                )
                for _ in range(chance.randint(1, 4))
            ]
            try:
                mine += worker.submit(requests, diary)
            except Overloaded:
                time.sleep(0.002)
            except ShuttingDown:
                break
            if mine and chance.random() < 0.3:
                worker.cancel(chance.choice(mine))
        submitted.extend(mine)

    threads = [threading.Thread(target=storm, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    threads[0].join()
    assert worker.close(grace=0.3)
    for thread in threads[1:]:
        thread.join()
    assert len(submitted) > 100
    assert [job for job in submitted if len(diary.ends(job)) != 1] == []
    assert all(diary.events[job.id][-1] in diary.ends(job) for job in submitted), (
        "nothing comes after the end"
    )
    stats = worker.stats()
    assert (stats.waiting, stats.running, stats.failures) == (0, 0, 0)
    assert sum(stats.outcomes.values()) == len(submitted)


# ------------------------------------------------------------------------------------------ closing


def test_draining_finishes_what_runs_and_what_waits(kit):
    program, diary = kit.Tiny(), kit.Diary()
    program.on_step = lambda: time.sleep(0.001)
    worker = kit.worker(program, limits=PlanLimits(rows=2))
    worker.start()
    jobs = worker.submit([kit.request()] * 8, diary)
    assert worker.close(grace=10)
    assert len(diary.clips) == len(jobs)
    assert worker.close()


def test_when_the_grace_is_over_the_rest_fails(kit):
    program, diary = kit.Tiny(), kit.Diary()
    program.on_step = lambda: time.sleep(0.01)
    worker = kit.worker(program, limits=PlanLimits(rows=1))
    worker.start()
    jobs = worker.submit([kit.request(steps=5)] * 20, diary)
    begun = time.monotonic()
    assert worker.close(grace=0.15)
    assert time.monotonic() - begun < 5
    ends = [diary.ends(job) for job in jobs]
    assert ["failed ShuttingDown"] in ends
    assert ["finished"] in ends
    assert all(len(end) == 1 for end in ends)


@pytest.mark.parametrize("stuck_in", ["condition", "step", "clip"])
@pytest.mark.parametrize("then", ["succeeds", "raises"])
def test_a_stuck_device_keeps_nobody_waiting(kit, monkeypatch, stuck_in, then):
    monkeypatch.setattr("posewire_runtime.scheduler.worker._LAST_STEP", 0.05)
    program, diary, release, reached = kit.Tiny(), kit.Diary(), threading.Event(), threading.Event()
    original = getattr(program, stuck_in)

    def stuck(*arguments):
        reached.set()
        release.wait(20)
        if then == "raises":
            raise kit.DeviceGone
        return original(*arguments)

    setattr(program, stuck_in, stuck)
    worker = kit.worker(program)
    worker.start()
    jobs = worker.submit([kit.request(steps=1)] * 3, diary)
    assert reached.wait(10)
    assert not worker.close(grace=0.02), "the device isn't free"
    before = {job.id: list(diary.events[job.id]) for job in jobs}
    release.set()
    assert worker.close()
    assert [diary.ends(job) for job in jobs] == [["failed ShuttingDown"]] * 3
    assert {job.id: diary.events[job.id] for job in jobs} == before, "nothing comes after the end"
    assert sum(worker.stats().outcomes.values()) == 3


def test_a_listener_may_submit_and_cancel(kit):
    """Callbacks come without locks held."""

    class Chain(kit.Diary):
        def finished(self, job, clip):
            if job.id < 3:
                follow.extend(worker.submit([kit.request(), kit.request("second")], self))
                worker.cancel(follow[-1])
            super().finished(job, clip)

    diary, follow = Chain(), []
    with kit.worker() as worker:
        first = worker.submit([kit.request()], diary)
        diary.wait(first)
        diary.wait(list(follow))
    assert diary.ends(follow[0]) == ["finished"]


def test_the_thread_survives_whatever_is_thrown_at_it(kit):
    """Also what isn't an `Exception`, which would end a thread without a word."""

    class Quitter(kit.Diary):
        def started(self, job):
            raise SystemExit

    def leave():
        if quits:
            raise quits.pop()

    program, diary, quits = kit.Tiny(on_step=leave), Quitter(), [SystemExit(), GeneratorExit()]
    with kit.worker(program) as worker:
        ends = []
        for _ in range(3):
            jobs = worker.submit([kit.request()], diary)
            diary.wait(jobs)
            ends += diary.ends(jobs[0])
        assert worker.stats().failures == 2
    assert ends == ["failed DeviceError", "failed DeviceError", "finished"]

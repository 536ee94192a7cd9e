"""The loop in process: the same turns that the thread makes, driven by the test."""

from __future__ import annotations

import numpy as np
import pytest

from posewire_runtime.errors import (
    Cancelled,
    DeadlineExceeded,
    DeadlineUnreachable,
    GenerationFailed,
    InvalidConfig,
    InvalidRequest,
    Overloaded,
    ShuttingDown,
    UnknownModel,
)
from posewire_runtime.scheduler.jobs import Collector, JobState
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.types import Priority


def test_a_job_walks_through_its_life(kit):
    worker, diary = kit.worker(), kit.Diary()
    (job,) = worker.submit([kit.request(steps=3)], diary)
    assert (job.state, job.steps, worker.stats().waiting) == (JobState.WAITING, 3, 1)
    worker.run_until_idle()
    assert diary.events[job.id] == ["started", "stepped 1/3", "stepped 2/3", "stepped 3/3", "finished"]
    assert job.state is JobState.FINISHED
    assert job.run is None
    stats = worker.stats()
    assert (stats.waiting, stats.running, stats.memory, stats.steps, stats.rows) == (0, 0, 0, 3, 3)
    assert stats.outcomes == {"finished": 1}


def test_timings_name_every_stage_it_walked_through(kit):
    worker, diary = kit.worker(kit.Tiny(encoder=kit.TinyEncoder())), kit.Diary()
    (job,) = worker.submit([kit.request()], diary)
    worker.run_until_idle()
    assert set(job.timings) == {"queue", "encode", "condition", "step", "decode"}
    assert all(spent >= 0 for spent in job.timings.values())
    assert job.timings["step"] > 0


def test_a_mixed_batch_gives_what_each_gives_alone(kit):
    lengths, steps = [3, 40, 8, 17, 33, 64, 1, 7], [4, 9, 1, 2, 4, 5, 7, 4]
    requests = [
        kit.request(f"prompt {i}", frames=length, seed=100 + i, steps=n, priority=Priority(i % 3))
        for i, (length, n) in enumerate(zip(lengths, steps, strict=True))
    ]
    together, alone = kit.Diary(), kit.Diary()
    program = kit.Tiny()
    worker = kit.worker(program)
    jobs = worker.submit(requests, together)
    worker.run_until_idle()
    assert any(len(batch) > 1 for batch in program.batches), "nothing was batched"
    for job, request in zip(jobs, requests, strict=True):
        single = kit.worker()
        (same,) = single.submit([request], alone)
        single.run_until_idle()
        np.testing.assert_array_equal(together.clips[job.id].root, alone.clips[same.id].root)
        assert together.clips[job.id].frames == request.frames


def test_the_same_seed_gives_the_same_bytes(kit):
    worker, collector = kit.worker(), Collector()
    first, second, other = worker.submit([kit.request(seed=s) for s in (7, 7, 8)], collector)
    worker.run_until_idle()
    roots = [collector.clips[job.id].root.tobytes() for job in (first, second, other)]
    assert roots[0] == roots[1] != roots[2]


def test_a_job_joins_and_leaves_between_any_two_steps(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    late = []

    def join_after_two_steps():
        if len(program.batches) == 2 and not late:
            late.extend(worker.submit([kit.request("late", steps=2)], diary))

    program.on_step = join_after_two_steps
    worker.submit([kit.request("early", steps=6)], diary)
    worker.run_until_idle()
    sizes = [len(batch) for batch in program.batches]
    assert sizes == [1, 1, 1, 1, 2, 2]
    assert diary.ends(late[0]) == ["finished"]


def test_programs_are_loaded_when_somebody_needs_them(kit):
    opened = []

    def entry(program):
        return Entry(program.info, lambda: opened.append(program.name) or program)

    library = Library({name: entry(kit.Tiny(name)) for name in ("one", "two", "three")})
    worker, collector = Worker(library), Collector()
    worker.submit([kit.request(model="two"), kit.request(model="one")], collector)
    assert opened == []
    worker.run_until_idle()
    assert opened == ["two", "one"]
    assert not library.loaded("three")
    assert len(collector.clips) == 2


def test_a_model_that_cannot_be_loaded_fails_its_jobs_alone(kit):
    def broken():
        raise OSError("no such file")

    good = kit.Tiny("good")
    library = Library({"bad": Entry(kit.Tiny("bad").info, broken), "good": Entry(good.info, lambda: good)})
    worker, diary = Worker(library), kit.Diary()
    bad, fine = worker.submit([kit.request(model="bad"), kit.request(model="good")], diary)
    worker.run_until_idle()
    assert isinstance(diary.errors[bad.id], GenerationFailed)
    assert "no such file" in str(diary.errors[bad.id])
    assert diary.ends(fine) == ["finished"]


# ------------------------------------------------------------------------------------------ refusals


def test_an_unknown_model_names_the_known_ones(kit):
    worker = kit.worker(kit.Tiny("a"), kit.Tiny("b"))
    with pytest.raises(UnknownModel, match=r"\(a, b\), found '\.\./etc/passwd'"):
        worker.submit([kit.request(model="../etc/passwd")], Collector())


def test_a_full_queue_refuses_all_or_nothing(kit):
    worker, collector = kit.worker(queue=4), Collector()
    worker.submit([kit.request()] * 3, collector)
    with pytest.raises(Overloaded, match="at most 4 waiting jobs, found 3 waiting and 2 more") as refused:
        worker.submit([kit.request()] * 2, collector)
    assert refused.value.retry_after is not None
    assert 0.1 <= refused.value.retry_after <= 10
    worker.submit([kit.request()], collector)
    worker.run_until_idle()
    assert len(collector.clips) == 4
    worker.submit([kit.request()] * 4, collector)


def test_more_than_the_queue_could_ever_hold_is_no_matter_of_time(kit):
    with pytest.raises(InvalidRequest, match="at most 4 clips at once, found 5"):
        kit.worker(queue=4).submit([kit.request()] * 5, Collector())


def test_settings_that_let_nobody_in_are_refused():
    with pytest.raises(InvalidConfig) as refused:
        WorkerSettings(queue=0, limits=PlanLimits(rows=0, turn=0.0))
    assert [violation.field for violation in refused.value.violations] == [
        "worker.queue",
        "worker.limits.rows",
        "worker.limits.turn",
    ]
    assert "worker.limits.rows: expected at least 1, found 0" in str(refused.value)


def test_a_closed_worker_refuses(kit):
    worker, collector = kit.worker(), Collector()
    (job,) = worker.submit([kit.request()], collector)
    assert worker.close()
    assert list(collector.clips) == [job.id], "what was queued is done first"
    with pytest.raises(ShuttingDown):
        worker.submit([kit.request()], collector)
    with pytest.raises(ShuttingDown):
        worker.warm("tiny")
    assert worker.stats().closing


def test_a_close_without_grace_fails_what_is_left(kit):
    worker, diary = kit.worker(), kit.Diary()
    (job,) = worker.submit([kit.request()], diary)
    worker.close(grace=0)
    assert diary.ends(job) == ["failed ShuttingDown"]


def test_what_never_fits_is_told_so(kit):
    worker, diary = kit.worker(limits=PlanLimits(memory=50)), kit.Diary()
    big, small = worker.submit([kit.request(frames=51), kit.request(frames=50)], diary)
    worker.run_until_idle()
    assert isinstance(diary.errors[big.id], InvalidRequest)
    assert "at most 50 bytes, found 51" in str(diary.errors[big.id])
    assert diary.ends(small) == ["finished"]


# ------------------------------------------------------------------------------ cancels and deadlines


def test_a_cancelled_job_costs_nothing(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    (job,) = worker.submit([kit.request()], diary)
    worker.cancel(job)
    worker.cancel(job)
    worker.run_until_idle()
    assert isinstance(diary.errors[job.id], Cancelled)
    assert job.state is JobState.CANCELLED
    assert program.batches == program.conditioned == []
    worker.cancel(job)
    worker.run_until_idle()
    assert diary.events[job.id] == ["failed Cancelled"]


def test_a_cancel_stops_the_device_between_steps(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    (job,) = worker.submit([kit.request(steps=40)], diary)
    program.on_step = lambda: worker.cancel(job) if len(program.batches) == 2 else None
    worker.run_until_idle()
    assert len(program.batches) == 3, "the step under way ends, and no other begins"
    assert diary.ends(job) == ["failed Cancelled"]


def test_a_cancel_reaches_a_job_that_waits_for_room(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program, limits=PlanLimits(rows=1))
    _, waiting = worker.submit([kit.request("first", steps=3), kit.request("second")], diary)
    program.on_step = lambda: worker.cancel(waiting)
    worker.run_until_idle()
    assert diary.events[waiting.id] == ["failed Cancelled"]
    assert program.conditioned == [("first",)]


def test_deadlines_end_jobs_wherever_they_are(kit):
    clock, program, diary = kit.Clock(), kit.Tiny(), kit.Diary()
    worker = kit.worker(program, clock=clock, limits=PlanLimits(rows=1))
    running, waiting, fine = worker.submit(
        [kit.request("r", steps=9, deadline=1002.5), kit.request("w", deadline=1001.5), kit.request("f")],
        diary,
    )

    def second_passes():
        clock.now += 1

    program.on_step = second_passes
    worker.run_until_idle()
    assert isinstance(diary.errors[waiting.id], DeadlineExceeded)
    assert isinstance(diary.errors[running.id], DeadlineExceeded)
    assert "at step 3 of 9" in str(diary.errors[running.id])
    assert diary.ends(fine) == ["finished"]
    assert "w" not in {prompt for batch in program.batches for prompt in batch}


def test_a_deadline_that_cannot_be_met_is_refused_before_anything_is_spent(kit, monkeypatch):
    ticks = iter(range(0, 10**15, 10**9))
    monkeypatch.setattr("posewire_runtime.scheduler.executor.time.perf_counter_ns", lambda: next(ticks))
    clock, program, diary = kit.Clock(), kit.Tiny(), kit.Diary()
    worker = kit.worker(program, clock=clock)
    worker.submit([kit.request(steps=3)], diary)
    worker.run_until_idle()  # every step took a second
    steps = len(program.batches)
    late, tight = worker.submit(
        [kit.request(steps=9, deadline=1008), kit.request(steps=7, deadline=1008)], diary
    )
    worker.run_until_idle()
    assert isinstance(diary.errors[late.id], DeadlineUnreachable)
    assert diary.events[late.id] == ["failed DeadlineUnreachable"]
    assert diary.ends(tight) == ["finished"]
    assert len(program.batches) == steps + 7


# ------------------------------------------------------------------------------------------ failures


@pytest.mark.parametrize(
    "fault", ["condition!", "start!", "step!", "clip!", "nan!", "failed!", "lazy!", "cost!"]
)
def test_a_failure_is_confined_to_its_job(kit, fault):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    good, bad, fine = worker.submit(
        [kit.request("a", seed=1), kit.request(fault), kit.request("b", seed=2)], diary
    )
    worker.run_until_idle()
    assert diary.ends(bad) == ["failed GenerationFailed"]
    assert diary.ends(good) == diary.ends(fine) == ["finished"]
    alone, collector = kit.worker(), Collector()
    (same,) = alone.submit([kit.request("a", seed=1)], collector)
    alone.run_until_idle()
    np.testing.assert_array_equal(diary.clips[good.id].root, collector.clips[same.id].root)
    assert worker.stats().failures == 0
    assert worker.stats().running == 0


def test_a_run_that_a_failed_step_moved_is_not_stepped_twice(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    moved, guilty, fine = worker.submit([kit.request("a"), kit.request("halfway!"), kit.request("b")], diary)
    worker.run_until_idle()
    assert diary.ends(moved) == ["failed DeviceError"]
    assert "halfway" in str(diary.errors[moved.id])
    assert diary.ends(guilty) == ["failed GenerationFailed"]
    assert diary.ends(fine) == ["finished"]


def test_a_lost_device_fails_its_batches_and_the_model_is_opened_anew(kit):
    opened, diary = [], kit.Diary()

    def reopen():
        opened.append(kit.Tiny(broken=not opened))
        return opened[-1]

    library = Library({"tiny": Entry(kit.Tiny().info, reopen)})
    worker = Worker(library, WorkerSettings(limits=PlanLimits(rows=2), check=True))
    frames = [8, 60, 200, 8, 8]
    jobs = worker.submit([kit.request(frames=n) for n in frames], diary)
    worker.run_until_idle()
    ends = [diary.ends(job)[0] for job in jobs]
    # One fails, a third takes its room, the second batch fails: the running two are void.
    assert ends == ["failed DeviceError"] * 3 + ["finished"] * 2, "those who waited never noticed"
    assert diary.errors[jobs[0].id].retry_after == 2.0
    assert [program.closed for program in opened] == [1, 0]


def test_a_lost_model_that_cannot_be_opened_again_fails_those_who_wait(kit):
    opened, diary = [], kit.Diary()

    def once():
        if opened:
            raise OSError("no device")
        opened.append(kit.Tiny(broken=True))
        return opened[0]

    library = Library({"tiny": Entry(kit.Tiny().info, once)})
    worker = Worker(library, WorkerSettings(limits=PlanLimits(rows=1), check=True))
    jobs = worker.submit([kit.request()] * 4, diary)
    worker.run_until_idle()
    assert [diary.ends(job)[0] for job in jobs[:2]] == ["failed DeviceError"] * 2
    assert all("no device" in str(diary.errors[job.id]) for job in jobs[2:])
    assert worker.stats().failures == 0


def test_a_row_that_advances_shows_that_the_device_is_there(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    for prompts in (["step!"], ["step!", "fine"], ["step!"]):
        worker.submit([kit.request(prompt, steps=2) for prompt in prompts], diary)
        worker.run_until_idle()
    assert program.closed == 0


def test_one_bad_batch_does_not_close_a_model(kit):
    program, diary = kit.Tiny(), kit.Diary()
    worker = kit.worker(program)
    worker.submit([kit.request("step!")], diary)
    worker.run_until_idle()
    worker.submit([kit.request("fine")], diary)
    worker.run_until_idle()
    worker.submit([kit.request("step!")], diary)
    worker.run_until_idle()
    assert program.closed == 0


class Nuisance(Collector):
    """Raises wherever it can."""

    def started(self, job):
        raise RuntimeError("started")

    def stepped(self, job):
        raise RuntimeError("stepped")

    def finished(self, job, clip):
        super().finished(job, clip)
        raise RuntimeError("finished")

    def failed(self, job, error):
        super().failed(job, error)
        raise RuntimeError("failed")


def test_a_failing_listener_hurts_nobody(kit):
    worker, nuisance, diary = kit.worker(), Nuisance(), kit.Diary()
    loud, broken = worker.submit([kit.request(), kit.request("clip!")], nuisance)
    (quiet,) = worker.submit([kit.request()], diary)
    worker.run_until_idle()
    assert diary.ends(quiet) == ["finished"]
    assert list(nuisance.clips) == [loud.id]
    assert list(nuisance.errors) == [broken.id]
    assert worker.stats().failures == 0
    counted = {family.name: family for family in worker.metrics.collect()}["posewire_listener_errors_total"]
    assert counted.samples[0].value > 4


def test_a_bug_of_the_loop_answers_everybody_and_the_loop_goes_on(kit, monkeypatch):
    worker, diary = kit.worker(), kit.Diary()
    jobs = worker.submit([kit.request(), kit.request()], diary)
    with monkeypatch.context() as patch:
        patch.setattr("posewire_runtime.scheduler.worker.plan", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            worker.run_until_idle()
    assert [diary.ends(job) for job in jobs] == [["failed DeviceError"]] * 2
    (job,) = worker.submit([kit.request()], diary)
    worker.run_until_idle()
    assert diary.ends(job) == ["finished"]
    assert worker.stats().failures == 1


def test_a_job_that_arrives_while_the_loop_breaks_gets_its_answer_too(kit, monkeypatch):
    worker, diary = kit.worker(), kit.Diary()
    jobs = list(worker.submit([kit.request()], diary))

    def arrive_and_break(*_):
        jobs.extend(worker.submit([kit.request()], diary))
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr("posewire_runtime.scheduler.worker.plan", arrive_and_break)
        with pytest.raises(ZeroDivisionError):
            worker.run_until_idle()
    worker.run_until_idle()
    assert [diary.ends(job) for job in jobs] == [["failed DeviceError"]] * 2
    assert worker.stats().waiting == 0

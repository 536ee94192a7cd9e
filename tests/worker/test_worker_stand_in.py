"""The worker with the stand-in model: a real program, characters to retarget to, faults on purpose."""

from __future__ import annotations

import numpy as np
import pytest

from posewire_runtime.errors import DeviceError, GenerationFailed, InvalidRequest
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.scheduler.jobs import Collector, Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.types import Clip, Priority, Request, Sampling, Skeleton, Target

PROMPTS = ["a person waves", "walk forward", "stand still", "run in a circle"]
MIXED = [
    Request(
        PROMPTS[i % 4],
        "stand-in",
        frames=[30, 90, 121, 240][i % 4],
        seed=2**40 + i,
        sampling=Sampling(steps=1 + i % 3),
        priority=Priority(i % 3),
    )
    for i in range(8)
]


def made(requests: list[Request], program: FakeProgram | None = None) -> tuple[list[Job], Collector]:
    """Everything that becomes of these requests together."""
    worker = Worker(Library.of(program or FakeProgram()), WorkerSettings(check=True))
    collector = Collector()
    jobs = worker.submit(requests, collector)
    worker.run_until_idle()
    assert worker.stats().failures == 0
    return list(jobs), collector


def arrays(clip: Clip) -> tuple[bytes, bytes, bytes]:
    return clip.rotations.tobytes(), clip.root.tobytes(), clip.contacts.tobytes()


@pytest.mark.parametrize("with_encoder", [False, True])
def test_eight_mixed_requests_give_what_each_gives_alone_twice(kit, with_encoder):
    def program():
        return FakeProgram(encoder=kit.TinyEncoder() if with_encoder else None)

    busy = program()
    jobs, together = made(MIXED, busy)
    assert busy.steps_made < busy.rows_stepped, "nothing was batched"
    again_jobs, again = made(MIXED, program())
    for job, same, request in zip(jobs, again_jobs, MIXED, strict=True):
        (single,), alone = made([request], program())
        expected = arrays(alone.clips[single.id])
        assert arrays(together.clips[job.id]) == expected
        assert arrays(again.clips[same.id]) == expected


def test_a_clip_is_retargeted_after_it_is_decoded():
    names = tuple(f"bone_{name}" for name in SMPL22.names)
    tall = Skeleton(
        names, SMPL22.parents, SMPL22.positions * np.float32(1.5), pelvis=0, sole=SMPL22.sole * 1.5
    )
    target = Target(tall, dict(zip(SMPL22.names, names, strict=True)))
    plain = Request("walk forward", "stand-in", 60, 3)
    jobs, collector = made([plain, Request("walk forward", "stand-in", 60, 3, target=target)])
    own, other = (collector.clips[job.id] for job in jobs)
    assert other.skeleton.names == names
    assert arrays(other) == arrays(retarget(own, target))
    assert "post" in jobs[1].timings
    assert "post" not in jobs[0].timings


def test_a_target_that_cannot_be_used_fails_its_job_alone():
    target = Target(Skeleton(("box",), (-1,), np.zeros((1, 3), np.float32)), {})
    jobs, collector = made(
        [Request("walk", "stand-in", 30, 1, target=target), Request("walk", "stand-in", 30, 1)]
    )
    assert isinstance(collector.errors[jobs[0].id], InvalidRequest)
    assert jobs[1].id in collector.clips


@pytest.mark.parametrize(
    ("faults", "error"),
    [
        (Faults(condition_word="waves"), GenerationFailed),
        (Faults(step_word="waves"), DeviceError),
        (Faults(not_finite_word="waves"), GenerationFailed),
        (Faults(clip_word="waves"), GenerationFailed),
    ],
)
def test_every_fault_of_the_stand_in_is_confined(faults, error):
    jobs, collector = made(MIXED, FakeProgram(faults=faults))
    _, sound = made(MIXED)
    for job, request in zip(jobs, MIXED, strict=True):
        if "waves" in request.prompt:
            assert isinstance(collector.errors[job.id], error)
        else:
            assert arrays(collector.clips[job.id]) == arrays(sound.clips[job.id])

"""Programs that come and go: a memory budget, models that are replaced, and a device that hangs."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from posewire_runtime.errors import DeviceError, GenerationFailed, InvalidConfig, UnknownModel
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker, WorkerSettings


@dataclass
class Shop:
    """Opens programs and remembers them."""

    kit: Any
    opened: list[str] = field(default_factory=list)
    programs: list[Any] = field(default_factory=list)

    def entry(self, name: str, nbytes: int = 10, gate: threading.Event | None = None, **fields) -> Entry:
        def open():
            if gate is not None:
                assert gate.wait(10)
            program = self.kit.Tiny(name, **fields)
            self.opened.append(name)
            self.programs.append(program)
            return program

        return Entry(self.kit.Tiny(name).info, open, nbytes)


@pytest.fixture
def shop(kit):
    return Shop(kit)


def worker_of(library, **limits):
    return Worker(library, WorkerSettings(limits=PlanLimits(**limits), check=True))


def make(worker, kit, *models, **fields):
    """One clip of each model, one after the other."""
    diary = kit.Diary()
    for model in models:
        [job] = worker.submit([kit.request(model=model, **fields)], diary)
        worker.run_until_idle()
        assert diary.ends(job) == ["finished"]


def test_the_longest_unused_model_makes_room(kit, shop):
    library = Library({name: shop.entry(name) for name in "abc"}, memory=25)
    worker = worker_of(library)
    make(worker, kit, "a", "b", "a", "c", "a", "b")
    assert shop.opened == ["a", "b", "c", "b"], "b was the longest unused when c came, then c was"
    assert [program.closed for program in shop.programs] == [0, 1, 1, 0]
    assert library.nbytes == 20


def test_pinned_models_stay(kit, shop):
    library = Library({name: shop.entry(name) for name in "abc"}, memory=25, pinned=["a"])
    make(worker_of(library), kit, "a", "b", "c", "b")
    assert shop.opened == ["a", "b", "c", "b"]
    assert library.loaded("a")


def test_a_model_that_can_never_fit_says_so(kit, shop):
    entries = {"big": shop.entry("big", 100), "small": shop.entry("small", 10)}
    worker, diary = worker_of(Library(entries, memory=50)), kit.Diary()
    big, small = worker.submit([kit.request(model="big"), kit.request(model="small")], diary)
    worker.run_until_idle()
    assert isinstance(diary.errors[big.id], InvalidConfig)
    assert "models.memory" in str(diary.errors[big.id])
    assert diary.ends(small) == ["finished"]
    with pytest.raises(InvalidConfig, match="expected pinned models of at most 50 bytes, found 100"):
        Library(entries, memory=50, pinned=["big"])
    with pytest.raises(UnknownModel):
        Library(entries, pinned=["nobody"])


def test_a_model_in_use_is_not_closed(kit, shop):
    library = Library({name: shop.entry(name) for name in "ab"}, memory=10)
    worker, diary = worker_of(library), kit.Diary()
    first, second = worker.submit([kit.request(model="a", steps=5), kit.request(model="b", steps=2)], diary)
    worker.run_until_idle()
    assert diary.ends(first) == diary.ends(second) == ["finished"]
    assert shop.opened == ["a", "b"]
    assert shop.programs[0].closed == 1
    assert len(shop.programs[0].batches) == 5, "it made all its steps before it was closed"


def test_a_stream_of_requests_for_one_model_cannot_keep_another_out(kit, shop):
    """Once somebody waited long enough, the models in the way take nothing new."""
    clock = kit.Clock()
    library = Library({name: shop.entry(name) for name in "ab"}, memory=10)
    worker, diary = Worker(library, WorkerSettings(check=True), clock=clock), kit.Diary()
    worker.submit([kit.request(model="a", steps=8)], diary)
    worker._turn()
    worker._turn()
    shop.programs[0].on_step = lambda: (
        setattr(clock, "now", clock.now + 1.0),
        worker.submit([kit.request(model="a", steps=8)], diary) if clock.now < 1040 else None,
    )
    [waiting] = worker.submit([kit.request(model="b")], diary)
    worker.run_until_idle()
    assert diary.ends(waiting) == ["finished"]
    order = list(diary.clips)
    assert 0 < order.index(waiting.id) < len(order) - 1, "before many that came later"
    assert shop.opened == ["a", "b", "a"]


def test_steps_go_on_while_a_model_is_opened(kit, shop):
    gate, diary = threading.Event(), kit.Diary()
    fine = shop.entry("fine")
    library = Library({"fine": fine, "slow": shop.entry("slow", gate=gate)})
    with worker_of(library) as worker:
        diary.wait(worker.submit([kit.request(model="fine")], diary))
        slow = worker.submit([kit.request(model="slow")], diary)
        quick = worker.submit([kit.request(model="fine")] * 3, diary)
        diary.wait(quick)
        assert diary.ends(slow[0]) == []
        gate.set()
        diary.wait(slow)
    assert diary.ends(slow[0]) == ["finished"]


def test_a_replaced_program_ends_its_runs_and_new_ones_get_the_other(kit, shop):
    library = Library({"tiny": shop.entry("tiny")})
    worker, diary = worker_of(library), kit.Diary()
    [old] = worker.submit([kit.request(steps=6)], diary)
    while len(shop.programs) == 0 or len(shop.programs[0].batches) < 2:
        worker._turn()
    renewed = worker.renew("tiny", shop.entry("tiny"))
    worker._turn()
    worker._turn()
    assert renewed.result(0) == 0
    [new] = worker.submit([kit.request(steps=6)], diary)
    worker.run_until_idle()
    assert diary.ends(old) == diary.ends(new) == ["finished"]
    assert [len(program.batches) for program in shop.programs] == [6, 6], "they never shared a step"
    assert [program.closed for program in shop.programs] == [1, 0]


def test_who_waits_with_old_features_gets_new_ones(kit, shop):
    first, second = kit.TinyEncoder(), kit.TinyEncoder()
    second.fingerprint = "another"
    library = Library({"tiny": shop.entry("tiny", encoder=first)})
    worker, diary = worker_of(library, rows=1), kit.Diary()
    jobs = worker.submit([kit.request(prompt, steps=3) for prompt in ("a", "b")], diary)
    worker._turn()
    for _ in range(3):
        worker._turn()
    renewed = worker.renew("tiny", shop.entry("tiny", encoder=second))
    worker.run_until_idle()
    assert renewed.result(0) == 0
    assert [diary.ends(job) for job in jobs] == [["finished"]] * 2
    assert second.batches, "the prompt that still waited was encoded by the new encoder"


def test_a_package_that_cannot_be_opened_leaves_the_old_one_in_place(kit, shop):
    def broken():
        raise OSError("half a file")

    library = Library({"tiny": shop.entry("tiny")})
    worker = worker_of(library)
    make(worker, kit, "tiny")
    renewed = worker.renew("tiny", replace(shop.entry("tiny"), open=broken))
    worker.run_until_idle()
    with pytest.raises(GenerationFailed, match="half a file"):
        renewed.result(0)
    make(worker, kit, "tiny")
    assert shop.opened == ["tiny"]
    assert library.loaded("tiny")


def test_a_model_that_nobody_opened_is_replaced_without_opening_it(kit, shop):
    library = Library({"tiny": shop.entry("tiny", 10)})
    worker = worker_of(library)
    renewed = worker.renew("tiny", shop.entry("tiny", 20))
    worker.run_until_idle()
    assert renewed.result(0) == 0
    assert (shop.opened, library.entry("tiny").nbytes) == ([], 20)


def test_a_model_degrades_after_repeats_and_heals_with_a_good_clip(kit):
    worker, diary = kit.worker(kit.Tiny(), kit.Tiny("other"), degraded=2), kit.Diary()
    gauge = worker.metrics.gauge(
        "posewire_model_degraded", "1 while a model makes nothing but numbers that are none.", ["model"]
    )
    for prompt, found in [("nan!", set()), ("fine", set()), ("nan!", set()), ("failed!", {"tiny"})]:
        worker.submit([kit.request(prompt)], diary)
        worker.run_until_idle()
        assert worker.degraded() == found
    assert gauge.value("tiny") == 1
    worker.submit([kit.request("nan!", model="other"), kit.request("fine")], diary)
    worker.run_until_idle()
    assert worker.degraded() == set()
    assert gauge.value("tiny") == 0


def test_a_device_that_hangs_is_noticed_and_nobody_waits_for_it(kit):
    stuck, program, diary = threading.Event(), kit.Tiny(), kit.Diary()
    with kit.worker(program) as worker:
        assert worker.turn_seconds() == 0.0
        program.on_step = lambda: stuck.wait(10)
        jobs = worker.submit([kit.request(str(i), steps=3) for i in range(3)], diary)
        while worker.turn_seconds() < 0.05:
            pass
        jobs += worker.submit([kit.request("late")], diary)
        worker.give_up(DeviceError("it hangs"))
        diary.wait(jobs, 1.0)
        assert all(isinstance(diary.errors[job.id], DeviceError) for job in jobs)
        stuck.set()
        [after] = worker.submit([kit.request("after")], diary)
        diary.wait([after])
        assert diary.ends(after) == ["finished"], "the device came back, and with it the work"
        assert worker.stats().failures == 0
    assert [len(diary.ends(job)) for job in jobs] == [1] * 4

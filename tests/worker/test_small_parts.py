"""Metrics, step costs, invariants and confinement, each alone."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from posewire_runtime.errors import DeviceError, GenerationFailed, InvalidRequest
from posewire_runtime.metrics import STAGES, Distribution, Metrics, Sample, Stage
from posewire_runtime.scheduler.confine import as_failure, confined
from posewire_runtime.scheduler.costs import CallCosts
from posewire_runtime.scheduler.invariants import InvariantBroken, Snapshot, check_invariants
from posewire_runtime.scheduler.jobs import expected_steps
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.planner import PlanLimits, Running, Text, Waiting

# ------------------------------------------------------------------------------------------- metrics


def test_the_stages_in_their_order():
    words = "queue tokenise encode condition step decode post pack send client"
    assert " ".join(STAGES) == words
    assert Stage.STEP == "step"


def test_counters_and_gauges_by_label():
    metrics = Metrics()
    counter, gauge = metrics.counter("c", "count", ["code"]), metrics.gauge("g", "level")
    counter.add(1, "ok")
    counter.add(2, "ok")
    counter.add(1, "bad")
    gauge.set(5)
    gauge.add(-2)
    assert counter.value("ok") == 3
    assert counter.value("never") == 0
    first, second = metrics.collect()
    assert first.samples == (Sample(("ok",), 3), Sample(("bad",), 1))
    assert (first.kind, first.labels) == ("counter", ("code",))
    assert second.samples == (Sample((), 3),)


def test_a_histogram_counts_cumulatively():
    histogram = Metrics().histogram("h", "sizes", bounds=(1, 2, 4))
    for value in (0.5, 1, 1.5, 4, 9):
        histogram.observe(value)
    assert histogram.collect().distributions == (Distribution((), (2, 3, 4, 5), 16.0),)


def test_a_registry_gives_the_same_metric_again_and_refuses_another_kind():
    metrics = Metrics()
    assert metrics.counter("c", "count") is metrics.counter("c", "count")
    with pytest.raises(ValueError, match=r"c is a counter .* asked for as a gauge"):
        metrics.gauge("c", "level")
    with pytest.raises(ValueError, match="only grows"):
        metrics.counter("c", "count").add(-1)
    with pytest.raises(ValueError, match="expected values for labels"):
        metrics.counter("c", "count").add(1, "surplus")


def test_counting_from_many_threads_loses_nothing():
    counter, histogram = Metrics().counter("c", "count"), Metrics().histogram("h", "sizes")

    def count() -> None:
        for _ in range(2000):
            counter.add()
            histogram.observe(1)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.value() == 8000
    assert histogram.collect().distributions[0].counts[-1] == 8000


# --------------------------------------------------------------------------------------------- costs


def test_costs_take_the_least_of_the_recent():
    costs = CallCosts()
    costs.record("a", 5.0, now=0)
    assert costs.current(0) == {}, "the first is the warm-up's"
    costs.record("a", 0.2, now=1)
    costs.record("a", 0.3, now=2)
    costs.record("b", 1.0, now=2)
    assert costs.current(3) == {"a": 0.2}
    for now in range(8):
        costs.record("a", 0.4, now=now)
    assert costs.current(8) == {"a": 0.4}


def test_old_costs_are_forgotten():
    costs = CallCosts()
    for _ in range(3):
        costs.record("a", 5.0, now=0)
    assert costs.current(9.9) == {"a": 5.0}
    assert costs.current(10.0) == {}


# ---------------------------------------------------------------------------------------- invariants


def waiting(id: int) -> Waiting:
    return Waiting(id, "m", 1, 0.0, None, False, 10, 4, "m", Text.READY)


def running(id: int, position: int = 1, finished: bool = False) -> Running:
    return Running(id, "m", 8, "m", 1, None, False, 10, position, 4, finished, 0.0, 8)


LIMITS = PlanLimits(rows=3, memory=30)
SOUND = Snapshot((waiting(4), waiting(5)), (running(1), running(2)), LIMITS, queue=2)


def test_a_sound_snapshot_passes():
    check_invariants(SOUND)
    later = replace(SOUND, running=(running(2, 2), running(4)), waiting=(waiting(5), waiting(6)))
    check_invariants(later, SOUND)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"waiting": (waiting(1),)}, r"jobs \[1\] stand in more than one place"),
        ({"queue": 1}, "at most 1 waiting jobs, found 2"),
        ({"running": tuple(running(i) for i in range(6, 10))}, "at most 3 running jobs, found 4"),
        ({"limits": PlanLimits(memory=19)}, "at most 19 bytes, found 20"),
        ({"running": (running(1, position=5),)}, "job 1 is at step 5 of 4"),
        ({"running": (running(1, position=4),)}, "job 1 made all of its 4 steps and isn't finished"),
    ],
)
def test_a_broken_snapshot_says_what_is_wrong(changes, message):
    with pytest.raises(InvariantBroken, match=message):
        check_invariants(replace(SOUND, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"waiting": (waiting(1),), "running": ()}, "job 1 went back from running to waiting"),
        ({"running": (running(3),)}, "job 3 came back after it had ended"),
        ({"running": (running(1, position=0),)}, "job 1 went back from step 1 to 0"),
    ],
)
def test_a_broken_change_says_what_is_wrong(changes, message):
    with pytest.raises(InvariantBroken, match=message):
        check_invariants(replace(SOUND, **changes), SOUND)


# ----------------------------------------------------------------------------------- confined failures


def halves(numbers):
    if any(number % 2 for number in numbers):
        raise ValueError("odd")
    return [number // 2 for number in numbers]


def test_one_bad_item_takes_down_only_itself():
    results = confined([2, 3, 4], halves)
    assert results[::2] == [1, 2]
    assert isinstance(results[1], ValueError)


def test_a_batch_without_bad_items_is_one_call():
    calls = []
    assert confined([2, 4], lambda items: calls.append(items) or halves(items)) == [1, 2]
    assert calls == [[2, 4]]


def test_results_of_the_wrong_number_are_a_failure():
    assert all(isinstance(result, GenerationFailed) for result in confined([1, 2], lambda _: []))


def test_errors_raised_on_purpose_stay_as_they_are():
    meant, accident = InvalidRequest("no"), ValueError("oops")
    assert as_failure(meant, "decoding") is meant
    failure = as_failure(accident, "decoding", DeviceError)
    assert isinstance(failure, DeviceError)
    assert str(failure) == "decoding failed: ValueError: oops"
    assert failure.__cause__ is accident


# ------------------------------------------------------------------------------------ jobs and library


def test_expected_steps(kit):
    info = kit.Tiny().info
    assert expected_steps(kit.request(steps=7), info) == 7
    assert expected_steps(kit.request(), info) == 4
    best = replace(kit.request().sampling, preset="best")
    assert expected_steps(kit.request(sampling=best), info) == 9


def test_a_library_knows_its_models(kit):
    one, two = kit.Tiny("one"), kit.Tiny("two")
    library = Library.of(one, two)
    assert (library.default, library.names()) == ("one", ("one", "two"))
    assert Library({"x": library._entries["two"], "y": library._entries["one"]}, "y").names() == ("y", "x")
    assert library.program("two") is two
    library.close()
    assert (one.closed, two.closed) == (1, 1)
    with pytest.raises(ValueError, match="at least one model"):
        Library({})

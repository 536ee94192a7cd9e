"""Runs side by side: each gives what it gives alone, whoever does it, and a broken one hurts no other."""

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire_runtime.device.engine import Engine, Graph
from posewire_runtime.device.lanes import Lanes
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError

GRAPH = Path(__file__).parent / "graphs" / "affine.onnx"
DRAW = np.random.default_rng(1)


@pytest.fixture(params=[1, 2, 4])
def lanes(request: pytest.FixtureRequest) -> Iterator[Lanes]:
    made = Lanes(request.param)
    yield made
    made.close()


@pytest.fixture(scope="module")
def graph() -> Graph:
    return Engine(EngineSettings(threads=2)).load(GRAPH, threads=1)


def runs(graph: Graph, feeds: Sequence[dict[str, Any]]) -> list[Callable[[], dict[str, Any]]]:
    return [partial(graph.run, one) for one in feeds]


def fed(rows: int) -> dict[str, Any]:
    return {"x": DRAW.standard_normal((rows, 4), np.float32)}


def helpers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "posewire-lane"}


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_gets_its_own_answer(lanes: Lanes, graph: Graph, count: int) -> None:
    alone = Engine(EngineSettings(threads=2)).load(GRAPH)
    for _ in range(20):
        feeds = [fed(rows) for rows in range(1, count + 1)]
        for one, made in zip(feeds, lanes.run(runs(graph, feeds)), strict=True):
            np.testing.assert_array_equal(made["y"], alone.run(one)["y"])


@pytest.mark.parametrize("broken", [0, 1, 4])
def test_an_error_is_raised_and_the_next_runs_go_well(lanes: Lanes, graph: Graph, broken: int) -> None:
    feeds = [fed(2) for _ in range(5)]
    feeds[broken] = {"x": np.zeros((2, 3), np.float32)}
    with pytest.raises(PackageError, match="refuses what its program feeds it"):
        lanes.run(runs(graph, feeds))
    assert len(lanes.run(runs(graph, feeds[:broken] + feeds[broken + 1 :]))) == 4


def test_what_helpers_do_not_begin_the_caller_does() -> None:
    lanes, begun, done = Lanes(2), threading.Event(), threading.Event()

    def who(before: threading.Event | None, after: threading.Event | None) -> str:
        if after is not None:
            after.set()
        assert before is None or before.wait(10)
        return threading.current_thread().name

    here = threading.current_thread().name
    tasks = [partial(who, begun, None), partial(who, done, begun), partial(who, None, done)]
    assert lanes.run(tasks) == [here, "posewire-lane", here]
    lanes.close()


def test_threads_begin_with_the_first_run_and_end_at_close() -> None:
    before = helpers()
    lanes = Lanes(3)
    assert helpers() == before
    lanes.run([threading.get_ident])
    assert len(helpers() - before) == 2
    lanes.close()
    assert helpers() == before

"""Runs side by side: each gives what it gives alone, whoever does it, and a broken one hurts no other."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire_runtime.device.engine import Engine
from posewire_runtime.device.lanes import Lanes
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError

GRAPH = Path(__file__).parent / "graphs" / "affine.onnx"
DRAW = np.random.default_rng(1)


@pytest.fixture(params=[1, 2, 4])
def lanes(request: pytest.FixtureRequest) -> Iterator[Lanes]:
    made = Lanes(Engine(EngineSettings(threads=1)).load(GRAPH), request.param)
    yield made
    made.close()


def fed(rows: int) -> dict[str, Any]:
    return {"x": DRAW.standard_normal((rows, 4), np.float32)}


def helpers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "posewire-lane"}


@pytest.mark.parametrize("count", [1, 2, 7])
def test_each_gets_its_own_answer(lanes: Lanes, count: int) -> None:
    alone = Engine(EngineSettings(threads=2)).load(GRAPH)
    for _ in range(20):
        feeds = [fed(rows) for rows in range(1, count + 1)]
        for one, made in zip(feeds, lanes.run(feeds), strict=True):
            np.testing.assert_array_equal(made["y"], alone.run(one)["y"])


@pytest.mark.parametrize("broken", [0, 1, 4])
def test_an_error_is_raised_and_the_next_runs_go_well(lanes: Lanes, broken: int) -> None:
    feeds = [fed(2) for _ in range(5)]
    feeds[broken] = {"x": np.zeros((2, 3), np.float32)}
    with pytest.raises(PackageError, match="refuses what its program feeds it"):
        lanes.run(feeds)
    assert len(lanes.run(feeds[:broken] + feeds[broken + 1 :])) == 4


def test_what_helpers_do_not_begin_the_caller_does() -> None:
    lanes = Lanes(Engine(EngineSettings(threads=1)).load(GRAPH), 2)
    blocked = threading.Event()
    lanes._help = blocked.wait  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue]
    assert len(lanes.run([fed(1), fed(2), fed(3)])) == 3
    blocked.set()
    lanes.close()


def test_threads_begin_with_the_first_run_and_end_at_close() -> None:
    before = helpers()
    lanes = Lanes(Engine(EngineSettings(threads=1)).load(GRAPH), 3)
    assert helpers() == before
    lanes.run([fed(1), fed(1)])
    assert len(helpers() - before) == 2
    lanes.close()
    assert helpers() == before

"""Searching grids on a flow whose end is known."""

import math

import numpy as np
import pytest

from posewire_export.grid_search import search_grid
from posewire_runtime.sampling.schedule import Schedule, advance, even_times
from posewire_runtime.types import Float


def flow_error(times: tuple[float, ...], solver: str = "ab2", deviation: float = 0.05) -> float:
    """Error of the flow from unit noise to a narrow Gaussian, which ends at deviation * x."""
    walk = Schedule(times, solver)
    start = x = np.linspace(-2, 2, 9, dtype=np.float32)
    history: list[Float] = []
    for step, t in enumerate(times[:-1]):
        variance = (1 - t) ** 2 + (t * deviation) ** 2
        history = [np.float32((t * deviation**2 - (1 - t)) / variance) * x, *history][: walk.order]
        x = advance(x, history, walk.weights(step))
    return float(np.abs(x - deviation * start).max())


@pytest.mark.parametrize("steps", [2, 4, 8])
@pytest.mark.parametrize("solver", ["euler", "ab2"])
def test_the_grid_found_is_much_better_than_the_even_one(steps: int, solver: str) -> None:
    found = search_grid(lambda times: flow_error(times, solver), steps)
    assert found.even_error == flow_error(even_times(steps), solver)
    assert found.error == flow_error(found.times, solver)
    assert found.error < 0.7 * found.even_error
    assert len(found.times) == steps + 1
    assert found.tried <= 80
    Schedule(found.times).weights(0)


def test_the_same_search_finds_the_same() -> None:
    assert search_grid(flow_error, 4, 30) == search_grid(flow_error, 4, 30)


@pytest.mark.parametrize("budget", [1, 2, 7])
def test_the_budget_is_kept_and_the_result_never_worse_than_even(budget: int) -> None:
    found = search_grid(flow_error, 6, budget)
    assert found.tried <= budget
    assert found.error <= found.even_error


def test_one_step_has_but_one_grid() -> None:
    assert search_grid(flow_error, 1).times == (0, 1)


def test_grids_that_give_no_number_are_never_taken() -> None:
    even = even_times(4)
    found = search_grid(lambda times: 1.0 if np.allclose(times, even) else math.nan, 4)
    assert np.allclose(found.times, even)
    assert search_grid(lambda _: math.nan, 4).error == math.inf

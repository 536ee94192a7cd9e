"""Grids, solvers and guidance against analytic flows, polynomials and the reference's formula."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.errors import InvalidRequest
from posewire_runtime.sampling import schedule
from posewire_runtime.sampling.schedule import SOLVERS, Schedule
from posewire_runtime.types import Float, Limits, Preset, Sampling

LIMITS = Limits(min_frames=20, max_frames=360, max_steps=100)
SEARCHED = (0.0, 0.1, 0.3, 0.6, 1.0)
PRESETS = {
    "fast": Preset(steps=8, solver="ab2"),
    "preview": Preset(steps=4, solver="ab2", times=SEARCHED, guidance=3.0, interval=(0.2, 0.8)),
    "reference": Preset(steps=50),
}

NOTHING_ASKED = Sampling()

gaps = st.lists(st.floats(0.1, 10), min_size=4, max_size=12)


def resolve(sampling: Sampling = NOTHING_ASKED, limits: Limits = LIMITS) -> Schedule:
    return schedule.resolve(sampling, PRESETS, "fast", limits, default_guidance=5.0)


def integrate(velocity: Callable[[Float, float], Float], x: Float, walk: Schedule) -> Float:
    """What a program does, without a network."""
    history: list[Float] = []
    for step in range(walk.steps):
        history = [velocity(x, walk.times[step]), *history][: walk.order]
        x = schedule.advance(x, history, walk.weights(step))
    return x


# ---- solvers ----------------------------------------------------------------


def test_euler_equals_the_references_formula_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    walk = Schedule(schedule.even_times(50))
    expected = found = rng.standard_normal((7, 201)).astype(np.float32)
    times = np.array(walk.times, np.float32)
    for step in range(50):
        velocity = rng.standard_normal((7, 201)).astype(np.float32)
        expected = expected + (times[step + 1] - times[step]) * velocity
        found = schedule.advance(found, [velocity], walk.weights(step))
    assert found.dtype == np.float32
    assert np.array_equal(found, expected)


@given(gaps, st.sampled_from([2, 3]))
def test_a_solver_integrates_polynomials_below_its_order_exactly(spacing: list[float], order: int) -> None:
    """Once its history is full: dx/dt = t^m gives x(1) - x(t) = (1 - t^(m + 1)) / (m + 1)."""
    times = schedule.spaced_times(spacing)
    for m in range(order):
        total = 0.0
        for step in range(order - 1, len(times) - 1):
            weights = schedule.solver_weights(times, step, order)
            total += sum(w * times[step - k] ** m for k, w in enumerate(weights))
        expected = (1 - times[order - 1] ** (m + 1)) / (m + 1)
        assert total == pytest.approx(expected, abs=2e-5)


@given(gaps, st.sampled_from(sorted(SOLVERS.values())))
def test_weights_of_a_step_sum_to_its_width(spacing: list[float], order: int) -> None:
    times = schedule.spaced_times(spacing)
    for step in range(len(times) - 1):
        weights = schedule.solver_weights(times, step, order)
        assert len(weights) == min(order, step + 1)
        assert sum(weights) == pytest.approx(times[step + 1] - times[step], abs=1e-6)


def gaussian_flow(deviation: float) -> tuple[Callable[[Float, float], Float], Callable[[Float], Float]]:
    """The flow from unit noise to a Gaussian of this deviation, and where it brings a point."""

    def velocity(x: Float, t: float) -> Float:
        variance = (1 - t) ** 2 + (t * deviation) ** 2
        return np.float32((t * deviation**2 - (1 - t)) / variance) * x

    return velocity, lambda x: np.float32(deviation) * x


@pytest.mark.parametrize(("solver", "order"), SOLVERS.items())
def test_solvers_converge_at_their_order_where_the_flow_is_smooth(solver: str, order: int) -> None:
    def velocity(x: np.ndarray, t: float) -> np.ndarray:
        return np.cos(3 * t) * x  # x(1) = x(0) exp(sin(3) / 3)

    def error(steps: int) -> float:
        times = tuple(np.linspace(0, 1, steps + 1) ** 1.3)  # uneven on purpose, float64 to see high orders
        x, history = np.ones(1), []
        for step in range(steps):
            history = [velocity(x, times[step]), *history]
            weights = schedule.solver_weights(times, step, min(order, 1 + step))
            width = times[step + 1] - times[step]
            scale = width / sum(weights)  # the solver's widths are float32
            x = x + sum(scale * w * v for w, v in zip(weights, history, strict=False))
        return abs(float(x[0]) - np.exp(np.sin(3) / 3))

    slope = np.log2(error(40) / error(80))
    assert slope == pytest.approx(order, abs=0.35)


@pytest.mark.parametrize("steps", [8, 16, 50])
def test_higher_orders_come_nearer_on_a_gaussian_flow(steps: int) -> None:
    velocity, exact = gaussian_flow(0.3)
    x = np.linspace(-2, 2, 9, dtype=np.float32)
    errors = [
        np.abs(integrate(velocity, x, Schedule(schedule.even_times(steps), solver)) - exact(x)).max()
        for solver in ("euler", "ab2")
    ]
    assert errors[1] < errors[0] / 2


# ---- grids ------------------------------------------------------------------


@pytest.mark.export
def test_even_times_equal_torchs_to_the_last_bit() -> None:
    torch = pytest.importorskip("torch")
    for steps in range(1, 101):
        assert schedule.even_times(steps) == tuple(torch.linspace(0, 1, steps + 1).tolist())


@given(st.integers(1, 100), st.floats(0.05, 20), st.floats(0.3, 3))
def test_warped_times_increase_from_zero_to_one(steps: int, shift: float, power: float) -> None:
    times = schedule.warped_times(steps, shift, power)
    assert (times[0], times[-1]) == (0, 1)
    assert all(a < b for a, b in pairwise(times))
    np.testing.assert_allclose(
        schedule.warped_times(steps, 1, 1), schedule.even_times(steps), atol=1e-6, rtol=0
    )


def test_shift_crowds_times_where_it_says() -> None:
    assert schedule.warped_times(4, 0.5, 1)[2] < 0.5 < schedule.warped_times(4, 2, 1)[2]
    assert schedule.warped_times(4, 1, 2)[2] == 0.25


# ---- what a request resolves to ---------------------------------------------


def test_a_preset_fills_all_gaps() -> None:
    assert resolve() == Schedule(schedule.even_times(8), "ab2", 5.0)
    preview = resolve(Sampling(preset="preview"))
    assert preview == Schedule(tuple(np.array(SEARCHED, np.float32).tolist()), "ab2", 3.0, (0.2, 0.8))


@pytest.mark.parametrize("own", [Sampling("preview", steps=4), Sampling("preview", solver="euler")])
def test_a_searched_grid_is_left_where_the_request_goes_its_own_way(own: Sampling) -> None:
    assert resolve(own).times == schedule.even_times(4)


@pytest.mark.parametrize("steps", [None, 7])
def test_times_are_spaced_as_the_preset_says(steps: int | None) -> None:
    presets = {"crowded": Preset(4, "euler", shift=0.5)}
    walk = schedule.resolve(Sampling(steps=steps), presets, "crowded", Limits(20, 360, 100))
    assert walk.times == schedule.warped_times(steps or 4, 0.5, 1.0)


def test_a_request_overrides_guidance_but_keeps_the_grid() -> None:
    walk = resolve(Sampling("preview", guidance=1.0))
    assert (walk.guidance, walk.steps, walk.times[1]) == (1.0, 4, np.float32(0.1))
    assert walk.evaluations == 4


def test_guidance_folded_into_the_weights_is_not_applied_again() -> None:
    folded = Limits(20, 360, 100, fixed_guidance=5.0)
    assert resolve(Sampling(guidance=5.0), folded).guidance == 1.0
    with pytest.raises(InvalidRequest, match="folded into the weights"):
        resolve(Sampling(guidance=4.0), folded)


def test_all_mistakes_are_named_at_once() -> None:
    with pytest.raises(InvalidRequest) as caught:
        resolve(Sampling(steps=101, solver="rk4", guidance=float("nan")))
    assert [v.field for v in caught.value.violations] == [
        "sampling.steps",
        "sampling.solver",
        "sampling.guidance",
    ]
    with pytest.raises(InvalidRequest, match="expected one of fast, preview, reference, found 'slow'"):
        resolve(Sampling(preset="slow"))


# ---- guidance ---------------------------------------------------------------


def test_guidance_is_used_within_its_interval_only_and_above_one() -> None:
    walk = Schedule(schedule.even_times(4), guidance=5.0, interval=(0.25, 0.75))
    assert [walk.guided(step) for step in range(4)] == [False, True, True, False]
    assert walk.evaluations == 6
    assert Schedule(schedule.even_times(4), guidance=1.0).evaluations == 4


def test_combination_is_the_references() -> None:
    rng = np.random.default_rng(1)
    u, c = rng.standard_normal((2, 5, 201)).astype(np.float32)
    combined = schedule.combine(u, c, 2.5)
    assert combined.dtype == np.float32
    assert np.array_equal(combined, u + np.float32(2.5) * (c - u))

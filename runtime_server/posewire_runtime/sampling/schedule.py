"""How to walk from noise (t = 0) to motion (t = 1): time grids, solvers, guidance. Pure functions.

The network gives the velocity dx/dt of a flow; every solver here calls it once a step. `euler` is the
reference. `ab2` and `ab3` (Adams-Bashforth) also use the last one or two velocities, extrapolated by
the polynomial through them; their weights are exact for any spacing of times, and the first steps
run at the order that their history allows. Knows no network and no tensors on a device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.types import Float, Limits, Preset, Sampling

SOLVERS: Mapping[str, int] = {"euler": 1, "ab2": 2, "ab3": 3}
"""Solver -> its order, which is how many velocities it combines."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A walk that is fully decided. Hashable: what depends on the schedule alone can be cached by it."""

    times: tuple[float, ...]
    """`steps + 1` increasing float32 times; the network is called at all but the last."""
    solver: str = "euler"
    guidance: float = 1.0
    """Scale of classifier-free guidance; at most 1: off."""
    interval: tuple[float, float] | None = None
    """Guide only at times t with low <= t < high; None: always."""

    @property
    def steps(self) -> int:
        return len(self.times) - 1

    @property
    def order(self) -> int:
        """How many velocities have to be kept."""
        return SOLVERS[self.solver]

    def guided(self, step: int) -> bool:
        """Whether this step needs the unconditional velocity too."""
        low, high = self.interval or (0.0, 1.0)
        return self.guidance > 1 and low <= self.times[step] < high

    @property
    def evaluations(self) -> int:
        """Rows that the network computes for one clip: two for a guided step, one for another."""
        return sum(1 + self.guided(step) for step in range(self.steps))

    def weights(self, step: int) -> tuple[float, ...]:
        """What the velocities of this step and the ones before it, newest first, are multiplied with."""
        return solver_weights(self.times, step, self.order)


def resolve(
    sampling: Sampling,
    presets: Mapping[str, Preset],
    default_preset: str,
    limits: Limits,
    default_guidance: float = 1.0,
) -> Schedule:
    """What a request asks for, with a preset filling the gaps.

    A searched grid belongs to its preset as it stands: a request that names its own steps or solver gets
    times spaced as the preset says.
    """
    name = sampling.preset or default_preset
    if name not in presets:
        known = ", ".join(presets)
        raise InvalidRequest.of([Violation("sampling.preset", f"expected one of {known}, found {name!r}")])
    preset = presets[name]
    _check(sampling, limits)
    guidance = preset.guidance if sampling.guidance is None else sampling.guidance
    solver = sampling.solver or preset.solver
    own_way = sampling.steps is not None or solver != preset.solver
    searched = None if own_way else preset.times
    if limits.fixed_guidance is not None:
        guidance = 1.0  # it is in the weights: nothing is left to combine
    return Schedule(
        times=_spaced(sampling.steps or preset.steps, preset.shift)
        if searched is None
        else _float32(searched),
        solver=solver,
        guidance=default_guidance if guidance is None else guidance,
        interval=preset.interval,
    )


def _spaced(steps: int, shift: float) -> tuple[float, ...]:
    return even_times(steps) if shift == 1 else warped_times(steps, shift, 1.0)


def even_times(steps: int) -> tuple[float, ...]:
    """The reference's grid, `torch.linspace(0, 1, steps + 1)` in float32, to the last bit.

    It multiplies a float32 step, rounds once, and counts the second half down from 1.
    """
    step = float(np.float32(1) / np.float32(steps))
    index = np.arange(steps + 1)
    exact = np.where(index < (steps + 1) // 2, index * step, 1 - (steps - index) * step)
    return _float32(exact)


def warped_times(steps: int, shift: float, power: float) -> tuple[float, ...]:
    """A grid of two numbers, for searching: both 1 is even spacing.

    `shift` below 1 crowds the times towards noise, above 1 towards motion; `power` above 1 crowds them
    towards noise more at the very start.
    """
    even = np.arange(steps + 1) / steps
    return _float32((even * shift / (1 + (shift - 1) * even)) ** power)


def spaced_times(gaps: Sequence[float]) -> tuple[float, ...]:
    """A grid with steps in the proportions of `gaps` (positive), for searching each time by itself."""
    ends = np.cumsum(np.asarray(gaps, np.float64))
    return _float32(np.concatenate(([0.0], ends / ends[-1])))


@lru_cache(maxsize=4096)
def solver_weights(times: tuple[float, ...], step: int, order: int) -> tuple[float, ...]:
    """Weights of the newest velocities for the step from `times[step]`; order 1, 2, … up to `order`.

    The polynomial through the velocities is integrated over the step. In units of the step's length from its
    start, the weights must give each monomial s^m its integral 1 / (m + 1).
    """
    known = min(order, step + 1)
    width = float(np.float32(times[step + 1]) - np.float32(times[step]))  # as the reference subtracts
    if known == 1:
        return (width,)
    at = (np.array(times[step - known + 1 : step + 1][::-1]) - times[step]) / width
    monomials = np.vander(at, increasing=True).T
    integrals = 1 / np.arange(1, known + 1)
    return tuple((width * np.linalg.solve(monomials, integrals)).tolist())


def advance(x: Float, velocities: Sequence[Float], weights: Sequence[float | Float]) -> Float:
    """The latent one step on; velocities newest first, as many as there are weights or more.

    A weight is one number, or one of each frame `(L, 1)` where latents of several clips lie in `x`.
    """
    for velocity, weight in zip(velocities, weights, strict=False):
        x = np.add(x, np.float32(weight) * velocity, dtype=np.float32)
    return x


def combine(unconditional: Float, conditional: Float, guidance: float | Float) -> Float:
    """Classifier-free guidance: away from what the text leaves open, towards what it says.

    `guidance` is one number, or one of each frame `(L, 1)`.
    """
    return np.add(unconditional, np.float32(guidance) * (conditional - unconditional), dtype=np.float32)


def _float32(times: ArrayLike) -> tuple[float, ...]:
    """Times that survive float32, so that a manifest, a tensor and this tuple hold the same."""
    return tuple(np.asarray(times, np.float32).tolist())


def _check(sampling: Sampling, limits: Limits) -> None:
    """Refuse all that can't be, at once, with the names that the wire uses."""
    violations: list[Violation] = []

    def expect(holds: bool, field: str, message: str) -> None:
        if not holds:
            violations.append(Violation(f"sampling.{field}", message))

    steps, guidance, solver = sampling.steps, sampling.guidance, sampling.solver
    allowed = f"expected 1 to {limits.max_steps}, found {steps}"
    expect(steps is None or 1 <= steps <= limits.max_steps, "steps", allowed)
    expect(solver in (None, *SOLVERS), "solver", f"expected one of {', '.join(SOLVERS)}, found {solver!r}")
    expect(
        guidance is None or bool(np.isfinite(guidance)),
        "guidance",
        f"expected a finite number, found {guidance}",
    )
    fixed = limits.fixed_guidance
    expect(
        fixed is None or guidance in (None, fixed),
        "guidance",
        f"expected {fixed}, folded into the weights, found {guidance}",
    )
    if violations:
        raise InvalidRequest.of(violations)

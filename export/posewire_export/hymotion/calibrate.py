"""`posewire export calibrate`: the time grid with the least error for a package and a number of steps.

The truth is the package's own `reference` preset, on the same prompts and seeds and with the
same guidance. The error is that of the latent, whose dimensions are all of one size:
rms(a - b) / rms(b) over prompts and seeds. With random weights it only shows that the mechanism works.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from posewire_export.grid_search import Found, search_grid
from posewire_runtime.errors import InvalidRequest, PackageError
from posewire_runtime.families.hymotion import HyMotion, HyMotionRun
from posewire_runtime.families.hymotion_text import TextCondition
from posewire_runtime.packages.manifest import Manifest, Motion
from posewire_runtime.packages.package import Package
from posewire_runtime.sampling.schedule import SOLVERS, Schedule
from posewire_runtime.types import Features, Float, Preset, Request, Sampling

REFERENCE = "reference"
"""The preset that others are compared with."""


@dataclass(frozen=True, slots=True)
class Target:
    """The preset to be made."""

    preset: str
    steps: int
    solvers: tuple[str, ...] = tuple(SOLVERS)
    """Tried one after the other; the best one is kept."""
    guidance: float | None = None
    """None: the model's own."""
    interval: tuple[float, float] | None = None
    """Guide only at times t with low <= t < high; None: always."""
    tries: int = 60
    """Grids that are tried for each solver."""


@dataclass(frozen=True, eq=False)
class Prompts:
    """What is generated for the comparison."""

    features: Sequence[Features]
    frames: int = 90
    seeds: tuple[int, ...] = (0, 1)
    names: str = ""
    """What they are, for the manifest."""

    def clips(self) -> list[tuple[Request, Features]]:
        """One for each prompt and seed."""
        return [
            (Request("", "", self.frames, seed, features=features), features)
            for features in self.features
            for seed in self.seeds
        ]


def calibrate(
    package: Package, program: HyMotion, target: Target, prompts: Prompts, report: Callable[[str], None]
) -> Package:
    """Search, store the preset with its error in the manifest, and return the changed package."""
    motion = package.manifest.motion
    if motion is None or REFERENCE not in motion.presets:
        raise PackageError(f"{package.root}: expected a motion package with the preset {REFERENCE!r}")
    if not prompts.features:
        raise InvalidRequest("calibration needs at least one prompt: give --features or --prompts")
    walker = _Walker(program, prompts)
    reference = _reference(motion, program, target)
    report(f"walking {reference.steps} steps for each of {len(walker.clips)} clips")
    truth = walker.latents(reference)
    found: dict[str, Found] = {}
    for solver in target.solvers:
        found[solver] = _search(
            walker, replace(reference, solver=solver, interval=target.interval), truth, target
        )
        report(
            f"{solver}: error {found[solver].error:.4f}, evenly spaced {found[solver].even_error:.4f}, "
            f"{found[solver].tried} grids tried"
        )
    best = min(found, key=lambda solver: found[solver].error)
    return package.update(_stored(package, motion, target, _preset(target, best, found[best], prompts)))


class _Walker:
    """Samples the same clips by one schedule after another."""

    def __init__(self, program: HyMotion, prompts: Prompts) -> None:
        self._program = program
        self.clips = prompts.clips()

    def latents(self, plan: Schedule) -> Float:
        """Where all clips end, (clips, L, 201)."""
        conditions: dict[int, TextCondition] = {}
        runs: list[HyMotionRun] = []
        for request, features in self.clips:
            if id(features) not in conditions:
                times = plan.times[:-1]
                conditions[id(features)] = self._program.text.condition(features, times, game=False)
            runs.append(self._start(request, conditions[id(features)], plan))
        for _ in range(plan.steps):
            self._program.step(runs)
        return np.stack([run.latent for run in runs])

    def _start(self, request: Request, condition: TextCondition, plan: Schedule) -> HyMotionRun:
        return HyMotionRun(
            request=request,
            condition=condition,
            schedule=plan,
            latent=self._program.start_noise(request.seed, request.frames),
            velocities=deque(maxlen=plan.order),
        )


def _search(walker: _Walker, plan: Schedule, truth: Float, target: Target) -> Found:
    size = float(np.sqrt(np.mean(truth**2)))

    def error(times: tuple[float, ...]) -> float:
        difference = walker.latents(replace(plan, times=times)) - truth
        return float(np.sqrt(np.mean(difference**2))) / size

    return search_grid(error, target.steps, target.tries)


def _reference(motion: Motion, program: HyMotion, target: Target) -> Schedule:
    asked = Sampling(REFERENCE, guidance=target.guidance)
    return program.plan(Request("", "", motion.limits.min_frames, 0, sampling=asked))


def _preset(target: Target, solver: str, found: Found, prompts: Prompts) -> Preset:
    return Preset(
        steps=target.steps,
        solver=solver,
        times=found.times,
        guidance=target.guidance,
        interval=target.interval,
        error=found.error,
        measured=(
            f"rms error of the latent against the {REFERENCE} preset, relative; {prompts.names}, "
            f"{len(prompts.seeds)} seeds, {prompts.frames} frames; evenly spaced: {found.even_error:.4f}"
        ),
    )


def _stored(package: Package, motion: Motion, target: Target, preset: Preset) -> Manifest:
    presets = {**motion.presets, target.preset: preset}
    return replace(package.manifest, motion=replace(motion, presets=presets))

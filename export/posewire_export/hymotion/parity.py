"""What a fresh package is compared with: the torch module in float32, on the engine that ships.

float32 graphs must agree to rounding or the export fails. Of other precisions the error is
measured along a real sampling trajectory (guidance, the default preset's steps), where
activations are what they are in use: at every step with the reference's latent, and at the
end of a walk of its own. The torch module is gone before the graphs are loaded: only one of
them is in memory at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from posewire_export.hymotion.network import Config, MotionTransformer
from posewire_export.hymotion.sampling import Moment, trajectory, velocity
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError
from posewire_runtime.families.hymotion import HyMotion, HyMotionRun, open_program
from posewire_runtime.families.hymotion_packed import Line
from posewire_runtime.families.hymotion_text import TextCondition, Vectors
from posewire_runtime.packages.manifest import Motion, Parity, Precision
from posewire_runtime.packages.package import Package
from posewire_runtime.sampling import noise, schedule
from posewire_runtime.sampling.schedule import Schedule
from posewire_runtime.types import Features, Float, Request, Sampling

LIMITS: Mapping[Precision, float | None] = {
    "fp32": 1e-4,
    "fp16": 1e-2,
    "bf16": None,
    "int8": None,
    "int4": None,
}
"""Largest error of one velocity that an export accepts; None: reported only."""

RMS = "rms(a - b) / rms(b)"

_CASES = ((90, 24, 0.31), (41, 1, 0.0), (20, 7, 0.98))
"""Frames, words and time of the single velocities that are compared."""

_WALK = (90, 24)
"""Frames and (without real prompts) words of the sampled trajectory."""

_AGAINST = "torch module, float32"


@dataclass(frozen=True, eq=False)
class Check:
    """What is needed for a comparison."""

    config: Config
    tensors: Mapping[str, Tensor]
    vectors: Vectors
    features: Sequence[Features]
    """Real prompts; empty: random features."""
    report: Callable[[str], None]


@dataclass(frozen=True, eq=False)
class _Case:
    """One velocity."""

    latent: Float
    features: Features
    time: float
    truth: Float


@dataclass(frozen=True, eq=False)
class _Walk:
    """One sampled trajectory."""

    prompt: str
    """What was walked with, in words."""
    features: Features
    plan: Schedule
    moments: tuple[Moment, ...]


def compare(package: Package, motion: Motion, check: Check, precision: Precision) -> tuple[Parity, ...]:
    """Measure a package whose files lie in its folder; raises where a limit is passed."""
    check.report("running the torch module")
    network = _network(check)
    rng = np.random.default_rng(0)
    cases = [_case(network, check, rng, *sizes) for sizes in _CASES]
    walk = _walk(network, motion, check, rng)
    if precision == "bf16":  # this machine's provider has no product in bfloat16
        return (_emulated(network, walk),)
    del network  # one of the two in memory at a time
    check.report("running the graphs")
    program = open_program(package, EngineSettings(provider="cpu"))
    measured = (_single(program, cases, LIMITS[precision]), *_walked(program, walk))
    program.close()
    for entry in measured:
        if not np.isfinite(entry.error) or (entry.limit is not None and entry.error > entry.limit):
            raise PackageError(
                f"{entry.what}: expected an error up to {entry.limit} against the {entry.against}, "
                f"found {entry.error:.2e}"
            )
    return measured


# ---- the truth ----------------------------------------------------------------


def _network(check: Check) -> MotionTransformer:
    with torch.device("meta"):
        network = MotionTransformer(check.config)
    network.load_state_dict({name: t.float() for name, t in check.tensors.items()}, assign=True)
    return network.eval().requires_grad_(False)


def _case(
    network: MotionTransformer, check: Check, rng: np.random.Generator, frames: int, words: int, time: float
) -> _Case:
    latent = rng.standard_normal((frames, check.config.frame_dim), np.float32)
    features = _random_features(rng, check.config, words)
    return _Case(latent, features, time, velocity(network, latent, features, time))


def _walk(network: MotionTransformer, motion: Motion, check: Check, rng: np.random.Generator) -> _Walk:
    frames, words = _WALK
    features = check.features[0] if check.features else _random_features(rng, check.config, words)
    plan = schedule.resolve(Sampling(), motion.presets, motion.default_preset, motion.limits, 5.0)
    if motion.limits.fixed_guidance is not None:
        plan = replace(plan, guidance=1.0)
    start = noise.cpu_normal(0, (check.config.max_frames, check.config.frame_dim))[:frames]
    moments = tuple(trajectory(network, features, check.vectors, plan, start))
    return _Walk("a real prompt" if check.features else "random features", features, plan, moments)


def _random_features(rng: np.random.Generator, config: Config, words: int) -> Features:
    tokens = rng.standard_normal((words, config.word_dim), np.float32)
    return Features(tokens, rng.standard_normal((1, config.sentence_dim), np.float32))


# ---- the graphs ---------------------------------------------------------------


def _single(program: HyMotion, cases: Sequence[_Case], limit: float | None) -> Parity:
    """All cases in one batch of different lengths, words and times."""
    lines = [
        Line(c.latent, program.text.condition(c.features, (c.time,), game=False).steps.at(0)) for c in cases
    ]
    found = program.velocities(lines)
    error = max(_largest(a, case.truth) for a, case in zip(found, cases, strict=True))
    return Parity("velocity, both graphs, one mixed batch", _AGAINST, len(cases), error, limit)


def _walked(program: HyMotion, walk: _Walk) -> tuple[Parity, Parity]:
    """Along the reference's trajectory, and at the end of a walk of the package's own."""
    steps = walk.plan.steps
    condition = program.text.condition(walk.features, walk.plan.times[:-1], game=False)
    lines = [Line(m.latent, condition.steps.at(i)) for i, m in enumerate(walk.moments[:-1])]
    found = program.velocities(lines)
    along = max(_rms(a, m.velocity) for a, m in zip(found, walk.moments[:-1], strict=True))
    guided = f"guidance {walk.plan.guidance:g}, {walk.prompt}"
    return (
        Parity(f"worst velocity along {steps} steps, {guided}", _AGAINST, steps, along, metric=RMS),
        Parity(
            f"latent after {steps} steps, {guided}", _AGAINST, 1, _end(program, walk, condition), metric=RMS
        ),
    )


def _end(program: HyMotion, walk: _Walk, condition: TextCondition) -> float:
    start, end = walk.moments[0].latent, walk.moments[-1].latent
    run = HyMotionRun(
        request=Request("", program.info.name, len(start), seed=0),
        condition=condition,
        schedule=walk.plan,
        latent=start,
        velocities=deque(maxlen=walk.plan.order),
    )
    while not run.finished:
        program.step([run])
    return _rms(run.latent, end)


def _emulated(network: MotionTransformer, walk: _Walk) -> Parity:
    """The torch module with every product of the blocks taking bfloat16."""
    _round_products(network)
    moments = walk.moments[:-1]
    found = [velocity(network, m.latent, walk.features, m.time) for m in moments]
    error = max(_rms(a, m.velocity) for a, m in zip(found, moments, strict=True))
    what = f"worst velocity along {len(moments)} steps, products rounded in torch; the graph is unverified"
    return Parity(what, _AGAINST, len(moments), error, metric=RMS)


def _round_products(network: nn.Module) -> None:
    def rounded(_: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(x.bfloat16().float() for x in inputs)

    for name, module in network.named_modules():
        if isinstance(module, nn.Linear) and "blocks." in name:
            module.weight.data = module.weight.bfloat16().float()
            module.register_forward_pre_hook(rounded)


def _largest(a: Float, b: Float) -> float:
    return float(np.abs(a - b).max() / np.abs(b).max())


def _rms(a: Float, b: Float) -> float:
    return float(np.sqrt(np.mean((a - b) ** 2) / np.mean(b**2)))

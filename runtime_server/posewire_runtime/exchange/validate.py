"""What a request may say: checks on plain values, each of which names the field, what was expected and found.

All that is wrong with a request is collected and reported at once. Knows no message: `wire` hands the
values over, under the names that the .proto gives them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidRequest, UnknownModel, Violation
from posewire_runtime.exchange.events import Notice
from posewire_runtime.exchange.pacing import MOST_CHUNK, Pace
from posewire_runtime.exchange.packing import Packing, frame_bytes
from posewire_runtime.text.duration import estimate_frames
from posewire_runtime.types import Float, ModelInfo, Sampling, Skeleton, Target

MAX_NAME = 128
"""Characters of a joint's name or a request's id."""
MAX_METRES = 1000.0
"""No joint of a character is further from its origin."""
MAX_GUIDANCE = 100.0
PACE_RATES = (0.1, 100.0)
"""Lowest and highest rate of a paced stream."""
MAX_AHEAD = 3600.0


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a server accepts, beyond the limits of the model that is asked."""

    max_prompt: int = 2000
    """Characters of a prompt."""
    max_seeds: int = 16
    """Seeds of one request."""
    max_joints: int = 512
    """Joints of a target skeleton."""
    max_chunk_bytes: int = 1 << 20
    """Bytes of the frames of one chunk."""
    max_warm_prompts: int = 1000
    """Prompts of one Warm request."""


MOST_FINDINGS = 8
"""Violations that are reported; more wouldn't fit into the trailing metadata of an RPC."""


class Findings:
    """Collects what is wrong with a request."""

    def __init__(self) -> None:
        self.violations: list[Violation] = []
        self.count = 0
        """All that was wrong, also what isn't reported any more."""

    def expect(self, fine: bool, field: str, expected: str, found: object) -> bool:
        """Note a violation unless all is fine; returns whether it is."""
        if not fine:
            self.add(field, f"expected {expected}, found {shown(found)}")
        return fine

    def add(self, field: str, message: str) -> None:
        """Note a violation."""
        self.count += 1
        if len(self.violations) < MOST_FINDINGS:
            self.violations.append(Violation(field, message))

    def raise_any(self, unknown_model: bool = False) -> None:
        """Raise one error with all that was found, if anything was."""
        if self.violations:
            raise (UnknownModel if unknown_model else InvalidRequest).of(self.violations)


def shown(value: object) -> str:
    """A value as messages show it: quoted where it's text, and never long."""
    text = f"{value:g}" if isinstance(value, float) else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:57]}…"


def check_prompt(findings: Findings, field: str, prompt: str, most: int) -> None:
    """A prompt says something and is not too long."""
    visible = any(c.isprintable() and not c.isspace() for c in prompt)
    if findings.expect(
        visible, field, "some text", f"only blanks ({len(prompt)} characters)" if prompt else "none"
    ):
        findings.expect(len(prompt) <= most, field, f"at most {most} characters", len(prompt))


def check_length(
    findings: Findings, frames: int | None, seconds: float | None, prompt: str, info: ModelInfo
) -> tuple[int, tuple[Notice, ...]]:
    """Frames to make, and a notice where they are more than was asked for."""
    field, limits = "frames" if frames is not None else "seconds", info.limits
    if seconds is not None:
        expected = "a finite number of seconds above 0"
        if not findings.expect(seconds > 0 and math.isfinite(seconds * info.fps), field, expected, seconds):
            return 0, ()
        frames = math.floor(seconds * info.fps + 0.5)
    elif frames is None:
        return estimate_frames(prompt, info), ()
    elif not findings.expect(frames > 0, field, "at least 1 frame", frames):
        return 0, ()
    most = f"at most {limits.max_frames} frames ({limits.max_frames / info.fps:g} s) of this model"
    findings.expect(frames <= limits.max_frames, field, most, f"{frames} frames ({frames / info.fps:g} s)")
    if frames >= limits.min_frames:
        return frames, ()
    message = f"{info.name} makes at least {limits.min_frames} frames; {frames} were asked for"
    return limits.min_frames, (Notice("frames_raised", message),)


def check_seeds(findings: Findings, seeds: Sequence[int], most: int, below: int | None) -> None:
    """Seeds are few, distinct, and small enough for the model's noise (`below`, where it is known)."""
    findings.expect(len(seeds) <= most, "seeds", f"at most {most} seeds", len(seeds))
    known: dict[int, int] = {}
    for i, seed in enumerate(seeds[: most + 1]):
        first = known.setdefault(seed, i)
        findings.expect(first == i, f"seeds[{i}]", "distinct seeds", f"{seed}, which is seeds[{first}] too")
        if below is not None:
            findings.expect(seed < below, f"seeds[{i}]", f"a seed of at most {below - 1}", seed)


def check_sampling(
    findings: Findings, preset: str, steps: int | None, guidance: float | None, solver: str, info: ModelInfo
) -> Sampling:
    """How to sample, within what the model knows."""
    if preset:
        findings.expect(preset in info.presets, "sampling.preset", one_of(info.presets), preset)
    if steps is not None:
        most = info.limits.max_steps
        findings.expect(1 <= steps <= most, "sampling.steps", f"1 to {most} steps", steps)
    if solver and not info.solvers:
        findings.expect(
            False, "sampling.solver", "none, since this model has but one way of sampling", solver
        )
    elif solver:
        findings.expect(solver in info.solvers, "sampling.solver", one_of(info.solvers), solver)
    if guidance is not None:
        _check_guidance(findings, guidance, info.limits.fixed_guidance)
    return Sampling(preset or info.default_preset, steps, guidance, solver or None)


def _check_guidance(findings: Findings, guidance: float, fixed: float | None) -> None:
    field, expected = "sampling.guidance", f"a number from 0 to {MAX_GUIDANCE:g}"
    if not findings.expect(
        math.isfinite(guidance) and 0 <= guidance <= MAX_GUIDANCE, field, expected, guidance
    ):
        return
    if fixed is not None:
        why = f"{fixed:g} or none, since this guidance is folded into the model's weights"
        findings.expect(math.isclose(guidance, fixed, rel_tol=1e-5), field, why, guidance)


def check_pace(findings: Findings, rate: float, ahead: float) -> Pace:
    """When frames leave; 0 stands for the default of each."""
    low, high = PACE_RATES
    expected = f"0 (as fast as possible) or {low:g} to {high:g} times real time"
    findings.expect(rate == 0 or low <= rate <= high, "pace.rate", expected, rate)
    fine = 0 <= ahead <= MAX_AHEAD
    findings.expect(fine, "pace.ahead_seconds", f"0 to {MAX_AHEAD:g} seconds", ahead)
    return Pace(rate, ahead) if ahead else Pace(rate)


def check_chunk(findings: Findings, frames: int, joints: int, packing: Packing, bounds: Bounds) -> int | None:
    """Most frames of a chunk, so that it fits into a message; None: as many as the server likes."""
    most = max(1, bounds.max_chunk_bytes // frame_bytes(joints, packing))
    expected = f"at most {most} frames in a chunk ({joints} joints, {bounds.max_chunk_bytes} bytes)"
    findings.expect(frames <= most, "chunk_frames", expected, frames)
    return frames or (most if most < MOST_CHUNK else None)


def check_name(findings: Findings, field: str, name: str) -> None:
    """An id or a name is not too long to be shown."""
    findings.expect(len(name) <= MAX_NAME, field, f"at most {MAX_NAME} characters", f"{len(name)} characters")


def check_skeleton(
    findings: Findings,
    field: str,
    names: Sequence[str],
    parents: Sequence[int],
    positions: Float,
    rotations: Float,
) -> bool:
    """A skeleton stands: names are distinct, parents come first, numbers are finite. Says each thing once."""
    before = findings.count
    for i, name in enumerate(names):
        fine = 0 < len(name) <= MAX_NAME and name not in names[:i]
        if not findings.expect(
            fine, f"{field}[{i}].name", f"a distinct name of 1 to {MAX_NAME} characters", name
        ):
            break
    for i, parent in enumerate(parents):
        expected = f"an earlier joint (0 to {i - 1}) or -1" if i else "-1: the first joint has no parent"
        if not findings.expect(-1 <= parent < i, f"{field}[{i}].parent", expected, parent):
            break
    _check_rows(
        findings,
        f"{field}[%d].position",
        f"finite metres, at most {MAX_METRES:g}",
        positions,
        np.abs(positions).max(-1) <= MAX_METRES,
    )
    norms = np.linalg.norm(rotations.astype(np.float64), axis=-1)  # squares of float32 fit
    _check_rows(findings, f"{field}[%d].rotation", "a unit quaternion", rotations, np.abs(norms - 1) <= 1e-3)
    return findings.count == before


def _check_rows(
    findings: Findings, field: str, expected: str, values: Float, fine: NDArray[np.bool_]
) -> None:
    """Report the first row that isn't fine."""
    if not fine.all():
        row = int(fine.argmin())
        findings.expect(False, field % row, expected, tuple(float(v) for v in values[row]))


def check_bones(
    findings: Findings, field: str, bones: Mapping[str, str], target: Collection[str], model: Skeleton
) -> bool:
    """A bone map: model joints to target bones, each at most once, the pelvis at least."""
    before = findings.count
    pelvis = model.names[model.pelvis]
    findings.expect(pelvis in bones, field, f"a bone for {pelvis!r}, which carries the root", "none")
    users: dict[str, str] = {}
    for joint, bone in sorted(bones.items()):  # a message keeps no order
        findings.expect(joint in model.names, field, f"joints of the model ({', '.join(model.names)})", joint)
        findings.expect(bone in target, f"{field}[{joint}]", "a joint of the target", bone)
        user = users.setdefault(bone, joint)
        findings.expect(user == joint, f"{field}[{joint}]", "a bone of its own", f"{bone}, which {user} has")
    return findings.count == before


def check_hips(findings: Findings, field: str, target: Target) -> None:
    """The target's hips are above its soles, so that travel can be scaled by hip height."""
    skeleton = target.skeleton
    height = float(skeleton.positions[skeleton.pelvis, 1]) - skeleton.sole
    name = skeleton.names[skeleton.pelvis]
    findings.expect(
        height > 0.01, field, f"{name!r} above the soles at {skeleton.sole:g} m", f"{height:g} m above"
    )


def one_of(names: Collection[str]) -> str:
    """How a message lists what may be chosen."""
    return f"one of {', '.join(names)}"

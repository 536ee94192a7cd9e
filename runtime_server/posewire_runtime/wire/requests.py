"""Requests, to the wire and back: what a client asks, and what the server makes of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypedDict

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import InvalidRequest, UnknownModel, Violation
from posewire_runtime.exchange.events import Notice
from posewire_runtime.exchange.pacing import Pace
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.exchange.validate import (
    Bounds,
    Findings,
    check_bones,
    check_chunk,
    check_hips,
    check_length,
    check_name,
    check_pace,
    check_prompt,
    check_sampling,
    check_seeds,
    check_skeleton,
    one_of,
)
from posewire_runtime.types import ModelInfo, Priority, Request, Sampling, Skeleton, Target
from posewire_runtime.wire.models import read_positions, read_rotations, read_skeleton, write_joints

_PRIORITIES = {
    pb.PRIORITY_UNSPECIFIED: Priority.NORMAL,
    pb.PRIORITY_BULK: Priority.BULK,
    pb.PRIORITY_NORMAL: Priority.NORMAL,
    pb.PRIORITY_INTERACTIVE: Priority.INTERACTIVE,
}
_PACKINGS = {pb.PACKING_UNSPECIFIED: Packing.FLOAT32} | {pb.Packing.ValueType(p): p for p in Packing}

_DRAWN_BELOW = 2**32
"""Seeds that the server picks fit into 32 bits, so that any language can show them."""


class Catalogue(Protocol):
    """Which models there are; a `Library` is one."""

    default: str

    def info(self, name: str) -> ModelInfo:
        """What a model is; raises `UnknownModel`."""
        ...


@dataclass(frozen=True, eq=False)
class Order:
    """A checked Generate request: what the worker shall make and how it shall be sent."""

    requests: tuple[Request, ...]
    """One for each clip, in the order of their seeds."""
    info: ModelInfo
    """The model that answers."""
    packing: Packing
    pace: Pace
    chunk_frames: int | None
    """Most frames of a chunk, where the caller or the size of a message says so."""
    request_id: str
    """The caller's own id."""
    progress: bool
    """Whether the caller wants to hear of steps."""
    notices: tuple[Notice, ...]
    """What was changed."""

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton that frames are sent on."""
        target = self.requests[0].target
        return target.skeleton if target else self.info.skeleton


def read_generate(
    message: pb.GenerateRequest,
    catalogue: Catalogue,
    bounds: Bounds,
    deadline: float | None = None,
    draw: Callable[[int], int] = secrets.randbelow,
) -> Order:
    """The order in a message; raises `InvalidRequest` with all that is wrong with it."""
    findings = Findings()
    info = _find_model(findings, message.model, catalogue)
    most_prompt = min(bounds.max_prompt, info.limits.max_prompt) if info else bounds.max_prompt
    check_prompt(findings, "prompt", message.prompt, most_prompt)
    check_name(findings, "request_id", message.request_id)
    check_seeds(findings, message.seeds, bounds.max_seeds, info.limits.seeds_below if info else None)
    pace = check_pace(findings, message.pace.rate, message.pace.ahead_seconds)
    packing, priority = _find_enums(findings, message)
    if info is None:
        findings.raise_any(unknown_model=True)
        raise AssertionError("an unknown model is a violation")
    target = _read_target(findings, message, info, bounds)
    frames, notices = _find_length(findings, message, info)
    sampling = _find_sampling(findings, message, info)
    joints = len(target.skeleton if target else info.skeleton)
    chunk_frames = check_chunk(findings, message.chunk_frames, joints, packing, bounds)
    findings.raise_any()
    first = Request(
        prompt=message.prompt,
        model=info.name,
        frames=frames,
        seed=0,
        sampling=sampling,
        priority=priority,
        deadline=deadline,
        ground=message.post.ground if message.post.HasField("ground") else True,
        smooth=message.post.smooth if message.post.HasField("smooth") else True,
        special_game=message.special_game,
        target=target,
    )
    seeds = message.seeds or (draw(min(_DRAWN_BELOW, info.limits.seeds_below)),)
    return Order(
        requests=tuple(replace(first, seed=seed) for seed in seeds),
        info=info,
        packing=packing,
        pace=pace,
        chunk_frames=chunk_frames,
        request_id=message.request_id,
        progress=message.progress,
        notices=notices,
    )


def read_warm(
    message: pb.WarmRequest, catalogue: Catalogue, bounds: Bounds
) -> tuple[tuple[ModelInfo, ...], tuple[str, ...]]:
    """Models to load and prompts to encode with each of them; raises `InvalidRequest`."""
    findings = Findings()
    names = tuple(dict.fromkeys(message.models)) or (catalogue.default,)
    found = [_find_model(findings, name, catalogue, f"models[{i}]") for i, name in enumerate(names)]
    infos = tuple(info for info in found if info is not None)
    most = min((bounds.max_prompt, *(info.limits.max_prompt for info in infos)))
    expected = f"at most {bounds.max_warm_prompts} prompts"
    findings.expect(
        len(message.prompts) <= bounds.max_warm_prompts, "prompts", expected, len(message.prompts)
    )
    for i, prompt in enumerate(message.prompts[: bounds.max_warm_prompts]):
        check_prompt(findings, f"prompts[{i}]", prompt, most)
    findings.raise_any(unknown_model=len(infos) < len(names))
    return infos, tuple(dict.fromkeys(message.prompts))


def _find_model(
    findings: Findings, name: str, catalogue: Catalogue, field: str = "model"
) -> ModelInfo | None:
    try:
        return catalogue.info(name or catalogue.default)
    except UnknownModel as error:
        findings.add(field, str(error))
        return None


def _find_enums(findings: Findings, message: pb.GenerateRequest) -> tuple[Packing, Priority]:
    """Packing and priority; the default stands in for a value that nobody knows."""
    known = message.packing in _PACKINGS
    findings.expect(known, "packing", one_of(pb.Packing.keys()), message.packing)
    findings.expect(message.priority in _PRIORITIES, "priority", one_of(pb.Priority.keys()), message.priority)
    packing = _PACKINGS.get(message.packing, Packing.FLOAT32)
    return packing, _PRIORITIES.get(message.priority, Priority.NORMAL)


def _find_length(
    findings: Findings, message: pb.GenerateRequest, info: ModelInfo
) -> tuple[int, tuple[Notice, ...]]:
    given = message.WhichOneof("length")
    frames = message.frames if given == "frames" else None
    seconds = message.seconds if given == "seconds" else None
    return check_length(findings, frames, seconds, message.prompt, info)


def _find_sampling(findings: Findings, message: pb.GenerateRequest, info: ModelInfo) -> Sampling:
    sampling = message.sampling
    steps = sampling.steps if sampling.HasField("steps") else None
    guidance = sampling.guidance if sampling.HasField("guidance") else None
    return check_sampling(findings, sampling.preset, steps, guidance, sampling.solver, info)


def _read_target(
    findings: Findings, message: pb.GenerateRequest, info: ModelInfo, bounds: Bounds
) -> Target | None:
    """The character to retarget to; None where there is none, or where it can't be used."""
    if not message.HasField("target"):
        return None
    given = message.target
    count, expected = len(given.joints), f"1 to {bounds.max_joints} joints"
    if not findings.expect(1 <= count <= bounds.max_joints, "target.joints", expected, count):
        return None
    names = [joint.name for joint in given.joints]
    parents = [joint.parent for joint in given.joints]
    positions, rotations = read_positions(given.joints), read_rotations(given.joints)
    stands = check_skeleton(findings, "target.joints", names, parents, positions, rotations)
    if not check_bones(findings, "target.bones", given.bones, names, info.skeleton) or not stands:
        return None
    pelvis = names.index(given.bones[info.skeleton.names[info.skeleton.pelvis]])
    target = Target(
        skeleton=read_skeleton(given.joints, pelvis, given.sole),
        bones=dict(given.bones),
        match_limbs=given.match_limbs if given.HasField("match_limbs") else True,
        scale_travel=given.scale_travel if given.HasField("scale_travel") else True,
    )
    check_hips(findings, "target.joints", target)
    return target


class GenerateOptions(TypedDict, total=False):
    """All that a request may carry beside its prompt. What is absent, the server decides."""

    model: str
    """Name of a served model."""
    frames: int
    """Length in frames of the model's rate; not together with `seconds`."""
    seconds: float
    """Length in seconds."""
    seeds: Sequence[int]
    """One clip for each."""
    preset: str
    """Name of one of the model's presets."""
    steps: int
    """Network steps."""
    guidance: float
    """Classifier-free guidance; at most 1: off."""
    solver: str
    """Name of a solver that the model knows."""
    packing: Packing
    """How frames are packed."""
    pace: float
    """Times real time; 0: as fast as possible."""
    ahead: float
    """With a pace: seconds of motion that are sent ahead of the play head."""
    chunk_frames: int
    """Most frames in a chunk."""
    target: Target
    """The character to retarget to."""
    priority: Priority
    """Who goes first when there isn't room for everybody."""
    request_id: str
    """The caller's own id, for logs."""
    ground: bool
    """Put the feet on the floor."""
    smooth: bool
    """Smooth as the model's own decoder does."""
    progress: bool
    """Tell of each step."""
    special_game: bool
    """HY-Motion's sentence vector for game-like motion."""
    verbatim: bool
    """Take the prompt as it is, also where the server has a language model rewrite prompts."""


_WHERE = {
    "preset": "sampling.preset",
    "steps": "sampling.steps",
    "guidance": "sampling.guidance",
    "solver": "sampling.solver",
    "pace": "pace.rate",
    "ahead": "pace.ahead_seconds",
    "ground": "post.ground",
    "smooth": "post.smooth",
}
"""Where options stand in the message, if not under their own name."""

_PROTO_PRIORITY = {
    Priority.BULK: pb.PRIORITY_BULK,
    Priority.NORMAL: pb.PRIORITY_NORMAL,
    Priority.INTERACTIVE: pb.PRIORITY_INTERACTIVE,
}


def write_generate(prompt: str, options: GenerateOptions) -> pb.GenerateRequest:
    """The message that asks for this; raises `InvalidRequest` for what no message can say."""
    if "frames" in options and "seconds" in options:
        raise InvalidRequest.of([Violation("frames", "expected frames or seconds, found both")])
    message = pb.GenerateRequest()
    violations = [*_assign(message, "prompt", prompt)]
    for name, value in options.items():
        violations += _assign(message, name, value)
    if violations:
        raise InvalidRequest.of(violations)
    return message


def write_target(target: Target) -> pb.TargetSkeleton:
    """The message of a character."""
    return pb.TargetSkeleton(
        joints=write_joints(target.skeleton),
        bones=target.bones,
        match_limbs=target.match_limbs,
        scale_travel=target.scale_travel,
        sole=target.skeleton.sole,
    )


def _assign(message: pb.GenerateRequest, name: str, value: Any) -> Sequence[Violation]:
    """Put one option where it belongs; what protobuf refuses becomes a violation."""
    *path, field = _WHERE.get(name, name).split(".")
    place: Any = message
    for part in path:
        place = getattr(place, part)
    try:
        if name == "target":
            message.target.CopyFrom(write_target(value))
        elif name == "seeds":
            message.seeds.extend(value)
        else:
            setattr(place, field, _PROTO_PRIORITY[value] if name == "priority" else value)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        return [
            Violation(_WHERE.get(name, name), f"expected what the contract allows, found {value!r}: {error}")
        ]
    return ()

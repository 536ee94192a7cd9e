"""Requests, to the wire and back: what a client asks, and what the server makes of it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import InvalidRequest, Violation
from posewire_runtime.exchange.events import Notice
from posewire_runtime.exchange.pacing import Pace
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.exchange.validate import (
    Bounds,
    Findings,
    check_chunk,
    check_length,
    check_name,
    check_pace,
    check_prompt,
    check_seeds,
)
from posewire_runtime.types import ModelInfo, Priority, Request, Skeleton, Target
from posewire_runtime.wire.fields import Asked, Catalogue, find_enums, find_model, find_sampling, read_target
from posewire_runtime.wire.models import write_joints

DRAWN_BELOW = 2**32
"""Seeds that the server picks fit into 32 bits, so that any language can show them."""


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
    info = find_model(findings, message.model, catalogue)
    most_prompt = min(bounds.max_prompt, info.limits.max_prompt) if info else bounds.max_prompt
    check_prompt(findings, "prompt", message.prompt, most_prompt)
    check_name(findings, "request_id", message.request_id)
    check_seeds(findings, message.seeds, bounds.max_seeds, info.limits.seeds_below if info else None)
    pace = check_pace(findings, message.pace.rate, message.pace.ahead_seconds)
    packing, priority = find_enums(findings, message)
    if info is None:
        findings.raise_any(unknown_model=True)
        raise AssertionError("an unknown model is a violation")
    target = read_target(findings, message, info, bounds)
    frames, notices = _find_length(findings, message, info)
    sampling = find_sampling(findings, message, info)
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
    seeds = message.seeds or (draw(min(DRAWN_BELOW, info.limits.seeds_below)),)
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
    found = [find_model(findings, name, catalogue, f"models[{i}]") for i, name in enumerate(names)]
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


def _find_length(
    findings: Findings, message: pb.GenerateRequest, info: ModelInfo
) -> tuple[int, tuple[Notice, ...]]:
    given = message.WhichOneof("length")
    frames = message.frames if given == "frames" else None
    seconds = message.seconds if given == "seconds" else None
    return check_length(findings, frames, seconds, message.prompt, info)


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
    assign_options(message, {"prompt": prompt, **options})
    return message


def assign_options(message: Asked, options: Mapping[str, object]) -> None:
    """Put options where they belong; raises `InvalidRequest` for what no message can say."""
    violations = [found for name, value in options.items() for found in _assign(message, name, value)]
    if violations:
        raise InvalidRequest.of(violations)


def write_target(target: Target) -> pb.TargetSkeleton:
    """The message of a character."""
    return pb.TargetSkeleton(
        joints=write_joints(target.skeleton),
        bones=target.bones,
        match_limbs=target.match_limbs,
        scale_travel=target.scale_travel,
        sole=target.skeleton.sole,
    )


def _assign(message: Any, name: str, value: Any) -> Sequence[Violation]:
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

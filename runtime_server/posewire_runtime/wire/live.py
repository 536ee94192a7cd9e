"""Live sessions, to the wire and back: commands, events, and the order in which events may come."""

from __future__ import annotations

import math
import secrets
from collections.abc import Callable
from typing import TypedDict, Unpack

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import InvalidRequest, PosewireError, ProtocolError, Violation, code_of
from posewire_runtime.exchange.events import Chunk, Header, Notice, Status
from posewire_runtime.exchange.live import (
    PACES,
    Clear,
    Close,
    Command,
    Goal,
    LiveAnswer,
    LiveEvent,
    LiveOrder,
    LiveSegment,
    LiveStarted,
    PaceChange,
    Playhead,
    Prompt,
    Resume,
    Stop,
)
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.exchange.validate import (
    MAX_METRES,
    Bounds,
    Findings,
    check_chunk,
    check_name,
    check_prompt,
    check_seeds,
)
from posewire_runtime.types import ModelInfo, Priority, Target
from posewire_runtime.wire.fields import Catalogue, find_enums, find_model, find_sampling, read_target
from posewire_runtime.wire.requests import DRAWN_BELOW, assign_options
from posewire_runtime.wire.stream import read_event, write_chunk, write_header, write_notice, write_status

MAX_AWAY = 100 * MAX_METRES
"""No place on the floor is further from the origin."""
MAX_TURN = 1000.0
"""Radians of a heading: more is a mistake."""

# -------------------------------------------------------------------------------------------- commands


def read_open(
    message: pb.LiveOpen,
    catalogue: Catalogue,
    bounds: Bounds,
    draw: Callable[[int], int] = secrets.randbelow,
) -> LiveOrder:
    """The session that a message asks for; raises `InvalidRequest` with all that is wrong with it."""
    findings = Findings()
    info = find_model(findings, message.model, catalogue)
    prompt = message.prompt if message.prompt.strip() else ""
    if prompt:
        check_prompt(findings, "prompt", prompt, most_prompt(bounds, info))
    check_name(findings, "request_id", message.request_id)
    place = _place(findings, "position", message.position)
    heading = _heading(findings, "heading", message.heading)
    ahead = message.ahead_seconds
    findings.expect(0 <= ahead < math.inf, "ahead_seconds", "a number of seconds", ahead)
    packing, priority = find_enums(findings, message)
    if info is None:
        findings.raise_any(unknown_model=True)
        raise AssertionError("an unknown model is a violation")
    target = read_target(findings, message, info, bounds)
    sampling = find_sampling(findings, message, info)
    joints = len(target.skeleton if target else info.skeleton)
    chunk_frames = check_chunk(findings, message.chunk_frames, joints, packing, bounds)
    seed = message.seed if message.HasField("seed") else draw(min(DRAWN_BELOW, info.limits.seeds_below))
    check_seeds(findings, [seed], 1, info.limits.seeds_below)
    findings.raise_any()
    return LiveOrder(
        prompt=prompt,
        info=info,
        seed=seed,
        sampling=sampling,
        packing=packing,
        priority=priority if message.priority else Priority.INTERACTIVE,
        target=target,
        chunk_frames=chunk_frames,
        ahead_seconds=ahead,
        request_id=message.request_id,
        place=place,
        heading=heading,
        special_game=message.special_game,
    )


def read_resume(message: pb.LiveResume) -> Resume:
    """Which session somebody comes back to."""
    return Resume(message.session_id, message.secret, message.next_frame)


def read_command(message: pb.LiveRequest, info: ModelInfo, bounds: Bounds) -> Command:
    """What a message says within a session; raises `InvalidRequest`."""
    kind = message.WhichOneof("command")
    findings = Findings()
    command = _read_command(findings, message, kind, info, bounds)
    findings.raise_any()
    assert command is not None
    return command


def _read_command(
    findings: Findings, message: pb.LiveRequest, kind: str | None, info: ModelInfo, bounds: Bounds
) -> Command | None:
    match kind:
        case "prompt":
            given = message.prompt
            check_prompt(findings, "prompt.prompt", given.prompt, most_prompt(bounds, info))
            seed = given.seed if given.HasField("seed") else None
            check_seeds(findings, [] if seed is None else [seed], 1, info.limits.seeds_below)
            return Prompt(given.prompt, seed, given.queued)
        case "target":
            return _read_goal(findings, message.target)
        case "pace":
            low, high = PACES
            rate = message.pace.rate
            findings.expect(low <= rate <= high, "pace.rate", f"{low:g} to {high:g}", rate)
            return PaceChange(rate)
        case "playhead":
            return Playhead(message.playhead.frame)
        case "stop":
            return Stop()
        case "clear":
            return Clear()
        case "close":
            return Close()
        case _:
            expected = "a command; a session is opened or resumed by the first message only"
            findings.expect(False, "command", expected, kind or "none")
            return None


def most_prompt(bounds: Bounds, info: ModelInfo | None) -> int:
    """Most characters of a prompt."""
    return min(bounds.max_prompt, info.limits.max_prompt) if info else bounds.max_prompt


def _read_goal(findings: Findings, message: pb.LiveTarget) -> Goal:
    place = _place(findings, "target.position", message.position) if message.HasField("position") else None
    heading = None
    if message.HasField("heading"):
        heading = _heading(findings, "target.heading", message.heading)
    findings.expect(place is not None or heading is not None, "target", "a position or a heading", "neither")
    return Goal(place, heading)


def _place(findings: Findings, field: str, vector: pb.Vector3) -> tuple[float, float]:
    far = max(abs(vector.x), abs(vector.z))
    findings.expect(far <= MAX_AWAY, field, f"finite metres, at most {MAX_AWAY:g}", far)
    return vector.x, vector.z


def _heading(findings: Findings, field: str, radians: float) -> float:
    findings.expect(abs(radians) <= MAX_TURN, field, "finite radians", radians)
    return radians


class LiveOptions(TypedDict, total=False):
    """All that opening a session may carry beside its prompt. What is absent, the server decides."""

    model: str
    """Name of a served model."""
    seed: int
    """Decides all that is left to chance."""
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
    target: Target
    """The character to retarget to."""
    priority: Priority
    """Who goes first when there isn't room for everybody."""
    chunk_frames: int
    """Most frames in a chunk."""
    ahead_seconds: float
    """Seconds of motion that are sent ahead of the play head."""
    request_id: str
    """The caller's own id, for logs."""
    position: tuple[float, float]
    """Where the character stands at first: x and z on the floor."""
    heading: float
    """Where it faces at first, radians."""
    special_game: bool
    """HY-Motion's sentence vector for game-like motion."""


def write_open(prompt: str, **options: Unpack[LiveOptions]) -> pb.LiveOpen:
    """The message that asks for a session; raises `InvalidRequest` for what no message can say."""
    message = pb.LiveOpen()
    given: dict[str, object] = {"prompt": prompt, **options}
    place = given.pop("position", None)
    if place is not None:
        message.position.CopyFrom(_vector(options.get("position", (0.0, 0.0))))
    assign_options(message, given)
    return message


def write_command(command: Command | Resume | pb.LiveOpen, number: int = 0) -> pb.LiveRequest:
    """The message of a command."""
    match command:
        case pb.LiveOpen():
            return pb.LiveRequest(id=number, open=command)
        case Resume():
            resume = pb.LiveResume(
                session_id=command.session_id, secret=command.secret, next_frame=command.next_frame
            )
            return pb.LiveRequest(id=number, resume=resume)
        case Prompt():
            prompt = pb.LivePrompt(prompt=command.prompt, seed=command.seed, queued=command.queued)
            return pb.LiveRequest(id=number, prompt=prompt)
        case Stop():
            return pb.LiveRequest(id=number, stop=pb.LiveStop())
        case Goal():
            place = None if command.place is None else _vector(command.place)
            return pb.LiveRequest(id=number, target=pb.LiveTarget(position=place, heading=command.heading))
        case PaceChange():
            return pb.LiveRequest(id=number, pace=pb.LivePace(rate=command.rate))
        case Clear():
            return pb.LiveRequest(id=number, clear=pb.LiveClear())
        case Playhead():
            return pb.LiveRequest(id=number, playhead=pb.LivePlayhead(frame=command.frame))
        case Close():
            return pb.LiveRequest(id=number, close=pb.LiveClose())


def _vector(place: tuple[float, float]) -> pb.Vector3:
    try:
        x, z = place
        return pb.Vector3(x=x, z=z)
    except (TypeError, ValueError) as error:
        raise InvalidRequest.of([Violation("position", f"expected x and z, found {place!r}")]) from error


# ---------------------------------------------------------------------------------------------- events


def write_event(event: LiveStarted | LiveSegment | LiveAnswer | Header | Notice) -> pb.LiveResponse:
    """The message of an event; chunks and the status have functions of their own."""
    match event:
        case LiveStarted():
            started = pb.LiveStarted(
                session_id=event.session_id,
                secret=event.secret,
                first_frame=event.first_frame,
                resume_seconds=event.resume_seconds,
                idle_seconds=event.idle_seconds,
                ahead_seconds=event.ahead_seconds,
                resumed=event.resumed,
                answers=[_write_answer(answer) for answer in event.answers],
            )
            return pb.LiveResponse(started=started)
        case LiveSegment():
            segment = pb.LiveSegment(
                first_frame=event.first_frame, prompt=event.prompt, seed=event.seed, command=event.command
            )
            return pb.LiveResponse(segment=segment)
        case LiveAnswer():
            return pb.LiveResponse(answer=_write_answer(event))
        case Header():
            return pb.LiveResponse(header=write_header(event).header)
        case Notice():
            return pb.LiveResponse(notice=write_notice(event).notice)


def _write_answer(answer: LiveAnswer) -> pb.LiveAnswer:
    return pb.LiveAnswer(id=answer.id, code=answer.code, message=answer.message)


def _read_answer(message: pb.LiveAnswer) -> LiveAnswer:
    return LiveAnswer(message.id, message.code, message.message)


def write_frames(first: int, frames: int, fps: float, data: bytes) -> pb.LiveResponse:
    """Packed frames."""
    return pb.LiveResponse(chunk=write_chunk(0, first, frames, fps, data).chunk)


def write_end(error: PosewireError | None = None) -> pb.LiveResponse:
    """The last event."""
    return pb.LiveResponse(status=write_status({}, code_of(error) if error else 0, error).status)


class LiveDecoder:
    """Reads the messages of one live stream and holds them to the contract."""

    def __init__(self) -> None:
        self.header: Header | None = None
        """Known once the first event has arrived."""
        self.started: LiveStarted | None = None
        """Known once the second event has arrived."""
        self.status: Status | None = None
        """Known once the last event has arrived."""
        self.next_frame = 0
        """Index of the first frame that hasn't arrived."""

    def feed(self, message: pb.LiveResponse) -> LiveEvent | None:
        """The event of a message; None where a later contract says what we don't know.

        Raises `ProtocolError` for what may not come now.
        """
        event = self._read(message)
        _expect(self.status is None, "nothing after the status", type(event).__name__)
        match event:
            case Header():
                _expect(self.header is None, "one header", "a second one")
                self.header = event
            case LiveStarted():
                _expect(
                    self.header is not None and self.started is None, "one start behind a header", "another"
                )
                self.started = event
                self.next_frame = event.first_frame
            case Status():
                self.status = event
            case Chunk():
                found = f"frame {event.first_frame}"
                _expect(self.started is not None, "a start before the first frame", found)
                _expect(event.first_frame == self.next_frame, f"frame {self.next_frame}", found)
                self.next_frame += event.frames
            case _:
                pass
        return event

    def finish(self) -> None:
        """The RPC ended well; raises `ProtocolError` when something is missing."""
        _expect(self.status is not None, "a status at the end of the stream", "none")

    def _read(self, message: pb.LiveResponse) -> LiveEvent | None:
        kind = message.WhichOneof("event")
        if kind == "started":
            told = message.started
            return LiveStarted(
                told.session_id,
                told.secret,
                told.first_frame,
                told.resume_seconds,
                told.idle_seconds,
                told.ahead_seconds,
                told.resumed,
                tuple(map(_read_answer, told.answers)),
            )
        if kind == "segment":
            part = message.segment
            return LiveSegment(part.first_frame, part.prompt, part.seed, part.command)
        if kind == "answer":
            return _read_answer(message.answer)
        return None if kind is None else self._read_shared(message, kind)

    def _read_shared(self, message: pb.LiveResponse, kind: str) -> Header | Chunk | Notice | Status | None:
        """An event that streams of clips have too."""
        event = read_event(pb.GenerateResponse(**{kind: getattr(message, kind)}), self.header)
        return event if isinstance(event, Header | Chunk | Notice | Status) else None


def _expect(fine: bool, expected: str, found: str) -> None:
    if not fine:
        raise ProtocolError(f"expected {expected}, found {found}")

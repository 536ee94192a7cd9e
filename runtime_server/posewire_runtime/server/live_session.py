"""One live session between its client and the worker: commands in, jobs out, frames on their way.

Outlives the streams it is talked to through. Everything but what the worker posts happens on the loop's
thread. Knows the worker and packed frames, no gRPC and no other session.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    PosewireError,
    ShuttingDown,
    Violation,
    code_of,
)
from posewire_runtime.exchange import live as says
from posewire_runtime.exchange.events import Notice
from posewire_runtime.exchange.live import Command, LiveAnswer, LiveOrder, LiveSegment
from posewire_runtime.exchange.packing import pack
from posewire_runtime.exchange.validate import Bounds
from posewire_runtime.metrics import Metrics
from posewire_runtime.motion.retarget import height_scale, retarget
from posewire_runtime.motion.walk import Goal, Walk
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.scheduler.live import CHUNK, STANDING, Character, Frames, LiveSettings, Segment, Wish
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.streaming import Inbox
from posewire_runtime.server.tokens import Caller
from posewire_runtime.server.tracing import Span, stages
from posewire_runtime.text.duration import estimate_frames
from posewire_runtime.types import Clip, Request
from posewire_runtime.wire.live import read_command, write_event, write_frames

_QUEUED = 16
"""Most prompts that wait in a session."""
_UNREAD = 64
"""Most answers that a client may leave unread."""
_REMEMBERED = 256
"""Answers that a client hears again when it comes back."""
_FAILURES = 3
"""Segments in a row that may fail before their session does."""
_REFUSALS = 20
"""The same for segments that found no room."""


class Superseded(Cancelled):
    """Another stream resumed the session."""


class Counts:
    """What is counted of all sessions."""

    def __init__(self, metrics: Metrics) -> None:
        self.sessions = metrics.gauge("posewire_live_sessions", "Live sessions, with or without a client.")
        self.segments = metrics.counter("posewire_live_segments_total", "Segments made.", ["result"])
        self.starved = metrics.counter(
            "posewire_live_starved_total", "Times that a client had nothing left to play."
        )
        self.reaction = metrics.histogram(
            "posewire_live_reaction_seconds", "From a prompt's arrival until its first frame left."
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Kept:
    """Frames that were sent and not acknowledged yet."""

    first: int
    frames: int
    data: bytes


class LiveSession:
    """One character that somebody moves."""

    def __init__(
        self,
        order: LiveOrder,
        number: int,
        caller: Caller,
        worker: Worker,
        settings: LiveSettings,
        bounds: Bounds,
        counts: Counts,
    ) -> None:
        """`number`: the id of the command that opened it."""
        self.id = secrets.token_hex(8)
        self.secret = secrets.token_hex(16)
        self.caller = caller
        """Who opened it; nobody else may resume it."""
        self.order = order
        self.inbox = Inbox()
        self.outbox: deque[pb.LiveResponse] = deque()
        """Answers that haven't been sent."""
        self.answered: deque[LiveAnswer] = deque(maxlen=_REMEMBERED)
        """The last answers to commands with an id, whether their client has read them or not."""
        self.streams = 0
        """Streams it has had. Each gets an inbox of its own; the session's is that of the last one."""
        self.closing = False
        """Whether its client is done with it."""
        self._span: Span | None = None
        """That of its stream, where traces are wanted."""
        self._worker = worker
        self._settings = settings
        self._bounds = bounds
        self._counts = counts
        self._scale = _travel_scale(order)
        ahead = min(order.ahead_seconds or settings.ahead_seconds, settings.most_ahead_seconds)
        self.ahead_seconds = ahead
        wish = Wish(order.prompt, None, number)
        self.character = Character(
            order.info,
            Walk(order.info.fps, self._place(order.place), order.heading),
            wish,
            seed=order.seed,
            ahead=ahead,
            frames_of=lambda prompt: estimate_frames(prompt, order.info),
            chunk=min(order.chunk_frames or CHUNK, CHUNK),
        )
        self._clock: Callable[[], float] = asyncio.get_running_loop().time
        self._touched = self._clock()
        self._asked: tuple[Wish, float] | None = None
        """The prompt that hasn't been shown yet, and when it came."""
        self._making: tuple[Job, Segment, float] | None = None
        self._failures = 0
        self._retry = 0.0
        """When something may be asked of the worker again."""
        self._kept: deque[_Kept] = deque()
        self._shown: deque[LiveSegment] = deque()
        """What the frames show that may be sent again; the first one rules from before them."""

    # ------------------------------------------------------------------------------------- commands

    def attach(self, span: Span | None = None) -> Inbox:
        """Talk to another stream from now on, with this span; the one before hears that it is over."""
        if self.streams:
            self.pause()
            self.outbox.clear()
            self.inbox.end(Superseded("another stream resumed this session"))
            self.inbox = Inbox()
        self.streams += 1
        self._span = span
        self._touched = self._clock()
        return self.inbox

    def hear(self, message: pb.LiveRequest) -> None:
        """Act on a message; what is wrong with it is answered, and changes nothing."""
        try:
            command = read_command(message, self.order.info, self._bounds)
            if not isinstance(command, says.Playhead | says.Close):
                self.caller.charge()
                self._touched = self._clock()
            self._obey(command, message.id)
        except PosewireError as error:
            self._answer(LiveAnswer(message.id, code_of(error), str(error)))
        else:
            self._answer(LiveAnswer(message.id, 0))
        self.inbox.nudge()

    def _obey(self, command: Command, number: int) -> None:
        character, walk = self.character, self.character.walk
        match command:
            case says.Playhead():
                if character.acknowledge(command.frame, self._clock()):
                    self._touched = self._clock()
                    self._forget()
            case says.Prompt():
                self._wish(Wish(command.prompt, command.seed, number), command.queued)
            case says.Stop():
                self._wish(Wish("", None, number), queued=False)
            case says.Goal():
                walk.goal = Goal(command.place and self._place(command.place), command.heading)
            case says.PaceChange():
                walk.wanted = command.rate
            case says.Clear():
                character.clear()
            case says.Close():
                self.closing = True

    def _wish(self, wish: Wish, queued: bool) -> None:
        if queued and self.character.queued >= _QUEUED:
            message = f"expected at most {_QUEUED} prompts that wait, found one more"
            raise InvalidRequest.of([Violation("prompt.queued", message)])
        self.character.say(wish, queued=queued)
        if not queued:
            self._asked = (wish, self._clock())

    def _place(self, place: tuple[float, float]) -> tuple[float, float]:
        """A place of the client's world in that of the model's skeleton."""
        return place[0] / self._scale, place[1] / self._scale

    def _answer(self, answer: LiveAnswer) -> None:
        """Say what became of a command; without an id only what was refused."""
        if answer.id:
            self.answered.append(answer)
        if not answer.id and not answer.code:
            return
        self.outbox.append(write_event(answer))
        if len(self.outbox) > _UNREAD:
            self.outbox.clear()
            message = f"expected answers to be read, found {_UNREAD} unread; send less, or read more"
            self.inbox.end(Overloaded(message, 1.0))

    # --------------------------------------------------------------------------------------- making

    def work(self, inbox: Inbox) -> None:
        """Take in what was said to a stream, and ask for what is wanted; raises what ends it."""
        now = self._clock()
        for job, what in inbox.take():
            if job is None:
                assert isinstance(what, PosewireError)
                raise what
            if self._making is not None and job is self._making[0]:
                self._hear_of(what, now)
        if now >= self._touched + self._settings.idle_seconds:
            idle = self._settings.idle_seconds
            message = f"neither a command nor a moving play head for {idle:g} s; open another session"
            raise DeadlineExceeded(message)
        segment = self.character.wanted(now) if now >= self._retry else None
        if segment is not None:
            self._make(segment, now)

    def pause(self) -> None:
        """Make nothing more until there is a stream again."""
        if self._making is not None:
            self._worker.cancel(self._making[0])
            self.character.failed(self._making[1])
            self._making = None

    def end(self) -> None:
        """Nothing is wanted any more."""
        self.pause()
        self.inbox.close()

    def _make(self, segment: Segment, now: float) -> None:
        self.pause()
        order = self.order
        request = Request(
            prompt=segment.wish.prompt or STANDING,
            model=order.info.name,
            frames=segment.frames,
            seed=segment.seed,
            sampling=order.sampling,
            priority=order.priority,
            special_game=order.special_game,
            known=segment.known,
        )
        try:
            [job] = self._worker.submit([request], self.inbox)
        except ShuttingDown:
            raise
        except PosewireError as error:
            self._note("failed", segment, now, error=error)
            self._fail(error, now)
            return
        self._making = job, segment, now
        self.character.begun(segment)

    def _hear_of(self, what: Clip | PosewireError | int, now: float) -> None:
        """The segment that is being made came, or won't, or got on."""
        assert self._making is not None
        job, segment, began = self._making
        if isinstance(what, int):
            return
        self._making = None
        if isinstance(what, PosewireError):
            self.character.failed(segment)
            self._note("failed", segment, began, job, what)
            self._fail(what, now)
            return
        used = self.character.arrived(segment, what, now - began)
        self._note("used" if used else "late", segment, began, job)
        self._failures = 0

    def _note(
        self,
        result: str,
        segment: Segment,
        began: float,
        job: Job | None = None,
        error: PosewireError | None = None,
    ) -> None:
        """Count a segment, and write its span."""
        self._counts.segments.add(1, result)
        if self._span is None:
            return
        ended = time.time_ns()
        span = self._span.inside("segment", ended - round((self._clock() - began) * 1e9))
        about = {"result": result, "first_frame": segment.at, "frames": segment.frames - segment.begins}
        spent = {} if job is None else stages(job.timings)
        span.end(ended, {**about, **spent}, error="" if error is None else str(error))

    def _fail(self, error: PosewireError, now: float) -> None:
        """Try again in a moment, unless that was tried often enough."""
        self._failures += 1
        if self._failures >= (_REFUSALS if isinstance(error, Overloaded) else _FAILURES):
            raise error
        self._retry = now + (error.retry_after or 0.1)

    # -------------------------------------------------------------------------------------- sending

    def outgoing(self) -> Iterator[pb.LiveResponse]:
        """What may be sent now. Frames are kept until they are acknowledged."""
        while self.outbox:
            yield self.outbox.popleft()
        starved, goal = self.character.starved, self.character.walk.goal
        frames = self.character.take(self._clock())
        while frames is not None:
            kept = self._keep(frames)  # before anything is sent: the stream may break at any message
            shown = [LiveSegment(t.frame, t.wish.prompt, t.seed, t.wish.command) for t in frames.turns]
            self._shown.extend(shown)
            for turn in frames.turns:
                self._note_reaction(turn.wish)
            for segment in shown:
                yield write_event(segment)
            yield write_frames(kept.first, kept.frames, self.order.info.fps, kept.data)
            if goal is not None and self.character.walk.goal is None:
                yield write_event(Notice("target_reached", "the character is where it was sent"))
            goal = self.character.walk.goal
            frames = self.character.take(self._clock())
        self._counts.starved.add(self.character.starved - starved)

    def replay(self, first: int) -> Iterator[pb.LiveResponse]:
        """Frames from `first` on that were sent before, and what they show."""
        for segment in self._shown:
            yield write_event(segment)
        for kept in self._kept:
            skipped = max(first - kept.first, 0)
            if skipped < kept.frames:
                data = kept.data[skipped * (len(kept.data) // kept.frames) :]
                fps = self.order.info.fps
                yield write_frames(kept.first + skipped, kept.frames - skipped, fps, data)

    def first_kept(self, wanted: int) -> int:
        """The first frame that can be sent again, `wanted` or a later one; raises `InvalidRequest`."""
        if wanted > self.character.sent:
            message = f"expected a frame up to {self.character.sent}, found {wanted}"
            raise InvalidRequest.of([Violation("resume.next_frame", message)])
        return max(wanted, self._kept[0].first if self._kept else self.character.sent)

    @property
    def wake_at(self) -> float:
        """When to look again though nothing was heard."""
        now = self._clock()
        times = [self._touched + self._settings.idle_seconds]
        soon = self.character.look_again(now)
        if soon is not None:
            times.append(soon)
        if self._retry > now:
            times.append(self._retry)
        return min(times)

    def _keep(self, frames: Frames) -> _Kept:
        target = self.order.target
        clip = frames.clip if target is None else retarget(frames.clip, target)
        packed = pack(clip.rotations, clip.root, clip.contacts, self.order.packing)
        kept = _Kept(frames.first, clip.frames, packed.tobytes())
        self._kept.append(kept)
        return kept

    def _forget(self) -> None:
        """Let go of what was played."""
        played = self.character.played
        while self._kept and self._kept[0].first + self._kept[0].frames <= played:
            self._kept.popleft()
        while len(self._shown) > 1 and self._shown[1].first_frame <= played:
            self._shown.popleft()

    def _note_reaction(self, wish: Wish) -> None:
        if self._asked is not None and self._asked[0] is wish:
            self._counts.reaction.observe(self._clock() - self._asked[1])
            self._asked = None


def _travel_scale(order: LiveOrder) -> float:
    """How much further the character goes than the model's skeleton."""
    target = order.target
    return height_scale(order.info.skeleton, target) if target and target.scale_travel else 1.0

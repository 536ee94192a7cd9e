"""Live streams of the Python client: a character that moves without end, told what to do as it goes.

`client.Client.live` and `client.AsyncClient.live` open them.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Self

import grpc

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import Cancelled, PosewireError, Unreachable
from posewire_runtime.exchange.events import Chunk, Header, Status
from posewire_runtime.exchange.live import (
    Clear,
    Close,
    Command,
    Goal,
    LiveAnswer,
    LiveEvent,
    LiveStarted,
    PaceChange,
    Playhead,
    Prompt,
    Resume,
    Stop,
)
from posewire_runtime.wire.live import LiveDecoder, write_command

First = pb.LiveOpen | Resume
"""How a live stream begins."""

_LOST_WHILE_WRITING = "Internal error from Core"
"""What gRPC for asyncio says of a call whose connection broke just as a message was written."""

Explain = Callable[[grpc.RpcError], PosewireError]
"""What a failed call means."""


class _LiveReader:
    """What both kinds of live streams share: all but how messages come and go."""

    def __init__(self, explain: Explain, first: First, unanswered: Mapping[int, Command]) -> None:
        """`unanswered`: commands of the stream that broke."""
        self._explain = explain
        self._decoder = LiveDecoder()
        self._waiting: deque[LiveEvent] = deque()
        # Who resumes doesn't know which ids the session has seen; they must not come twice.
        self._numbers = itertools.count(1 + secrets.randbits(48) if isinstance(first, Resume) else 1)
        self._unanswered = dict(unanswered)
        self._held = bool(unanswered)
        """Whether commands wait until it is known which of the stream before were heard."""
        self._order = threading.Lock()
        """Of the two above."""
        self._dropped = False

    @property
    def header(self) -> Header:
        """What must be known before the first frame; there once any event has arrived."""
        if self._decoder.header is None:
            raise PosewireError("expected the header, found that no event has arrived yet; call `open` first")
        return self._decoder.header

    @property
    def started(self) -> LiveStarted:
        """The session's name and secret; there once `open` was called."""
        if self._decoder.started is None:
            raise PosewireError("expected a running session, found that it has not begun; call `open` first")
        return self._decoder.started

    @property
    def next_frame(self) -> int:
        """Index of the first frame that hasn't arrived: where to resume after the connection broke."""
        return self._decoder.next_frame

    @property
    def unanswered(self) -> dict[int, Command]:
        """Commands by id whose answer hasn't arrived; `resume` takes them where the connection broke."""
        with self._order:
            return dict(self._unanswered)

    @property
    def status(self) -> Status | None:
        """How the stream ended; None: it hasn't."""
        return self._decoder.status

    def _number(self, command: Command) -> tuple[int, pb.LiveRequest | None]:
        """A command's id, and its message unless that waits."""
        number = next(self._numbers)
        message = write_command(command, number)
        with self._order:
            self._unanswered[number] = command
            return number, None if self._held else message

    def _hear(self, message: pb.LiveResponse) -> tuple[list[LiveEvent], list[pb.LiveRequest]]:
        """The events of a message, and what has to be said then."""
        event = self._decoder.feed(message)
        if event is None:
            return [], []
        with self._order:
            if isinstance(event, LiveAnswer):
                self._unanswered.pop(event.id, None)
            if not isinstance(event, LiveStarted) or not self._held:
                return [event], []
            self._held = False
            heard = [answer for answer in event.answers if self._unanswered.pop(answer.id, None)]
            again = [write_command(command, number) for number, command in self._unanswered.items()]
        return [event, *heard], again

    def _error(self, error: grpc.RpcError) -> PosewireError:
        call: Any = error
        if self._dropped:
            return _dropped_here()
        if call.details() == _LOST_WHILE_WRITING:
            return Unreachable("the connection broke while something was said")
        return self._explain(error)


class LiveStream(_LiveReader):
    """A live stream for threads and plain scripts; iterate it for chunks, or `events()` for everything.

        with client.live("a person walks") as live:
            for chunk in live:
                play(chunk)
                live.played(chunk.first_frame)  # the server runs only a little ahead of this

    Commands may come from another thread. Leaving it ends the session.
    """

    def __init__(
        self,
        call: Callable[[Iterator[pb.LiveRequest]], Any],
        first: First,
        explain: Explain,
        unanswered: Mapping[int, Command],
    ) -> None:
        super().__init__(explain, first, unanswered)
        self._commands: SimpleQueue[pb.LiveRequest | None] = SimpleQueue()
        self._commands.put(write_command(first, next(self._numbers)))
        self._call = call(iter(self._commands.get, None))
        self._events = self._receive()

    def open(self) -> LiveStarted:
        """Wait until the session runs."""
        while self._decoder.started is None:
            self._waiting.append(next(self._events))
        return self.started

    def events(self) -> Iterator[LiveEvent]:
        """All events, as they arrive; raises the error that the stream ends with."""
        while self._waiting:
            yield self._waiting.popleft()
        # `yield from` would end the stream where a loop over it is left.
        for event in self._events:  # noqa: UP028
            yield event

    def __iter__(self) -> Iterator[Chunk]:
        return (event for event in self.events() if isinstance(event, Chunk))

    def send(self, command: Command) -> int:
        """Send a command; gives its id, which its `LiveAnswer` and its `LiveSegment` carry."""
        number, message = self._number(command)
        if message is not None:
            self._commands.put(message)
        return number

    def prompt(self, prompt: str, *, seed: int | None = None, queued: bool = False) -> int:
        """Do something else now, or once what is done is done."""
        return self.send(Prompt(prompt, seed, queued))

    def stop(self) -> int:
        """Come to rest."""
        return self.send(Stop())

    def go(self, place: tuple[float, float] | None = None, heading: float | None = None) -> int:
        """Go to a place (x and z on the floor), or face a heading in radians."""
        return self.send(Goal(place, heading))

    def pace(self, rate: float) -> int:
        """Go slower or faster than the motion itself."""
        return self.send(PaceChange(rate))

    def clear(self) -> int:
        """Forget what is still to come."""
        return self.send(Clear())

    def played(self, frame: int) -> None:
        """Acknowledge that all frames before this one were played."""
        self._commands.put(write_command(Playhead(frame)))

    def close(self) -> None:
        """End the session; what still comes is its status."""
        self._commands.put(write_command(Close()))
        self._commands.put(None)

    def drop(self) -> None:
        """Break the stream; its session waits for a while to be resumed. Who iterates gets `Cancelled`."""
        self._dropped = True
        self._commands.put(None)
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.status is None and not self._dropped:
            self.close()
            with suppress(PosewireError):
                deque(self._events, maxlen=0)
        self.drop()
        self._events.close()

    def _receive(self) -> Generator[LiveEvent]:
        try:
            for message in self._call:
                events, again = self._hear(message)
                for command in again:
                    self._commands.put(command)
                yield from events
        except grpc.RpcError as error:
            raise self._error(error) from None
        finally:
            self._commands.put(None)
            self._call.cancel()
        self._decoder.finish()


class AsyncLiveStream(_LiveReader):
    """A live stream for asyncio: as `LiveStream`, with coroutines for commands."""

    def __init__(
        self, call: Callable[[], Any], first: First, explain: Explain, unanswered: Mapping[int, Command]
    ) -> None:
        super().__init__(explain, first, unanswered)
        self._first: pb.LiveRequest | None = write_command(first, next(self._numbers))
        self._writing = asyncio.Lock()
        """gRPC takes one message after the other."""
        self._call = call()
        self._events = self._receive()
        self._coming: asyncio.Future[LiveEvent | None] | None = None
        """The next event, where somebody gave up waiting for it: gRPC would end a call with its reader."""

    async def open(self) -> LiveStarted:
        """Wait until the session runs."""
        while self._decoder.started is None:
            event = await self._next()
            if event is None:
                raise PosewireError("expected a session to begin, found the end of its stream")
            self._waiting.append(event)
        return self.started

    async def events(self) -> AsyncGenerator[LiveEvent]:
        """All events, as they arrive; raises the error that the stream ends with."""
        while self._waiting:
            yield self._waiting.popleft()
        while (event := await self._next()) is not None:
            yield event

    async def __aiter__(self) -> AsyncGenerator[Chunk]:
        async for event in self.events():
            if isinstance(event, Chunk):
                yield event

    async def send(self, command: Command) -> int:
        """Send a command; gives its id, which its `LiveAnswer` and its `LiveSegment` carry."""
        number, message = self._number(command)
        if message is not None:
            await self._write(message)
        return number

    async def prompt(self, prompt: str, *, seed: int | None = None, queued: bool = False) -> int:
        """Do something else now, or once what is done is done."""
        return await self.send(Prompt(prompt, seed, queued))

    async def stop(self) -> int:
        """Come to rest."""
        return await self.send(Stop())

    async def go(self, place: tuple[float, float] | None = None, heading: float | None = None) -> int:
        """Go to a place (x and z on the floor), or face a heading in radians."""
        return await self.send(Goal(place, heading))

    async def pace(self, rate: float) -> int:
        """Go slower or faster than the motion itself."""
        return await self.send(PaceChange(rate))

    async def clear(self) -> int:
        """Forget what is still to come."""
        return await self.send(Clear())

    async def played(self, frame: int) -> None:
        """Acknowledge that all frames before this one were played."""
        await self._write(write_command(Playhead(frame)))

    async def close(self) -> None:
        """End the session; what still comes is its status."""
        await self._write(write_command(Close()))

    def drop(self) -> None:
        """Break the stream; its session waits for a while to be resumed. Who iterates gets `Cancelled`."""
        self._dropped = True
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.status is None and not self._dropped:
            with suppress(PosewireError):
                await self.close()
                while await self._next() is not None:
                    pass
        self.drop()
        with suppress(PosewireError):
            await self._next()

    async def _next(self) -> LiveEvent | None:
        """The next event; None at the end. Who stops waiting loses nothing."""
        if self._coming is None:
            self._coming = asyncio.ensure_future(anext(self._events, None))
            self._coming.add_done_callback(_heard)
        coming = self._coming
        try:
            return await asyncio.shield(coming)
        except asyncio.CancelledError:
            if coming.cancelled():  # not who waits here, but the call
                raise _dropped_here() from None
            raise
        finally:
            if coming.done():
                self._coming = None

    async def _begin(self) -> None:
        """Open the session, if nobody did."""
        async with self._writing:
            if self._first is not None:
                first, self._first = self._first, None
                await self._call.write(first)

    async def _write(self, message: pb.LiveRequest) -> None:
        """Send a message, whole even if its sender gives up. To a stream that has ended, nothing."""
        await asyncio.shield(self._put(message))

    async def _put(self, message: pb.LiveRequest) -> None:
        with suppress(grpc.RpcError, asyncio.InvalidStateError):
            await self._begin()
            async with self._writing:
                if not self._call.done():
                    await self._call.write(message)

    async def _receive(self) -> AsyncGenerator[LiveEvent]:
        try:
            with suppress(asyncio.InvalidStateError):  # it was dropped, or refused, before it began
                await self._begin()
            async for message in self._call:
                events, again = self._hear(message)
                for command in again:
                    await self._write(command)
                for event in events:
                    yield event
        except grpc.RpcError as error:
            raise self._error(error) from None
        except asyncio.CancelledError:
            if self._dropped:
                raise _dropped_here() from None
            raise
        finally:
            self._call.cancel()
        self._decoder.finish()


def _heard(event: asyncio.Future[LiveEvent | None]) -> None:
    """An error that nobody waits for any more is nobody's."""
    if not event.cancelled():
        event.exception()


def _dropped_here() -> Cancelled:
    return Cancelled("the live stream was dropped by its own client")

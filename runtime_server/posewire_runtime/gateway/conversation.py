"""One page's conversation: messages in, calls answered side by side, each to its end.

Knows the service and messages, no WebSocket: `say` is any coroutine that takes a message and waits until
there is room for the next. What the service refuses over gRPC it refuses here, with the same words.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress

from google.protobuf.message import DecodeError

from posewire_proto.v1 import page_pb2 as pages
from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime import __version__
from posewire_runtime.errors import (
    Cancelled,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
    PosewireError,
    ProtocolError,
    Unauthenticated,
    Violation,
    code_of,
)
from posewire_runtime.formats import FORMATS
from posewire_runtime.gateway import exhibits
from posewire_runtime.gateway.exhibits import Exhibit
from posewire_runtime.server.service import Service
from posewire_runtime.server.tokens import NOBODY

logger = logging.getLogger(__name__)

Say = Callable[[bytes], Awaitable[None]]
"""Sends a message and returns when there is room for more; raises `ConnectionError` when the page is gone."""

_MOST_CALLS = 32
"""Calls that a page may have open."""
_MOST_SAID = 256
"""Messages to a live call that may wait."""
_SUSPICION = 0.5
"""Seconds that a wrong token waits for its answer, so that guessing takes long."""


class Conversation:
    """Answers one page."""

    def __init__(
        self, service: Service | None, shown: Sequence[Exhibit], say: Say, max_message_bytes: int
    ) -> None:
        self._service = service
        self._exhibits = shown
        self._say = say
        self._max_message_bytes = max_message_bytes
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._live: dict[int, asyncio.Queue[pb.LiveRequest]] = {}
        """What was said to the calls that are live and wasn't heard yet."""
        self._caller = NOBODY

    async def greet(self, data: bytes | str) -> None:
        """Hear the first message; raises `Unauthenticated` or `ProtocolError`, after it was answered."""
        ask = _read(data)
        try:
            if ask.WhichOneof("ask") != "hello":
                raise ProtocolError(f"expected hello first, found {ask.WhichOneof('ask')}")
            if self._service is not None:
                self._caller = self._service.admit(ask.hello.token)
        except PosewireError as error:
            await asyncio.sleep(_SUSPICION if isinstance(error, Unauthenticated) else 0)
            await self._end(ask.call, error)
            raise
        kinds = [pages.FileFormat(suffix=s, description=f.description) for s, f in FORMATS.items()]
        welcome = pages.Welcome(
            server_version=__version__,
            generates=self._service is not None,
            exhibits=[exhibit.name for exhibit in self._exhibits],
            formats=kinds,
            max_message_bytes=self._max_message_bytes,
        )
        await self._answer(pages.PageResponse(call=ask.call, welcome=welcome))
        await self._end(ask.call)

    def hear(self, data: bytes | str) -> None:
        """Begin what a message asks for; raises `ProtocolError` where it asks for nothing."""
        ask = _read(data)
        kind = ask.WhichOneof("ask")
        running = self._calls.get(ask.call)
        if kind == "cancel":
            if running is not None:
                running.cancel()
            return
        if kind == "live" and running is not None and ask.call in self._live:
            _tell(running, self._live[ask.call], ask.live)
            return
        if running is not None:
            raise ProtocolError(f"expected a call with a number of its own, found {ask.call} open already")
        if kind == "live":
            self._live[ask.call] = asyncio.Queue(_MOST_SAID)
        task = asyncio.create_task(self._run(ask, kind), name=f"call {ask.call}")
        self._calls[ask.call] = task
        task.add_done_callback(lambda _: self._forget(ask.call))

    async def close(self) -> None:
        """Cancel what is open, and wait until it is gone."""
        tasks = [*self._calls.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, call: int) -> None:
        self._calls.pop(call, None)
        self._live.pop(call, None)

    async def _run(self, ask: pages.PageRequest, kind: str | None) -> None:
        """One call, to its end."""
        error: PosewireError | None = None
        try:
            if len(self._calls) > _MOST_CALLS:
                raise Overloaded(f"expected at most {_MOST_CALLS} open calls of a page; retry", 1.0)
            await self._work(ask, kind)
        except PosewireError as caught:
            error = caught
        except asyncio.CancelledError:
            error = Cancelled("the call was cancelled by its page")
        except ConnectionError:
            return
        except Exception:
            logger.exception("a page's call failed unexpectedly")
            error = GenerationFailed("the server failed unexpectedly; its log says more")
        with suppress(ConnectionError):
            await self._end(ask.call, error)

    async def _work(self, ask: pages.PageRequest, kind: str | None) -> None:
        self._caller.charge()
        match kind:
            case "generate":
                await self._asked().generate(ask.generate, self._writer(ask.call), None, self._caller)
            case "live":
                await self._keep_moving(ask)
            case "warm":
                answer = pages.PageResponse(call=ask.call, warm=await self._asked().warm(ask.warm))
                await self._answer(answer)
            case "list_models":
                await self._answer(pages.PageResponse(call=ask.call, list_models=self._asked().models()))
            case "save":
                made = await asyncio.to_thread(exhibits.save, ask.save)
                await self._answer(pages.PageResponse(call=ask.call, file=made))
            case "body":
                body = await asyncio.to_thread(exhibits.body, ask.body)
                await self._answer(pages.PageResponse(call=ask.call, body=body))
            case "bones":
                await self._answer(pages.PageResponse(call=ask.call, bones=exhibits.bones(ask.bones)))
            case "show":
                await self._show(ask.call, exhibits.find_exhibit(self._exhibits, ask.show.index))
            case _:
                raise InvalidRequest.of([Violation("ask", f"expected something to do, found {kind}")])

    async def _keep_moving(self, ask: pages.PageRequest) -> None:
        """A live session: this message, and those that follow under the same number."""
        said = self._live[ask.call]

        async def requests() -> AsyncIterator[pb.LiveRequest]:
            yield ask.live
            while True:
                yield await said.get()

        def write(event: pb.LiveResponse) -> Awaitable[None]:
            return self._answer(pages.PageResponse(call=ask.call, live=event))

        await self._asked().live(requests(), write, self._caller)

    async def _show(self, call: int, exhibit: Exhibit) -> None:
        if isinstance(exhibit.content, bytes):
            file = pages.File(name=exhibit.name, data=exhibit.content)
            await self._answer(pages.PageResponse(call=call, file=file))
            return
        write = self._writer(call)
        for event in exhibits.events(exhibit.name, exhibit.content):
            await write(event)

    def _asked(self) -> Service:
        if self._service is None:
            message = (
                "expected a server with models, found one that only shows files: posewire serve --viewer"
            )
            raise InvalidRequest.of([Violation("ask", message)])
        return self._service

    def _writer(self, call: int) -> Callable[[pb.GenerateResponse], Awaitable[None]]:
        def write(event: pb.GenerateResponse) -> Awaitable[None]:
            return self._answer(pages.PageResponse(call=call, generate=event))

        return write

    async def _answer(self, answer: pages.PageResponse) -> None:
        await self._say(answer.SerializeToString())

    async def _end(self, call: int, error: PosewireError | None = None) -> None:
        end = pages.End()
        if error is not None:
            end = pages.End(code=code_of(error), message=str(error), retry_after_seconds=error.retry_after)
            for violation in getattr(error, "violations", ()):
                end.refusals.add(field=violation.field, message=violation.message)
        await self._answer(pages.PageResponse(call=call, end=end))


def _tell(call: asyncio.Task[None], said: asyncio.Queue[pb.LiveRequest], message: pb.LiveRequest) -> None:
    """One more message to a live call; one that hears nothing any more is ended."""
    try:
        said.put_nowait(message)
    except asyncio.QueueFull:
        call.cancel()


def _read(data: bytes | str) -> pages.PageRequest:
    if isinstance(data, str):
        raise ProtocolError("expected a binary message, found text")
    try:
        return pages.PageRequest.FromString(data)
    except DecodeError as error:
        raise ProtocolError(f"expected a PageRequest, found {len(data)} other bytes") from error

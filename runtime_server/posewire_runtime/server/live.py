"""All live sessions: opened, talked to, lost, resumed and ended. Knows streams of messages, no gRPC.

A stream that breaks leaves its session waiting for its client; a stream that ends takes its session with it.
"""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import (
    DeadlineExceeded,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
    PosewireError,
    UnknownSession,
    Violation,
    code_of,
)
from posewire_runtime.exchange.events import Header, Notice
from posewire_runtime.exchange.live import LiveAnswer, LiveStarted, Resume
from posewire_runtime.metrics import Counter
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.live_session import Counts, LiveSession, Superseded
from posewire_runtime.server.streaming import ClientLost, Inbox
from posewire_runtime.server.tokens import Caller
from posewire_runtime.server.tracing import Span
from posewire_runtime.types import CONTACT_NAMES, ModelInfo
from posewire_runtime.wire.live import read_open, read_resume, write_end, write_event
from posewire_runtime.wire.stream import CONVENTION

logger = logging.getLogger(__name__)

Write = Callable[[pb.LiveResponse], Awaitable[None]]
"""Writes a message and returns when there is room for the next; raises `ClientLost`."""

Notices = Callable[[ModelInfo], tuple[Notice, ...]]
"""What has to be said about a model."""

_CANCEL_SECONDS = 0.3
"""A stream that was broken off looks first as if its client had nothing more to say."""
_BUSY_RETRY = 1.0
"""Seconds after which a client may try again when there are too many sessions."""


class LiveSessions:
    """The sessions of one server."""

    def __init__(
        self, worker: Worker, library: Library, settings: Settings, notices: Notices, ended: Counter
    ) -> None:
        """`ended` counts requests by code."""
        self._worker = worker
        self._library = library
        self._settings = settings
        self._notices = notices
        self._ended = ended
        self._counts = Counts(worker.metrics)
        self._sessions: dict[str, LiveSession] = {}
        self._attached: set[Inbox] = set()

    async def serve(
        self,
        requests: AsyncIterator[pb.LiveRequest],
        write: Write,
        who: Caller,
        inside: Callable[[Inbox], None],
        outside: Callable[[Inbox], None],
        span: Span | None = None,
    ) -> None:
        """One stream, from its first message to its end; raises what it ended with.

        `inside` and `outside` hear of its inbox, through which the server may end it. `span` is its own,
        where traces are wanted.
        """
        session: LiveSession | None = None
        error: BaseException | None = None
        before, began = 0, asyncio.get_running_loop().time()
        try:
            with who.stream():
                first = await self._first(requests)
                session, start = self._enter(first, who)
                before = session.character.sent
                inbox = session.attach(span)
                inside(inbox)
                self._attached.add(inbox)
                try:
                    await self._talk(session, inbox, requests, write, (start, first.id))
                finally:
                    self._attached.discard(inbox)
                    outside(inbox)
        except BaseException as caught:
            error = caught
            raise
        finally:
            took = asyncio.get_running_loop().time() - began
            frames = session.character.sent - before if session else 0
            line = self._log(session, error, took, frames)
            if span is not None:
                why = "" if error is None else str(error) or type(error).__name__
                span.end(time.time_ns(), line, error=why)

    def end(self, error: PosewireError) -> None:
        """End all sessions; their clients hear of it."""
        for session in [*self._sessions.values()]:
            if session.inbox in self._attached:
                session.inbox.end(error)
            else:
                self._drop(session)

    async def _first(self, requests: AsyncIterator[pb.LiveRequest]) -> pb.LiveRequest:
        """The message that opens or resumes; raises when none comes in time."""
        patience = self._settings.request_seconds
        try:
            async with asyncio.timeout(patience):
                return await anext(requests)
        except TimeoutError:
            message = f"expected `open` or `resume` within {patience:g} s, found nothing"
            raise DeadlineExceeded(message) from None
        except StopAsyncIteration:
            raise _refused("command", "expected `open` or `resume` first, found no message") from None
        except Exception as error:
            logger.info("a live stream's first message can't be read: %s", error)
            raise _unreadable() from None

    def _enter(self, first: pb.LiveRequest, who: Caller) -> tuple[LiveSession, int]:
        """The session that the first message is about, and the first frame that its client needs."""
        kind = first.WhichOneof("command")
        if kind == "resume":
            return self._resume(read_resume(first.resume), who)
        if kind != "open":
            raise _refused("command", f"expected `open` or `resume` first, found {kind}")
        order = read_open(first.open, self._library, self._settings.limits)
        self._check_room(who)
        session = LiveSession(
            order,
            first.id,
            who,
            self._worker,
            self._settings.live,
            self._settings.limits,
            self._counts,
        )
        self._sessions[session.id] = session
        self._counts.sessions.set(len(self._sessions))
        return session, 0

    def _resume(self, asked: Resume, who: Caller) -> tuple[LiveSession, int]:
        session = self._sessions.get(asked.session_id)
        fits = session is not None and hmac.compare_digest(session.secret.encode(), asked.secret.encode())
        if session is None or not fits or session.caller.name != who.name:
            raise UnknownSession("expected a session that waits here, and its secret; open another one")
        return session, session.first_kept(asked.next_frame)

    def _check_room(self, who: Caller) -> None:
        live = self._settings.live
        if len(self._sessions) >= live.sessions:
            raise Overloaded(f"expected at most {live.sessions} live sessions, found as many", _BUSY_RETRY)
        mine = sum(session.caller is who for session in self._sessions.values())
        if who.name and live.token_sessions and mine >= live.token_sessions:
            message = f"expected at most {live.token_sessions} live sessions with this token; close one"
            raise Overloaded(message, _BUSY_RETRY)

    async def _talk(
        self,
        session: LiveSession,
        inbox: Inbox,
        requests: AsyncIterator[pb.LiveRequest],
        write: Write,
        begin: tuple[int, int],
    ) -> None:
        """Send and hear until the session or the stream ends; afterwards the session waits, or is gone."""
        reader = asyncio.create_task(_read(session, inbox, requests))
        waits, error = True, None
        try:
            await self._greet(session, write, *begin)
            await self._send(session, inbox, write)
            waits = False
        except (ClientLost, Superseded):
            raise
        except PosewireError as caught:
            waits, error = False, caught
        except Exception:
            logger.exception("live session %s failed unexpectedly", session.id)
            failure = f"the server failed unexpectedly; its log has more of live session {session.id}"
            waits, error = False, GenerationFailed(failure)
        finally:
            reader.cancel()
            if session.inbox is inbox:
                self._leave(session, waits)
        await write(write_end(error))
        if error is not None:
            raise error

    async def _greet(self, session: LiveSession, write: Write, start: int, number: int) -> None:
        """What a client must know before the first frame, and the frames that it lost."""
        order, live = session.order, self._settings.live
        header = Header(
            stream_id=session.id,
            model=order.info.name,
            skeleton=order.skeleton,
            fps=order.info.fps,
            packing=order.packing,
            convention=CONVENTION,
            contact_names=CONTACT_NAMES,
            clips=1,
            licence_notice=order.info.licence.notice,
            notices=self._notices(order.info),
        )
        started = LiveStarted(
            session_id=session.id,
            secret=session.secret,
            first_frame=start,
            resume_seconds=live.resume_seconds,
            idle_seconds=live.idle_seconds,
            ahead_seconds=session.ahead_seconds,
            resumed=session.streams > 1,
            answers=tuple(session.answered),
        )
        await write(write_event(header))
        await write(write_event(started))
        if number:
            await write(write_event(LiveAnswer(number, 0)))
        for message in [*session.replay(start)]:
            await write(message)

    async def _send(self, session: LiveSession, inbox: Inbox, write: Write) -> None:
        """Send what may be sent, until the client is done."""
        while not session.closing:
            session.work(inbox)
            for message in session.outgoing():
                await write(message)
                if session.inbox is not inbox:
                    break
            await inbox.wait(session.wake_at)

    def _leave(self, session: LiveSession, waits: bool) -> None:
        """A stream is over: its session waits for a while, or is over too."""
        if not waits:
            self._drop(session)
            return
        session.pause()
        streams = session.streams

        def give_up() -> None:
            if session.streams == streams:
                self._drop(session)

        asyncio.get_running_loop().call_later(self._settings.live.resume_seconds, give_up)

    def _drop(self, session: LiveSession) -> None:
        if self._sessions.pop(session.id, None) is not None:
            session.end()
            self._counts.sessions.set(len(self._sessions))

    def _log(
        self, session: LiveSession | None, error: BaseException | None, took: float, frames: int
    ) -> dict[str, str | float]:
        """Count a stream, log its line, and give it."""
        code = _code_name(error)
        self._ended.add(1, code)
        line: dict[str, str | float] = {"code": code, "ms": round(took * 1e3, 3), "frames": frames}
        if session is not None:
            line |= {"session": session.id, "model": session.order.info.name, "streams": session.streams}
            line |= {"request": session.order.request_id} if session.order.request_id else {}
            line |= {"caller": session.caller.name} if session.caller.name else {}
        if isinstance(error, PosewireError):
            line["error"] = str(error)
        logger.info("live %s", json.dumps(line), extra={"fields": line})
        return line


async def _read(session: LiveSession, inbox: Inbox, requests: AsyncIterator[pb.LiveRequest]) -> None:
    """Hear everything, as long as the stream is the session's; the end of the messages closes it."""
    try:
        async for message in requests:
            if session.inbox is not inbox:
                return
            session.hear(message)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        logger.info("live session %s: a message can't be read: %s", session.id, error)
        inbox.end(_unreadable())
        return
    await asyncio.sleep(_CANCEL_SECONDS)
    if session.inbox is inbox:
        session.closing = True
        inbox.nudge()


def _code_name(error: BaseException | None) -> str:
    if error is None:
        return "OK"
    if isinstance(error, asyncio.CancelledError):
        return "CANCELLED"
    return code_of(error).name if isinstance(error, PosewireError) else "INTERNAL"


def _unreadable() -> InvalidRequest:
    return InvalidRequest("expected a LiveRequest, found bytes that are none, or too many")


def _refused(field: str, message: str) -> InvalidRequest:
    return InvalidRequest.of([Violation(field, message)])

"""What stands before every RPC: a token where one is asked for, and a request that comes in time.

gRPC itself would wait for a request for as long as its connection lives, and would refuse one that is too
large or no message without telling anybody. Here both end, are counted and logged. Knows no service.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any, NoReturn, cast

import grpc

from posewire_runtime.errors import (
    DeadlineExceeded,
    InvalidRequest,
    Overloaded,
    PosewireError,
)
from posewire_runtime.metrics import Metrics
from posewire_runtime.server.tokens import NOBODY, Caller, Tokens
from posewire_runtime.wire.status import DETAILS_KEY, write_status

logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

_SCHEME = "bearer "
_OPEN = "/grpc.health.v1.Health/"
"""Anybody may ask whether the server lives: load balancers have no tokens."""
_LINES = 10.0
"""Refusals that are logged each second; who floods the server shall not fill its disk."""

_EOF: Any = cast(Any, grpc.aio).EOF
"""What is read where nothing more comes."""

_caller: ContextVar[Caller] = ContextVar("caller", default=NOBODY)


_traceparent: ContextVar[str] = ContextVar("traceparent", default="")


def caller() -> Caller:
    """Who made the RPC that is being answered."""
    return _caller.get()


def traceparent() -> str:
    """The trace that its caller wants it to be a part of; empty: none."""
    return _traceparent.get()


class Refusals:
    """Counts who isn't let in, and logs as many as a log can bear."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = metrics.counter("posewire_refused_total", "Calls that no service saw.", ["reason"])
        self._clock = clock
        self._room, self._counted, self._unsaid = _LINES, clock(), 0

    def note(self, reason: str, method: str, peer: str, error: PosewireError) -> None:
        """One more."""
        self._count.add(1, reason)
        now = self._clock()
        self._room = min(self._room + (now - self._counted) * _LINES, _LINES)
        self._counted = now
        if self._room < 1:
            self._unsaid += 1
            return
        self._room -= 1
        more = f" ({self._unsaid} more went unsaid)" if self._unsaid else ""
        self._unsaid = 0
        logger.warning("refused %s from %s: %s: %s%s", method, peer, reason, error, more)


class Guard(grpc.aio.ServerInterceptor):
    """Asks every caller for a token, and reads every request within some time."""

    def __init__(self, tokens: Tokens, patience: float, most_bytes: int, refusals: Refusals) -> None:
        """`patience`: seconds until the request must be there; `most_bytes` of it."""
        self._tokens = tokens
        self._patience = patience
        self._most_bytes = most_bytes
        self._refusals = refusals

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The method's handler, with the guard before it."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method

        async def answer(requests: Any, context: Context) -> Any:
            async with self._inside(method, context):
                given = requests if handler.request_streaming else await self._read(method, context)
                return await _answer(_behaviour(handler), given, context)

        made = (
            grpc.stream_stream_rpc_method_handler
            if handler.response_streaming
            else grpc.stream_unary_rpc_method_handler
        )
        return made(answer, handler.request_deserializer, handler.response_serializer)  # pyright: ignore[reportArgumentType]

    @asynccontextmanager
    async def _inside(self, method: str, context: Context) -> AsyncGenerator[None]:
        """Let the caller in, or end the call."""
        if method.startswith(_OPEN):
            yield
            return
        try:
            found = self._tokens.admit(_token(context))
            found.charge()
        except PosewireError as error:
            reason = "rate" if isinstance(error, Overloaded) else "token"
            await self._refuse(reason, method, context, error)
        _caller.set(found)
        _traceparent.set(_metadata(context, "traceparent"))
        yield

    async def _read(self, method: str, context: Context) -> Any:
        """The request of a call that has one."""
        try:
            async with asyncio.timeout(self._patience):
                request = await context.read()
        except TimeoutError:
            error = DeadlineExceeded(f"expected a request within {self._patience:g} s, found none")
            await self._refuse("silent", method, context, error)
        except Exception:
            error = InvalidRequest("expected a message of this method, found bytes that are none")
            await self._refuse("unreadable", method, context, error)
        if request is _EOF:
            message = f"expected one request of at most {self._most_bytes} bytes, found none or a larger one"
            await self._refuse("no request", method, context, InvalidRequest(message))
        return request

    async def _refuse(self, reason: str, method: str, context: Context, error: PosewireError) -> NoReturn:
        self._refusals.note(reason, method, context.peer(), error)
        await abort(context, error)


async def abort(context: Context, error: PosewireError) -> NoReturn:
    """End an RPC with an error's status and details."""
    status = write_status(error)
    code = next(code for code in grpc.StatusCode if code.value[0] == status.code)
    await context.abort(code, status.message, ((DETAILS_KEY, status.SerializeToString()),))


def _behaviour(handler: Any) -> Callable[[Any, Any], Any]:
    """The function behind a handler, whatever kind it is."""
    kinds = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    return next(kind for kind in kinds if kind is not None)


async def _answer(behaviour: Callable[[Any, Any], Any], request: Any, context: Context) -> Any:
    """Call it: some return a message, some write messages themselves, some yield them."""
    result = behaviour(request, context)
    if not inspect.isasyncgen(result):
        return await result
    async for message in result:
        await context.write(message)
    return None


def _token(context: Context) -> str:
    """The bearer token that came along with a call; empty: none."""
    told = _metadata(context, "authorization")
    return told[len(_SCHEME) :] if told.lower().startswith(_SCHEME) else ""


def _metadata(context: Context, wanted: str) -> str:
    found = context.invocation_metadata() or ()
    return next((str(value) for key, value in found if key == wanted), "")

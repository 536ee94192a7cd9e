"""What is served: validate, submit, stream, cancel. Knows jobs and gRPC calls, not tensors, ports or signals.

`generate`, `warm` and `models` know no gRPC: the RPCs are one door to them, the browser's gateway another.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeVar

import grpc

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_proto.v1 import posewire_pb2_grpc as pb_grpc
from posewire_runtime import __version__
from posewire_runtime.errors import (
    DeviceError,
    GenerationFailed,
    Overloaded,
    PosewireError,
    ShuttingDown,
    code_of,
)
from posewire_runtime.exchange.events import Notice, ServedModel
from posewire_runtime.metrics import Metrics
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.guard import abort, caller, traceparent
from posewire_runtime.server.live import LiveSessions
from posewire_runtime.server.rewriting import Rewriting
from posewire_runtime.server.streaming import ClientLost, Inbox, Send, Streamer
from posewire_runtime.server.tokens import NOBODY, Allowance, Caller, Tokens
from posewire_runtime.server.tracing import Traces, stages
from posewire_runtime.types import ModelInfo
from posewire_runtime.wire.models import write_model
from posewire_runtime.wire.requests import Order, read_generate, read_warm

logger = logging.getLogger(__name__)

Context = grpc.aio.ServicerContext[Any, Any]

Write = Callable[[pb.GenerateResponse], Awaitable[None]]
"""Writes a message to a client and returns when there is room for the next; raises when it is gone."""

_Message = TypeVar("_Message")

_BUSY_RETRY = 1.0
"""Seconds after which a client may try again when there are too many streams."""


class Service(pb_grpc.PosewireServicer):
    """Answers the RPCs of `posewire.v1.Posewire`."""

    def __init__(self, worker: Worker, library: Library, settings: Settings) -> None:
        self._worker = worker
        self._library = library
        self._settings = settings
        self.tokens = self.read_tokens()
        """Who may come in."""
        self._rewriting = Rewriting(settings.rewrite)
        self._streams: set[Inbox] = set()
        self.draining = False
        """Whether new work is refused because the server shuts down."""
        self.stuck: Callable[[], bool] = lambda: False
        """Whether the device hangs: nothing can be asked of it."""
        self.traces: Traces | None = None
        """Where spans go."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._tally = _Tally(worker.metrics)
        self._sessions = LiveSessions(worker, library, settings, self._notices, self._tally.requests)

    @property
    def streams(self) -> int:
        """Streams that are open."""
        return len(self._streams)

    async def drain(self, limit: float) -> None:
        """Refuse new work, and give open streams `limit` seconds to come to their end."""
        self.draining = True
        self._sessions.end(ShuttingDown("the server shuts down; open another session with another server"))
        try:
            async with asyncio.timeout(limit):
                await self._idle.wait()
        except TimeoutError:
            logger.warning("%d streams are ended after %g s of draining", self.streams, limit)
            self.end_streams()

    def end_streams(self) -> None:
        """End what is open, with a status that says why."""
        for inbox in self._streams:
            inbox.end(ShuttingDown("the server shuts down and can't finish this stream; ask another one"))

    async def Generate(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: pb.GenerateRequest, context: Context
    ) -> None:
        """Makes one clip for each seed and streams them."""

        async def work() -> None:
            await self.generate(request, context.write, _deadline(context), caller())

        await _answered(context, work())

    async def Live(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request_iterator: AsyncIterator[pb.LiveRequest], context: Context
    ) -> None:
        """Keeps one character moving."""
        await _answered(context, self.live(request_iterator, context.write, caller()))

    async def Warm(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: pb.WarmRequest, context: Context
    ) -> pb.WarmResponse:
        """Loads models and encodes prompts ahead of time."""
        return await _answered(context, self.warm(request))

    async def ListModels(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, request: pb.ListModelsRequest, context: Context
    ) -> pb.ListModelsResponse:
        """What this server serves."""
        del request, context
        return self.models()

    def admit(self, token: str) -> Caller:
        """Let a caller in; raises `Unauthenticated`."""
        return self.tokens.admit(token)

    def read_tokens(self, *, nobody: bool = False) -> Tokens:
        """Who may come in by what is on disk now; `nobody`: that may be nobody any more."""
        settings = self._settings
        usual = Allowance(settings.token_rate, settings.token_streams)
        return Tokens.read(settings.token_file, usual, nobody=nobody)

    def models(self) -> pb.ListModelsResponse:
        """What this server serves."""
        models = [self._model(self._library.info(name)) for name in self._library.names()]
        return pb.ListModelsResponse(models=models, server_version=__version__)

    async def generate(
        self, request: pb.GenerateRequest, write: Write, deadline: float | None, who: Caller = NOBODY
    ) -> None:
        """Make what is asked for and write its events; raises what kept it from being made."""
        record = _Record(request.request_id, deadline, who.name)
        try:
            self._check_room()
            order = record.order = await self._order(request, record)
            with who.stream():
                await self._stream(order, record, self._sender(write))
        except BaseException as error:
            record.error = error
            raise
        finally:
            line = record.write(self._tally, request.prompt if self._settings.log_prompts else None)
            if self.traces is not None:
                record.trace(self.traces, line)
            record.forget()

    async def live(
        self,
        requests: AsyncIterator[pb.LiveRequest],
        write: Callable[[pb.LiveResponse], Awaitable[None]],
        who: Caller = NOBODY,
    ) -> None:
        """Keep a character moving as the messages say; raises what it ended with."""
        self._check_room()
        span = self.traces and self.traces.begin(
            "posewire.v1.Posewire/Live", time.time_ns(), traceparent=traceparent()
        )
        await self._sessions.serve(requests, self._sender(write), who, self._enter, self._leave, span)

    def _notices(self, info: ModelInfo) -> tuple[Notice, ...]:
        """What has to be said about a model."""
        if info.name not in self._worker.degraded():
            return ()
        message = (
            f"{info.name} lately made nothing but motion that was not usable; another model may do better"
        )
        return (Notice("model_degraded", message),)

    async def _order(self, request: pb.GenerateRequest, record: _Record) -> Order:
        """Check a request; where prompts are rewritten, only one that is fine bothers the rewriter."""
        order = read_generate(request, self._library, self._settings.limits, record.deadline)
        order = replace(order, notices=(*order.notices, *self._notices(order.info)))
        if not self._rewriting.wanted(request):
            return order
        request, notices = await self._rewriting.apply(request, order.info)
        again = read_generate(request, self._library, self._settings.limits, record.deadline)
        return replace(again, notices=(*again.notices, *self._notices(order.info), *notices))

    async def _stream(self, order: Order, record: _Record, send: Send) -> None:
        """Submit, send, and leave nothing behind."""
        inbox = Inbox(order.progress)
        jobs = self._worker.submit(order.requests, inbox)
        self._enter(inbox)
        try:
            record.streamer = Streamer(order, record.stream_id, jobs, inbox, send, self._tally.paced)
            await record.streamer.run()
        finally:
            inbox.close()
            for job in jobs:
                self._worker.cancel(job)
            self._leave(inbox)

    def _sender(self, write: Callable[[_Message], Awaitable[None]]) -> Callable[[_Message], Awaitable[None]]:
        """Writes one message and waits until there is room for the next, but not forever."""
        patience = self._settings.stall_seconds

        async def send(message: _Message) -> None:
            try:
                async with asyncio.timeout(patience):
                    await write(message)
            except TimeoutError:
                raise ClientLost(f"the client read nothing for {patience:g} s") from None
            except Exception as error:
                raise ClientLost("the client went away") from error

        return send

    async def warm(self, request: pb.WarmRequest) -> pb.WarmResponse:
        """Load models and encode prompts ahead of time."""
        self._check_room()
        infos, prompts = read_warm(request, self._library, self._settings.limits)
        futures = [asyncio.wrap_future(self._worker.warm(info.name, prompts)) for info in infos]
        encoded = sum(await asyncio.gather(*futures))
        models = [self._model(self._library.info(info.name)) for info in infos]
        return pb.WarmResponse(models=models, encoded=encoded)

    def _model(self, info: ModelInfo) -> pb.Model:
        is_default, loaded = info.name == self._library.default, self._library.loaded(info.name)
        degraded = info.name in self._worker.degraded()
        return write_model(ServedModel(info, is_default, loaded, self._settings.limits.max_seeds, degraded))

    def _check_room(self) -> None:
        if self.draining:
            raise ShuttingDown("the server shuts down and takes no new work; ask another one")
        if self.stuck():
            raise DeviceError("the device hangs in a call; ask another server")
        most = self._settings.max_streams
        if self.streams >= most:
            raise Overloaded(f"expected at most {most} streams at once, found as many; retry", _BUSY_RETRY)

    def _enter(self, inbox: Inbox) -> None:
        self._streams.add(inbox)
        self._idle.clear()
        self._tally.streams.set(self.streams)

    def _leave(self, inbox: Inbox) -> None:
        self._streams.discard(inbox)
        self._tally.streams.set(self.streams)
        if not self._streams:
            self._idle.set()


class _Tally:
    """What the service counts."""

    def __init__(self, metrics: Metrics) -> None:
        self.streams = metrics.gauge("posewire_streams", "Open streams.")
        self.requests = metrics.counter("posewire_requests_total", "Ended requests.", ["code"])
        self.first_frame = metrics.histogram(
            "posewire_first_frame_seconds", "From the arrival of a request to its first frame."
        )
        self.frames = metrics.counter("posewire_frames_total", "Frames that left.")
        self._gaps = metrics.histogram(
            "posewire_chunk_gap_seconds", "From one chunk of a clip to its next one, pace included."
        )
        self._late = metrics.histogram(
            "posewire_chunk_late_seconds", "From when a chunk was due until it left."
        )

    def paced(self, gap: float, late: float) -> None:
        """A chunk left."""
        if gap:
            self._gaps.observe(gap)
        self._late.observe(late)


class _Record:
    """What the log says about one request, in one line."""

    def __init__(self, request_id: str, deadline: float | None, caller: str) -> None:
        self.stream_id = secrets.token_hex(8)
        self.request_id = request_id
        self.deadline = deadline
        self.caller = caller
        self.order: Order | None = None
        self.streamer: Streamer | None = None
        self.error: BaseException | None = None
        self._clock = asyncio.get_running_loop().time
        self._began = self._clock()
        self._arrived = time.time_ns()
        self._parent = traceparent()

    def write(self, tally: _Tally, prompt: str | None) -> Mapping[str, str | float]:
        """Count the request, log its line, and give it."""
        code = self._code()
        tally.requests.add(1, code)
        line: dict[str, str | float] = {"stream": self.stream_id, "code": code}
        if self.request_id:
            line["request"] = self.request_id[:128]
        if self.caller:
            line["caller"] = self.caller
        if self.order is not None:
            line |= {"model": self.order.info.name, "clips": len(self.order.requests)}
        if self.streamer is not None:
            line["frames"] = self.streamer.frames
            tally.frames.add(self.streamer.frames)
            if self.streamer.first_frame is not None:
                first = self.streamer.first_frame - self._began
                line["first_frame_ms"] = round(first * 1e3, 3)
                tally.first_frame.observe(first)
        line["ms"] = round((self._clock() - self._began) * 1e3, 3)
        if isinstance(self.error, PosewireError):
            line["error"] = str(self.error)
        if prompt is not None:
            line["prompt"] = prompt
        logger.info("generate %s", json.dumps(line), extra={"fields": line})
        return line

    def forget(self) -> None:
        """Let go of the stream: its error knows the frames it came through, and they know the clips."""
        self.error = self.streamer = None

    def trace(self, traces: Traces, line: Mapping[str, str | float]) -> None:
        """Write its span, with what the log says and how long each stage took."""
        spent = {} if self.streamer is None else stages(self.streamer.timings())
        at = self.streamer.first_frame if self.streamer is not None else None
        first = {} if at is None else {"first frame": self._arrived + round((at - self._began) * 1e9)}
        error = "" if self.error is None else str(self.error) or type(self.error).__name__
        span = traces.begin("posewire.v1.Posewire/Generate", self._arrived, traceparent=self._parent)
        span.end(time.time_ns(), {**line, **spent}, error=error, events=first)

    def _code(self) -> str:
        if self.error is None:
            return "OK"
        if isinstance(self.error, asyncio.CancelledError):
            expired = self.deadline is not None and time.monotonic() >= self.deadline
            return "DEADLINE_EXCEEDED" if expired else "CANCELLED"
        return code_of(self.error).name if isinstance(self.error, PosewireError) else "INTERNAL"


def _deadline(context: Context) -> float | None:
    """The caller's deadline by the worker's clock."""
    left = context.time_remaining()
    return None if left is None else time.monotonic() + left  # pyright: ignore[reportUnnecessaryComparison]


async def _answered(context: Context, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of an RPC; an error becomes a status with details, and the server lives on."""
    try:
        return await work
    except PosewireError as error:
        # A client that doesn't read delays its own end: the frames that failed shan't live as long.
        await abort(context, error.with_traceback(None))
    except Exception:
        logger.exception("an RPC failed unexpectedly")
        await abort(context, GenerationFailed("the server failed unexpectedly; its log says more"))

"""The Python client, synchronous and asynchronous.

    with Client("localhost:50051") as client:
        for chunk in client.generate("a person waves", seconds=3):
            play(chunk.rotations, chunk.root)

Errors of the server come back as the classes of `errors`, with the refused fields in `violations`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import deque
from collections.abc import AsyncGenerator, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, Self, TypeVar, Unpack

import grpc

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_proto.v1 import posewire_pb2_grpc as pb_grpc
from posewire_runtime.errors import Cancelled, DeadlineExceeded, PosewireError, Unreachable
from posewire_runtime.exchange.events import Chunk, Event, Header, ServedModel, Status
from posewire_runtime.exchange.live import Command, Resume
from posewire_runtime.live_client import AsyncLiveStream, First, LiveStream
from posewire_runtime.types import Clip
from posewire_runtime.wire.decoder import Collector, Decoder
from posewire_runtime.wire.live import LiveOptions, write_open
from posewire_runtime.wire.models import read_model
from posewire_runtime.wire.requests import GenerateOptions, write_generate
from posewire_runtime.wire.status import DETAILS_KEY, read_status

DEFAULT_TARGET = "127.0.0.1:50051"


def tls(
    authority: str | os.PathLike[str] | None = None,
    certificate: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> grpc.ChannelCredentials:
    """Credentials for a client, from PEM files.

    `authority`: whose word a server's certificate must have; None: those the system trusts. `certificate`
    and `key`: what a server with mutual TLS asks for.
    """

    def read(path: str | os.PathLike[str] | None) -> bytes | None:
        return None if path is None else Path(path).read_bytes()

    return grpc.ssl_channel_credentials(read(authority), read(key), read(certificate))


_OPTIONS = (("grpc.max_receive_message_length", 16 << 20),)


class _Reader:
    """What both kinds of streams share: all but how messages arrive."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._decoder = Decoder()
        self._waiting: deque[Event] = deque()
        self._began = time.perf_counter()
        self._cancelled = False
        self.first_frame_seconds: float | None = None
        """From the request to its first decoded frame; None: there was none yet."""
        self.decode_seconds = 0.0
        """Spent on decoding what arrived."""

    @property
    def header(self) -> Header:
        """What must be known before the first frame; there once any event has arrived."""
        if self._decoder.header is None:
            raise PosewireError("expected the header, found that no event has arrived yet; call `open` first")
        return self._decoder.header

    @property
    def status(self) -> Status | None:
        """How the stream ended; None: it hasn't."""
        return self._decoder.status

    def _read(self, message: pb.GenerateResponse) -> Event | None:
        begun = time.perf_counter()
        event = self._decoder.feed(message)
        self.decode_seconds += time.perf_counter() - begun
        if isinstance(event, Chunk) and self.first_frame_seconds is None:
            self.first_frame_seconds = time.perf_counter() - self._began
        return event

    def _error(self, error: grpc.RpcError) -> PosewireError:
        return _cancelled_here() if self._cancelled else _error_of(error, self._target)


class Stream(_Reader):
    """Frames of one request; iterate it for chunks, or `events()` for everything. Leaving it cancels."""

    def __init__(self, call: Any, target: str) -> None:
        super().__init__(target)
        self._call = call
        self._events = self._receive()

    def open(self) -> Header:
        """Wait for the header."""
        while self._decoder.header is None:
            self._waiting.append(next(self._events))
        return self.header

    def events(self) -> Iterator[Event]:
        """All events, as they arrive; raises the error that the stream ends with."""
        while self._waiting:
            yield self._waiting.popleft()
        yield from self._events

    def __iter__(self) -> Iterator[Chunk]:
        return (event for event in self.events() if isinstance(event, Chunk))

    def clips(self) -> list[Clip]:
        """Everything, once it is complete: one clip for each seed."""
        collector = Collector()
        for event in self.events():
            collector.feed(event)
        return collector.clips(self._decoder.header)

    def cancel(self) -> None:
        """Stop: the server drops the work. Whoever iterates gets `Cancelled`."""
        self._cancelled = True
        self._call.cancel()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._events.close()
        self.cancel()

    def _receive(self) -> Generator[Event]:
        try:
            for message in self._call:
                event = self._read(message)
                if event is not None:
                    yield event
        except grpc.RpcError as error:
            raise self._error(error) from None
        finally:
            self._call.cancel()
        self._decoder.finish()


class AsyncStream(_Reader):
    """Frames of one request; iterate it for chunks, or `events()` for everything. Leaving it cancels."""

    def __init__(self, call: Any, target: str) -> None:
        super().__init__(target)
        self._call = call
        self._events = self._receive()

    async def open(self) -> Header:
        """Wait for the header."""
        while self._decoder.header is None:
            self._waiting.append(await anext(self._events))
        return self.header

    async def events(self) -> AsyncGenerator[Event]:
        """All events, as they arrive; raises the error that the stream ends with."""
        while self._waiting:
            yield self._waiting.popleft()
        async for event in self._events:
            yield event

    async def __aiter__(self) -> AsyncGenerator[Chunk]:
        async for event in self.events():
            if isinstance(event, Chunk):
                yield event

    async def clips(self) -> list[Clip]:
        """Everything, once it is complete: one clip for each seed."""
        collector = Collector()
        async for event in self.events():
            collector.feed(event)
        return collector.clips(self._decoder.header)

    def cancel(self) -> None:
        """Stop: the server drops the work. Whoever iterates gets `Cancelled`."""
        self._cancelled = True
        self._call.cancel()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cancel()
        await self._events.aclose()

    async def _receive(self) -> AsyncGenerator[Event]:
        try:
            async for message in self._call:
                event = self._read(message)
                if event is not None:
                    yield event
        except grpc.RpcError as error:
            raise self._error(error) from None
        except asyncio.CancelledError:
            if self._cancelled:
                raise _cancelled_here() from None
            raise
        finally:
            self._call.cancel()
        self._decoder.finish()


_S = TypeVar("_S", Stream, AsyncStream)


class _Caller(Generic[_S]):
    """What both kinds of clients share: how calls are made and answers are read."""

    def __init__(self, target: str, token: str | None, channel: Any, stream: type[_S]) -> None:
        self.target = target
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._channel = channel
        self._stub: Any = pb_grpc.PosewireStub(channel)
        self._stream = stream

    def generate(
        self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> _S:
        """Ask for motion; the frames stream in as the stream is iterated."""
        request = write_generate(prompt, options)
        call = self._stub.Generate(request, timeout=timeout, metadata=self._metadata)
        return self._stream(call, self.target)

    def _explain(self, error: grpc.RpcError) -> PosewireError:
        return _error_of(error, self.target)

    def _read_models(self, response: pb.ListModelsResponse) -> list[ServedModel]:
        return [read_model(model, is_default=i == 0) for i, model in enumerate(response.models)]


class Client(_Caller[Stream]):
    """Talks to one server; for threads and plain scripts.

    `token` goes along with each call; `credentials` make the connection TLS.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        channel = (
            grpc.secure_channel(target, credentials, _OPTIONS)
            if credentials
            else grpc.insecure_channel(target, _OPTIONS)
        )
        super().__init__(target, token, channel, Stream)

    def clips(
        self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> list[Clip]:
        """One finished clip for each seed."""
        return self.generate(prompt, timeout=timeout, **options).clips()

    def clip(self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]) -> Clip:
        """One finished clip: that of the first seed."""
        return self.clips(prompt, timeout=timeout, **options)[0]

    def live(self, prompt: str = "", **options: Unpack[LiveOptions]) -> LiveStream:
        """Keep a character moving; a blank prompt lets it stand."""
        return self._live(write_open(prompt, **options))

    def resume(
        self, session_id: str, secret: str, next_frame: int, unanswered: Mapping[int, Command] | None = None
    ) -> LiveStream:
        """Come back to a live session whose stream broke.

        What the server never heard of that stream's `unanswered` commands is sent again.
        """
        return self._live(Resume(session_id, secret, next_frame), unanswered)

    def _live(self, first: First, unanswered: Mapping[int, Command] | None = None) -> LiveStream:
        def call(requests: Iterator[pb.LiveRequest]) -> Any:
            return self._stub.Live(requests, metadata=self._metadata)

        return LiveStream(call, first, self._explain, unanswered or {})

    def models(self, timeout: float | None = None) -> list[ServedModel]:
        """What the server serves, the default first."""
        return self._read_models(self._call(self._stub.ListModels, pb.ListModelsRequest(), timeout))

    def warm(
        self, prompts: Sequence[str] = (), models: Sequence[str] = (), timeout: float | None = None
    ) -> int:
        """Load models and encode prompts ahead of time; how many prompts weren't encoded before."""
        request = pb.WarmRequest(models=models, prompts=prompts)
        return self._call(self._stub.Warm, request, timeout).encoded

    def close(self) -> None:
        """Close the connection; what still streams is cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, method: Any, request: Any, timeout: float | None) -> Any:
        try:
            return method(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _error_of(error, self.target) from None


class AsyncClient(_Caller[AsyncStream]):
    """Talks to one server; for asyncio.

    `token` goes along with each call; `credentials` make the connection TLS.
    """

    def __init__(
        self,
        target: str = DEFAULT_TARGET,
        *,
        token: str | None = None,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        channel = (
            grpc.aio.secure_channel(target, credentials, _OPTIONS)
            if credentials
            else grpc.aio.insecure_channel(target, _OPTIONS)
        )
        super().__init__(target, token, channel, AsyncStream)

    async def clips(
        self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> list[Clip]:
        """One finished clip for each seed."""
        return await self.generate(prompt, timeout=timeout, **options).clips()

    async def clip(
        self, prompt: str, *, timeout: float | None = None, **options: Unpack[GenerateOptions]
    ) -> Clip:
        """One finished clip: that of the first seed."""
        return (await self.clips(prompt, timeout=timeout, **options))[0]

    def live(self, prompt: str = "", **options: Unpack[LiveOptions]) -> AsyncLiveStream:
        """Keep a character moving; a blank prompt lets it stand."""
        return self._live(write_open(prompt, **options))

    def resume(
        self, session_id: str, secret: str, next_frame: int, unanswered: Mapping[int, Command] | None = None
    ) -> AsyncLiveStream:
        """Come back to a live session whose stream broke.

        What the server never heard of that stream's `unanswered` commands is sent again.
        """
        return self._live(Resume(session_id, secret, next_frame), unanswered)

    def _live(self, first: First, unanswered: Mapping[int, Command] | None = None) -> AsyncLiveStream:
        return AsyncLiveStream(
            lambda: self._stub.Live(metadata=self._metadata), first, self._explain, unanswered or {}
        )

    async def models(self, timeout: float | None = None) -> list[ServedModel]:
        """What the server serves, the default first."""
        return self._read_models(await self._call(self._stub.ListModels, pb.ListModelsRequest(), timeout))

    async def warm(
        self, prompts: Sequence[str] = (), models: Sequence[str] = (), timeout: float | None = None
    ) -> int:
        """Load models and encode prompts ahead of time; how many prompts weren't encoded before."""
        request = pb.WarmRequest(models=models, prompts=prompts)
        return (await self._call(self._stub.Warm, request, timeout)).encoded

    async def close(self) -> None:
        """Close the connection; what still streams is cancelled."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(self, method: Any, request: Any, timeout: float | None) -> Any:
        try:
            return await method(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise _error_of(error, self.target) from None


def _cancelled_here() -> Cancelled:
    return Cancelled("the stream was cancelled by its own client")


def _error_of(error: grpc.RpcError, target: str) -> PosewireError:
    """What a failed call means; both kinds of calls raise errors with these methods."""
    call: Any = error
    details = next((value for key, value in call.trailing_metadata() or () if key == DETAILS_KEY), None)
    made = read_status(call.code().value[0], call.details() or "", details)
    if details is not None:
        return made
    if isinstance(made, Unreachable):
        return Unreachable(f"no server answers at {target}: {made}; is it running?")
    if isinstance(made, DeadlineExceeded):
        return DeadlineExceeded(f"{target} was not done within the time that the caller gave it")
    return made

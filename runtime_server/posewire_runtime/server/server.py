"""A listening server: port, health, reflection, signals, drain. Knows no request; `service` answers those."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any, cast

import grpc
from grpc_health.v1 import health, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_proto.v1 import posewire_pb2_grpc as pb_grpc
from posewire_runtime.errors import InvalidConfig, Violation
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.caretaker import Caretaker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.guard import Guard, Refusals
from posewire_runtime.server.monitor import Health, Monitor
from posewire_runtime.server.service import Service
from posewire_runtime.server.tls import check_exposure, credentials
from posewire_runtime.server.tracing import Traces

logger = logging.getLogger(__name__)

SERVICE = pb.DESCRIPTOR.services_by_name["Posewire"].full_name

_PING_INTERVAL_MS = 5000
"""Clients may ask this often whether the server still lives; who asks more often is cut off."""
_REFUSALS = 100
"""Calls of one connection beyond `max_streams`: those that are being refused, or ended unread."""

_LAST_WORD = 1.0
"""Seconds that a stream has for its status once draining is over."""


class Server:
    """Listens on one port and answers with one worker's clips. Lives on the loop it was made on."""

    def __init__(self, worker: Worker, library: Library, settings: Settings | None = None) -> None:
        """Raises `InvalidConfig` for an address that is not for such settings."""
        self._settings = settings or Settings()
        check_exposure(self._settings)
        self._service = Service(worker, library, self._settings)
        self._health = cast(Any, health).aio.HealthServicer()
        self.caretaker = Caretaker(
            worker,
            library,
            SERVICE,
            self._health.set,
            stuck_seconds=self._settings.stuck_seconds,
            watch_seconds=self._settings.models.watch_seconds,
        )
        """Looks after the device, the models and their packages."""
        self._service.stuck = lambda: self.caretaker.stuck
        self._monitor = Monitor(self._settings.metrics, worker.metrics, self._state)
        self._care: asyncio.Task[None] | None = None
        self._grpc = grpc.aio.server(
            interceptors=[_guard(self._settings, self._service, worker)], options=_options(self._settings)
        )
        self.port = 0
        """The port it listens on, once started."""

    @property
    def address(self) -> str:
        """Where clients find it."""
        return _address(self._settings.host, self.port)

    @property
    def service(self) -> Service:
        """What answers; other doors of this process ask it too."""
        return self._service

    @property
    def streams(self) -> int:
        """Streams that are open."""
        return self._service.streams

    @property
    def monitor_address(self) -> str:
        """Where metrics and health can be asked for; empty: nowhere."""
        port = self._monitor.port
        return _address(self._settings.metrics.host, port) if port else ""

    async def start(self) -> None:
        """Listen; raises `InvalidConfig` when the address can't be had."""
        pb_grpc.add_PosewireServicer_to_server(self._service, self._grpc)
        cast(Any, health_pb2_grpc).add_HealthServicer_to_server(self._health, self._grpc)
        names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._grpc)
        if self._settings.metrics.otlp:
            self._service.traces = Traces(self._settings.metrics.otlp)
        self.port = self._bind()
        await self._monitor.start()
        await self.caretaker.look()
        await self._grpc.start()
        self._care = asyncio.create_task(self.caretaker.run(), name="caretaker")
        logger.info("listening on %s", self.address)

    async def stop(self, drain: float | None = None) -> None:
        """Refuse new work, let running streams end within `drain` seconds, then close the port."""
        await self._health.enter_graceful_shutdown()
        await self._service.drain(self._settings.drain_seconds if drain is None else drain)
        await self._grpc.stop(_LAST_WORD)
        if self._care is not None:
            self._care.cancel()
        await self._monitor.stop()
        if self._service.traces is not None:
            await asyncio.to_thread(self._service.traces.close)
        logger.info("stopped listening on %s", self.address)

    def end_streams(self) -> None:
        """End running streams with a status that says that the server shuts down."""
        self._service.end_streams()

    async def refresh(self) -> None:
        """Read tokens and packages again, as they are on disk now. What can't be used changes nothing."""
        try:
            self._service.tokens.renew(self._service.read_tokens(nobody=True))
        except InvalidConfig as error:
            logger.error("the tokens stay as they were: %s", error)
        await self.caretaker.reload_changed()

    def _state(self) -> Health:
        """What the monitor says."""
        self.caretaker.measure()
        told = self.caretaker.report()
        if self._service.draining:
            told = {**told, "status": "draining"}
        return told["status"] == "ok", told

    def _bind(self) -> int:
        host, port = self._settings.host, self._settings.port
        secret = credentials(self._settings)
        try:
            if secret is None:
                return self._grpc.add_insecure_port(_address(host, port))
            return self._grpc.add_secure_port(_address(host, port), secret)
        except RuntimeError as error:
            message = (
                f"can't listen on {_address(host, port)}: the port is taken, or the address is not "
                "one of this machine; stop the other server or choose another port"
            )
            raise InvalidConfig(message, [Violation("port", message)]) from error


async def serve(
    worker: Worker,
    library: Library,
    settings: Settings | None = None,
    ready: Callable[[Server], None] = lambda server: None,
    beside: Callable[[Server], AbstractAsyncContextManager[object]] = nullcontext,
) -> None:
    """Listen until SIGTERM or SIGINT, then drain; a second signal ends the streams at once.

    The worker must be started; it is the caller's to close. `beside` opens another door to the same
    service, for as long as this server lives.
    """
    server = Server(worker, library, settings)
    async with beside(server):
        await server.start()
        with stop_signals() as asked, _refresh_signal(server):
            ready(server)
            await asked.wait()
            asked.clear()
            logger.info("draining %d streams", server.streams)
            hurry = asyncio.create_task(_hurry(server, asked))
            await server.stop()
            hurry.cancel()


async def _hurry(server: Server, asked: asyncio.Event) -> None:
    """Whoever asks again doesn't want to wait."""
    await asked.wait()
    server.end_streams()


@contextmanager
def stop_signals() -> Generator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set."""
    loop, asked = asyncio.get_running_loop(), asyncio.Event()

    def ask(number: int, frame: object) -> None:
        del number, frame
        loop.call_soon_threadsafe(asked.set)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _refresh_signal(server: Server) -> Generator[None]:
    """SIGHUP reads tokens and packages again, where there is such a signal."""
    loop, number = asyncio.get_running_loop(), getattr(signal, "SIGHUP", None)
    if number is None:
        yield
        return
    tasks: set[asyncio.Task[None]] = set()

    def ask(number: int, frame: object) -> None:
        del number, frame
        loop.call_soon_threadsafe(refresh)

    def refresh() -> None:
        logger.info("asked to read tokens and packages again")
        task = asyncio.create_task(server.refresh())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    before = signal.signal(number, ask)
    try:
        yield
    finally:
        signal.signal(number, before)


def _guard(settings: Settings, service: Service, worker: Worker) -> Guard:
    refusals = Refusals(worker.metrics)
    return Guard(service.tokens, settings.request_seconds, settings.max_request_bytes, refusals)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _options(settings: Settings) -> list[tuple[str, int]]:
    keepalive, patience = int(settings.keepalive_seconds * 1000), int(settings.request_seconds * 1000)
    return [
        ("grpc.so_reuseport", 0),  # else two servers would share a port and take turns
        ("grpc.max_receive_message_length", settings.max_request_bytes),
        ("grpc.keepalive_time_ms", keepalive),
        ("grpc.keepalive_timeout_ms", keepalive),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.max_pings_without_data", 0),
        ("grpc.http2.min_ping_interval_without_data_ms", _PING_INTERVAL_MS),
        ("grpc.max_allowed_incoming_connections", settings.max_connections),
        ("grpc.server_handshake_timeout_ms", patience),
        ("grpc.max_concurrent_streams", settings.max_streams + _REFUSALS),
    ]

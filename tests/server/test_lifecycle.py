"""A server's own life: starting, health, draining, and whatever strangers send to its port."""

from __future__ import annotations

import asyncio
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_proto.v1 import posewire_pb2_grpc as pb_grpc
from posewire_runtime.client import AsyncClient, Client
from posewire_runtime.errors import (
    Cancelled,
    GenerationFailed,
    InvalidConfig,
    Overloaded,
    ShuttingDown,
    Unreachable,
)
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.scheduler.library import Library
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import SERVICE, Server
from posewire_runtime.server.streaming import Inbox

Serve = Callable[..., Awaitable[Any]]

PACED = {"frames": 3000, "pace": 1.0}


async def test_the_services_are_healthy_until_the_server_drains(serve: Serve) -> None:
    served = await serve()
    async with grpc.aio.insecure_channel(served.server.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVICE):
            response = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            assert response.status == health_pb2.HealthCheckResponse.SERVING
        watched = stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE))
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.SERVING
        stream = served.client.generate("walk", **PACED)
        await stream.open()
        stopping = asyncio.create_task(served.server.stop(drain=5))
        assert (await watched.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
        stream.cancel()
        await stopping


async def test_reflection_lists_the_services(serve: Serve) -> None:
    served = await serve()
    async with grpc.aio.insecure_channel(served.server.address) as channel:
        aside: Any = channel  # its stubs know no asyncio
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(aside)
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        call = stub.ServerReflectionInfo(iter([asked]))
        names = {service.name for service in (await call.read()).list_services_response.service}
        assert names >= {SERVICE, "grpc.health.v1.Health"}
        assert SERVICE == "posewire.v1.Posewire"
        call.cancel()


async def test_draining_lets_streams_end_and_refuses_new_ones(serve: Serve) -> None:
    served = await serve(Faults(step_seconds=0.005))
    stream = served.client.generate("walk", frames=60, steps=60)
    await stream.open()
    stopping = asyncio.create_task(served.server.stop(drain=10))
    await asyncio.sleep(0)
    with pytest.raises(ShuttingDown, match="takes no new work") as caught:
        await served.client.clip("walk")
    assert caught.value.retry_after is not None
    [clip] = await stream.clips()
    assert clip.frames == 60
    await stopping


async def test_streams_that_outlast_the_drain_get_a_status(serve: Serve) -> None:
    served = await serve()
    stream = served.client.generate("walk", **PACED)
    await stream.open()
    await served.server.stop(drain=0.05)
    with pytest.raises(ShuttingDown, match="can't finish this stream"):
        await stream.clips()
    assert stream.status.code == 14
    assert stream.status.retry_after is not None
    await served.rests()


async def test_a_stopped_server_is_unreachable(serve: Serve) -> None:
    served = await serve()
    await served.server.stop()
    with pytest.raises(Unreachable, match=f"no server answers at {served.server.address}") as caught:
        await served.client.clip("walk")
    assert caught.value.retry_after is not None


async def test_two_servers_do_not_share_a_port(serve: Serve) -> None:
    served = await serve()
    library = Library.of(FakeProgram())
    second = Server(served.worker, library, Settings(port=served.server.port))
    with pytest.raises(InvalidConfig, match="the port is taken") as caught:
        await second.start()
    assert [violation.field for violation in caught.value.violations] == ["port"]
    assert (await served.client.clip("walk", frames=30)).frames == 30


async def test_an_address_of_another_machine_is_refused(serve: Serve) -> None:
    with pytest.raises(InvalidConfig, match="not one of this machine"):
        await serve(host="192.0.2.1", allow_insecure=True)


async def test_garbage_on_the_port_disturbs_nobody(serve: Serve) -> None:
    served = await serve()
    draw = random.Random(1)
    stream = served.client.generate("walk", frames=120, pace=10.0)
    await stream.open()
    for size in (0, 1, 24, 500, 20_000):
        for start in (b"", b"GET / HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", served.server.port)) as stranger:
                stranger.sendall(start + draw.randbytes(size))
                await asyncio.sleep(0)
    assert (await stream.clips())[0].frames == 120
    await served.rests()


async def test_bytes_that_are_no_message_are_refused(serve: Serve) -> None:
    served = await serve()
    async with grpc.aio.insecure_channel(served.server.address) as channel:
        for path in ("Generate", "Unknown"):
            call = channel.unary_stream(f"/{SERVICE}/{path}")(b"\xff\xff\xff")
            with pytest.raises(grpc.RpcError):
                await call.read()
    assert (await served.client.clip("walk", frames=30)).frames == 30


async def test_a_message_that_is_too_large_is_refused(serve: Serve) -> None:
    served = await serve(max_request_bytes=2000)
    with pytest.raises(Overloaded):
        await served.client.clip("walk " * 1000)
    assert (await served.client.clip("walk", frames=30)).frames == 30


async def test_what_nobody_expected_is_internal_and_the_server_lives(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve()
    with monkeypatch.context() as patch:
        patch.setattr(served.worker, "submit", lambda *_: 1 / 0)
        with pytest.raises(GenerationFailed, match="failed unexpectedly"):
            await served.client.clip("walk")
    assert "ZeroDivisionError" in caplog.text
    with monkeypatch.context() as patch:
        patch.setattr("posewire_runtime.server.streaming.PackedClip.slice", lambda *_: 1 / 0)
        stream = served.client.generate("walk")
        with pytest.raises(GenerationFailed, match="its log has more of stream"):
            await stream.clips()
        assert stream.status.code == 13
    assert (await served.client.clip("walk", frames=30)).frames == 30
    await served.rests()


async def test_each_request_leaves_one_line_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "posewire_runtime.server.service")
    for log_prompts in (False, True):
        served = await serve(log_prompts=log_prompts)
        caplog.clear()
        await served.client.clip("walk\nin\nsecret", frames=30, request_id="npc-7")
        await served.rests()
        [line] = [record.getMessage() for record in caplog.records]
        assert '"code": "OK"' in line
        assert '"request": "npc-7"' in line
        assert '"frames": 30' in line
        assert "\n" not in line
        assert ("secret" in line) is log_prompts


async def test_requests_are_counted_by_how_they_ended(serve: Serve) -> None:
    served = await serve()
    await served.client.clip("walk", frames=30)
    stream = served.client.generate("walk", **PACED)
    await stream.open()
    stream.cancel()
    with pytest.raises(Cancelled):
        await stream.clips()
    await served.rests()
    requests = served.worker.metrics.counter("posewire_requests_total", "Ended requests.", ["code"])
    assert (requests.value("OK"), requests.value("CANCELLED")) == (1, 1)
    assert served.worker.metrics.gauge("posewire_streams", "Open streams.").value() == 0


PROGRAM = """
import asyncio, sys
from posewire_runtime.server.config import load
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.library import Library
from posewire_runtime.server.server import serve
from posewire_runtime.scheduler.worker import Worker

library = Library.of(FakeProgram())
settings = load({"port": "0", "drain_seconds": sys.argv[1]})
with Worker(library) as worker:
    asyncio.run(serve(worker, library, settings, lambda server: print(server.address, flush=True)))
"""


def launch(drain_seconds: float) -> tuple[subprocess.Popen[str], str]:
    """A server in a process of its own, and its address."""
    command = [sys.executable, "-c", PROGRAM, str(drain_seconds)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_ends_well(number: int) -> None:
    process, address = launch(drain_seconds=20)
    with process, Client(address) as client:
        stream = client.generate("walk", frames=60, pace=4.0)
        assert stream.open().fps == 30
        process.send_signal(number)
        [clip] = stream.clips()
        assert clip.frames == 60
        assert process.wait(10) == 0


def ask_until_refused(client: Client) -> None:
    while True:
        client.clip("walk", frames=20)


def test_a_second_signal_ends_the_streams_at_once() -> None:
    process, address = launch(drain_seconds=1000)
    with process, Client(address) as client:
        stream = client.generate("walk", **PACED)
        stream.open()
        process.send_signal(signal.SIGTERM)
        with pytest.raises(ShuttingDown, match="takes no new work"):
            ask_until_refused(client)
        process.send_signal(signal.SIGTERM)
        with pytest.raises(ShuttingDown, match="can't finish this stream"):
            stream.clips()
        assert process.wait(10) == 0


def test_a_killed_server_is_noticed() -> None:
    process, address = launch(drain_seconds=1)
    with process, Client(address) as client:
        stream = client.generate("walk", **PACED)
        stream.open()
        process.kill()
        with pytest.raises(Unreachable):
            stream.clips()


async def test_stubs_of_others_work_too(serve: Serve) -> None:
    """What a client in another language does: plain stubs, no help of ours."""
    served = await serve()
    async with grpc.aio.insecure_channel(served.server.address) as channel:
        stub: Any = pb_grpc.PosewireStub(channel)
        kinds = [m.WhichOneof("event") async for m in stub.Generate(pb.GenerateRequest(prompt="walk"))]
        assert kinds[:2] == ["header", "clip_start"]
        assert kinds[-2:] == ["clip_end", "status"]
        assert set(kinds[2:-2]) == {"chunk"}


async def test_async_clients_close_what_they_opened(serve: Serve) -> None:
    served = await serve()
    async with AsyncClient(served.server.address) as client:
        stream = client.generate("walk", **PACED)
        await stream.open()
    await served.rests()


def test_what_a_worker_says_after_the_end_hurts_nobody() -> None:
    async def make() -> Inbox:
        return Inbox()

    inbox = asyncio.run(make())
    inbox.failed(None, Cancelled("too late"))  # type: ignore[arg-type]

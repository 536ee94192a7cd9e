"""What an operator sees: metrics, health, logs and traces; packages that change; a device that hangs."""

from __future__ import annotations

import asyncio
import gzip
import http.server
import json
import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from posewire_runtime.client import AsyncClient
from posewire_runtime.errors import DeviceError, GenerationFailed, InvalidConfig, InvalidRequest
from posewire_runtime.exchange.events import Chunk
from posewire_runtime.exchange.live import LiveSegment
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.metrics import Metrics
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import MetricsSettings, ModelSettings, Settings
from posewire_runtime.server.exposition import exposition
from posewire_runtime.server.logs import JsonFormatter
from posewire_runtime.server.server import SERVICE, Server

Serve = Callable[..., Awaitable[Any]]

WATCHED = {"metrics": MetricsSettings(port=0)}


async def ask(where: str, request: str) -> tuple[int, dict[str, str], str]:
    """Status, headers and body of an answer over plain HTTP."""
    reader, writer = await asyncio.open_connection(*where.split(":"))
    writer.write(request.encode())
    async with asyncio.timeout(10):
        answer = (await reader.read()).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return int(first.split()[1]), dict(line.split(": ", 1) for line in lines), body


async def get(where: str, path: str) -> tuple[int, dict[str, str], str]:
    return await ask(where, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n")


async def health(server: Server, service: str) -> int:
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)
        return (await stub.Check(health_pb2.HealthCheckRequest(service=service))).status


SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


# ------------------------------------------------------------------------------------------- metrics


def test_the_exposition_reads_as_prometheus_wants_it() -> None:
    metrics = Metrics()
    metrics.counter("made_total", 'Things "made"\nor not \\.', ["kind"]).add(2, 'a"b\\c\nd')
    metrics.gauge("level", "How high.").set(0.5)
    steps = metrics.histogram("took_seconds", "How long.", ["model"], (0.1, 1))
    for seconds in (0.05, 0.5, 5.0):
        steps.observe(seconds, "m")
    assert exposition(metrics.collect()).splitlines() == [
        '# HELP made_total Things "made"\\nor not \\\\.',
        "# TYPE made_total counter",
        'made_total{kind="a\\"b\\\\c\\nd"} 2',
        "# HELP level How high.",
        "# TYPE level gauge",
        "level 0.5",
        "# HELP took_seconds How long.",
        "# TYPE took_seconds histogram",
        'took_seconds_bucket{model="m",le="0.1"} 1',
        'took_seconds_bucket{model="m",le="1"} 2',
        'took_seconds_bucket{model="m",le="+Inf"} 3',
        'took_seconds_sum{model="m"} 5.55',
        'took_seconds_count{model="m"} 3',
    ]


async def test_what_was_done_can_be_read_over_http(serve: Serve) -> None:
    served = await serve(**WATCHED)
    await served.client.clip("walk", frames=120, pace=50.0)
    await served.rests()
    status, headers, body = await get(served.server.monitor_address, "/metrics")
    assert (status, headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    found = dict(line.rsplit(" ", 1) for line in body.splitlines() if not line.startswith("#"))
    assert found['posewire_requests_total{code="OK"}'] == "1"
    assert found["posewire_first_frame_seconds_count"] == "1"
    assert found['posewire_step_seconds_count{model="stand-in"}'] == "8"
    assert found['posewire_batch_rows_sum{model="stand-in"}'] == "8"
    assert (
        int(found["posewire_chunk_gap_seconds_count"]) == int(found["posewire_chunk_late_seconds_count"]) - 1
    )
    assert float(found["process_resident_memory_bytes"]) > 1e6
    for name in ("posewire_jobs_waiting", "posewire_streams", "posewire_device_stuck"):
        assert found[name] == "0"


async def test_the_monitor_answers_nothing_else(serve: Serve) -> None:
    served = await serve(**WATCHED)
    where = served.server.monitor_address
    assert (await get(where, "/../../etc/passwd"))[0] == 404
    assert (await ask(where, "POST /metrics HTTP/1.1\r\n\r\n"))[0] == 405
    assert (await get(where, "/healthz?x=1"))[0] == 200
    for garbage in (b"", b"\0" * 100, b"GET /metrics", b"x" * 20_000):
        _, writer = await asyncio.open_connection(*where.split(":"))
        writer.write(garbage)
        writer.close()
    assert (await get(where, "/healthz"))[0] == 200
    with pytest.raises(InvalidConfig, match="for metrics"):
        await serve(metrics=MetricsSettings(port=int(where.split(":")[1])))


async def test_no_monitor_unless_asked_for(serve: Serve) -> None:
    assert (await serve()).server.monitor_address == ""


# -------------------------------------------------------------------------------------------- health


async def test_health_of_each_model(serve: Serve) -> None:
    served = await serve(Faults(not_finite_word="bad"), **WATCHED)
    model = f"{SERVICE}/stand-in"
    assert await health(served.server, model) == SERVING
    for _ in range(3):
        with pytest.raises(GenerationFailed):
            await served.client.clip("bad")
    await served.server.caretaker.look()
    assert [await health(served.server, name) for name in (model, SERVICE)] == [NOT_SERVING, SERVING]
    status, _, body = await get(served.server.monitor_address, "/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok", "models": {"stand-in": "degraded"}})
    await served.client.clip("good", frames=30)
    await served.server.caretaker.look()
    assert await health(served.server, model) == SERVING
    with pytest.raises(grpc.RpcError):
        await health(served.server, f"{SERVICE}/nobody")


async def test_a_draining_server_says_so(serve: Serve) -> None:
    served = await serve(**WATCHED)
    stream = served.client.generate("walk", frames=3000, pace=1.0)
    await stream.open()
    stopping = asyncio.create_task(served.server.stop(drain=5))
    await asyncio.sleep(0)
    status, _, body = await get(served.server.monitor_address, "/healthz")
    assert (status, json.loads(body)["status"]) == (503, "draining")
    stream.cancel()
    await stopping


class Hanging(FakeProgram):
    """Its steps wait for somebody to let go."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def step(self, runs: Any) -> None:
        assert self.gate.wait(20)
        super().step(runs)


async def test_a_device_that_hangs_is_noticed_and_comes_back() -> None:
    program = Hanging()
    library = Library.of(program)
    settings = Settings(port=0, stuck_seconds=0.1, metrics=MetricsSettings(port=0))
    with Worker(library) as worker:
        server = Server(worker, library, settings)
        await server.start()
        async with AsyncClient(server.address) as client:
            waiting = asyncio.create_task(client.clip("walk", frames=30))
            while worker.turn_seconds() < 0.11:
                await asyncio.sleep(0.01)
            await server.caretaker.look()
            with pytest.raises(DeviceError, match="hangs"):
                await waiting
            with pytest.raises(DeviceError, match="hangs in a call"):
                await client.clip("walk")
            assert await health(server, SERVICE) == await health(server, "") == NOT_SERVING
            status, _, body = await get(server.monitor_address, "/healthz")
            assert (status, json.loads(body)["status"]) == (503, "stuck")
            program.gate.set()
            while worker.turn_seconds():
                await asyncio.sleep(0.01)
            await server.caretaker.look()
            assert (await client.clip("walk", frames=30)).frames == 30
            assert await health(server, SERVICE) == SERVING
        await server.stop(0)


# -------------------------------------------------------------------------------------------- reload


class Shelf:
    """A package that changes when a test says so."""

    def __init__(self) -> None:
        self.version = 1
        self.broken = False
        self.opened: list[FakeProgram] = []

    def entry(self) -> Entry:
        if self.broken:
            raise GenerationFailed("half a package")
        return Entry(
            FakeProgram().info, self._open, stamp=lambda: (self.version, self.broken), renew=self.entry
        )

    def _open(self) -> FakeProgram:
        self.opened.append(FakeProgram(faults=Faults(step_seconds=0.01)))
        return self.opened[-1]


async def test_a_package_is_reloaded_without_dropping_streams(caplog: pytest.LogCaptureFixture) -> None:
    shelf = Shelf()
    library = Library({"stand-in": shelf.entry()})
    settings = Settings(port=0, models=ModelSettings(watch_seconds=0))
    with Worker(library) as worker:
        server = Server(worker, library, settings)
        await server.start()
        async with AsyncClient(server.address) as client:
            before = [client.generate("walk", frames=60, steps=60, seeds=[i]) for i in range(4)]
            clips = [asyncio.create_task(stream.clips()) for stream in before]
            while not shelf.opened or shelf.opened[0].steps_made < 5:
                await asyncio.sleep(0.005)
            await server.refresh()
            assert len(shelf.opened) == 1, "nothing changed"
            shelf.version = 2
            await server.refresh()
            assert len(shelf.opened) == 2
            assert (await client.clip("walk", frames=30)).frames == 30
            assert shelf.opened[1].clips_made == 1
            assert [(await clip)[0].frames for clip in clips] == [60] * 4
            assert shelf.opened[0].rows_stepped == 240
            shelf.broken = True
            await server.refresh()
            await server.refresh()
            assert caplog.text.count("half a package") == 1, "said once"
            assert (await client.clip("walk", frames=30)).frames == 30
        await server.stop(0)
    assert [program.closed for program in shelf.opened] == [True, False]


# ---------------------------------------------------------------------------------------------- logs


def test_a_json_line_holds_what_the_record_brings() -> None:
    record = logging.LogRecord("a.b", logging.INFO, "", 0, "generate %s", ("{}",), None)
    record.fields = {"code": "OK", "ms": 1.5}
    line = json.loads(JsonFormatter().format(record))
    assert (line["message"], line["code"], line["ms"], line["level"]) == ("generate", "OK", 1.5, "INFO")
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        record = logging.LogRecord("a", logging.ERROR, "", 0, "%s failed", ("x",), (ValueError, error, None))
    text = JsonFormatter().format(record)
    assert "\n" not in text
    assert json.loads(text)["message"] == "x failed"


# -------------------------------------------------------------------------------------------- traces


@contextmanager
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Something that understands OTLP over HTTP: its endpoint, and what it was sent."""
    heard: list[bytes] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            heard.append(gzip.decompress(data) if packed else data)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}/v1/traces", heard
        listening.shutdown()
        thread.join()


def spans_of(heard: list[bytes]) -> list[Any]:
    """All spans that were sent."""
    from opentelemetry.proto.collector.trace.v1 import trace_service_pb2  # type: ignore[import-not-found]

    exported = [trace_service_pb2.ExportTraceServiceRequest.FromString(data) for data in heard]
    return [s for e in exported for r in e.resource_spans for c in r.scope_spans for s in c.spans]


async def test_each_request_is_a_span_where_traces_are_wanted(serve: Serve) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel isn't installed")
    trace, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
    began = time.time_ns()
    with collector() as (endpoint, heard):
        served = await serve(metrics=MetricsSettings(otlp=endpoint))
        async with grpc.aio.insecure_channel(served.server.address) as channel:
            from posewire_proto.v1 import posewire_pb2 as pb

            request = pb.GenerateRequest(prompt="a secret walk", frames=30, seeds=[1])
            call = channel.unary_stream(f"/{SERVICE}/Generate")(
                request.SerializeToString(), metadata=(("traceparent", f"00-{trace}-{parent}-01"),)
            )
            assert [1 async for _ in call]
        with pytest.raises(Exception, match="frames"):
            await served.client.clip("walk", frames=10**6)
        await served.rests()
        await served.server.stop(0)
    spans = spans_of(heard)
    assert [span.name for span in spans] == ["posewire.v1.Posewire/Generate"] * 2
    good, bad = spans
    assert (good.trace_id.hex(), good.parent_span_id.hex()) == (trace, parent)
    assert began <= good.start_time_unix_nano < good.end_time_unix_nano <= time.time_ns()
    [event] = good.events
    assert event.name == "first frame"
    assert good.start_time_unix_nano <= event.time_unix_nano <= good.end_time_unix_nano
    attributes = {a.key: a.value for a in good.attributes}
    assert attributes["posewire.code"].string_value == "OK"
    assert attributes["posewire.frames"].int_value == 30
    assert attributes["posewire.stage.step_ms"].double_value > 0
    assert (bad.status.code, good.status.code) == (2, 0)
    assert "secret" not in repr(spans)


async def test_a_live_stream_is_a_span_and_so_is_each_of_its_segments(serve: Serve) -> None:
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel isn't installed")
    with collector() as (endpoint, heard):
        served = await serve(metrics=MetricsSettings(otlp=endpoint))
        async with served.client.live("a secret walk", request_id="hero") as live:
            begun = 0
            async for event in live.events():
                begun += isinstance(event, LiveSegment)
                if isinstance(event, Chunk):
                    await live.played(event.first_frame + event.frames)
                    if begun > 2:
                        break
        with pytest.raises(InvalidRequest):
            await served.client.live("x" * 10**5).open()
        await served.rests()
        await served.server.stop(0)
    spans = spans_of(heard)
    segments = [span for span in spans if span.name == "segment"]
    good, bad = [span for span in spans if span.name == "posewire.v1.Posewire/Live"]
    assert (good.status.code, bad.status.code) == (0, 2)
    assert len(segments) >= 2
    assert {(s.trace_id, s.parent_span_id) for s in segments} == {(good.trace_id, good.span_id)}
    about = [{a.key: a.value for a in span.attributes} for span in (good, *segments)]
    assert about[0]["posewire.request"].string_value == "hero"
    assert about[0]["posewire.frames"].int_value > 0
    assert about[1]["posewire.first_frame"].int_value == 0
    for segment, said in zip(segments, about[1:], strict=True):
        assert good.start_time_unix_nano <= segment.start_time_unix_nano < segment.end_time_unix_nano
        assert said["posewire.result"].string_value in ("used", "late")
        assert said["posewire.frames"].int_value > 0
        assert said["posewire.stage.step_ms"].double_value > 0
    assert "secret" not in repr(spans)

"""The synchronous client, as a game would use it, against a server in another thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.client import Client
from posewire_runtime.errors import (
    Cancelled,
    DeadlineExceeded,
    InvalidRequest,
    PosewireError,
    ProtocolError,
    Unreachable,
)
from posewire_runtime.exchange.events import Chunk, Status
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import Server

PACED = {"frames": 3000, "pace": 1.0}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server on a loop of its own."""
    library = Library.of(FakeProgram())
    ready = threading.Event()
    loop = asyncio.new_event_loop()
    over = asyncio.Event()
    found: list[str] = []

    async def live(worker: Worker) -> None:
        server = Server(worker, library, Settings(port=0))
        await server.start()
        found.append(server.address)
        ready.set()
        await over.wait()
        await server.stop(drain=0)

    with Worker(library) as worker:
        thread = threading.Thread(target=loop.run_until_complete, args=(live(worker),))
        thread.start()
        assert ready.wait(10)
        yield found[0]
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


@pytest.fixture
def client(address: str) -> Iterator[Client]:
    with Client(address) as client:
        yield client


def test_ten_lines_play_a_motion(client: Client) -> None:
    played = 0
    for chunk in client.generate("a person waves", seconds=3):
        assert chunk.rotations.shape == (chunk.frames, 22, 4)
        assert chunk.root.shape == (chunk.frames, 3)
        assert chunk.contacts.shape == (chunk.frames, 4)
        played += chunk.frames
    assert played == 90


def test_clips_come_whole(client: Client) -> None:
    first, second = client.clips("walk", frames=40, seeds=[1, 2])
    assert (first.seed, second.seed, first.frames) == (1, 2, 40)
    assert client.clip("walk", frames=40, seeds=[2]).root.tobytes() == second.root.tobytes()


def test_the_header_is_there_before_the_first_frame(client: Client) -> None:
    stream = client.generate("walk", frames=40)
    with pytest.raises(PosewireError, match="call `open` first"):
        stream.header  # noqa: B018
    assert stream.open() is stream.header
    assert stream.status is None
    kinds = [type(event) for event in stream.events()]
    assert kinds.count(Chunk) == 4
    assert kinds[-1] is Status
    assert stream.first_frame_seconds is not None


def test_breaking_off_cancels(client: Client) -> None:
    with client.generate("walk", **PACED) as stream:
        next(iter(stream))
    with pytest.raises(StopIteration):
        next(iter(stream))


def test_another_thread_may_cancel(client: Client) -> None:
    stream = client.generate("walk", **PACED)
    stream.open()
    timer = threading.Timer(0.05, stream.cancel)
    timer.start()
    with pytest.raises(Cancelled, match="by its own client"):
        stream.clips()
    timer.join()


def test_a_timeout_is_a_deadline(client: Client, address: str) -> None:
    with pytest.raises(DeadlineExceeded, match=f"{address} was not done"):
        client.clip("walk", timeout=0.1, **PACED)


def test_errors_name_their_fields(client: Client) -> None:
    with pytest.raises(InvalidRequest) as caught:
        client.clip("")
    assert [violation.field for violation in caught.value.violations] == ["prompt"]


def test_nobody_at_the_other_end() -> None:
    with Client("127.0.0.1:1") as client:
        with pytest.raises(Unreachable, match="no server answers at"):
            client.clip("walk")
        with pytest.raises(Unreachable):
            client.models()


def test_models_and_warming(client: Client) -> None:
    [model] = client.models()
    assert model.info.name == "stand-in"
    assert client.warm(["walk"]) == 0


def test_a_server_that_breaks_the_contract_is_named() -> None:
    class Rogue(grpc.GenericRpcHandler):
        """Answers everything with half a stream."""

        def service(self, handler_call_details: object) -> grpc.RpcMethodHandler:
            del handler_call_details
            half = pb.GenerateResponse(clip_start=pb.ClipStart(frames=3)).SerializeToString()
            return grpc.unary_stream_rpc_method_handler(lambda request, context: iter([half]))

    rogue = grpc.server(ThreadPoolExecutor(1), handlers=[Rogue()])
    port = rogue.add_insecure_port("127.0.0.1:0")
    rogue.start()
    with Client(f"127.0.0.1:{port}") as client, pytest.raises(ProtocolError, match="a header first"):
        client.clip("walk")
    rogue.stop(None).wait()


def test_the_token_goes_along() -> None:
    seen: list[object] = []

    class Listening(grpc.GenericRpcHandler):
        def service(self, handler_call_details: grpc.HandlerCallDetails) -> None:
            seen.extend(handler_call_details.invocation_metadata)

    listening = grpc.server(ThreadPoolExecutor(1), handlers=[Listening()])
    port = listening.add_insecure_port("127.0.0.1:0")
    listening.start()
    with Client(f"127.0.0.1:{port}", token="s3cret") as client, pytest.raises(PosewireError):
        client.models()
    listening.stop(None).wait()
    assert ("authorization", "Bearer s3cret") in seen

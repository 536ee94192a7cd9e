"""What the server adds to a stream, and whether many paced streams keep their time.

    python bench/streaming.py [--requests 1000] [--streams 200] [--seconds 60]

First part: one client, time from the call to the first frame, against a bare grpc.aio stream of the same
bytes from the same process, the two taking turns. Second part: many streams at once, paced by the server;
the gaps between the chunks of each stream, and the server's memory. Server and clients are two processes.
The model answers instantly: its clip is made beforehand.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise

import grpc
import psutil
from figures import head, machine, percentiles, resident, row, verdict

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime import puppet
from posewire_runtime.fakes import FPS, FakeProgram
from posewire_runtime.families.base import Run
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import SERVICE, Server
from posewire_runtime.types import Clip

GENERATE = f"/{SERVICE}/Generate"
BARE = "/bench/Bare"
FRAMES = 120
"""Of a clip in the first part."""
CHUNK = 8
"""Frames of a chunk in the second part."""
_CHUNK_TAG = pb.GenerateResponse(chunk=pb.Chunk(clip=1)).SerializeToString()[0]


class Instant(FakeProgram):
    """The stand-in, with clips that are made once for each length."""

    def __init__(self) -> None:
        super().__init__()
        self._clips: dict[int, Clip] = {}

    def clip(self, run: Run) -> Clip:
        """The clip of this length."""
        frames = run.request.frames  # type: ignore[attr-defined]
        if frames not in self._clips:
            self._clips[frames] = puppet.perform("a person walks", frames, FPS, 0)
        return self._clips[frames]


class Bare(grpc.GenericRpcHandler):
    """Sends recorded messages and does nothing else."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        """The one method."""
        if handler_call_details.method != BARE:
            return None
        return grpc.unary_stream_rpc_method_handler(self._send)  # type: ignore[arg-type]

    async def _send(self, request: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> None:
        del request
        for message in self.messages:
            await context.write(message)


def first_request() -> bytes:
    """What the first part asks for."""
    return pb.GenerateRequest(prompt="a person walks", frames=FRAMES, seeds=[1]).SerializeToString()


def paced_request(frames: int, seed: int) -> bytes:
    """What the second part asks for."""
    request = pb.GenerateRequest(prompt="a person walks", frames=frames, seeds=[seed], chunk_frames=CHUNK)
    request.pace.rate = 1.0
    return request.SerializeToString()


async def serve() -> None:
    """The server's process: ours and the bare one; prints both addresses, ends with its input."""
    library = Library.of(Instant())
    with Worker(library) as worker:
        server = Server(worker, library, Settings(port=0))
        await server.start()
        recorder, bare = Bare(), grpc.aio.server()
        async with grpc.aio.insecure_channel(server.address) as channel:
            recorder.messages = [m async for m in channel.unary_stream(GENERATE)(first_request())]
        bare.add_generic_rpc_handlers((recorder,))
        port = bare.add_insecure_port("127.0.0.1:0")
        await bare.start()
        print(server.address, f"127.0.0.1:{port}", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await bare.stop(None)
        await server.stop(drain=0)


async def chunk_times(channel: grpc.aio.Channel, method: str, request: bytes) -> AsyncIterator[float]:
    """When each chunk arrived."""
    async for message in channel.unary_stream(method)(request):
        if message[0] == _CHUNK_TAG:
            yield time.perf_counter()


async def first_frame(channel: grpc.aio.Channel, method: str) -> float:
    """Seconds from the call to the first chunk; the stream is read to its end."""
    began = time.perf_counter()
    arrivals = [at async for at in chunk_times(channel, method, first_request())]
    return arrivals[0] - began


async def overhead(ours: str, bare: str, requests: int) -> None:
    """The first part."""
    async with grpc.aio.insecure_channel(ours) as channel, grpc.aio.insecure_channel(bare) as other:
        times: dict[str, list[float]] = {"posewire": [], "bare grpc.aio": []}
        for turn in range(requests + 50):
            made, plain = await first_frame(channel, GENERATE), await first_frame(other, BARE)
            if turn >= 50:
                times["posewire"].append(made)
                times["bare grpc.aio"].append(plain)
    found = {name: percentiles(values) for name, values in times.items()}
    print(head(f"first frame, {requests} requests, ms"))
    for name, values in found.items():
        print(row(name, values))
    added = {p: found["posewire"][p] - found["bare grpc.aio"][p] for p in found["posewire"]}
    print(row("added", added))
    ratio = found["posewire"]["p50"] / found["bare grpc.aio"]["p50"]
    print(f"ratio at p50: {ratio:.2f}; added at most 2 ms at p50: {verdict(added['p50'] <= 2)}, ", end="")
    print(f"10 ms at p99: {verdict(added['p99'] <= 10)}")


async def gaps_of(channel: grpc.aio.Channel, frames: int, seed: int) -> list[float]:
    """Seconds between the chunks of one paced stream."""
    request = paced_request(frames, seed)
    arrivals = [at async for at in chunk_times(channel, GENERATE, request)]
    return [later - earlier for earlier, later in pairwise(arrivals)]


async def crowd(ours: str, server: psutil.Process, streams: int, seconds: float) -> None:
    """The second part."""
    frames = round(seconds * FPS)
    async with grpc.aio.insecure_channel(ours) as channel:
        memory: list[float] = []
        watch = asyncio.create_task(_watch(server, memory))
        spent = sum(server.cpu_times()[:2])
        began = time.perf_counter()
        tasks = [gaps_of(channel, frames, seed) for seed in range(streams)]
        gaps = await asyncio.gather(*tasks)
        took = time.perf_counter() - began
        spent = sum(server.cpu_times()[:2]) - spent
        watch.cancel()
    allowed, flat = 2 * CHUNK / FPS, [gap for stream in gaps for gap in stream]
    starved = sum(gap > allowed for gap in flat)
    print(head(f"gaps, {streams} streams x {frames} frames, ms"))
    print(row("between chunks", percentiles(flat)))
    print(row("worst stream's", percentiles([max(stream) for stream in gaps])))
    late = percentiles(flat)["p99"] <= allowed * 1e3
    print(f"a chunk lasts {CHUNK / FPS * 1e3:.1f} ms; p99 within two of them: {verdict(late)}; ", end="")
    print(f"{starved} of {len(flat)} gaps longer; took {took:.1f} s, server used {spent / took:.2f} cores")
    settled = memory[len(memory) // 6 :]
    print(f"server memory: {settled[0]:.1f} MB early, {settled[-1]:.1f} MB at the end, ", end="")
    print(f"{max(settled) - min(settled):.1f} MB between smallest and largest")


async def _watch(server: psutil.Process, memory: list[float]) -> None:
    while True:
        memory.append(resident(server))
        await asyncio.sleep(0.5)


async def measure(requests: int, streams: int, seconds: float) -> None:
    """Both parts, against one server process."""
    command = [sys.executable, __file__, "--serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        ours, bare = process.stdout.readline().split()
        print(machine())
        if requests:
            await overhead(ours, bare, requests)
        if streams:
            await crowd(ours, psutil.Process(process.pid), streams, seconds)
        print(machine())
        process.stdin.close()


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--requests", type=int, default=1000, help="requests of the first part; 0: skip it")
    parser.add_argument("--streams", type=int, default=200, help="streams of the second part; 0: skip it")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a stream of the second part")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    asyncio.run(serve() if given.serve else measure(given.requests, given.streams, given.seconds))


if __name__ == "__main__":
    main()

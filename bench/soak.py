"""A server under everything at once, for long, with restarts: does every request end, and does anything grow?

    python bench/soak.py --minutes 20 --clients 100

Starts `posewire serve` as a process of its own and keeps clients of every kind at it: short and long clips,
several seeds, paced streams, cancels, deadlines, readers that are slow or stop reading, bytes that are no
request, new connections for every call, live sessions whose clients break off and come back or don't.
The server is restarted again and again, in turn by SIGTERM and by SIGKILL, at least once in every run. A
request that was sent must come to exactly one end at its client; UNAVAILABLE is one. A session of which
several streams are opened is one request. Memory, tasks and handles of the server are read from its own
/metrics.

The last line is a JSON summary. Exit code 0 only if as many requests ended as were sent.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import socket
import sys
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

import grpc
import numpy as np

from posewire_runtime.client import AsyncClient, AsyncStream
from posewire_runtime.errors import PosewireError, code_of
from posewire_runtime.exchange.events import Chunk, ClipEnd
from posewire_runtime.exchange.live import Clear, Goal, PaceChange, Prompt, Stop
from posewire_runtime.live_client import AsyncLiveStream

GENERATE = "/posewire.v1.Posewire/Generate"
LIVE = "/posewire.v1.Posewire/Live"
COMMANDS = (
    *(Prompt(prompt) for prompt in ("a person walks", "a person runs", "waves")),
    Prompt("turns around", queued=True),
    Prompt(""),
    Stop(),
    Goal((3.0, -2.0), 1.0),
    PaceChange(1.5),
    PaceChange(99.0),
    Clear(),
)
PROMPTS = ("a person walks", "runs fast", "waves with the left hand", "turns around", "stands")
SETTINGS = {
    "stall-seconds": 3,
    "drain-seconds": 2,
    "request-seconds": 3,
    "worker-limits-rows": 48,
    "live-idle-seconds": 3,
    "live-resume-seconds": 2,
}
"""Of the server: short patience, so that a run of a minute sees all of it."""
BUSY = ("streams", "live_sessions", "jobs_waiting", "jobs_running")
"""What a server counts that has something to do."""
FAULTS = ("INTERNAL", "UNKNOWN")
"""Codes that nobody should see; a request that ends with one has come to its end all the same."""
LOST_AFTER = 180.0
"""Seconds after which a request that hasn't ended counts as lost."""
LIFE = 400.0
"""Seconds between two restarts, or a third of the run where that is shorter."""
SAMPLE = 2.0
"""Seconds between two looks at the server's figures."""
BREATH = 45.0
"""Seconds between two rests: nobody asks until everybody who did has left."""
RESTING = 30.0
"""Seconds that this may take."""
ENOUGH = 3
"""Rests after the warm-up below which growth says nothing."""
ALLOWED = 1.0
"""MB a minute that memory may grow once it is warm."""


@dataclass
class Book:
    """What was sent, and how it ended."""

    sent: Counter[str] = field(default_factory=Counter)
    ended: Counter[str] = field(default_factory=Counter)
    codes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and code."""
    strange: list[str] = field(default_factory=list)
    """Ends that nobody should see."""
    faults: list[str] = field(default_factory=list)
    """What was said of ends with a code that stands for a bug."""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether clients may ask just now."""
    strangers: int = 0
    """Connections that brought no request."""

    async def one(self, kind: str, work: Awaitable[None]) -> None:
        """One request, from being sent to its end."""
        self.sent[kind] += 1
        try:
            async with asyncio.timeout(LOST_AFTER):
                await work
        except (PosewireError, grpc.RpcError) as error:
            code = error.code().name if isinstance(error, grpc.RpcError) else code_of(error).name  # type: ignore[attr-defined]
            if code in FAULTS:
                self.faults.append(f"{kind}: {code}: {type(error).__name__}: {error}")
        except TimeoutError:
            self.strange.append(f"{kind}: no end within {LOST_AFTER:g} s")
            return
        except Exception as error:
            self.strange.append(f"{kind}: {type(error).__name__}: {error}")
            return
        else:
            code = "OK"
        self.ended[kind] += 1
        self.codes[kind, code] += 1

    def by_code(self) -> dict[str, int]:
        """Ends of all kinds."""
        found: Counter[str] = Counter()
        for (_, code), count in sorted(self.codes.items()):
            found[code] += count
        return dict(sorted(found.items()))


# -------------------------------------------------------------------------------------- the clients


async def read_all(stream: AsyncStream, pause: Callable[[], float] = lambda: 0.0) -> None:
    """Every event of a stream, which must hold what its clips announced."""
    frames, announced = 0, 0
    async for event in stream.events():
        if isinstance(event, Chunk):
            frames += len(event.root)
            await asyncio.sleep(pause())
        elif isinstance(event, ClipEnd):
            announced += event.frames
    if frames != announced:
        raise ValueError(f"expected {announced} frames, found {frames}")


async def short(client: AsyncClient, draw: random.Random, target: str) -> None:
    await read_all(client.generate(draw.choice(PROMPTS), frames=draw.randint(20, 90)))


async def long(client: AsyncClient, draw: random.Random, target: str) -> None:
    await read_all(client.generate(draw.choice(PROMPTS), frames=draw.randint(600, 3000), steps=50))


async def seeds(client: AsyncClient, draw: random.Random, target: str) -> None:
    chosen = draw.sample(range(1000), 4)
    await read_all(client.generate(draw.choice(PROMPTS), frames=60, seeds=chosen, progress=True))


async def paced(client: AsyncClient, draw: random.Random, target: str) -> None:
    await read_all(client.generate(draw.choice(PROMPTS), frames=150, pace=2.0))


async def cancelling(client: AsyncClient, draw: random.Random, target: str) -> None:
    stream = client.generate(draw.choice(PROMPTS), frames=600, pace=1.0)
    timer = asyncio.get_running_loop().call_later(draw.uniform(0, 1.5), stream.cancel)
    try:
        await read_all(stream)
    finally:
        timer.cancel()


async def leaving(client: AsyncClient, draw: random.Random, target: str) -> None:
    """Closes its connection in the middle: the stream's end is its own `Cancelled`."""
    async with AsyncClient(target) as own:
        stream = own.generate(draw.choice(PROMPTS), frames=600, pace=1.0)
        await stream.open()
        await asyncio.sleep(draw.uniform(0, 1))
        stream.cancel()
        await read_all(stream)


async def hurried(client: AsyncClient, draw: random.Random, target: str) -> None:
    await read_all(client.generate(draw.choice(PROMPTS), frames=300, timeout=draw.uniform(0.001, 0.5)))


async def slow(client: AsyncClient, draw: random.Random, target: str) -> None:
    await read_all(client.generate(draw.choice(PROMPTS), frames=600), lambda: draw.uniform(0, 0.3))


async def stalling(client: AsyncClient, draw: random.Random, target: str) -> None:
    """Asks for much, reads one message, and then nothing for longer than the server waits."""
    async with AsyncClient(target) as own:
        stream = own.generate(draw.choice(PROMPTS), frames=7200, seeds=list(range(4)))
        await stream.open()
        await asyncio.sleep(SETTINGS["stall-seconds"] + 2)
        await read_all(stream)


async def reconnecting(client: AsyncClient, draw: random.Random, target: str) -> None:
    async with AsyncClient(target) as own:
        await read_all(own.generate(draw.choice(PROMPTS), frames=draw.randint(20, 300)))


async def living(client: AsyncClient, draw: random.Random, target: str) -> None:
    """Keeps a character moving, breaks off and comes back, again and again."""
    async with AsyncClient(target) as own:
        live = own.live(draw.choice(PROMPTS), ahead_seconds=draw.choice((0.0, 2.0)))
        try:
            for _ in range(draw.randint(0, 2)):
                await move(live, draw, draw.uniform(0.5, 4))
                live.drop()
                await asyncio.sleep(draw.uniform(0, 1))
                live = own.resume(live.started.session_id, live.started.secret, live.next_frame)
            await move(live, draw, draw.uniform(0.5, 4))
            await live.close()
            await end_of(live)
        finally:
            live.drop()


async def leaving_live(client: AsyncClient, draw: random.Random, target: str) -> None:
    """Leaves for good, in the middle: the session waits for nobody."""
    live = client.live(draw.choice(PROMPTS))
    try:
        await move(live, draw, draw.uniform(0, 2))
    finally:
        live.drop()
    await end_of(live)


async def move(live: AsyncLiveStream, draw: random.Random, seconds: float) -> None:
    """Play for a while, saying this and that. Frames must come without a gap, which the client checks."""
    await live.open()
    said = 0.0
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            async for event in live.events():
                if isinstance(event, Chunk):
                    await live.played(event.first_frame)
                    await asyncio.sleep(event.frames / 60)
                if time.monotonic() - said > 0.4:
                    said = time.monotonic()
                    await live.send(draw.choice(COMMANDS))


async def end_of(live: AsyncLiveStream) -> None:
    """The rest of a stream, to its status."""
    async for _ in live.events():
        pass
    if live.status is None:
        raise ValueError("a live stream ended without a status")


async def asking(client: AsyncClient, draw: random.Random, target: str) -> None:
    await (client.models(timeout=10) if draw.random() < 0.5 else client.warm(["walk"], timeout=10))


async def refused(client: AsyncClient, draw: random.Random, target: str) -> None:
    options: dict[str, Any] = draw.choice(
        [{"frames": 10**6}, {"model": "../x"}, {"steps": 0}, {"seeds": [1, 1]}]
    )
    await read_all(client.generate(draw.choice(PROMPTS), **options))


async def garbage(client: AsyncClient, draw: random.Random, target: str) -> None:
    """Bytes that are no message, in a call that is one."""
    data = draw.randbytes(draw.randint(1, 300))
    async with grpc.aio.insecure_channel(target) as channel:
        live = draw.random() < 0.5
        call = channel.stream_stream(LIVE)(iter([data])) if live else channel.unary_stream(GENERATE)(data)
        async for _ in call:
            pass


KINDS: dict[str, Callable[[AsyncClient, random.Random, str], Awaitable[None]]] = {
    kind.__name__: kind
    for kind in (
        short, long, seeds, paced, cancelling, leaving, hurried, slow, stalling, reconnecting, asking,
        refused, garbage, living, leaving_live,
    )
}  # fmt: skip


async def keep_asking(kind: str, number: int, target: str, until: float, book: Book) -> None:
    """One client, for as long as the run lasts."""
    draw = random.Random(f"{kind}-{number}")
    async with AsyncClient(target) as client:
        while time.monotonic() < until:
            await book.open.wait()
            await book.one(kind, KINDS[kind](client, draw, target))
            await asyncio.sleep(draw.uniform(0.05, 0.6))


async def keep_knocking(port: int, until: float, book: Book) -> None:
    """Strangers at the port: random bytes, halves of greetings, silence."""
    draw = random.Random("stranger")
    while time.monotonic() < until:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            start = draw.choice(
                (b"", b"GET / HTTP/1.1\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01")
            )
            writer.write(start + draw.randbytes(draw.choice((0, 1, 100, 5000))))
            with suppress(OSError):
                await writer.drain()
            await asyncio.sleep(draw.uniform(0, 0.5))
            writer.close()
            book.strangers += 1
        await asyncio.sleep(draw.uniform(0, 0.2))


# --------------------------------------------------------------------------------------- the server


@dataclass(frozen=True)
class Sample:
    """The server at one moment."""

    at: float
    memory: float
    """MB."""
    tasks: float
    handles: float
    busy: float
    """Streams and jobs that are open."""


@dataclass
class Life:
    """One life of the server, between two restarts."""

    samples: list[Sample] = field(default_factory=list)
    rests: list[Sample] = field(default_factory=list)
    """Those of moments when nobody was inside: what is held then and grows, leaks."""

    def settled(self) -> list[Sample]:
        """The rests after the warm-up, which is the first third of them."""
        return self.rests[len(self.rests) // 3 :]

    def growth(self) -> float | None:
        """MB a minute, by the line that fits the settled rests best; None: too few of them."""
        rests = self.settled()
        if len(rests) < ENOUGH:
            return None
        return float(np.polyfit([rest.at / 60 for rest in rests], [rest.memory for rest in rests], 1)[0])

    def drift(self, what: Callable[[Sample], float]) -> float:
        """How much more there is at the last rest than at the first one after the warm-up."""
        rests = self.settled()
        return what(rests[-1]) - what(rests[0]) if rests else 0.0

    def tenths(self) -> str:
        """Memory on the way."""
        every = [self.samples[len(self.samples) * k // 10].memory for k in range(10)] if self.samples else []
        return ", ".join(f"{memory:.0f}" for memory in every)


class Served:
    """The server's process, which may be another one from time to time."""

    def __init__(self, models: Sequence[str], log: IO[bytes] | None) -> None:
        """`log`: where its log goes."""
        self.port, self.watched = free_port(), free_port()
        self._models = models
        self._log = log or asyncio.subprocess.DEVNULL
        self.lives: list[Life] = []
        self.restarts: Counter[str] = Counter()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def target(self) -> str:
        """Where clients find it."""
        return f"127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start it, and wait until it listens."""
        flags = {"port": self.port, "metrics-port": self.watched} | SETTINGS
        command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--json", "--quiet"]
        command += [word for name, value in flags.items() for word in (f"--{name}", str(value))]
        command += [word for model in self._models or ("stand-in",) for word in ("--model", model)]
        self._process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=self._log
        )
        assert self._process.stdout is not None
        if not await self._process.stdout.readline():
            raise SystemExit("the server didn't start")
        self.lives.append(Life())

    async def stop(self, number: int) -> None:
        """End it, kindly or not; raises where a kind end wasn't a good one."""
        assert self._process is not None
        self._process.send_signal(number)
        code = await asyncio.wait_for(self._process.wait(), 30)
        if number == signal.SIGTERM and code != 0:
            raise SystemExit(f"expected the server to drain and exit with 0, found {code}")

    async def restart(self) -> None:
        """End it and start it again, in turn by SIGTERM and by SIGKILL."""
        number = signal.SIGTERM if self.restarts.total() % 2 == 0 else signal.SIGKILL
        self.restarts[signal.Signals(number).name] += 1
        await self.stop(number)
        await asyncio.sleep(0.3)
        await self.start()

    async def sample(self) -> Sample | None:
        """Read its own figures."""
        try:
            found = await asyncio.to_thread(metrics_of, self.watched)
        except OSError:
            return None
        made = Sample(
            time.monotonic(),
            found["process_resident_memory_bytes"] / 1e6,
            found["posewire_tasks"],
            found["process_open_fds"],
            sum(found[f"posewire_{name}"] for name in BUSY),
        )
        self.lives[-1].samples.append(made)
        return made

    async def rest(self, book: Book) -> None:
        """Let everybody leave, look, and let them in again."""
        book.open.clear()
        end = time.monotonic() + RESTING
        while time.monotonic() < end and book.sent != book.ended:
            await asyncio.sleep(0.2)
        await asyncio.sleep(3)
        found = await self.sample()
        if found is not None and found.busy == 0:
            self.lives[-1].rests.append(found)
        book.open.set()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def metrics_of(port: int) -> dict[str, float]:
    """A server's metrics without labels."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    pairs = (line.split() for line in lines if not line.startswith("#") and "{" not in line)
    return defaultdict(float, {name: float(value) for name, value in pairs})  # what never was, isn't told of


async def watch(served: Served, book: Book, until: float, began: float, life: float) -> None:
    """Sample, rest and restart, until it is time."""
    due, breath = began + life, began + BREATH
    while time.monotonic() < until:
        await asyncio.sleep(SAMPLE)
        await served.sample()
        if time.monotonic() >= breath:
            await served.rest(book)
            breath = time.monotonic() + BREATH
        if time.monotonic() >= due and until - time.monotonic() > life / 4:
            await served.restart()
            due = time.monotonic() + life


async def soak(
    minutes: float, clients: int, models: Sequence[str], log: IO[bytes] | None
) -> tuple[Book, Served, dict[str, float]]:
    """The whole run: the book, the server, and what the server holds once everybody has left."""
    book, served = Book(), Served(models, log)
    await served.start()
    book.open.set()
    began = time.monotonic()
    until = began + minutes * 60
    kinds = [[*KINDS][i % len(KINDS)] for i in range(clients)]
    work = [keep_asking(kind, i, served.target, until, book) for i, kind in enumerate(kinds)]
    await asyncio.gather(
        *work,
        keep_knocking(served.port, until, book),
        watch(served, book, until, began, min(LIFE, minutes * 60 / 3)),
        report(book, began, until),
    )
    await asyncio.sleep(SETTINGS["stall-seconds"] + 1)
    left = await asyncio.to_thread(metrics_of, served.watched)
    await served.stop(signal.SIGTERM)
    return book, served, left


async def report(book: Book, began: float, until: float) -> None:
    """A line now and then."""
    while time.monotonic() < until:
        await asyncio.sleep(min(30.0, max(until - time.monotonic(), 0.0)))
        sent, ended = book.sent.total(), book.ended.total()
        print(f"{time.monotonic() - began:6.0f} s: {sent} sent, {ended} ended, {book.by_code()}", flush=True)


# -------------------------------------------------------------------------------------- the figures


def figures(book: Book, served: Served, left: dict[str, float]) -> Iterator[str]:
    """What people read."""
    yield f"{'kind':<14}{'sent':>8}{'ended':>8}"
    for kind in KINDS:
        codes = ", ".join(f"{c} {count}" for (k, c), count in sorted(book.codes.items()) if k == kind)
        yield f"{kind:<14}{book.sent[kind]:>8}{book.ended[kind]:>8}  {codes}"
    yield f"strangers at the port: {book.strangers}; restarts: {dict(served.restarts)}"
    for i, life in enumerate(served.lives):
        at_rest = ", ".join(f"{rest.memory:.1f}" for rest in life.rests)
        yield f"life {i}: MB by tenths of it {life.tenths()}; at rest {at_rest or 'never'}"
    held = {name: left[f"posewire_{name}"] for name in (*BUSY, "tasks")}
    yield f"once everybody left: {held}"
    yield from (f"STRANGE: {line}" for line in book.strange[:20])
    yield from (f"FAULT: {line}" for line in book.faults[:20])


def summary(
    book: Book, served: Served, left: dict[str, float], minutes: float, clients: int
) -> dict[str, Any]:
    """What programs read."""
    judged = [life for life in served.lives if life.growth() is not None]
    growth = max((life.growth() or 0.0 for life in judged), default=None)
    return {
        "minutes": minutes,
        "clients": clients,
        "requests": book.sent.total(),
        "outcomes": book.ended.total(),
        "codes": book.by_code(),
        "strange": len(book.strange),
        "faults": len(book.faults),
        "restarts": served.restarts.total(),
        "memory_mb_per_minute": None if growth is None else round(growth, 3),
        "memory_flat": None if growth is None else growth < ALLOWED,
        "tasks_drift": max((life.drift(lambda rest: rest.tasks) for life in judged), default=None),
        "handles_drift": max((life.drift(lambda rest: rest.handles) for life in judged), default=None),
        "left": {name: left[f"posewire_{name}"] for name in BUSY},
        "agree": book.sent == book.ended and not book.strange,
    }


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long; fractions are fine")
    parser.add_argument("--clients", type=int, default=100)
    parser.add_argument(
        "--model", action="append", default=[], help="what the server serves, as its own flag"
    )
    parser.add_argument("--log", type=argparse.FileType("wb"), help="a file for what the server logs")
    given = parser.parse_args()
    book, served, left = asyncio.run(soak(given.minutes, given.clients, given.model, given.log))
    print("\n".join(figures(book, served, left)))
    told = summary(book, served, left, given.minutes, given.clients)
    print(json.dumps(told), flush=True)
    raise SystemExit(not (told["agree"] and told["restarts"] >= 1))


if __name__ == "__main__":
    main()

"""Mutated messages at every decoder, and random bytes at the socket: nothing may crash, hang or leak.

    python bench/fuzz_wire.py [--messages 1000000] [--connections 2000] [--seed 1]

Messages that are fine are broken in every way bytes and fields can be: bits flipped, pieces cut out, doubled
and swapped between messages, lengths and numbers made extreme. What comes out must be a value or an error
that was raised on purpose. Each message has its own seed, so that a finding is one call away: it is printed
with the seed and the bytes. Exit code 0 only without findings, hangs and growth.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import DecodeError

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime import puppet
from posewire_runtime.client import AsyncClient
from posewire_runtime.device.memory import private_bytes
from posewire_runtime.errors import Overloaded, PosewireError, Violation
from posewire_runtime.exchange.events import Header, Notice, ServedModel
from posewire_runtime.exchange.live import (
    Clear,
    Close,
    Goal,
    LiveAnswer,
    LiveSegment,
    LiveStarted,
    PaceChange,
    Playhead,
    Prompt,
    Resume,
    Stop,
)
from posewire_runtime.exchange.packing import PackedClip, Packing, frame_bytes
from posewire_runtime.exchange.validate import Bounds
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import Server
from posewire_runtime.types import CONTACT_NAMES, Target
from posewire_runtime.wire import stream
from posewire_runtime.wire.decoder import Collector, Decoder
from posewire_runtime.wire.live import (
    LiveDecoder,
    read_command,
    read_open,
    read_resume,
    write_command,
    write_end,
    write_event,
    write_frames,
    write_open,
)
from posewire_runtime.wire.models import read_model, write_model
from posewire_runtime.wire.requests import read_generate, read_warm, write_generate
from posewire_runtime.wire.status import read_status, write_status

SLOW = 1.0
"""Seconds of CPU for one message that count as a hang."""
GROWTH = 8.0
"""MB that may come on top once the first tenth is done."""
_NUMBERS = (0, 1, 2**7, 2**14, 2**31 - 1, 2**31, 2**32 - 1, 2**63 - 1, 2**64 - 1)
_REALS = (0.0, -0.0, 1e-300, -1.0, 1e9, 3.4e38, 1e300, float("inf"), float("-inf"), float("nan"))
_TEXTS = ("", " ", "\0", "x" * 5000, "\u202e\u0301", "../../etc/passwd", "\U0001f984", "%s%n")


@dataclass(frozen=True)
class Kind:
    """One thing that is decoded."""

    name: str
    messages: tuple[bytes, ...]
    """That are fine."""
    message: type[Any]
    decode: Callable[[Any], object]
    """Of a parsed message."""


@dataclass
class Found:
    """What came of it."""

    outcomes: Counter[str] = field(default_factory=Counter)
    findings: list[str] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    """Tracebacks that were seen; one of each is enough."""
    slowest: float = 0.0
    memory: list[float] = field(default_factory=list)
    """MB, now and then."""

    @property
    def growth(self) -> float:
        """MB since the first tenth."""
        settled = self.memory[len(self.memory) // 10 :]
        return settled[-1] - settled[0] if settled else 0.0


# ---------------------------------------------------------------------------------- what is decoded


def kinds() -> tuple[Kind, ...]:
    """Every decoder that reads what strangers send, with messages that it reads well."""
    library, bounds = Library.of(FakeProgram()), Bounds()
    warm = pb.WarmRequest(models=["stand-in"], prompts=["walk", "run"])
    models = write_model(ServedModel(library.info("stand-in"), True, True, 16))
    asked = tuple(message.SerializeToString() for message in requests())
    return (
        Kind("request", asked, pb.GenerateRequest, lambda m: read_generate(m, library, bounds, None)),
        Kind("warm", (warm.SerializeToString(),), pb.WarmRequest, lambda m: read_warm(m, library, bounds)),
        Kind("model", (models.SerializeToString(),), pb.Model, lambda m: read_model(m, False)),
        Kind("events", tuple(m.SerializeToString() for m in events()), pb.GenerateResponse, _read_event),
        Kind(
            "live",
            tuple(m.SerializeToString() for m in commands()),
            pb.LiveRequest,
            lambda m: _read_live(m, library, bounds),
        ),
        Kind("live events", tuple(m.SerializeToString() for m in live_events()), pb.LiveResponse, _hear_live),
    )


def requests() -> Iterator[pb.GenerateRequest]:
    """Requests of all sorts."""
    yield write_generate("a person walks", {})
    yield write_generate("run", {"seconds": 2.5, "seeds": [1, 2, 3], "pace": 1.0, "ahead": 0.5})
    yield write_generate(
        "wave", {"frames": 60, "steps": 5, "guidance": 2.0, "preset": "fast", "chunk_frames": 8}
    )
    bones = {name: name for name in SMPL22.names}
    yield write_generate("jump", {"target": Target(SMPL22, bones), "packing": Packing.SMALLEST_THREE_48})


def commands() -> Iterator[pb.LiveRequest]:
    """Everything that a live session can be told."""
    bones = {name: name for name in SMPL22.names}
    yield write_command(write_open("a person walks", seed=3, steps=5, position=(1.0, 2.0), heading=0.5), 1)
    yield write_command(write_open("run", target=Target(SMPL22, bones), ahead_seconds=2.0), 2)
    told = (
        Prompt("wave", 7, True),
        Stop(),
        Goal((3.0, -2.0), 1.0),
        PaceChange(1.5),
        Clear(),
        Playhead(40),
        Close(),
    )
    for number, command in enumerate((Resume("a" * 16, "b" * 32, 40), *told)):
        yield write_command(command, number)


def _read_live(message: pb.LiveRequest, library: Library, bounds: Bounds) -> object:
    """A message as the first of a stream, or within a session."""
    match message.WhichOneof("command"):
        case "open":
            return read_open(message.open, library, bounds)
        case "resume":
            return read_resume(message.resume)
        case _:
            return read_command(message, library.info("stand-in"), bounds)


def live_events() -> Iterator[pb.LiveResponse]:
    """A live stream that says everything there is to say."""
    clip = puppet.perform("walk", 20, 30.0, 1)
    for packing in Packing:
        yield write_event(_header(packing))
        yield write_event(LiveStarted("abc", "def", 0, 30.0, 60.0, 0.75))
        yield write_event(LiveSegment(0, "walk", 7, 1))
        yield write_event(LiveAnswer(3, 8, "slow down"))
        yield write_event(Notice("target_reached", "there"))
        yield write_frames(0, 20, 30.0, PackedClip(clip, packing).slice(0, 20))
        yield write_end(Overloaded("no room", 1.0))


def _hear_live(message: pb.LiveResponse) -> object:
    """The event where a stream may bring it: as the first, and behind the start of either packing."""
    outcome: object = None
    for packing in (None, *Packing):
        decoder = LiveDecoder()
        try:
            if packing is not None:
                decoder.feed(write_event(_header(packing)))
                decoder.feed(write_event(LiveStarted("abc", "def", 0, 30.0, 60.0, 0.75)))
            outcome = decoder.feed(message)
            decoder.finish()
        except PosewireError as error:
            outcome = error
    if isinstance(outcome, PosewireError):
        raise outcome
    return outcome


def events() -> Iterator[pb.GenerateResponse]:
    """A stream that says everything there is to say."""
    clip = puppet.perform("walk", 20, 30.0, 1)
    for packing in Packing:
        yield stream.write_header(_header(packing))
        yield stream.write_notice(Notice("clip_failed", "one of them"))
        yield stream.write_progress(0, 1, 8)
        yield stream.write_clip_start(0, 1, 20)
        yield stream.write_chunk(0, 0, 20, 30.0, PackedClip(clip, packing).slice(0, 20))
        yield stream.write_clip_end(0, 20, {"step": 12})
        yield stream.write_status({"step": 12}, 8, Overloaded("no room", 1.0))


def _header(packing: Packing) -> Header:
    return Header(
        stream_id="abc",
        model="stand-in",
        skeleton=SMPL22,
        fps=30.0,
        packing=packing,
        convention=stream.CONVENTION,
        contact_names=CONTACT_NAMES,
        clips=1,
        licence_notice="notice",
        familiarity=0.5,
        nearest_prompt="walk",
        notices=(Notice("frames_raised", "ten"),),
    )


_BEFORE = {
    packing: (stream.write_header(_header(packing)), stream.write_clip_start(0, 1, 20)) for packing in Packing
}


def _read_event(message: pb.GenerateResponse) -> object:
    """The event where a stream may bring it: as the first, and in the middle of a clip of either packing."""
    outcome: object = None
    for before in ((), *_BEFORE.values()):
        decoder, collector = Decoder(), Collector()
        try:
            for one in (*before, message):
                outcome = decoder.feed(one)
                if outcome is not None:
                    collector.feed(outcome)  # type: ignore[arg-type]
            decoder.finish()
            collector.clips(decoder.header)
        except PosewireError as error:
            outcome = error
    if isinstance(outcome, PosewireError):
        raise outcome
    return outcome


# ------------------------------------------------------------------------------------- how it breaks


def broken(kind: Kind, draw: random.Random) -> bytes:
    """A message of this kind, broken in one to four ways."""
    data = draw.choice(kind.messages)
    if draw.random() < 0.5:
        message = kind.message.FromString(data)
        for _ in range(draw.randint(1, 3)):
            _break_field(message, draw)
        data = message.SerializeToString()
        if draw.random() < 0.7:
            return data
    changed = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        draw.choice(_BREAKS)(changed, draw, kind.messages)
    return bytes(changed)


def _flip(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    if data:
        data[draw.randrange(len(data))] ^= 1 << draw.randrange(8)


def _overwrite(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    data[at : at + draw.randint(1, 8)] = draw.choice((b"\xff", b"\x00", b"\x80", b"\x7f")) * draw.randint(
        1, 10
    )


def _cut(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    del data[at : at + draw.randint(1, max(len(data) // 2, 1))]


def _double(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    at = draw.randrange(len(data) + 1)
    data[at:at] = data[at : at + draw.randint(1, 40)] * draw.randint(1, 3)


def _swap(data: bytearray, draw: random.Random, others: Sequence[bytes]) -> None:
    other, at = draw.choice(others), draw.randrange(len(data) + 1)
    begin = draw.randrange(len(other) + 1)
    data[at : at + draw.randint(0, 30)] = other[begin : begin + draw.randint(1, 60)]


_BREAKS = (_flip, _overwrite, _cut, _double, _swap)


def _break_field(message: Any, draw: random.Random) -> None:
    """Make a field somewhere in a message extreme, absent or many."""
    if not message.DESCRIPTOR.fields:
        return
    chosen = draw.choice(message.DESCRIPTOR.fields)
    value = getattr(message, chosen.name)
    with suppress(ValueError, TypeError, OverflowError):  # what a field can't be set to needs no test
        if chosen.message_type is not None and chosen.message_type.GetOptions().map_entry:
            value[draw.choice(_TEXTS)] = draw.choice(_TEXTS)
        elif chosen.is_repeated:
            _break_list(value, chosen, draw)
        elif chosen.message_type is not None:
            _break_field(value, draw)
        elif draw.random() < 0.1:
            message.ClearField(chosen.name)
        else:
            setattr(message, chosen.name, _extreme(chosen, value, draw))


def _break_list(values: Any, chosen: FieldDescriptor, draw: random.Random) -> None:
    if len(values) and draw.random() < 0.3:
        del values[draw.randrange(len(values))]
    elif chosen.message_type is None:
        values.extend([_extreme(chosen, "", draw)] * draw.choice((1, 1, 30)))
    elif len(values) and draw.random() < 0.8:
        _break_field(draw.choice(values), draw)
    else:
        for _ in range(draw.choice((1, 1, 20))):
            values.add()


def _extreme(chosen: FieldDescriptor, value: Any, draw: random.Random) -> Any:
    """A value of the field's type that nobody expects."""
    if chosen.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        if chosen.type == FieldDescriptor.TYPE_BYTES:
            data = bytearray(value or b"")
            draw.choice(_BREAKS)(data, draw, (bytes(frame_bytes(22, Packing.FLOAT32)),))
            return bytes(data)
        return draw.choice(_TEXTS)
    if chosen.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return draw.choice(_REALS)
    return draw.choice(_NUMBERS) if draw.random() < 0.9 else -draw.choice(_NUMBERS)


# ------------------------------------------------------------------------------------------- the run


def fuzz(count: int, seed: int) -> Found:
    """So many broken messages, shared out among the decoders and the reader of errors."""
    found, all_kinds = Found(), kinds()
    details = write_status(Overloaded("no room", 1.0)), write_status(_refused())
    every, began = max(count // 50, 1), time.perf_counter()
    for i in range(count):
        draw = random.Random(f"{seed}-{i}")
        if i % 10 == 9:
            data = bytearray(draw.choice(details).SerializeToString())
            for _ in range(draw.randint(1, 4)):
                draw.choice(_BREAKS)(data, draw, [bytes(data)])
            _try(found, "error", f"{seed}-{i}", bytes(data), lambda data: read_status(8, "x", data))
        else:
            kind = all_kinds[(0, 3, 4, 3, 0, 5, 1, 4, 2)[i % 10]]
            data = broken(kind, draw)
            _try(
                found,
                kind.name,
                f"{seed}-{i}",
                data,
                lambda data, k=kind: k.decode(k.message.FromString(data)),
            )
        if i % every == 0:
            found.memory.append((private_bytes() or 0) / 1e6)
    print(f"{count / (time.perf_counter() - began):.0f} messages a second")
    return found


def _refused() -> PosewireError:
    from posewire_runtime.errors import InvalidRequest

    return InvalidRequest.of([Violation("seeds[2]", "expected a seed"), Violation("prompt", "expected text")])


def _try(found: Found, name: str, seed: str, data: bytes, decode: Callable[[bytes], object]) -> None:
    began = time.thread_time()
    try:
        outcome = type(decode(data)).__name__
        found.outcomes[f"{name}: read"] += 1
    except DecodeError:
        found.outcomes[f"{name}: no message"] += 1
    except PosewireError as error:
        outcome = type(error).__name__
        found.outcomes[f"{name}: {outcome}"] += 1
    except Exception:
        found.outcomes[f"{name}: FINDING"] += 1
        trace = traceback.format_exc()
        if trace not in found.known and len(found.findings) < 20:
            found.known.add(trace)
            found.findings.append(f"{name} {seed} {data.hex()[:2000]}\n{trace}")
    took = time.thread_time() - began
    found.slowest = max(found.slowest, took)
    if took > SLOW:
        found.findings.append(f"{name} {seed}: took {took:.1f} s")


# ---------------------------------------------------------------------------------------- the socket


async def knock(connections: int, seed: int) -> bool:
    """Random bytes at a server's port, while a client goes on asking; whether all was well in the end."""
    library = Library.of(FakeProgram())
    with Worker(library) as worker:
        server = Server(worker, library, Settings(port=0, request_seconds=2))
        await server.start()
        async with AsyncClient(server.address) as client:
            await client.clip("walk", frames=30)
            handles, memory = _handles(), private_bytes() or 0
            draw = random.Random(seed)
            asked = 0
            for begun in range(0, connections, 50):
                batch = [_stranger(server.port, draw) for _ in range(min(50, connections - begun))]
                await asyncio.gather(*batch, client.clip("walk", frames=30))
                asked += 1
            await asyncio.sleep(3)
            left = _handles() - handles
            grown = ((private_bytes() or 0) - memory) / 1e6
        fine = worker.stats().failures == 0 and left <= 2
        await server.stop(0)
    print(f"{connections} connections of random bytes, {asked} clips between them, all made;", end=" ")
    print(f"{left} handles left, {grown:+.1f} MB")
    return fine


async def _stranger(port: int, draw: random.Random) -> None:
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    settings = b"\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    frame = bytes(
        (0, 0, draw.randrange(60), draw.randrange(12), draw.randrange(256), 0, 0, 0, draw.randrange(4))
    )
    start = draw.choice(
        (b"", b"GET / HTTP/1.1\r\n\r\n", preface, preface + settings, preface + settings + frame)
    )
    with suppress(OSError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(start + draw.randbytes(draw.choice((0, 1, 9, 100, 3000))))
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(draw.choice((0.01, 0.1))):
                await writer.drain()
                await reader.read(100)
        writer.close()


def _handles() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--messages", type=int, default=1_000_000)
    parser.add_argument("--connections", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    warnings.simplefilter("error")
    np.seterr(all="warn")
    found = fuzz(given.messages, given.seed)
    for outcome, count in sorted(found.outcomes.items()):
        print(f"{outcome:<34}{count:>9}")
    print(f"slowest message: {found.slowest * 1e3:.1f} ms of CPU")
    print(f"memory since the first tenth: {found.growth:+.2f} MB")
    print("\n".join(found.findings))
    calm = asyncio.run(knock(given.connections, given.seed)) if given.connections else True
    fine = calm and not found.findings and found.growth < GROWTH
    print(f"{given.messages} messages, no crash, no hang, no leak: {'yes' if fine else 'NO'}")
    raise SystemExit(not fine)


if __name__ == "__main__":
    main()

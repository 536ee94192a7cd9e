"""Live sessions over the wire: what is said and heard, limits, lost and found clients, ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.client import AsyncClient, Client
from posewire_runtime.errors import (
    Cancelled,
    Code,
    DeadlineExceeded,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
    PosewireError,
    ShuttingDown,
    UnknownModel,
    UnknownSession,
)
from posewire_runtime.exchange.events import Chunk, Header, Notice
from posewire_runtime.exchange.live import LiveAnswer, LiveSegment, LiveStarted, PaceChange, Playhead, Prompt
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.fakes import Faults
from posewire_runtime.live_client import AsyncLiveStream
from posewire_runtime.scheduler.live import LiveSettings
from posewire_runtime.server.streaming import ClientLost
from posewire_runtime.server.tokens import line_of
from posewire_runtime.types import Target

Serve = Callable[..., Awaitable[Any]]
LIVE = "/posewire.v1.Posewire/Live"


async def eventually(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.005)


async def play(live: AsyncLiveStream, frames: int) -> list[Any]:
    """Play what comes at once, until so many frames have; all events."""
    heard: list[Any] = []
    async with asyncio.timeout(20):
        async for event in live.events():
            heard.append(event)
            if isinstance(event, Chunk):
                await live.played(event.first_frame + event.frames)
                if event.first_frame + event.frames >= frames:
                    return heard
    raise AssertionError("the stream ended early")


async def collect(live: AsyncLiveStream) -> list[Any]:
    """All events, none of them played."""
    return [event async for event in live.events()]


async def until(live: AsyncLiveStream, kind: type[Any]) -> Any:
    """Play until an event of a kind comes."""
    async with asyncio.timeout(20):
        async for event in live.events():
            if isinstance(event, Chunk):
                await live.played(event.first_frame + event.frames)
            if isinstance(event, kind):
                return event
    raise AssertionError(f"the stream ended without a {kind.__name__}")


def roots(heard: list[Any]) -> np.ndarray:
    return np.concatenate([event.root for event in heard if isinstance(event, Chunk)])


async def test_a_session_from_its_beginning_to_its_end(serve: Serve) -> None:
    served = await serve()
    async with served.client.live("a person walks", seed=5, request_id="hero") as live:
        started = await live.open()
        heard = await play(live, 200)
    assert [type(event) for event in heard[:4]] == [Header, LiveStarted, LiveAnswer, LiveSegment]
    assert (started.first_frame, started.resumed) == (0, False)
    assert heard[3] == LiveSegment(0, "a person walks", 5, 1)
    assert np.linalg.norm(np.diff(roots(heard), axis=0), axis=-1).max() < 0.1
    assert live.status is not None
    assert live.status.code == 0
    await served.rests()


async def test_commands_change_what_is_shown(serve: Serve) -> None:
    served = await serve()
    async with served.client.live("a person walks") as live:
        await play(live, 60)
        number = await live.prompt("a person runs", seed=9)
        answer = await until(live, LiveAnswer)
        segment = await until(live, LiveSegment)
        while segment.command != number:
            segment = await until(live, LiveSegment)
        assert answer == LiveAnswer(number, 0)
        assert (segment.prompt, segment.seed) == ("a person runs", 9)
        await live.stop()
        while segment.prompt:
            segment = await until(live, LiveSegment)
        heard = await play(live, live.next_frame + 120)
    assert np.ptp(roots(heard)[-40:, [0, 2]], axis=0).max() < 0.1


async def test_it_goes_where_it_is_sent(serve: Serve) -> None:
    served = await serve()
    async with served.client.live("a person walks", position=(1.0, 0.0), heading=0.5) as live:
        heard = await play(live, 30)
        np.testing.assert_allclose(roots(heard)[0, [0, 2]], (1.0, 0.0), atol=0.1)
        await live.go((-2.0, 3.0))
        notice = await until(live, Notice)
        assert notice.code == "target_reached"
        assert np.linalg.norm(roots(await play(live, live.next_frame + 1))[0, [0, 2]] - (-2.0, 3.0)) < 1.2


async def test_the_server_runs_ahead_by_so_much_and_waits(serve: Serve) -> None:
    served = await serve()
    async with served.client.live("a person walks", ahead_seconds=1.0) as live:
        started = await live.open()
        assert started.ahead_seconds == 1.0
        frames = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(0.7):
                async for chunk in live:
                    frames += chunk.frames
        assert 0 < frames <= 30
        await live.played(frames)
        await play(live, frames + 60)


async def test_what_is_refused_changes_nothing(serve: Serve) -> None:
    served = await serve()
    async with served.client.live("a person walks") as live:
        await play(live, 20)
        for command in (PaceChange(100.0), PaceChange(float("nan"))):
            number = await live.send(command)
            answer = await until(live, LiveAnswer)
            assert (answer.id, answer.code) == (number, Code.INVALID_ARGUMENT)
            assert "pace.rate" in answer.message
        await live.prompt("   ")
        assert "prompt.prompt" in (await until(live, LiveAnswer)).message
        await live.go()
        assert "a position or a heading" in (await until(live, LiveAnswer)).message
        await play(live, live.next_frame + 60)


@pytest.mark.parametrize(
    ("prompt", "options", "kind"),
    [
        ("walk", {"model": "../etc/passwd"}, UnknownModel),
        ("w" * 5000, {}, InvalidRequest),
        ("walk", {"steps": 0}, InvalidRequest),
        ("walk", {"position": (float("nan"), 0.0)}, InvalidRequest),
        ("walk", {"ahead_seconds": -1.0}, InvalidRequest),
        ("walk", {"chunk_frames": 10**9}, InvalidRequest),
    ],
)
async def test_what_cannot_be_opened_is_refused(
    serve: Serve, prompt: str, options: dict[str, Any], kind: type[PosewireError]
) -> None:
    served = await serve()
    with pytest.raises(kind):
        await served.client.live(prompt, **options).open()
    await served.rests()


async def raw(served: Any, messages: AsyncIterator[bytes]) -> grpc.StatusCode:
    """What a call with these messages ends with."""
    async with grpc.aio.insecure_channel(served.server.address) as channel:
        call = channel.stream_stream(LIVE)(messages)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            async for _ in call:
                pass
    return caught.value.code()


async def test_streams_that_begin_wrongly_are_ended(serve: Serve) -> None:
    served = await serve(request_seconds=0.3)

    async def nothing() -> AsyncIterator[bytes]:
        return
        yield b""

    async def silence() -> AsyncIterator[bytes]:
        await asyncio.sleep(5)
        yield b""

    async def playhead() -> AsyncIterator[bytes]:
        yield pb.LiveRequest(playhead=pb.LivePlayhead(frame=3)).SerializeToString()

    async def garbage() -> AsyncIterator[bytes]:
        yield b"\xff\xff\xff"

    async def late_garbage() -> AsyncIterator[bytes]:
        yield pb.LiveRequest(open=pb.LiveOpen(prompt="walk")).SerializeToString()
        await asyncio.sleep(0.2)
        yield b"\xff\xff\xff"
        await asyncio.sleep(5)

    assert await raw(served, nothing()) is grpc.StatusCode.INVALID_ARGUMENT
    assert await raw(served, silence()) is grpc.StatusCode.DEADLINE_EXCEEDED
    assert await raw(served, playhead()) is grpc.StatusCode.INVALID_ARGUMENT
    for broken in (garbage(), late_garbage()):
        assert await raw(served, broken) is grpc.StatusCode.INVALID_ARGUMENT
    await served.rests()


async def test_no_frame_is_lost_where_a_stream_breaks_just_before_it(serve: Serve) -> None:
    served = await serve()
    written: list[pb.LiveResponse] = []

    async def said() -> AsyncIterator[pb.LiveRequest]:
        yield pb.LiveRequest(open=pb.LiveOpen(prompt="walk"))
        await asyncio.sleep(10)

    async def write(message: pb.LiveResponse) -> None:
        written.append(message)
        if message.WhichOneof("event") == "segment":
            raise ConnectionError("gone")

    with pytest.raises(ClientLost):
        await served.server.service.live(said(), write)
    [started] = [message.started for message in written if message.WhichOneof("event") == "started"]
    live = served.client.resume(started.session_id, started.secret, 0)
    async with live:
        heard = await play(live, 30)
    assert next(event for event in heard if isinstance(event, Chunk)).first_frame == 0
    await served.rests()


async def test_the_end_of_the_messages_ends_the_session(serve: Serve) -> None:
    served = await serve()

    async def one() -> AsyncIterator[bytes]:
        yield pb.LiveRequest(open=pb.LiveOpen(prompt="walk")).SerializeToString()

    async with grpc.aio.insecure_channel(served.server.address) as channel:
        call = channel.stream_stream(LIVE)(one())
        messages = [pb.LiveResponse.FromString(message) async for message in call]
        assert await call.code() is grpc.StatusCode.OK
    kinds = [message.WhichOneof("event") for message in messages]
    assert kinds.count("status") == 1
    assert kinds[-1] == "status"


async def test_a_lost_client_resumes(serve: Serve) -> None:
    served = await serve()
    lost = served.client.live("a person walks", seed=3)
    before = await play(lost, 100)
    last = next(event for event in reversed(before) if isinstance(event, Chunk))
    lost.drop()
    with pytest.raises(Cancelled):
        await play(lost, 10**6)
    await served.rests()
    found = served.client.resume(lost.started.session_id, lost.started.secret, last.first_frame + last.frames)
    async with found as live:
        started = await live.open()
        after = await play(live, last.first_frame + 90)
    assert started.resumed
    assert started.first_frame == last.first_frame + last.frames
    both = np.concatenate([roots(before), roots(after)])
    assert np.linalg.norm(np.diff(both, axis=0), axis=-1).max() < 0.1


async def test_frames_that_were_lost_on_the_way_are_sent_again(serve: Serve) -> None:
    served = await serve()
    lost = served.client.live("a person walks", seed=3, ahead_seconds=2.0)
    frames: list[Chunk] = []
    async for chunk in lost:
        frames.append(chunk)
        if chunk.first_frame >= 40:
            break
    lost.drop()
    async with served.client.resume(lost.started.session_id, lost.started.secret, 20) as live:
        await live.open()
        again = await anext(aiter(live))
    assert again.first_frame == 20
    here = np.concatenate([chunk.root for chunk in frames])
    np.testing.assert_array_equal(again.root, here[20 : 20 + again.frames])


async def test_what_was_heard_before_a_break_is_told_and_not_done_twice(serve: Serve) -> None:
    served = await serve()
    lost = served.client.live("a person walks")
    await play(lost, 20)
    done = await lost.prompt("a person waves", queued=True)
    refused = await lost.pace(100.0)
    unanswered = lost.unanswered
    while lost.unanswered:  # now the server has surely heard them
        await until(lost, LiveAnswer)
    lost.drop()
    never = 10**6
    unanswered[never] = Prompt("a person jumps", queued=True)
    assert [*unanswered] == [done, refused, never]
    name, secret = lost.started.session_id, lost.started.secret
    async with served.client.resume(name, secret, lost.next_frame, unanswered) as live:
        late = await live.prompt("a person sits", queued=True)
        started = await live.open()
        told = [(answer.id, answer.code) for answer in started.answers]
        assert told == [(done, Code.OK), (refused, Code.INVALID_ARGUMENT)]
        heard = await play(live, live.next_frame + 60)
        while not any(isinstance(event, LiveSegment) and event.command == late for event in heard):
            heard += await play(live, live.next_frame + 60)
        assert not live.unanswered
    answers = [event.id for event in heard if isinstance(event, LiveAnswer)]
    assert [answers.count(number) for number in (done, refused, never, late)] == [1, 1, 1, 1]
    shown = [event.command for event in heard if isinstance(event, LiveSegment)]
    assert [command for command in shown if command in (done, never, late)] == [done, never, late]


async def test_resuming_takes_a_session_over(serve: Serve) -> None:
    served = await serve()
    first = served.client.live("a person walks")
    await play(first, 40)
    started = first.started
    async with served.client.resume(started.session_id, started.secret, first.next_frame) as second:
        await play(second, second.next_frame + 40)
        with pytest.raises(Cancelled, match="another stream"):
            await play(first, 10**6)
        await play(second, second.next_frame + 40)


async def test_only_who_knows_the_secret_and_only_in_time(serve: Serve) -> None:
    served = await serve(live=LiveSettings(resume_seconds=0.3))
    lost = served.client.live("a person walks")
    await play(lost, 20)
    lost.drop()
    session, secret = lost.started.session_id, lost.started.secret
    for name, word in ((session, "0" * 32), ("0" * 16, secret), (session, ""), ("", "")):
        with pytest.raises(UnknownSession):
            await served.client.resume(name, word, 0).open()
    with pytest.raises(InvalidRequest, match="next_frame"):
        await served.client.resume(session, secret, 10**6).open()
    gauge = served.worker.metrics.gauge("posewire_live_sessions", "")
    await eventually(lambda: gauge.value() == 0)
    with pytest.raises(UnknownSession):
        await served.client.resume(session, secret, 0).open()


async def test_idle_sessions_end(serve: Serve) -> None:
    served = await serve(live=LiveSettings(idle_seconds=0.4))
    live = served.client.live("a person walks")
    await live.open()
    with pytest.raises(DeadlineExceeded, match="play head"):
        await asyncio.wait_for(collect(live), 10)
    assert live.status is not None
    assert live.status.code == Code.DEADLINE_EXCEEDED
    await served.rests()


async def test_sessions_are_limited_in_all_and_by_token(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text("\n".join(line_of(name, name, {}) for name in ("anna", "bert")))
    settings = LiveSettings(sessions=3, token_sessions=2)
    served = await serve(live=settings, token_file=str(file))
    address = served.server.address
    async with AsyncClient(address, token="anna") as anna, AsyncClient(address, token="bert") as bert:
        lives = [anna.live("walk"), anna.live("walk"), bert.live("walk")]
        for live in lives[:2]:
            await live.open()
        with pytest.raises(Overloaded, match="with this token"):
            await anna.live("walk").open()
        await lives[2].open()
        with pytest.raises(Overloaded, match="3 live sessions"):
            await bert.live("walk").open()
        lives[0].drop()
        with pytest.raises(UnknownSession):
            await bert.resume(lives[0].started.session_id, lives[0].started.secret, 0).open()
        for live in lives[1:]:
            live.drop()


async def test_commands_count_against_the_rate_of_a_token(serve: Serve, tmp_path: Path) -> None:
    file = tmp_path / "tokens"
    file.write_text(line_of("anna", "anna", {"rate": 2}))
    served = await serve(token_file=str(file))
    async with AsyncClient(served.server.address, token="anna") as anna:
        live = anna.live("walk")
        await play(live, 20)
        for _ in range(8):
            await live.prompt("a person runs")
        codes = [(await until(live, LiveAnswer)).code for _ in range(8)]
        assert Code.RESOURCE_EXHAUSTED in codes
        await play(live, live.next_frame + 20)
        live.drop()


async def test_who_never_reads_answers_is_ended(serve: Serve) -> None:
    served = await serve(stall_seconds=0.5)
    live = served.client.live("a person walks")
    await live.open()
    for _ in range(3000):
        await live.prompt("a person runs" + " and runs" * 100)
        await asyncio.sleep(0)
    with pytest.raises(PosewireError):
        await collect(live)
    await served.rests()


async def test_a_server_that_stops_ends_its_sessions(serve: Serve) -> None:
    served = await serve()
    live = served.client.live("a person walks")
    await play(live, 40)
    began = time.monotonic()
    stopping = asyncio.create_task(served.server.stop(30))
    with pytest.raises(ShuttingDown):
        await play(live, 10**6)
    assert live.status is not None
    assert live.status.code == Code.UNAVAILABLE
    await stopping
    assert time.monotonic() - began < 25, "nobody waits for what has no end"


async def test_a_segment_that_fails_is_made_again_and_at_last_the_session_fails(serve: Serve) -> None:
    served = await serve(faults=Faults(not_finite_word="cursed"))
    live = served.client.live("a person walks")
    await play(live, 40)
    await live.prompt("a cursed person walks")
    with pytest.raises(GenerationFailed):
        await play(live, 10**6)
    assert live.status is not None
    assert live.status.code == Code.INTERNAL
    async with served.client.live("a person walks") as other:
        await play(other, 40)
        assert [notice.code for notice in other.header.notices] == ["model_degraded"]


async def test_a_degraded_model_is_named_to_every_client(serve: Serve) -> None:
    served = await serve(faults=Faults(not_finite_word="cursed"))
    for seed in range(3):
        with pytest.raises(GenerationFailed):
            await served.client.clips("cursed", seeds=[seed])
    assert [model.degraded for model in await served.client.models()] == [True]
    stream = served.client.generate("a person walks")
    assert [notice.code for notice in (await stream.open()).notices] == ["model_degraded"]
    await stream.clips()
    assert [model.degraded for model in await served.client.models()] == [False]


async def test_frames_come_on_the_callers_character(serve: Serve) -> None:
    served = await serve()
    skeleton = served.program.info.skeleton
    target = Target(skeleton, {name: name for name in skeleton.names})
    async with served.client.live(
        "a person walks", target=target, packing=Packing.SMALLEST_THREE_48, chunk_frames=4
    ) as live:
        heard = await play(live, 60)
    chunks = [event for event in heard if isinstance(event, Chunk)]
    assert {chunk.frames for chunk in chunks} == {4}
    assert live.header.packing is Packing.SMALLEST_THREE_48


async def test_a_blank_prompt_stands(serve: Serve) -> None:
    served = await serve()
    async with served.client.live() as live:
        heard = await play(live, 60)
    assert np.ptp(roots(heard)[:, [0, 2]], axis=0).max() < 0.05
    assert next(event for event in heard if isinstance(event, LiveSegment)).prompt == ""


async def test_threads_come_back_too(serve: Serve) -> None:
    served = await serve()

    def talk() -> list[int]:
        with Client(served.server.address) as client:
            lost = client.live("a person walks")
            started = lost.open()
            heard = lost.prompt("a person waves")
            before = lost.unanswered
            while lost.unanswered:
                next(lost.events())
            lost.drop()
            again = before | {10**6: Prompt("a person jumps")}
            with client.resume(started.session_id, started.secret, lost.next_frame, again) as live:
                late = live.pace(2.0)
                while live.unanswered:
                    next(live.events())
                assert [answer.id for answer in live.started.answers] == [heard]
                assert late not in again
                return [answer.code for answer in live.started.answers]

    assert await asyncio.to_thread(talk) == [0]
    await served.rests()


async def test_from_threads_too(serve: Serve) -> None:
    served = await serve()

    def talk() -> tuple[int, list[int]]:
        with Client(served.server.address) as client, client.live("a person walks", seed=2) as live:
            live.open()
            commands = [live.prompt("a person runs"), live.pace(1.5), live.clear(), live.stop()]
            live.go(heading=1.0)
            codes: list[int] = []
            for event in live.events():
                if isinstance(event, LiveAnswer):
                    codes.append(event.code)
                if isinstance(event, Chunk):
                    live.played(event.first_frame + event.frames)
                    if event.first_frame > 90:
                        break
            assert len(codes) >= len(commands)
        assert live.status is not None
        return live.status.code, codes

    code, codes = await asyncio.to_thread(talk)
    assert code == 0
    assert set(codes) == {0}
    await served.rests()


async def test_the_log_tells_of_a_session_and_keeps_its_secret(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve()
    with caplog.at_level("INFO"):
        async with served.client.live("a secret prompt", request_id="hero") as live:
            await play(live, 20)
        await served.rests()
    [line] = [record.message for record in caplog.records if record.message.startswith("live ")]
    assert '"request": "hero"' in line
    assert '"code": "OK"' in line
    assert live.started.secret not in caplog.text
    assert "a secret prompt" not in caplog.text
    assert served.worker.metrics.counter("posewire_requests_total", "", ["code"]).value("OK") == 1


async def test_play_heads_need_no_answers(serve: Serve) -> None:
    served = await serve()
    async with served.client.live("walk") as live:
        await live.open()
        for frame in range(5):
            await live.send(Playhead(frame))
        answers = [event for event in await play(live, 60) if isinstance(event, LiveAnswer)]
    assert len(answers) == 6, "one for opening, and one for each that had a number"

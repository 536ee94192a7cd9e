"""Live sessions through the browser's door: the same messages, the same session, the same ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from posewire_proto.v1 import page_pb2 as pages
from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import Code

Start = Callable[..., Awaitable[Any]]


def played(frame: int) -> pb.LiveRequest:
    return pb.LiveRequest(playhead=pb.LivePlayhead(frame=frame))


async def say(page: Any, call: int, message: pb.LiveRequest) -> None:
    await page.socket.send(pages.PageRequest(call=call, live=message).SerializeToString())


async def play(page: Any, call: int, frames: int) -> list[pb.LiveResponse]:
    """Play what comes until so many frames have."""
    heard: list[pb.LiveResponse] = []
    while True:
        answer = await page.answer(call)
        assert answer.HasField("live"), answer
        heard.append(answer.live)
        if answer.live.HasField("chunk"):
            end = answer.live.chunk.first_frame + answer.live.chunk.frames
            await say(page, call, played(end))
            if end >= frames:
                return heard


async def test_a_page_keeps_a_character_moving(stage: Start) -> None:
    page = await (await stage()).page()
    opened = pb.LiveRequest(id=1, open=pb.LiveOpen(prompt="a person walks", seed=4))
    call = await page.ask(live=opened)
    heard = await play(page, call, 60)
    kinds = [message.WhichOneof("event") for message in heard]
    assert kinds[:4] == ["header", "started", "answer", "segment"]
    await say(page, call, pb.LiveRequest(id=2, prompt=pb.LivePrompt(prompt="a person runs")))
    heard = await play(page, call, 200)
    assert [m.segment.prompt for m in heard if m.HasField("segment")][-1] == "a person runs"
    models, _ = await page.call(list_models=pb.ListModelsRequest())
    assert models[0].list_models.models
    await say(page, call, pb.LiveRequest(close=pb.LiveClose()))
    rest, end = await page.all(call)
    assert [m.live.status.code for m in rest if m.live.HasField("status")] == [0]
    assert end.code == 0


async def test_a_page_that_comes_back_resumes(stage: Start) -> None:
    made = await stage()
    page = await made.page()
    call = await page.ask(live=pb.LiveRequest(id=1, open=pb.LiveOpen(prompt="a person walks")))
    heard = await play(page, call, 40)
    started = next(message.started for message in heard if message.HasField("started"))
    await page.socket.close()
    again = await made.page()
    resume = pb.LiveResume(session_id=started.session_id, secret=started.secret, next_frame=40)
    call = await again.ask(live=pb.LiveRequest(resume=resume))
    heard = await play(again, call, 80)
    chunks = [message.chunk for message in heard if message.HasField("chunk")]
    assert chunks[0].first_frame == 40


async def test_a_cancel_leaves_the_session_waiting(stage: Start) -> None:
    made = await stage()
    page = await made.page()
    call = await page.ask(live=pb.LiveRequest(open=pb.LiveOpen(prompt="a person walks")))
    heard = await play(page, call, 20)
    started = next(message.started for message in heard if message.HasField("started"))
    await page.cancel(call)
    _, end = await page.all(call)
    assert end.code == Code.CANCELLED
    resume = pb.LiveResume(session_id=started.session_id, secret=started.secret, next_frame=20)
    call = await page.ask(live=pb.LiveRequest(resume=resume))
    await play(page, call, 60)


async def test_what_gRPC_refuses_the_door_refuses(stage: Start) -> None:
    page = await (await stage()).page()
    _, end = await page.call(live=pb.LiveRequest(prompt=pb.LivePrompt(prompt="walk")))
    assert end.code == Code.INVALID_ARGUMENT
    _, end = await page.call(live=pb.LiveRequest(open=pb.LiveOpen(model="nobody")))
    assert end.code == Code.NOT_FOUND
    assert [refusal.field for refusal in end.refusals] == ["model"]


async def test_a_call_of_another_kind_hears_no_live_messages(stage: Start) -> None:
    page = await (await stage()).page()
    call = await page.ask(generate=pb.GenerateRequest(prompt="walk", seconds=60, pace=pb.Pace(rate=1)))
    await page.answer(call)
    await say(page, call, played(1))
    assert await page.sent_away() == 1002

"""Streams over a real socket, made by the real worker with the stand-in model."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from posewire_runtime import puppet
from posewire_runtime.errors import (
    Cancelled,
    DeadlineExceeded,
    GenerationFailed,
    InvalidRequest,
    Overloaded,
    PosewireError,
    UnknownModel,
)
from posewire_runtime.exchange.events import Chunk, ClipEnd, ClipStart, Header, Notice, Progress, Status
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.fakes import Faults
from posewire_runtime.metrics import STAGES
from posewire_runtime.motion.retarget import retarget
from posewire_runtime.scheduler.worker import WorkerSettings
from posewire_runtime.types import Clip, Skeleton, Target

Serve = Callable[..., Awaitable[Any]]

SLOW = Faults(step_seconds=0.02)
LONG = {"steps": 100, "frames": 30}
"""With slow steps: two seconds of work."""


def same(a: Clip, b: Clip) -> bool:
    pairs = [(a.rotations, b.rotations), (a.root, b.root), (a.contacts, b.contacts)]
    return a.seed == b.seed and all(x.tobytes() == y.tobytes() for x, y in pairs)


async def test_a_clip_arrives_as_it_was_made(serve: Serve) -> None:
    served = await serve()
    clip = await served.client.clip("a person waves", seconds=2, seeds=[7])
    made = puppet.perform("a person waves", 60, 30.0, 7)
    assert same(clip, replace(made, seed=7))
    assert clip.skeleton.names == made.skeleton.names
    np.testing.assert_array_equal(clip.skeleton.positions, made.skeleton.positions)


async def test_the_life_of_a_stream(serve: Serve) -> None:
    served = await serve()
    stream = served.client.generate("walk", frames=60, seeds=[3], progress=True, preset="preview")
    events = [event async for event in stream.events()]
    order = [type(event) for event in events if not isinstance(event, Progress)]
    assert order == [Header, ClipStart, *[Chunk] * 4, ClipEnd, Status]
    assert [event.step for event in events if isinstance(event, Progress)] == [1, 2, 3, 4]
    assert [event.frames for event in events if isinstance(event, Chunk)] == [4, 8, 16, 32]
    assert events[-2].timings.keys() >= {"queue", "step", "decode", "pack", "send"}
    assert stream.status.timings.keys() <= set(STAGES)
    assert stream.status.code == 0
    assert 0 < stream.first_frame_seconds < 10
    header = stream.header
    assert (header.model, header.fps, header.clips, header.notices) == ("stand-in", 30.0, 1, ())


async def test_several_seeds_interleave_and_are_each_what_they_are_alone(serve: Serve) -> None:
    served = await serve()
    seeds = [5, 2**64 - 1, 0, 12]
    clips = await served.client.clips("run", frames=400, seeds=seeds)
    assert [clip.seed for clip in clips] == seeds
    for clip in clips:
        assert same(clip, await served.client.clip("run", frames=400, seeds=[clip.seed]))
    events = [e async for e in served.client.generate("run", frames=400, seeds=seeds, pace=100.0).events()]
    turns = [event.clip for event in events if isinstance(event, Chunk)]
    assert sum(a != b for a, b in pairwise(turns)) > 20


async def test_eight_mixed_requests_give_what_each_gives_alone(serve: Serve) -> None:
    served = await serve()
    asked: list[dict[str, Any]] = [
        {"prompt": "walk", "frames": 30, "seeds": [1]},
        {"prompt": "run", "frames": 301, "seeds": [2], "preset": "quality"},
        {"prompt": "wave", "seconds": 1.0, "seeds": [3], "steps": 3},
        {"prompt": "走る、手を振る 🕺", "frames": 121, "seeds": [4], "packing": Packing.SMALLEST_THREE_48},
        {"prompt": "walk", "frames": 30, "seeds": [5], "chunk_frames": 1},
        {"prompt": "turn left", "frames": 90, "seeds": [6], "pace": 50.0},
        {"prompt": "stand", "frames": 240, "seeds": [7], "ground": False, "guidance": 2.0},
        {"prompt": "walk", "frames": 600, "seeds": [1, 8]},
    ]
    together = await asyncio.gather(*(served.client.clips(**options) for options in asked))
    for options, clips in zip(asked, together, strict=True):
        alone = await served.client.clips(**options)
        assert all(map(same, clips, alone))


async def test_the_same_seed_gives_the_same_bytes_and_another_one_others(serve: Serve) -> None:
    served = await serve()
    first, second = [await served.client.clip("walk", frames=90, seeds=[11]) for _ in range(2)]
    other = await served.client.clip("walk", frames=90, seeds=[12])
    assert same(first, second)
    assert first.rotations.tobytes() != other.rotations.tobytes()


async def test_a_drawn_seed_gives_its_clip_again(serve: Serve) -> None:
    served = await serve()
    drawn = await served.client.clip("walk", frames=60)
    assert same(drawn, await served.client.clip("walk", frames=60, seeds=[drawn.seed]))


async def test_both_packings_say_the_same(serve: Serve) -> None:
    served = await serve()
    options = {"frames": 120, "seeds": [1]}
    exact = await served.client.clip("wave", packing=Packing.FLOAT32, **options)
    small = await served.client.clip("wave", packing=Packing.SMALLEST_THREE_48, **options)
    p, q = exact.rotations.astype(np.float64), small.rotations.astype(np.float64)
    q = np.where((p * q).sum(-1, keepdims=True) < 0, -q, q)
    assert np.degrees(4 * np.arcsin(np.linalg.norm(q - p, axis=-1) / 2)).max() < 0.0085
    np.testing.assert_array_equal(small.root, exact.root)
    np.testing.assert_array_equal(small.contacts, exact.contacts)


async def test_frames_come_on_the_skeleton_of_a_target(serve: Serve) -> None:
    served = await serve()
    names, parents = ("root", "hips", "chest"), (-1, 0, 1)
    positions = np.array([[0, 0, 0], [0, 1.2, 0], [0, 1.7, 0]], np.float32)
    turned = np.array([[0, 0, 0, 1], [0, 0, 0, 1], [0.6, 0, 0, 0.8]], np.float32)
    character = Skeleton(names, parents, positions, turned, pelvis=1)
    target = Target(character, {"pelvis": "hips", "spine3": "chest"})
    model = (await served.client.models())[0].info.skeleton
    bones = {model.names[0]: "hips", model.names[9]: "chest"}
    target = replace(target, bones=bones)
    stream = served.client.generate("walk", frames=60, seeds=[1], target=target)
    [clip] = await stream.clips()
    expected = retarget(puppet.perform("walk", 60, 30.0, 1), target)
    assert stream.header.skeleton.names == names
    assert stream.header.skeleton.pelvis == 1
    assert clip.rotations.shape == (60, 3, 4)
    np.testing.assert_allclose(clip.rotations, expected.rotations, atol=1e-6)
    np.testing.assert_allclose(clip.root, expected.root, atol=1e-6)


async def test_too_short_a_length_comes_with_a_notice_in_the_header(serve: Serve) -> None:
    served = await serve()
    stream = served.client.generate("walk", frames=1)
    header = await stream.open()
    [clip] = await stream.clips()
    assert [notice.code for notice in header.notices] == ["frames_raised"]
    assert clip.frames == 20


async def test_paced_frames_leave_no_earlier_than_their_time(serve: Serve) -> None:
    served = await serve()
    loop = asyncio.get_running_loop()
    begun = loop.time()  # the clip begins later than this
    async for chunk in served.client.generate("walk", frames=120, pace=8.0, ahead=0.5):
        assert chunk.frames <= 8
        assert loop.time() - begun >= (chunk.time - 0.5) / 8.0


async def test_unpaced_frames_do_not_wait(serve: Serve) -> None:
    served = await serve()
    async with asyncio.timeout(10):
        clip = await served.client.clip("walk", frames=7200)  # four minutes of motion
    assert clip.frames == 7200


@pytest.mark.parametrize("chunk_frames", [1, 7, 100])
async def test_no_chunk_is_longer_than_asked_for(serve: Serve, chunk_frames: int) -> None:
    served = await serve()
    stream = served.client.generate("walk", frames=150, chunk_frames=chunk_frames)
    assert max([chunk.frames async for chunk in stream]) <= chunk_frames


async def test_refusals_reach_the_client_whole(serve: Serve) -> None:
    served = await serve()
    with pytest.raises(InvalidRequest) as caught:
        await served.client.clip(" ", seconds=-1.0, seeds=[1, 1])
    assert type(caught.value) is InvalidRequest
    assert [violation.field for violation in caught.value.violations] == ["prompt", "seeds[1]", "seconds"]
    assert "found -1" in caught.value.violations[2].message
    with pytest.raises(UnknownModel, match=r"served models \(stand-in\), found 'nobody'"):
        await served.client.clip("walk", model="nobody")
    await served.rests()


async def test_a_cancelled_stream_stops_the_device(serve: Serve) -> None:
    served = await serve(SLOW)
    stream = served.client.generate("walk", progress=True, **LONG)
    events = stream.events()
    while not isinstance(await anext(events), Progress):
        pass
    stream.cancel()
    with pytest.raises(Cancelled):
        await anext(events)
    await served.rests()
    steps = served.program.steps_made
    await asyncio.sleep(0.1)
    assert served.program.steps_made == steps < 100


async def test_leaving_a_stream_cancels_it(serve: Serve) -> None:
    served = await serve()
    async with served.client.generate("walk", frames=3000, pace=1.0) as stream:
        async for chunk in stream:
            assert chunk.first_frame == 0
            break
    await served.rests()


async def test_a_client_that_goes_away_stops_the_device(serve: Serve) -> None:
    served = await serve(SLOW)
    stream = served.client.generate("walk", progress=True, **LONG)
    await stream.open()
    await served.client.close()
    await served.rests()
    assert served.worker.stats().outcomes["cancelled"] == 1


async def test_a_deadline_ends_work_and_stream(serve: Serve) -> None:
    served = await serve(SLOW)
    with pytest.raises(DeadlineExceeded):
        await served.client.clip("walk", timeout=0.2, **LONG)
    await served.rests()
    assert served.program.clips_made == 0
    with pytest.raises(DeadlineExceeded):
        await served.client.clip("walk", timeout=0.2, frames=3000, pace=1.0)
    await served.rests()


async def test_a_full_queue_refuses_with_a_hint(serve: Serve) -> None:
    served = await serve(SLOW, worker=WorkerSettings(queue=1))
    streams = [served.client.generate("walk", **LONG) for _ in range(20)]
    errors = []
    for stream in streams:
        try:
            await asyncio.wait_for(stream.open(), 10)
        except Overloaded as error:
            errors.append(error)
        except Cancelled:
            pass
        if errors:
            break
    for stream in streams:
        stream.cancel()
    assert errors
    assert errors[0].retry_after is not None
    await served.rests()


async def test_too_many_streams_are_refused_with_a_hint(serve: Serve) -> None:
    served = await serve(max_streams=2)
    open_streams = [served.client.generate("walk", frames=3000, pace=1.0) for _ in range(2)]
    for stream in open_streams:
        await stream.open()
    with pytest.raises(Overloaded, match="at most 2 streams at once") as caught:
        await served.client.clip("walk")
    assert caught.value.retry_after == 1.0
    open_streams[0].cancel()
    await asyncio.sleep(0)
    open_streams[1].cancel()
    await served.rests()
    assert (await served.client.clip("walk", frames=30)).frames == 30


@pytest.mark.parametrize(
    ("faults", "kind"),
    [
        (Faults(not_finite_word="bad"), GenerationFailed),
        (Faults(clip_word="bad"), GenerationFailed),
        (Faults(step_word="bad"), PosewireError),
        (Faults(condition_word="bad"), PosewireError),
    ],
)
async def test_a_failing_job_ends_its_stream_alone(
    serve: Serve, faults: Faults, kind: type[PosewireError]
) -> None:
    served = await serve(faults)
    with pytest.raises(kind):
        await served.client.clip("a bad walk", frames=30)
    assert (await served.client.clip("a good walk", frames=30)).frames == 30
    await served.rests()


async def test_a_failure_after_the_header_is_also_told_in_the_stream(serve: Serve) -> None:
    served = await serve(Faults(not_finite_word="bad"))
    stream = served.client.generate("a bad walk", frames=30)
    with pytest.raises(GenerationFailed) as caught:
        await stream.clips()
    assert stream.status.code == 13
    assert stream.status.message == str(caught.value)


async def test_a_client_that_does_not_read_is_ended(serve: Serve) -> None:
    served = await serve(stall_seconds=0.2)
    stream = served.client.generate("walk", frames=7200, seeds=range(8))
    await stream.open()
    await served.rests()  # the server has let go of it
    with pytest.raises(Cancelled, match=r"the client read nothing for 0\.2 s"):
        await stream.clips()


async def test_notices_of_the_server_do_not_disturb_clips(serve: Serve) -> None:
    served = await serve()
    events = [event async for event in served.client.generate("walk", frames=1).events()]
    assert not any(isinstance(event, Notice) for event in events)  # it stands in the header


async def test_models_and_warming(serve: Serve) -> None:
    served = await serve()
    [model] = await served.client.models()
    assert (model.info.name, model.is_default, model.loaded) == ("stand-in", True, True)
    assert model.info.presets == served.program.info.presets
    assert model.info.skeleton.parents == served.program.info.skeleton.parents
    assert await served.client.warm(["a prompt"]) == 0  # the stand-in encodes nothing
    with pytest.raises(UnknownModel):
        await served.client.warm(models=["nobody"])


async def test_a_stream_that_ends_early_leaves_no_clip_behind(serve: Serve) -> None:
    """Not even until the garbage collector comes: for large arrays it comes very late."""
    served = await serve(stall_seconds=0.2)
    made: list[weakref.ref[Clip]] = []
    original = served.program.clip
    served.program.clip = lambda run: (clip := original(run), made.append(weakref.ref(clip)))[0]
    gc.collect()
    gc.disable()
    try:
        for cause in ("cancel", "deadline", "stall"):
            options = {"timeout": 0.3} if cause == "deadline" else {}
            frames = 7200 if cause == "stall" else 600
            stream = served.client.generate(
                "walk", frames=frames, seeds=range(8), pace=0.0 if cause == "stall" else 1.0, **options
            )
            await stream.open()
            if cause == "cancel":
                await asyncio.sleep(0.1)
                stream.cancel()
            if cause != "stall":
                with pytest.raises(PosewireError):
                    await stream.clips()
            else:
                await asyncio.sleep(1)
                stream.cancel()
            del stream
            await served.rests()
            await asyncio.sleep(0.1)
            assert made
            assert [ref for ref in made if ref() is not None] == [], cause
    finally:
        gc.enable()

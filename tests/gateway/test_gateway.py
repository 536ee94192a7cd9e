"""The browser's door: it says what gRPC says, and lets in whom gRPC lets in."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import runpy
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from posewire_proto.v1 import page_pb2 as pages
from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import Code, InvalidConfig, Unauthenticated
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.gateway.exhibits import Exhibit, open_exhibit
from posewire_runtime.gateway.gateway import Gateway
from posewire_runtime.local import make
from posewire_runtime.motion.skeleton import SMPL22
from posewire_runtime.scheduler.library import Library
from posewire_runtime.server.config import Settings
from posewire_runtime.server.tokens import Tokens
from posewire_runtime.types import Clip
from posewire_runtime.wire.decoder import Collector, Decoder
from posewire_runtime.wire.models import write_joints

Start = Callable[..., Awaitable[Any]]

WALK = pb.GenerateRequest(prompt="a person walks", frames=40, seeds=[7])


def clips_of(answers: list[pages.PageResponse]) -> list[Clip]:
    """What a stream brought, held to the contract as a gRPC client does."""
    decoder, collector = Decoder(), Collector()
    for answer in answers:
        event = decoder.feed(answer.generate)
        assert event is not None
        collector.feed(event)
    decoder.finish()
    return collector.clips(decoder.header)


def made_here(prompt: str, **options: Any) -> Clip:
    library = Library.of(FakeProgram())
    return make(library, prompt, options).clips[0]  # type: ignore[arg-type]


# ------------------------------------------------------------------------------------------- the messages


async def test_a_page_gets_the_very_frames_that_any_other_client_gets(stage: Start) -> None:
    page = await (await stage()).page()
    answers, end = await page.call(generate=WALK)
    assert end.code == 0
    [clip] = clips_of(answers)
    expected = made_here("a person walks", frames=40, seeds=[7])
    np.testing.assert_array_equal(clip.rotations, expected.rotations)
    np.testing.assert_array_equal(clip.root, expected.root)
    np.testing.assert_array_equal(clip.contacts, expected.contacts)


async def test_models_and_warm_answer_as_the_rpcs_do(stage: Start) -> None:
    page = await (await stage()).page()
    [models], end = await page.call(list_models=pb.ListModelsRequest())
    assert end.code == 0
    assert [model.name for model in models.list_models.models] == ["stand-in"]
    [warm], end = await page.call(warm=pb.WarmRequest(models=["stand-in"]))
    assert end.code == 0
    assert warm.warm.models[0].loaded


async def test_a_refused_request_names_its_fields(stage: Start) -> None:
    page = await (await stage()).page()
    answers, end = await page.call(generate=pb.GenerateRequest(prompt=" ", sampling=pb.Sampling(steps=999)))
    assert answers == []
    assert end.code == Code.INVALID_ARGUMENT
    assert {refusal.field for refusal in end.refusals} == {"prompt", "sampling.steps"}


async def test_calls_run_side_by_side_and_cancel_stops_but_one(stage: Start) -> None:
    served = await stage(Faults(step_seconds=0.02))
    page = await served.page()
    slow = pb.GenerateRequest(prompt="walk", frames=40, sampling=pb.Sampling(steps=100), progress=True)
    first = await page.ask(generate=slow)
    second = await page.ask(generate=WALK)
    while not (await page.answer(first)).generate.HasField("progress"):
        pass
    await page.cancel(first)
    _, end = await page.all(first)
    assert end.code == Code.CANCELLED
    answers, end = await page.all(second)
    assert end.code == 0
    assert clips_of(answers)[0].frames == 40
    async with asyncio.timeout(5):
        while served.worker.stats().running or served.service.streams:
            await asyncio.sleep(0.005)


async def test_a_page_that_leaves_leaves_nothing_behind(stage: Start) -> None:
    served = await stage(Faults(step_seconds=0.02))
    page = await served.page()
    call = await page.ask(generate=pb.GenerateRequest(prompt="walk", sampling=pb.Sampling(steps=100)))
    assert (await page.answer(call)).generate.HasField("header")
    await page.socket.close()
    async with asyncio.timeout(5):
        while served.worker.stats().running or served.service.streams:
            await asyncio.sleep(0.005)


async def test_limits_are_the_servers(stage: Start) -> None:
    served = await stage(max_streams=1, max_request_bytes=2048)
    [welcome], _ = await (await served.stranger()).call(hello=pages.Hello())
    assert welcome.welcome.max_message_bytes == 2048
    page = await served.page()
    paced = pb.GenerateRequest(prompt="walk", frames=300, pace=pb.Pace(rate=1))
    open_call = await page.ask(generate=paced)
    assert (await page.answer(open_call)).generate.HasField("header")
    _, end = await page.call(generate=WALK)
    assert end.code == Code.RESOURCE_EXHAUSTED
    assert end.retry_after_seconds > 0
    await page.ask(generate=pb.GenerateRequest(prompt="x" * 4096))
    with pytest.raises(ConnectionClosed) as closed:
        await page.all(open_call)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_an_answer_can_be_kept_as_each_kind_of_file(stage: Start, tmp_path: Path) -> None:
    page = await (await stage()).page()
    answers, _ = await page.call(generate=WALK)
    events = [answer.generate for answer in answers]
    for suffix in (".npz", ".bvh"):
        request = pages.SaveRequest(events=events, suffix=suffix, prompt="a person walks")
        [answer], end = await page.call(save=request)
        assert end.code == 0
        path = tmp_path / answer.file.name
        path.write_bytes(answer.file.data)
        content = open_exhibit(path).content
        assert isinstance(content, Clip)
        np.testing.assert_allclose(content.root, clips_of(answers)[0].root, atol=1e-4)


async def test_a_clip_that_breaks_the_contract_is_not_kept(stage: Start) -> None:
    page = await (await stage()).page()
    answers, _ = await page.call(generate=WALK)
    events = [answer.generate for answer in answers]
    _, end = await page.call(save=pages.SaveRequest(events=events[:-1], suffix=".npz"))
    assert end.code == Code.INTERNAL
    events[0].header.joints[3].parent = 17
    _, end = await page.call(save=pages.SaveRequest(events=events, suffix=".glb"))
    assert end.code == Code.INVALID_ARGUMENT
    assert "parent" in end.refusals[0].field
    _, end = await page.call(save=pages.SaveRequest(events=events, suffix=".exe"))
    assert end.code == Code.INVALID_ARGUMENT


async def test_a_body_fits_its_skeleton(stage: Start) -> None:
    page = await (await stage()).page()
    request = pages.BodyRequest(joints=write_joints(SMPL22), sole=SMPL22.sole)
    [answer], end = await page.call(body=request)
    assert end.code == 0
    positions = np.frombuffer(answer.body.positions, "<f4").reshape(-1, 3)
    weights = np.frombuffer(answer.body.weights, np.uint8).reshape(-1, 4)
    joints = np.frombuffer(answer.body.joints, "<u2").reshape(-1, 4)
    triangles = np.frombuffer(answer.body.triangles, "<u4")
    assert len(positions) == len(weights) == len(joints) > triangles.max()
    assert joints.max() < len(SMPL22)
    assert (weights.sum(axis=1, dtype=int) == 255).all()
    assert positions[:, 1].min() == pytest.approx(SMPL22.sole, abs=0.01)


async def test_bones_of_a_known_rig_are_found(stage: Start) -> None:
    page = await (await stage()).page()
    names = "Hips Spine Spine1 Spine2 Neck Head LeftArm LeftForeArm LeftHand RightArm RightForeArm RightHand"
    names += " LeftUpLeg LeftLeg LeftFoot RightUpLeg RightLeg RightFoot Tail"
    [answer], _ = await page.call(bones=pages.BonesRequest(names=[f"mixamorig:{n}" for n in names.split()]))
    assert answer.bones.rig == "mixamo"
    assert answer.bones.bones["L_Elbow"] == "mixamorig:LeftForeArm"
    assert list(answer.bones.unmapped) == ["mixamorig:Tail"]
    _, end = await page.call(bones=pages.BonesRequest(names=["a", "b"]))
    assert end.code == Code.INVALID_ARGUMENT


# ------------------------------------------------------------------------------------------- who comes in


def tokens(folder: Path, *words: str) -> str:
    path = folder / "tokens"
    lines = [f"{hashlib.sha256(word.encode()).hexdigest()}  -" for word in words]
    path.write_text("# who may come in\n\n" + "\n".join(lines) + "\n")
    return str(path)


async def test_only_a_known_token_comes_in(
    stage: Start, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = await stage(token_file=tokens(tmp_path, "other", "s3cret"))
    await served.page(token="s3cret")
    for token in ("", "guess-of-a-stranger"):
        with caplog.at_level(logging.DEBUG):
            page = await served.stranger()
            answers, end = await page.call(hello=pages.Hello(token=token))
            assert (answers, end.code) == ([], Code.UNAUTHENTICATED)
            assert await page.sent_away() == 1008
        assert not token or token not in caplog.text


async def test_a_token_has_its_rate_at_this_door_too(stage: Start, tmp_path: Path) -> None:
    served = await stage(token_file=tokens(tmp_path, "s3cret"), token_rate=0.5)
    page = await served.page(token="s3cret")
    ends = [(await page.call(bones=pages.BonesRequest(names=["a"])))[1] for _ in range(20)]
    refused = [end for end in ends if end.code == Code.RESOURCE_EXHAUSTED]
    assert refused
    assert refused[0].retry_after_seconds > 0
    assert served.service.streams == 0


async def test_nothing_is_answered_before_hello(stage: Start) -> None:
    served = await stage()
    for message in (
        pages.PageRequest(call=1, list_models=pb.ListModelsRequest()).SerializeToString(),
        b"\xff\xff",
        "hello",
    ):
        page = await served.stranger()
        await page.socket.send(message)
        assert await page.sent_away() == 1002


@pytest.mark.parametrize("origin", [None, "http://evil.example", "https://127.0.0.1", "null"])
async def test_pages_of_other_origins_stay_outside(stage: Start, origin: str | None) -> None:
    served = await stage()
    with pytest.raises(InvalidStatus) as refused:
        await served.connect(origin=origin)
    assert refused.value.response.status_code == 403


async def test_names_that_only_point_here_stay_outside(stage: Start) -> None:
    served = await stage()
    for host, status in (("evil.example", 403), ("localhost", 200), ("127.0.0.1:1", 200), ("[::1]", 200)):
        assert (await asyncio.to_thread(get, served.gateway.url, {"Host": host}))[0] == status


def test_tokens_are_read_strictly(tmp_path: Path) -> None:
    Tokens().admit("")
    known = Tokens.read(tokens(tmp_path, "a", "b"))
    known.admit("b")
    for wrong in ("", "c", "\udcff"):
        with pytest.raises(Unauthenticated):
            known.admit(wrong)
    (tmp_path / "plain").write_text("s3cret\n")
    (tmp_path / "empty").write_text("# nobody\n")
    for name in ("plain", "empty", "missing"):
        with pytest.raises(InvalidConfig) as refused:
            Tokens.read(str(tmp_path / name))
        assert "s3cret" not in str(refused.value)


# ------------------------------------------------------------------------------------------- the page


def get(url: str, headers: dict[str, str] | None = None) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(url, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            return response.status, dict(response.headers), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


async def test_the_page_runs_its_own_scripts_only(stage: Start) -> None:
    served = await stage()
    for path in ("", "app.js", "style.css"):
        status, headers, body = await asyncio.to_thread(get, served.gateway.url + path)
        assert status == 200
        assert body
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        again, _, nothing = await asyncio.to_thread(
            get, served.gateway.url + path, {"If-None-Match": headers["ETag"]}
        )
        assert (again, nothing) == (304, b"")


@pytest.mark.parametrize("path", ["nothing", "../pyproject.toml", "%2e%2e/server/config.py", "socket/../.."])
async def test_other_paths_lead_nowhere(stage: Start, path: str) -> None:
    served = await stage()
    assert (await asyncio.to_thread(get, served.gateway.url + path))[0] in (403, 404)


async def test_a_taken_port_is_a_setting_that_cannot_be(stage: Start) -> None:
    served = await stage()
    with pytest.raises(InvalidConfig, match="viewer_port"):
        async with Gateway(Settings(viewer_port=served.gateway.port)).opened():
            pass


# ------------------------------------------------------------------------------------------- shown files


async def test_clips_and_files_are_shown(stage: Start, tmp_path: Path) -> None:
    clip = made_here("a person waves", frames=300, seeds=[3])
    file = Exhibit("wave.glb", b"glTF and more")
    page = await (await stage(exhibits=[Exhibit("a wave", clip), file])).page()
    answers, end = await page.call(show=pages.ShowRequest(index=0))
    assert end.code == 0
    [shown] = clips_of(answers)
    np.testing.assert_array_equal(shown.rotations, clip.rotations)
    assert answers[0].generate.header.model == "a wave"
    [answer], _ = await page.call(show=pages.ShowRequest(index=1))
    assert (answer.file.name, answer.file.data) == ("wave.glb", b"glTF and more")
    _, end = await page.call(show=pages.ShowRequest(index=2))
    assert end.code == Code.INVALID_ARGUMENT


async def test_a_stage_without_models_says_so(stage: Start) -> None:
    page = await (await stage(models=False)).page()
    _, end = await page.call(generate=WALK)
    assert end.code == Code.INVALID_ARGUMENT
    assert "serve --viewer" in end.message


def test_the_pages_messages_are_those_of_the_contract() -> None:
    """viewer/make_messages.py was run after the last change of the .proto files."""
    viewer = Path(__file__).parents[2] / "viewer"
    made = runpy.run_path(str(viewer / "make_messages.py"))["text"]()
    assert (viewer / "src" / "messages.gen.ts").read_text("utf-8") == made

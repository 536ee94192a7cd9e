"""Rewritten prompts, from the request to the header: what the request says itself wins."""

from __future__ import annotations

import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.server.rewriting import rewritten
from posewire_runtime.text.rewrite import RewriteSettings, Rewritten
from posewire_runtime.types import ModelInfo

CAPTION = "A person waves with the right hand."
Serve = Callable[..., Awaitable[Any]]


@pytest.fixture
def asked() -> list[str]:
    """Prompts that the language model saw."""
    return []


@pytest.fixture
def rewriter(asked: list[str]) -> Iterator[RewriteSettings]:
    """A language model on this machine that always says the same."""
    answer = json.dumps({"short_caption": CAPTION, "duration": 45})
    body = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(said["messages"][1]["content"])
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Tests are quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield RewriteSettings(url=f"http://127.0.0.1:{server.server_port}/v1")
        server.shutdown()
        thread.join()


def test_prompt_and_length_are_taken_over(info: ModelInfo) -> None:
    request = pb.GenerateRequest(prompt="wink", seeds=[4])
    changed, notices = rewritten(request, Rewritten(CAPTION, 2.5), info)
    assert (changed.prompt, changed.seconds, list(changed.seeds)) == (CAPTION, 2.5, [4])
    assert [(n.code, n.message) for n in notices] == [("prompt_rewritten", CAPTION)]
    assert request.prompt == "wink"


@pytest.mark.parametrize("length", [{"seconds": 4.0}, {"frames": 31}])
def test_the_requests_own_length_wins(info: ModelInfo, length: dict[str, Any]) -> None:
    changed, _ = rewritten(pb.GenerateRequest(prompt="wink", **length), Rewritten(CAPTION, 2.5), info)
    assert (changed.frames or changed.seconds) == next(iter(length.values()))


def test_a_length_beyond_the_model_is_cut_to_it(info: ModelInfo) -> None:
    changed, _ = rewritten(pb.GenerateRequest(prompt="wink"), Rewritten(CAPTION, 50.0), info)
    assert changed.seconds * info.fps == info.limits.max_frames


def test_a_prompt_beyond_the_model_is_not_taken(info: ModelInfo) -> None:
    changed, (notice,) = rewritten(pb.GenerateRequest(prompt="wink"), Rewritten("x" * 201, 2.0), info)
    assert changed.prompt == "wink"
    assert notice.code == "prompt_kept"


async def test_the_header_says_what_was_rewritten(
    serve: Serve, rewriter: RewriteSettings, asked: list[str]
) -> None:
    served = await serve(rewrite=rewriter)
    stream = served.client.generate("*wink wink*", seeds=[1])
    (clip,) = await stream.clips()
    assert asked == ["*wink wink*"]
    assert clip.frames == 45
    assert [(n.code, n.message) for n in stream.header.notices] == [("prompt_rewritten", CAPTION)]


async def test_a_verbatim_request_is_left_alone(
    serve: Serve, rewriter: RewriteSettings, asked: list[str]
) -> None:
    served = await serve(rewrite=rewriter)
    stream = served.client.generate("wave", verbatim=True, frames=30)
    await stream.clips()
    assert asked == []
    assert stream.header.notices == ()


async def test_a_bad_request_never_reaches_the_language_model(
    serve: Serve, rewriter: RewriteSettings, asked: list[str]
) -> None:
    served = await serve(rewrite=rewriter)
    with pytest.raises(InvalidRequest):
        await served.client.generate("wave", steps=100_000).clips()
    assert asked == []


async def test_without_the_language_model_the_prompt_is_taken_as_it_is(serve: Serve) -> None:
    served = await serve(rewrite=RewriteSettings(url="http://127.0.0.1:9", tries=1))
    stream = served.client.generate("wave", frames=30)
    (clip,) = await stream.clips()
    assert clip.frames == 30
    assert [notice.code for notice in stream.header.notices] == ["prompt_kept"]

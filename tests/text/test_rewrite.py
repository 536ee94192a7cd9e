"""The prompt rewriter against a server on this machine: answers, failures, babble and silence."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from posewire_runtime.errors import InvalidConfig
from posewire_runtime.text.rewrite import INSTRUCTION, Rewriter, RewriteSettings, Rewritten, parse_answer


def completion(content: object) -> dict[str, Any]:
    return {"choices": [{"message": {"role": "assistant", "content": content}}]}


GOOD = completion('{"short_caption": "A person waves with the right hand.", "duration": 75}')
EXPECTED = Rewritten("A person waves with the right hand.", 2.5)


@dataclass
class Script:
    """What the server does, answer by answer; the last one goes on for ever."""

    answers: list[Any] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)

    def next(self) -> Any:
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Handler(BaseHTTPRequestHandler):
    script: Script

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.script.asked.append((self.path, dict(self.headers), body))
        answer = self.script.next()
        if answer == "silence":
            self.script.release.wait(10)
            return
        code, payload = answer if isinstance(answer, tuple) else (200, answer)
        data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture
def url(script: Script) -> Iterator[str]:
    handler = type("ScriptedHandler", (Handler,), {"script": script})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/v1/"
    script.release.set()
    server.shutdown()
    thread.join()
    server.server_close()


def rewriter(url: str, **changes: Any) -> Rewriter:
    return Rewriter(RewriteSettings(url=url, model="m", timeout=2, **changes), pause=lambda seconds: None)


def test_a_prompt_is_rewritten_and_gets_a_duration(url: str, script: Script) -> None:
    script.answers = [GOOD]
    assert rewriter(url).rewrite("wink wink 👋") == EXPECTED
    path, headers, body = script.asked[0]
    assert path == "/v1/chat/completions"
    assert "Authorization" not in headers
    assert body["model"] == "m"
    assert body["messages"][0]["content"] == INSTRUCTION
    assert body["messages"][1] == {"role": "user", "content": "wink wink 👋"}


def test_the_key_comes_from_the_environment(
    url: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOME_KEY", "secret")
    script.answers = [GOOD]
    rewriter(url, key_variable="SOME_KEY").rewrite("x")
    assert script.asked[0][1]["Authorization"] == "Bearer secret"


@pytest.mark.parametrize("first", [(500, {}), (503, b"busy"), (429, {}), b"not json", completion("babble")])
def test_it_is_asked_again_after_a_passing_failure(url: str, script: Script, first: Any) -> None:
    script.answers = [first, GOOD]
    assert rewriter(url).rewrite("x") == EXPECTED
    assert len(script.asked) == 2


def test_a_refusal_is_final(url: str, script: Script) -> None:
    script.answers = [(401, {})]
    found = rewriter(url, tries=5).rewrite("as it is")
    assert (found.prompt, found.seconds) == ("as it is", None)
    assert found.notice == "the prompt was not rewritten (it answered 401)"
    assert len(script.asked) == 1


def test_silence_ends_with_the_prompt_as_it_is(url: str, script: Script) -> None:
    script.answers = ["silence"]
    settings = RewriteSettings(url=url, timeout=0.1, tries=2)
    found = Rewriter(settings, pause=lambda seconds: None).rewrite("as it is")
    assert found.prompt == "as it is"
    assert found.notice is not None
    assert "timed out" in found.notice


def test_nobody_there(script: Script) -> None:
    found = rewriter("http://127.0.0.1:9/v1").rewrite("as it is")
    assert found.prompt == "as it is"
    assert "refused" in (found.notice or "")


def test_tries_are_spaced() -> None:
    pauses: list[float] = []
    Rewriter(RewriteSettings(url="http://127.0.0.1:9", tries=4), pause=pauses.append).rewrite("x")
    assert pauses == [0.5, 1.0, 2.0]


@pytest.mark.parametrize("url", ["", "127.0.0.1:80", "file:///etc/passwd"])
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(InvalidConfig, match="expected an http or https address"):
        Rewriter(RewriteSettings(url=url))


@pytest.mark.parametrize(
    "content",
    [
        '```json\n{"short_caption": "A person jumps.", "duration": 60}\n```',
        '<think>{hm} a jump?</think>{"short_caption": "A person jumps.", "duration": 60}',
        'Sure! {"duration": 60, "short_caption": " A person jumps. "}',
    ],
)
def test_what_stands_around_the_answer_is_ignored(content: str) -> None:
    assert parse_answer(completion(content)) == Rewritten("A person jumps.", 2.0)


@pytest.mark.parametrize("duration", ["60", None, True, -5, 1e9, float("nan")])
def test_an_unbelievable_duration_is_dropped(duration: object) -> None:
    content = json.dumps({"short_caption": "A person jumps.", "duration": duration})
    assert parse_answer(completion(content)) == Rewritten("A person jumps.", None)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ([], "isn't a chat completion"),
        ({"choices": []}, "isn't a chat completion"),
        (completion(None), "isn't a chat completion"),
        (completion("[1]"), "no JSON object"),
        (completion('{"duration": 3}'), "no short_caption"),
        (completion('{"short_caption": "  "}'), "no short_caption"),
        (completion(json.dumps({"short_caption": "x" * 3000})), "no short_caption"),
    ],
)
def test_other_answers_are_refused(answer: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_answer(answer)

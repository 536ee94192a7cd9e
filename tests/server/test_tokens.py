"""Tokens: what a file says, who is let in, and how much each may ask."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path

import pytest

from posewire_runtime.cli import run
from posewire_runtime.errors import InvalidConfig, Overloaded, Unauthenticated
from posewire_runtime.server.tokens import NOBODY, Allowance, Caller, Tokens, draw, hash_of, line_of


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def write(folder: Path, *lines: str) -> str:
    path = folder / "tokens"
    path.write_text("# who may come in\n\n" + "\n".join(lines) + "\n")
    return str(path)


def test_callers_are_known_by_their_token(tmp_path: Path) -> None:
    lines = [line_of("one", "studio", {"rate": 0.5, "streams": 2}), f"{hash_of('two').upper()}  -"]
    tokens = Tokens.read(write(tmp_path, *lines), Allowance(rate=7, streams=3))
    assert tokens.admit("one").name == "studio"
    assert tokens.admit("two") is tokens.admit("two")
    for wrong in ("", "three", "ONE", "one ", "\udcff"):
        with pytest.raises(Unauthenticated) as refused:
            tokens.admit(wrong)
        assert not wrong.strip() or wrong not in str(refused.value)


def test_without_tokens_anybody_comes_in() -> None:
    assert Tokens.read("").admit("") is NOBODY
    for _ in range(1000):
        NOBODY.charge()


def test_nothing_but_the_hash_is_kept() -> None:
    token = draw()
    assert len(token) > 40
    assert token != draw()
    assert token not in line_of(token, "x", {})
    assert hash_of("abc") == hashlib.sha256(b"abc").hexdigest()


@pytest.mark.parametrize(
    "line",
    ["s3cret", "0" * 63, f"{'0' * 64} x rate=fast", f"{'0' * 64} x rate=-1", f"{'0' * 64} x speed=1",
     f"{'0' * 64} x streams=1.5", f"{'0' * 64} x rate=inf", f"{'0' * 64} x rate=nan"],
)  # fmt: skip
def test_a_file_that_says_something_else_is_refused(tmp_path: Path, line: str) -> None:
    with pytest.raises(InvalidConfig) as refused:
        Tokens.read(write(tmp_path, line))
    assert "s3cret" not in str(refused.value), "perhaps somebody wrote the token itself"


def test_calls_are_counted_by_the_second() -> None:
    clock = Clock()
    caller = Caller("x", Allowance(rate=2.0), clock)
    for _ in range(4):
        caller.charge()
    with pytest.raises(Overloaded) as refused:
        caller.charge()
    assert refused.value.retry_after == pytest.approx(0.5)
    clock.now += 0.5
    caller.charge()
    with pytest.raises(Overloaded):
        caller.charge()
    clock.now += 1000
    for _ in range(4):
        caller.charge()
    with pytest.raises(Overloaded):
        caller.charge()


def test_streams_are_counted_while_they_are_open() -> None:
    caller = Caller("x", Allowance(streams=1))
    with caller.stream(), pytest.raises(Overloaded, match="at most 1 streams"), caller.stream():
        pass
    with caller.stream():
        assert caller.streams == 1
    assert caller.streams == 0


def test_tokens_can_change_while_callers_are_inside(tmp_path: Path) -> None:
    tokens = Tokens.read(write(tmp_path, line_of("one", "a", {}), line_of("two", "b", {})))
    one = tokens.admit("one")
    tokens.renew(Tokens.read(write(tmp_path, line_of("one", "a", {}), line_of("three", "c", {}))))
    assert tokens.admit("one") is one, "its open streams still count"
    assert tokens.admit("three").name == "c"
    with pytest.raises(Unauthenticated):
        tokens.admit("two")


def test_the_command_keeps_the_hash_and_shows_the_token(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tokens"
    made: list[str] = []
    for name in ("studio", "bake"):
        assert run(["token", name, "--file", str(path), "--rate", "2"]) == 0
        made.append(capsys.readouterr().out.strip())
    tokens = Tokens.read(str(path))
    assert [tokens.admit(token).name for token in made] == ["studio", "bake"]
    assert not any(token in path.read_text() for token in made)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert run(["token", "not a name", "--file", str(path)]) == 2
    assert run(["token", "x", "--file", str(tmp_path / "no" / "folder")]) == 2

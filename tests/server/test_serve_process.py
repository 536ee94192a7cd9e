"""`posewire serve` as operators run it: a process, its flags, its log and its signals."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from posewire_runtime.client import Client
from posewire_runtime.errors import PosewireError, Unauthenticated
from posewire_runtime.server.tokens import line_of


@dataclass
class Process:
    running: subprocess.Popen[str]
    announced: dict[str, Any]
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def health(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://{self.announced['metrics']}/healthz", timeout=10) as answer:
            return json.loads(answer.read())


@contextmanager
def serving(folder: Path, *flags: str) -> Iterator[Process]:
    command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--json", "--port", "0", *flags]
    log = folder / "log"
    with log.open("w") as errors:
        running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    with running:
        try:
            assert running.stdout is not None
            line = running.stdout.readline()
            assert line, log.read_text()
            yield Process(running, json.loads(line), log)
        finally:
            running.kill()


def until(fact: Any) -> None:
    end = time.monotonic() + 20
    while not fact():
        assert time.monotonic() < end, "it never came so"
        time.sleep(0.02)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="there is no such signal here")
def test_a_server_with_everything(tmp_path: Path) -> None:
    tokens = tmp_path / "tokens"
    tokens.write_text(line_of("one", "studio", {}) + "\n")
    flags = ["--log-json", "--metrics-port", "0", "--token-file", str(tokens)]
    flags += ["--model", "stand-in", "--models-pinned", "stand-in"]
    with serving(tmp_path, *flags) as process:
        address = process.announced["listening"]
        assert process.health()["models"]["stand-in"] == "loaded"
        with Client(address, token="one") as client, Client(address, token="two") as other:
            assert client.clip("a secret walk", frames=30, request_id="npc-7").frames == 30
            with pytest.raises(Unauthenticated):
                other.models()
            tokens.write_text(line_of("two", "night", {}) + "\n")
            process.running.send_signal(signal.SIGHUP)
            until(lambda: comes_in(other))
            with pytest.raises(Unauthenticated):
                client.models()
        say(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS + GO_AWAY)
        process.running.send_signal(signal.SIGTERM)
        assert process.running.wait(20) == 0
        [request] = [line for line in process.lines() if line["message"] == "generate"]
        assert (request["code"], request["caller"], request["request"]) == ("OK", "studio", "npc-7")
        [refused] = [line for line in process.lines() if line["level"] == "WARNING"][:1]
        assert "refused /posewire.v1.Posewire/ListModels" in refused["message"]
        assert "secret" not in process.log.read_text()


SETTINGS = b"\0\0\0\4\0\0\0\0\0"
GO_AWAY = b"\0\0\x08\7\0\0\0\0\0" + b"\0\0\0\0" + b"\x12\x34\x56\x78"
"""Which gRPC's core would tell of, past the log."""


def say(address: str, data: bytes) -> None:
    """What a stranger sends."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as stranger:
        stranger.sendall(data)
        stranger.settimeout(0.5)
        with suppress(OSError):
            while stranger.recv(1000):
                pass


def comes_in(client: Client) -> bool:
    try:
        client.models()
    except PosewireError:
        return False
    return True


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--host", "0.0.0.0"], "can be reached by other machines"),
        (["--models-pinned", "nobody"], "expected one of the served models"),
        (["--tls-certificate", "/nowhere/cert.pem", "--tls-key", "x"], "can't be read"),
        (["--token-file", "/nowhere/tokens"], "can't be read"),
        (["--metrics-port", "70000"], "-1 to 65535"),
    ],
)
def test_what_cannot_be_served_is_said_at_once(flags: list[str], why: str) -> None:
    command = [sys.executable, "-m", "posewire_runtime.cli", "serve", "--port", "0", "--quiet", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert why in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.export
def test_a_package_on_disk_is_opened_on_demand_and_noticed_when_it_changes(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from posewire_export.hymotion.export import Options, export
    from posewire_runtime.commands.models import open_library
    from posewire_runtime.errors import PackageError

    checkpoint = Path(__file__).parents[1] / "golden" / "hymotion"
    folder = export(checkpoint, tmp_path / "tiny", Options(name="tiny", precision="fp32")).root
    library = open_library([str(folder)], memory=1 << 30)
    entry = library.entry("tiny")
    assert (library.names()[0], library.loaded("tiny")) == ("tiny", False)
    assert entry.nbytes == sum(f.stat().st_size for f in folder.iterdir() if f.name != "posewire.json")
    assert entry.stamp is not None
    assert entry.renew is not None
    before = entry.stamp()
    library.program("tiny")
    assert library.nbytes == entry.nbytes
    export(checkpoint, folder, Options(name="tiny", precision="fp32"))
    assert entry.stamp() != before
    assert entry.renew().info.name == "tiny"
    graph = next(folder.glob("*.onnx"))
    graph.write_bytes(b"x" + graph.read_bytes()[1:])
    with pytest.raises(PackageError, match="sha256"):
        entry.renew()
    library.close()

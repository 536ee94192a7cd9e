"""Who is kept out: wrong tokens, too many calls, certificates that don't fit, connections that say nothing.

Everything over real sockets, and each time a stream of somebody else goes on as if nothing happened.
"""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from posewire_runtime.cli import run
from posewire_runtime.client import AsyncClient, tls
from posewire_runtime.errors import (
    InvalidConfig,
    Overloaded,
    PosewireError,
    Unauthenticated,
    UnknownModel,
    Unreachable,
)
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings, TlsSettings
from posewire_runtime.server.server import SERVICE, Server
from posewire_runtime.server.tls import check_exposure
from posewire_runtime.server.tokens import line_of

Serve = Callable[..., Awaitable[Any]]

GENERATE = f"/{SERVICE}/Generate"


def refused(served: Any, reason: str) -> float:
    counter = served.worker.metrics.counter(
        "posewire_refused_total", "Calls that no service saw.", ["reason"]
    )
    return counter.value(reason)


def token_file(folder: Path, **tokens: dict[str, float]) -> str:
    path = folder / "tokens"
    path.write_text("".join(f"{line_of(token, token, limits)}\n" for token, limits in tokens.items()))
    return str(path)


@asynccontextmanager
async def undisturbed(client: AsyncClient) -> AsyncIterator[None]:
    """A stream that plays all the while, and arrives whole."""
    stream = client.generate("walk", frames=90, pace=3.0)
    await stream.open()
    clips = asyncio.ensure_future(stream.clips())
    try:
        yield
    except BaseException:
        clips.cancel()
        raise
    assert (await clips)[0].frames == 90


# ------------------------------------------------------------------------------------------- tokens


async def test_a_wrong_token_and_none_are_refused_logged_and_counted(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(token_file=token_file(tmp_path, right={}))
    async with AsyncClient(served.server.address, token="right") as friend:
        async with undisturbed(friend):
            for token in ("s3cret-guess", None):
                async with AsyncClient(served.server.address, token=token) as stranger:
                    for ask in (stranger.clip("walk"), stranger.models(), stranger.warm(["walk"])):
                        with pytest.raises(Unauthenticated, match="expected a token that this server knows"):
                            await ask
        assert [model.info.name for model in await friend.models()] == ["stand-in"]
    assert refused(served, "token") == 6
    assert caplog.text.count(f"refused {GENERATE} from ipv4:127.0.0.1") == 2
    assert "s3cret" not in caplog.text


async def test_reflection_needs_a_token_too_and_health_does_not(serve: Serve, tmp_path: Path) -> None:
    served = await serve(token_file=token_file(tmp_path, right={}))
    async with grpc.aio.insecure_channel(served.server.address) as channel:
        aside: Any = channel
        health: Any = health_pb2_grpc.HealthStub(aside)
        answer = await health.Check(health_pb2.HealthCheckRequest(service=f"{SERVICE}/stand-in"))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        ask = reflection_pb2.ServerReflectionRequest(list_services="")
        stub: Any = reflection_pb2_grpc.ServerReflectionStub(aside)
        call: Any = stub.ServerReflectionInfo(iter([ask]))
        with pytest.raises(grpc.RpcError) as caught:
            await call.read()
        assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED  # type: ignore[attr-defined]
        call = stub.ServerReflectionInfo(iter([ask]), metadata=(("authorization", "Bearer right"),))
        services = [s.name for s in (await call.read()).list_services_response.service]
        assert SERVICE in services


async def test_a_token_has_its_rate_and_its_streams(serve: Serve, tmp_path: Path) -> None:
    limits = {"quick": {"rate": 1.0}, "narrow": {"streams": 2.0}, "free": {}}
    served = await serve(token_file=token_file(tmp_path, **limits))
    async with AsyncClient(served.server.address, token="free") as friend, undisturbed(friend):
        async with AsyncClient(served.server.address, token="quick") as client:
            await client.models()
            await client.models()
            with pytest.raises(Overloaded, match="at most 1 calls a second") as caught:
                await client.models()
            assert 0 < (caught.value.retry_after or 0) <= 1
        async with AsyncClient(served.server.address, token="narrow") as client:
            streams = [client.generate("walk", frames=3000, pace=1.0) for _ in range(2)]
            for stream in streams:
                await stream.open()
            with pytest.raises(Overloaded, match="at most 2 streams at once with this token"):
                await client.clip("walk")
            for stream in streams:
                stream.cancel()
                with suppress(PosewireError):
                    await stream.clips()
            await served_until(lambda: served.server.streams == 1)
            assert (await client.clip("walk", frames=30)).frames == 30
    assert refused(served, "rate") == 1


async def served_until(fact: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.005)


async def test_a_withdrawn_token_is_out_after_a_refresh(serve: Serve, tmp_path: Path) -> None:
    served = await serve(token_file=token_file(tmp_path, one={}, two={}))
    async with AsyncClient(served.server.address, token="two") as client:
        await client.models()
        token_file(tmp_path, one={})
        await served.server.refresh()
        with pytest.raises(Unauthenticated):
            await client.models()
        (tmp_path / "tokens").write_text("what?")
        await served.server.refresh()
    async with AsyncClient(served.server.address, token="one") as client:
        await client.models()
        (tmp_path / "tokens").write_text("# nobody any more\n")
        await served.server.refresh()
        with pytest.raises(Unauthenticated):
            await client.models()


# --------------------------------------------------------------------------------- what is asked for


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "/etc/passwd", "stand-in/../stand-in", "stand-in\0", "~", "file:///etc/passwd",
     "..\\..\\windows", "%2e%2e%2f", "stand-in ", "STAND-IN", "x" * 5000],
)  # fmt: skip
async def test_model_names_are_looked_up_and_never_opened(
    serve: Serve, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = await serve()
    touched: list[object] = []
    for function in ("open", "stat"):
        original = getattr(Path, function)
        monkeypatch.setattr(
            Path, function, lambda self, *a, o=original, **k: touched.append(self) or o(self, *a, **k)
        )
    for ask in (served.client.clip("walk", model=name), served.client.warm(models=[name])):
        with pytest.raises(UnknownModel) as caught:
            await ask
        assert len(str(caught.value)) < 700
    assert [path for path in touched if str(path) != "/proc/self/status"] == []
    requests = served.worker.metrics.counter("posewire_requests_total", "Ended requests.", ["code"])
    assert requests.value("NOT_FOUND") == 1


async def test_oversized_and_unreadable_messages_are_refused_logged_and_counted(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(max_request_bytes=2000)
    async with undisturbed(served.client), grpc.aio.insecure_channel(served.server.address) as channel:
        for data, code in (
            (b"\xff\xff\xff", grpc.StatusCode.INVALID_ARGUMENT),
            (b"\x0a" * 5000, grpc.StatusCode.RESOURCE_EXHAUSTED),
        ):
            call = channel.unary_stream(GENERATE)(data)
            with pytest.raises(grpc.RpcError) as caught:
                await call.read()
            assert caught.value.code() == code  # type: ignore[attr-defined]
    assert (refused(served, "unreadable"), refused(served, "no request")) == (1, 1)
    assert "unreadable" in caplog.text
    assert "at most 2000 bytes" in caplog.text


async def test_a_flood_of_refusals_does_not_fill_the_log(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served = await serve(token_file=token_file(tmp_path, right={}))
    asks = [served.client.models() for _ in range(200)]
    assert all(isinstance(r, Unauthenticated) for r in await asyncio.gather(*asks, return_exceptions=True))
    assert refused(served, "token") == 200
    assert caplog.text.count("refused ") < 100


# ------------------------------------------------------------------------- below the application


async def test_a_call_that_never_sends_its_request_is_ended(serve: Serve) -> None:
    served = await serve(request_seconds=0.2)
    async with undisturbed(served.client), grpc.aio.insecure_channel(served.server.address) as channel:
        call: Any = channel.stream_stream(GENERATE)()
        with pytest.raises(grpc.RpcError) as caught:
            await call.read()
        assert caught.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED  # type: ignore[attr-defined]
    assert refused(served, "silent") == 1


@pytest.mark.parametrize("begins", [b"", b"PRI * HTTP/2.0\r\n\r\n", b"GET / HTTP/1.1\r\nX: "])
async def test_half_open_and_slow_connections_are_closed(serve: Serve, begins: bytes) -> None:
    """A client that stays silent, one that stops halfway, and one that sends a byte now and then."""
    served = await serve(request_seconds=0.5)
    async with undisturbed(served.client):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.server.port)
        writer.write(begins)

        async def drip() -> None:
            with suppress(ConnectionError):
                while not writer.is_closing():
                    writer.write(b"x")
                    await writer.drain()
                    await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip()) if begins else None
        async with asyncio.timeout(5):
            with suppress(ConnectionError):
                while await reader.read(1000):
                    pass
        if dripping is not None:
            dripping.cancel()
        writer.close()


async def test_connections_are_limited(serve: Serve) -> None:
    served = await serve(max_connections=3)
    async with undisturbed(served.client):
        strangers = [socket.create_connection(("127.0.0.1", served.server.port)) for _ in range(8)]
        await asyncio.sleep(0.2)
        open_ones = 0
        for stranger in strangers:
            stranger.setblocking(False)
            try:
                open_ones += bool(stranger.recv(1))
            except BlockingIOError:
                open_ones += 1
            except ConnectionError:
                pass
            stranger.close()
        assert open_ones <= 2


# ------------------------------------------------------------------------------------------------ TLS


class Papers:
    """Certificates of this test's own authority, as files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.authority = trustme.CA()
        self.root = self.save("root", self.authority.cert_pem.bytes())

    def save(self, name: str, data: bytes) -> str:
        path = self.folder / f"{name}.pem"
        path.write_bytes(data)
        return str(path)

    def issue(self, name: str, authority: trustme.CA | None = None, days: float = 1) -> tuple[str, str]:
        """Files of a certificate and its key."""
        until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days)
        made = (authority or self.authority).issue_cert("localhost", "127.0.0.1", not_after=until)
        chain = b"".join(blob.bytes() for blob in made.cert_chain_pems)
        return self.save(f"{name}-cert", chain), self.save(f"{name}-key", made.private_key_pem.bytes())


@pytest.fixture
def papers(tmp_path: Path) -> Papers:
    return Papers(tmp_path)


@asynccontextmanager
async def secured(settings: TlsSettings, **others: Any) -> AsyncIterator[Server]:
    library = Library.of(FakeProgram())
    with Worker(library) as worker:
        server = Server(worker, library, Settings(port=0, tls=settings, **others))
        await server.start()
        try:
            yield server
        finally:
            await server.stop(0)


async def test_tls_and_a_token_together(papers: Papers, tmp_path: Path) -> None:
    certificate, key = papers.issue("server")
    settings = TlsSettings(certificate, key)
    async with secured(settings, token_file=token_file(tmp_path, right={})) as server:
        credentials = tls(papers.root)
        async with AsyncClient(server.address, token="right", credentials=credentials) as client:
            assert (await client.clip("walk", frames=30)).frames == 30
        async with AsyncClient(server.address, credentials=credentials) as client:
            with pytest.raises(Unauthenticated):
                await client.models()
        async with AsyncClient(server.address, token="right") as client:
            with pytest.raises(Unreachable):
                await client.models(timeout=10)
        async with AsyncClient(server.address, token="right", credentials=tls()) as client:
            with pytest.raises(Unreachable):
                await client.models(timeout=10)


async def test_mutual_tls_lets_in_whom_its_authority_knows(papers: Papers) -> None:
    settings = TlsSettings(*papers.issue("server"), papers.root)
    others = {
        "nobody's": None,
        "of another authority": papers.issue("foreign", trustme.CA()),
        "expired": papers.issue("expired", days=-1),
    }
    async with secured(settings) as server:
        known = tls(papers.root, *papers.issue("client"))
        async with AsyncClient(server.address, credentials=known) as friend, undisturbed(friend):
            for what, files in others.items():
                credentials = tls(papers.root, *(files or ()))
                async with AsyncClient(server.address, credentials=credentials) as client:
                    asked = await asyncio.gather(client.models(timeout=10), return_exceptions=True)
                    assert isinstance(asked[0], Unreachable), f"a certificate that is {what} came in"


async def test_a_server_whose_certificate_expired_is_not_believed(papers: Papers) -> None:
    settings = TlsSettings(*papers.issue("server", days=-1))
    async with (
        secured(settings) as server,
        AsyncClient(server.address, credentials=tls(papers.root)) as client,
    ):
        with pytest.raises(Unreachable):
            await client.models(timeout=10)


async def test_a_tls_handshake_that_never_ends_is_closed(papers: Papers) -> None:
    settings = TlsSettings(*papers.issue("server"))
    hello = client_hello(papers.root)
    async with (
        secured(settings, request_seconds=0.5) as server,
        AsyncClient(server.address, credentials=tls(papers.root)) as client,
        undisturbed(client),
    ):
        for sent in (b"", hello[:20], hello):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            async with asyncio.timeout(5):
                with suppress(ConnectionError):
                    while await reader.read(10_000):
                        pass
            writer.close()


def client_hello(root: str) -> bytes:
    """The first message of a TLS handshake."""
    said = ssl.MemoryBIO()
    context = ssl.create_default_context(cafile=root)
    half = context.wrap_bio(ssl.MemoryBIO(), said, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        half.do_handshake()
    return said.read()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"certificate": "{cert}"}, "tls.certificate and tls.key together"),
        ({"clients": "{root}"}, "both where there is tls.clients"),
        ({"certificate": "{cert}", "key": "/nowhere"}, "can't be read"),
        ({"certificate": "{cert}", "key": "{text}"}, "expected PEM"),
    ],
)
async def test_certificates_that_cannot_be_used_are_named(
    papers: Papers, fields: dict[str, str], why: str
) -> None:
    cert, _ = papers.issue("server")
    text = papers.save("text", b"not a key")
    made = {name: path.format(cert=cert, root=papers.root, text=text) for name, path in fields.items()}
    with pytest.raises(InvalidConfig, match=why):
        async with secured(TlsSettings(**made)):
            pass


# ------------------------------------------------------------------------------------------- exposure

OPEN = {"host": "0.0.0.0"}
TLS = {"tls": TlsSettings("c", "k")}


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        (OPEN, "TLS .* callers that are known"),
        ({"host": "::"}, "TLS"),
        ({"host": "game-server.local"}, "TLS"),
        (OPEN | TLS, "callers that are known"),
        (OPEN | {"token_file": "t"}, "TLS"),
        (OPEN | TLS | {"token_file": "t", "viewer": True}, "no viewer"),
        ({"tls": TlsSettings("c", "k", "a"), "viewer": True}, "asks for no certificates"),
    ],
)
def test_what_strangers_could_use_is_not_opened(settings: dict[str, Any], missing: str) -> None:
    with pytest.raises(InvalidConfig, match=missing):
        check_exposure(Settings(**settings))
    check_exposure(Settings(**settings, allow_insecure=True))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": "127.1.2.3"},
        OPEN | TLS | {"token_file": "t"},
        OPEN | {"tls": TlsSettings("c", "k", "a")},
        {"tls": TlsSettings("c", "k", "a"), "viewer": True, "token_file": "t"},
    ],
)
def test_what_is_safe_needs_no_word(settings: dict[str, Any]) -> None:
    check_exposure(Settings(**settings))


async def test_prompts_and_requests_that_are_too_much_are_refused(serve: Serve) -> None:
    """The limits of messages, prompts, frames and seeds, one of each; `test_requests` has the rest."""
    served = await serve()
    async with undisturbed(served.client):
        for asked in (
            {"prompt": "x" * 2001},
            {"prompt": "x", "frames": 10**6},
            {"prompt": "x", "seeds": range(17)},
            {"prompt": "x", "steps": 10**6},
        ):
            with pytest.raises(PosewireError, match=r"at most|1 to 100"):
                await served.client.clip(**asked)


async def test_the_command_line_brings_token_and_certificates(
    papers: Papers, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = TlsSettings(*papers.issue("server"), papers.root)
    certificate, key = papers.issue("client")
    token = papers.save("token", b"right\n")
    async with secured(settings, token_file=token_file(tmp_path, right={})) as server:
        ask = [
            "generate",
            "walk",
            "--frames",
            "30",
            "--out",
            str(tmp_path / "w.npz"),
            "--server",
            server.address,
        ]
        whole = [*ask, "--ca", papers.root, "--certificate", certificate, "--key", key, "--token-from", token]
        assert await asyncio.to_thread(run, whole) == 0
        assert (tmp_path / "w.npz").is_file()
        assert await asyncio.to_thread(run, whole[:-2]) == 4, "no token"
        assert await asyncio.to_thread(run, [*ask, "--tls", "--token-from", token]) == 4, (
            "nobody's certificate"
        )
        assert await asyncio.to_thread(run, [*ask, "--certificate", certificate]) == 2
        assert await asyncio.to_thread(run, [*ask, "--token-from", str(tmp_path / "none")]) == 2
    assert "expected a token that this server knows" in capsys.readouterr().err

"""The browser's door: one port that gives out the page and speaks with it over a WebSocket.

Behind it stands the very same service that gRPC asks: same limits, same tokens, same refusals. Knows
names, origins and connections; `conversation` knows what is said.
"""

from __future__ import annotations

import asyncio
import logging
import webbrowser
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from posewire_runtime.errors import InvalidConfig, ProtocolError, Unauthenticated, Violation
from posewire_runtime.gateway.assets import answer
from posewire_runtime.gateway.conversation import Conversation, Say
from posewire_runtime.gateway.exhibits import Exhibit
from posewire_runtime.gateway.origin import host_fits, origin_fits
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import stop_signals
from posewire_runtime.server.service import Service

logger = logging.getLogger(__name__)

SOCKET = "/socket"
"""Path of the WebSocket."""
PAGE_GONE, TRY_AGAIN, POLICY, PROTOCOL = 1001, 1013, 1008, 1002
"""Why a WebSocket is closed, in the words of RFC 6455."""

_MOST_PAGES = 64
"""Pages that may be open at once."""
_HELLO_SECONDS = 10.0
"""A page that hasn't said who it is by then is sent away."""
_REASON = 120
"""Bytes of the reason that a closing WebSocket may give."""
_ROOM = 1 << 20
"""Bytes that may wait for a page that reads slowly."""

_quiet = logging.getLogger(f"{__name__}.websockets")
_quiet.setLevel(logging.CRITICAL)
"""The library tells of every stranger's broken handshake, with a traceback."""


class Gateway:
    """Listens on one port for pages. Lives on the loop it was opened on."""

    def __init__(
        self, settings: Settings, service: Service | None = None, exhibits: Sequence[Exhibit] = ()
    ) -> None:
        self._settings = settings
        self._service = service
        self._exhibits = exhibits
        self._pages = 0
        self.port = 0
        """The port it listens on, once open."""

    @property
    def url(self) -> str:
        """Where browsers find the page."""
        host = self._settings.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    @asynccontextmanager
    async def opened(self) -> AsyncGenerator[Gateway]:
        """Listen; raises `InvalidConfig` when the address can't be had."""
        async with await self._listen() as server:
            self.port = server.sockets[0].getsockname()[1]
            logger.info("the page is at %s", self.url)
            try:
                yield self
            finally:
                server.close(code=PAGE_GONE, reason="the server shuts down")

    async def _listen(self) -> Server:
        settings = self._settings
        try:
            return await serve(
                self._meet,
                settings.host,
                settings.viewer_port,
                process_request=self._request,
                compression=None,
                max_size=settings.max_request_bytes,
                ping_interval=settings.keepalive_seconds,
                ping_timeout=settings.keepalive_seconds,
                write_limit=_ROOM,
                server_header=None,
                logger=_quiet,
            )
        except OSError as error:
            where = f"{settings.host}:{settings.viewer_port}"
            message = (
                f"can't listen on {where} for pages: {error.strerror or error}; choose another viewer_port"
            )
            raise InvalidConfig(message, [Violation("viewer_port", message)]) from error

    def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Give out a file of the page, or let the WebSocket come in."""
        del connection
        host = request.headers.get("Host", "")
        if not host_fits(host, self._settings.host):
            return _refuse(f"This server is not called {host!r}; ask for it by its address.\n")
        if request.path == SOCKET:
            if origin_fits(request.headers.get("Origin"), host):
                return None
            logger.warning("refused a WebSocket of another origin")
            return _refuse("Only this server's own page may come in here.\n")
        status, headers, body = answer(request.path, request.headers, host)
        return Response(status, HTTPStatus(status).phrase, Headers({**headers, "Connection": "close"}), body)

    async def _meet(self, connection: ServerConnection) -> None:
        """Speak with one page until it leaves."""
        if self._pages >= _MOST_PAGES:
            await connection.close(TRY_AGAIN, f"{_MOST_PAGES} pages are open; close one")
            return
        self._pages += 1
        most = self._settings.max_request_bytes
        conversation = Conversation(self._service, self._exhibits, _sayer(connection), most)
        try:
            async with asyncio.timeout(_HELLO_SECONDS):
                await conversation.greet(await connection.recv())
            async for message in connection:
                conversation.hear(message)
        except (ProtocolError, Unauthenticated) as error:
            logger.warning("sent a page away: %s", error)
            code = POLICY if isinstance(error, Unauthenticated) else PROTOCOL
            await connection.close(code, str(error).encode()[:_REASON].decode(errors="ignore"))
        except TimeoutError:
            await connection.close(POLICY, "expected hello, found silence")
        except (ConnectionClosed, ConnectionError):
            pass
        finally:
            self._pages -= 1
            await conversation.close()


async def show(exhibits: Sequence[Exhibit], ready: Callable[[str], None], settings: Settings) -> None:
    """Show clips or files until Ctrl-C; `ready` gets the page's address. No model, no gRPC."""
    async with Gateway(settings, exhibits=exhibits).opened() as gateway:
        with stop_signals() as asked:
            ready(gateway.url)
            await asked.wait()


def open_browser(url: str) -> bool:
    """Open the page in the user's browser, where there is one."""
    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False


def _sayer(connection: ServerConnection) -> Say:
    async def say(message: bytes) -> None:
        try:
            await connection.send(message)
        except ConnectionClosed as closed:
            raise ConnectionError("the page is gone") from closed

    return say


def _refuse(message: str) -> Response:
    body = message.encode()
    headers = {"Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(body))}
    return Response(403, "Forbidden", Headers({**headers, "Connection": "close"}), body)

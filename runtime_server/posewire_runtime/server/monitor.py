"""What can be watched from outside, over plain HTTP: `/metrics` for Prometheus, `/healthz` for supervisors.

Knows a registry and a question to ask, no service. Answers GET and nothing else, one request a connection.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

from posewire_runtime.errors import InvalidConfig, Violation
from posewire_runtime.metrics import Metrics
from posewire_runtime.server.config import MetricsSettings
from posewire_runtime.server.exposition import CONTENT_TYPE, exposition

logger = logging.getLogger(__name__)

Health = tuple[bool, Mapping[str, Any]]
"""Whether requests are served, and what else there is to say."""

_PATIENCE = 5.0
"""Seconds that a request and its answer may take."""
_MOST_ASKERS = 32
_MOST_BYTES = 8192
"""Of a request's head."""


class Monitor:
    """Listens on one port."""

    def __init__(self, settings: MetricsSettings, metrics: Metrics, health: Callable[[], Health]) -> None:
        """`health` is asked for `/healthz`, and before `/metrics` is answered."""
        self._settings = settings
        self._metrics = metrics
        self._health = health
        self._askers = 0
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """Where it listens; 0: nowhere."""
        return 0 if self._server is None else int(self._server.sockets[0].getsockname()[1])

    async def start(self) -> None:
        """Listen, if that is wanted; raises `InvalidConfig` when the address can't be had."""
        host, port = self._settings.host, self._settings.port
        if port < 0:
            return
        try:
            self._server = await asyncio.start_server(self._meet, host, port, limit=_MOST_BYTES)
        except OSError as error:
            message = f"can't listen on {host}:{port} for metrics: {error.strerror}; choose another port"
            raise InvalidConfig(message, [Violation("metrics.port", message)]) from error
        logger.info("metrics and health are at http://%s:%d/metrics and /healthz", host, self.port)

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self._askers += 1
        try:
            if self._askers <= _MOST_ASKERS:
                async with asyncio.timeout(_PATIENCE):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self._answer(head.split(b"\r\n", 1)[0]))
                    await writer.drain()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # a stranger, or somebody very slow: nobody who could read an answer
        finally:
            self._askers -= 1
            writer.close()

    def _answer(self, line: bytes) -> bytes:
        """The whole answer to a request line."""
        method, _, rest = line.decode("latin-1").partition(" ")
        path = rest.partition(" ")[0].partition("?")[0]
        if method != "GET":
            return _response(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", "expected GET\n")
        serving, told = self._health()
        if path == "/metrics":
            return _response(HTTPStatus.OK, CONTENT_TYPE, exposition(self._metrics.collect()))
        if path == "/healthz":
            status = HTTPStatus.OK if serving else HTTPStatus.SERVICE_UNAVAILABLE
            return _response(status, "application/json", json.dumps(told) + "\n")
        return _response(HTTPStatus.NOT_FOUND, "text/plain", "there are /metrics and /healthz\n")


def _response(status: HTTPStatus, kind: str, text: str) -> bytes:
    body = text.encode()
    lines = (
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "X-Content-Type-Options: nosniff",
        "Cache-Control: no-store",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode("latin-1") + body

"""A server with its browser's door, and a page that speaks to it without a browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect

from posewire_proto.v1 import page_pb2 as pages
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.gateway.exhibits import Exhibit
from posewire_runtime.gateway.gateway import Gateway
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.server.config import Settings
from posewire_runtime.server.service import Service


class Page:
    """The other side of the WebSocket."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._calls = 0
        self._heard: dict[int, list[pages.PageResponse]] = {}

    async def ask(self, **what: Any) -> int:
        """Send one message; the number of its call."""
        self._calls += 1
        await self.socket.send(pages.PageRequest(call=self._calls, **what).SerializeToString())
        return self._calls

    async def cancel(self, call: int) -> None:
        """Stop a call."""
        await self.socket.send(pages.PageRequest(call=call, cancel=pages.Cancel()).SerializeToString())

    async def answer(self, call: int) -> pages.PageResponse:
        """The next answer to a call."""
        async with asyncio.timeout(20):
            while not self._heard.get(call):
                answer = pages.PageResponse.FromString(_binary(await self.socket.recv()))
                self._heard.setdefault(answer.call, []).append(answer)
        return self._heard[call].pop(0)

    async def all(self, call: int) -> tuple[list[pages.PageResponse], pages.End]:
        """All answers to a call, and its end."""
        answers: list[pages.PageResponse] = []
        while True:
            answer = await self.answer(call)
            if answer.HasField("end"):
                return answers, answer.end
            answers.append(answer)

    async def call(self, **what: Any) -> tuple[list[pages.PageResponse], pages.End]:
        """Ask, and hear all of it."""
        return await self.all(await self.ask(**what))

    async def sent_away(self) -> int | None:
        """Wait until the server closes the WebSocket; its code."""
        async with asyncio.timeout(20):
            await self.socket.wait_closed()
        return self.socket.close_code


def _binary(message: str | bytes) -> bytes:
    assert isinstance(message, bytes)
    return message


@dataclass(eq=False)
class Stage:
    """A door with everything behind it, in this process."""

    gateway: Gateway
    worker: Worker
    service: Service | None
    stack: AsyncExitStack

    async def connect(self, **options: Any) -> ClientConnection:
        """A WebSocket as the page's own browser opens it."""
        url = f"ws://127.0.0.1:{self.gateway.port}/socket"
        given = {"origin": self.gateway.url.rstrip("/"), "max_size": None} | options
        return await self.stack.enter_async_context(connect(url, **given))

    async def stranger(self) -> Page:
        """A page that has said nothing yet."""
        return Page(await self.connect())

    async def page(self, token: str = "") -> Page:
        """A page that has said hello and was welcomed."""
        page = await self.stranger()
        [welcome], end = await page.call(hello=pages.Hello(token=token))
        assert welcome.welcome.generates == (self.service is not None)
        assert end.code == 0
        return page


@pytest.fixture
async def stage() -> AsyncIterator[Callable[..., Awaitable[Stage]]]:
    """Opens doors on free ports; all are closed at the end."""
    async with AsyncExitStack() as stack:

        async def start(
            faults: Faults | None = None,
            exhibits: Sequence[Exhibit] = (),
            models: bool = True,
            **settings: Any,
        ) -> Stage:
            made = Settings(**({"viewer_port": 0, "worker": WorkerSettings(check=True)} | settings))
            library = Library.of(FakeProgram(faults=faults))
            worker = stack.enter_context(Worker(library, made.worker))
            service = Service(worker, library, made) if models else None
            gateway = await stack.enter_async_context(Gateway(made, service, exhibits).opened())
            return Stage(gateway, worker, service, stack)

        yield start

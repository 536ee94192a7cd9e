"""A model without a program, for what is decided before anything is made; and whole servers, for the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace

import numpy as np
import pytest

from posewire_runtime.client import AsyncClient
from posewire_runtime.errors import UnknownModel, Violation
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import Server
from posewire_runtime.types import Licence, Limits, ModelInfo, Skeleton

SKELETON = Skeleton(
    names=("pelvis", "spine", "head"),
    parents=(-1, 0, 1),
    positions=np.array([[0, 1, 0], [0, 1.3, 0], [0, 1.6, 0]], np.float32),
)

INFO = ModelInfo(
    name="plain",
    family="test",
    skeleton=SKELETON,
    fps=30.0,
    limits=Limits(min_frames=10, max_frames=300, max_steps=50, max_prompt=200),
    presets={"fast": 4, "good": 20},
    default_preset="fast",
    licence=Licence("MIT", notice="made for tests"),
    providers=("CPU",),
    solvers=("euler", "heun"),
)


class Catalogue:
    """Two models: a plain one, and one whose guidance is fixed and that has no choice of solver."""

    default = "plain"

    def __init__(self) -> None:
        fixed = replace(INFO, name="fixed", solvers=(), limits=replace(INFO.limits, fixed_guidance=5.0))
        self._infos = {info.name: info for info in (INFO, fixed)}

    def info(self, name: str) -> ModelInfo:
        if name not in self._infos:
            raise UnknownModel(f"found {name!r}", [Violation("model", "unknown")])
        return self._infos[name]


@pytest.fixture
def catalogue() -> Catalogue:
    return Catalogue()


@pytest.fixture
def info() -> ModelInfo:
    return INFO


async def eventually(fact: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(10):
        while not fact():
            await asyncio.sleep(0.002)


@dataclass(eq=False)
class Served:
    """A server with everything behind it, in this process."""

    server: Server
    worker: Worker
    program: FakeProgram
    client: AsyncClient

    async def rests(self) -> None:
        """Wait until nothing is left of any stream."""
        await eventually(lambda: self.server.streams == 0)
        await eventually(lambda: (stats := self.worker.stats()).waiting + stats.running == 0)


@pytest.fixture
async def serve() -> AsyncIterator[Callable[..., Awaitable[Served]]]:
    """Starts servers on free ports; all are stopped at the end."""
    async with AsyncExitStack() as stack:

        async def start(faults: Faults | None = None, **settings: object) -> Served:
            worker_settings = settings.pop("worker", WorkerSettings(check=True))
            made = Settings(**({"port": 0, "worker": worker_settings} | settings))  # type: ignore[arg-type]
            program = FakeProgram(faults=faults)
            library = Library.of(program)
            worker = stack.enter_context(Worker(library, made.worker))
            server = Server(worker, library, made)
            await server.start()
            stack.push_async_callback(server.stop, 0)
            client = await stack.enter_async_context(AsyncClient(server.address))
            return Served(server, worker, program, client)

        yield start

"""Where the clips of a bake come from: this process' worker, or a running server."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from posewire_runtime.bake.plan import Item
from posewire_runtime.client import Client
from posewire_runtime.errors import (
    Overloaded,
    PosewireError,
    ShuttingDown,
    UnknownModel,
    Unreachable,
    Violation,
)
from posewire_runtime.exchange.events import ServedModel
from posewire_runtime.scheduler.jobs import Collector
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.planner import PlanLimits
from posewire_runtime.scheduler.worker import Worker, WorkerSettings
from posewire_runtime.types import Clip, ModelInfo

Outcome = Sequence[Clip] | PosewireError
"""The clips of an item, one for each of its prompts, or what kept them from being made."""

_EXACT_PROVIDERS = {"CPUExecutionProvider", "none"}
"""On these a clip is the same to the last bit, whatever else is in its batch."""
_STREAMS = 8
"""Requests that a server gets at once."""
_TRIES = 30
"""Times that a busy server is asked again."""


class Maker(Protocol):
    """Makes the clips of items."""

    def make(self, group: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """All items of a group, in any order."""
        ...

    def needs_company(self, model: str) -> bool:
        """Whether a clip of this model may depend on its batch: then whole groups are made again."""
        ...


class LocalMaker:
    """The worker, a group at a time on the caller's thread: the same batches in every run."""

    def __init__(self, library: Library, batch: int) -> None:
        limits = PlanLimits(admit=batch, rows=batch, batch=batch, encode=batch)
        self._library = library
        self._worker = Worker(library, WorkerSettings(queue=max(1024, 16 * batch), limits=limits))

    def make(self, group: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Submit all, run until nothing is left."""
        heard = Collector()
        requests = [request for item in group for request in item.requests]
        jobs = iter(self._worker.submit(requests, heard))
        mine = [(item, [next(jobs) for _ in item.requests]) for item in group]
        self._worker.run_until_idle()
        for item, made in mine:
            error = next((heard.errors[job.id] for job in made if job.id in heard.errors), None)
            yield item, error or [heard.clips[job.id] for job in made]

    def needs_company(self, model: str) -> bool:
        """By the providers that really run the model; none are known before it is loaded."""
        providers = set(self._library.info(model).providers)
        return not providers or not providers <= _EXACT_PROVIDERS


class ServerMaker:
    """A server, several requests at a time; a busy one is asked again when it says so."""

    def __init__(self, client: Client, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._sleep = sleep

    def make(self, group: Sequence[Item]) -> Iterator[tuple[Item, Outcome]]:
        """Ask for all of them."""
        with ThreadPoolExecutor(_STREAMS) as pool:
            yield from zip(group, pool.map(self._one, group), strict=True)

    def needs_company(self, model: str) -> bool:
        """Batches are the server's business."""
        del model
        return False

    def _one(self, item: Item) -> Outcome:
        try:
            return [
                self._ask(request.prompt, options)
                for request, options in zip(item.requests, item.asked, strict=True)
            ]
        except Unreachable:
            raise
        except PosewireError as error:
            return error

    def _ask(self, prompt: str, options: object) -> Clip:
        for _ in range(_TRIES):
            try:
                return self._client.clip(prompt, **options)  # pyright: ignore
            except (Overloaded, ShuttingDown) as error:
                self._sleep(error.retry_after or 1.0)
        return self._client.clip(prompt, **options)  # pyright: ignore


class Served:
    """The models of a server, as a catalogue."""

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._infos = {model.info.name: model.info for model in models}
        self.default = models[0].info.name

    def info(self, name: str) -> ModelInfo:
        """What a model is; raises `UnknownModel`."""
        if name not in self._infos:
            message = f"expected one of the served models ({', '.join(self._infos)}), found {name!r}"
            raise UnknownModel(message, [Violation("model", message)])
        return self._infos[name]

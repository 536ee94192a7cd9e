"""Looks after a running server: a device that hangs, models that went bad, packages that changed on disk.

One coroutine, once a second. Knows the worker, the library and gRPC's health service, no requests.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from grpc_health.v1 import health_pb2

from posewire_runtime.device.memory import process_bytes, trim
from posewire_runtime.errors import DeviceError, PosewireError
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.worker import Worker

logger = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two looks."""

_Serving = health_pb2.HealthCheckResponse

SetHealth = Callable[[str, Any], Coroutine[Any, Any, None]]
"""Tells gRPC's health service how a service fares."""


class Caretaker:
    """Looks after one worker."""

    def __init__(
        self,
        worker: Worker,
        library: Library,
        service: str,
        set_health: SetHealth,
        *,
        stuck_seconds: float,
        watch_seconds: float,
    ) -> None:
        """`service`: under which name it is healthy; each model is one more, `service/model`."""
        self._worker = worker
        self._library = library
        self._service = service
        self._set_health = set_health
        self._stuck_seconds = stuck_seconds
        self._watch_seconds = watch_seconds
        self._told: dict[str, int] = {}
        self._stamps = {name: _stamp_of(library.entry(name)) for name in library.names()}
        self._failed: dict[str, object] = {}
        """Stamps of packages that couldn't be used, so that the log says it once."""
        self._tidied = 0
        """Jobs that had ended when memory was last given back."""
        self.stuck = False
        """Whether the device hangs in a call."""
        metrics = worker.metrics
        self._stuck_gauge = metrics.gauge("posewire_device_stuck", "1 while the device hangs in a call.")
        self._memory = metrics.gauge("process_resident_memory_bytes", "Memory of the server's process.")
        self._handles = metrics.gauge("process_open_fds", "Open files and sockets; -1: not known here.")
        self._tasks = metrics.gauge("posewire_tasks", "Tasks of the server's event loop.")
        self._models = metrics.gauge("posewire_models_loaded", "Models in memory.")
        self._weights = metrics.gauge("posewire_model_bytes", "Bytes open models are counted with.")
        self._reloads = metrics.counter(
            "posewire_reloads_total", "Packages loaded anew.", ["model", "result"]
        )

    async def run(self) -> None:
        """Look, again and again."""
        looked = asyncio.get_running_loop().time()
        while True:
            await self._guarded(self.look())
            now = asyncio.get_running_loop().time()
            if self._watch_seconds and now - looked >= self._watch_seconds:
                looked = now
                await self._guarded(self.reload_changed())
            await asyncio.sleep(INTERVAL)

    async def look(self) -> None:
        """See how the device and the models fare, and tell."""
        self._watch_device()
        await self._tidy()
        self.measure()
        degraded = self._worker.degraded()
        await self._tell("", not self.stuck)
        await self._tell(self._service, not self.stuck)
        for name in self._library.names():
            await self._tell(f"{self._service}/{name}", not self.stuck and name not in degraded)

    def measure(self) -> None:
        """Set the gauges that nobody else sets."""
        self._memory.set(process_bytes() or 0)
        self._handles.set(_handles())
        self._tasks.set(len(asyncio.all_tasks()))
        self._models.set(sum(self._library.loaded(name) for name in self._library.names()))
        self._weights.set(self._library.nbytes)

    def report(self) -> Mapping[str, Any]:
        """What `/healthz` says."""
        degraded = self._worker.degraded()
        models = {
            name: "degraded" if name in degraded else "loaded" if self._library.loaded(name) else "not loaded"
            for name in self._library.names()
        }
        return {"status": "stuck" if self.stuck else "ok", "models": models}

    async def reload_changed(self) -> None:
        """Load packages anew that have changed on disk; streams go on with what they began with."""
        for name in self._library.names():
            entry = self._library.entry(name)
            stamp = await asyncio.to_thread(_stamp_of, entry)
            if stamp != self._stamps[name] and entry.renew is not None:
                await self._reload(name, entry.renew, stamp)

    async def _reload(self, name: str, renew: Callable[[], Entry], stamp: object) -> None:
        """Verify the new package and serve it; what can't be used leaves the old one in place."""
        try:
            entry = await asyncio.to_thread(renew)
            if entry.info.name != name:
                raise DeviceError(f"expected a package named {name}, found {entry.info.name}")
            await asyncio.wrap_future(self._worker.renew(name, entry))
        except PosewireError as error:
            if self._failed.get(name) != stamp:
                logger.error(
                    "the package of %s changed and can't be used; the old one stays: %s", name, error
                )
                self._reloads.add(1, name, "failed")
            self._failed[name] = stamp
            return
        self._stamps[name] = stamp
        self._failed.pop(name, None)
        self._reloads.add(1, name, "done")
        logger.info("the package of %s changed and is served from now on", name)

    def _watch_device(self) -> None:
        took = self._worker.turn_seconds()
        stuck = took > self._stuck_seconds
        if stuck:
            if not self.stuck:
                logger.critical("the device has been in one call for %.0f s; it counts as stuck", took)
            self._worker.give_up(DeviceError(f"the device hangs since {took:.0f} s; try another server"))
        elif self.stuck:
            logger.warning("the device answers again")
        self.stuck = stuck
        self._stuck_gauge.set(float(stuck))

    async def _tidy(self) -> None:
        """Once work has come to its end, what it took goes back to the system."""
        stats = self._worker.stats()
        ended = sum(stats.outcomes.values())
        if ended != self._tidied and stats.waiting + stats.running == 0:
            self._tidied = ended
            await asyncio.to_thread(trim)

    async def _tell(self, name: str, serving: bool) -> None:
        """Set the health of one service, where that changes anything."""
        status = _Serving.SERVING if serving else _Serving.NOT_SERVING
        if self._told.get(name) != status:
            self._told[name] = status
            await self._set_health(name, status)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """A look that breaks must not end the looking."""
        try:
            await work
        except Exception:
            logger.exception("the caretaker stumbled")


def _handles() -> int:
    """How many files and sockets this process has open; -1 where that isn't known."""
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:  # not Linux
        return -1


def _stamp_of(entry: Entry) -> object:
    return None if entry.stamp is None else entry.stamp()

"""Programs on their way into memory: one thread that opens them, so that nobody's step waits.

Knows library entries, not jobs. Everything but the thread's own loop is called by the worker's
thread. Without `start` the caller's thread opens, which is how the loop is driven in process.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from posewire_runtime.errors import PosewireError
from posewire_runtime.families.base import Program
from posewire_runtime.scheduler.confine import as_failure
from posewire_runtime.scheduler.library import Entry

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Opened:
    """What became of one opening."""

    model: str
    entry: Entry
    """What was opened."""
    result: Program | PosewireError


class Opening:
    """The thread that opens programs."""

    def __init__(self, done: Callable[[], None]) -> None:
        """`done` is called by the thread after each program: there is something to `collect`."""
        self._done = done
        self._pending: list[tuple[str, Entry]] = []
        self._asked: SimpleQueue[tuple[str, Entry] | None] = SimpleQueue()
        self._opened: SimpleQueue[Opened] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._loop, name="posewire-open", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        """End the thread after the program under way; what came too late is closed again."""
        if self._thread is not None:
            self._closed = True
            self._asked.put(None)
            self._thread.join(timeout)
        for opened in self.collect():
            if not isinstance(opened.result, PosewireError):
                opened.result.close()

    def open(self, model: str, entry: Entry) -> None:
        """Open this one after those that were asked for earlier."""
        self._pending.append((model, entry))
        if self._thread is None:
            self._open(model, entry)
        else:
            self._asked.put((model, entry))

    def pending(self, model: str) -> bool:
        """Whether it is being opened and will come out of `collect`."""
        return any(model == name for name, _ in self._pending)

    @property
    def busy(self) -> bool:
        """Whether anything is being opened."""
        return bool(self._pending)

    @property
    def nbytes(self) -> int:
        """Memory that these programs will be counted with."""
        return sum(entry.nbytes for _, entry in self._pending)

    def collect(self) -> list[Opened]:
        """What came out since the last time."""
        found: list[Opened] = []
        while True:
            try:
                opened = self._opened.get_nowait()
            except Empty:
                return found
            self._pending.remove((opened.model, opened.entry))
            found.append(opened)

    def _loop(self) -> None:
        while (asked := self._asked.get()) is not None and not self._closed:
            self._open(*asked)
            self._done()

    def _open(self, model: str, entry: Entry) -> None:
        begun = time.perf_counter()
        try:
            result = entry.open()
        except Exception as error:
            logger.exception("model %s can't be loaded", model)
            result = as_failure(error, f"loading model {model}")
        else:
            logger.info("model %s was loaded in %.2f s", model, time.perf_counter() - begun)
        self._opened.put(Opened(model, entry, result))

"""How long graphs run: time in the graph runtime, told apart by file.

On a GPU such a call lasts until its outputs are there, so it is kernels, copies and their launch; what
remains of a stage is this process' own work on the host. Calls side by side count once: a graph that two
threads run at the same time is busy, not twice as busy. Knows no stage and no request.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager


class Meter:
    """Adds up, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: dict[str, int] = {}
        self._began: dict[str, int] = {}
        self._spent: dict[str, int] = {}

    @contextmanager
    def running(self, graph: str) -> Generator[None]:
        """A graph runs meanwhile."""
        with self._lock:
            if self._inside.get(graph, 0) == 0:
                self._began[graph] = time.perf_counter_ns()
            self._inside[graph] = self._inside.get(graph, 0) + 1
        try:
            yield
        finally:
            with self._lock:
                self._inside[graph] -= 1
                if self._inside[graph] == 0:
                    busy = time.perf_counter_ns() - self._began[graph]
                    self._spent[graph] = self._spent.get(graph, 0) + busy

    def read(self) -> Mapping[str, int]:
        """Nanoseconds so far of each graph that ran, by the name of its file without suffix."""
        with self._lock:
            return dict(self._spent)

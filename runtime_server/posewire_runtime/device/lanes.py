"""Runs of small graphs side by side, each on a core of its own.

ONNX Runtime cuts every operator for its threads; where operators take microseconds, waking a thread costs
more than it gains, and a thread that doesn't get its core holds all others up. Whole runs are worth handing
over, and what nobody has begun the caller does. Graphs for this are loaded for one thread. Knows no graph.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Any, TypeVar

_T = TypeVar("_T")


class Lanes:
    """Threads that work side by side with the caller's. To be used from one thread."""

    def __init__(self, count: int) -> None:
        """`count` of threads, the caller's among them."""
        self.count = count
        self._handed: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._helpers: list[threading.Thread] = []

    def run(self, tasks: Sequence[Callable[[], _T]]) -> list[_T]:
        """Do all of these; raises what one raised, once none is under way any more."""
        self._start()
        others = [Future[_T]() for _ in tasks[1:]]
        for one in zip(others, tasks[1:], strict=True):
            self._handed.put(one)
        try:
            mine = {0: tasks[0]()}
            for place in reversed(range(1, len(tasks))):  # helpers begin at the other end
                if others[place - 1].cancel():
                    mine[place] = tasks[place]()
            return [mine[i] if i in mine else others[i - 1].result() for i in range(len(tasks))]
        finally:
            wait([other for other in others if not other.cancel()])

    def close(self) -> None:
        """End the threads."""
        for _ in self._helpers:
            self._handed.put(None)
        for helper in self._helpers:
            helper.join()
        self._helpers.clear()

    def _start(self) -> None:
        """The threads, at first use. A device that never answers must not keep the process from ending."""
        while len(self._helpers) < self.count - 1:
            helper = threading.Thread(target=self._help, name="posewire-lane", daemon=True)
            helper.start()
            self._helpers.append(helper)

    def _help(self) -> None:
        while (handed := self._handed.get()) is not None:
            _do(*handed)
            del handed  # nothing is kept while it waits


def _do(future: Future[_T], task: Callable[[], _T]) -> None:
    """One task, unless the caller has taken it back."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(task())
    except BaseException as error:
        future.set_exception(error)

"""Runs of one small graph side by side, each on a core of its own.

ONNX Runtime cuts every operator for its threads; where operators take microseconds, waking a thread costs
more than it gains, and a thread that doesn't get its core holds all others up. Whole runs are worth handing
over, and what nobody has begun the caller does. Knows nothing of what the graph computes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from queue import SimpleQueue

from posewire_runtime.device.engine import Array, Graph

Feeds = Mapping[str, Array]
Made = dict[str, Array]


class Lanes:
    """A graph that several threads run at once. To be used from one thread."""

    def __init__(self, graph: Graph, count: int) -> None:
        """`graph` as loaded for one thread; `count` of threads, the caller's among them."""
        self.count = count
        self._graph = graph
        self._handed: SimpleQueue[tuple[Future[Made], Feeds] | None] = SimpleQueue()
        self._helpers: list[threading.Thread] = []

    def run(self, feeds: Sequence[Feeds]) -> list[Made]:
        """Run it on each of these; raises what a run raised, once none is under way any more."""
        self._start()
        others = [Future[Made]() for _ in feeds[1:]]
        for task in zip(others, feeds[1:], strict=True):
            self._handed.put(task)
        try:
            mine = {0: self._graph.run(feeds[0])}
            for place in reversed(range(1, len(feeds))):  # helpers begin at the other end
                if others[place - 1].cancel():
                    mine[place] = self._graph.run(feeds[place])
            return [mine[i] if i in mine else others[i - 1].result() for i in range(len(feeds))]
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
        while (task := self._handed.get()) is not None:
            self._do(*task)
            del task  # nothing is kept while it waits

    def _do(self, future: Future[Made], feeds: Feeds) -> None:
        """One run, unless the caller has taken it back."""
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(self._graph.run(feeds))
        except BaseException as error:
            future.set_exception(error)

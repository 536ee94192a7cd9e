"""Requests made through a server: stages by what the stream says, the client's part measured here."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from threading import Barrier
from typing import Any

from posewire_runtime.client import Client
from posewire_runtime.exchange.events import Chunk, ClipEnd, Event, Header, Progress
from posewire_runtime.metrics import Stage
from posewire_runtime.profile.cases import Case
from posewire_runtime.profile.driving import PROMPT, Span, sampling_of
from posewire_runtime.profile.samples import Sample
from posewire_runtime.profile.statistics import median
from posewire_runtime.types import ModelInfo, Timings

_MOST = 64
"""Requests at once."""
_CALLS = 5
"""Empty calls that measure the way there and back."""
_SHOWN: Mapping[type[Event], Stage] = {Header: Stage.QUEUE, Progress: Stage.STEP, Chunk: Stage.SEND}
"""What ends which part of a timeline that only a client saw."""


class ServerDriver:
    """Asks a server, each request of a round from a thread of its own."""

    def __init__(self, client: Client, info: ModelInfo, timeout: float = 120.0) -> None:
        self._client = client
        self._info = info
        self._timeout = timeout
        self._numbers = itertools.count(time.time_ns() // 1000)  # no prompt of an earlier profile comes again
        self._pool = ThreadPoolExecutor(_MOST, "posewire-profile")
        self._way = 0.0

    def round(self, case: Case) -> list[Sample]:
        """All requests of a round, let go at the same moment."""
        self._way = self._round_trip(case.concurrency)
        start = Barrier(case.concurrency)
        numbers = [next(self._numbers) for _ in range(case.concurrency)]
        return list(self._pool.map(self._one, repeat(case), numbers, repeat(start.wait)))

    def timeline(self, case: Case) -> list[Span]:
        """One request alone, as its client saw it."""
        begun = before = time.perf_counter()
        spans: list[Span] = []
        stream = self._client.generate(
            PROMPT.format(next(self._numbers)),
            timeout=self._timeout,
            progress=True,
            **self._options(case, 1),
        )
        for event in stream.events():
            now = time.perf_counter()
            if type(event) in _SHOWN:
                spans.append(Span(_SHOWN[type(event)], (before - begun) * 1e3, (now - begun) * 1e3))
                before = now
        return spans

    def close(self) -> None:
        """Let the threads go."""
        self._pool.shutdown()

    def _round_trip(self, at_once: int) -> float:
        """Seconds of a call that does next to nothing, with as many at the same moment as the case has."""
        start = Barrier(at_once)

        def call(_: int) -> float:
            start.wait()
            begun = time.perf_counter()
            self._client.models(timeout=self._timeout)
            return time.perf_counter() - begun

        return median([seconds for _ in range(_CALLS) for seconds in self._pool.map(call, range(at_once))])

    def _options(self, case: Case, batch: int) -> Any:
        sampling = sampling_of(case.steps, self._info.presets, self._info.default_preset)
        chosen = {"preset": sampling.preset} if sampling.preset else {"steps": case.steps}
        return {
            "model": self._info.name,
            "frames": case.frames,
            "seeds": list(range(batch)),
            **chosen,
        }

    def _one(self, case: Case, number: int, ready: Callable[[], object]) -> Sample:
        options = self._options(case, case.batch)
        ready()
        begun = time.perf_counter()
        stream = self._client.generate(PROMPT.format(number), timeout=self._timeout, **options)
        last: Timings = {}
        gaps: list[float] = []
        arrived: dict[int, float] = {}
        for event in stream.events():
            if isinstance(event, Chunk):
                now = time.perf_counter()
                if event.clip in arrived:
                    gaps.append(now - arrived[event.clip])
                arrived[event.clip] = now
            elif isinstance(event, ClipEnd):
                last = event.timings
        ended = max(arrived.values())  # what follows the last frame keeps nobody from playing it
        client = round((stream.decode_seconds + self._way) * 1e9)
        first = stream.first_frame_seconds or ended - begun
        return Sample(ended - begun, first, tuple(gaps), {**last, Stage.CLIENT: client})

"""Prompts on their way to features: one thread that encodes in batches and fills the cache.

Knows encoders and prompts, not jobs. Everything but the thread's own loop is called by the
worker's thread. Without `start` the caller's thread encodes, which is how the loop is
driven in process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import NamedTuple

from posewire_runtime.errors import PosewireError
from posewire_runtime.families.base import Encoder, Tokenises
from posewire_runtime.metrics import Metrics
from posewire_runtime.scheduler.confine import as_failure, confined
from posewire_runtime.text.cache import FeatureCache
from posewire_runtime.types import Features


class Prompt(NamedTuple):
    """What features are kept under."""

    fingerprint: str
    """Of the encoder."""
    text: str


@dataclass(frozen=True, slots=True)
class Encoded:
    """What became of one prompt."""

    prompt: Prompt
    result: Features | PosewireError
    nanoseconds: int
    """Time of the call that encoded its batch."""
    tokenising: int = 0
    """What of it went into tokens, where the encoder says so."""


@dataclass(frozen=True, slots=True)
class _Batch:
    """Prompts of one encoder, no two the same."""

    encoder: Encoder
    prompts: tuple[Prompt, ...]


class Encoding:
    """The text side of a worker."""

    def __init__(self, cache: FeatureCache, metrics: Metrics, done: Callable[[], None]) -> None:
        """`done` is called by the encode thread after each batch: there is something to `collect`."""
        self._cache = cache
        self._done = done
        self._lookups = metrics.counter(
            "posewire_text_cache_total", "Prompts looked up in the text cache.", ["result"]
        )
        self._pending: set[Prompt] = set()
        self._batches: SimpleQueue[_Batch | None] = SimpleQueue()
        self._encoded: SimpleQueue[Encoded] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._closed = False

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._loop, name="posewire-text", daemon=True)
        self._thread.start()

    def close(self, timeout: float) -> None:
        """End the thread after the batch under way; what is still queued is not encoded."""
        if self._thread is None:
            return
        self._closed = True
        self._batches.put(None)
        self._thread.join(timeout)

    def find(self, prompt: Prompt) -> Features | None:
        """What the cache has, counted as a hit or a miss."""
        features = self._cache.get(*prompt)
        self._lookups.add(1, "miss" if features is None else "hit")
        return features

    def pending(self, prompt: Prompt) -> bool:
        """Whether it is being encoded and will come out of `collect`."""
        return prompt in self._pending

    @property
    def busy(self) -> bool:
        """Whether anything is being encoded."""
        return bool(self._pending)

    def encode(self, encoder: Encoder, prompts: Sequence[Prompt]) -> None:
        """Encode these in one batch; what is pending already isn't encoded twice."""
        fresh = tuple(dict.fromkeys(prompt for prompt in prompts if prompt not in self._pending))
        if not fresh:
            return
        self._pending.update(fresh)
        batch = _Batch(encoder, fresh)
        if self._thread is None:
            self._encode(batch)
        else:
            self._batches.put(batch)

    def collect(self) -> list[Encoded]:
        """What came out since the last time."""
        found: list[Encoded] = []
        while True:
            try:
                encoded = self._encoded.get_nowait()
            except Empty:
                return found
            self._pending.discard(encoded.prompt)
            found.append(encoded)

    def _loop(self) -> None:
        while (batch := self._batches.get()) is not None and not self._closed:
            self._encode(batch)
            self._done()

    def _encode(self, batch: _Batch) -> None:
        before, begun = _tokenising(batch.encoder), time.perf_counter_ns()
        results = confined(
            batch.prompts, lambda prompts: batch.encoder.encode([prompt.text for prompt in prompts])
        )
        spent = time.perf_counter_ns() - begun
        tokenising = min(_tokenising(batch.encoder) - before, spent)
        for prompt, result in zip(batch.prompts, results, strict=True):
            if isinstance(result, Features):
                self._cache.put(*prompt, result)
            outcome = as_failure(result, "encoding the prompt") if isinstance(result, Exception) else result
            self._encoded.put(Encoded(prompt, outcome, spent, tokenising))


def _tokenising(encoder: Encoder) -> int:
    return encoder.tokenising if isinstance(encoder, Tokenises) else 0

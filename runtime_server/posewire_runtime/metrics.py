"""Counters, gauges and histograms that the worker and the server fill, and exporters read.

A registry is an object, not a global: tests and several workers in one process don't
mix. Thread-safe; an update costs about a microsecond. Knows nothing of Prometheus, of
HTTP or of what the figures mean.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import TypeVar


class Stage(StrEnum):
    """Where the time of a request goes: the one table of stage names."""

    QUEUE = "queue"
    """Waiting for room, for the text encoder to be free, for the model to be loaded, and, once it runs, for
    its turn between two steps."""
    TOKENISE = "tokenise"
    """Of its prompt, with the batch it was in, where the encoder says how long that took."""
    ENCODE = "encode"
    """In the text encoder, with the batch it was in."""
    CONDITION = "condition"
    """What depends on the text alone, and the start of the run."""
    STEP = "step"
    """All steps it took part in."""
    DECODE = "decode"
    """From the last latent to joint rotations."""
    POST = "post"
    """Retargeting."""
    PACK = "pack"
    SEND = "send"
    """From the finished clip to its last chunk, but for packing and for what the caller's pace asks for."""
    CLIENT = "client"
    """Measured by the client: the way there and back, and decoding what came."""


STAGES: tuple[Stage, ...] = tuple(Stage)
"""In the order in which a request walks through them."""

SECONDS = (
    0.0001,
    0.00025,
    0.0005,
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1,
    2.5,
    5,
    10,
    30,
)
"""Upper bounds for histograms of durations."""
ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128)
"""Upper bounds for histograms of batch sizes."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of a counter or gauge."""

    labels: tuple[str, ...]
    """Label values, in the order of the family's label names."""
    value: float


@dataclass(frozen=True, slots=True)
class Distribution:
    """One histogram as it stood when it was read."""

    labels: tuple[str, ...]
    """Label values, in the order of the family's label names."""
    counts: tuple[int, ...]
    """Observations at most each bound, cumulative; the last entry counts all."""
    total: float
    """Sum of all observations."""


@dataclass(frozen=True, slots=True)
class Family:
    """All that a metric has counted, for exporters."""

    name: str
    kind: str
    """counter, gauge or histogram."""
    help: str
    labels: tuple[str, ...]
    """Label names."""
    samples: tuple[Sample, ...] = ()
    distributions: tuple[Distribution, ...] = ()
    bounds: tuple[float, ...] = ()
    """Upper bounds of a histogram's buckets, without infinity."""


class _Metric:
    """A name, its label names and a lock."""

    kind = ""

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        self.name = name
        self.help = help
        self.labels = tuple(labels)
        self._lock = threading.Lock()

    def _check(self, labels: tuple[str, ...]) -> None:
        if len(labels) != len(self.labels):
            raise ValueError(f"{self.name}: expected values for labels {self.labels}, found {labels}")

    def collect(self) -> Family:
        """What it has counted so far."""
        raise NotImplementedError


class _Scalar(_Metric):
    """One number for each combination of labels."""

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help, labels)
        self._values: dict[tuple[str, ...], float] = {}

    def value(self, *labels: str) -> float:
        """The number as it stands; 0 where nothing was ever said."""
        with self._lock:
            return self._values.get(labels, 0.0)

    def _add(self, amount: float, labels: tuple[str, ...]) -> None:
        self._check(labels)
        with self._lock:
            self._values[labels] = self._values.get(labels, 0.0) + amount

    def collect(self) -> Family:
        """What it has counted so far."""
        with self._lock:
            samples = tuple(Sample(labels, value) for labels, value in self._values.items())
        return Family(self.name, self.kind, self.help, self.labels, samples)


class Counter(_Scalar):
    """Only grows."""

    kind = "counter"

    def add(self, amount: float = 1.0, *labels: str) -> None:
        """Count `amount` more."""
        if amount < 0:
            raise ValueError(f"{self.name}: a counter only grows, found {amount}; use a gauge")
        self._add(amount, labels)


class Gauge(_Scalar):
    """Goes up and down."""

    kind = "gauge"

    def set(self, value: float, *labels: str) -> None:
        """What it is now."""
        self._check(labels)
        with self._lock:
            self._values[labels] = value

    def add(self, amount: float, *labels: str) -> None:
        """Change it by `amount`."""
        self._add(amount, labels)


class Histogram(_Metric):
    """How often values fell into which bucket."""

    kind = "histogram"

    def __init__(
        self, name: str, help: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS
    ) -> None:
        super().__init__(name, help, labels)
        self._bounds = tuple(bounds)
        self._counts: dict[tuple[str, ...], list[int]] = {}
        self._totals: dict[tuple[str, ...], float] = {}

    def observe(self, value: float, *labels: str) -> None:
        """Count one value."""
        self._check(labels)
        bucket = bisect_left(self._bounds, value)
        with self._lock:
            counts = self._counts.get(labels)
            if counts is None:
                counts = self._counts[labels] = [0] * (len(self._bounds) + 1)
                self._totals[labels] = 0.0
            counts[bucket] += 1
            self._totals[labels] += value

    def collect(self) -> Family:
        """What it has counted so far."""
        with self._lock:
            found = tuple(
                Distribution(labels, tuple(accumulate(counts)), self._totals[labels])
                for labels, counts in self._counts.items()
            )
        return Family(self.name, self.kind, self.help, self.labels, distributions=found, bounds=self._bounds)


_M = TypeVar("_M", bound=_Metric)


class Metrics:
    """A registry. Asking for a name again gives the same metric."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._metrics: dict[str, _Metric] = {}

    def counter(self, name: str, help: str, labels: Sequence[str] = ()) -> Counter:
        """A counter of this name."""
        return self._register(Counter(name, help, labels))

    def gauge(self, name: str, help: str, labels: Sequence[str] = ()) -> Gauge:
        """A gauge of this name."""
        return self._register(Gauge(name, help, labels))

    def histogram(
        self, name: str, help: str, labels: Sequence[str] = (), bounds: Sequence[float] = SECONDS
    ) -> Histogram:
        """A histogram of this name."""
        return self._register(Histogram(name, help, labels, bounds))

    def collect(self) -> tuple[Family, ...]:
        """All metrics as they stand, in the order in which they were first asked for."""
        with self._lock:
            metrics = tuple(self._metrics.values())
        return tuple(metric.collect() for metric in metrics)

    def _register(self, metric: _M) -> _M:
        with self._lock:
            known = self._metrics.setdefault(metric.name, metric)
        if not isinstance(known, type(metric)) or known.labels != metric.labels:
            raise ValueError(
                f"metric {metric.name} is a {known.kind} with labels {known.labels}, "
                f"asked for as a {metric.kind} with labels {metric.labels}"
            )
        return known

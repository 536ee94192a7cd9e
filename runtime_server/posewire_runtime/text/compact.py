"""Prompt -> features: the compact encoder of models that this project trains.

One small graph that reads sub-words, a table of their embeddings in int8, and the captions that the
model learned from. So it also says how familiar a prompt is, and which known caption is nearest.
A prompt of several actions is as familiar as its least familiar part, and what it says one after another
comes part by part as well: such models hear one thing at a time.

Prompts run packed and see only themselves. Knows no model of motion, no cache and no thread.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.device.engine import Engine, Graph
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError
from posewire_runtime.packages.package import Package
from posewire_runtime.packages.records import RecordError, decode
from posewire_runtime.text.duration import estimate_seconds
from posewire_runtime.text.encoder import Packed, load_tokenizer, runs
from posewire_runtime.text.parts import actions, in_turn
from posewire_runtime.types import Features, Float, Part

FAMILY = "compact-text"
"""The family of the packages that this module runs."""


@dataclass(frozen=True, slots=True)
class CompactConfig:
    """`config` of a compact text-encoder package."""

    tokenizer: str
    """File of its tokenizer, which adds its own start and end marks."""
    table: str
    """npz file: `values` (sub-words, width) int8 and `scales` (sub-words) float32."""
    known: str
    """npz file: `vectors` (K, C) int8 of the known captions, by direction; `texts` as JSON bytes."""
    keep: int
    """Most tokens, both marks included; the rest is cut."""
    strange: float
    """Likeness to the nearest known caption at which familiarity is 0."""
    familiar: float
    """Likeness from which on it is 1."""


@dataclass(frozen=True, eq=False)
class _Known:
    """The captions that the model learned from."""

    texts: tuple[str, ...]
    directions: Float  # (K, C), of length 1

    @classmethod
    def read(cls, file: Path) -> _Known:
        with np.load(file, allow_pickle=False) as arrays:
            vectors = arrays["vectors"].astype(np.float32)
            texts = tuple(json.loads(arrays["texts"].tobytes()))
        return cls(texts, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    def nearest(self, sentence: Float) -> tuple[str, float]:
        """The known caption nearest to a sentence vector (1, C), and its likeness."""
        likeness = self.directions @ (sentence[0] / np.linalg.norm(sentence[0]))
        best = int(likeness.argmax())
        return self.texts[best], float(likeness[best])


class CompactEncoder:
    """Runs a compact text-encoder package, on the CPU: it is too small to gain from anything else."""

    def __init__(self, package: Package, engine: EngineSettings | None = None) -> None:
        self._config = config = read_config(package)
        self.fingerprint = package.fingerprint
        with np.load(package.file(config.table), allow_pickle=False) as arrays:
            self._values: NDArray[np.int8] = arrays["values"]
            self._scales: Float = arrays["scales"]
        self._tokenizer = load_tokenizer(package.file(config.tokenizer), len(self._values))
        self._tokenizer.enable_truncation(config.keep)
        self._known = _Known.read(package.file(config.known))
        self._file = package.graph_file("encode")
        given = engine if engine is not None else EngineSettings()
        self._settings = EngineSettings(
            provider="cpu", threads=given.threads, meter=given.meter, operators=given.operators
        )
        self._graph: Graph | None = None
        self.tokenising = 0
        """Nanoseconds of all tokenising so far."""

    def __enter__(self) -> CompactEncoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def recall(self, prompt: str) -> Features | None:
        """Nothing: it remembers no prompt."""
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        """Features of these prompts, in their order, with how familiar they are."""
        every = [[prompt, *in_turn(prompt), *actions(prompt)] for prompt in prompts]
        encoded = iter(self._encode([*chain(*every)]))
        return [self._features(prompt, encoded) for prompt in prompts]

    def _features(self, prompt: str, encoded: Iterator[tuple[Float, Float]]) -> Features:
        """What became of a prompt, of what it says one after another, and of all its actions."""
        tokens, sentence = next(encoded)
        texts = in_turn(prompt)
        parts = tuple(Part(Features(*next(encoded)), estimate_seconds(text)) for text in texts)
        pieces = [self._known.nearest(next(encoded)[1])[1] for _ in actions(prompt)]
        nearest, likeness = self._known.nearest(sentence)
        familiarity = self._familiarity(max(likeness, min(pieces, default=likeness)))
        return Features(tokens, sentence, familiarity, nearest, self._notices(texts or [prompt]), parts)

    def _familiarity(self, likeness: float) -> float:
        strange, familiar = self._config.strange, self._config.familiar
        return float(np.clip((likeness - strange) / (familiar - strange), 0, 1))

    def _notices(self, texts: Sequence[str]) -> tuple[str, ...]:
        if not any(encoding.overflowing for encoding in self._tokenizer.encode_batch(list(texts))):
            return ()
        read = self._config.keep - 2
        return (f"the text is longer than the {read} tokens that the model reads; the rest is cut",)

    def _encode(self, texts: Sequence[str]) -> list[tuple[Float, Float]]:
        """(tokens (n, C), sentence (1, C)) of each text."""
        begun = time.perf_counter_ns()
        rows = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        self.tokenising += time.perf_counter_ns() - begun
        found: list[tuple[Float, Float]] = []
        for run in runs([len(row) for row in rows]):
            packed = Packed.of([rows[i] for i in run], 0)
            for tokens in np.split(self._run(packed), packed.bounds):
                mean = tokens.mean(0, keepdims=True)
                length = np.sqrt(np.float32(mean.shape[1])) / np.linalg.norm(mean)
                found.append((tokens.copy(), mean * length))
        return found

    def _run(self, packed: Packed) -> Float:  # (T, C)
        if self._graph is None:
            self._graph = Engine(self._settings).load(self._file)
        rows = self._values[packed.ids].astype(np.float32) * self._scales[packed.ids, None]
        feeds = {"rows": rows, "positions": packed.positions, "segments": packed.segments}
        return self._graph.run(feeds)["tokens"]

    def close(self) -> None:
        """Free the graph; the next prompt loads it again."""
        self._graph = None


def read_config(package: Package) -> CompactConfig:
    """The figures of a compact text-encoder package, checked."""
    manifest = package.manifest
    if manifest.kind != "text-encoder" or manifest.family != FAMILY:
        raise PackageError(
            f"{package.root}: expected a text-encoder package of the family {FAMILY!r}, "
            f"found kind {manifest.kind!r}, family {manifest.family!r}"
        )
    try:
        return decode(CompactConfig, manifest.config, "config")
    except RecordError as error:
        raise PackageError(f"{package.root}: {error}") from None

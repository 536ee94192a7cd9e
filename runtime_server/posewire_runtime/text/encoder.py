"""Prompt -> features: the text encoder that runs from a package.

A prompt goes two ways. The context way renders it into the language model's chat, tokenises the
whole and keeps one hidden state for each of the prompt's own tokens. The sentence way gives
one vector for the whole prompt. Both run packed: the tokens of several prompts lie one after the
other, no row is padding, and a prompt sees only itself, so its features don't depend on its
neighbours: not in the last bit, if the graph keeps sums apart too, as the exporter's graphs do.

The chat begins with a constant text whose keys and values are stored in the graph. A prompt
whose tokens begin with that text's tokens pays for its own tokens only; another one (a leading
newline may merge with the newline before it) runs whole.

Knows no model of motion, no cache and no thread: `encode` is called by one thread at a time.
Needs `tokenizers`, and ONNX Runtime from the first prompt on; never transformers or torch.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.device.engine import Engine, Graph
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError
from posewire_runtime.packages.package import Package
from posewire_runtime.packages.records import RecordError, decode
from posewire_runtime.text.settings import Placement
from posewire_runtime.types import Features, Float

FAMILY = "qwen3-clip"
"""The family of the packages that this module runs."""

ROWS_PER_RUN = 512
"""Tokens that share a run: more gain nothing, and in attention each text takes as long as the longest."""

PROBE = "<BOC>"
"""Stands for the prompt where the constant beginning of the chat is measured."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class TableConfig:
    """A token embedding table: a plain file of rows."""

    file: str
    dtype: Literal["float32", "float16", "bfloat16"]
    rows: int
    width: int


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """The language model's side."""

    tokenizer: str
    """File of its tokenizer."""
    table: TableConfig
    before: str
    """The chat up to the prompt."""
    after: str
    """The chat behind the prompt."""
    prefix: tuple[int, ...]
    """Token ids of the constant beginning, whose keys and values are in the graph."""
    keep: int
    """Most tokens of a prompt, its closing mark included; the rest is cut."""


@dataclass(frozen=True, slots=True)
class SentenceConfig:
    """The sentence model's side."""

    tokenizer: str
    table: TableConfig
    keep: int
    """Most tokens, both marks included; the rest is cut, and the end mark put back."""


@dataclass(frozen=True, slots=True)
class TextConfig:
    """`config` of a text-encoder package."""

    context: ContextConfig
    sentence: SentenceConfig


@dataclass(frozen=True, slots=True)
class Memory:
    """What an encoder takes while its graphs are loaded, and what loading costs."""

    weights: int
    """Bytes of the graphs' weights, on the device that runs them."""
    tables: int
    """Bytes of the embedding tables: mapped files, of which runs touch a few rows."""
    loaded: bool
    loads: int
    """How often the graphs were loaded."""
    load_seconds: float
    """Time all that took."""


@dataclass(frozen=True, eq=False)
class Packed:
    """Token ids of several texts, one after the other."""

    ids: Ids  # (T,)
    positions: Ids  # (T,)
    segments: Ids  # (T,)
    """Which text a row belongs to."""
    bounds: tuple[int, ...]
    """Where the second and later texts begin."""

    @classmethod
    def of(cls, texts: Sequence[Sequence[int]], start: int) -> Packed:
        """Pack texts whose first token stands at position `start`."""
        lengths = [len(text) for text in texts]
        ids = np.concatenate([np.array(text, np.int64) for text in texts])
        positions = np.concatenate([start + np.arange(length, dtype=np.int64) for length in lengths])
        segments = np.repeat(np.arange(len(texts), dtype=np.int64), lengths)
        return cls(ids, positions, segments, tuple(int(end) for end in np.cumsum(lengths)[:-1]))


@dataclass(frozen=True, eq=False)
class Tokens:
    """A prompt as the language model sees it."""

    index: int
    """Which prompt of the call."""
    ids: tuple[int, ...]
    """Of the whole chat, already cut."""
    prefixed: bool
    """Whether it begins with the stored prefix."""
    notice: str | None
    """What was cut."""


def runs(lengths: Sequence[int], limit: int = ROWS_PER_RUN) -> Iterator[range]:
    """Cut a list of texts into runs of at most `limit` tokens, and at least one text each."""
    begin = total = 0
    for index, length in enumerate(lengths):
        if index > begin and total + length > limit:
            yield range(begin, index)
            begin, total = index, 0
        total += length
    if begin < len(lengths):
        yield range(begin, len(lengths))


class Table:
    """A token embedding table, mapped from its file: only the rows that are asked for are read."""

    def __init__(self, package: Package, config: TableConfig) -> None:
        stored = np.uint16 if config.dtype == "bfloat16" else np.dtype(config.dtype)
        path = package.file(config.file)
        if path.stat().st_size != config.rows * config.width * np.dtype(stored).itemsize:
            raise PackageError(f"{path}: expected {config.rows} x {config.width} {config.dtype} values")
        self._rows = np.memmap(path, stored, "r", shape=(config.rows, config.width))

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes

    def look_up(self, ids: Ids) -> Float:  # (T, width)
        """The rows of these ids in float32."""
        rows = np.asarray(self._rows[ids])
        if rows.dtype == np.uint16:  # bfloat16 is the upper half of a float32
            return (rows.astype(np.uint32) << 16).view(np.float32)
        return rows.astype(np.float32)


class ContextTokenizer:
    """Renders and tokenises prompts for the language model."""

    def __init__(self, file: Path, config: ContextConfig) -> None:
        self._config = config
        self._tokenizer = load_tokenizer(file, config.table.rows)
        probe = self._ids(PROBE)
        if probe[: len(config.prefix)] != config.prefix:
            raise PackageError(
                f"{file}: the chat's constant beginning gives other tokens than those stored in the graph; "
                "the tokenizer doesn't belong to these weights, export the package again"
            )

    def tokenise(self, prompts: Sequence[str]) -> list[Tokens]:
        """Token ids of every prompt's chat."""
        return [self._tokenise(index, prompt) for index, prompt in enumerate(prompts)]

    def _tokenise(self, index: int, prompt: str) -> Tokens:
        prefix, keep = self._config.prefix, self._config.keep
        ids = self._ids(prompt)
        cut = len(ids) - len(prefix) - keep
        notice = None
        if cut > 0:
            notice = f"the prompt has {keep + cut} tokens, its end was cut: the text encoder reads {keep}"
        ids = ids[: len(prefix) + keep]
        return Tokens(index, ids, ids[: len(prefix)] == prefix and len(ids) > len(prefix), notice)

    def _ids(self, prompt: str) -> tuple[int, ...]:
        # Never the prompt alone: its first characters can merge with what stands before them.
        return tuple(self._tokenizer.encode(self._config.before + prompt + self._config.after).ids)


class SentenceTokenizer:
    """Tokenises prompts for the sentence model."""

    def __init__(self, file: Path, config: SentenceConfig) -> None:
        self._keep = config.keep
        self._tokenizer = load_tokenizer(file, config.table.rows)
        marks = self._tokenizer.encode("").ids
        if len(marks) != 2:
            raise PackageError(
                f"{file}: expected a begin and an end mark around an empty text, found {len(marks)} tokens; "
                "the tokenizer doesn't belong to a CLIP text model"
            )
        self._end = int(marks[1])

    def tokenise(self, prompts: Sequence[str]) -> list[tuple[int, ...]]:
        """Token ids of every prompt, up to and with its end mark."""
        return [self._tokenise(prompt) for prompt in prompts]

    def _tokenise(self, prompt: str) -> tuple[int, ...]:
        ids = [int(i) for i in self._tokenizer.encode(prompt).ids]
        if len(ids) > self._keep:
            ids = [*ids[: self._keep - 1], self._end]
        return tuple(ids[: ids.index(self._end) + 1])  # a later row sees nothing that counts


@dataclass(frozen=True, slots=True)
class _Graphs:
    """The loaded half of an encoder."""

    context: Graph
    sentence: Graph


class TextEncoder:
    """Runs a text-encoder package.

    `resident` keeps the graphs loaded from the first prompt on, `on-demand` loads them for each call and
    frees them after it, `cpu` is resident on the CPU whatever the engine settings say.
    """

    def __init__(
        self, package: Package, engine: EngineSettings | None = None, placement: Placement = "resident"
    ) -> None:
        config = read_config(package)
        self.placement = placement
        self.fingerprint = package.fingerprint
        self._package = package
        self._settings = engine if engine is not None else EngineSettings()
        if placement == "cpu":
            self._settings = replace(self._settings, provider="cpu", strict=False)
        self._prefix = len(config.context.prefix)
        self._context_tokens = ContextTokenizer(package.file(config.context.tokenizer), config.context)
        self._sentence_tokens = SentenceTokenizer(package.file(config.sentence.tokenizer), config.sentence)
        self._context_table = Table(package, config.context.table)
        self._sentence_table = Table(package, config.sentence.table)
        self._engine: Engine | None = None
        self._graphs: _Graphs | None = None
        self._loads, self._load_seconds = 0, 0.0
        self.tokenising = 0
        """Nanoseconds of all tokenising so far."""

    def recall(self, prompt: str) -> Features | None:
        """Nothing: it remembers no prompt."""
        del prompt

    def encode(self, prompts: Sequence[str], *, whole: bool = False) -> list[Features]:
        """Features of these prompts, in their order.

        `whole` runs every chat from its first token: what a check of the stored prefix compares with.
        """
        if not prompts:
            return []
        begun = time.perf_counter_ns()
        tokens = self._context_tokens.tokenise(prompts)
        sentence_tokens = self._sentence_tokens.tokenise(prompts)
        self.tokenising += time.perf_counter_ns() - begun
        if whole:
            tokens = [replace(t, prefixed=False) for t in tokens]
        graphs = self._load()
        try:
            contexts = self._contexts(graphs.context, tokens)
            sentences = self._sentences(graphs.sentence, sentence_tokens)
        finally:
            if self.placement == "on-demand":
                self.close()
        notices = [() if t.notice is None else (t.notice,) for t in tokens]
        return [
            Features(context, sentence, notices=notice)
            for context, sentence, notice in zip(contexts, sentences, notices, strict=True)
        ]

    def memory(self) -> Memory:
        """Figures for the profile."""
        files = self._package.manifest.files
        weights = {f for g in self._package.manifest.graphs.values() for f in (g.file, *g.data)}
        return Memory(
            weights=sum(files[file].size for file in weights),
            tables=self._context_table.nbytes + self._sentence_table.nbytes,
            loaded=self._graphs is not None,
            loads=self._loads,
            load_seconds=self._load_seconds,
        )

    def close(self) -> None:
        """Free the graphs; the next prompt loads them again."""
        self._graphs = None

    def _load(self) -> _Graphs:
        if self._graphs is None:
            begun = time.perf_counter()
            if self._engine is None:
                self._engine = Engine(self._settings)
            # Graphs that are dropped after the call aren't worth repacking.
            once = self.placement == "on-demand"
            files = (self._package.graph_file(name) for name in ("context", "sentence"))
            self._graphs = _Graphs(*(self._engine.load(file, occasional=once) for file in files))
            self._loads += 1
            self._load_seconds += time.perf_counter() - begun
        return self._graphs

    def _contexts(self, graph: Graph, tokens: Sequence[Tokens]) -> list[Float]:
        found: dict[int, Float] = {}
        for prefixed in (True, False):
            group = [t for t in tokens if t.prefixed == prefixed]
            for run in runs([len(t.ids) - self._prefix * prefixed for t in group]):
                part = [group[i] for i in run]
                found |= dict(
                    zip((t.index for t in part), self._context_run(graph, part, prefixed), strict=True)
                )
        return [found[index] for index in range(len(tokens))]

    def _context_run(self, graph: Graph, tokens: Sequence[Tokens], prefixed: bool) -> list[Float]:
        skipped = self._prefix if prefixed else 0
        packed = Packed.of([t.ids[skipped:] for t in tokens], skipped)
        feeds = _feeds(packed, self._context_table) | {"prefix": np.array([skipped], np.int64)}
        texts = np.split(graph.run(feeds)["context"], packed.bounds)
        # Copies: a slice would keep the whole run alive in the cache.
        return [text[self._prefix - skipped :].copy() for text in texts]

    def _sentences(self, graph: Graph, texts: Sequence[tuple[int, ...]]) -> list[Float]:
        found: list[Float] = []
        for run in runs([len(text) for text in texts]):
            packed = Packed.of([texts[i] for i in run], 0)
            ends = np.array([*packed.bounds, len(packed.ids)], np.int64) - 1
            vectors = graph.run(_feeds(packed, self._sentence_table) | {"ends": ends})["sentence"]
            found += [vector[None].copy() for vector in vectors]
        return found


def read_config(package: Package) -> TextConfig:
    """The figures of a text-encoder package, checked."""
    manifest = package.manifest
    if manifest.kind != "text-encoder" or manifest.family != FAMILY:
        raise PackageError(
            f"{package.root}: expected a text-encoder package of the family {FAMILY!r}, "
            f"found kind {manifest.kind!r}, family {manifest.family!r}"
        )
    try:
        return decode(TextConfig, manifest.config, "config")
    except RecordError as error:
        raise PackageError(f"{package.root}: {error}") from None


def load_tokenizer(path: Path, rows: int) -> Any:
    """A tokenizer that neither cuts nor pads, checked against its embedding table's size."""
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises bare exceptions
        raise PackageError(f"{path}: expected a tokenizer.json, found: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values())
    if largest >= rows:
        raise PackageError(
            f"{path}: its token ids go up to {largest}, the weights have {rows} rows; "
            "the tokenizer doesn't belong to these weights"
        )
    return tokenizer


def _feeds(packed: Packed, table: Table) -> dict[str, NDArray[Any]]:
    return {"rows": table.look_up(packed.ids), "positions": packed.positions, "segments": packed.segments}

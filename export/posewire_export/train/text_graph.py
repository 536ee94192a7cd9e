"""The compact text encoder as a package: graph, int8 table, tokenizer, known captions.

The finished graph is compared with the torch module in the engine that ships before the package stands.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from posewire_export.graph import GraphBuilder, WeightFile
from posewire_export.quantise import Matrix, Storage, linear, storage_of
from posewire_export.text.blocks import Blocks, Heads, attend, whole_blocks
from posewire_export.train.text_model import TOKENIZER, TextConfig, TextSide
from posewire_runtime.errors import PackageError
from posewire_runtime.packages.hashes import sha256_of
from posewire_runtime.packages.manifest import GraphSpec, Manifest, Parity, Precision, Provenance
from posewire_runtime.packages.package import Package, PackageWriter
from posewire_runtime.packages.records import encode
from posewire_runtime.text.compact import FAMILY, CompactConfig, CompactEncoder
from posewire_runtime.types import Float, Licence

_EPSILON = 1e-5
"""torch's own for layer norms."""

LIMITS = {"fp32": 0.02, "fp16": 0.02, "int8": 0.08}
"""Largest accepted error of the features, relative in the Euclidean norm; the table is always int8."""


@dataclass(frozen=True, eq=False)
class TextPackage:
    """What a text-encoder package is made of."""

    side: TextSide
    known: Sequence[str]
    """Captions that the motion model learns from."""
    strange: float
    """Likeness to the nearest known caption at which familiarity is 0."""
    familiar: float
    """Likeness from which on it is 1."""
    licence: Licence
    precision: Precision = "int8"
    name: str = "compact-text"
    command: str = ""


def write_text_package(source: TextPackage, out: Path) -> Package:
    """Write and check the package; raises before anything stands at `out` if the check fails."""
    config = source.side.encoder.config
    tensors = source.side.encoder.state_dict()
    with PackageWriter(out) as writer:
        folder = writer.folder
        shutil.copyfile(source.side.words.file, folder / TOKENIZER)
        graph = _write_graph(config, tensors, source.precision, folder)
        _write_table(tensors["table.weight"].numpy(), folder / "table.npz")
        _write_known(source, folder / "known.npz")
        settings = CompactConfig(
            tokenizer=TOKENIZER,
            table="table.npz",
            known="known.npz",
            keep=config.max_tokens,
            strange=source.strange,
            familiar=source.familiar,
        )
        manifest = Manifest(
            kind="text-encoder",
            family=FAMILY,
            name=source.name,
            licence=source.licence,
            graphs={"encode": graph},
            provenance=Provenance(
                {TOKENIZER: sha256_of(source.side.words.file)},
                f"posewire {version('posewire')}",
                source.command,
            ),
            config=cast(dict[str, object], encode(settings)),
        )
        checked = _compare(Package(folder, manifest), source)
        return writer.commit(replace(manifest, parity=(checked,)))


def _write_graph(
    config: TextConfig, tensors: dict[str, Tensor], precision: Precision, folder: Path
) -> GraphSpec:
    with WeightFile(folder / "encode.weights") as weights:
        net = _Net(GraphBuilder("encode", weights), tensors, storage_of(precision), config)
        net.write()
        return net.g.save(precision)


@dataclass(frozen=True, eq=False)
class _Net:
    """The encoder's layers as graph nodes; rows of several texts lie one after the other."""

    g: GraphBuilder
    tensors: dict[str, Tensor]
    storage: Storage
    config: TextConfig

    def write(self) -> None:
        """Rows of the table in, token features out."""
        g, config = self.g, self.config
        rows = g.input("rows", "float32", "T", config.table)
        positions = g.input("positions", "int64", "T")
        segments = g.input("segments", "int64", "T")
        placed = g.op("Gather", g.weight("position", self._array("position")), positions, axis=0)
        x = g.op("Add", self._linear("up", rows, (config.table, config.width)), placed)
        blocks = whole_blocks(g, segments, config.max_tokens)
        for layer in range(config.layers):
            x = self._layer(f"layers.{layer}.", x, blocks)
        tokens = self._linear("head", self._norm("norm", x), (config.width, config.output))
        g.output("tokens", tokens, "float32", "T", config.output)

    def _layer(self, at: str, x: str, blocks: Blocks) -> str:
        g, width = self.g, self.config.width
        joined = self._linear(f"{at}qkv", self._norm(f"{at}norm1", x), (width, 3 * width))
        q, k, v = g.split(joined, 1, 3)
        mixed = self._attention(q, k, v, blocks)
        x = self._linear(f"{at}out", mixed, (width, width), onto=x)
        inner = self._linear(f"{at}fc1", self._norm(f"{at}norm2", x), (width, 4 * width))
        return self._linear(f"{at}fc2", g.op("Gelu", inner, approximate="tanh"), (4 * width, width), onto=x)

    def _attention(self, q: str, k: str, v: str, blocks: Blocks) -> str:
        g, heads, size = self.g, self.config.heads, self.config.width // self.config.heads
        q, k, v = (g.reshape(part, -1, heads, size) for part in (q, k, v))
        scaled = g.op("Mul", q, g.constant(np.float32(size**-0.5)))
        return attend(g, blocks, Heads(heads, heads, size), (scaled, k, v))

    def _norm(self, name: str, x: str) -> str:
        weight, bias = (self.g.weight(f"{name}.{p}", self._array(f"{name}.{p}")) for p in ("weight", "bias"))
        return self.g.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=_EPSILON)

    def _linear(self, name: str, x: str, shape: tuple[int, int], onto: str | None = None) -> str:
        """x W^T + bias, plus `onto` where given."""
        add = self.g.weight(f"{name}.bias", self._array(f"{name}.bias"))
        if onto is not None:
            add = self.g.op("Add", onto, add)
        matrix = Matrix(name, shape, lambda: self._array(f"{name}.weight")().T)
        return linear(self.g, self.storage, self.storage.prepare(self.g, x), matrix, add)

    def _array(self, name: str) -> Callable[[], Float]:
        return lambda: self.tensors[name].numpy()


def _write_table(table: Float, file: Path) -> None:
    scales = np.maximum(np.abs(table).max(1), 1e-12) / np.float32(127)
    values = np.rint(table / scales[:, None]).astype(np.int8)
    np.savez(file, values=values, scales=scales.astype(np.float32))


def _write_known(source: TextPackage, file: Path) -> None:
    texts = sorted({text.strip(" .").lower() for text in source.known})
    vectors = _sentences(source.side, texts)
    levels = np.rint(127 * vectors / np.abs(vectors).max(1, keepdims=True)).astype(np.int8)
    np.savez(file, vectors=levels, texts=np.frombuffer(json.dumps(texts).encode("utf-8"), np.uint8))


def _sentences(side: TextSide, texts: Sequence[str]) -> Float:
    rows = [side(texts[i : i + 64]).sentence[:, 0].numpy() for i in range(0, len(texts), 64)]
    return np.concatenate(rows)


def _compare(package: Package, source: TextPackage) -> Parity:
    """The package's features against torch's, on known captions of many lengths."""
    texts = sorted(set(source.known), key=len)[:: max(1, len(set(source.known)) // 40)]
    shipped = CompactEncoder(package).encode(texts)
    worst = 0.0
    for text, features in zip(texts, shipped, strict=True):
        wanted = source.side([text])
        for mine, theirs in ((features.tokens, wanted.tokens[0]), (features.sentence, wanted.sentence[0])):
            worst = max(worst, _distance(mine, theirs.numpy()))
    limit = LIMITS[source.precision]
    if worst > limit:
        raise PackageError(
            f"the text graph in {source.precision} differs from torch by {worst:.3f}, accepted are {limit}; "
            "choose a finer precision"
        )
    return Parity(
        what="token and sentence features",
        against="torch module, float32",
        cases=len(texts),
        error=worst,
        limit=limit,
        metric="|a - b| / |b|",
    )


def _distance(mine: NDArray[np.floating], theirs: NDArray[np.floating]) -> float:
    return float(np.linalg.norm(mine - theirs) / np.linalg.norm(theirs))

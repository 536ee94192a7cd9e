"""The two graphs of HY-Motion, written operator by operator.

`condition` makes all that depends on prompt and time alone, for several times at once: the
vectors that modulate motion, and the text's keys and values of every layer. `denoise` makes one
velocity from noisy motion and those. Motion never changes text, so nothing is lost by the cut.

Tokens are packed: N frames of all rows of a batch lie behind each other without padding. Which
frames look at which others comes in as indices and a mask, so one graph serves dense attention,
banded attention and any mix of lengths. `posewire_runtime.families.hymotion_batch` makes those.

Symbols in shapes: N frames in all, W words in all, S times, n words of one prompt, D width, d head width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from onnx import TensorProto
from torch import Tensor

from posewire_export.graph import GraphBuilder
from posewire_export.hymotion.network import EPS, Config
from posewire_export.quantise import HALVES, Matrix, Plain, Rows, Storage, linear
from posewire_runtime.types import Float

GELU_ABOVE, SILU_ABOVE = 0.1701, 0.2785
"""No value of these functions is below minus this."""


def modulation_vectors(config: Config) -> int:
    """Vectors of width D that modulate motion at one time.

    The last one, of networks that say motion, holds 1 / (1 - t) in all its places.
    """
    return 6 * config.double_blocks + 3 * config.single_blocks + 2 + (config.says == "motion")


@dataclass(frozen=True, eq=False)
class Net:
    """What both graphs are built from and with."""

    g: GraphBuilder
    config: Config
    tensors: Mapping[str, Tensor]
    body: Storage
    """How the matrices of the blocks are stored."""
    edge: Storage = field(default_factory=Plain)
    """The same for the few small matrices at the ends."""

    # ---- weights

    def matrix(self, name: str, out: slice = slice(None), into: slice = slice(None)) -> Matrix:
        """The part of a linear layer that makes the outputs `out` from the inputs `into`."""
        weight = self.tensors[f"{name}.weight"]  # (out, K)
        rows, columns = (range(*s.indices(size)) for s, size in zip((out, into), weight.shape, strict=True))
        label = f"{name}.weight[{rows.start}:{rows.stop},{columns.start}:{columns.stop}]"
        return Matrix(label, (len(columns), len(rows)), lambda: _numpy(weight[out, into]).T)

    def vector(self, name: str, part: slice = slice(None)) -> str:
        """A bias or the weight of a norm."""
        tensor = self.tensors[name]
        start, stop, _ = part.indices(len(tensor))
        return self.g.weight(f"{name}[{start}:{stop}]", lambda: _numpy(tensor[part]))

    def linear(self, rows: Rows, name: str, out: slice = slice(None), storage: Storage | None = None) -> str:
        """A linear layer with its bias, or a part of its outputs."""
        bias = self.vector(f"{name}.bias", out)
        return linear(self.g, storage or self.body, rows, self.matrix(name, out), bias)

    # ---- pieces

    def flat(self, x: str) -> str:
        """(…, D) -> (rows, D)."""
        return self.g.reshape(x, -1, self.config.width)

    def rows(self, x: str, *, damped: bool = False) -> Rows:
        """Tokens, ready for the matrices of a block."""
        return self.body.prepare(self.g, self.flat(x), damped=damped)

    def edge_linear(self, x: str, name: str) -> str:
        """A linear layer at an end, for x (rows, K)."""
        return self.linear(self.edge.prepare(self.g, x), name, storage=self.edge)

    def silu(self, x: str) -> str:
        return self.g.op("Mul", x, self.g.op("Sigmoid", x))

    def gelu(self, x: str) -> str:
        return self.g.op("Gelu", x, approximate="tanh")

    def modulate(self, x: str, shift: str, scale: str) -> str:
        """Normalise x (groups, span, D), times `scale` (one is in it already), plus `shift`.

        In three operators: ONNX Runtime's own norm takes twice as long when it broadcasts a scale.
        """
        ones = self.g.constant(np.ones(self.config.width, np.float32))
        normed = self.g.op("LayerNormalization", x, ones, axis=-1, epsilon=EPS)
        return self.g.op("Add", self.g.op("Mul", normed, scale), shift)

    def gated(self, x: str, gate: str, y: str) -> str:
        """x + gate * y, where y (rows, D) takes the shape of x."""
        shaped = self.g.op("Reshape", y, self.g.op("Shape", x))
        return self.g.op("Add", x, self.g.op("Mul", shaped, gate))

    def embedder(self, x: str, name: str) -> str:
        """Linear, SiLU, linear on a few rows."""
        return self.edge_linear(self.silu(self.edge_linear(x, f"{name}.0")), f"{name}.2")

    def mlp(self, x: str, name: str) -> str:
        """The MLP of a double block."""
        hidden = self.gelu(self.linear(self.rows(x), f"{name}.fc1"))
        rows = self.body.prepare(self.g, hidden, damped=True, above=GELU_ABOVE)
        return self.linear(rows, f"{name}.fc2")

    def mix(self, attended: str, hidden: str, name: str) -> str:
        """`linear2` of a single block, over [attention | MLP] without joining the two."""
        width = self.config.width
        bias = self.vector(f"{name}.bias")
        seen = self.body.prepare(self.g, attended, damped=True)
        made = self.body.prepare(self.g, self.gelu(hidden), damped=True, above=GELU_ABOVE)
        first = linear(self.g, self.body, seen, self.matrix(name, into=slice(0, width)), bias)
        return linear(self.g, self.body, made, self.matrix(name, into=slice(width, None)), first)

    def heads(self, x: str) -> str:
        """(rows, D) -> (1, rows, H, d)."""
        return self.g.reshape(x, 1, -1, self.config.heads, self.config.head_dim)

    def rms(self, x: str, name: str, shape: str) -> str:
        """Norm of each head of x (rows, D), given out in another shape."""
        normed = self.g.op(
            "RMSNormalization", self.heads(x), self.vector(f"{name}.weight"), axis=-1, epsilon=EPS
        )
        return self.g.op("Reshape", normed, shape)

    def rotate(self, x: str, cos: str, sin: str) -> str:
        """Turn x (batch, rows, D) by the angles of its tokens, (batch, rows, d / 2)."""
        return self.g.op("RotaryEmbedding", x, cos, sin, interleaved=1, num_heads=self.config.heads)

    def attention(self, q: str, k: str, v: str, mask: str = "") -> str:
        """(batch, queries, D), (batch, keys, D) twice -> (rows, D).

        Precisions of 16 bits multiply in theirs here too; the softmax is always in float32.
        """
        inputs = (q, k, v, mask) if mask else (q, k, v)
        options = {"q_num_heads": self.config.heads, "kv_num_heads": self.config.heads}
        half = HALVES.get(self.body.precision)
        if half is None:
            return self.flat(self.g.op("Attention", *inputs, **options))
        halved = (self.g.cast(x, half) for x in inputs)
        seen = self.g.op("Attention", *halved, softmax_precision=int(TensorProto.FLOAT), **options)
        return self.flat(self.g.cast(seen, "float32"))


def _numpy(tensor: Tensor) -> Float:
    return tensor.float().numpy()


# ---- denoise ------------------------------------------------------------------


def build_denoise(net: Net) -> None:
    """Noisy motion and the condition of each row -> velocity."""
    _Denoise(net).build()


class _Denoise:
    """The motion half of the network."""

    def __init__(self, net: Net) -> None:
        g, config = net.g, net.config
        self.net, self.g = net, g
        width, half = config.width, config.head_dim // 2
        self.motion = g.input("motion", "float32", "groups", "span", config.frame_dim)
        modulation = g.input("modulation", "float32", "rows", modulation_vectors(config), width)
        row = g.input("group_row", "int64", "groups")
        words = g.input("words", "float32", config.layers, 2, "words", width)
        self.cos = g.input("cos", "float32", 1, "tokens", half)
        self.sin = g.input("sin", "float32", 1, "tokens", half)
        self.queries = g.input("queries", "int64", "blocks", "block_queries")
        self.keys = g.input("keys", "int64", "blocks", "block_keys")
        self.mask = g.input("mask", "float32", "blocks", 1, "block_queries", "block_keys")
        self.answers = g.input("answers", "int64", "tokens")
        parts = g.split(modulation, 1, modulation_vectors(config))
        self.mods = iter([g.op("Gather", part, row, axis=0) for part in parts])  # (groups, 1, D) each
        self.words = iter(g.split(g.reshape(words, 2 * config.layers, -1, width), 0, 2 * config.layers))

    def build(self) -> None:
        net, g, config = self.net, self.g, self.net.config
        shape = g.op("Concat", self._grid(), g.constant(np.array([config.width])), axis=0)
        x = net.edge_linear(g.reshape(self.motion, -1, config.frame_dim), "input_encoder")
        x = g.op("Reshape", x, shape)
        for i in range(config.double_blocks):
            x = self._double(x, f"double_blocks.{i}.motion_")
        for i in range(config.single_blocks):
            x = self._single(x, f"single_blocks.{i}.")
        said = net.edge_linear(net.flat(net.modulate(x, *self._next(2))), "final_layer.linear")
        shape = g.op("Concat", self._grid(), g.constant(np.array([config.frame_dim])), axis=0)
        velocity = self._velocity(g.op("Reshape", said, shape))
        g.output("velocity", velocity, "float32", "groups", "span", config.frame_dim)

    def _velocity(self, said: str) -> str:
        """What the network says (groups, span, 201), as a velocity."""
        g = self.g
        if self.net.config.says == "velocity":
            return said
        faster = g.op("Gather", next(self.mods), g.constant(np.array([0])), axis=2)  # (groups, 1, 1)
        return g.op("Mul", g.op("Sub", said, self.motion), faster)

    def _double(self, x: str, name: str) -> str:
        net = self.net
        shift1, scale1, gate1, shift2, scale2, gate2 = self._next(6)
        rows = net.rows(net.modulate(x, shift1, scale1))
        q, k, v = (net.linear(rows, f"{name}qkv", part) for part in _thirds(net.config.width))
        attended = self._attend(self._turned(q, f"{name}q_norm"), self._turned(k, f"{name}k_norm"), v)
        x = net.gated(x, gate1, net.linear(net.rows(attended), f"{name}out_proj"))
        return net.gated(x, gate2, net.mlp(net.modulate(x, shift2, scale2), f"{name}mlp"))

    def _single(self, x: str, name: str) -> str:
        net, width = self.net, self.net.config.width
        shift, scale, gate = self._next(3)
        rows = net.rows(net.modulate(x, shift, scale))
        q, k, v = (net.linear(rows, f"{name}linear1", part) for part in _thirds(width))
        hidden = net.linear(rows, f"{name}linear1", slice(3 * width, None))
        attended = self._attend(self._turned(q, f"{name}q_norm"), self._turned(k, f"{name}k_norm"), v)
        return net.gated(x, gate, net.mix(attended, hidden, f"{name}linear2"))

    def _attend(self, q: str, k: str, v: str) -> str:
        """Each block of queries looks at its keys among frames and words."""
        g = self.g
        keys, values = (self._with_words(x) for x in (k, v))
        seen = self.net.attention(g.op("Gather", q, self.queries, axis=0), keys, values, self.mask)
        return g.op("Gather", seen, self.answers, axis=0)

    def _turned(self, x: str, norm: str) -> str:
        """Queries or keys (N, D), normed and turned to their places."""
        net = self.net
        shape = self.g.constant(np.array([1, -1, net.config.width]))
        return net.flat(net.rotate(net.rms(x, norm, shape), self.cos, self.sin))

    def _with_words(self, x: str) -> str:
        """Frames and words (N + W, D), gathered into blocks (blocks, keys, D)."""
        pool = self.g.op("Concat", x, self.net.flat(next(self.words)), axis=0)
        return self.g.op("Gather", pool, self.keys, axis=0)

    def _grid(self) -> str:
        """The first two sizes of motion."""
        return self.g.op("Shape", self.motion, start=0, end=2)

    def _next(self, count: int) -> list[str]:
        return [next(self.mods) for _ in range(count)]


# ---- condition ----------------------------------------------------------------


def build_condition(net: Net) -> None:
    """One prompt at S times -> modulation of motion, and the text's keys and values."""
    _Condition(net).build()


class _Condition:
    """The text half of the network."""

    def __init__(self, net: Net) -> None:
        g, config = net.g, net.config
        self.net, self.g = net, g
        half = config.head_dim // 2
        self.tokens = g.input("tokens", "float32", "n", config.word_dim)
        self.sentence = g.input("sentence", "float32", 1, config.sentence_dim)
        self.time = g.input("time", "float32", "times", config.width)
        self.refiner_time = g.input("refiner_time", "float32", "times", config.width)
        cos = g.input("cos", "float32", 1, "n", half)
        sin = g.input("sin", "float32", 1, "n", half)
        times, words = (g.op("Shape", x, start=0, end=1) for x in (self.time, self.tokens))
        self.shape = g.op("Concat", times, words, g.constant(np.array([config.width])), axis=0)  # S, n, D
        ones = g.constant(np.array([1, 1]))
        every = g.op("Concat", times, ones, axis=0)
        self.cos, self.sin = (g.op("Expand", x, every) for x in (cos, sin))  # (S, n, d / 2)
        self.made: list[str] = []
        self.words: list[str] = []

    def build(self) -> None:
        net, g, config = self.net, self.g, self.net.config
        sentence = net.embedder(self.sentence, "vtxt_encoder.linears")
        adapter = g.op("Add", net.embedder(self.time, "timestep_encoder.blocks"), sentence)  # (S, D)
        self.adapter = net.body.prepare(g, net.silu(adapter))
        x = self._refined()  # (S, n, D)
        for i in range(config.double_blocks):
            x = self._double(x, f"double_blocks.{i}.")
        for i in range(config.single_blocks):
            x = self._single(x, f"single_blocks.{i}.", last=i == config.single_blocks - 1)
        self._modulation("final_layer.adaLN_modulation.linear", 2, kept=True)
        if config.says == "motion":
            self.made.append(self._faster())
        made = g.op("Concat", *self.made, axis=1)
        g.output("modulation", made, "float32", "times", modulation_vectors(config), config.width)
        words = g.op("Concat", *(g.op("Unsqueeze", x, g.constant(np.array([0]))) for x in self.words), axis=0)
        shape = g.op("Concat", g.constant(np.array([config.layers, 2])), self.shape, axis=0)
        words = g.op("Reshape", words, shape)
        g.output("words", words, "float32", config.layers, 2, "times", "n", config.width)

    def _faster(self) -> str:
        """1 / (1 - t), (S, 1, D), from the sine of the time itself, which the refiner is given."""
        g, width = self.net.g, self.net.config.width
        sine = g.op("Gather", self.refiner_time, g.constant(np.array([width // 2])), axis=1)  # (S, 1)
        left = g.op("Sub", g.constant(np.float32(1)), g.op("Asin", sine))
        column = g.reshape(g.op("Reciprocal", left), -1, 1, 1)
        return g.op("Expand", column, g.constant(np.array([1, 1, width])))

    def _refined(self) -> str:
        """The words after the refiner, (S, n, D)."""
        net, g = self.net, self.g
        refiner = "text_refiner."
        words = net.edge_linear(self.tokens, "ctxt_encoder")
        mean = g.op("ReduceMean", words, g.constant(np.array([0])), keepdims=1)
        time = net.embedder(self.refiner_time, f"{refiner}timestep_encoder.blocks")
        context = g.op("Add", time, net.embedder(mean, f"{refiner}context_encoder.linears"))
        opened = net.body.prepare(g, net.silu(context))
        embedded = net.edge_linear(words, f"{refiner}input_embedder")
        x = g.op("Unsqueeze", embedded, g.constant(np.array([0])))  # equal at all times so far: (1, n, D)
        for i in range(2):
            x = self._refine(x, opened, f"{refiner}individual_token_refiner.blocks.{i}.")
        return x

    def _refine(self, x: str, opened: Rows, name: str) -> str:
        net, g, width = self.net, self.g, self.net.config.width
        gates = net.linear(opened, f"{name}adaLN_modulation.linear")
        gate1, gate2 = g.split(g.reshape(gates, -1, 2, width), 1, 2)  # (S, 1, D)
        rows = net.rows(self._normed(x, f"{name}norm1"))
        q, k, v = (net.linear(rows, f"{name}self_attn_qkv", part) for part in _thirds(width))
        q, k = (
            net.flat(self._normed(net.heads(y), f"{name}self_attn_{n}_norm")) for y, n in ((q, "q"), (k, "k"))
        )
        q, k, v = (g.op("Reshape", y, g.op("Shape", x)) for y in (q, k, v))
        attended = net.linear(net.rows(net.attention(q, k, v)), f"{name}self_attn_proj")
        x = net.gated(x, gate1, attended)
        hidden = net.silu(net.linear(net.rows(self._normed(x, f"{name}norm2")), f"{name}mlp.fc1"))
        rows = net.body.prepare(g, hidden, damped=True, above=SILU_ABOVE)
        return net.gated(x, gate2, net.linear(rows, f"{name}mlp.fc2"))

    def _double(self, x: str, name: str) -> str:
        net = self.net
        self._modulation(f"{name}motion_mod.linear", 6, kept=True)
        shift1, scale1, gate1, shift2, scale2, gate2 = self._modulation(f"{name}text_mod.linear", 6)
        name = f"{name}text_"
        rows = net.rows(net.modulate(x, shift1, scale1))
        q, k, v = (net.linear(rows, f"{name}qkv", part) for part in _thirds(net.config.width))
        attended = self._attend(self._turned(q, f"{name}q_norm"), self._turned(k, f"{name}k_norm"), v)
        x = net.gated(x, gate1, net.linear(net.rows(attended), f"{name}out_proj"))
        return net.gated(x, gate2, net.mlp(net.modulate(x, shift2, scale2), f"{name}mlp"))

    def _single(self, x: str, name: str, *, last: bool) -> str:
        net, width = self.net, self.net.config.width
        shift, scale, gate = self._modulation(f"{name}modulation.linear", 3, kept=True)
        rows = net.rows(net.modulate(x, shift, scale))
        query, key, value = _thirds(width)
        k = self._turned(net.linear(rows, f"{name}linear1", key), f"{name}k_norm")
        v = net.linear(rows, f"{name}linear1", value)
        if last:  # nobody reads its text any more
            self._keep(k, v)
            return x
        q = self._turned(net.linear(rows, f"{name}linear1", query), f"{name}q_norm")
        hidden = net.linear(rows, f"{name}linear1", slice(3 * width, None))
        return net.gated(x, gate, net.mix(self._attend(q, k, v), hidden, f"{name}linear2"))

    def _attend(self, q: str, k: str, v: str) -> str:
        """Words look at all words of their prompt, at the same time."""
        return self.net.attention(q, k, self._keep(k, v))

    def _keep(self, k: str, v: str) -> str:
        """Note keys (S, n, D) and values (S n, D) for motion; returns the values as (S, n, D)."""
        shaped = self.g.op("Reshape", v, self.shape)
        self.words += [k, shaped]
        return shaped

    def _turned(self, x: str, norm: str) -> str:
        """Queries or keys (S n, D), normed and turned to their places, as (S, n, D)."""
        return self.net.rotate(self.net.rms(x, norm, self.shape), self.cos, self.sin)

    def _modulation(self, name: str, count: int, *, kept: bool = False) -> list[str]:
        """The condition's vectors (S, 1, D) for a block, with one added to scales."""
        g, width = self.g, self.net.config.width
        vectors = g.reshape(self.net.linear(self.adapter, name), -1, count, width)
        ones = np.array([i % 3 == 1 for i in range(count)], np.float32)[:, None]
        vectors = g.op("Add", vectors, g.constant(ones))
        if kept:
            self.made.append(vectors)
        return g.split(vectors, 1, count)

    def _normed(self, x: str, name: str) -> str:
        net = self.net
        weight, bias = net.vector(f"{name}.weight"), net.vector(f"{name}.bias")
        return self.g.op("LayerNormalization", x, weight, bias, axis=-1, epsilon=EPS)


def _thirds(width: int) -> list[slice]:
    return [slice(i * width, (i + 1) * width) for i in range(3)]

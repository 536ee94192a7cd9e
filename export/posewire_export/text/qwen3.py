"""Qwen3's graph: packed prompt rows in, hidden states after the final norm out.

The keys and values of the constant prefix are constants of the graph. The input `prefix`
says how many of them a run sees: all, or none for texts that don't begin with it. Token
embeddings stay outside: a run reads a few dozen rows of a table of gigabytes, so the table
is mapped from its file by the runtime and never takes the device's memory. The
language-model head is not read at all.
"""

from __future__ import annotations

import numpy as np

from posewire_export.graph import GraphBuilder
from posewire_export.text.blocks import Blocks, Heads, Prefix, causal_blocks
from posewire_export.text.blocks import attend as attend_in_blocks
from posewire_export.text.checkpoint import Checkpoint, widen
from posewire_export.text.configs import Qwen3Config
from posewire_export.text.net import Net, Rounding, Texts, Value, attend
from posewire_runtime.types import Float

EMBEDDINGS = "model.embed_tokens.weight"
IGNORED = ("lm_head.",)


def write(
    g: GraphBuilder, checkpoint: Checkpoint, config: Qwen3Config, texts: Texts, rounding: Rounding
) -> Float:
    """Write the graph; returns the float32 hidden states of the calibration rows (T, C)."""
    net = Net(g, checkpoint, texts, rounding)
    x = Value(g.input("rows", "float32", "T", config.hidden), embed(checkpoint, EMBEDDINGS, texts))
    positions = g.input("positions", "int64", "T")
    segments = g.input("segments", "int64", "T")
    g.input("prefix", "int64", 1)
    rotary = _Rotary(net, config, positions)
    blocks = causal_blocks(g, segments, "prefix", config.heads // config.kv_heads)
    for layer in range(config.layers):
        x = _layer(net, config, layer, x, rotary, blocks)
    x = net.rms_norm(x, net.parameter("model.norm.weight", (config.hidden,)), config.epsilon)
    g.output("context", x.name, "float32", "T", config.hidden)
    return x.rows


def embed(checkpoint: Checkpoint, name: str, texts: Texts) -> Float:
    """Rows of an embedding table for the calibration's ids (T, C)."""
    rows = {int(i): widen(checkpoint.rows(name, int(i), int(i) + 1))[0] for i in np.unique(texts.ids)}
    return np.stack([rows[int(i)] for i in texts.ids])


def _layer(net: Net, config: Qwen3Config, layer: int, x: Value, rotary: _Rotary, blocks: Blocks) -> Value:
    at = f"model.layers.{layer}."
    c, mlp, queries, keys = config.hidden, config.mlp, config.heads, config.kv_heads
    h = net.rms_norm(x, net.parameter(f"{at}input_layernorm.weight", (c,)), config.epsilon)
    q = net.heads(net.linear(h, f"{at}self_attn.q_proj", (queries * config.head, c)), queries)
    k = net.heads(net.linear(h, f"{at}self_attn.k_proj", (keys * config.head, c)), keys)
    v = net.heads(net.linear(h, f"{at}self_attn.v_proj", (keys * config.head, c)), keys)
    mixed = _attention(net, config, at, (q, k, v), rotary, blocks)
    x = net.add(x, net.linear(mixed, f"{at}self_attn.o_proj", (c, queries * config.head)))
    h = net.rms_norm(x, net.parameter(f"{at}post_attention_layernorm.weight", (c,)), config.epsilon)
    gate = net.sigmoid_gate(net.linear(h, f"{at}mlp.gate_proj", (mlp, c)), 1)
    inner = net.multiply(gate, net.linear(h, f"{at}mlp.up_proj", (mlp, c)))
    return net.add(x, net.linear(inner, f"{at}mlp.down_proj", (c, mlp)))


def _attention(
    net: Net, config: Qwen3Config, at: str, qkv: tuple[Value, Value, Value], rotary: _Rotary, blocks: Blocks
) -> Value:
    g = net.g
    # The scores' 1 / sqrt(d) rides on the query norm's weight: one multiplication less.
    q_norm = net.parameter(f"{at}self_attn.q_norm.weight", (config.head,), config.head**-0.5)
    k_norm = net.parameter(f"{at}self_attn.k_norm.weight", (config.head,))
    q = rotary.turn(net.rms_norm(qkv[0], q_norm, config.epsilon))
    k = rotary.turn(net.rms_norm(qkv[1], k_norm, config.epsilon))
    v = qkv[2]

    prefix = _prefix(g, at, k.rows[: net.texts.prefix], v.rows[: net.texts.prefix])
    heads = Heads(config.heads, config.kv_heads, config.head)
    name = attend_in_blocks(g, blocks, heads, (q.name, k.name, v.name), prefix)
    return Value(name, attend(q.rows, k.rows, v.rows, net.texts.visible))


def _prefix(g: GraphBuilder, at: str, keys: Float, values: Float) -> Prefix:
    """The prefix's keys and values (P, Hkv, d), as many as the run wants."""
    start = g.constant(np.array([0]))
    all_keys = g.weight(f"{at}prefix.keys", lambda: keys.transpose(1, 2, 0))
    all_values = g.weight(f"{at}prefix.values", lambda: values.transpose(1, 0, 2))
    return Prefix(
        g.op("Slice", all_keys, start, "prefix", g.constant(np.array([2]))),
        g.op("Slice", all_values, start, "prefix", g.constant(np.array([1]))),
        "prefix",
    )


class _Rotary:
    """Rotary positions, half-split: value p turns with value p + d / 2."""

    def __init__(self, net: Net, config: Qwen3Config, positions: str) -> None:
        g, half = net.g, config.head // 2
        steps = np.arange(0, config.head, 2, dtype=np.float32) / np.float32(config.head)
        frequencies = (1 / np.float32(config.theta) ** steps).astype(np.float32)  # (d / 2,)
        self.g, self.half = g, half
        column = g.op("Unsqueeze", g.cast(positions, "float32"), g.constant(np.array([1, 2])))
        angles = g.op("Mul", column, g.constant(frequencies))  # (T, 1, d / 2)
        cos, sin = g.op("Cos", angles), g.op("Sin", angles)
        self.cos = g.op("Concat", cos, cos, axis=-1)
        self.sin = g.op("Concat", g.op("Neg", sin), sin, axis=-1)
        turns = net.texts.positions.astype(np.float32)[:, None, None] * frequencies
        self.rows = np.cos(turns), np.sin(turns)

    def turn(self, x: Value) -> Value:
        """Rotate the heads (T, H, d)."""
        g = self.g
        first, second = g.split(x.name, -1, 2)
        straight = g.op("Mul", x.name, self.cos)
        crossed = g.op("Mul", g.op("Concat", second, first, axis=-1), self.sin)
        a, b = x.rows[..., : self.half], x.rows[..., self.half :]
        cos, sin = self.rows
        return Value(
            g.op("Add", straight, crossed), np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)
        )

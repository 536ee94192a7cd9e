"""CLIP's text graph: packed rows in, one sentence vector for each text out.

The vector is the final norm's output at the text's end mark, without a projection.
As with Qwen3, token embeddings are looked up outside.
"""

from __future__ import annotations

import numpy as np

from posewire_export.graph import GraphBuilder
from posewire_export.text.blocks import Blocks, Heads, causal_blocks
from posewire_export.text.blocks import attend as attend_in_blocks
from posewire_export.text.checkpoint import Checkpoint
from posewire_export.text.configs import ClipConfig
from posewire_export.text.net import Net, Rounding, Texts, Value, attend
from posewire_export.text.qwen3 import embed
from posewire_runtime.types import Float

PREFIX = "text_model."
"""What OpenAI's folder puts before every name of the text model; newer folders don't."""
QUICK_GELU = 1.702
EMBEDDINGS = "embeddings.token_embedding.weight"


def embeddings(checkpoint: Checkpoint) -> str:
    """Name of the token embeddings."""
    return _name_prefix(checkpoint) + EMBEDDINGS


def require(checkpoint: Checkpoint, config: ClipConfig) -> None:
    """Stop unless the folder holds this text model."""
    at = _name_prefix(checkpoint)
    # A whole CLIP also holds its vision half and the projections, and a buffer of position numbers.
    others = ("vision_model.", "visual_projection.", "text_projection.", "logit_scale")
    wanted = {at + name: shape for name, shape in config.shapes.items()}
    checkpoint.require(wanted, (*others, f"{at}embeddings.position_ids"))


def write(
    g: GraphBuilder, checkpoint: Checkpoint, config: ClipConfig, texts: Texts, rounding: Rounding
) -> Float:
    """Write the graph; returns the float32 sentence vectors of the calibration texts (N, V)."""
    at = _name_prefix(checkpoint)
    net = Net(g, checkpoint, texts, rounding)
    tokens = embed(checkpoint, embeddings(checkpoint), texts)
    rows = Value(g.input("rows", "float32", "T", config.hidden), tokens)
    x = net.add(rows, _positions(net, config, at))
    blocks = causal_blocks(g, g.input("segments", "int64", "T"))
    for layer in range(config.layers):
        x = _layer(net, config, f"{at}encoder.layers.{layer}.", x, blocks)
    x = net.layer_norm(x, f"{at}final_layer_norm", config.epsilon)
    ends = g.input("ends", "int64", "N")
    g.output("sentence", g.op("Gather", x.name, ends, axis=0), "float32", "N", config.hidden)
    return np.stack([text[-1] for text in texts.split(x.rows)])


def _name_prefix(checkpoint: Checkpoint) -> str:
    return PREFIX if any(name.startswith(PREFIX) for name in checkpoint.names) else ""


def _positions(net: Net, config: ClipConfig, at: str) -> Value:
    name = f"{at}embeddings.position_embedding.weight"
    table = net.parameter(name, (config.positions, config.hidden))
    positions = net.g.input("positions", "int64", "T")
    return Value(net.g.op("Gather", table.name, positions, axis=0), table.rows[net.texts.positions])


def _layer(net: Net, config: ClipConfig, at: str, x: Value, blocks: Blocks) -> Value:
    c, mlp = config.hidden, config.mlp
    h = net.layer_norm(x, f"{at}layer_norm1", config.epsilon)
    q, k, v = (
        net.heads(net.linear(h, f"{at}self_attn.{part}_proj", (c, c), bias=True), config.heads)
        for part in ("q", "k", "v")
    )
    mixed = _attention(net, config, (q, k, v), blocks)
    x = net.add(x, net.linear(mixed, f"{at}self_attn.out_proj", (c, c), bias=True))
    h = net.layer_norm(x, f"{at}layer_norm2", config.epsilon)
    inner = net.sigmoid_gate(net.linear(h, f"{at}mlp.fc1", (mlp, c), bias=True), QUICK_GELU)
    return net.add(x, net.linear(inner, f"{at}mlp.fc2", (c, mlp), bias=True))


def _attention(net: Net, config: ClipConfig, qkv: tuple[Value, Value, Value], blocks: Blocks) -> Value:
    q, k, v = qkv
    scale = np.float32(config.head**-0.5)
    scaled = net.g.op("Mul", q.name, net.g.constant(scale))
    heads = Heads(config.heads, config.heads, config.head)
    name = attend_in_blocks(net.g, blocks, heads, (scaled, k.name, v.name))
    return Value(name, attend(q.rows * scale, k.rows, v.rows, net.texts.visible))

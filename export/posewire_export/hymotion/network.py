"""The HY-Motion network in torch: a multimodal diffusion transformer over motion and text.

Two streams of tokens, motion frames and prompt words, are modulated by one vector made of
time and sentence. Motion looks at a window of itself and at the words; words look at words
only. Names of parameters are those of the official checkpoint. Knows no files, no sampling.

Symbols in shapes: B batch, T frames, N words, D width, H heads, d = D / H, F width of an MLP.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Config:
    """The sizes of a network. Defaults are those that every release shares."""

    width: int
    """D, the width of a token."""
    layers: int
    """Transformer blocks in all; the first third is double, the rest single."""
    heads: int
    """Attention heads."""
    frame_dim: int = 201
    """Numbers of one motion frame."""
    word_dim: int = 4096
    """Width of a word's features."""
    sentence_dim: int = 768
    """Width of the sentence's features."""
    mlp_ratio: float = 4.0
    """Width of an MLP over D."""
    time_factor: float = 1000.0
    """Times in [0, 1] are multiplied by this before the sinusoid."""
    max_frames: int = 360
    """Frames of training; words stand at rotary positions from here on."""
    band: int = 60
    """A frame sees this many frames to each side."""
    rope_base: float = 10000.0
    """Base of the rotary frequencies."""
    says: Literal["velocity", "motion"] = "velocity"
    """What the last layer makes; from motion the velocity follows. Official networks say the velocity."""

    @property
    def double_blocks(self) -> int:
        return self.layers // 3

    @property
    def single_blocks(self) -> int:
        return self.layers - self.double_blocks

    @property
    def head_dim(self) -> int:
        return self.width // self.heads

    @property
    def mlp_dim(self) -> int:
        return int(self.width * self.mlp_ratio)


@dataclass(frozen=True, eq=False)
class Sight:
    """Who sees whom, and where everybody stands."""

    motion: Tensor  # (B, 1, T, T + N)
    """What each frame sees of [motion | text]."""
    text: Tensor  # (B, 1, N, N)
    """What each word sees of the text."""
    motion_rope: Tensor  # (2, T, d / 2)
    """Cosine and sine of each frame's rotary angles."""
    text_rope: Tensor  # (2, N, d / 2)
    """The same for the words."""


def sinusoid(times: Tensor, width: int, factor: float) -> Tensor:
    """Times (B,) -> embeddings (B, width), cosines first."""
    half = width // 2
    steps = torch.arange(half, dtype=torch.float64, device=times.device)
    frequencies = torch.exp(-math.log(10000.0) * steps / half).to(times.dtype)
    angles = (times * factor)[:, None] * frequencies
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def rope_table(positions: Tensor, head_dim: int, base: float) -> Tensor:
    """Positions (P,) -> cosines and sines (2, P, head_dim / 2)."""
    exponents = torch.arange(0, head_dim, 2, dtype=torch.float64, device=positions.device) / head_dim
    angles = positions.double()[:, None] * base**-exponents
    return torch.stack([angles.cos(), angles.sin()]).float()


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """Turn neighbouring pairs of channels of x (B, H, P, d) by their angles."""
    cos, sin = table.to(x.dtype)
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack([even * cos - odd * sin, odd * cos + even * sin], dim=-1).flatten(-2)


def split_heads(x: Tensor, heads: int) -> Tensor:
    """(B, P, H d) -> (B, H, P, d)."""
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge_heads(x: Tensor) -> Tensor:
    """(B, H, P, d) -> (B, P, H d)."""
    return x.transpose(1, 2).flatten(2)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """Normalise tokens without parameters, then scale and shift them as the condition says."""
    return functional.layer_norm(x, x.shape[-1:], eps=EPS) * (1 + scale) + shift


class RootMeanSquare(nn.Module):
    """Divide by the root mean square over the last axis, in float32; one weight a channel."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        full = x.float()
        return (full * torch.rsqrt(full.square().mean(-1, keepdim=True) + EPS)).to(x.dtype) * self.weight


class Embedder(nn.Module):
    """Linear, SiLU, linear. The official names of its list differ by place."""

    def __init__(self, inputs: int, width: int, attribute: str) -> None:
        super().__init__()
        self.attribute = attribute
        layers = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))
        self.add_module(attribute, layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.get_submodule(self.attribute)(x)


class Modulation(nn.Module):
    """The condition's `count` vectors for one block."""

    def __init__(self, width: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.linear = nn.Linear(width, count * width)

    def forward(self, adapter: Tensor) -> tuple[Tensor, ...]:
        return self.linear(functional.silu(adapter)).chunk(self.count, dim=-1)


class Mlp(nn.Module):
    """Two linears around an activation."""

    def __init__(self, width: int, hidden: int, activation: nn.Module) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.activation = activation
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(self.activation(self.fc1(x)))


class RefinerBlock(nn.Module):
    """A text-only block: the condition opens and closes it by two gates, nothing else."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width, head_dim = config.width, config.head_dim
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(width, eps=EPS)
        self.self_attn_qkv = nn.Linear(width, 3 * width)
        self.self_attn_q_norm = nn.LayerNorm(head_dim, eps=EPS)
        self.self_attn_k_norm = nn.LayerNorm(head_dim, eps=EPS)
        self.self_attn_proj = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, eps=EPS)
        self.mlp = Mlp(width, config.mlp_dim, nn.SiLU())
        self.adaLN_modulation = Modulation(width, 2)

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        gate1, gate2 = self.adaLN_modulation(context)
        q, k, v = (split_heads(part, self.heads) for part in self.self_attn_qkv(self.norm1(x)).chunk(3, -1))
        q, k = self.self_attn_q_norm(q), self.self_attn_k_norm(k)
        attended = merge_heads(functional.scaled_dot_product_attention(q, k, v, attn_mask=mask))
        x = x + gate1 * self.self_attn_proj(attended)
        return x + gate2 * self.mlp(self.norm2(x))


class TokenRefiner(nn.Module):
    """The refiner's blocks."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(RefinerBlock(config) for _ in range(2))

    def forward(self, x: Tensor, context: Tensor, mask: Tensor) -> Tensor:
        for block in self.blocks:
            x = block(x, context, mask)
        return x


class TextRefiner(nn.Module):
    """Lets the words of a prompt look at each other, and at the time, before they meet motion."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.width = config.width
        self.input_embedder = nn.Linear(config.width, config.width)
        self.context_encoder = Embedder(config.width, config.width, "linears")
        self.timestep_encoder = Embedder(config.width, config.width, "blocks")
        self.individual_token_refiner = TokenRefiner(config)

    def forward(self, y: Tensor, times: Tensor, mask: Tensor) -> Tensor:
        weights = mask[..., None].to(y.dtype)
        mean = (y * weights).sum(1, keepdim=True) / weights.sum(1, keepdim=True).clamp_min(EPS)
        time = self.timestep_encoder(sinusoid(times, self.width, 1.0))[:, None]  # no time factor here
        context = time + self.context_encoder(mean)
        both = mask[:, :, None] & mask[:, None, :]
        alone = torch.eye(mask.shape[1], dtype=torch.bool, device=mask.device) & ~mask[:, :, None]
        return self.individual_token_refiner(self.input_embedder(y), context, (both | alone)[:, None])


class DoubleBlock(nn.Module):
    """Motion and text each with weights of their own, joined by attention."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.heads = config.heads
        for stream in ("motion", "text"):
            width, head_dim = config.width, config.head_dim
            self.add_module(f"{stream}_mod", Modulation(width, 6))
            self.add_module(f"{stream}_qkv", nn.Linear(width, 3 * width))
            self.add_module(f"{stream}_q_norm", RootMeanSquare(head_dim))
            self.add_module(f"{stream}_k_norm", RootMeanSquare(head_dim))
            self.add_module(f"{stream}_out_proj", nn.Linear(width, width))
            self.add_module(f"{stream}_mlp", Mlp(width, config.mlp_dim, nn.GELU("tanh")))

    def forward(self, motion: Tensor, text: Tensor, adapter: Tensor, sight: Sight) -> tuple[Tensor, Tensor]:
        motion_mods = self.get_submodule("motion_mod")(adapter)
        text_mods = self.get_submodule("text_mod")(adapter)
        qkv = self._project("motion", motion, motion_mods, sight.motion_rope)
        text_qkv = self._project("text", text, text_mods, sight.text_rope)
        seen, read = attend(qkv, text_qkv, sight)
        return self._update("motion", motion, seen, motion_mods), self._update("text", text, read, text_mods)

    def _project(
        self, stream: str, x: Tensor, mods: tuple[Tensor, ...], rope: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        q, k, v = self.get_submodule(f"{stream}_qkv")(modulate(x, mods[0], mods[1])).chunk(3, -1)
        q = self.get_submodule(f"{stream}_q_norm")(split_heads(q, self.heads))
        k = self.get_submodule(f"{stream}_k_norm")(split_heads(k, self.heads))
        return rotate(q, rope), rotate(k, rope), split_heads(v, self.heads)

    def _update(self, stream: str, x: Tensor, attended: Tensor, mods: tuple[Tensor, ...]) -> Tensor:
        _, _, gate1, shift2, scale2, gate2 = mods
        x = x + gate1 * self.get_submodule(f"{stream}_out_proj")(attended)
        return x + gate2 * self.get_submodule(f"{stream}_mlp")(modulate(x, shift2, scale2))


class SingleBlock(nn.Module):
    """One set of weights for both streams; attention and MLP side by side."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        width = config.width
        self.heads = config.heads
        self.sizes = (width, width, width, config.mlp_dim)
        self.modulation = Modulation(width, 3)
        self.linear1 = nn.Linear(width, sum(self.sizes))
        self.linear2 = nn.Linear(width + config.mlp_dim, width)
        self.q_norm = RootMeanSquare(config.head_dim)
        self.k_norm = RootMeanSquare(config.head_dim)

    def forward(self, motion: Tensor, text: Tensor, adapter: Tensor, sight: Sight) -> tuple[Tensor, Tensor]:
        shift, scale, gate = self.modulation(adapter)
        *qkv, hidden = self._project(modulate(motion, shift, scale), sight.motion_rope)
        *text_qkv, text_hidden = self._project(modulate(text, shift, scale), sight.text_rope)
        seen, read = attend(tuple(qkv), tuple(text_qkv), sight)
        return motion + gate * self._mix(seen, hidden), text + gate * self._mix(read, text_hidden)

    def _project(self, x: Tensor, rope: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        q, k, v, hidden = self.linear1(x).split(self.sizes, dim=-1)
        q, k = self.q_norm(split_heads(q, self.heads)), self.k_norm(split_heads(k, self.heads))
        return rotate(q, rope), rotate(k, rope), split_heads(v, self.heads), hidden

    def _mix(self, attended: Tensor, hidden: Tensor) -> Tensor:
        return self.linear2(torch.cat([attended, functional.gelu(hidden, approximate="tanh")], dim=-1))


def attend(
    motion: tuple[Tensor, ...], text: tuple[Tensor, ...], sight: Sight
) -> tuple[Tensor, Tensor]:  # (B, T, D), (B, N, D)
    """Motion looks at motion and text; text looks at text alone."""
    keys, values = (torch.cat([motion[i], text[i]], dim=2) for i in (1, 2))
    seen = functional.scaled_dot_product_attention(motion[0], keys, values, attn_mask=sight.motion)
    read = functional.scaled_dot_product_attention(*text, attn_mask=sight.text)
    return merge_heads(seen), merge_heads(read)


class FinalLayer(nn.Module):
    """Tokens to velocities."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.adaLN_modulation = Modulation(config.width, 2)
        self.linear = nn.Linear(config.width, config.frame_dim)

    def forward(self, x: Tensor, adapter: Tensor) -> Tensor:
        shift, scale = self.adaLN_modulation(adapter)
        return self.linear(modulate(x, shift, scale))


class MotionTransformer(nn.Module):
    """Noisy motion, prompt features and time in, velocity out."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.input_encoder = nn.Linear(config.frame_dim, width)
        self.ctxt_encoder = nn.Linear(config.word_dim, width)
        self.vtxt_encoder = Embedder(config.sentence_dim, width, "linears")
        self.timestep_encoder = Embedder(width, width, "blocks")
        self.text_refiner = TextRefiner(config)
        self.double_blocks = nn.ModuleList(DoubleBlock(config) for _ in range(config.double_blocks))
        self.single_blocks = nn.ModuleList(SingleBlock(config) for _ in range(config.single_blocks))
        self.final_layer = FinalLayer(config)

    def forward(
        self, x: Tensor, ctxt: Tensor, vtxt: Tensor, times: Tensor, motion_mask: Tensor, text_mask: Tensor
    ) -> Tensor:
        """Velocity (B, T, 201) at times (B,) in [0, 1].

        x (B, T, 201), ctxt (B, N, C), vtxt (B, 1, V); masks (B, T) and (B, N) are true for real
        frames and words. Every prompt needs a word. Rows of masked frames mean nothing.
        """
        config = self.config
        adapter = self.timestep_encoder(sinusoid(times, config.width, config.time_factor))[:, None]
        adapter = adapter + self.vtxt_encoder(vtxt)
        motion = self.input_encoder(x)
        text = self.text_refiner(self.ctxt_encoder(ctxt), times, text_mask)
        sight = self.sight(motion_mask, text_mask)
        for block in (*self.double_blocks, *self.single_blocks):
            motion, text = block(motion, text, adapter, sight)
        said = self.final_layer(motion, adapter)
        return said if config.says == "velocity" else (said - x) / (1 - times)[:, None, None]

    def sight(self, motion_mask: Tensor, text_mask: Tensor) -> Sight:
        """Masks and rotary tables for these frames and words."""
        config, frames, words = self.config, motion_mask.shape[1], text_mask.shape[1]
        at = torch.arange(frames, device=motion_mask.device)
        near = (at[:, None] - at).abs() <= config.band
        motion = near & motion_mask[:, None, :]  # (B, T, T)
        read = text_mask[:, None, :].expand(-1, frames, -1)
        word_at = config.max_frames + torch.arange(words, device=at.device)
        return Sight(
            motion=torch.cat([motion, read], dim=-1)[:, None],
            text=text_mask[:, None, None, :].expand(-1, -1, words, -1),
            motion_rope=rope_table(at, config.head_dim, config.rope_base),
            text_rope=rope_table(word_at, config.head_dim, config.rope_base),
        )

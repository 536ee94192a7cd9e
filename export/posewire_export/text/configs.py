"""What `config.json` says about a Qwen3 or a CLIP text model, checked.

Only the settings that our graphs implement are accepted; the rest is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from posewire_runtime.errors import InvalidFile

_T = TypeVar("_T", int, float)


@dataclass(frozen=True, slots=True)
class Qwen3Config:
    """The shape of a Qwen3 model."""

    hidden: int
    layers: int
    heads: int
    """Query heads."""
    kv_heads: int
    """Key and value heads; each serves `heads // kv_heads` query heads."""
    head: int
    """Width of a head."""
    mlp: int
    """Width of the feed-forward layer."""
    vocabulary: int
    epsilon: float
    theta: float
    """Base of the rotary angles."""

    @classmethod
    def read(cls, config: Mapping[str, object], folder: Path) -> Qwen3Config:
        """Of a folder's configuration."""
        if config.get("model_type") != "qwen3":
            raise InvalidFile(f"{folder}: model_type is {config.get('model_type')!r}, expected 'qwen3'")
        settings = _Settings(config, folder)
        settings.refuse("attention_bias", False)
        settings.refuse("use_sliding_window", False)
        settings.refuse("hidden_act", "silu")
        hidden, heads = settings.get("hidden_size", int), settings.get("num_attention_heads", int)
        made = cls(
            hidden=hidden,
            layers=settings.get("num_hidden_layers", int),
            heads=heads,
            kv_heads=settings.get("num_key_value_heads", int),
            head=settings.get("head_dim", int, hidden // heads),
            mlp=settings.get("intermediate_size", int),
            vocabulary=settings.get("vocab_size", int),
            epsilon=settings.get("rms_norm_eps", float, 1e-6),
            theta=_theta(settings),
        )
        if made.heads % made.kv_heads:
            raise InvalidFile(f"{folder}: {made.heads} query heads don't divide by {made.kv_heads} key heads")
        return made

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the model but the language-model head, with its shape."""
        q, kv = self.heads * self.head, self.kv_heads * self.head
        shapes: dict[str, tuple[int, ...]] = {
            "model.embed_tokens.weight": (self.vocabulary, self.hidden),
            "model.norm.weight": (self.hidden,),
        }
        for layer in range(self.layers):
            at = f"model.layers.{layer}."
            shapes |= {
                f"{at}input_layernorm.weight": (self.hidden,),
                f"{at}post_attention_layernorm.weight": (self.hidden,),
                f"{at}self_attn.q_proj.weight": (q, self.hidden),
                f"{at}self_attn.k_proj.weight": (kv, self.hidden),
                f"{at}self_attn.v_proj.weight": (kv, self.hidden),
                f"{at}self_attn.o_proj.weight": (self.hidden, q),
                f"{at}self_attn.q_norm.weight": (self.head,),
                f"{at}self_attn.k_norm.weight": (self.head,),
                f"{at}mlp.gate_proj.weight": (self.mlp, self.hidden),
                f"{at}mlp.up_proj.weight": (self.mlp, self.hidden),
                f"{at}mlp.down_proj.weight": (self.hidden, self.mlp),
            }
        return shapes


@dataclass(frozen=True, slots=True)
class ClipConfig:
    """The shape of a CLIP text model."""

    hidden: int
    layers: int
    heads: int
    mlp: int
    vocabulary: int
    positions: int
    """Longest text in tokens, its first and last mark included."""
    epsilon: float

    @classmethod
    def read(cls, config: Mapping[str, object], folder: Path) -> ClipConfig:
        """Of a folder's configuration, be it CLIP's own (nested) or a text model's (flat)."""
        nested = config.get("text_config")
        flat = nested if isinstance(nested, Mapping) else config
        kind = config.get("model_type")
        if kind not in ("clip", "clip_text_model"):
            raise InvalidFile(f"{folder}: model_type is {kind!r}, expected 'clip' or 'clip_text_model'")
        settings = _Settings(flat, folder)
        settings.refuse("hidden_act", "quick_gelu")
        return cls(
            hidden=settings.get("hidden_size", int),
            layers=settings.get("num_hidden_layers", int),
            heads=settings.get("num_attention_heads", int),
            mlp=settings.get("intermediate_size", int),
            vocabulary=settings.get("vocab_size", int, 49408),
            positions=settings.get("max_position_embeddings", int, 77),
            epsilon=settings.get("layer_norm_eps", float, 1e-5),
        )

    @property
    def head(self) -> int:
        """Width of a head."""
        return self.hidden // self.heads

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Every tensor of the text model, without the `text_model.` prefix, with its shape."""
        c = self.hidden
        shapes: dict[str, tuple[int, ...]] = {
            "embeddings.token_embedding.weight": (self.vocabulary, c),
            "embeddings.position_embedding.weight": (self.positions, c),
            "final_layer_norm.weight": (c,),
            "final_layer_norm.bias": (c,),
        }
        for layer in range(self.layers):
            at = f"encoder.layers.{layer}."
            linears = {f"self_attn.{p}_proj": (c, c) for p in ("q", "k", "v", "out")}
            linears |= {"mlp.fc1": (self.mlp, c), "mlp.fc2": (c, self.mlp)}
            for name, shape in linears.items():
                shapes |= {f"{at}{name}.weight": shape, f"{at}{name}.bias": shape[:1]}
            for name in ("layer_norm1", "layer_norm2"):
                shapes |= {f"{at}{name}.weight": (c,), f"{at}{name}.bias": (c,)}
        return shapes


class _Settings:
    """Reads numbers of a configuration, or says which is missing."""

    def __init__(self, config: Mapping[str, object], folder: Path) -> None:
        self.config, self.folder = config, folder

    def get(self, name: str, kind: type[_T], default: _T | None = None) -> _T:
        value = self.config.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise InvalidFile(f"{self.folder}/config.json: {name} must be a positive number, found {value!r}")
        return kind(value)

    def refuse(self, name: str, supported: object) -> None:
        """Stop where a setting is given and isn't the supported one."""
        value = self.config.get(name, supported)
        if value != supported:
            raise InvalidFile(
                f"{self.folder}/config.json: {name} is {value!r}; only {supported!r} is supported"
            )


def _theta(settings: _Settings) -> float:
    """The rotary base, which transformers 5 nests and earlier versions didn't."""
    parameters = settings.config.get("rope_parameters") or settings.config.get("rope_scaling")
    if not isinstance(parameters, Mapping):
        return settings.get("rope_theta", float)
    kind = parameters.get("rope_type", "default")
    if kind != "default":
        raise InvalidFile(
            f"{settings.folder}/config.json: rope_type {kind!r} is not supported, only 'default'"
        )
    nested = parameters.get("rope_theta", settings.config.get("rope_theta"))
    return _Settings({"rope_theta": nested}, settings.folder).get("rope_theta", float)

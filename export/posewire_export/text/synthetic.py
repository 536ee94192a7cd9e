"""Text encoder folders with random weights, for benches: the real shapes without the real downloads.

The tokenizer is trained on the chat's constant text until that text takes a wanted number of tokens.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_export.text import calibration, chat
from posewire_export.text.checkpoint import INDEX
from posewire_export.text.configs import ClipConfig, Qwen3Config
from posewire_runtime.errors import InvalidRequest

_MARKS = ("<|im_start|>", "<|im_end|>", "<|endoftext|>")
_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class Size:
    """Shapes of a Qwen3 model, as published."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    mlp: int
    head: int = 128


SIZES: Mapping[str, Size] = {
    "tiny": Size(256, 4, 4, 2, 768, 64),
    "0.6b": Size(1024, 28, 16, 8, 3072),
    "1.7b": Size(2048, 28, 16, 8, 6144),
    "4b": Size(2560, 36, 32, 8, 9728),
    "8b": Size(4096, 36, 32, 8, 12288),
}


def write_llm(
    folder: Path, size: Size, *, prefix: int = 101, shard_bytes: int = 1 << 30, seed: int = 0
) -> None:
    """A Qwen3 folder in bfloat16 shards whose chat begins with `prefix` constant tokens."""
    folder.mkdir(parents=True)
    tokenizer = _chat_tokenizer(prefix)
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "qwen3",
        "hidden_size": size.hidden,
        "num_hidden_layers": size.layers,
        "num_attention_heads": size.heads,
        "num_key_value_heads": size.kv_heads,
        "head_dim": size.head,
        "intermediate_size": size.mlp,
        "vocab_size": tokenizer.get_vocab_size(),
        "rms_norm_eps": 1e-6,
        "rope_theta": 1e6,
    }
    (folder / "config.json").write_text(json.dumps(config))
    _write_weights(folder, Qwen3Config.read(config, folder).shapes, shard_bytes, seed)


def write_clip(folder: Path, *, hidden: int = 768, layers: int = 12, seed: int = 1) -> None:
    """A CLIP text folder."""
    folder.mkdir(parents=True)
    tokenizer = _sentence_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {
        "model_type": "clip_text_model",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": hidden // 64,
        "intermediate_size": 4 * hidden,
        "vocab_size": tokenizer.get_vocab_size(),
        "max_position_embeddings": 77,
    }
    (folder / "config.json").write_text(json.dumps(config))
    _write_weights(folder, ClipConfig.read(config, folder).shapes, 1 << 30, seed)


def _write_weights(folder: Path, shapes: Mapping[str, tuple[int, ...]], shard_bytes: int, seed: int) -> None:
    """Shards of at most about `shard_bytes`, and their index."""
    shards: list[list[str]] = [[]]
    filled = 0
    for name, shape in shapes.items():
        if filled > shard_bytes:
            shards.append([])
            filled = 0
        shards[-1].append(name)
        filled += 2 * int(np.prod(shape))
    rng = np.random.default_rng(seed)
    index: dict[str, str] = {}
    for number, names in enumerate(shards, 1):
        file = f"model-{number:05}-of-{len(shards):05}.safetensors"
        _write_shard(folder / file, {name: shapes[name] for name in names}, rng)
        index |= dict.fromkeys(names, file)
    (folder / INDEX).write_text(json.dumps({"weight_map": index}))


def _write_shard(file: Path, shapes: Mapping[str, tuple[int, ...]], rng: np.random.Generator) -> None:
    header: dict[str, object] = {}
    offset = 0
    for name, shape in shapes.items():
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    with file.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name, shape in shapes.items():
            _values(name, shape, rng).tofile(stream)


def _values(name: str, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.uint16]:
    """Random bfloat16 bits: norms around 1, matrices such that activations keep their size."""
    noise = rng.standard_normal(shape, np.float32)
    if "norm" in name and name.endswith("weight"):
        values = 1 + 0.1 * noise
    else:
        values = noise * np.float32(0.02 if len(shape) == 1 or "embed" in name else shape[-1] ** -0.5)
    return (values.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def _chat_tokenizer(prefix: int) -> Any:
    """A byte-level BPE tokenizer whose constant chat text has this many tokens."""
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    def train(vocabulary: int) -> Any:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.normalizer = normalizers.NFC()  # pyright: ignore[reportAttributeAccessIssue]
        split = pre_tokenizers.Split(Regex(_WORDS), "isolated")
        bytes_ = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, bytes_])  # pyright: ignore[reportAttributeAccessIssue]
        return _trained(tokenizer, vocabulary, list(_MARKS))

    return _search(train, lambda t: len(chat.constant_ids(t, "synthetic")), prefix)


def _sentence_tokenizer() -> Any:
    """A CLIP-like tokenizer: begin and end marks, lower case."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.Lowercase()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)  # pyright: ignore[reportAttributeAccessIssue]
    begin, end = "<|startoftext|>", "<|endoftext|>"
    tokenizer = _trained(tokenizer, 400, [begin, end])
    marks = ((end, tokenizer.token_to_id(end)), (begin, tokenizer.token_to_id(begin)))
    tokenizer.post_processor = processors.RobertaProcessing(*marks, add_prefix_space=False)
    return tokenizer


def _trained(tokenizer: Any, vocabulary: int, marks: list[str]) -> Any:
    from tokenizers import pre_tokenizers, trainers

    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=marks,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=1,
    )
    tokenizer.train_from_iterator([chat.SYSTEM, *calibration.CHOOSING, *calibration.REPORTING], trainer)
    return tokenizer


def _search(make: Callable[[int], Any], count: Callable[[Any], int], wanted: int) -> Any:
    """The first vocabulary, by bisection, that cuts the text into the wanted number of tokens."""
    low, high = 260, 900  # more vocabulary, fewer tokens
    while low <= high:
        middle = (low + high) // 2
        tokenizer = make(middle)
        found = count(tokenizer)
        if found == wanted:
            return tokenizer
        low, high = (middle + 1, high) if found > wanted else (low, middle - 1)
    raise InvalidRequest(f"no vocabulary cuts the chat's constant text into {wanted} tokens")

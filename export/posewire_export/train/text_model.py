"""The compact text encoder: sub-words in, token features and a sentence vector out.

It imitates a larger sentence model (`text_teacher`), whose tokenizer it shares: each token's
output stands in the teacher's own feature space, and the sentence vector is their mean.
Knows nothing of motion.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from posewire_runtime.errors import InvalidFile

ENCODER = "encoder.pt"
TOKENIZER = "tokenizer.json"


@dataclass(frozen=True)
class TextConfig:
    """The shape of the encoder."""

    vocabulary: int = 30522
    """Sub-words known to the tokenizer."""
    table: int = 128
    """Numbers kept for each sub-word: most of the encoder's bytes are here."""
    width: int = 256
    layers: int = 3
    heads: int = 4
    output: int = 384
    """The teacher's feature width: C and V of the motion network."""
    max_tokens: int = 32
    """Longer texts are cut, with a notice."""


class _Layer(nn.Module):
    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.norm1 = nn.LayerNorm(config.width)
        self.qkv = nn.Linear(config.width, 3 * config.width)
        self.out = nn.Linear(config.width, config.width)
        self.norm2 = nn.LayerNorm(config.width)
        self.fc1 = nn.Linear(config.width, 4 * config.width)
        self.fc2 = nn.Linear(4 * config.width, config.width)

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        batch, length, width = x.shape
        parts = self.qkv(self.norm1(x)).view(batch, length, 3, self.heads, width // self.heads)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # (B, H, N, d) each
        seen = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=visible)
        x = x + self.out(seen.transpose(1, 2).reshape(batch, length, width))
        return x + self.fc2(nn.functional.gelu(self.fc1(self.norm2(x)), approximate="tanh"))


class TextEncoder(nn.Module):
    """Sub-word ids -> token features and sentence vector."""

    def __init__(self, config: TextConfig) -> None:
        super().__init__()
        self.config = config
        self.table = nn.Embedding(config.vocabulary, config.table)
        self.up = nn.Linear(config.table, config.width)
        self.position = nn.Parameter(torch.randn(config.max_tokens, config.width) * 0.02)
        self.layers = nn.ModuleList(_Layer(config) for _ in range(config.layers))
        self.norm = nn.LayerNorm(config.width)
        self.head = nn.Linear(config.width, config.output)

    def forward(self, ids: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """ids (B, N), valid (B, N) bool -> tokens (B, N, C), sentence (B, 1, C).

        The sentence vector has the length of C ones, so that its numbers are neither tiny nor large.
        """
        x = self.up(self.table(ids)) + self.position[: ids.shape[1]]
        visible = valid[:, None, None, :].expand(-1, -1, ids.shape[1], -1)  # (B, 1, N, N)
        for layer in self.layers:
            x = layer(x, visible)
        tokens = self.head(self.norm(x))
        return tokens, self.config.output**0.5 * sentence_of(tokens, valid)


def sentence_of(tokens: Tensor, valid: Tensor) -> Tensor:
    """The mean of the valid tokens, brought to length 1: (B, 1, C)."""
    weight = valid[..., None].to(tokens.dtype)
    mean = (tokens * weight).sum(1, keepdim=True) / weight.sum(1, keepdim=True)
    return nn.functional.normalize(mean, dim=-1)


class Words:
    """The tokenizer, cut to the encoder's length."""

    def __init__(self, file: Path, max_tokens: int) -> None:
        self.file = file
        self.max_tokens = max_tokens
        self._tokenizer = Tokenizer.from_file(str(file))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_tokens)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """Sub-word ids of each text, with the tokenizer's start and end marks."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """From which letter to which each sub-word goes; the start and end marks have none: (0, 0)."""
        return self._tokenizer.encode(text).offsets

    def batch(self, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
        """Padded ids (B, N) and the mask of what is real (B, N)."""
        return pad_ids(self.ids(texts))

    def whole_words(self) -> list[str]:
        """Every entry of the vocabulary that is a plain English word of three letters or more."""
        entries = self._tokenizer.get_vocab()
        return sorted(word for word in entries if word.isascii() and word.isalpha() and len(word) > 2)


def pad_ids(rows: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    """Rows of different length -> ids (B, N) filled up with 0, valid (B, N)."""
    longest = max(len(row) for row in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.long)
    valid = torch.zeros(len(rows), longest, dtype=torch.bool)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row)
        valid[i, : len(row)] = True
    return ids, valid


@dataclass(frozen=True, eq=False)
class Text:
    """Features of a batch of prompts."""

    tokens: Tensor  # (B, N, C)
    sentence: Tensor  # (B, 1, V)
    valid: Tensor  # (B, N)


@dataclass(frozen=True, eq=False)
class TextSide:
    """A trained encoder with its tokenizer: prompts in, features out."""

    encoder: TextEncoder
    words: Words

    @property
    def width(self) -> int:
        """Of a token's features and of the sentence vector."""
        return self.encoder.config.output

    @torch.no_grad()
    def __call__(self, texts: Sequence[str], device: torch.device | str = "cpu") -> Text:
        ids, valid = self.words.batch(texts)
        tokens, sentence = self.encoder(ids, valid)
        return Text(tokens.to(device), sentence.to(device), valid.to(device))


def write_text_side(model: TextEncoder, words: Words, folder: Path) -> None:
    """Write the encoder's weights and shape, and the tokenizer's file, into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    state = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    torch.save({"config": asdict(model.config), "model": state}, folder / ENCODER)
    if words.file != folder / TOKENIZER:
        shutil.copyfile(words.file, folder / TOKENIZER)


def read_text_side(folder: Path) -> TextSide:
    """What `write_text_side` wrote; the encoder is frozen, in evaluation mode."""
    if not (folder / ENCODER).is_file():
        raise InvalidFile(f"{folder}: expected {ENCODER}, which posewire train-text writes; found none")
    stored = torch.load(folder / ENCODER, map_location="cpu", weights_only=True)
    model = TextEncoder(TextConfig(**stored["config"]))
    model.load_state_dict(stored["model"])
    words = Words(folder / TOKENIZER, model.config.max_tokens)
    return TextSide(model.eval().requires_grad_(False), words)

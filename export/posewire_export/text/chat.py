"""What the language model is told before and after the prompt, and which of its tokens are constant.

Every character counts: the reference model was trained on the hidden states that follow exactly
this text, its leading newline and spaces included.
"""

from __future__ import annotations

import hashlib
from typing import Any

from posewire_runtime.errors import InvalidFile
from posewire_runtime.text.encoder import PROBE

SYSTEM = (
    "\n"
    "    Summarize human motion only from the user text for representation: action categories, "
    "key body-part movements, order/transitions, trajectory/direction, posture; "
    "include style/emotion/speed only if present. "
    "Explicitly capture laterality (left/right) when mentioned; do not guess. "
    "If multiple actions are described, indicate the count of distinct actions (e.g., actions=3) "
    "and their order. Do not invent missing info. Keep one concise paragraph.\n"
)
BEFORE = f"<|im_start|>system\n{SYSTEM}<|im_end|>\n<|im_start|>user\n"
AFTER = "<|im_end|>\n"

_SYSTEM_SHA256 = "b9c55290b778c01739a337a36315c2065ef6ccfbfa0a1898b727377ed4965283"
_BEFORE_SHA256 = "5a8764547edf4cfb54d528bf99c06198e048a827968deb68daf77469e2c91311"


def check() -> None:
    """Stop if the constant text isn't, byte for byte, the one the models were trained with."""
    for text, expected in ((SYSTEM, _SYSTEM_SHA256), (BEFORE, _BEFORE_SHA256)):
        found = hashlib.sha256(text.encode()).hexdigest()
        if found != expected:
            raise AssertionError(f"the system prompt was changed: sha256 {found}, expected {expected}")


def constant_ids(tokenizer: Any, where: object) -> tuple[int, ...]:
    """Token ids of the chat up to the prompt, as the reference counts them (its `crop_start`)."""
    for mark in ("<|im_start|>", "<|im_end|>"):
        if tokenizer.token_to_id(mark) is None:
            raise InvalidFile(
                f"{where}: the tokenizer has no {mark}; it doesn't belong to a Qwen3 chat model"
            )
    whole = tokenizer.encode(BEFORE + PROBE + AFTER).ids
    probe = tokenizer.encode(PROBE, add_special_tokens=False).ids
    starts = (i for i in range(len(whole)) if whole[i : i + len(probe)] == probe)
    return tuple(whole[: next(starts, max(0, len(whole) - 1))])

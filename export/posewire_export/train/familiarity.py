"""Where on the scale of likeness a prompt begins to be familiar: measured, not guessed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_export.evaluate.scores import auroc
from posewire_export.evaluate.strangers import STRANGERS
from posewire_export.train.text_model import TextSide
from posewire_runtime.errors import InvalidRequest

_STRANGE_SHARE, _FAMILIAR_SHARE = 0.9, 0.5


@dataclass(frozen=True)
class Calibration:
    """The two ends of the scale and how well they tell known from unknown."""

    strange: float
    """Nine of ten unrelated prompts are less like any known caption than this."""
    familiar: float
    """Half of people's unseen captions are more like a known one than this."""
    auroc: float
    """Chance that an unseen caption is more familiar than an unrelated prompt."""


def calibrate(side: TextSide, known: Sequence[str], unseen: Sequence[str]) -> Calibration:
    """Compare unseen captions and unrelated prompts with the known captions."""
    # A library may have no caption in words of its own on the held-out side: then known words must do.
    inside = sorted(set(unseen) - set(known)) or sorted(set(unseen))
    if not inside:
        raise InvalidRequest("expected captions of held-out clips, to measure what is familiar; found none")
    directions = _directions(side, known)
    within, outside = ((_directions(side, texts) @ directions.T).max(1) for texts in (inside, STRANGERS))
    strange = float(np.quantile(outside, _STRANGE_SHARE))
    familiar = float(np.quantile(within, _FAMILIAR_SHARE))
    return Calibration(strange, max(familiar, strange + 0.05), auroc(within, outside))


def _directions(side: TextSide, texts: Sequence[str]) -> NDArray[np.float64]:
    rows = [side(texts[i : i + 64]).sentence[:, 0].numpy() for i in range(0, len(texts), 64)]
    vectors = np.concatenate(rows).astype(np.float64)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

"""How long a clip should be when nobody says: from the prompt alone. Pure."""

from __future__ import annotations

from posewire_runtime.types import ModelInfo

DEFAULT_SECONDS = 4.0


def estimate_frames(prompt: str, info: ModelInfo) -> int:
    """A length for this prompt, within the model's limits.

    Every prompt gets the same few seconds, as long as no model of durations is part of a package.
    """
    del prompt
    frames = round(DEFAULT_SECONDS * info.fps)
    return max(info.limits.min_frames, min(frames, info.limits.max_frames))

"""Prompts -> motion in torch, for looking at a network while and after it is trained.

The runtime does the same from graphs, much faster; seeds mean the same noise here and there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from posewire_export.train import features
from posewire_export.train.config import from_dict
from posewire_export.train.features import Normaliser
from posewire_export.train.flow import MotionModel, sample
from posewire_export.train.ingest import Motion, ground
from posewire_export.train.text_model import TextSide
from posewire_export.train.trainer import new_model
from posewire_runtime.errors import InvalidFile
from posewire_runtime.motion.smooth import savitzky_golay, smooth_rotations

_NOISE_FRAMES = 360
"""Noise is drawn for the longest clip, then cut: the same seed gives a clip's beginning the same noise."""


@dataclass(frozen=True)
class Wish:
    """One clip to make."""

    prompt: str
    frames: int
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Generator:
    """A trained network with all that it needs."""

    model: MotionModel
    normaliser: Normaliser
    text: TextSide
    device: torch.device

    def __call__(
        self, wishes: Sequence[Wish], *, steps: int = 20, guidance: float = 4.0, batch: int = 16
    ) -> list[Motion]:
        """One motion for each wish, smoothed and on the floor."""
        made: dict[int, Motion] = {}
        order = sorted(range(len(wishes)), key=lambda i: wishes[i].frames)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            latents = self._latents([wishes[i] for i in chosen], steps, guidance)
            for i, latent in zip(chosen, latents.cpu().numpy(), strict=True):
                made[i] = finish(self.normaliser, latent[: wishes[i].frames])
        return [made[i] for i in range(len(wishes))]

    def _latents(self, wishes: Sequence[Wish], steps: int, guidance: float) -> Tensor:
        """(B, T, 201), T the longest of them."""
        longest = max(wish.frames for wish in wishes)
        noise = torch.stack([noise_of(wish.seed)[:longest] for wish in wishes]).to(self.device)
        lengths = torch.tensor([wish.frames for wish in wishes])
        mask = (torch.arange(longest) < lengths[:, None]).to(self.device)
        text = self.text([wish.prompt for wish in wishes], self.device)
        return sample(self.model, text, noise, mask, steps=steps, guidance=guidance)


def noise_of(seed: int) -> Tensor:
    """The noise of a seed, (360, 201), as HY-Motion draws it on a CPU."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, _NOISE_FRAMES, features.WIDTH, generator=generator)[0]


def finish(normaliser: Normaliser, latent: np.ndarray) -> Motion:
    """A clip of normalised features (L, 201) as motion: smoothed as HY-Motion's decoder does, grounded."""
    motion = features.decode(normaliser.undo(latent))
    if len(motion) > 11:
        rotations = smooth_rotations(motion.rotations).astype(np.float32)
        motion = Motion(rotations, savitzky_golay(motion.root).astype(np.float32))
    return ground(motion)


def read_generator(file: Path, text: TextSide, device: str = "cpu") -> Generator:
    """The averaged weights that a run wrote."""
    if not file.is_file():
        raise InvalidFile(f"{file}: expected the averaged weights that posewire train writes; found no file")
    stored = torch.load(file, map_location="cpu", weights_only=True)
    tensors = {name: value.float() for name, value in stored["model_state_dict"].items()}
    mean, std = (tensors.pop(name).numpy() for name in ("mean", "std"))
    weights = {name: value for name, value in tensors.items() if not name.startswith("special_game")}
    model = new_model(from_dict(stored["config"]), text.width)
    model.load_state_dict(weights)
    model.to(device).eval().requires_grad_(False)
    return Generator(model, Normaliser(mean, std), text, torch.device(device))

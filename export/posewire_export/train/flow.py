"""Flow matching: how noise and motion are mixed, what the network is asked, how it is sampled.

x_t = (1 - t) noise + t motion, and sampling follows the velocity motion - noise. HY-Motion's network
says the velocity itself. Ours is narrower than a frame has numbers: it could not even copy the noise
through, which the velocity holds in full. So it says the motion, of which there is far less to say, and
the velocity follows: (motion - x_t) / (1 - t). Knows no files and no optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn

from posewire_export.hymotion.network import Config as NetworkConfig
from posewire_export.hymotion.network import MotionTransformer
from posewire_export.train import features, gait
from posewire_export.train.features import Normaliser
from posewire_export.train.text_model import Text
from posewire_runtime.sampling.schedule import warped_times

_NEAREST = 0.3
"""Velocities this near to the end of the way, or nearer, weigh alike."""

EARLY = 0.1
"""Until then a clip can hardly be made out in the noise."""

_FAR = 6.0
"""Errors of the velocity up to here count by their square.

Squares make the network say the mean of what may come, which flow matching wants; absolute errors would
make it say the median, and of "walks forward" and "walks backward" it would only ever do the commoner.
"""

GUIDED_UNTIL = 0.2
"""What a motion will be is settled by then; to be guided further makes feet slide."""
CROWDING = 1 / 3
"""The first of many steps is so many times as long as if all were alike."""

_SLIP = 0.01
"""Metres in a frame by which a foot may be wrong before the loss grows less steeply."""


class MotionModel(nn.Module):
    """The network together with the vectors that stand for "no text"."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.motion_transformer = MotionTransformer(config)
        self.null_vtxt_feat = nn.Parameter(torch.zeros(1, 1, config.sentence_dim))
        self.null_ctxt_input = nn.Parameter(torch.zeros(1, 1, config.word_dim))

    def forward(self, x: Tensor, text: Text, times: Tensor, frame_mask: Tensor) -> Tensor:
        """x (B, T, 201), times (B,), frame_mask (B, T) -> the motion that x will become (B, T, 201)."""
        return self.motion_transformer(x, text.tokens, text.sentence, times, frame_mask, text.valid)

    def velocity(self, x: Tensor, text: Text, times: Tensor, frame_mask: Tensor) -> Tensor:
        """In which direction that lies, (B, T, 201); times below 1."""
        return (self(x, text, times, frame_mask).float() - x) / (1 - times)[:, None, None]

    def without(self, text: Text, dropped: Tensor) -> Text:
        """The text features with those rows replaced that are `dropped` (B,) bool; the masks stay."""
        row = dropped[:, None, None]
        return Text(
            torch.where(row, self.null_ctxt_input, text.tokens),
            torch.where(row, self.null_vtxt_feat, text.sentence),
            text.valid,
        )


def initialise(model: MotionModel) -> None:
    """Start values: every block begins as doing nothing, the answer begins at zero."""
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2:
            nn.init.xavier_uniform_(parameter)
        elif name.endswith("bias"):
            nn.init.zeros_(parameter)
        elif "null" in name:
            nn.init.normal_(parameter, std=0.02)
        if ("mod" in name and ".linear." in name) or name.startswith("motion_transformer.final_layer.linear"):
            nn.init.zeros_(parameter)


def draw_times(uniform: Tensor, shift: float, early: float = 0.0) -> Tensor:
    """Numbers in [0, 1) -> training times, nearer to noise the greater the shift.

    The share `early` lies between 0 and `EARLY`, half of it in the first tenth of that: over a whole clip
    a hand that is raised shows through the noise soon, where the body goes at once, and only before that
    is either learned from the text.
    """
    later = (uniform - early) / (1 - early)
    first = EARLY * (uniform / max(early, 1e-9)) ** 3
    return torch.where(uniform < early, first, later / (later + shift * (1 - later)))


@dataclass(frozen=True, eq=False)
class Loss:
    """What is minimised: the error of the velocity, and that of how the feet move in the world."""

    mean: Tensor  # (201,)
    std: Tensor  # (201,)
    """What undoes the normalisation."""
    weights: Tensor  # (2, 201)
    """How much each feature counts in noise, one on average, and by how much that changes toward motion."""
    feet: float
    """Weight of the second part."""

    @classmethod
    def of(cls, normaliser: Normaliser, feet: float, device: torch.device | str = "cpu") -> Loss:
        """With the weights of `features`."""
        change = features.LATE_WEIGHTS - features.WEIGHTS
        weights = torch.from_numpy(np.stack([features.WEIGHTS, change]) / features.WEIGHTS.mean()).float()
        mean, std = torch.from_numpy(normaliser.mean), torch.from_numpy(normaliser.std)
        return cls(mean.to(device), std.to(device), weights.to(device), feet)

    def __call__(
        self, model: MotionModel, motion: Tensor, frame_mask: Tensor, text: Text, noise: Tensor, times: Tensor
    ) -> Tensor:
        """Mean over real frames."""
        t = times[:, None, None]
        said = model((1 - t) * noise + t * motion, text, times, frame_mask).float()
        velocity = (said - motion) / (1 - t).clamp_min(_NEAREST)
        apart = nn.functional.huber_loss(velocity, torch.zeros_like(velocity), reduction="none", delta=_FAR)
        apart = (apart * (self.weights[0] + t * self.weights[1])).mean(-1)
        loss = (apart * frame_mask).sum() / frame_mask.sum()
        return loss + self.feet * self._slip(said, motion, frame_mask, times) if self.feet > 0 else loss

    def _slip(self, said: Tensor, motion: Tensor, frame_mask: Tensor, times: Tensor) -> Tensor:
        """How wrong the feet's speed in the world is; it counts the more, the less noise there is."""
        with torch.autocast(said.device.type, enabled=False):
            places, wanted = (gait.feet(x * self.std + self.mean) for x in (said, motion))
            slip = (places - wanted).diff(dim=1).flatten(2) / _SLIP  # (B, T - 1, 12)
            apart = nn.functional.smooth_l1_loss(slip, torch.zeros_like(slip), reduction="none").mean(2)
        apart = apart * times[:, None] * frame_mask[:, 1:]
        return apart.sum() / frame_mask[:, 1:].sum()


def sampling_times(steps: int) -> tuple[float, ...]:
    """0 to 1, crowded towards noise: what a motion will be is decided there, almost in no time."""
    return warped_times(steps, CROWDING, 1.0)


@torch.no_grad()
def sample(
    model: MotionModel,
    text: Text,
    noise: Tensor,
    frame_mask: Tensor,
    *,
    steps: int = 20,
    guidance: float = 4.0,
) -> Tensor:
    """Euler steps from noise (B, T, 201) to normalised motion; guidance at most 1 switches it off.

    Guided only until `GUIDED_UNTIL`.
    """
    grid = sampling_times(steps)
    x = noise
    nothing = model.without(text, torch.ones(len(noise), dtype=torch.bool, device=noise.device))
    for now, then in pairwise(grid):
        times = torch.full((len(x),), now, device=x.device)
        velocity = model.velocity(x, text, times, frame_mask)
        if guidance > 1 and now < GUIDED_UNTIL:
            free = model.velocity(x, nothing, times, frame_mask)
            velocity = free + guidance * (velocity - free)
        x = x + (then - now) * velocity
    return x

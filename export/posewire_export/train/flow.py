"""Flow matching: how noise and motion are mixed, what the network is asked, how it is sampled.

x_t = (1 - t) noise + t motion, and sampling follows the velocity motion - noise. HY-Motion's network
says the velocity itself. Ours is narrower than a frame has numbers: it could not even copy the noise
through, which the velocity holds in full. So it says the motion, of which there is far less to say, and
the velocity follows: (motion - x_t) / (1 - t). Knows no files and no optimiser.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from posewire_export.hymotion.network import Config as NetworkConfig
from posewire_export.hymotion.network import MotionTransformer
from posewire_export.train import features
from posewire_export.train.text_model import Text

_NEAREST = 0.3
"""Velocities this near to the end of the way, or nearer, weigh alike."""

_SLIP = 0.03
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


def draw_times(uniform: Tensor, shift: float) -> Tensor:
    """Numbers in [0, 1) -> training times, nearer to noise the greater the shift."""
    return uniform / (uniform + shift * (1 - uniform))


@dataclass(frozen=True, eq=False)
class Loss:
    """What is minimised: the error of the velocity, and that of how the feet move in the world."""

    std: Tensor  # (201,)
    """Metres and numbers of a rotation that a normalised feature counts."""
    weights: Tensor  # (201,)
    """How much each feature counts, one on average."""
    feet: float
    """Weight of the second part."""

    @classmethod
    def of(cls, std: Tensor, feet: float) -> Loss:
        """With the weights of `features`."""
        weights = torch.from_numpy(features.WEIGHTS / features.WEIGHTS.mean()).float()
        return cls(std, weights.to(std.device), feet)

    def __call__(
        self, model: MotionModel, motion: Tensor, frame_mask: Tensor, text: Text, noise: Tensor, times: Tensor
    ) -> Tensor:
        """Smooth L1 distances over real frames."""
        t = times[:, None, None]
        error = model((1 - t) * noise + t * motion, text, times, frame_mask).float() - motion
        velocity = error / (1 - t).clamp_min(_NEAREST)
        apart = nn.functional.smooth_l1_loss(velocity, torch.zeros_like(error), reduction="none")
        apart = (apart * self.weights).mean(-1)
        loss = (apart * frame_mask).sum() / frame_mask.sum()
        return loss + self.feet * self._feet(error, frame_mask) if self.feet > 0 else loss

    def _feet(self, error: Tensor, frame_mask: Tensor) -> Tensor:
        """Error (B, T, 201) of the motion, as speed of feet in the world."""
        metres = error * self.std
        feet = [metres[..., at : at + 3] + metres[..., features.TRANSLATION] for at in features.FEET]
        slip = torch.stack(feet, dim=2).diff(dim=1) / _SLIP  # (B, T - 1, 4, 3)
        apart = nn.functional.smooth_l1_loss(slip, torch.zeros_like(slip), reduction="none").mean((2, 3))
        return (apart * frame_mask[:, 1:]).sum() / frame_mask[:, 1:].sum()


@torch.no_grad()
def sample(
    model: MotionModel,
    text: Text,
    noise: Tensor,
    frame_mask: Tensor,
    *,
    steps: int = 20,
    guidance: float = 3.0,
) -> Tensor:
    """Euler steps from noise (B, T, 201) to normalised motion; guidance at most 1 switches it off."""
    x = noise
    nothing = model.without(text, torch.ones(len(noise), dtype=torch.bool, device=noise.device))
    grid = torch.linspace(0, 1, steps + 1)
    for now, then in zip(grid[:-1].tolist(), grid[1:].tolist(), strict=True):
        times = torch.full((len(x),), now, device=x.device)
        velocity = model.velocity(x, text, times, frame_mask)
        if guidance > 1:
            free = model.velocity(x, nothing, times, frame_mask)
            velocity = free + guidance * (velocity - free)
        x = x + (then - now) * velocity
    return x

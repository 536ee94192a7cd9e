"""HY-Motion's 201 numbers a frame -> rotations, root path, contacts: numpy, no graph.

One frame: translation (3), root rotation (6), 21 joint rotations (6 each), 22 joint positions that
only the network needs. Six numbers are the first two columns of a rotation matrix, interleaved.
The official decoder grounds by the lowest vertex of its mesh; without that mesh the feet stand in
for it (`motion.contacts.ground`), which is an approximation. Knows nothing of sampling.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posewire_runtime.motion import contacts, quat, rot6d
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.motion.smooth import savitzky_golay, smooth_rotations
from posewire_runtime.packages.manifest import Normalisation
from posewire_runtime.types import Clip, Float, Skeleton

DIMENSIONS = 201
JOINTS = 22

TRANSLATION = slice(0, 3)
"""Where the body is; all else says how it stands."""
_ROTATIONS = slice(3, 3 + JOINTS * 6)
_CONSTANT_BELOW = 1e-3
"""A dimension whose deviation is smaller doesn't vary: it is its mean."""


@dataclass(frozen=True, eq=False)
class Decoder:
    """How latents of one package become clips."""

    skeleton: Skeleton
    fps: float
    normalisation: Normalisation

    def clip(
        self, latent: Float, *, smooth: bool = True, ground: bool = True, seed: int = 0, raw: bool = False
    ) -> Clip:
        """Decode one latent (L, 201); `raw` keeps `latent`, `rot6d`, `transl` and `joints` as the
        official release names and shapes them."""
        frame = self.denormalise(latent)
        six = frame[:, _ROTATIONS].reshape(-1, JOINTS, 6)
        rotations = quat.from_matrix(rot6d.interleaved_to_matrix(six))  # (L, 22, 4)
        translation = frame[:, :3]
        if smooth:
            rotations = smooth_rotations(rotations)
            translation = savitzky_golay(translation)
        rest = self.skeleton.positions[self.skeleton.pelvis]
        _, joints = forward(self.skeleton, rotations, translation + rest)  # (L, 22, 3)
        if ground:
            grounded = contacts.ground(self.skeleton, translation, joints)
            joints = joints + (grounded - translation)[:, None]
            translation = grounded
        kept = {}
        if raw:
            shown = rot6d.interleaved_from_matrix(quat.to_matrix(rotations)) if smooth else six
            kept = {"latent": latent, "rot6d": shown, "transl": translation, "joints": joints}
        return Clip(
            skeleton=self.skeleton,
            fps=self.fps,
            rotations=rotations,
            root=translation + rest,
            contacts=contacts.foot_contacts(self.skeleton, joints, self.fps),
            seed=seed,
            raw=kept,
        )

    def latent(self, clip: Clip) -> Float:  # (L, 201)
        """The numbers that `clip` would decode to this motion, smoothing and grounding aside."""
        _, joints = forward(self.skeleton, clip.rotations, clip.root)
        translation = clip.root - self.skeleton.positions[self.skeleton.pelvis]
        six = rot6d.interleaved_from_matrix(quat.to_matrix(clip.rotations))
        parts = (
            translation,
            six.reshape(clip.frames, -1),
            (joints - translation[:, None]).reshape(clip.frames, -1),
        )
        mean, std = self.normalisation.mean, self.normalisation.std
        varies = std >= _CONSTANT_BELOW
        latent = (np.concatenate(parts, axis=1) - mean) / np.where(varies, std, np.float32(1))
        return np.where(varies, latent, np.float32(0)).astype(np.float32)

    def denormalise(self, latent: Float) -> Float:
        """The network's numbers in metres and matrix entries."""
        mean, std = self.normalisation.mean, self.normalisation.std
        return latent * np.where(std < _CONSTANT_BELOW, np.float32(0), std) + mean

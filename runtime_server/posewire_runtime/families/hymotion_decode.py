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
from posewire_runtime.motion.quat import Array
from posewire_runtime.motion.root import heading
from posewire_runtime.motion.skeleton import forward
from posewire_runtime.motion.smooth import savitzky_golay, smooth_rotations
from posewire_runtime.packages.manifest import Normalisation
from posewire_runtime.sampling.hold import LAST
from posewire_runtime.types import Clip, Float, Skeleton

DIMENSIONS = 201
JOINTS = 22

_X = np.array([0, 3, 4, *range(135, DIMENSIONS, 3)])
_Z = np.array([2, 7, 8, *range(137, DIMENSIONS, 3)])
"""The numbers of a frame along X and along Z, of all vectors that turn with the body."""
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
        bare = joints - translation[:, None]
        parts = (translation, six.reshape(clip.frames, -1), bare.reshape(clip.frames, -1))
        return self.normalise(np.concatenate(parts, axis=1).astype(np.float32))

    def aligned(self, latent: Float, known: Float) -> Float:
        """The motion (L, 201) moved and turned to where known frames (K, 201) are at their end."""
        frames, aim = self.denormalise(latent), self.denormalise(known)
        last = slice(len(known) - LAST, len(known))
        turn = _headings(aim[-LAST:]) - _headings(frames[last])
        radians = float(np.arctan2(np.sin(turn).mean(), np.cos(turn).mean()))
        sine, cosine = np.float32(np.sin(radians)), np.float32(np.cos(radians))
        x, z = frames[:, _X], frames[:, _Z]
        frames[:, _X], frames[:, _Z] = cosine * x + sine * z, cosine * z - sine * x
        frames[:, :3] += (aim[-LAST:] - frames[last])[:, :3].mean(axis=0)
        return self.normalise(frames)

    def normalise(self, frames: Float) -> Float:
        """Metres and matrix entries as the network's numbers."""
        mean, std = self.normalisation.mean, self.normalisation.std
        varies = std >= _CONSTANT_BELOW
        return np.where(varies, (frames - mean) / np.where(varies, std, np.float32(1)), np.float32(0))

    def denormalise(self, latent: Float) -> Float:
        """The network's numbers in metres and matrix entries."""
        mean, std = self.normalisation.mean, self.normalisation.std
        return latent * np.where(std < _CONSTANT_BELOW, np.float32(0), std) + mean


def _headings(frames: Float) -> Array:
    """Where the body faces, radians."""
    return heading(quat.from_matrix(rot6d.interleaved_to_matrix(frames[:, 3:9])))

"""Feet in torch against the skeleton's own forward kinematics."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from posewire_export.train import features, gait  # noqa: E402
from posewire_export.train.ingest import Motion  # noqa: E402
from posewire_export.train.rest import REST  # noqa: E402
from posewire_runtime.motion import quat, skeleton  # noqa: E402

pytestmark = pytest.mark.export


def test_feet_are_where_the_skeleton_has_them() -> None:
    chance = np.random.default_rng(1)
    rotations = quat.from_rotation_vector(chance.uniform(-1.5, 1.5, (9, len(REST), 3))).astype(np.float32)
    motion = Motion(rotations, chance.uniform(-2, 2, (9, 3)).astype(np.float32))
    _, places = skeleton.forward(REST, motion.rotations, motion.root)
    found = gait.feet(torch.from_numpy(features.encode(motion))).flatten(1, 2).numpy()
    np.testing.assert_allclose(found, places[:, list(skeleton.feet(REST))], atol=2e-6)


def test_feet_can_be_learned_from() -> None:
    values = torch.randn(2, 5, features.WIDTH, requires_grad=True)
    gait.feet(values).square().sum().backward()
    gradient = values.grad
    assert gradient is not None
    assert torch.isfinite(gradient).all()
    assert (gradient[..., features.ROTATIONS] != 0).any()

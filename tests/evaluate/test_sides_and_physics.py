"""Claims of captions and the physics of clips, on motion whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from posewire_export.evaluate import bodies, physics
from posewire_export.train import claims
from posewire_export.train.claims import Claim
from posewire_export.train.ingest import Motion
from posewire_export.train.rest import REST
from posewire_runtime.motion import quat

FRAMES = 60


def standing() -> tuple[np.ndarray, np.ndarray]:
    rotations = quat.identity((FRAMES, 22), np.float32).copy()
    return rotations, np.tile(np.array([0, -REST.sole, 0], np.float32), (FRAMES, 1))


def moving(joint: str) -> Motion:
    """One joint swings, all else stands."""
    rotations, root = standing()
    swing = np.sin(np.arange(FRAMES) / 5)[:, None] * np.array([0.5, 0, 0.6])
    rotations[:, REST.index(joint)] = quat.from_rotation_vector(swing)
    return Motion(rotations.astype(np.float32), root)


def going(speed: float, turn: float, aside: float = 0) -> Motion:
    """The stiff body glides ahead at `speed` m/s and left at `aside`, turning by `turn` radians in all."""
    rotations, root = standing()
    angles = np.linspace(0, turn, FRAMES)
    rotations[:, 0] = quat.from_rotation_vector(angles[:, None] * np.array([0, 1.0, 0]))
    facing = np.stack([np.sin(angles), 0 * angles, np.cos(angles)], 1)
    left = np.stack([np.cos(angles), 0 * angles, -np.sin(angles)], 1)
    path = root + np.cumsum((facing * speed + left * aside) / 30, 0)
    return Motion(rotations.astype(np.float32), path.astype(np.float32))


@pytest.mark.parametrize(
    ("caption", "expected"),
    [
        ("a person waves with the left hand", [Claim("arm", "left")]),
        ("someone kicks with the right leg", [Claim("leg", "right")]),
        ("a person turns to the left", [Claim("turn", "left")]),
        ("a person is turning right", [Claim("turn", "right")]),
        ("he walks backwards", [Claim("travel", "back")]),
        ("a person waves the left hand, then the right", []),
        ("a person walks forward", []),
        ("moves from left to right", []),
        ("a person side steps to the left", [Claim("sidestep", "left")]),
        ("a man is sidestepping right", [Claim("sidestep", "right")]),
        ("a person walks sideways to the right", [Claim("sidestep", "right")]),
        ("a person walks in a circle", [Claim("circle", "round")]),
        ("someone runs in circles", [Claim("circle", "round")]),
        ("the man turns in a circle to the right", []),
    ],
)
def test_claims_of_captions(caption: str, expected: list[Claim]) -> None:
    assert claims.claims(caption) == expected


@pytest.mark.parametrize("side", ["left", "right"])
def test_limbs_that_move_are_found(side: claims.Side) -> None:
    letter = side[0].upper()
    assert claims.holds(Claim("arm", side), moving(f"{letter}_Shoulder"))
    assert claims.holds(Claim("leg", side), moving(f"{letter}_Hip"))
    other: claims.Side = "right" if side == "left" else "left"
    assert not claims.holds(Claim("arm", other), moving(f"{letter}_Shoulder"))


def test_turns_and_travel() -> None:
    assert claims.turned(going(1, 2.0)) == pytest.approx(2.0, abs=0.15)
    assert claims.turned(going(1, -7.0)) == pytest.approx(-7.0, abs=0.4)
    assert claims.holds(Claim("turn", "left"), going(1, 1.5))
    assert claims.travel(going(1, 1.5)) == pytest.approx((59 / 30, 0), rel=0.02, abs=0.06)
    assert claims.travel(going(0, 1.5, aside=1)) == pytest.approx((0, 59 / 30), rel=0.02, abs=0.06)
    assert claims.holds(Claim("travel", "back"), going(-1, 3.0))


def test_sidesteps_and_circles() -> None:
    assert claims.holds(Claim("sidestep", "left"), going(0.2, 0, aside=0.5))
    assert not claims.holds(Claim("sidestep", "right"), going(0.2, 0, aside=0.5))
    assert not claims.holds(Claim("sidestep", "left"), going(1, 0, aside=0.5))
    assert claims.holds(Claim("circle", "round"), going(1.5, -6.0))
    assert not claims.holds(Claim("circle", "round"), going(0, 6.0))
    assert not claims.holds(Claim("circle", "round"), going(1.5, 2.0))


def test_bodies_are_middles_of_actions() -> None:
    found = bodies.typical(
        [going(0.1, 0), going(0.2, 0), going(0.5, 0), going(0.9, 0)], [["a"], ["a"], ["a"], []]
    )
    assert found["sliding"].value == pytest.approx(0.55, rel=1e-3)
    assert 0.5 <= found["sliding"].low <= found["sliding"].high <= 0.7 + 1e-3
    assert found["flips"].value == 0


def test_passes_hold_feet_that_creep() -> None:
    rotations, root = standing()
    sway = root + 0.03 * np.sin(np.arange(FRAMES) / 6)[:, None] * np.array([1, 0, 0], np.float32)
    creeping = Motion(rotations, sway.astype(np.float32))
    assert physics.measure(bodies.after_passes(creeping)).sliding < 0.1 * physics.measure(creeping).sliding


def test_sliding_is_the_speed_of_feet_on_the_floor() -> None:
    assert physics.measure(going(0.5, 0)).sliding == pytest.approx(0.5, rel=1e-3)
    rotations, root = standing()
    assert physics.measure(Motion(rotations, root)).sliding == 0
    assert np.isnan(physics.measure(Motion(rotations, root + np.float32(0.5))).sliding)


def test_sinking_and_drift() -> None:
    rotations, root = standing()
    sunk = physics.measure(Motion(rotations, root - np.array([0, 0.03, 0], np.float32)))
    assert sunk.sinking == pytest.approx(0.03, abs=1e-4)
    rising = root + np.linspace(0, 0.2, FRAMES, dtype=np.float32)[:, None] * np.array([0, 1, 0], np.float32)
    assert physics.measure(Motion(rotations, rising)).drift == pytest.approx(0.16, abs=0.01)


def test_flips_are_counted() -> None:
    rotations, root = standing()
    rotations[30, REST.index("L_Elbow")] = quat.from_rotation_vector(np.array([0, 1.5, 0]))
    found = physics.measure(Motion(rotations, root))
    assert found.flips == 2
    assert found.jerk > 0

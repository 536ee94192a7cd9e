"""What clips show beyond their captions, measured on motion made up on the spot, and said in words."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

pytest.importorskip("torch")

from posewire_export.train import features, shown
from posewire_export.train.ingest import Motion, heading
from posewire_export.train.rest import REST
from posewire_export.train.shown import Shown
from posewire_runtime.motion import quat
from posewire_runtime.types import Float

pytestmark = pytest.mark.export
FRAMES = 60


def clip_of(vectors: Float, path: Float | None = None) -> Float:
    """Features of rotation vectors (L, 22, 3) and a path of the pelvis (L, 3)."""
    root = np.zeros((len(vectors), 3), np.float32) if path is None else path.astype(np.float32)
    rotations = quat.from_rotation_vector(vectors).astype(np.float32)
    return features.encode(Motion(rotations, root + REST.positions[0]))


def still() -> Float:
    return np.zeros((FRAMES, len(REST), 3), np.float32)


def swinging(joint: str) -> Float:
    vectors = still()
    vectors[:, REST.index(joint)] = np.sin(np.arange(FRAMES) / 3)[:, None] * np.array([0, 0, 0.9])
    return clip_of(vectors)


@pytest.mark.parametrize("side", ["left", "right"])
def test_the_limb_that_moves_is_found(side: str) -> None:
    letter = side[0].upper()
    assert shown.measure(swinging(f"{letter}_Shoulder")) == Shown(arm=side)  # pyright: ignore[reportArgumentType]
    assert shown.measure(swinging(f"{letter}_Hip")) == Shown(leg=side)  # pyright: ignore[reportArgumentType]


def test_where_nothing_or_both_move_nothing_is_claimed() -> None:
    both = still()
    for joint, sign in (("L_Shoulder", 1), ("R_Shoulder", -1)):
        both[:, REST.index(joint)] = np.sin(np.arange(FRAMES) / 3)[:, None] * np.array([0, 0, 0.9 * sign])
    assert shown.measure(clip_of(still())) == Shown()
    assert shown.measure(clip_of(both)) == Shown()


@pytest.mark.parametrize(("angle", "side"), [(2.0, "left"), (-2.0, "right"), (0.5, None), (7.0, "left")])
def test_turns_are_measured_whole(angle: float, side: str | None) -> None:
    vectors = still()
    vectors[:, 0, 1] = np.linspace(0, angle, FRAMES)
    assert shown.measure(clip_of(vectors)).turn == side


def test_what_is_shown_mirrors_with_the_clip() -> None:
    clip = swinging("L_Shoulder")
    assert shown.measure(features.mirror(clip)) == shown.measure(clip).mirrored() == Shown(arm="right")


@pytest.mark.parametrize(
    ("text", "what", "words"),
    [
        ("a person waves one hand.", Shown(arm="right"), {"a person waves the right hand"}),
        (
            "he kicks",
            Shown(leg="left"),
            {f"he kicks with {w} left {x}" for w in ("the", "his", "her", "their") for x in ("leg", "foot")},
        ),
        ("a person turns", Shown(turn="left"), {"a person turns left", "a person turns to the left"}),
    ],
)
def test_the_side_is_named(text: str, what: Shown, words: set[str]) -> None:
    assert {shown.name_side(text, what, Random(seed)) for seed in range(40)} <= words


@pytest.mark.parametrize(
    "text",
    [
        "waves the left hand",
        "waves both hands",
        "turns around",
        "jumps, then kicks",
        "a person sits",
        "claps",
    ],
)
def test_nothing_is_added_where_it_may_be_wrong(text: str) -> None:
    assert shown.name_side(text, Shown(leg="right", turn="right"), Random(1)) == text


@given(
    st.sampled_from(["a person walks forward", "walking", "someone jogs", "a man strolls slowly"]),
    st.integers(0, 99),
)
def test_who_walks_and_turns_is_said_to_turn(text: str, seed: int) -> None:
    said = shown.name_side(text, Shown(turn="right"), Random(seed))
    assert "right" in said
    assert "turn" in said
    assert "left" not in said


def test_a_walk_played_backwards_goes_backwards_facing_forward() -> None:
    path = np.zeros((FRAMES, 3), np.float32)
    path[:, 2] = np.linspace(0, 2, FRAMES)
    walk = clip_of(still(), path)
    back = shown.reversed_walk(walk, "a person walks forward")
    assert back is not None
    motion = features.decode(back[0])
    assert back[1] in ("a person walks backward", "a person walks backwards")
    assert motion.root[0, 2] == pytest.approx(0, abs=1e-5)
    assert motion.root[-1, 2] == pytest.approx(-2, abs=1e-4)
    assert heading(motion) == pytest.approx(0, abs=1e-5)
    assert shown.reversed_walk(walk, "a person walks forward, then waves") is None
    assert shown.reversed_walk(clip_of(still()), "a person walks in place") is None


@pytest.mark.parametrize("seed", range(6))
def test_a_bent_walk_turns_to_the_side_it_says_and_goes_where_it_faces(seed: int) -> None:
    path = np.zeros((FRAMES, 3), np.float32)
    path[:, 2] = np.linspace(0, 2.5, FRAMES)
    bent = shown.bent_walk(clip_of(still(), path), "a person walks forward", Random(seed))
    assert bent is not None
    side = shown.measure(bent[0]).turn or ("left" if "left" in bent[1] else "right")
    motion = features.decode(bent[0])
    last = motion.root[-1] - motion.root[-2]
    assert side in bent[1]
    assert (motion.root[-1, 0] > 0) == (side == "left")
    assert np.arctan2(last[0], last[2]) == pytest.approx(heading(motion, FRAMES - 1), abs=1e-3)
    assert np.linalg.norm(np.diff(motion.root, axis=0), axis=1).sum() == pytest.approx(2.5, abs=1e-3)


def test_a_long_walk_may_go_round_and_ends_where_it_began() -> None:
    path = np.zeros((FRAMES, 3), np.float32)
    path[:, 2] = np.linspace(0, 6, FRAMES)
    bent = [shown.bent_walk(clip_of(still(), path), "a man walks", Random(seed)) for seed in range(60)]
    round_about = [(features.decode(clip), text) for clip, text in filter(None, bent) if "circle" in text]
    assert 6 <= len(round_about) <= 30
    for motion, text in round_about:
        assert np.linalg.norm(motion.root[-1] - motion.root[0]) < 0.2
        to_the_left = motion.root[FRAMES // 2, 0] > 0
        assert not any(word in text for word in (("right", " clock") if to_the_left else ("left", "counter")))
    assert {text for _, text in round_about} >= {"a man walks in a circle", "a man walks in circles"}

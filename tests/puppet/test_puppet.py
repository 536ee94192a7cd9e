"""The puppet's motion: feet stick, joints bend the right way, words are obeyed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_runtime.motion import quat
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.puppet import perform
from posewire_runtime.puppet.script import RUN, TURN, WALK, Act, read
from posewire_runtime.types import CONTACT_NAMES, Clip

WALKING = "a person walks forward"
SEEDS = range(6)


def joints(clip: Clip) -> dict[str, np.ndarray]:
    """World positions (L, 3) by joint name."""
    _, positions = forward(SMPL22, clip.rotations.astype(float), clip.root.astype(float))
    return {name: positions[:, index] for index, name in enumerate(SMPL22.names)}


def heading(clip: Clip) -> np.ndarray:
    """Degrees that the pelvis is turned to the left, unwrapped."""
    facing = quat.rotate(clip.rotations[:, 0].astype(float), np.array([0.0, 0, 1]))
    return np.degrees(np.unwrap(np.arctan2(facing[:, 0], facing[:, 2])))


def toe_slide(clip: Clip, side: str) -> np.ndarray:
    """Horizontal speed, m/s, of a foot's ball from one frame to the next, both in contact."""
    ball = joints(clip)[f"{side}_Foot"]
    touching = clip.contacts[:, CONTACT_NAMES.index("left_toe" if side == "L" else "right_toe")]
    speed = np.linalg.norm(np.diff(ball[:, [0, 2]], axis=0), axis=1) * clip.fps
    return speed[touching[1:] & touching[:-1]]


@pytest.mark.parametrize(
    "prompt", [WALKING, "runs", "turns around", "walks in a circle", "walks then waves", "stands"]
)
def test_feet_that_touch_the_floor_do_not_slide(prompt: str) -> None:
    for seed in SEEDS:
        clip = perform(prompt, 240, 30, seed)
        slide = np.concatenate([toe_slide(clip, side) for side in "LR"])
        assert slide.mean() < 0.015
        assert slide.max() < 0.1, "a foot that comes down turns about its heel; its ball still moves a little"


@pytest.mark.parametrize("prompt", [WALKING, "runs", "turns right", "idle"])
def test_feet_neither_float_nor_sink(prompt: str) -> None:
    above = SMPL22.positions[SMPL22.index("L_Foot"), 1] - SMPL22.sole
    for seed in SEEDS:
        clip = perform(prompt, 150, 30, seed)
        at = joints(clip)
        for side, toe, heel in (("L", 1, 0), ("R", 3, 2)):
            ball, ankle = at[f"{side}_Foot"][:, 1], at[f"{side}_Ankle"][:, 1]
            assert ball.min() > above - 0.001
            np.testing.assert_allclose(ball[clip.contacts[:, toe]], above, atol=0.015)
            flat = clip.contacts[:, toe] & clip.contacts[:, heel]
            np.testing.assert_allclose(ankle[flat], 0.1048, atol=0.015)


def test_knees_bend_forward_and_elbows_inward() -> None:
    """The knee lies in front of the line from hip to ankle, seen from where the pelvis faces."""
    for prompt in (WALKING, "runs", "turns left", "waves with both hands"):
        clip = perform(prompt, 150, 30, 3)
        at = joints(clip)
        back = quat.conjugate(clip.rotations[:, 0].astype(float))
        for side in "LR":
            hip, knee, ankle = (at[f"{side}_{part}"] for part in ("Hip", "Knee", "Ankle"))
            axis = quat.normalise(ankle - hip)
            bend = (knee - hip) - np.sum((knee - hip) * axis, axis=1, keepdims=True) * axis
            assert quat.rotate(back, bend)[:, 2].min() > -0.005
            # A left elbow bends about -Y, a right one about +Y.
            turn = quat.to_rotation_vector(clip.rotations[:, SMPL22.index(f"{side}_Elbow")].astype(float))
            assert ((turn[:, 1] < 0) == (side == "L")).all()


def test_it_walks_forward_at_a_walking_speed() -> None:
    clip = perform(WALKING, 300, 30, 1)
    assert 0.9 < clip.root[-1, 2] / clip.seconds < 1.4
    assert np.abs(clip.root[:, 0]).max() < 0.06
    assert np.abs(heading(clip)).max() < 12
    hands = joints(clip)
    opposite = np.corrcoef(hands["L_Wrist"][:, 2] - clip.root[:, 2], hands["L_Ankle"][:, 2] - clip.root[:, 2])
    assert opposite[0, 1] < -0.5, "arms swing against the legs"
    assert 0.015 < np.ptp(clip.root[60:240, 1]) < 0.06, "the hips bob"


def test_running_is_faster_than_walking_and_leaves_the_floor() -> None:
    walk, run = (perform(prompt, 240, 30, 0) for prompt in (WALKING, "a man runs"))
    assert run.root[-1, 2] > 1.8 * walk.root[-1, 2]
    assert walk.contacts.any(axis=1).mean() > 0.97
    assert (~run.contacts.any(axis=1)).mean() > 0.1


@pytest.mark.parametrize(
    ("prompt", "degrees"),
    [("turns left", 90), ("turns to the right", -90), ("turns around", 180), ("walks in a circle", 360)],
)
def test_turns_go_as_far_as_they_are_told(prompt: str, degrees: float) -> None:
    for seed in SEEDS:
        clip = perform(f"a person {prompt}", 150, 30, seed)
        assert heading(clip)[-1] == pytest.approx(degrees, abs=4)


@pytest.mark.parametrize(
    ("prompt", "up", "down"), [("the right hand", "R", "L"), ("her left hand", "L", "R")]
)
def test_the_hand_that_waves_is_the_one_that_was_named(prompt: str, up: str, down: str) -> None:
    for seed in SEEDS:
        clip = perform(f"a person waves with {prompt}", 120, 30, seed)
        at = joints(clip)
        middle = slice(30, 90)
        assert (at[f"{up}_Wrist"][middle, 1] > at["Neck"][middle, 1]).all()
        assert (at[f"{down}_Wrist"][:, 1] < at["Pelvis"][:, 1] + 0.05).all()
        sideways = np.diff(np.sign(np.diff(at[f"{up}_Wrist"][middle, 0])))
        assert np.count_nonzero(sideways) >= 4, "to and fro"
        assert clip.contacts.all(), "while standing"


def test_one_after_the_other() -> None:
    clip = perform("a person walks forward, then waves with the right hand", 180, 30, 2)
    wrist = joints(clip)["R_Wrist"][:, 1] - clip.root[:, 1]
    assert wrist[:85].max() < 0.1
    assert wrist[110:160].min() > 0.3
    assert clip.root[95, 2] > 1.5
    assert np.abs(clip.root[100:, 2] - clip.root[100, 2]).max() < 0.02


def test_it_begins_and_ends_standing_with_the_feet_side_by_side() -> None:
    for seed in SEEDS:
        clip = perform(WALKING, 180, 30, seed)
        for frame in (0, -1):
            assert clip.contacts[frame].all()
        feet = joints(clip)
        assert np.abs(feet["L_Ankle"][-1] - feet["R_Ankle"][-1])[2] < 0.25
        assert feet["L_Ankle"][-1, 0] > feet["R_Ankle"][-1, 0] + 0.1


def test_seeds_differ_and_come_again() -> None:
    one, again, other = (perform(WALKING, 60, 30, seed) for seed in (1, 1, 2))
    assert one.rotations.tobytes() == again.rotations.tobytes()
    assert one.root.tobytes() == again.root.tobytes()
    assert quat.angle(one.rotations, other.rotations).max() > 0.02


def test_a_clip_too_short_for_its_acts_is_cut() -> None:
    clip = perform("walks, " * 280, 60, 30, 0)
    assert clip.frames == 60
    assert 0.5 < clip.root[-1, 2] < 3


words = st.sampled_from(
    [
        "walks",
        "runs",
        "turns left",
        "turns around",
        "waves",
        "waves the left hand",
        "stands",
        "then",
        ",",
        "and",
    ]
)


@settings(max_examples=40)
@given(
    st.lists(words, max_size=7), st.integers(1, 400), st.integers(0, 2**64 - 1), st.sampled_from([20, 30, 60])
)
def test_whatever_is_asked_it_moves_smoothly(parts: list[str], frames: int, seed: int, fps: int) -> None:
    clip = perform(" ".join(parts), frames, fps, seed)
    assert clip.rotations.shape == (frames, 22, 4)
    assert clip.rotations.dtype == clip.root.dtype == np.float32
    assert np.isfinite(clip.rotations).all()
    assert np.isfinite(clip.root).all()
    np.testing.assert_allclose(np.linalg.norm(clip.rotations, axis=-1), 1, atol=1e-5)
    assert np.abs(clip.root[0, [0, 2]]).max() < 0.06, "it begins at the origin"
    assert 0.6 < clip.root[:, 1].min() <= clip.root[:, 1].max() < 1.05
    turn = quat.angle(clip.rotations[1:], clip.rotations[:-1]) * fps
    assert turn.max(initial=0) < 45, "radians a second; a running knee reaches 20"
    assert np.linalg.norm(np.diff(clip.root, axis=0), axis=1).max(initial=0) * fps < 6


@pytest.mark.parametrize(
    ("prompt", "acts"),
    [
        ("", [Act()]),
        ("does something strange", [Act()]),
        ("a person walks forward", [Act(WALK)]),
        ("Jogging!", [Act(RUN)]),
        ("walks and waves", [Act(WALK, waves=("right",))]),
        ("waves both arms", [Act(waves=("left", "right"))]),
        ("waving the left arm", [Act(waves=("left",))]),
        ("turns left and waves with the right hand", [Act(TURN, 90, ("right",), share=0.8)]),
        ("walks in a circle clockwise", [Act(WALK, -360)]),
        (
            "walks, then turns around and stops. She waves",
            [Act(WALK), Act(TURN, 180, share=0.8), Act(waves=("right",))],
        ),
    ],
)
def test_prompts_are_read(prompt: str, acts: list[Act]) -> None:
    assert list(read(prompt)) == acts

"""What each pass promises: feet that stand still, loops without a seam, fewer keys within a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_runtime.bake.rigs import rig
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.formats.tracks import tracks_of
from posewire_runtime.motion import quat
from posewire_runtime.motion.additive import additive, apply_additive
from posewire_runtime.motion.contacts import foot_contacts
from posewire_runtime.motion.footlock import REACH, lock_feet, sliding
from posewire_runtime.motion.ik import two_bones
from posewire_runtime.motion.join import join
from posewire_runtime.motion.loop import find_cycle, make_loop
from posewire_runtime.motion.plant import plant
from posewire_runtime.motion.reduce import importance, reduce_keys
from posewire_runtime.motion.root import root_motion
from posewire_runtime.motion.skeleton import SMPL22, forward, rest_offsets, rest_rotations
from posewire_runtime.motion.travel import smooth_travel
from posewire_runtime.motion.trim import active_window, cut, trim_idle
from posewire_runtime.types import Clip

Make = Callable[..., Clip]
PROMPTS = ["a person walks forward", "a person stands idle", "turns around, then waves"]

points = st.lists(st.floats(-1, 1), min_size=3, max_size=3).map(lambda v: np.array(v, np.float64))


def places(clip: Clip) -> np.ndarray:
    return forward(clip.skeleton, clip.rotations.astype(float), clip.root.astype(float))[1]


# ------------------------------------------------------------------------------------------------- ik


@given(points, points, points)
@settings(max_examples=200)
def test_two_bones_reach_what_can_be_reached(knee: np.ndarray, shin: np.ndarray, goal: np.ndarray) -> None:
    down = np.array([0, -2.0, 0])
    hip, knee = np.zeros(3), knee + down
    ankle = knee + shin + down
    goal = 2 * goal + np.array([0, -2.5, 0.1])
    upper, lower = two_bones(hip, knee, ankle, goal)
    new_knee = quat.rotate(upper, knee)
    new_ankle = new_knee + quat.rotate(lower, ankle - knee)
    first, second = np.linalg.norm(knee), np.linalg.norm(ankle - knee)
    way = np.linalg.norm(goal)
    reached = np.clip(way, abs(first - second), first + second)
    np.testing.assert_allclose(new_ankle, goal / way * reached, atol=1e-4)


def test_a_limb_that_is_there_already_does_not_turn() -> None:
    hip, knee, ankle = np.array([[0, 1, 0], [0.02, 0.55, 0.1], [0, 0.1, 0.0]])
    for turn in two_bones(hip, knee, ankle, ankle):
        assert quat.angle(turn, quat.identity()) < 1e-9


def test_a_straight_leg_bends_forward() -> None:
    hip, knee, ankle = np.array([[0, 1, 0], [0, 0.55, 0], [0, 0.1, 0.0]])
    upper, _ = two_bones(hip, knee, ankle, np.array([0, 0.3, 0.0]))
    assert quat.rotate(upper, knee - hip)[2] > 0.1


# ------------------------------------------------------------------------------------------ foot lock


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("seed", range(3))
def test_locked_feet_stand_still(prompt: str, seed: int, make: Make) -> None:
    swaying = make(prompt, seed=seed, swaying=True)
    locked = lock_feet(swaying)
    assert sliding(swaying) > 0.05
    assert sliding(locked) < 0.002


@pytest.mark.parametrize("prompt", PROMPTS)
def test_locking_is_gentle(prompt: str, make: Make) -> None:
    """No joint jumps, feet keep their turn in the world, legs aren't torn straight, the trunk only sinks."""
    swaying = make(prompt, swaying=True)
    locked = lock_feet(swaying)
    before, after = places(swaying), places(locked)
    step = np.linalg.norm(np.diff(after - before, axis=0), axis=-1)
    assert step.max() < 0.04
    drop = swaying.root - locked.root
    assert drop.min() >= 0
    assert drop.max() < 0.08
    for ankle, knee, hip in ((7, 4, 1), (8, 5, 2)):
        bones = np.linalg.norm(SMPL22.positions[[ankle, knee]] - SMPL22.positions[[knee, hip]], axis=-1).sum()
        was = np.linalg.norm(before[:, ankle] - before[:, hip], axis=-1)
        now = np.linalg.norm(after[:, ankle] - after[:, hip], axis=-1)
        assert (now <= np.maximum(REACH * bones, was) + 5e-3).all()


def test_feet_that_stand_are_left_alone(make: Make) -> None:
    still = make("a person stands idle")
    np.testing.assert_allclose(places(lock_feet(still)), places(still), atol=2e-3)


def test_no_contact_no_change(make: Make) -> None:
    clip = make("a person walks forward", swaying=True)
    flying = replace(clip, contacts=np.zeros_like(clip.contacts))
    np.testing.assert_allclose(places(lock_feet(flying)), places(flying), atol=1e-5)
    assert sliding(flying) == 0


# ---------------------------------------------------------------------------------------------- plant


def gliding(clip: Clip, share: float) -> Clip:
    """The clip with so much more (or less) way in every step than its legs make."""
    root = clip.root.copy()
    root[:, [0, 2]] = root[0, [0, 2]] + share * (root[:, [0, 2]] - root[0, [0, 2]])
    return replace(clip, root=root)


def slide(clip: Clip) -> float:
    """Mean speed of the slower toe over the floor."""
    toes = places(clip)[:, [10, 11]][..., [0, 2]]
    return float(np.linalg.norm(np.diff(toes, axis=0), axis=-1).min(axis=1).mean() * clip.fps)


@pytest.mark.parametrize("share", [0.5, 0.8, 1.4, 2.0])
def test_who_glides_goes_as_the_legs_go(share: float, make: Make) -> None:
    walk = make("a person walks forward", 4)
    planted = plant(gliding(walk, share))
    assert slide(planted) < 0.25 * slide(gliding(walk, share))
    np.testing.assert_allclose(planted.root[-1, 2] - planted.root[0, 2], walk.root[-1, 2], rtol=0.15)
    np.testing.assert_array_equal(planted.rotations, walk.rotations)
    np.testing.assert_array_equal(planted.root[:, 1], walk.root[:, 1])


def test_feet_that_glide_are_no_contacts_until_they_are_planted(make: Make) -> None:
    walk = make("a person walks forward", 4)
    glide = gliding(walk, 2.0)
    lost = replace(glide, contacts=foot_contacts(glide.skeleton, places(glide), glide.fps))
    assert lost.contacts.mean() < 0.5 * walk.contacts.mean()
    assert plant(lost).contacts.mean() > 0.8 * walk.contacts.mean()


@pytest.mark.parametrize("prompt", PROMPTS)
def test_who_does_not_glide_goes_on_as_before(prompt: str, make: Make) -> None:
    clip = make(prompt)
    np.testing.assert_allclose(plant(clip).root, clip.root, atol=0.03 * max(1, clip.seconds))


def test_a_flight_keeps_its_way(make: Make) -> None:
    clip = make("a person walks forward")
    flying = replace(clip, root=clip.root + np.array([0, 1, 0], np.float32))
    np.testing.assert_allclose(plant(flying).root, flying.root, atol=1e-4)


def test_one_frame_stays_as_it_is(make: Make) -> None:
    clip = cut(make("a person walks forward"), 0, 1)
    np.testing.assert_array_equal(plant(clip).root, clip.root)


# ----------------------------------------------------------------------------------------------- loops


@pytest.mark.parametrize("prompt", [*PROMPTS, "walks in a circle"])
@pytest.mark.parametrize("seed", range(3))
def test_a_loop_has_no_seam(prompt: str, seed: int, make: Make) -> None:
    made = make_loop(make(prompt, seed=seed, swaying=True))
    assert made.after.metres < 1e-5
    assert made.after.metres_per_second <= 1.3 * made.after.usual
    assert made.clip.frames == made.end - made.start + 1
    assert made.cycle.metres <= made.before.metres + 0.02


def test_a_loop_goes_on_walking(make: Make) -> None:
    """The last frame is the first one, further along."""
    walk = make("a person walks forward", 6, swaying=True)
    loop = make_loop(walk).clip
    travel = root_motion(loop).positions[-1] - root_motion(loop).positions[0]
    assert np.linalg.norm(travel) / loop.seconds > 0.5
    np.testing.assert_allclose(loop.root[-1, 1], loop.root[0, 1], atol=1e-5)
    assert (loop.contacts[-1] == loop.contacts[0]).all()


def test_the_cycle_of_a_pendulum_is_found(make: Make) -> None:
    """A motion that repeats every 30 frames loops over a multiple of 30."""
    idle = make("a person stands idle")
    swing = 0.5 * np.sin(2 * np.pi * np.arange(idle.frames) / 30)
    rotations = np.tile(idle.rotations[:1], (idle.frames, 1, 1))
    axis = np.tile([[0.0, 0.0, 1.0]], (idle.frames, 1))
    rotations[:, 16] = quat.multiply(rotations[:, 16], quat.from_axis_angle(axis, swing))
    pendulum = replace(idle, rotations=rotations, root=np.tile(idle.root[:1], (idle.frames, 1)))
    start, end = find_cycle(pendulum)
    assert (end - start) % 30 == 0


def test_too_short_to_loop(make: Make) -> None:
    with pytest.raises(InvalidRequest, match=r"more than 0\.6 s"):
        make_loop(make("walks", 0.5))


# ------------------------------------------------------------------------------------------- trimming


def test_idle_ends_are_cut(make: Make) -> None:
    wave = make("a person waves", 3)
    still = 45
    rotations = np.concatenate([wave.rotations[:1].repeat(still, 0), wave.rotations])
    root = np.concatenate([wave.root[:1].repeat(still, 0), wave.root])
    contacts = np.concatenate([wave.contacts[:1].repeat(still, 0), wave.contacts])
    late = replace(wave, rotations=rotations, root=root, contacts=contacts)
    start, _ = active_window(late)
    assert start >= still - 6
    assert active_window(trim_idle(late))[0] == 0


def test_a_clip_of_nothing_but_idling_is_kept(make: Make) -> None:
    idle = make("a person stands idle")
    assert active_window(idle) == (0, idle.frames)
    assert active_window(cut(idle, 0, 1)) == (0, 1)


# ---------------------------------------------------------------------------------------- few keys


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("bound", [0.0005, 0.005])
def test_fewer_keys_stay_within_the_bound(prompt: str, bound: float, make: Make) -> None:
    """Measured by plain slerp and interpolation, joint by joint."""
    clip = make(prompt)
    tracks = tracks_of(clip)
    turns, moves = reduce_keys(tracks.skeleton, tracks.rotations, tracks.translations, bound)
    frames = np.arange(clip.frames)
    shown = tracks.rotations.copy()
    for joint, keys in turns.items():
        assert keys[0] == 0
        assert keys[-1] == clip.frames - 1
        for first, last in pairwise(keys):
            t = (frames[first : last + 1] - first) / (last - first)
            ends = tracks.rotations[first, joint], tracks.rotations[last, joint]
            shown[first : last + 1, joint] = quat.slerp(*ends, t)
    keys = moves[0]
    root = np.stack([np.interp(frames, keys, tracks.translations[0][keys, k]) for k in range(3)], axis=-1)
    found = forward(clip.skeleton, shown, root)[1]
    assert np.linalg.norm(found - places(clip), axis=-1).max() <= bound + 1e-7
    kept = sum(map(len, turns.values())) + len(keys)
    assert kept < 0.8 * clip.frames * 23


def test_a_straight_track_needs_two_keys() -> None:
    def errors(*_: np.ndarray) -> np.ndarray:
        return np.zeros(len(_[0]))

    assert np.flatnonzero(importance(errors, (10, 1), 1e-6)[:, 0]).tolist() == [0, 9]


@given(st.lists(st.floats(-1, 1), min_size=3, max_size=60), st.floats(0.01, 0.5))
@settings(max_examples=100)
def test_splitting_keeps_its_bound(values: list[float], bound: float) -> None:
    track = np.array(values)

    def errors(frames: np.ndarray, joints: np.ndarray, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        t = (frames - first) / (last - first)
        return np.abs(track[frames] - (track[first] * (1 - t) + track[last] * t))

    keys = np.flatnonzero(importance(errors, (len(track), 1), bound / 10)[:, 0] > bound)
    shown = np.interp(np.arange(len(track)), keys, track[keys])
    assert np.abs(shown - track).max() <= bound + 1e-12


# ------------------------------------------------------------------------- additive, join, travel


def test_an_additive_clip_laid_over_its_reference_gives_the_clip(make: Make) -> None:
    clip = make("a person waves")
    layer = additive(clip)
    np.testing.assert_allclose(layer.rotations[0], rest_rotations(SMPL22), atol=1e-6)
    still = replace(
        clip,
        rotations=clip.rotations[:1].repeat(clip.frames, 0),
        root=clip.root[:1].repeat(clip.frames, 0),
    )
    np.testing.assert_allclose(places(apply_additive(still, layer)), places(clip), atol=1e-4)


def test_joined_clips_go_on_where_the_last_one_is(make: Make) -> None:
    first, second = make("a person walks forward", 3), make("a person turns left", 3)
    both = join([first, second, first])
    fade = round(0.35 * 30)
    assert both.frames == 3 * 90 - 2 * fade
    speed = np.linalg.norm(np.diff(places(both), axis=0), axis=-1).max() * 30
    alone = max(np.linalg.norm(np.diff(places(c), axis=0), axis=-1).max() * 30 for c in (first, second))
    assert speed < 1.6 * alone
    np.testing.assert_array_equal(both.root[: 90 - fade], first.root[: 90 - fade])


def test_clips_of_different_rates_are_not_joined(make: Make) -> None:
    clip = make("walks", 2)
    with pytest.raises(InvalidRequest, match="30 and 60 fps"):
        join([clip, replace(clip, fps=60.0)])


def test_smooth_travel_goes_straight_and_arrives(make: Make) -> None:
    walk = make("a person walks forward", 6)
    raw, smooth = root_motion(walk), smooth_travel(walk)
    np.testing.assert_allclose(smooth.positions[[0, -1]], raw.positions[[0, -1]], atol=0.03)
    bends = [np.linalg.norm(np.diff(path.positions, 2, axis=0), axis=-1).sum() for path in (raw, smooth)]
    assert bends[1] < 0.7 * bends[0]
    assert len(smooth_travel(cut(walk, 0, 1)).positions) == 1


# ------------------------------------------------------------------------------------------------ rigs


@pytest.mark.parametrize(
    ("name", "source", "limbs", "along"),
    [
        (
            "godot",
            "SkeletonProfileHumanoid of Godot",
            ("LeftLowerArm", "RightHand", "LeftLowerLeg", "RightFoot"),
            (0, 1, 0),
        ),
        (
            "rigify",
            "Rigify's human metarig in Blender",
            ("forearm.L", "hand.R", "shin.L", "foot.R"),
            (0, 0, -1),
        ),
    ],
)
def test_rest_poses_that_programs_gave_away(
    name: str, source: str, limbs: tuple[str, ...], along: tuple[int, ...]
) -> None:
    """Both lay bones along their own Y; in our frame Blender's Y is -Z."""
    found = rig(name)
    assert source in found.note
    assert found.target is not None
    offsets = rest_offsets(found.target.skeleton)
    for limb in limbs:
        offset = offsets[found.target.skeleton.index(limb)]
        length = np.linalg.norm(offset)
        assert length > 0.2
        np.testing.assert_allclose(offset, length * np.array(along), atol=1e-4)

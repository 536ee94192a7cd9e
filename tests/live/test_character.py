"""What a character wants made, and which frames may leave: decisions, without threads or clocks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_runtime.fakes import FakeProgram
from posewire_runtime.motion.root import RootMotion, along, root_motion
from posewire_runtime.motion.walk import Goal, Walk
from posewire_runtime.scheduler.live import CHUNK, STANDING, Character, Frames, Segment, Wish
from posewire_runtime.types import Clip, Request

PROGRAM = FakeProgram()
INFO = PROGRAM.info


def character(prompt: str = "a person walks", ahead: float = 1.0, seed: int = 5) -> Character:
    made = Wish(prompt, None, 1)
    return Character(INFO, Walk(INFO.fps), made, seed=seed, ahead=ahead, frames_of=lambda prompt: 90)


def clip_of(segment: Segment) -> Clip:
    request = Request(
        segment.wish.prompt or STANDING, INFO.name, segment.frames, segment.seed, known=segment.known
    )
    run = PROGRAM.start(request, PROGRAM.condition([request])[0])
    while not run.finished:
        PROGRAM.step([run])
    return PROGRAM.clip(run)


def make(one: Character, now: float = 0.0, took: float = 0.05) -> Segment:
    """Make what is wanted, at once."""
    segment = one.wanted(now)
    assert segment is not None
    one.begun(segment)
    assert one.wanted(now) is None, "it is under way"
    assert one.arrived(segment, clip_of(segment), took)
    return segment


def take_all(one: Character, now: float = 0.0) -> list[Frames]:
    taken = []
    while (frames := one.take(now)) is not None:
        taken.append(frames)
    return taken


def play(one: Character, seconds: float, now: float = 0.0) -> list[Frames]:
    """Play for a while in real time, making what is wanted."""
    shown: list[Frames] = []
    for tick in range(round(seconds * 10)):
        at = now + tick / 10
        one.acknowledge(one.played + 3, at)
        segment = one.wanted(at)
        if segment is not None:
            one.begun(segment)
            one.arrived(segment, clip_of(segment), 0.05)
        shown += take_all(one, at)
    return shown


def test_the_first_segment_begins_at_nothing():
    one = character(seed=5)
    assert take_all(one) == []
    segment = make(one)
    assert (segment.at, segment.known, segment.seed, segment.begins) == (0, None, 5, 0)
    [frames, *_] = take_all(one)
    assert frames.first == 0
    assert [(turn.frame, turn.wish.prompt) for turn in frames.turns] == [(0, "a person walks")]


def test_it_runs_ahead_by_so_much_and_no_more():
    one = character(ahead=1.0)
    make(one)
    assert sum(frames.clip.frames for frames in take_all(one)) <= 30
    before = one.sent
    one.acknowledge(12, 0.4)
    take_all(one, 0.4)
    assert before < one.sent <= 42


def test_who_claims_to_have_played_what_was_not_sent_gets_no_more():
    one = character()
    make(one)
    take_all(one)
    assert one.acknowledge(10**9, 0.0)
    assert one.played == one.sent
    assert not one.acknowledge(3, 0.0), "the play head does not go back"


def test_the_same_prompt_goes_on_and_on_without_a_gap():
    shown = play(character(), 20)
    firsts = [frames.first for frames in shown]
    assert firsts == [*np.cumsum([0, *(frames.clip.frames for frames in shown[:-1])])]
    assert sum(len(frames.turns) for frames in shown) > 4
    root = np.concatenate([frames.clip.root for frames in shown])
    assert np.linalg.norm(np.diff(root, axis=0), axis=-1).max() < 0.1


def test_a_new_prompt_takes_over_at_the_first_frame_that_was_not_sent():
    one = character(ahead=2.0)
    play(one, 3)
    sent = one.sent
    wish = Wish("a person runs", 77, 9)
    one.say(wish)
    segment = make(one, now=3.0)
    assert segment.wish is wish
    assert segment.seed == 77
    assert segment.at == sent
    assert segment.known is not None
    assert root_motion(segment.known).headings[0] == pytest.approx(0, abs=1e-4)
    one.acknowledge(one.sent, 3.0)
    turns = [turn for frames in take_all(one, 3.0) for turn in frames.turns]
    assert [(turn.frame, turn.wish) for turn in turns] == [(sent, wish)]


def test_with_little_sent_it_takes_over_later_so_that_play_goes_on():
    one = character(ahead=0.5)
    play(one, 3)
    one.acknowledge(one.sent - 2, 3.0)
    one.say(Wish("a person runs", None, 2))
    segment = one.wanted(3.0)
    assert segment is not None
    assert segment.at > one.sent


def test_frames_before_a_take_over_wait_unless_play_would_stop():
    one = character(ahead=2.0)
    play(one, 3)
    one.say(Wish("a person runs", None, 2))
    segment = one.wanted(3.0)
    assert segment is not None
    one.begun(segment)
    one.acknowledge(one.sent - 20, 3.0)
    assert take_all(one, 3.0) == []
    sent = one.sent
    one.acknowledge(sent, 4.0)
    assert one.take(4.0) is not None
    assert one.arrived(segment, clip_of(segment), 1.0), "it joins where the frames are by then"
    assert one.take(4.0) is not None
    assert one.sent == sent + 2 * CHUNK


def test_the_latest_prompt_wins():
    one = character(ahead=2.0)
    play(one, 3)
    first, second = Wish("a person runs", None, 2), Wish("a person waves", None, 3)
    one.say(first)
    segment = one.wanted(3.0)
    assert segment is not None
    one.begun(segment)
    one.say(second)
    other = one.wanted(3.0)
    assert other is not None
    assert other.wish is second
    one.begun(other)
    assert not one.arrived(segment, clip_of(segment), 0.1), "nobody wants it any more"


def test_prompts_queue_up_and_are_forgotten_when_cleared():
    one = character()
    play(one, 1)
    one.say(Wish("a person runs", None, 2), queued=True)
    one.say(Wish("a person waves", None, 3), queued=True)
    commands = [turn.wish.command for frames in play(one, 12, 1) for turn in frames.turns]
    told = [command for command in commands if command != 1]
    assert told[:2] == [2, 3]
    assert set(told[2:]) <= {3}, "the last one goes on"
    one.say(Wish("a person runs", None, 4), queued=True)
    one.walk.wanted = 2.0
    one.clear()
    assert one.queued == 0
    assert one.walk.wanted == 1.0


def test_stopping_stands():
    one = character()
    play(one, 2)
    one.say(Wish("", None, 8))
    shown = play(one, 6, 2)
    assert np.ptp(shown[-1].clip.root[:, 2]) < 0.02


def test_what_failed_is_asked_for_again_with_another_seed():
    one = character()
    first = one.wanted(0.0)
    assert first is not None
    one.begun(first)
    one.failed(first)
    again = one.wanted(0.0)
    assert again is not None
    assert again.wish is first.wish
    assert again.seed != first.seed


def test_who_turns_faster_than_bodies_do_is_made_again():
    one = character(ahead=2.0)
    play(one, 3)
    one.say(Wish("a person runs", 77, 2))
    seeds = []
    for _ in range(2):
        segment = one.wanted(3.0)
        assert segment is not None
        one.begun(segment)
        seeds.append(segment.seed)
        made = clip_of(segment)
        headings = np.where(np.arange(made.frames) < 60, 0, 3).astype(np.float32)
        spun = along(made, RootMotion(np.zeros((made.frames, 3), np.float32), headings))
        assert not one.arrived(segment, spun, 0.05)
    segment = one.wanted(3.0)
    assert segment is not None
    assert len({77, *seeds, segment.seed}) == 3
    one.begun(segment)
    assert one.arrived(segment, clip_of(segment), 0.05)


def test_starving_is_counted_once_each_time():
    one = character()
    make(one)
    take_all(one)
    while one.take(0.0) is not None or one.acknowledge(one.sent, 0.0):
        pass
    take_all(one, 5.0)
    take_all(one, 6.0)
    assert one.starved == 1


def test_a_pace_between_frames_has_no_gap_either():
    one = character()
    play(one, 2)
    one.walk.wanted = 0.7
    play(one, 2, 2)
    one.say(Wish("a person runs", None, 2))
    shown = play(one, 8, 4)
    root = np.concatenate([frames.clip.root for frames in shown])
    assert np.linalg.norm(np.diff(root, axis=0), axis=-1).max() < 0.13


def test_a_model_that_had_to_be_loaded_first_is_not_taken_for_a_slow_one():
    one = character(ahead=2.0)
    make(one, took=30.0)
    play(one, 3)
    one.say(Wish("a person runs", None, 2))
    segment = one.wanted(3.0)
    assert segment is not None
    assert segment.at - one.sent < 30


TELLING = st.one_of(
    st.tuples(st.just("say"), st.sampled_from(("a person runs", "a person waves", "")), st.booleans()),
    st.tuples(st.just("pace"), st.sampled_from((0.25, 0.7, 1.0, 1.5, 4.0))),
    st.tuples(st.just("go"), st.sampled_from((Goal((2.0, 1.0)), Goal(heading=2.0), None))),
    st.tuples(st.just("wait"), st.floats(0.0, 1.5)),
    st.tuples(st.just("play"), st.integers(0, 60)),
    st.tuples(st.sampled_from(("clear", "fail")), st.just(None)),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(TELLING, min_size=5, max_size=40), st.sampled_from((0.3, 1.0, 3.0)), st.floats(0.0, 2.0))
def test_whatever_is_said_frames_follow_each_other_and_no_more_leave_than_may(
    told: list[tuple[Any, ...]], ahead: float, took: float
):
    """Segments come `took` seconds after they are begun; some fail, some are replaced."""
    one = character(ahead=ahead)
    room = max(round(ahead * INFO.fps), 2 * CHUNK)
    now, making, due, last = 0.0, None, 0.0, None
    for number, (what, *how) in enumerate(told):
        match what:
            case "say":
                one.say(Wish(how[0], None, number), queued=how[1])
            case "pace":
                one.walk.wanted = how[0]
            case "go":
                one.walk.goal = how[0]
            case "wait":
                now += how[0]
            case "play":
                one.acknowledge(one.played + how[0], now)
            case "clear":
                one.clear()
            case _ if making is not None:
                one.failed(making)
                making = None
        if (wanted := one.wanted(now)) is not None:
            making, due = wanted, now + took
            one.begun(making)
        if making is not None and now >= due:
            one.arrived(making, clip_of(making), took)
            making = None
        for frames in take_all(one, now):
            assert frames.first == (0 if last is None else last[0])
            root = frames.clip.root if last is None else np.concatenate([last[1], frames.clip.root])
            assert np.isfinite(frames.clip.rotations).all()
            assert (
                np.linalg.norm(np.diff(root, axis=0), axis=-1).max(initial=0)
                < 0.16 * max(one.walk.rate, 1) + 0.05
            )
            last = frames.first + frames.clip.frames, frames.clip.root[-1:]
        assert one.sent <= one.played + room


def test_memory_stays_the_same_however_long_it_goes_on():
    one = character()
    play(one, 30)
    assert one.tape.end > 800
    assert one.tape.end - one.tape.first < 300

"""When frames leave: decided on plain numbers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.exchange.pacing import Pace, chunks


@given(st.integers(1, 5000), st.sampled_from([0.0, 0.5, 1.0, 4.0]), st.none() | st.integers(1, 600))
def test_chunks_cover_the_clip_once(frames: int, rate: float, most: int | None) -> None:
    spans = list(chunks(frames, Pace(rate), most))
    assert [first for first, _ in spans] == [0, *(end for _, end in spans[:-1])]
    assert spans[-1][1] == frames
    assert all(0 < end - first <= (most or 256) for first, end in spans)


def test_unpaced_chunks_start_small_and_grow() -> None:
    sizes = [end - first for first, end in chunks(1000, Pace())]
    assert sizes == [4, 8, 16, 32, 64, 128, 256, 256, 236]


def test_paced_chunks_stay_small() -> None:
    assert {end - first for first, end in chunks(800, Pace(1.0))} == {8}


def test_the_caller_may_ask_for_longer_paced_chunks() -> None:
    assert {end - first for first, end in chunks(800, Pace(1.0), 40)} == {40}


@pytest.mark.parametrize(
    ("pace", "seconds", "due"),
    [
        (Pace(), 100.0, 0.0),
        (Pace(1.0, 0.25), 0.0, 0.0),
        (Pace(1.0, 0.25), 0.25, 0.0),
        (Pace(1.0, 0.25), 1.25, 1.0),
        (Pace(2.0, 0.5), 2.5, 1.0),
    ],
)
def test_frames_leave_ahead_of_the_play_head(pace: Pace, seconds: float, due: float) -> None:
    assert pace.due(seconds) == pytest.approx(due)

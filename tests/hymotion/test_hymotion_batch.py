"""The index work behind a batch: whatever the blocks, a frame sees exactly what the model allows."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from posewire_runtime.families.hymotion_batch import (
    STRIDE,
    Geometry,
    Layout,
    Row,
    best_block,
    in_calls,
    lay_out,
    rope,
    side_by_side,
)

GEOMETRY = Geometry(band=60, head_dim=16, rope_base=10000)

rows = st.lists(st.builds(Row, frames=st.integers(1, 300), words=st.integers(1, 128)), min_size=1, max_size=4)


def seen(layout: Layout, tokens: int) -> list[set[int]]:
    """What each frame sees, by walking queries, keys, mask and answers as the graph does."""
    feeds = layout.feeds
    keys = np.broadcast_to(feeds["keys"][:, None], feeds["mask"][:, 0].shape)
    open_ = feeds["mask"][:, 0] == 0
    flat_keys, flat_open = keys.reshape(-1, keys.shape[-1]), open_.reshape(-1, keys.shape[-1])
    queries = feeds["queries"].reshape(-1)
    answers = feeds["answers"]
    assert [int(queries[slot]) for slot in answers] == list(range(tokens))
    found = []
    for slot in answers:
        chosen = flat_keys[slot][flat_open[slot]].tolist()
        assert len(chosen) == len(set(chosen)), "a key is seen twice"
        found.append(set(chosen))
    return found


def allowed(rows: list[Row]) -> list[set[int]]:
    """The model's rule, written down plainly."""
    frames = sum(row.frames for row in rows)
    expected, start, word = [], 0, frames
    for row in rows:
        words = set(range(word, word + row.words))
        for i in range(row.frames):
            near = range(max(0, i - 60), min(row.frames, i + 61))
            expected.append({start + j for j in near} | words)
        start, word = start + row.frames, word + row.words
    return expected


@settings(max_examples=25, deadline=None)
@given(rows, st.sampled_from([None, 1, 7, 64, 128, 300]))
def test_a_frame_sees_its_neighbours_and_its_words(rows: list[Row], block: int | None) -> None:
    layout = lay_out(rows, GEOMETRY, block)
    assert seen(layout, sum(row.frames for row in rows)) == allowed(rows)


@given(rows)
@settings(max_examples=25, deadline=None)
def test_groups_hold_frames_of_one_row_each(rows: list[Row]) -> None:
    layout = lay_out(rows, GEOMETRY)
    groups, span = layout.grid
    assert groups * span == sum(row.frames for row in rows)
    owners = np.repeat(layout.feeds["group_row"], span)
    assert owners.tolist() == [i for i, row in enumerate(rows) for _ in range(row.frames)]
    cut = layout.rows_of(np.arange(groups * span, dtype=np.float32))
    assert [len(part) for part in cut] == [row.frames for row in rows]


def test_equally_long_rows_are_one_group_each() -> None:
    assert lay_out([Row(90, 5), Row(90, 9)], GEOMETRY).grid == (2, 90)


@pytest.mark.parametrize(
    ("frames", "dense"), [(20, True), (90, True), (180, True), (720, False), (3600, False)]
)
def test_long_rows_are_cut_into_blocks(frames: int, dense: bool) -> None:
    assert (best_block(Row(frames, 24), 60) == frames) == dense


@given(rows)
@settings(max_examples=25, deadline=None)
def test_where_a_rows_keys_stand_depends_on_the_row_alone(rows: list[Row]) -> None:
    together, block = lay_out(rows, GEOMETRY), 0
    for row, start in zip(rows, together.starts, strict=False):
        alone = lay_out([row], GEOMETRY)
        count, size, places = (*alone.feeds["queries"].shape, alone.feeds["mask"].shape[-1])
        part = slice(block, block + count)
        assert (together.feeds["queries"][part, :size] - start == alone.feeds["queries"]).all()
        mask = together.feeds["mask"][part, :, :size]
        assert (mask[..., :places] == alone.feeds["mask"]).all()
        assert (mask[..., places:] < 0).all()
        assert mask.shape[-1] % STRIDE == 0
        block += count


def test_rotary_angles_fall_by_pair() -> None:
    cos, sin = rope(np.array([0, 3]), GEOMETRY)
    angles: NDArray[Any] = 3 * 10000.0 ** -(np.arange(8) / 8)
    np.testing.assert_allclose(cos, [np.ones(8), np.cos(angles)], atol=1e-7)
    np.testing.assert_allclose(sin, [np.zeros(8), np.sin(angles)], atol=1e-7)


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40))
def test_calls_hold_all_rows_in_order_within_their_frames(frames: list[int]) -> None:
    calls = in_calls(frames, 500)
    assert [n for call in calls for n in frames[call]] == frames
    assert all(sum(frames[call]) <= 500 or len(frames[call]) == 1 for call in calls)
    assert all(sum(frames[a]) + frames[b.start] > 500 for a, b in pairwise(calls))


@given(st.lists(st.integers(1, 400), min_size=1, max_size=40), st.integers(1, 8))
def test_calls_side_by_side_hold_all_rows_in_order_and_about_as_many_frames(
    frames: list[int], count: int
) -> None:
    calls = side_by_side(frames, count)
    assert [n for call in calls for n in frames[call]] == frames
    assert 1 <= len(calls) <= count
    even = sum(frames) / count
    assert all(frames[call] and sum(frames[call]) <= even + max(frames) for call in calls)

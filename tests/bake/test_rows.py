"""Lists: every kind, every mistake with its line, all at once."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.bake.passes import PLAIN, parse_passes
from posewire_runtime.bake.plan import Style, groups, plan, shard
from posewire_runtime.bake.rows import Problems, Row, read_rows
from posewire_runtime.errors import InvalidRequest
from posewire_runtime.fakes import FakeProgram
from posewire_runtime.scheduler.library import Library


def read(text: str, kind: str = "csv", **variables: list[str]) -> tuple[list[Row], list[str]]:
    problems = Problems("list", [])
    rows = read_rows(text, kind, problems, variables)
    return rows, [f"{v.field}: {v.message}" for v in problems.found]


def items_of(text: str, kind: str = "csv", **style: object):
    problems = Problems("list", [])
    rows = read_rows(text, kind, problems)
    made = plan(rows, Style(("glb",), "smpl22", **style), Library.of(FakeProgram()), problems)  # pyright: ignore
    return made, [f"{v.field}: {v.message}" for v in problems.found]


def test_text_lists_skip_comments_and_blanks() -> None:
    rows, wrong = read("# a comment\n\na person walks\n  waves => sits down\n", "txt")
    assert wrong == []
    assert [(row.line, row.prompts) for row in rows] == [
        (3, ("a person walks",)),
        (4, ("waves", "sits down")),
    ]


def test_csv_columns_are_read() -> None:
    text = "prompt,name,seconds,seed,steps,guidance,passes,tags\n"
    text += '"walks, then waves",wave,3.5,1 2 3,8,4.5,"loop, fps=60",a b\n'
    [row], wrong = read(text)
    assert wrong == []
    assert (row.name, row.seconds, row.seeds, row.steps, row.guidance) == ("wave", (3.5,), (1, 2, 3), 8, 4.5)
    assert str(row.passes) == "loop fps=60"
    assert row.tags == ("a", "b")


def test_quoted_line_breaks_keep_line_numbers_right() -> None:
    rows, _ = read('prompt,seed\n"walks\nand waves",1\nsits,x\nturns,2\n')
    assert [row.line for row in rows] == [2, 5]


def test_json_lines_and_lists_as_values() -> None:
    text = (
        '{"prompt": "walks", "seed": [1, 2], "seconds": 3, "name": null}\n\n{"prompt": "sits", "count": 3}\n'
    )
    rows, wrong = read(text, "jsonl")
    assert wrong == []
    assert [row.seeds for row in rows] == [(1, 2), (0, 1, 2)]
    assert [row.line for row in rows] == [1, 3]


def test_variables_make_a_row_for_each_value() -> None:
    rows, wrong = read("prompt,name\na {who} waves {how},w\n", who=["knight", "old man"], how=["slowly"])
    assert wrong == []
    assert [row.prompts[0] for row in rows] == ["a knight waves slowly", "a old man waves slowly"]
    assert [row.name for row in rows] == ["w_knight_slowly", "w_old_man_slowly"]


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("walks\n", "csv", "list:1: expected a header"),
        ("prompt,colour\nwalks,red\n", "csv", "list:1: .*found prompt, colour"),
        ("prompt,name\n,x\n", "csv", "list:2: prompt: expected some text, found none"),
        ("prompt,name\nwalks,a/b\n", "csv", "list:2: name: expected letters.*found 'a/b'"),
        ("prompt,name\nwalks,..\n", "csv", "list:2: name: "),
        ("prompt,seconds\nwalks,-1\n", "csv", "list:2: seconds: expected numbers above 0"),
        ("prompt,seconds\nwalks,nan\n", "csv", "list:2: seconds: expected a number, found 'nan'"),
        ("prompt,seed\nwalks,1 1\n", "csv", "list:2: seed: expected different seeds"),
        ("prompt,seed\nwalks,-4\n", "csv", "list:2: seed: expected a whole number from 0"),
        ("prompt,seed,count\nwalks,1 2,3\n", "csv", "list:2: count: expected seeds or a count"),
        ("prompt,steps\nwalks,many\n", "csv", "list:2: steps: expected a whole number from 1"),
        ("prompt,passes\nwalks,dance\n", "csv", "list:2: passes: expected passes of .*'dance'"),
        ("prompt,seconds\nwalks => sits,3\n", "csv", "list:2: seconds: expected a length for each"),
        ("prompt\nwalks =>\n", "csv", "list:2: prompt: expected some text on both sides"),
        ("prompt\na {who} walks\n", "csv", "list:2: prompt: expected variables .*found {who}"),
        ("prompt\nwalks, runs\n", "csv", "list:2: expected 1 columns, found 2"),
        ('prompt\n"walks\n', "csv", "expected CSV"),
        ("{", "jsonl", "list:1: expected a JSON object, but"),
        ("[1]", "jsonl", "list:1: expected a JSON object, found"),
        ('{"promt": "walks"}', "jsonl", "list:1: expected the columns .*found promt"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, kind: str, expected: str) -> None:
    rows, wrong = read(text, kind)
    assert rows == []
    assert any(re.match(expected if expected.startswith("list") else f".*{expected}", w) for w in wrong), (
        wrong
    )


def test_all_mistakes_are_reported_at_once_in_order() -> None:
    problems = Problems("list.csv", [])
    read_rows("prompt,name,seed\nwalks,a/b,x\nsits,ok,1\n,c,2\n", "csv", problems)
    with pytest.raises(InvalidRequest, match=r"3 problems.*nothing was made") as error:
        problems.raise_any()
    assert [v.field for v in error.value.violations] == ["list.csv:2", "list.csv:2", "list.csv:4"]


def test_what_the_model_refuses_is_a_problem_of_the_row() -> None:
    _, wrong = items_of("prompt,seconds,steps\nwalks,9000,\nsits,3,5000\n")
    assert "list:2: seconds: expected at most" in wrong[0]
    assert "list:3: sampling.steps: expected 1 to 100 steps" in wrong[1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("prompt,name,seed\nwalks,a,1\nsits,A,1\n", "list:3: name: 'A' is the name of line 2 too"),
        ("prompt,seconds,seed\nwalks,3,1 2\nwalks,3,2\n", "list:3: the same prompt, length, seed"),
        ("prompt,name,seconds,seed\nwalks,a,3,1\nwalks,b,3,1\n", "list:3: the same prompt, length, seed"),
        ("prompt,seed\nwalks!,1\nwalks?,1\n", "list:3: name: 'walks_1' is the name of line 2 too"),
    ],
)
def test_rows_that_get_in_each_others_way(text: str, expected: str) -> None:
    _, wrong = items_of(text)
    assert len(wrong) == 1
    assert wrong[0].startswith(expected)


def test_names_are_made_of_prompt_and_seed() -> None:
    made, _ = items_of("prompt,name,seed\nWalks — fast!,,7\nx,one,\ny,two,1 2\n")
    assert sorted(item.name for item in made) == ["one", "two_1", "two_2", "walks_fast_7"]


def test_the_order_of_rows_changes_nothing() -> None:
    head, lines = "prompt,seconds\n", [f"walks {n} steps,{2 + n % 3}\n" for n in range(20)]
    forward, _ = items_of(head + "".join(lines))
    backward, _ = items_of(head + "".join(reversed(lines)))
    assert [item.key for item in forward] == [item.key for item in backward]
    assert [item.frames for item in forward] == sorted(item.frames for item in forward)


@pytest.mark.parametrize(
    "change", [{"body": False}, {"fingerprint": "x"}, {"embed": True}, {"passes": parse_passes("loop")}]
)
def test_the_key_changes_with_what_counts(change: dict[str, object]) -> None:
    text = "prompt,seconds\nwalks,3\n"
    assert items_of(text)[0][0].key == items_of(text)[0][0].key
    assert items_of(text)[0][0].key != items_of(text, **change)[0][0].key  # pyright: ignore[reportArgumentType]


@given(st.integers(0, 60), st.integers(1, 9))
def test_shards_share_everything_once(rows: int, count: int) -> None:
    items, _ = items_of("prompt\n" + "".join(f"walks {n} steps\n" for n in range(rows)))
    parts = [shard(items, index, count) for index in range(1, count + 1)]
    assert sorted(item.name for part in parts for item in part) == sorted(item.name for item in items)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
    assert [item for group in groups(items, 7) for item in group] == items
    assert all(len(group) <= 7 for group in groups(items, 7))


@given(st.sets(st.sampled_from(PLAIN)), st.sampled_from(["", "fps=60", "keys", "keys=2 fps=24"]))
def test_passes_print_as_they_are_read(names: set[str], more: str) -> None:
    text = " ".join([*names, more])
    try:
        passes = parse_passes(text)
    except ValueError as error:
        assert "root-motion" in names
        assert "found both" in str(error)  # noqa: PT017
        return
    assert parse_passes(str(passes)) == passes


@pytest.mark.parametrize("text", ["fps=0", "fps=x", "keys=900", "fly", "loop=3"])
def test_passes_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        parse_passes(text)

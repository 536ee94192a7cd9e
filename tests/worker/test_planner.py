"""The planner with literals: who goes, who comes, who is stepped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from posewire_runtime.scheduler.planner import Costs, Plan, PlanLimits, Reason, Running, Text, Waiting, plan

LIMITS = PlanLimits(memory=100, rows=4, batch=3, admit=3, encode=2, lookahead=5, decoding=0.1, turn=0.25)
COSTS = Costs(step={"m/8": 0.1}, decode={"m/8": 0.05})


def waits(id: int, **fields: object) -> Waiting:
    """A job that arrived a moment ago, with its text and its price known."""
    plain = Waiting(
        id=id,
        model="m",
        priority=1,
        arrived=100.0 + id / 1000,
        deadline=None,
        cancelled=False,
        cost=10,
        steps=4,
        pace="m/8",
        text=Text.READY,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


def runs(id: int, **fields: object) -> Running:
    """A row in the middle of its steps."""
    plain = Running(
        id=id,
        model="m",
        key=64,
        pace="m/8",
        priority=1,
        deadline=None,
        cancelled=False,
        cost=10,
        position=2,
        steps=4,
        finished=False,
        last_stepped=100.0,
        max_batch=8,
    )
    return replace(plain, **fields)  # type: ignore[arg-type]


NOW = 101.0

CASES: dict[str, tuple[list[Waiting], list[Running], dict[str, object]]] = {
    "nothing to do": ([], [], {"idle": True, "wake": None}),
    # ---- drops
    "a cancelled waiter is dropped, not admitted": (
        [waits(1, cancelled=True), waits(2)],
        [],
        {"drop": ((1, Reason.CANCELLED),), "admit": (2,)},
    ),
    "a cancelled row is dropped, not stepped": (
        [],
        [runs(1, cancelled=True), runs(2)],
        {"drop": ((1, Reason.CANCELLED),), "step": (2,)},
    ),
    "a cancelled finished row isn't decoded": (
        [],
        [runs(1, cancelled=True, finished=True)],
        {"drop": ((1, Reason.CANCELLED),), "decode": ()},
    ),
    "an expired waiter and an expired row": (
        [waits(1, deadline=NOW)],
        [runs(2, deadline=NOW - 1)],
        {"drop": ((1, Reason.EXPIRED), (2, Reason.EXPIRED)), "step": (), "admit": ()},
    ),
    "a deadline that measured steps can't meet": (
        [waits(1, deadline=NOW + 0.39), waits(2, deadline=NOW + 0.41)],
        [],
        {"drop": ((1, Reason.UNREACHABLE),), "admit": (2,)},
    ),
    "a pace that nobody measured is given a chance": (
        [waits(1, pace="other", deadline=NOW + 0.01)],
        [],
        {"drop": (), "admit": (1,)},
    ),
    "a job larger than the whole budget": (
        [waits(1, cost=101), waits(2, cost=100)],
        [],
        {"drop": ((1, Reason.TOO_LARGE),), "admit": (2,)},
    ),
    "the room of a dropped row is free at once": (
        [waits(9, cost=90)],
        [runs(1, cost=90, cancelled=True)],
        {"admit": (9,)},
    ),
    # ---- load and encode
    "the most urgent unloaded model is loaded": (
        [waits(1, model="a", cost=None), waits(2, model="b", cost=None, priority=2)],
        [],
        {"load": "b", "admit": ()},
    ),
    "prompts of one model go to the encoder, the most urgent first": (
        [
            waits(1, text=Text.NEEDED),
            waits(2, model="b", text=Text.NEEDED),
            waits(3, text=Text.NEEDED, priority=2),
        ],
        [],
        {"encode": (3, 1), "admit": ()},
    ),
    "at most `encode` at once": ([waits(i, text=Text.NEEDED) for i in range(4)], [], {"encode": (0, 1)}),
    "while the encoder is busy it gets no more": (
        [waits(1, text=Text.ENCODING), waits(2, text=Text.NEEDED)],
        [],
        {"encode": (), "idle": True},
    ),
    "only so many are encoded ahead": (
        [*(waits(i) for i in range(5)), waits(5, text=Text.NEEDED)],
        [runs(i + 10) for i in range(4)],
        {"encode": ()},
    ),
    "who waits for text or a model doesn't hold up others": (
        [waits(1, text=Text.ENCODING), waits(2, cost=None), waits(3)],
        [],
        {"admit": (3,)},
    ),
    # ---- admission
    "first come, first admitted, up to `admit`": ([waits(i) for i in range(4)], [], {"admit": (0, 1, 2)}),
    "row limit": ([waits(i) for i in range(3)], [runs(i + 10) for i in range(2)], {"admit": (0, 1)}),
    "no rows left": ([waits(1, priority=2)], [runs(i + 10) for i in range(4)], {"admit": ()}),
    "rows that are decoded now make room": (
        [waits(1)],
        [runs(i + 10, finished=i == 0) for i in range(4)],
        {"decode": (10,), "admit": (1,)},
    ),
    "a head that doesn't fit doesn't block": (
        [waits(1, cost=60), waits(2, cost=20)],
        [runs(10, cost=50)],
        {"admit": (2,)},
    ),
    "nobody overtakes an overdue job": (
        [waits(1, cost=60, arrived=NOW - 10), waits(2, cost=20, priority=2)],
        [runs(10, cost=50)],
        {"admit": ()},
    ),
    "what is before an overdue job is admitted": (
        [waits(1, cost=60, arrived=NOW - 10), waits(2, cost=20, arrived=NOW - 11)],
        [runs(10, cost=50)],
        {"admit": (2,)},
    ),
    "priority first": ([waits(1, priority=0), waits(2), waits(3, priority=2)], [], {"admit": (3, 2, 1)}),
    "waiting raises priority": (
        [waits(1, priority=0, arrived=NOW - 8.1), waits(2, priority=2, arrived=NOW)],
        [],
        {"admit": (1, 2)},
    ),
    "one model is conditioned at a time, and room is kept for the others": (
        [waits(1), waits(2, model="b", cost=80), waits(3, cost=20), waits(4, cost=10)],
        [],
        {"admit": (1, 4)},
    ),
    # ---- steps
    "rows of one key": (
        [],
        [runs(1), runs(2, key=128), runs(3, last_stepped=99.0)],
        {"step": (3, 1)},
    ),
    "equal keys of different models don't mix": (
        [],
        [runs(1, model="a"), runs(2, model="b")],
        {"step": (1,)},
    ),
    "a step takes at most `batch` rows, those that wait longest": (
        [],
        [runs(i, last_stepped=100 - i / 10) for i in range(5)],
        {"step": (4, 3, 2)},
    ),
    "a program may take fewer": ([], [runs(i, max_batch=2) for i in range(4)], {"step": (0, 1)}),
    "the key of the interactive row goes first": (
        [],
        [runs(1, last_stepped=99.9), runs(2, key=128, priority=2)],
        {"step": (2,)},
    ),
    "but not for ever": (
        [],
        [runs(1, last_stepped=99.7), runs(2, key=128, priority=2)],
        {"step": (1,)},
    ),
    "a bulk row rides along with its key": (
        [],
        [runs(1, priority=0), runs(2, priority=2)],
        {"step": (2, 1)},
    ),
    # ---- decodes
    "few decodes between two steps, and the step isn't left out": (
        [],
        [*(runs(i, finished=True, position=4) for i in range(3)), runs(3)],
        {"decode": (0, 1), "step": (3,)},
    ),
    "the interactive clip is decoded first": (
        [],
        [runs(1, finished=True), runs(2, finished=True), runs(3, finished=True, priority=2)],
        {"decode": (3, 1)},
    ),
    "waiting to be decoded raises priority, slowly": (
        [],
        [
            runs(1, finished=True, last_stepped=95.9),
            runs(2, finished=True, priority=2, last_stepped=100),
            runs(3, finished=True, last_stepped=96.1),
        ],
        {"decode": (1, 2)},
    ),
    "a clip that takes longer than there is time for is decoded alone": (
        [],
        [runs(i, finished=True, pace="unmeasured") for i in range(3)],
        {"decode": (0,)},
    ),
    "a short clip doesn't slip in behind a long one that doesn't fit any more": (
        [],
        [runs(1, finished=True), runs(2, finished=True, pace="unmeasured"), runs(3, finished=True)],
        {"decode": (1,)},
    ),
    # ---- sleep
    "wakes for the first deadline that can still be met": (
        [
            waits(1, text=Text.ENCODING, deadline=NOW + 9),
            waits(2, text=Text.ENCODING, deadline=NOW + 5, pace="unmeasured"),
        ],
        [],
        {"idle": True, "wake": NOW + 5},
    ),
    "wakes when a deadline becomes unreachable": (
        [waits(1, text=Text.ENCODING, deadline=NOW + 9)],
        [],
        {"idle": True, "wake": NOW + 9 - 4 * 0.1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_plan(case: str):
    waiting, running, expected = CASES[case]
    made = plan(waiting, running, LIMITS, NOW, COSTS)
    assert {name: getattr(made, name) for name in expected} == expected


def test_views_in_any_order_give_the_same_plan():
    waiting, running = [waits(i) for i in range(6)], [runs(i + 10, key=i % 2) for i in range(3)]
    assert plan(waiting, running, LIMITS, NOW) == plan(waiting[::-1], running[::-1], LIMITS, NOW)


def test_an_empty_plan_is_idle():
    assert Plan().idle
    assert not Plan(load="m").idle

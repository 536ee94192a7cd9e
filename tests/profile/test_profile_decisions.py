"""What the profiler decides, with literals: which cases, what differs, what bounds, what is answered."""

from __future__ import annotations

import argparse

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_runtime.profile import answers, bounds, charts, game, statistics
from posewire_runtime.profile.asking import sampling_of
from posewire_runtime.profile.cases import Axes, Case, Cost, Subject, cases_of, plan
from posewire_runtime.profile.diff import changes
from posewire_runtime.profile.driving import spans_of
from posewire_runtime.profile.samples import Round, Sample, Stop, describe, enough, explained
from posewire_runtime.types import Limits, Sampling

LIMITS = Limits(min_frames=20, max_frames=360, max_steps=50)
WALK = Subject("walk@cpu", LIMITS, {"preview": 4, "fast": 8, "quality": 16, "reference": 50}, "fast")
BASE = Case("walk@cpu", 120, 8, 1, 1)


# ---- cases


def test_what_is_named_is_crossed_and_the_rest_stays_at_the_base():
    found, left = cases_of([WALK], Axes(frames=(60, 120), steps=(4, 8)))
    assert [(c.frames, c.steps, c.batch, c.concurrency) for c in found] == [
        (60, 4, 1, 1),
        (60, 8, 1, 1),
        (120, 4, 1, 1),
        (120, 8, 1, 1),
    ]
    assert left == []


def test_without_wishes_one_axis_is_varied_at_a_time():
    found, _ = cases_of([WALK], Axes())
    assert found[0] == BASE
    for case in found[1:]:
        assert (
            sum(getattr(case, a) != getattr(BASE, a) for a in ("frames", "steps", "batch", "concurrency"))
            == 1
        )
    assert {case.steps for case in found} == {4, 8, 16, 50}


def test_several_models_share_the_most_cases_and_the_rest_is_named():
    subjects = [Subject(f"m{i}", LIMITS, WALK.presets, "fast") for i in range(4)]
    found, left = cases_of(subjects, Axes())
    assert len(found) == 20
    assert {sum(c.target == s.name for c in found) for s in subjects} == {5}
    assert all("more than 20" in one.why for one in left)
    assert len({c.name for c in found}) == 20


def test_what_a_model_cannot_make_is_named():
    found, left = cases_of([WALK], Axes(frames=(10, 120), steps=(8, 51)))
    assert found == [BASE]
    assert {one.why.split(" to ")[1] for one in left} == {"360 frames", "50 steps"}


def test_a_case_that_takes_too_long_is_left_out_with_its_estimate():
    cost = Cost(fixed=0.1, frame_step=0.001)
    cheap, dear = BASE, Case("walk@cpu", 120, 50, 1, 1)
    made = plan([cheap, dear], {"walk@cpu": cost}, budget=5.0)
    assert made.cases == (cheap,)
    assert "24.4 s" in made.left[0].why
    assert made.seconds == 5.0


def test_a_preset_is_asked_for_by_name():
    assert sampling_of(16, WALK.presets, "fast") == Sampling(preset="quality")
    assert sampling_of(5, WALK.presets, "fast") == Sampling(steps=5)


# ---- statistics


@given(st.lists(st.floats(0.1, 1e3), min_size=1, max_size=50))
def test_summaries_are_ordered(values: list[float]):
    found = statistics.summarise(values)
    assert found.p50 <= found.p90 <= found.p95 <= found.p99 <= found.max
    assert min(values) - 1e-9 <= found.mean <= max(values) + 1e-9
    low, high = statistics.interval(values)
    assert low <= statistics.median(values) * (1 + 1e-12)
    assert high >= statistics.median(values) * (1 - 1e-12)


def test_the_rank_test_knows_its_table():
    """Five against five, all of one above all of the other: one arrangement of 252."""
    chance = statistics.slower([1, 2, 3, 4, 5], [6, 7, 8, 9, 10])
    assert chance == pytest.approx(1 / 252, abs=0.0015)
    assert statistics.slower([6, 7, 8, 9, 10], [1, 2, 3, 4, 5]) == pytest.approx(1, abs=1e-3)
    assert statistics.slower([1.0] * 5, [1.0] * 5) == 1


def test_the_rank_test_rarely_cries_wolf():
    rng = np.random.default_rng(3)
    wrong = sum(
        statistics.slower(rng.normal(1, 0.1, 10).tolist(), rng.normal(1, 0.1, 10).tolist()) < 0.05
        for _ in range(60)
    )
    assert wrong <= 9  # three are expected


def test_many_questions_make_each_answer_harder():
    assert statistics.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


# ---- differences


def _case(blocks: list[float]) -> dict[str, object]:
    return {"ratio": {"blocks": blocks}, "end_to_end": {"p50": 10 * float(np.median(blocks))}}


def _noisy(middle: float, seed: int, count: int = 10, noise: float = 0.04) -> list[float]:
    return (middle * np.random.default_rng(seed).lognormal(0, noise, count)).tolist()


def test_a_planted_slowdown_is_found_and_a_repeat_is_not():
    pairs = [
        ("slower", _case(_noisy(1, 1)), _case(_noisy(1.15, 2))),
        ("again", _case(_noisy(1, 3)), _case(_noisy(1, 4))),
        ("faster", _case(_noisy(1, 5)), _case(_noisy(0.8, 6))),
    ]
    found = {change.case: change for change in changes(pairs)}
    assert [found[name].verdict for name in ("slower", "again", "faster")] == ["slower", "same", "faster"]
    assert found["slower"].chance < 0.01
    assert found["slower"].change == pytest.approx(0.15, abs=0.05)


def test_a_small_change_is_no_news_even_where_it_is_certain():
    pairs = [("a", _case(_noisy(1, 1, 20, 0.001)), _case(_noisy(1.03, 2, 20, 0.001)))]
    assert changes(pairs)[0].verdict == "same"
    assert changes(pairs, tolerance=0.0)[0].verdict == "slower"


def test_few_blocks_say_nothing():
    assert changes([("a", _case([1, 1, 1]), _case([9, 9, 9]))])[0].verdict == "unknown"


@settings(max_examples=15)
@given(st.integers(0, 2**31))
def test_equal_cases_do_not_differ(seed: int):
    rng = np.random.default_rng(seed)
    pairs = [
        (f"c{i}", _case(rng.lognormal(0, 0.05, 10).tolist()), _case(rng.lognormal(0, 0.05, 10).tolist()))
        for i in range(4)
    ]
    assert all(change.verdict == "same" for change in changes(pairs))


# ---- samples


def _sample(step: float, whole: float) -> Sample:
    return Sample(whole, whole / 2, (0.001,), {"queue": 1_000_000, "step": round(step * 1e9)})


def test_a_case_is_described_by_its_rounds():
    rounds = [
        Round((_sample(0.018, 0.02),), 0.02, 0.004, {"denoise": 0.015}, block) for block in (0, 0, 1, 1)
    ]
    found = describe(BASE, rounds, fps=30, stopped="time")
    assert found["end_to_end"]["p50"] == 20
    assert found["stages"]["step"]["mean"] == 18
    assert found["explained"] == 0.95
    assert found["frames_per_second"] == 6000
    assert found["characters"] == 200
    assert found["real_time_factor"] == 0.005
    assert found["ratio"]["blocks"] == [5, 5]
    assert found["device"] == {"graphs_ms": {"denoise": 15}, "share": 0.75, "host_share": 0.25}


def test_what_no_stage_explains_shows():
    assert explained([_sample(0.009, 0.02)]) == pytest.approx(0.5)


def test_a_case_ends_when_its_median_is_known():
    steady = [Round((_sample(0.01, 0.02),), 0.02, 0.004, {}, block) for block in range(10)]
    assert enough(steady, Stop())
    assert not enough(steady[:9], Stop())
    rough = [Round((_sample(0.01, 0.01 * (1 + block % 4)),), 0.02, 0.004, {}, block) for block in range(10)]
    assert not enough(rough, Stop())


def test_a_timeline_puts_waiting_before_work():
    events = [
        ("started", 5_000_000, {"queue": 1_000_000, "condition": 3_000_000}),
        ("stepped", 9_000_000, {"queue": 2_000_000, "condition": 3_000_000, "step": 2_000_000}),
    ]
    found = [(span.stage, span.begin, span.end) for span in spans_of(1_000_000, events)]
    assert found == [("queue", 0, 1), ("condition", 1, 4), ("queue", 5, 6), ("step", 6, 8)]


# ---- bounds, answers, game


def _graph(flops: float, moved: float) -> dict[str, object]:
    return {"graph": "denoise", "ms_per_run": 10.0, "flops_per_run": flops, "bytes_per_run": moved}


@pytest.mark.parametrize(
    ("flops", "moved", "by"), [(8e8, 1e8, "compute"), (1e8, 1e8, "memory"), (1e7, 1e7, "overhead")]
)
def test_what_holds_a_graph_back(flops: float, moved: float, by: str):
    [bound] = bounds.bounds([_graph(flops, moved)], flops=1e11, bytes_a_second=2e10)
    assert (bound.by, bound.stage) == (by, "step")


TARGET = {
    "name": "walk@cpu",
    "presets": dict(WALK.presets),
    "default_preset": "fast",
    "base_frames": 120,
    "max_steps": 50,
}


def _measured(frames: int, steps: int, batch: int = 1, slow: float = 1.0) -> dict[str, object]:
    whole = slow * batch * (2 + frames * steps / 100)
    figures = {"mean": whole, "p50": whole, "p95": whole * 1.2}
    return {
        "target": "walk@cpu",
        "frames": frames,
        "steps": steps,
        "batch": batch,
        "concurrency": 1,
        "game": False,
        "end_to_end": figures,
        "frames_per_second": frames * batch / whole * 1e3,
        "stages": {"step": {"mean": whole * 0.9}, "decode": {"mean": whole * 0.05}},
    }


def test_answers_come_from_measured_cases():
    cases = [_measured(120, 8), _measured(120, 16), _measured(120, 4), _measured(60, 8), _measured(120, 8, 4)]
    report = {"targets": [TARGET], "cases": cases}
    found = {answer["kind"]: answer for answer in answers.answers(report, budget_ms=15)}
    assert found["characters"]["value"] == int(120 / (2 + 120 * 8 / 100) * 1e3 // 30)
    assert found["preset"]["value"] == "fast (8 steps)"
    assert found["turn_down"]["value"] == "step"
    assert "half the steps saves 41%" in found["turn_down"]["answer"]


def test_no_preset_in_time_is_said():
    report = {"targets": [TARGET], "cases": [_measured(120, 8), _measured(120, 4)]}
    found = {answer["kind"]: answer for answer in answers.answers(report, budget_ms=1)}
    assert found["preset"]["value"] is None
    assert "preview (4 steps) takes 8 ms" in found["preset"]["answer"]


def test_larger_presets_are_guessed_by_a_line_that_says_so():
    report = {"targets": [TARGET], "cases": [_measured(120, 8), _measured(120, 4)]}
    found = {answer["kind"]: answer for answer in answers.answers(report, budget_ms=26.4)}
    assert "about 16 steps by a line" in found["preset"]["answer"]


@pytest.mark.parametrize(
    ("text", "load"),
    [
        ("60", game.GameLoad(60, 0.5)),
        ("30:0.25", game.GameLoad(30, 0.25)),
        ("60:0.5:2", game.GameLoad(60, 0.5, 2)),
    ],
)
def test_a_load_is_read(text: str, load: game.GameLoad):
    assert game.parse_load(text) == load


@pytest.mark.parametrize("text", ["", "x", "60:2", "60:0.5:1:1", "-1"])
def test_a_load_that_makes_no_sense_is_refused(text: str):
    with pytest.raises(argparse.ArgumentTypeError, match="RATE:SHARE"):
        game.parse_load(text)


def test_frames_are_told_apart_by_when_they_were():
    frames = [(1.0, 0.005), (2.0, 0.006), (11.0, 0.02)]
    found = game.effect(frames, (0, 10), (10, 20), game.GameLoad(60, 0.3))
    assert found["alone"]["p50"] == 5.5
    assert found["alone"]["late_share"] == 0
    assert found["beside_us"]["late_share"] == 1


# ---- plots


@given(st.floats(1e-3, 1e6))
def test_ticks_are_round_and_within(most: float):
    found = charts.ticks(most)
    assert found[0] == 0
    assert found[-1] <= most * (1 + 1e-9)
    assert 2 <= len(found) <= 7


def test_plots_say_what_they_show_and_hold_no_markup_of_names():
    drawn = charts.bars([charts.Bar("<b>", [("stage-step", 2.0)], "2")], "ms")
    assert "&lt;b&gt;" in drawn
    assert "<b>" not in drawn
    assert "step 2 ms" in drawn

"""A report and a comparison as text for a terminal. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from posewire_runtime.profile.diff import Diff
from posewire_runtime.profile.report import incomplete, with_figures

Report = Mapping[str, Any]


def report_lines(report: Report) -> Iterator[str]:
    """The table, then answers, then what is missing."""
    yield from _cases(with_figures(report))
    for target in report["targets"]:
        yield from _cold(target)
        yield from _bounds(target)
    yield from _game(report["game"])
    if report["answers"]:
        yield ""
    for answer in report["answers"]:
        yield f"{answer['question']}: {answer['answer']}"
    left = incomplete(report)
    if left or report["missing"]:
        yield ""
    yield from left
    for line in report["missing"]:
        yield f"missing: {line}"


def diff_lines(found: Diff) -> Iterator[str]:
    """A row for each case, then what can't be compared."""
    width = max([len(change.case) for change in found.changes] + [4])
    yield f"{'case':{width}}  {'before':>10}  {'after':>10}  {'by ratio':>8}  {'chance':>7}"
    for change in found.changes:
        yield (
            f"{change.case:{width}}  {change.before_ms:7.2f} ms  {change.after_ms:7.2f} ms  "
            f"{change.change:+8.1%}  {change.chance:7.4f}  {change.verdict}"
        )
    for name in found.only_before:
        yield f"only in the first: {name}"
    for name in found.only_after:
        yield f"only in the second: {name}"
    for name in found.references:
        yield f"not compared, its reference was another one: {name}"
    if found.machines:
        yield f"careful: the machines differ in {', '.join(found.machines)}"


def _cases(cases: Sequence[Report]) -> Iterator[str]:
    if not cases:
        return
    width = max(len(case["name"]) for case in cases)
    yield (
        f"{'case':{width}}  {'p50':>8}  {'p95':>8}  {'p99':>8}  {'first':>8}  {'frames/s':>9}  {'chars':>6}  "
        f"{'stages':>6}  most time"
    )
    for case in cases:
        whole = case["end_to_end"]
        yield (
            f"{case['name']:{width}}  {whole['p50']:8.2f}  {whole['p95']:8.2f}  {whole['p99']:8.2f}  "
            f"{case['first_frame']['p50']:8.2f}  {case['frames_per_second']:9.0f}  "
            f"{case['characters']:6.1f}  "
            f"{case['explained']:6.1%}  {_most(case)}{_mark(case)}"
        )
    yield (
        "times in ms; chars: characters at the model's own rate; ~: the time was over before the median was "
        "known to 3 %"
    )


def _mark(case: Report) -> str:
    return "" if case["stopped"] == "tight" else " ~"


def _most(case: Report) -> str:
    stages = sorted(case["stages"].items(), key=lambda item: -item[1]["mean"])[:2]
    return ", ".join(f"{name} {figures['mean'] / case['end_to_end']['mean']:.0%}" for name, figures in stages)


def _cold(target: Report) -> Iterator[str]:
    cold = target["cold"]
    if cold is not None:
        yield (
            f"{target['name']}: cold start {cold['to_first_frame_ms']:.0f} ms to the first frame "
            f"(interpreter {cold['interpreter_ms']:.0f}, imports {cold['imports_ms']:.0f}, "
            f"model {cold['load_ms']:.0f}, first request {cold['first_request_ms']:.1f}); "
            f"the second request {cold['second_request_ms']:.1f} ms"
        )


def _bounds(target: Report) -> Iterator[str]:
    for bound in target["bounds"]:
        yield (
            f"{target['name']}: {bound['graph']} ({bound['stage']}) {bound['flops'] / 1e9:.1f} Gop/s, "
            f"{bound['flops_share']:.0%} of the product's; {bound['bytes'] / 1e9:.1f} GB/s, "
            f"{bound['bytes_share']:.0%} of a copy's: bound by {bound['bound_by']}"
        )


def _game(game: Report | None) -> Iterator[str]:
    if not game or not game["alone"] or not game["beside_us"]:
        return
    alone, beside = game["alone"], game["beside_us"]
    yield (
        f"game at {game['rate']:g} frames/s: a frame's work takes {alone['p50']:.2f} ms at p50 and "
        f"{alone['p99']:.2f} at p99 alone, {beside['p50']:.2f} and {beside['p99']:.2f} beside us; "
        f"late frames {alone['late_share']:.1%} and {beside['late_share']:.1%}"
    )
    for pair in game["us"]:
        alone, beside = pair["alone_p50_ms"], pair["beside_p50_ms"]
        yield f"{pair['case']}: {alone:.2f} ms at p50 alone, {beside:.2f} beside it"

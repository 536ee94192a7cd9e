"""The report as one HTML page that works offline: style, plots and figures inside. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from typing import Any, cast

from posewire_runtime.metrics import STAGES
from posewire_runtime.profile import charts
from posewire_runtime.profile.answers import base_case
from posewire_runtime.profile.charts import Bar, Box, Line
from posewire_runtime.profile.report import incomplete, with_figures
from posewire_runtime.profile.style import STYLE

Report = Mapping[str, Any]

_SERIES = ("series0", "series1", "series2", "series3", "series4", "series5")


def render(report: Report) -> str:
    """The whole page."""
    body = "".join(_sections(report))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Posewire profile</title><style>{STYLE}</style></head>"
        f"<body><main>{body}</main></body></html>\n"
    )


def _sections(report: Report) -> Iterator[str]:
    cases = with_figures(report)
    yield _head(report)
    yield _answers(report)
    if cases:
        yield _section("Cases", _case_table(cases), _CASE_NOTE)
        yield _section("Where the time goes", _legend(cases) + _stage_bars(cases), _STAGE_NOTE)
        yield _section("Latency against what is asked for", _sweeps(report, cases), _SWEEP_NOTE)
    for target in report["targets"]:
        yield from _target(target, [case for case in cases if case["target"] == target["name"]])
    yield _game(report["game"])
    yield _client(report["client"])
    yield _section("This machine", _facts(report["machine"], report))
    yield _missing(report)


_CASE_NOTE = (
    "Times in ms, from the request to its last frame. “Characters”: how many the machine keeps in motion at "
    "the model’s own frame rate. “In graphs”: share of the time inside ONNX Runtime, the rest is our own "
    "work on the host. “Ratio”: in products of matrices measured beside each round, which is what "
    "<code>posewire profile diff</code> compares. “Stages”: how much of the time they explain. “Until”: "
    "rounds went on until the median was known to 3 % (tight), or until the time was over."
)
_STAGE_NOTE = "Mean of each stage; what is missing to the end-to-end time is left open."
_SWEEP_NOTE = (
    "Median end-to-end time while one setting changes and the others stay at the base case; and frames a "
    "second by how many clips are made at once."
)


def _head(report: Report) -> str:
    machine = report["machine"]
    gpu = machine["gpu"]["name"] if machine["gpu"] else "no NVIDIA GPU seen"
    names = ", ".join(target["name"] for target in report["targets"]) or "nothing could be measured"
    return (
        f"<header><h1>Posewire profile</h1><p>{escape(names)}</p><p class='dim'>{escape(machine['cpu'])}, "
        f"{machine['cores']} cores · {escape(gpu)} · {escape(report['made'])}"
        f" · took {report['seconds']:.0f} s</p>"
        "</header>"
    )


def _answers(report: Report) -> str:
    kinds: dict[str, list[Report]] = {}
    for answer in report["answers"]:
        kinds.setdefault(answer["question"], []).append(answer)
    cards = [
        f"<div class='card'><h3>{escape(question)}</h3>{''.join(map(_answer, found))}</div>"
        for question, found in kinds.items()
    ]
    return f"<div class='cards'>{''.join(cards)}</div>" if cards else ""


def _answer(answer: Report) -> str:
    value = answer["value"]
    big = f"<p class='big'>{escape(str('none' if value is None else value))}</p>"
    return f"{big}<p>{escape(answer['answer'])}</p>"


def _case_table(cases: Sequence[Report]) -> str:
    times = ("p50", "p95", "p99", "first frame", "gap p95")
    head = ("case", *times, "frames/s", "characters", "in graphs", "peak MiB", "ratio", "stages", "until")
    rows = [
        (
            escape(case["name"]),
            *(f"{case['end_to_end'][p]:.2f}" for p in ("p50", "p95", "p99")),
            f"{case['first_frame']['p50']:.2f}",
            f"{case['gap']['p95']:.2f}" if case["gap"] else "–",
            f"{case['frames_per_second']:,.0f}",
            f"{case['characters']:,.1f}",
            "–" if case["device"]["share"] is None else f"{case['device']['share']:.0%}",
            f"{case['memory']['peak_bytes'] / 2**20:,.0f}" if case["memory"]["peak_bytes"] else "–",
            f"{case['ratio']['median']:.3g}",
            f"{case['explained']:.1%}",
            case["stopped"],
        )
        for case in cases
    ]
    return _table(head, rows)


def _stage_bars(cases: Sequence[Report]) -> str:
    return charts.bars(
        [
            Bar(
                case["name"],
                [(f"stage-{stage}", figures["mean"]) for stage, figures in case["stages"].items()],
                f"{case['end_to_end']['mean']:.1f}",
            )
            for case in cases
        ],
        "ms",
    )


def _legend(cases: Sequence[Report]) -> str:
    there = [stage for stage in STAGES if any(stage in case["stages"] for case in cases)]
    items = [f"<span><i class='stage-{stage}'></i>{stage}</span>" for stage in there]
    return f"<p class='legend'>{''.join(items)}</p>"


def _sweeps(report: Report, cases: Sequence[Report]) -> str:
    drawn: list[str] = []
    names = [target["name"] for target in report["targets"]]
    for axis in ("frames", "steps", "batch", "concurrency"):
        found: list[Line] = []
        for index, target in enumerate(report["targets"]):
            mine = [case for case in cases if case["target"] == target["name"] and not case["game"]]
            points = _along(target, mine, axis)
            if len(points) > 1:
                found.append(Line(target["name"], points, _SERIES[index % len(_SERIES)]))
        if found:
            drawn.append(f"<div>{charts.lines(found, axis, 'ms at p50')}</div>")
    if rates := _rates(report, cases):
        drawn.append(f"<div>{charts.lines(rates, 'clips at once', 'frames/s')}</div>")
    keys = [
        f"<span><i class='{_SERIES[i % len(_SERIES)]}'></i>{escape(n)}</span>" for i, n in enumerate(names)
    ]
    legend = f"<p class='legend'>{''.join(keys)}</p>" if len(names) > 1 else ""
    return f"{legend}<div class='grid2'>{''.join(drawn)}</div>" if drawn else ""


def _rates(report: Report, cases: Sequence[Report]) -> list[Line]:
    """Frames a second by how many clips are made at once, at the base case's length and steps."""
    found: list[Line] = []
    for index, target in enumerate(report["targets"]):
        mine = [case for case in cases if case["target"] == target["name"] and not case["game"]]
        base = base_case(target, mine) if mine else None
        alike = [case for case in mine if base and all(case[k] == base[k] for k in ("frames", "steps"))]
        points = sorted((case["batch"] * case["concurrency"], case["frames_per_second"]) for case in alike)
        if len(points) > 1:
            found.append(Line(target["name"], points, _SERIES[index % len(_SERIES)]))
    return found


def _along(target: Report, cases: Sequence[Report], axis: str) -> list[tuple[float, float]]:
    """Cases that differ from the base one in this setting alone."""
    if not cases:
        return []
    base = base_case(target, cases)
    others = [name for name in ("frames", "steps", "batch", "concurrency") if name != axis]
    alike = [case for case in cases if all(case[name] == base[name] for name in others)]
    return sorted((case[axis], case["end_to_end"]["p50"]) for case in alike)


def _target(target: Report, cases: Sequence[Report]) -> Iterator[str]:
    name = escape(target["name"])
    if cases:
        base = base_case(target, [case for case in cases if not case["game"]] or cases)
        rows = [
            Box(stage, "total" if stage == "end_to_end" else f"stage-{stage}", quantiles)
            for stage, quantiles in base["distributions"].items()
        ]
        note = f"{escape(base['name'])}: p5 to p95, the middle half, the median. {base['rounds']} rounds."
        yield _section(f"{name}: latency of each stage", charts.boxes(rows, "ms"), note)
    yield _section(f"{name}: steps and quality", _quality(target, cases))
    if target["timeline"]:
        colours = {str(stage): f"stage-{stage}" for stage in STAGES}
        yield _section(f"{name}: one request", charts.timeline(target["timeline"], colours))
    yield _cold(target)
    yield _bounds(target)
    for graph in target["graphs"]:
        yield _graph(name, graph)


def _quality(target: Report, cases: Sequence[Report]) -> str:
    """The curve where the package says errors, a table in any case."""
    latency = {case["steps"]: case["end_to_end"]["p50"] for case in reversed(cases) if case["batch"] == 1}
    known = [preset for preset in target["quality"] if preset.get("error") is not None]
    rows = [
        (
            escape(preset["preset"]),
            str(preset["steps"]),
            "not measured" if preset.get("error") is None else f"{preset['error']:.4g}",
            f"{latency[preset['steps']]:.2f}" if preset["steps"] in latency else "–",
        )
        for preset in sorted(target["quality"], key=lambda preset: preset["steps"])
    ]
    table = _table(("preset", "steps", "error", "ms at p50"), rows)
    if len(known) < 2:
        return f"{table}<p class='dim'>The package knows no errors of its presets, so there is no curve.</p>"
    points = sorted((preset["steps"], preset["error"]) for preset in known)
    curve = charts.lines([Line("error", points, "series1")], "steps", "error")
    said = f"{table}<p class='dim'>{escape(known[0]['measured'])}</p>"
    return f"<div class='grid2'><div>{curve}</div><div>{said}</div></div>"


def _cold(target: Report) -> str:
    cold = target["cold"]
    if cold is None:
        return ""
    parts = [
        ("series0", cold["interpreter_ms"]),
        ("series1", cold["imports_ms"]),
        ("series2", cold["load_ms"]),
        ("series3", cold["first_request_ms"]),
    ]
    keys = ("interpreter", "imports", "model load", "first request")
    legend = "".join(f"<span><i class='{c}'></i>{k}</span>" for (c, _), k in zip(parts, keys, strict=True))
    rows = [
        Bar("cold, fresh process", parts, f"{sum(length for _, length in parts):.0f}"),
        Bar(
            "warm, second request",
            [("series3", cold["second_request_ms"])],
            f"{cold['second_request_ms']:.1f}",
        ),
    ]
    memory = f"{cold['peak_bytes'] / 2**20:.0f} MB at most" if cold["peak_bytes"] else "memory not known"
    note = f"First frame after {cold['to_first_frame_ms']:.0f} ms; {memory}."
    name = escape(target["name"])
    return _section(f"{name}: cold start", f"<p class='legend'>{legend}</p>{charts.bars(rows, 'ms')}", note)


def _bounds(target: Report) -> str:
    if not target["bounds"]:
        return ""
    rows = [
        (
            escape(bound["graph"]),
            escape(bound["stage"]),
            f"{bound['flops'] / 1e9:,.1f} Gop/s",
            f"{bound['flops_share']:.0%}",
            f"{bound['bytes'] / 1e9:,.1f} GB/s",
            f"{bound['bytes_share']:.0%}",
            escape(bound["bound_by"]),
        )
        for bound in target["bounds"]
    ]
    top = target["ceilings"]
    note = (
        f"Ceilings measured here: {top['flops'] / 1e9:,.0f} Gop/s in a large {escape(top['precision'])} "
        f"product, {top['bytes'] / 1e9:,.1f} GB/s in a pass over memory. Traffic is what operators read and "
        "write if no cache held anything, so it can exceed the pass."
    )
    head = ("graph", "stage", "computes", "of the product", "moves", "of the pass", "bound by")
    return _section(f"{escape(target['name'])}: what bounds each graph", _table(head, rows), note)


def _graph(name: str, graph: Report) -> str:
    rows = [
        Bar(
            f"{row['operator']} ({row['provider']}, {row['calls_per_run']:g}x)",
            [("series0", row["ms_per_run"])],
            f"{row['share']:.0%}",
        )
        for row in graph["operators"]
    ]
    note = (
        f"{graph['ms_per_run']:.3g} ms a run, {graph['nodes']} operators, "
        f"{graph['outside_operators']:.0%} outside of them, {graph['fell_back']} on another provider. "
        "Measured with ONNX Runtime’s profiler on, which slows small operators down."
    )
    return _section(f"{name}: operators of {escape(graph['graph'])}", charts.bars(rows, "ms"), note)


def _game(game: Report | None) -> str:
    if not game or not game["alone"] or not game["beside_us"]:
        return ""
    rows = [
        (
            label,
            *(f"{game[key][p]:.2f}" for p in ("p50", "p95", "p99", "max")),
            f"{game[key]['late_share']:.1%}",
        )
        for label, key in (("alone", "alone"), ("beside us", "beside_us"))
    ]
    table = _table(("a game frame’s work", "p50", "p95", "p99", "max", "late frames"), rows)
    ours = [
        (escape(pair["case"]), f"{pair['alone_p50_ms']:.2f}", f"{pair['beside_p50_ms']:.2f}")
        for pair in game["us"]
    ]
    other = _table(("our case", "ms alone", "ms beside the game"), ours) if ours else ""
    note = (
        f"{game['processes']} process(es) at {game['rate']:g} frames a second, each frame’s work about "
        f"{game['share']:.0%} of it when alone, on {escape(game['provider'])}."
    )
    return _section("Under a game’s load", table + other, note)


def _client(client: Report | None) -> str:
    if not client:
        return ""
    rows = [(escape(_words(name)), escape(_plain(value, name))) for name, value in client.items()]
    return _section("Native client", _table(("figure", "value"), rows))


def _facts(machine: Report, report: Report) -> str:
    rows = [(escape(_words(name)), escape(_plain(value, name))) for name, value in machine.items()]
    if report["overhead"]:
        cost = report["overhead"]
        text = f"{cost['median']:+.2%} (95 %: {cost['interval'][0]:+.2%} to {cost['interval'][1]:+.2%})"
        rows.append(("the profiler’s own cost", text))
    for target in report["targets"]:
        rows.append((escape(f"memory of {target['name']}"), escape(_plain(target["memory"]))))
    return _table(("what", "value"), rows)


def _missing(report: Report) -> str:
    lines = [*incomplete(report), *report["missing"]]
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return _section("Missing", f"<ul>{items}</ul>") if lines else ""


def _words(key: str) -> str:
    """A key of the report as people say it."""
    return key.removesuffix("_bytes").replace("_mhz", " (MHz)").replace("_", " ")


def _plain(value: object, key: str = "") -> str:
    """A value of the report as text."""
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, object], value).items()
        return ", ".join(f"{_words(name)} {_plain(inner, name)}" for name, inner in pairs)
    if isinstance(value, list):
        return ", ".join(_plain(inner) for inner in cast(list[object], value))
    if key.endswith("_bytes") and isinstance(value, int):
        return f"{value / 2**20:,.1f} MiB"
    return "not known" if value is None else str(value)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<div class='scroll'><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>"


def _section(title: str, body: str, note: str = "") -> str:
    said = f"<p class='dim'>{note}</p>" if note else ""
    return f"<section><h2>{title}</h2>{said}{body}</section>" if body else ""

"""A profile from its first case to its last: opens targets, measures, and fills the report.

Whatever fails is named in the report, and what is left goes on. Knows no arguments and no terminal.
"""

from __future__ import annotations

import gc
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from posewire_runtime.client import Client
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.memory import process_bytes
from posewire_runtime.device.meter import Meter
from posewire_runtime.device.nvidia import gpu_facts
from posewire_runtime.device.providers import NAMES
from posewire_runtime.errors import DeviceError, PosewireError, Unreachable
from posewire_runtime.profile import cold, game
from posewire_runtime.profile.asking import ServerDriver
from posewire_runtime.profile.bounds import bounds
from posewire_runtime.profile.cases import Axes, Case, Cost, Left, Subject, cases_of, plan
from posewire_runtime.profile.driving import Driver, LocalDriver
from posewire_runtime.profile.machine import joules
from posewire_runtime.profile.measuring import Bench, Measured, measure
from posewire_runtime.profile.operators import read_profile
from posewire_runtime.profile.reference import Reference, ceilings
from posewire_runtime.profile.report import Report, left_out, measured
from posewire_runtime.profile.samples import Stop
from posewire_runtime.profile.statistics import interval, median
from posewire_runtime.profile.targets import Target, Watch, subject_of
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.types import ModelInfo

ALONE = 3.0
"""Seconds that the game runs alone."""
PER_TARGET = 12.0
"""Seconds that opening, a cold start, ceilings and operators are taken to need; only for the announcement."""
_OVERHEAD_SECONDS, _OVERHEAD_PAIRS = 2.0, 40
_OPERATOR_RUNS, _PROBES = 3, 2


@dataclass(frozen=True, eq=False)
class Wishes:
    """What shall be found out."""

    axes: Axes = field(default_factory=Axes)
    seconds_per_case: float = 5.0
    game: game.GameLoad | None = None
    cold: bool = True
    """Also start a fresh process."""
    stop: Stop = field(default_factory=Stop)
    """When a case has been measured enough before its time is over."""
    command: Sequence[str] = ()
    """Starts this program's hidden parts in a process: `cold-start` or `game-load` and a JSON text follow."""


class Ticker(Protocol):
    """Shows how far it is."""

    def say(self, what: str) -> None:
        """What is being done."""
        ...

    def advance(self, seconds: float) -> None:
        """So much of the announced time is over."""
        ...


def announce(cases: Sequence[Case], targets: int, wishes: Wishes) -> float:
    """Seconds that a profile takes at most."""
    games = targets * (ALONE + wishes.seconds_per_case) if wishes.game else 0.0
    return len(cases) * wishes.seconds_per_case + targets * PER_TARGET + games


def profile_targets(report: Report, targets: Sequence[Target], wishes: Wishes, ticker: Ticker) -> None:
    """Measure models in this process, one after the other."""
    subjects = {target.name: target.subject for target in targets}
    wanted, left = cases_of(list(subjects.values()), wishes.axes)
    report["cases"] += [left_out(one) for one in left]
    for target in targets:
        mine = [case for case in wanted if case.target == target.name]
        try:
            _profile_target(report, target, mine, wishes, ticker)
        except PosewireError as error:
            report["missing"].append(f"{target.name}: {error}")
            known = {case["name"] for case in report["cases"]}
            report["cases"] += [left_out(Left(c, str(error))) for c in mine if c.name not in known]
        gc.collect()


def profile_server(
    report: Report, client: Client, infos: Sequence[ModelInfo], wishes: Wishes, ticker: Ticker
) -> None:
    """Measure models of a server from here."""
    subjects = [subject_of(f"{info.name}@server", info) for info in infos]
    wanted, left = cases_of(subjects, wishes.axes)
    report["cases"] += [left_out(one) for one in left]
    report["missing"].append(
        "cold start, memory, device time, operators and ceilings: the server is a process of its own; "
        "run posewire profile where it runs"
    )
    for subject, info in zip(subjects, infos, strict=True):
        driver = ServerDriver(client, info)
        entry = _entry(subject, info)
        report["targets"].append(entry)
        mine = [case for case in wanted if case.target == subject.name]
        try:
            bench = Bench(driver, Reference.on(None), None, wishes.seconds_per_case, wishes.stop)
            _measure_all(report, bench, subject, mine, info.fps, wishes, ticker)
            with suppress(Unreachable):
                entry["timeline"] = [span.to_dict() for span in driver.timeline(subject.base)]
        except PosewireError as error:
            report["missing"].append(f"{subject.name}: {error}")
            known = {case["name"] for case in report["cases"]}
            report["cases"] += [left_out(Left(c, str(error))) for c in mine if c.name not in known]
        finally:
            driver.close()


def _profile_target(
    report: Report, target: Target, cases: Sequence[Case], wishes: Wishes, ticker: Ticker
) -> None:
    """One model: opened, measured, looked into, closed."""
    ticker.say(f"{target.name}: opening")
    engine = Engine(target.settings) if target.settings else None
    before, meter = process_bytes(), Meter()
    library = Library({target.info.name: Entry(target.info, lambda: target.open(Watch(meter)))})
    driver = LocalDriver(library, target.info.name, target.features)
    entry = _entry(target.subject, target.info)
    try:
        driver.warm()
        opened = library.info(target.info.name)
        entry |= {
            "providers": list(opened.providers),
            "precision": target.precision,
            "quality": target.quality(),
            "memory": _memory(target, library, before),
        }
        report["targets"].append(entry)
        gpu = (
            target.settings.device
            if engine is not None and engine.device == "cuda" and target.settings
            else None
        )
        bench = Bench(driver, Reference.on(engine), meter, wishes.seconds_per_case, wishes.stop, gpu)
        energy, begun = joules(), time.perf_counter()
        _measure_all(report, bench, target.subject, cases, opened.fps, wishes, ticker)
        entry["power"] = _power(energy, time.perf_counter() - begun, gpu)
        ticker.say(f"{target.name}: timeline and overhead")
        entry["timeline"] = [span.to_dict() for span in driver.timeline(target.subject.base)]
        report["overhead"] = report["overhead"] or _overhead(driver, target.subject.base)
    finally:
        driver.close()
        library.close()
    if engine is not None:
        ticker.say(f"{target.name}: ceilings and operators")
        _look_inside(entry, target, engine)
    else:
        report["missing"].append(f"{target.name}: operators and ceilings: it runs no graphs")
    if wishes.cold:
        ticker.say(f"{target.name}: cold start in a fresh process")
        base = target.subject.base
        wish = {"target": target.name, "frames": base.frames, "steps": base.steps}
        entry["cold"] = cold.start_cold([*wishes.command, "cold-start"], wish)
    ticker.advance(PER_TARGET)


def _measure_all(
    report: Report,
    bench: Bench,
    subject: Subject,
    cases: Sequence[Case],
    fps: float,
    wishes: Wishes,
    ticker: Ticker,
) -> None:
    """Plan by one request, measure what fits, then the base case beside a game."""
    made = plan(cases, {subject.name: _cost(bench.driver, subject)}, wishes.seconds_per_case)
    report["cases"] += [left_out(left) for left in made.left]
    ticker.advance(len(made.left) * wishes.seconds_per_case)
    ticker.say(f"{subject.name}: {len(made.cases)} cases")
    found = measure(bench, made.cases, ticker.advance)
    report["cases"] += [measured(one, fps, bench.reference.kind) for one in found]
    if wishes.game is not None and not any(one.error for one in found):
        ticker.say(f"{subject.name}: beside a game")
        try:
            one, happened = _beside_game(bench, subject, found, wishes)
            report["cases"].append(measured(one, fps, bench.reference.kind))
            report["game"] = happened
        except DeviceError as error:
            report["missing"].append(f"{subject.name} beside a game: {error}")
        ticker.advance(ALONE + wishes.seconds_per_case)


def _cost(driver: Driver, subject: Subject) -> Cost:
    """By two requests of different length: what each frame of each step takes, and what is there anyway."""
    base = subject.base
    short = replace(base, frames=max(subject.limits.min_frames, base.frames // 2))
    driver.round(base)
    times = [min(_seconds(driver, case) for _ in range(_PROBES)) for case in (short, base)]
    work = (base.frames - short.frames) * base.steps
    slope = max(times[1] - times[0], 0.0) / work if work else times[1] / (base.frames * base.steps)
    return Cost(max(times[1] - slope * base.frames * base.steps, 0.0), slope)


def _seconds(driver: Driver, case: Case) -> float:
    begun = time.perf_counter()
    driver.round(case)
    return time.perf_counter() - begun


def _beside_game(
    bench: Bench, subject: Subject, found: Sequence[Measured], wishes: Wishes
) -> tuple[Measured, dict[str, Any]]:
    """The base case once more while a game runs, and what both did to each other."""
    assert wishes.game is not None
    base = subject.base
    load = game.Game(wishes.game, [*wishes.command, "game-load"])
    try:
        begun = time.monotonic()
        time.sleep(ALONE)
        between = time.monotonic()
        [one] = measure(bench, [replace(base, game=True)])
        ended = time.monotonic()
    finally:
        frames = load.stop()
    happened = game.effect(frames, (begun, between), (between, ended), wishes.game)
    alone = next((other for other in found if other.case == base), None)
    ours: list[dict[str, Any]] = []
    if alone is not None and alone.rounds and one.rounds:
        pair = [median([s.end_to_end for r in each.rounds for s in r.samples]) * 1e3 for each in (alone, one)]
        ours = [{"case": base.name, "alone_p50_ms": round(pair[0], 4), "beside_p50_ms": round(pair[1], 4)}]
    return one, happened | {"us": ours}


def compared(looked_at: LocalDriver, alone: LocalDriver, case: Case, *, first: bool) -> float:
    """A round with over a round without being looked at; `first` says whether the one with goes first."""
    if first:
        seconds = looked_at.looked_at(case)
        return seconds / alone.bare(case)
    seconds = alone.bare(case)
    return looked_at.looked_at(case) / seconds


def _overhead(driver: LocalDriver, base: Case) -> dict[str, Any]:
    """The same requests with and without being looked at, in turns: what the profiler itself costs."""
    ratios: list[float] = []
    end = time.perf_counter() + _OVERHEAD_SECONDS
    while len(ratios) < _OVERHEAD_PAIRS and (len(ratios) < 5 or time.perf_counter() < end):
        ratios.append(compared(driver, driver, base, first=len(ratios) % 2 == 0))
    low, high = interval(ratios)
    return {
        "case": base.name,
        "pairs": len(ratios),
        "median": round(median(ratios) - 1, 5),
        "interval": [round(low - 1, 5), round(high - 1, 5)],
    }


def _look_inside(entry: Report, target: Target, engine: Engine) -> None:
    """Ceilings of the device, operators of the graphs, and what bounds them."""
    found = ceilings(engine, target.precision)
    entry["ceilings"] = {
        "precision": found.precision,
        "flops": round(found.flops),
        "bytes": round(found.bytes),
    }
    graphs = _operators(target, NAMES[engine.provider])
    entry["graphs"] = graphs
    entry["bounds"] = [bound.to_dict() for bound in bounds(graphs, found.flops, found.bytes)]


def _operators(target: Target, provider: str) -> list[dict[str, Any]]:
    """Some requests with ONNX Runtime's profiler on, in a program of their own: it slows them down."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        library = Library({target.info.name: Entry(target.info, lambda: target.open(Watch(None, folder)))})
        driver = LocalDriver(library, target.info.name, target.features)
        try:
            for _ in range(_OPERATOR_RUNS):
                driver.round(target.subject.base)
        finally:
            driver.close()
            library.close()
        del driver, library
        gc.collect()  # a session writes its profile when it goes
        uses = [
            read_profile(_graph_of(file), json.loads(file.read_text("utf-8")))
            for file in sorted(folder.glob("*.json"))
        ]
    return [use.to_dict(provider) for use in uses if use.runs]


def _graph_of(file: Path) -> str:
    """ONNX Runtime adds `_date_time` to the prefix that it was given."""
    return file.stem.split("_20")[0]


def _entry(subject: Subject, info: ModelInfo) -> Report:
    """What is said of a target before anything is measured."""
    return {
        "name": subject.name,
        "model": info.name,
        "family": info.family,
        "fps": info.fps,
        "providers": list(info.providers),
        "precision": None,
        "presets": dict(info.presets),
        "default_preset": info.default_preset,
        "base_frames": subject.base.frames,
        "max_steps": info.limits.max_steps,
        "quality": [{"preset": name, "steps": steps} for name, steps in info.presets.items()],
        "memory": None,
        "power": None,
        "ceilings": None,
        "graphs": [],
        "bounds": [],
        "cold": None,
        "timeline": [],
    }


def _memory(target: Target, library: Library, before: int | None) -> dict[str, Any]:
    """What opening it took of this process' memory, and what its text encoder says of itself."""
    after = process_bytes()
    grown = None if before is None or after is None else max(after - before, 0)
    encoder: Any = library.program(target.info.name).encoder
    text = encoder.memory() if hasattr(encoder, "memory") else None
    return {
        "opened_bytes": grown,
        "package_bytes": target.package.nbytes if target.package else None,
        "text_encoder_bytes": None if text is None else text.weights + text.tables,
    }


def _power(energy: float | None, seconds: float, gpu: int | None) -> dict[str, Any]:
    """Watts: of the CPU on average over all cases, of the GPU at their end."""
    after = joules()
    used = None if energy is None or after is None or after < energy else (after - energy) / seconds
    facts = None if gpu is None else gpu_facts(gpu)
    return {"cpu_watts": used, "gpu_watts": facts.power_watts if facts else None}

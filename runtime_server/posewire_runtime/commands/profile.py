"""`posewire profile`: what a motion costs on this machine, and what fits into a frame; and `profile diff`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posewire_runtime.commands.arguments import Subparsers, add_text, text_settings
from posewire_runtime.commands.connection import add_connection, connect

if TYPE_CHECKING:
    from posewire_runtime.profile.cases import Axes
    from posewire_runtime.profile.report import Report
    from posewire_runtime.profile.session import Ticker, Wishes
    from posewire_runtime.profile.targets import Target, Watch

_MANUAL = """\
Measures models on this machine, in the loop that serves them: how long each stage takes, how many characters
the machine keeps in motion, what bounds it, what a game feels. Writes report.json and report.html.

What you name is crossed (--frames 60,120 --steps 4,8: four cases); if you name nothing, one base case is
varied along one axis at a time: at most 20 cases, under three minutes.

examples:
  posewire profile
  posewire profile --model packages/walk-fp32 --precision fp32,int8 --out report/
  posewire profile --model packages/walk --frames 60,120 --steps 4,8 --concurrency 1,8
  posewire profile --server 127.0.0.1:50051
  posewire profile --game-load 60:0.5              # beside a game at 60 frames/s, half of each frame busy
  posewire profile diff before/ after/ --fail-over 10%
"""

_DIFF_MANUAL = """\
Compares two reports case by case, each by its ratio to the product of matrices that was measured beside it.
A case is slower when a rank test says so at p < 0.01, beyond --tolerance.
"""

_SERVER_LOST, _NOTHING, _SLOWER = 4, 5, 1
"""Exit codes, as docs/cli.md has them; the last: a case became slower than --fail-over allows."""


def register(subparsers: Subparsers) -> None:
    """Add `posewire profile`."""
    parser = subparsers.add_parser(
        "profile", help="measure models on this machine, stage by stage", description=_MANUAL
    )
    parser.add_argument(
        "--model", nargs="+", metavar="P", help="models' names, or folders of model packages; the default one"
    )
    parser.add_argument(
        "--provider", type=_words, metavar="P,P…", help="execution providers (the best there is)"
    )
    parser.add_argument("--precision", type=_words, metavar="X,X…", help="packages of these precisions")
    _add_axes(parser)
    parser.add_argument(
        "--out", type=Path, default=Path("report"), metavar="DIR", help="where the report goes"
    )
    parser.add_argument("--json", action="store_true", help="print report.json instead of the table")
    add_text(parser)
    add_connection(parser)
    parser.add_argument("--part", nargs=2, help=argparse.SUPPRESS)
    parser.set_defaults(func=_run)
    _add_diff(parser)


def _add_axes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("cases")
    group.add_argument("--frames", type=_counts, metavar="N,N…", help="lengths of clips")
    group.add_argument("--steps", type=_counts, metavar="N,N…", help="network steps")
    group.add_argument("--batch", type=_counts, metavar="N,N…", help="clips of one request")
    group.add_argument("--concurrency", type=_counts, metavar="N,N…", help="requests at the same moment")
    group.add_argument(
        "--seconds-per-case",
        type=_seconds,
        default=5.0,
        metavar="S",
        help="a case that needs more is left out",
    )
    group.add_argument(
        "--budget", type=_seconds, default=100.0, metavar="MS", help="time that a game allows for a clip"
    )
    group.add_argument(
        "--game-load",
        metavar="FPS[:SHARE[:N]]",
        help="also beside N processes that work so many frames a second",
    )
    group.add_argument("--no-cold", action="store_true", help="leave the cold start out")
    group.add_argument(
        "--client", type=Path, metavar="FILE", help="figures of a native client to put beside ours"
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    below = parser.add_subparsers(metavar="diff", required=False, title="comparing")
    diff = below.add_parser("diff", help="compare two reports", description=_DIFF_MANUAL)
    diff.add_argument("before", type=Path, help="a report.json, or its folder")
    diff.add_argument("after", type=Path, help="another one")
    diff.add_argument(
        "--fail-over", type=_share, metavar="10%", help="exit with 1 when a case is slower by more than this"
    )
    diff.add_argument("--tolerance", type=_share, metavar="5%", help="changes that are no news (5%%)")
    diff.add_argument("--json", action="store_true", help="print one JSON object")
    diff.set_defaults(func=_diff)


# --------------------------------------------------------------------------------------- arguments


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _counts(text: str) -> tuple[int, ...]:
    words = _words(text)
    if not words or not all(word.isdigit() and int(word) > 0 for word in words):
        raise argparse.ArgumentTypeError(
            f"expected whole numbers from 1, separated by commas, found {text!r}"
        )
    return tuple(dict.fromkeys(int(word) for word in words))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"expected a number above 0, found {text!r}")
    return value


def _share(text: str) -> float:
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = -1.0
    if not 0 <= value < 10:
        raise argparse.ArgumentTypeError(f"expected a share as 10% or 0.1, found {text!r}")
    return value


# ------------------------------------------------------------------------------------------ running


def _run(options: argparse.Namespace) -> int:
    entered = time.time_ns()
    if options.part:
        return _part(options, entered)
    from posewire_runtime.profile import answers, page, table
    from posewire_runtime.profile.machine import facts, missing
    from posewire_runtime.profile.report import new_report, read_json, with_figures, write_report

    began = time.perf_counter()
    wishes = _wishes(options)
    client = read_json(options.client) if options.client else None
    machine = facts()
    report = new_report(machine, _settings(options), time.strftime("%Y-%m-%dT%H:%M:%S%z"))
    report["missing"] += missing(machine)
    report["client"] = client
    if options.server:
        _through_server(report, options, wishes)
    else:
        _in_process(report, options, wishes)
    report["answers"] = answers.answers(report, options.budget)
    report["seconds"] = round(time.perf_counter() - began, 1)
    paths = write_report(options.out, report, page.render(report))
    print(json.dumps(report) if options.json else "\n".join(table.report_lines(report)))
    if not options.json:
        print("\n".join(f"  {path}" for path in paths))
    if any("server went away" in case["why"] for case in report["cases"] if case["status"] == "failed"):
        return _SERVER_LOST
    return 0 if with_figures(report) else _SERVER_LOST if options.server else _NOTHING


def _wishes(options: argparse.Namespace) -> Wishes:
    from posewire_runtime.errors import InvalidRequest, Violation
    from posewire_runtime.profile.game import parse_load
    from posewire_runtime.profile.session import Wishes

    try:
        load = parse_load(options.game_load) if options.game_load else None
    except argparse.ArgumentTypeError as error:
        raise InvalidRequest.of([Violation("--game-load", str(error))]) from None
    return Wishes(
        _axes(options), options.seconds_per_case, load, not options.no_cold, command=_command(options)
    )


def _axes(options: argparse.Namespace) -> Axes:
    from posewire_runtime.profile.cases import Axes

    return Axes(options.frames, options.steps, options.batch, options.concurrency)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What was asked for, for the report; no names of files beyond the last folder."""
    return {
        "models": [Path(model).name for model in options.model or ()],
        "providers": options.provider,
        "precisions": options.precision,
        "server": bool(options.server),
        "seconds_per_case": options.seconds_per_case,
        "budget_ms": options.budget,
        "game_load": options.game_load,
    }


def _command(options: argparse.Namespace) -> list[str]:
    """What starts a hidden part of this command with the same models."""
    command = [sys.executable, "-m", "posewire_runtime.cli", "profile"]
    for name in ("provider", "precision"):
        if getattr(options, name):
            command += [f"--{name}", ",".join(getattr(options, name))]
    for name in ("text_encoder", "text_packs", "text_unknown"):
        if getattr(options, name):
            command += [f"--{name.replace('_', '-')}", getattr(options, name)]
    if options.model:
        command += ["--model", *options.model]
    return [*command, "--part"]


def _in_process(report: Report, options: argparse.Namespace, wishes: Wishes) -> None:
    from posewire_runtime.profile.cases import cases_of
    from posewire_runtime.profile.session import announce, profile_targets

    targets = _targets(options, report["missing"])
    cases, _ = cases_of([target.subject for target in targets], wishes.axes)
    seconds = announce(cases, len(targets), wishes)
    with _ticking(f"{len(cases)} cases of {len(targets)} models", seconds) as ticker:
        profile_targets(report, targets, wishes, ticker)


def _through_server(report: Report, options: argparse.Namespace, wishes: Wishes) -> None:
    from posewire_runtime.errors import PosewireError, UnknownModel
    from posewire_runtime.profile.cases import cases_of
    from posewire_runtime.profile.session import announce, profile_server
    from posewire_runtime.profile.targets import subject_of

    with connect(options) as client:
        try:
            served = {model.info.name: model.info for model in client.models(timeout=10)}
        except PosewireError as error:
            report["missing"].append(str(error))
            return
        wanted = options.model or [next(iter(served))]
        unknown = [name for name in wanted if name not in served]
        if unknown:
            raise UnknownModel(
                f"expected models of the server ({', '.join(served)}), found {', '.join(unknown)}"
            )
        infos = [served[name] for name in wanted]
        cases, _ = cases_of([subject_of(info.name, info) for info in infos], wishes.axes)
        with _ticking(f"{len(cases)} cases through {options.server}", announce(cases, 0, wishes)) as ticker:
            profile_server(report, client, infos, wishes, ticker)


def _part(options: argparse.Namespace, entered: int) -> int:
    """A hidden part, in a process of its own."""
    part, argument = options.part
    if part == "game-load":
        from posewire_runtime.profile.game import run_worker

        return run_worker(argument)
    from posewire_runtime.profile.cold import report_cold

    wish = json.loads(argument)

    def find() -> Target:
        return next(target for target in _targets(options, []) if target.name == wish["target"])

    print(json.dumps(report_cold(wish["started"], entered, find, wish["frames"], wish["steps"])))
    return 0


# ------------------------------------------------------------------------------------------- models


def _targets(options: argparse.Namespace, missing: list[str]) -> list[Target]:
    """Models on providers; what isn't there is named."""
    from posewire_runtime.commands.models import STAND_IN, open_library, package_folder, stand_in
    from posewire_runtime.errors import PosewireError
    from posewire_runtime.profile.targets import Target

    found: list[Target] = []
    for model in options.model or [open_library([]).default]:
        if model == STAND_IN:
            entry = stand_in()
            found.append(Target(model, entry.info, lambda watch, entry=entry: entry.open()))
            if options.provider or options.precision:
                missing.append(f"{model}: it runs on no provider and has no precision")
            continue
        try:
            found += _packages(package_folder(model), options, missing)
        except PosewireError as error:
            missing.append(f"{model}: {error}")
    return found


def _packages(folder: Path, options: argparse.Namespace, missing: list[str]) -> list[Target]:
    """A package in all wanted precisions on all wanted providers."""
    from posewire_runtime.commands.models import open_library
    from posewire_runtime.errors import PosewireError
    from posewire_runtime.packages.package import Package
    from posewire_runtime.profile.targets import variants

    if not folder.is_dir():
        open_library([str(folder)])  # says what was expected
    folders = [folder]
    if options.precision:
        folders, lacking = variants(folder, options.precision)
        missing += [f"{folder.name}: no package of precision {precision} beside it" for precision in lacking]
    found: list[Target] = []
    for one in folders:
        package = Package.open(one)
        for provider in options.provider or ["auto"]:
            try:
                found.append(_target(package, provider, options))
            except PosewireError as error:
                missing.append(f"{one.name} on {provider}: {error}")
    return found


def _target(package: Any, provider: str, options: argparse.Namespace) -> Target:
    from dataclasses import replace

    from posewire_runtime.device.engine import Engine
    from posewire_runtime.device.providers import EngineSettings
    from posewire_runtime.families import open_package, package_info
    from posewire_runtime.profile.targets import Target

    real = Engine(EngineSettings(provider=provider)).provider
    settings = EngineSettings(provider=real)
    info = package_info(package)

    def open_it(watch: Watch) -> Any:
        watched = replace(settings, meter=watch.meter, operators=watch.operators)
        return open_package(package, watched, text_settings(options))

    return Target(f"{package.root.name}@{real}", info, open_it, package, settings)


# ---------------------------------------------------------------------------------------- progress


class _Ticker:
    """A bar on a terminal, nothing elsewhere."""

    def __init__(self, bar: Any) -> None:
        self._bar = bar

    def say(self, what: str) -> None:
        """What is being done."""
        self._bar.set_description_str(what)

    def advance(self, seconds: float) -> None:
        """So much of the announced time is over."""
        self._bar.update(min(seconds, max(self._bar.total - self._bar.n, 0.0)))


@contextmanager
def _ticking(what: str, seconds: float) -> Generator[Ticker]:
    from tqdm import tqdm

    print(f"posewire: {what}, at most about {seconds:.0f} s", file=sys.stderr, flush=True)
    shape = "{desc} |{bar}| {n:.0f} of {total:.0f} s"
    with tqdm(total=seconds, bar_format=shape, leave=False, disable=not sys.stderr.isatty()) as bar:
        yield _Ticker(bar)


# ------------------------------------------------------------------------------------------ compare


def _diff(options: argparse.Namespace) -> int:
    from posewire_runtime.profile.diff import TOLERANCE, diff
    from posewire_runtime.profile.report import read_report
    from posewire_runtime.profile.table import diff_lines

    tolerance = TOLERANCE if options.tolerance is None else options.tolerance
    found = diff(read_report(options.before), read_report(options.after), tolerance)
    worse = [] if options.fail_over is None else found.regressions(options.fail_over)
    if options.json:
        print(json.dumps(_as_json(found, [change.case for change in worse]), indent=1))
    else:
        print("\n".join(diff_lines(found)))
        for change in worse:
            print(f"posewire: {change.case} is slower by {change.change:.1%}", file=sys.stderr)
    return _SLOWER if worse else 0


def _as_json(found: Any, worse: Sequence[str]) -> dict[str, Any]:
    from dataclasses import asdict

    changes = [{**asdict(change), "change": change.change} for change in found.changes]
    return {**asdict(found), "changes": changes, "failed": list(worse)}

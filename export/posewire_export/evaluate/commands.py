"""`posewire evaluate`: measures a trained network, or a package, on held-out clips."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posewire_runtime.errors import InvalidRequest

if TYPE_CHECKING:
    from posewire_export.evaluate.contrast import Judge
    from posewire_export.evaluate.evaluate import Maker
    from posewire_export.train.feed import Corpus
    from posewire_export.train.text_model import TextSide

_MANUAL = """Measure how well a model does what captions say and how real its motion looks.

A judge is trained on the training part first (or read from --judge). Held-out real motion and the nearest
training clip are measured by the same rule. MODEL is the average.pt of a run, or a package's folder."""


def register(subparsers: Any) -> None:
    """Add `evaluate`."""
    parser = subparsers.add_parser("evaluate", help="measure a model on held-out clips", description=_MANUAL)
    parser.add_argument(
        "--model", type=Path, required=True, help="average.pt of a run, or a package's folder"
    )
    parser.add_argument("--motions", type=Path, required=True, help="folder of clips, or a packed file")
    parser.add_argument("--captions", type=Path, help="JSON Lines file of captions")
    parser.add_argument("--heldout", type=Path, help="list of held-out clips, as for train")
    parser.add_argument("--loose", nargs="*", default=[], help="folders of rigs that stretch, as for train")
    parser.add_argument("--text", type=Path, required=True, help="folder of the text encoder")
    parser.add_argument("--judge", type=Path, help="file of a trained judge; written if it isn't there")
    parser.add_argument("--judge-pools", type=int, default=150, help="how long to train the judge")
    parser.add_argument("--steps", type=int, nargs="+", default=[50], help="settings to compare")
    parser.add_argument("--guidance", type=float, default=3.0, help="for an average.pt; 1: off")
    parser.add_argument("--clips", type=int, default=1000, help="at least so many for each setting")
    parser.add_argument(
        "--out", type=Path, default=Path("report.json"), help="report.json; a table is written beside it"
    )
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets; only these are made then")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    from posewire_export.evaluate.evaluate import report_of
    from posewire_export.evaluate.report import table
    from posewire_export.evaluate.showcase import write_sheets
    from posewire_export.train.commands import read_data
    from posewire_export.train.library import heldout_of
    from posewire_export.train.text_model import read_text_side

    if options.pictures is not None:
        write_sheets(_maker(options, read_text_side(options.text), options.steps[0]), options.pictures)
        return 0
    data = read_data(options.motions, options.captions, options.loose)
    learned, held = data.split(heldout_of(data.entries, options.heldout))
    if not held.entries:
        raise InvalidRequest("expected held-out clips to measure on; the list names none of these clips")
    text = read_text_side(options.text)
    judge = _judge(options, learned, text)
    makers = {f"{steps} steps": _maker(options, text, steps) for steps in options.steps}
    report = report_of(judge, learned, held, makers, least=options.clips, limits=(20, 360))
    options.out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    options.out.with_suffix(".md").write_text(table(report), encoding="utf-8")
    print(table(report))
    return 0


def _judge(options: argparse.Namespace, learned: Corpus, text: TextSide) -> Judge:
    from posewire_export.evaluate.contrast import read_judge, train_judge, write_judge
    from posewire_export.train.dataset import normaliser_of

    if options.judge is not None and options.judge.is_file():
        return read_judge(options.judge, text)
    judge = train_judge(learned, normaliser_of(learned), text, pools=options.judge_pools)
    if options.judge is not None:
        write_judge(judge, options.judge)
    return judge


def _maker(options: argparse.Namespace, text: TextSide, steps: int) -> Maker:
    from posewire_export.evaluate.makers import network_maker, package_maker

    if options.model.is_dir():
        return package_maker(options.model, steps)
    return network_maker(options.model, text, steps, options.guidance)

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
training clip are measured by the same rule. MODEL is the average.pt of a run, or a package's folder. Beside
the report lie a table for people (.md) and its curves (.webp)."""


def register(subparsers: Any) -> None:
    """Add `evaluate`."""
    parser = subparsers.add_parser("evaluate", help="measure a model on held-out clips", description=_MANUAL)
    parser.add_argument(
        "--model", type=Path, required=True, help="average.pt of a run, or a package's folder"
    )
    parser.add_argument("--motions", type=Path, help="folder of clips, or a packed file")
    parser.add_argument("--captions", type=Path, help="JSON Lines file of captions")
    parser.add_argument("--heldout", type=Path, help="list of held-out clips, as for train")
    parser.add_argument("--loose", nargs="*", default=[], help="folders of rigs that stretch, as for train")
    parser.add_argument("--text", type=Path, help="folder of the text encoder")
    parser.add_argument("--judge", type=Path, help="file of a trained judge; written if it isn't there")
    parser.add_argument("--judge-pools", type=int, default=150, help="how long to train the judge")
    parser.add_argument("--steps", type=int, nargs="+", default=[50], help="settings to compare")
    parser.add_argument("--guidance", type=float, default=4.0, help="for an average.pt; 1: off")
    parser.add_argument("--device", default="cpu", help="for an average.pt: where it runs (cpu, cuda)")
    parser.add_argument("--clips", type=int, default=1000, help="at least so many for each setting")
    parser.add_argument(
        "--keep", type=Path, help="folder: clips that were made stay there, and are used again"
    )
    parser.add_argument(
        "--beside",
        type=Path,
        nargs="*",
        default=[],
        help="reports whose columns are shown before the own ones",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("report.json"), help="the report; table and curves lie beside it"
    )
    parser.add_argument("--pictures", type=Path, help="folder for contact sheets; only these are made then")
    parser.set_defaults(func=_run)


def _run(options: argparse.Namespace) -> int:
    if options.pictures is not None:
        from posewire_export.evaluate.showcase import write_sheets

        text = None if options.model.is_dir() else _text(options)
        write_sheets(_maker(options, text, options.steps[0]), options.pictures)
        return 0
    report = _report(options)
    _write(report, options.out)
    return 0


def _report(options: argparse.Namespace) -> dict[str, Any]:
    from posewire_export.evaluate.evaluate import cases_of, knowing, report_of
    from posewire_export.evaluate.makers import familiarity_of
    from posewire_export.evaluate.report import about, joined
    from posewire_export.train.commands import read_data
    from posewire_export.train.library import heldout_of

    if options.motions is None:
        raise InvalidRequest("expected --motions FOLDER with held-out clips to measure on; found none")
    data = read_data(options.motions, options.captions, options.loose)
    learned, held = data.split(heldout_of(data.entries, options.heldout))
    if not held.entries:
        raise InvalidRequest("expected held-out clips to measure on; the list names none of these clips")
    text = _text(options)
    judge = _judge(options, learned, text)
    facts = about(judge, clips=options.clips, heldout=[entry.file for entry in held.entries])
    earlier = [json.loads(file.read_text(encoding="utf-8")) for file in options.beside]
    report: dict[str, Any] = {"about": facts}
    if options.model.is_dir():
        report["familiarity"] = knowing(familiarity_of(options.model), cases_of(held, learned))
    makers = {_name(options, steps): _maker(options, text, steps) for steps in options.steps}
    report["results"] = report_of(judge, learned, held, makers, least=options.clips, limits=(20, 360))
    return joined([*earlier, report])


def _write(report: dict[str, Any], out: Path) -> None:
    from posewire_export.evaluate.curves import draw_curves
    from posewire_export.evaluate.report import table

    out.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    out.with_suffix(".md").write_text(table(report), encoding="utf-8")
    draw_curves(report["results"], out.with_suffix(".webp"))
    print(table(report))


def _text(options: argparse.Namespace) -> TextSide:
    from posewire_export.train.text_model import read_text_side

    if options.text is None:
        raise InvalidRequest("expected --text FOLDER of the text encoder that the judge reads by; found none")
    return read_text_side(options.text)


def _judge(options: argparse.Namespace, learned: Corpus, text: TextSide) -> Judge:
    from posewire_export.evaluate.contrast import read_judge, train_judge, write_judge
    from posewire_export.train.dataset import normaliser_of

    if options.judge is not None and options.judge.is_file():
        return read_judge(options.judge, text)
    judge = train_judge(learned, normaliser_of(learned), text, pools=options.judge_pools)
    if options.judge is not None:
        write_judge(judge, options.judge)
    return judge


def _name(options: argparse.Namespace, steps: int) -> str:
    count = f"{steps} step" if steps == 1 else f"{steps} steps"
    if options.model.is_dir():
        return count
    return f"network, {count}" + (f", guidance {options.guidance:g}" if options.guidance != 1 else "")


def _maker(options: argparse.Namespace, text: TextSide | None, steps: int) -> Maker:
    from posewire_export.evaluate.makers import identity_of, kept, network_maker, package_maker

    if text is None or options.model.is_dir():
        maker = package_maker(options.model, steps)
    else:
        maker = network_maker(options.model, text, steps, options.guidance, options.device)
    if options.keep is None:
        return maker
    settings = "" if options.model.is_dir() else f" {options.guidance}"
    return kept(maker, f"{identity_of(options.model)} {steps}{settings}", options.keep)

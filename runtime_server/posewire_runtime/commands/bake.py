"""`posewire bake`: a list of prompts to engine-ready animation files, through the same worker or a server."""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posewire_runtime.commands.arguments import Subparsers, add_text, text_settings

if TYPE_CHECKING:
    from posewire_runtime.bake.characters import BodyModel, Character
    from posewire_runtime.bake.item import Setting
    from posewire_runtime.bake.makers import Maker
    from posewire_runtime.bake.plan import Item, Style
    from posewire_runtime.bake.rows import Problems, Row
    from posewire_runtime.types import ModelInfo
    from posewire_runtime.wire.requests import Catalogue

_MANUAL = """\
Bakes a list of prompts: one file for each row, seed and format, a .json beside them that tells how it was
made, index.json, and index.html, which shows everything and opens by double-click. Kill it at any moment and
run it again: what is done stays, the rest is made, and the result is the same to the last byte.

A list is .txt (a prompt a line), .csv, .jsonl or .yaml with the columns
  prompt    "a person walks => a person waves" is one clip of two prompts; {who} is a variable of --var
  name      of the files; without it: made of prompt and seed
  seconds   one number, or one for each prompt
  seed      one or several, separated by blanks; or count: so many from the first on
  model steps guidance passes tags

passes, in any order: trim mirror ground plant foot-lock loop fps=60 root-motion in-place additive keys=0.5

examples:
  posewire bake prompts.csv --out anims --format glb,fbx --rig ue5-manny --passes "plant foot-lock"
  posewire bake prompts.txt --out anims --target hero.glb --embed
  posewire bake prompts.csv --out anims --dry-run
  cat prompts.txt | posewire bake - --out anims --server 127.0.0.1:50051
"""

_FAILED = 5
"""Exit code when some clips couldn't be made."""


def register(subparsers: Subparsers) -> None:
    """Add `posewire bake`."""
    parser = subparsers.add_parser(
        "bake", help="make animation files of a list of prompts", description=_MANUAL
    )
    parser.add_argument("list", metavar="LIST", help="the list, or - for standard input")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where files go")
    parser.add_argument(
        "--format",
        type=_words,
        default=["glb"],
        metavar="F,F…",
        help="of glb, fbx, bvh, usd, npz, anim, json; mesh for an SMPL-H target",
    )
    _add_rows(parser)
    _add_bones(parser)
    add_text(parser)
    _add_running(parser)
    parser.set_defaults(func=_run)


def _add_rows(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("rows")
    group.add_argument(
        "--list-format", metavar="KIND", help="txt, csv, jsonl or yaml; without it: the suffix"
    )
    group.add_argument(
        "--var", action="append", default=[], metavar="NAME=A,B…", help="values of a variable in prompts"
    )
    group.add_argument("--only", action="append", default=[], metavar="TAG", help="only rows with this tag")
    group.add_argument("--passes", default="", metavar="WORDS", help="of rows that name none")
    group.add_argument("--seed", type=int, default=0, metavar="N", help="of rows that name none")
    group.add_argument("--model", metavar="P", help="a model's name, or the folder of a model package")


def _add_bones(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("bones")
    group.add_argument(
        "--rig",
        default="smpl22",
        metavar="NAME",
        help="smpl22, ue5-manny, ue4, unity, mixamo, vrm, godot or rigify",
    )
    group.add_argument(
        "--target",
        type=Path,
        metavar="FILE",
        help="your own .glb, .vrm, .fbx or .bvh character, or an SMPL-H body model (.npz, .pkl)",
    )
    group.add_argument("--bone-map", type=Path, metavar="FILE", help="lines of: joint bone; or a JSON object")
    group.add_argument("--no-match-limbs", action="store_true", help="keep the character's own rest arms")
    group.add_argument("--keep-travel", action="store_true", help="don't scale the path by the legs' length")
    group.add_argument("--embed", action="store_true", help=".glb holds the character with the motion inside")
    group.add_argument(
        "--mesh", choices=("mannequin", "none"), default="mannequin", help="what hangs on the bones"
    )


def _add_running(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("running")
    group.add_argument(
        "--dry-run", action="store_true", help="check the list, estimate the time, make nothing"
    )
    group.add_argument("--shard", type=_shard, default=(1, 1), metavar="I/N", help="only part I of N")
    group.add_argument("--batch", type=int, default=32, metavar="N", help="clips made together")
    group.add_argument("--server", metavar="HOST:PORT", help="ask this server instead of running models here")
    group.add_argument("--json", action="store_true", help="print one JSON object about what was made")


def _words(text: str) -> list[str]:
    return [word for word in text.replace(",", " ").split() if word]


def _shard(text: str) -> tuple[int, int]:
    index, _, count = text.partition("/")
    if index.isdigit() and count.isdigit() and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise argparse.ArgumentTypeError(f"expected I/N with I from 1 to N, found {text!r}")


def _run(options: argparse.Namespace) -> int:
    from posewire_runtime.bake import plan
    from posewire_runtime.bake.item import Setting
    from posewire_runtime.bake.rigs import rig
    from posewire_runtime.bake.rows import Problems
    from posewire_runtime.commands.lists import read_list

    character = _character(options)
    style = _style(options, character)
    setting = Setting(style, character.rig if character else rig(options.rig), character)
    problems = Problems("stdin" if options.list == "-" else options.list, [])
    rows = read_list(options, problems)
    with _models(options, rows, problems) as (catalogue, names, maker):
        items = plan.plan(rows, style, catalogue, problems, models=names, seed=options.seed)
        _check_root_bone(items, setting, problems)
        problems.raise_any()
        items = plan.shard(items, *options.shard)
        if options.dry_run:
            return _estimate(options, items, setting, maker, catalogue.info)
        return _bake(options, items, setting, maker, catalogue.info)


def _check_root_bone(items: Sequence[Item], setting: Setting, problems: Problems) -> None:
    """A character's own file can't be given the bone that root motion would need."""
    target = setting.rig.target
    if not setting.style.embed or target is None or target.skeleton.parents[target.skeleton.pelvis] >= 0:
        return
    for item in items:
        if "root-motion" in item.passes.names:
            message = f"expected a bone above the hips of {setting.rig.name} for root-motion, found none"
            problems.add(item.row.line, f"passes: {message}; leave out --embed, or use in-place")


# ------------------------------------------------------------------------------- bones and models


def _character(options: argparse.Namespace) -> Character | None:
    from posewire_runtime.bake.characters import BODY_SUFFIXES, body_character, read_character
    from posewire_runtime.errors import InvalidRequest, Violation

    if options.target is None:
        for flag in ("bone_map", "embed", "keep_travel", "no_match_limbs"):
            if getattr(options, flag):
                name = f"--{flag.replace('_', '-')}"
                raise InvalidRequest.of([Violation(name, "expected --target with it, found none")])
        return None
    if options.target.suffix.lower() in BODY_SUFFIXES:
        return body_character(
            options.target, _body_model(options.target), scale_travel=not options.keep_travel
        )
    character = read_character(
        options.target,
        options.bone_map,
        match_limbs=not options.no_match_limbs,
        scale_travel=not options.keep_travel,
    )
    if options.embed and character.gltf is None:
        message = f"expected a .glb or .vrm character, found {options.target}"
        raise InvalidRequest.of([Violation("--embed", message)])
    if character.unmapped and not options.json:
        names = ", ".join(character.unmapped[:8]) + (" …" if len(character.unmapped) > 8 else "")
        print(f"posewire: {len(character.unmapped)} bones keep their rest pose: {names}", file=sys.stderr)
    return character


def _body_model(path: Path) -> BodyModel:
    """Through what is installed for it: reading body models takes libraries that baking doesn't need."""
    from importlib.metadata import entry_points

    from posewire_runtime.errors import MissingExtra

    for reader in entry_points(group="posewire.bodies"):
        return reader.load()(path)
    raise MissingExtra("an SMPL-H target", "export")


def _style(options: argparse.Namespace, character: Character | None) -> Style:
    from posewire_runtime.bake.passes import parse_passes
    from posewire_runtime.bake.plan import SUFFIXES, Style
    from posewire_runtime.errors import InvalidRequest, Violation

    formats = tuple(dict.fromkeys(options.format))
    unknown = [name for name in formats if name not in SUFFIXES]
    if unknown or not formats:
        message = f"expected formats of {', '.join(SUFFIXES)}, found {', '.join(unknown) or 'none'}"
        raise InvalidRequest.of([Violation("--format", message)])
    if "mesh" in formats and (character is None or character.model is None):
        message = "expected --target with an SMPL-H body model for the format mesh, found none"
        raise InvalidRequest.of([Violation("--format", message)])
    if options.batch < 1:
        raise InvalidRequest.of([Violation("--batch", f"expected at least 1, found {options.batch}")])
    try:
        passes = parse_passes(options.passes)
    except ValueError as error:
        raise InvalidRequest.of([Violation("--passes", str(error))]) from None
    return Style(
        formats=formats,
        rig=character.rig.name if character else options.rig,
        fingerprint=_fingerprint(options) if character else "",
        text=_text_fingerprint(options),
        body=options.mesh == "mannequin",
        embed=options.embed,
        passes=passes,
    )


def _fingerprint(options: argparse.Namespace) -> str:
    """Of the character and how motion is put on it."""
    digest = hashlib.sha256(options.target.read_bytes())
    digest.update(options.bone_map.read_bytes() if options.bone_map else b"")
    digest.update(f"{options.no_match_limbs} {options.keep_travel}".encode())
    return digest.hexdigest()


def _text_fingerprint(options: argparse.Namespace) -> str:
    """Of the prompt packs and of what happens to prompts that they don't hold; empty: there are none."""
    text = text_settings(options)
    text.check()
    if not text.pack_files:
        return ""
    digest = hashlib.sha256(text.unknown.encode())
    for file in text.pack_files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


@contextmanager
def _models(
    options: argparse.Namespace, rows: Sequence[Row], problems: Problems
) -> Generator[tuple[Catalogue, dict[str, tuple[str, str]], Maker]]:
    """What there is to ask, what rows call it, and who makes the clips."""
    from posewire_runtime.bake.makers import LocalMaker, Served, ServerMaker

    if options.server:
        from posewire_runtime.client import Client

        with Client(options.server) as client:
            served = Served(client.models())
            default = options.model or served.default
            yield served, {"": (default, "")}, ServerMaker(client)
        return
    from posewire_runtime.commands.models import open_library

    names, models = _find_models(options, rows, problems)
    library = open_library(models, text=text_settings(options))
    try:
        yield library, names, LocalMaker(library, options.batch)
    finally:
        library.close()


def _find_models(
    options: argparse.Namespace, rows: Sequence[Row], problems: Problems
) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """What rows call a model -> its name and its package's hash; and all models, the default first."""
    from posewire_runtime.commands.models import open_library
    from posewire_runtime.errors import PosewireError
    from posewire_runtime.packages.package import Package

    names: dict[str, tuple[str, str]] = {}
    models: list[str] = []
    for called, line in {"": 0, **{row.model: row.line for row in rows if row.model}}.items():
        asked = called or options.model
        try:
            name = open_library([asked] if asked else [], text=text_settings(options)).default
            is_package = bool(asked) and Path(asked).is_dir()
            names[called] = name, Package.open(asked).fingerprint if is_package else ""
            models.append(asked or name)
        except PosewireError as error:
            if not called:
                raise
            problems.add(line, f"model: {error}")
            names[called] = names[""]
    return names, models


# ------------------------------------------------------------------------------------------ running


def _estimate(
    options: argparse.Namespace, items: Sequence[Item], setting: Any, maker: Maker, info: Any
) -> int:
    """Say what would be made, and how long it takes, measured on one clip of each model."""
    from posewire_runtime.bake.item import encode_item
    from posewire_runtime.errors import PosewireError

    seconds = 0.0
    for model in sorted({item.requests[0].model for item in items}):
        mine = [item for item in items if item.requests[0].model == model]
        probe = mine[len(mine) // 2]
        list(maker.make([probe]))  # loads the model
        began = time.perf_counter()
        [(_, outcome)] = maker.make([probe])
        if isinstance(outcome, PosewireError):
            raise outcome
        encode_item(probe, outcome, info(model), setting)
        per_frame = (time.perf_counter() - began) / probe.frames
        seconds += per_frame * sum(item.frames for item in mine)
    motion = sum(item.frames / _fps(item, info) for item in items)
    report = {
        "clips": len(items),
        "files": len(items) * len(setting.style.formats),
        "seconds_of_motion": round(motion, 1),
        "at_most_seconds": float(f"{seconds:.3g}"),
    }
    sentence = (
        f"{report['clips']} clips, {report['files']} files, {motion:.0f} s of motion; "
        f"at most about {_clock(seconds)}, by one clip made alone"
    )
    print(json.dumps(report) if options.json else sentence)
    return 0


def _fps(item: Item, info: Any) -> float:
    found: ModelInfo = info(item.requests[0].model)
    return found.fps


def _clock(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _show_licences(items: Sequence[Item], info: Any) -> None:
    """What the models' makers want to be known before anybody uses the motion."""
    from posewire_runtime.packages.describe import licence_lines

    for name in sorted({item.requests[0].model for item in items}):
        licence = info(name).licence
        if licence.notice:
            print("\n  ".join((f"posewire: {name}", *licence_lines(licence))), file=sys.stderr)


def _bake(options: argparse.Namespace, items: Sequence[Item], setting: Any, maker: Maker, info: Any) -> int:
    from tqdm import tqdm

    from posewire_runtime.bake.run import run

    if not options.json:
        _show_licences(items, info)
    began = time.perf_counter()
    with tqdm(total=len(items), unit="clip", leave=False, disable=not sys.stderr.isatty()) as bar:
        outcomes = run(
            items,
            options.out,
            maker,
            setting,
            info,
            shard=options.shard,
            batch=options.batch,
            title=f"Baked from {'standard input' if options.list == '-' else Path(options.list).name}",
            progress=bar.update,
        )
    seconds = time.perf_counter() - began
    for name, why in outcomes.failed.items():
        print(f"posewire: {name} failed, {why}", file=sys.stderr)
    report = {"made": outcomes.made, "kept": outcomes.kept, "failed": outcomes.failed, "seconds": seconds}
    failed = f", {len(outcomes.failed)} failed" if outcomes.failed else ""
    sentence = f"{outcomes.made} clips made, {outcomes.kept} were there{failed}, in {seconds:.1f} s"
    print(json.dumps(report) if options.json else f"{sentence}\n  {options.out / 'index.html'}")
    return _FAILED if outcomes.failed else 0

"""`posewire generate`: one prompt to one file a seed, in process or through a server."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posewire_runtime.commands.arguments import Subparsers, add_text, on_off, seed_list, text_settings
from posewire_runtime.commands.connection import add_connection, connect

if TYPE_CHECKING:
    from posewire_runtime.scheduler.jobs import Job
    from posewire_runtime.types import Clip, Features
    from posewire_runtime.wire.requests import GenerateOptions

_MANUAL = """\
Makes motion of a prompt and writes one file for each seed. The suffix of --out chooses the format: .glb
(skeleton, mannequin, animation), .fbx, .bvh, .usda, .npz, .anim (Unity) or .json. Without --server the model
runs in this process.

examples:
  posewire generate "a person walks forward, then waves"
  posewire generate "a person waves with the right hand" --seconds 3 --seed 1,2,3 --out wave.glb
  posewire generate "a person turns left" --server 127.0.0.1:50051 --out turn.bvh
  posewire generate "a person walks" --frames 120 --raw walk.npz      # arrays for engineers, no other file
"""

_ASKED = (
    "frames",
    "seconds",
    "preset",
    "steps",
    "guidance",
    "solver",
    "ground",
    "smooth",
    "special_game",
)
"""Arguments that are options of the request under the same name."""


def register(subparsers: Subparsers) -> None:
    """Add `posewire generate`."""
    parser = subparsers.add_parser(
        "generate", help="make motion of one prompt and write it to a file", description=_MANUAL
    )
    parser.add_argument("prompt", nargs="?", default="", metavar="PROMPT", help="what the character does")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--seconds", type=float, metavar="S", help="how long; without it: estimated")
    length.add_argument("--frames", type=int, metavar="N", help="how long, in frames of the model's rate")
    parser.add_argument(
        "--seed", type=seed_list, metavar="N,N…", help="one clip for each; without it: a random one"
    )
    parser.add_argument("--model", metavar="P", help="a model's name, or the folder of a model package")
    _add_sampling(parser)
    add_text(parser)
    files = parser.add_argument_group("files")
    files.add_argument(
        "--out", type=Path, metavar="FILE", help="where to write; without it: named after the prompt"
    )
    files.add_argument(
        "--raw", type=Path, metavar="OUT.npz", help="write the model's own arrays, all seeds in one"
    )
    files.add_argument(
        "--picture", type=Path, metavar="FILE.png", help="draw a contact sheet of the first clip"
    )
    files.add_argument(
        "--open", action="store_true", help="show the clips in the browser, until Ctrl-C (posewire view)"
    )
    add_connection(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON object about what was made")
    parser.set_defaults(func=_run)


def _add_sampling(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("sampling")
    group.add_argument(
        "--preset", metavar="NAME", help="one of the model's presets (posewire inspect lists them)"
    )
    group.add_argument("--steps", type=int, metavar="N", help="network steps")
    group.add_argument("--guidance", type=float, metavar="G", help="classifier-free guidance; at most 1: off")
    group.add_argument("--solver", metavar="NAME", help="one of the model's solvers")
    group.add_argument("--ground", type=on_off, metavar="on|off", help="put the feet on the floor (on)")
    group.add_argument(
        "--smooth", type=on_off, metavar="on|off", help="smooth as the model's decoder does (on)"
    )
    group.add_argument(
        "--special-game", action="store_true", default=None, help="HY-Motion's vector for games"
    )
    group.add_argument(
        "--text-features",
        type=Path,
        metavar="F.npz",
        help="take ctxt (tokens, C) and vtxt (1, V) from a file",
    )


def _run(options: argparse.Namespace) -> int:
    from posewire_runtime import formats
    from posewire_runtime.commands import results
    from posewire_runtime.errors import InvalidRequest, Violation

    if options.server and (options.raw or options.text_features):
        flag = "--raw" if options.raw else "--text-features"
        raise InvalidRequest.of(
            [Violation(flag, "expected a model in this process, found --server; leave one out")]
        )
    suffix = options.out.suffix if options.out else ".glb"
    formats.check_suffix(suffix)
    asked = _asked(options)
    began = time.perf_counter()
    made = _through_server(options, asked) if options.server else _in_process(options, asked)
    made.seconds = time.perf_counter() - began
    if options.raw:
        made.files.append(results.write_raw(options.raw, made.clips))
    if options.out or not options.raw:
        target = options.out or Path(results.slug(options.prompt) + suffix)
        made.files += results.write_clips(target, made.clips, made.notes(options.prompt))
    if options.picture:
        made.files.append(results.draw(options.picture, made.clips[0], options.prompt))
    for notice in made.notices:
        print(f"posewire: {notice.message}", file=sys.stderr)
    print(json.dumps(made.report(), indent=2) if options.json else made.sentence(), flush=True)
    if options.open:
        _show(made.clips, options.prompt)
    return 0


def _show(clips: Sequence[Clip], prompt: str) -> None:
    from posewire_runtime.commands.view import show_until_stopped
    from posewire_runtime.gateway.exhibits import Exhibit

    show_until_stopped([Exhibit(f"{prompt} · seed {clip.seed}", clip) for clip in clips])


def _asked(options: argparse.Namespace) -> GenerateOptions:
    """The options of the request that were given."""
    asked: dict[str, Any] = {
        name: getattr(options, name) for name in _ASKED if getattr(options, name) is not None
    }
    if options.seed:
        asked["seeds"] = options.seed
    return asked  # pyright: ignore[reportReturnType]


def _in_process(options: argparse.Namespace, asked: GenerateOptions) -> Any:
    from posewire_runtime.commands.models import open_library
    from posewire_runtime.commands.results import Result
    from posewire_runtime.local import make

    models = [options.model] if options.model else []
    library = open_library(models, text=text_settings(options))
    features = _read_features(options.text_features) if options.text_features else None
    try:
        with _progress() as progress:
            made = make(
                library,
                options.prompt,
                asked,
                features=features,
                raw=options.raw is not None,
                progress=progress,
            )
    finally:
        library.close()
    return Result(list(made.clips), made.info.name, made.info.licence.notice, list(made.notices))


def _through_server(options: argparse.Namespace, asked: GenerateOptions) -> Any:
    from posewire_runtime.commands.results import Result

    if options.model:
        asked["model"] = options.model
    with connect(options) as posewire:
        stream = posewire.generate(options.prompt, **asked)
        clips = stream.clips()
    header = stream.header
    return Result(list(clips), header.model, header.licence_notice, list(header.notices))


def _read_features(path: Path) -> Features:
    """Text features as the golden sets store them."""
    import numpy as np

    from posewire_runtime.errors import InvalidFile
    from posewire_runtime.types import Features

    try:
        with np.load(path, allow_pickle=False) as arrays:
            tokens, sentence = arrays["ctxt"], arrays["vtxt"]
    except (OSError, ValueError, KeyError) as error:
        raise InvalidFile(f"{path}: expected an .npz file with ctxt and vtxt, found: {error}") from error
    if tokens.ndim != 2 or sentence.shape[:1] != (1,) or sentence.ndim != 2:
        shapes = f"{tokens.shape} and {sentence.shape}"
        raise InvalidFile(f"{path}: expected ctxt (tokens, C) and vtxt (1, V), found {shapes}")
    return Features(tokens.astype(np.float32), sentence.astype(np.float32))


@contextmanager
def _progress() -> Generator[Any]:
    """A bar over the steps of all clips, on a terminal."""
    from tqdm import tqdm

    bar: tqdm[Any] = tqdm(unit="step", leave=False, disable=not sys.stderr.isatty(), delay=0.5)
    seen: dict[int, Job] = {}

    def hear(job: Job) -> None:
        seen[job.id] = job
        bar.total = sum(each.steps for each in seen.values())
        bar.update(sum(each.position for each in seen.values()) - bar.n)

    try:
        yield hear
    finally:
        bar.close()

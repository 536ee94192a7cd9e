"""What is measured: a trained network in torch, or a package in the runtime that ships."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from posewire_export.evaluate.evaluate import Maker
from posewire_export.train.generate import Wish, read_generator
from posewire_export.train.ingest import Motion
from posewire_export.train.text_model import TextSide


def network_maker(weights: Path, text: TextSide, steps: int, guidance: float) -> Maker:
    """The averaged weights of a run."""
    generator = read_generator(weights, text)

    def make(wishes: Sequence[Wish]) -> list[Motion]:
        made: list[Motion] = []
        for start in tqdm(range(0, len(wishes), 64), desc=f"{steps} steps", disable=None):
            made += generator(wishes[start : start + 64], steps=steps, guidance=guidance)
        return made

    return make


def package_maker(folder: Path, steps: int) -> Maker:
    """A package, through the same path as every request."""
    from posewire_runtime.commands.models import open_library
    from posewire_runtime.local import make as make_clips
    from posewire_runtime.wire.requests import GenerateOptions

    library = open_library([str(folder)])

    def make(wishes: Sequence[Wish]) -> list[Motion]:
        made: list[Motion] = []
        for wish in tqdm(wishes, desc=f"{steps} steps", disable=None):
            asked = GenerateOptions(frames=wish.frames, seeds=(wish.seed,), steps=steps)
            clip = make_clips(library, wish.prompt, asked).clips[0]
            made.append(Motion(clip.rotations, clip.root))
        return made

    return make

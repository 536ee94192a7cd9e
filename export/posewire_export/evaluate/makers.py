"""What is measured: a trained network in torch, or a package in the runtime that ships."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from hashlib import sha256
from pathlib import Path

import numpy as np
from tqdm import tqdm

from posewire_export.evaluate.evaluate import Maker
from posewire_export.train.generate import Wish, read_generator
from posewire_export.train.ingest import Motion
from posewire_export.train.text_model import TextSide
from posewire_runtime.packages.package import Package

_TOGETHER = 16
"""Clips of a package that share its calls."""


def network_maker(weights: Path, text: TextSide, steps: int, guidance: float, device: str = "cpu") -> Maker:
    """The averaged weights of a run."""
    generator = read_generator(weights, text, device)

    def make(wishes: Sequence[Wish]) -> list[Motion]:
        made: list[Motion] = []
        for start in tqdm(range(0, len(wishes), 64), desc=f"{steps} steps", disable=None):
            made += generator(wishes[start : start + 64], steps=steps, guidance=guidance)
        return made

    return make


def package_maker(folder: Path, steps: int) -> Maker:
    """A package, through the same path as every request."""
    from posewire_runtime.commands.models import open_library
    from posewire_runtime.exchange.validate import Bounds
    from posewire_runtime.scheduler.jobs import Collector
    from posewire_runtime.scheduler.planner import PlanLimits
    from posewire_runtime.scheduler.worker import Worker, WorkerSettings
    from posewire_runtime.wire.requests import GenerateOptions, read_generate, write_generate

    library = open_library([str(folder)])
    worker = Worker(library, WorkerSettings(limits=PlanLimits(rows=_TOGETHER)))

    def make(wishes: Sequence[Wish]) -> list[Motion]:
        made: list[Motion] = []
        for start in tqdm(range(0, len(wishes), _TOGETHER), desc=f"{steps} steps", disable=None):
            made += together(wishes[start : start + _TOGETHER])
        return made

    def together(wishes: Sequence[Wish]) -> list[Motion]:
        heard = Collector()
        messages = [
            write_generate(w.prompt, GenerateOptions(frames=w.frames, seeds=(w.seed,), steps=steps))
            for w in wishes
        ]
        requests = [read_generate(message, library, Bounds()).requests[0] for message in messages]
        jobs = worker.submit(requests, heard)
        worker.run_until_idle()
        for error in heard.errors.values():
            raise error
        clips = [heard.clips[job.id] for job in jobs]
        return [Motion(clip.rotations, clip.root) for clip in clips]

    return make


def familiarity_of(folder: Path) -> Callable[[Sequence[str]], list[float]]:
    """How familiar a package finds prompts, 0 to 1, by the encoder inside it."""
    from posewire_runtime.device.providers import EngineSettings
    from posewire_runtime.text.opening import open_encoder
    from posewire_runtime.text.settings import TextSettings

    encoder = open_encoder(Package.open(folder), EngineSettings(), TextSettings())

    def familiar(prompts: Sequence[str]) -> list[float]:
        if encoder is None:
            return []
        found = [encoder.encode([prompt])[0].familiarity for prompt in prompts]
        return [value for value in found if value is not None]

    return familiar


def kept(maker: Maker, identity: str, folder: Path) -> Maker:
    """What was made for the same wishes before isn't made again: `identity` stands for model and settings."""

    def make(wishes: Sequence[Wish]) -> list[Motion]:
        asked = repr((identity, [astuple(wish) for wish in wishes]))
        file = folder / f"{sha256(asked.encode()).hexdigest()[:24]}.npz"
        if file.is_file():
            return _read(file)
        made = maker(wishes)
        folder.mkdir(parents=True, exist_ok=True)
        _write(made, file)
        return made

    return make


def identity_of(model: Path) -> str:
    """Another word for other weights: a hash of the file, or of all files of a package."""
    files = sorted(file for file in model.rglob("*") if file.is_file()) if model.is_dir() else [model]
    digest = sha256()
    for file in files:
        if file.suffix != ".md":
            digest.update(file.read_bytes())
    return digest.hexdigest()


def _write(motions: Sequence[Motion], file: Path) -> None:
    lengths = np.array([len(motion) for motion in motions])
    scratch = file.with_suffix(".part.npz")
    np.savez(
        scratch,
        lengths=lengths,
        rotations=np.concatenate([motion.rotations for motion in motions]),
        root=np.concatenate([motion.root for motion in motions]),
    )
    scratch.replace(file)


def _read(file: Path) -> list[Motion]:
    with np.load(file) as stored:
        cuts = np.cumsum(stored["lengths"])[:-1]
        rotations, root = np.split(stored["rotations"], cuts), np.split(stored["root"], cuts)
    return [Motion(turns, path) for turns, path in zip(rotations, root, strict=True)]

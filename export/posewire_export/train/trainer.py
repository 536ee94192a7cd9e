"""The training loop: batches in, weights out; may be stopped at any step and goes on exactly there.

Nothing but the step decides what happens in it: the batch comes from (seed, pool), noise and times
from (seed, step). What is saved is weights, their average, the optimiser and the two counters.
"""

from __future__ import annotations

import csv
import os
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from posewire_export.hymotion.network import Config as NetworkConfig
from posewire_export.train.config import Config
from posewire_export.train.features import WIDTH, Normaliser
from posewire_export.train.feed import Corpus, Example, Pools, pack
from posewire_export.train.flow import Loss, MotionModel, draw_times, initialise
from posewire_export.train.text_model import Text, TextSide
from posewire_runtime.errors import InvalidFile

LOG_EVERY = 50
"""Steps between two lines of the log."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Examples as tensors."""

    motion: Tensor  # (B, T, 201), normalised
    mask: Tensor  # (B, T)
    text: Text


class Trainer:
    """One run: model, average, optimiser and where it stands."""

    def __init__(
        self,
        config: Config,
        feed: Pools,
        normaliser: Normaliser,
        text: TextSide,
        *,
        total_frames: int,
        device: str = "cpu",
    ) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.normaliser = normaliser
        self.text = text
        self.device = torch.device(device)
        self.step = 0
        self.frames = 0
        """Real frames shown so far."""
        self.pool = 0
        self.place = 0
        """The next batch of the pool."""
        self._feed = feed
        self._goal = config.passes * total_frames
        self._total_frames = total_frames
        self.model = new_model(config, text.width)
        initialise(self.model)
        self.model.to(self.device)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self._optimiser = torch.optim.AdamW(
            self.model.parameters(),
            lr=config.rate,
            betas=(0.9, 0.99),
            weight_decay=config.weight_decay,
            fused=True,
        )
        self._loss = Loss.of(normaliser, config.feet, self.device)
        self._batches: list[list[Example]] | None = None

    def start_from(self, model: MotionModel) -> None:
        """Begin with the weights of another model instead of fresh ones."""
        self.model.load_state_dict(model.state_dict())
        for name, parameter in self.model.named_parameters():
            self.average[name].copy_(parameter.detach())

    @property
    def passes(self) -> float:
        """How often all frames have been shown."""
        return self.frames / self._total_frames

    @property
    def finished(self) -> bool:
        return self.frames >= self._goal

    def rate(self) -> float:
        """The learning rate of the next step: up, level, down to nothing."""
        config, done = self.config, self.frames / self._goal
        up = min(1.0, (self.step + 1) / config.warmup) if config.warmup else 1.0
        down = min(1.0, (1 - done) / config.cooldown) if config.cooldown else 1.0
        return config.rate * up * max(down, 0.0)

    def advance(self) -> float:
        """One step; returns its loss."""
        examples = self._next_examples()
        batch = self.batch(examples)
        noise, uniform, dropped = self._draw(batch.motion, examples)
        text = self.model.without(batch.text, dropped)
        times = draw_times(uniform, self.config.time_shift, self.config.early)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.bf16):
            loss = self._loss(self.model, batch.motion, batch.mask, text, noise, times)
        for group in self._optimiser.param_groups:
            group["lr"] = self.rate()
        self._optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self._optimiser.step()
        self._follow()
        self.step += 1
        self.frames += int(batch.mask.sum())
        return loss.item()

    def batch(self, examples: Sequence[Example]) -> Batch:
        """Examples, normalised and padded to the longest."""
        longest = max(len(example.frames) for example in examples)
        motion = torch.zeros(len(examples), longest, WIDTH)
        mask = torch.zeros(len(examples), longest, dtype=torch.bool)
        for row, example in enumerate(examples):
            frames = len(example.frames)
            motion[row, :frames] = torch.from_numpy(self.normaliser.apply(example.frames))
            mask[row, :frames] = True
        text = self.text([example.text for example in examples], self.device)
        return Batch(motion.to(self.device), mask.to(self.device), text)

    def _next_examples(self) -> list[Example]:
        if self._batches is None:
            self._batches = self._feed.batches(self.pool)
        examples = self._batches[self.place]
        self.place += 1
        if self.place == len(self._batches):
            self.pool, self.place, self._batches = self.pool + 1, 0, None
        return examples

    def _draw(self, motion: Tensor, examples: Sequence[Example]) -> tuple[Tensor, Tensor, Tensor]:
        """(noise, numbers in [0, 1) for the times, whose text is dropped), settled by seed and step."""
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        noise = torch.randn(motion.shape, generator=generator)
        uniform = torch.rand(len(motion), generator=generator)
        dropped = torch.rand(len(motion), generator=generator) < self.config.drop
        for row, example in enumerate(examples):
            if example.noise is not None:
                noise[row, : len(example.noise)] = torch.from_numpy(example.noise)
        return noise.to(self.device), uniform.to(self.device), dropped.to(self.device)

    @torch.no_grad()
    def _follow(self) -> None:
        """The averaged weights take a step toward the weights; a young average takes longer ones."""
        keep = min(self.config.ema, (1 + self.step) / (10 + self.step))
        for name, parameter in self.model.named_parameters():
            self.average[name].lerp_(parameter, 1 - keep)

    def averaged(self) -> MotionModel:
        """A copy of the model with the averaged weights, for sampling."""
        model = new_model(self.config, self.text.width).to(self.device)
        model.load_state_dict(self.average)
        return model.eval().requires_grad_(False)

    def state(self) -> dict[str, Any]:
        """All that is needed to go on exactly."""
        return {
            "config": asdict(self.config),
            "counters": [self.step, self.frames, self.pool, self.place],
            "model": self.model.state_dict(),
            "average": self.average,
            "optimiser": self._optimiser.state_dict(),
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from `state`. Length of the run and saving may differ, the rest must be the same."""
        free = ("passes", "cooldown", "save_minutes")
        mine, theirs = asdict(self.config), dict(state["config"])
        differ = [name for name in mine if name not in free and mine[name] != theirs.get(name)]
        if differ:
            raise InvalidFile(f"the run to resume was made with other settings: {', '.join(differ)}")
        self.step, self.frames, self.pool, self.place = state["counters"]
        self._batches = None
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(state["optimiser"])
        for name, value in self.average.items():
            value.copy_(state["average"][name])


class Validation:
    """The averaged weights' loss on held-out clips, always with the same noise and times."""

    def __init__(self, corpus: Corpus, config: Config, *, most: int = 96) -> None:
        every = max(1, len(corpus.clips) // most)
        pairs = list(zip(corpus.clips, corpus.entries, strict=True))[::every]
        examples = [Example(clip[: config.max_frames], entry.texts[0]) for clip, entry in pairs]
        self._batches = list(pack(sorted(examples, key=lambda e: len(e.frames)), config.batch_frames))
        self._shift = config.time_shift
        self._loss = Loss.of(Normaliser(np.zeros(WIDTH, np.float32), np.ones(WIDTH, np.float32)), feet=0.0)

    @torch.no_grad()
    def __call__(self, trainer: Trainer) -> float:
        model, generator = trainer.averaged(), torch.Generator().manual_seed(0)
        total = frames = 0.0
        for examples in self._batches:
            batch = trainer.batch(examples)
            noise = torch.randn(batch.motion.shape, generator=generator).to(trainer.device)
            times = draw_times(torch.rand(len(examples), generator=generator), self._shift).to(trainer.device)
            count = float(batch.mask.sum())
            loss = self._loss(model, batch.motion, batch.mask, batch.text, noise, times)
            total += count * loss.item()
            frames += count
        return total / frames


def new_model(config: Config, text_width: int) -> MotionModel:
    """An untrained model of the run's size."""
    sizes = config.network
    shape = NetworkConfig(
        sizes.width, sizes.layers, sizes.heads, word_dim=text_width, sentence_dim=text_width
    )
    return MotionModel(shape)


def save_atomically(value: Any, file: Path) -> None:
    """Write beside the file first, so that a stop in the middle leaves the old one."""
    draft = file.with_suffix(".part")
    torch.save(value, draft)
    os.replace(draft, file)


def save_average(trainer: Trainer, file: Path) -> None:
    """The averaged weights in float16, with the normalisation, named as in an official checkpoint."""
    tensors = {name: value.half() for name, value in trainer.average.items()}
    width = trainer.text.width
    tensors |= {
        "mean": torch.from_numpy(trainer.normaliser.mean),
        "std": torch.from_numpy(trainer.normaliser.std),
        "special_game_vtxt_feat": torch.zeros(1, 1, width),
        "special_game_ctxt_feat": torch.zeros(1, 1, width),
    }
    save_atomically(
        {"model_state_dict": tensors, "config": asdict(trainer.config), "step": trainer.step}, file
    )


def run(trainer: Trainer, out: Path, *, validate: Callable[[Trainer], float] | None = None) -> None:
    """Train to the end, saving as it goes; SIGTERM and Ctrl-C save and stop."""
    out.mkdir(parents=True, exist_ok=True)
    resume = out / "resume.pt"
    if resume.exists():
        trainer.load_state(torch.load(resume, map_location=trainer.device, weights_only=True))
        print(f"going on at step {trainer.step}, pass {trainer.passes:.1f}", flush=True)
    with _stop_signals() as asked, (out / "loss.csv").open("a", newline="") as log, _bar(trainer) as bar:
        rows = csv.writer(log)
        if log.tell() == 0:
            rows.writerow(["step", "passes", "loss", "heldout", "rate", "seconds"])
        for line in _steps(trainer, asked, lambda: _save(trainer, out), validate):
            rows.writerow(line)
            log.flush()
            _tell(bar, trainer, line)
    _save(trainer, out)


def _bar(trainer: Trainer) -> tqdm[Any]:
    """How far the run has come, in passes; only on a terminal."""
    total, done = round(trainer.config.passes, 2), round(trainer.passes, 2)
    return tqdm(total=total, initial=done, desc="training", unit="pass", disable=None)


def _tell(bar: tqdm[Any], trainer: Trainer, line: list[str]) -> None:
    """A line of the log: behind the bar, or where there is none in print."""
    if bar.disable:
        print("step {} pass {} loss {} heldout {} rate {} in {} s".format(*line), flush=True)
        return
    bar.set_postfix_str(f"loss {line[2]}", refresh=False)
    bar.update(round(trainer.passes, 2) - bar.n)


def _save(trainer: Trainer, out: Path) -> None:
    save_atomically(trainer.state(), out / "resume.pt")
    save_average(trainer, out / "average.pt")


def _steps(
    trainer: Trainer, asked: list[int], save: Callable[[], None], validate: Callable[[Trainer], float] | None
) -> Iterator[list[str]]:
    losses: list[float] = []
    began = saved = time.monotonic()
    while not trainer.finished and not asked:
        rate = trainer.rate()
        losses.append(trainer.advance())
        if trainer.step % LOG_EVERY == 0:
            now = time.monotonic()
            held = f"{validate(trainer):.4f}" if validate and trainer.step % (20 * LOG_EVERY) == 0 else ""
            loss = f"{np.mean(losses):.4f}"
            yield [
                str(trainer.step),
                f"{trainer.passes:.2f}",
                loss,
                held,
                f"{rate:.2e}",
                f"{now - began:.0f}",
            ]
            losses = []
            if now - saved > 60 * trainer.config.save_minutes:
                save()
                saved = now
        if not np.isfinite(losses[-1] if losses else 0.0):
            raise FloatingPointError(
                f"the loss of step {trainer.step} is not finite; lower the rate and resume"
            )


class _stop_signals:
    """Collects SIGTERM and SIGINT in a list while the run goes on."""

    def __enter__(self) -> list[int]:
        asked: list[int] = []
        self._old = {
            s: signal.signal(s, lambda n, _: asked.append(n)) for s in (signal.SIGTERM, signal.SIGINT)
        }
        return asked

    def __exit__(self, *_: object) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

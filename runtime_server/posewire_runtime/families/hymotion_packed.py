"""Steps of HY-Motion on a CPU: frames of all rows lie behind each other, and nothing is padded.

One call of `denoise` for all rows (or a few, where they are many), then guidance and the solver for all
frames at once: what has to be done row by row in Python costs a batch as much as it costs each row alone.
A step changes no run before all of it has gone well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

import numpy as np

from posewire_runtime.device.engine import Graph
from posewire_runtime.families.hymotion_batch import Geometry, Layout, Row, in_calls, lay_out
from posewire_runtime.families.hymotion_decode import DIMENSIONS
from posewire_runtime.families.hymotion_resident import Walker
from posewire_runtime.families.hymotion_text import AtStep, TextSide
from posewire_runtime.sampling import schedule
from posewire_runtime.types import Float

MOST_FRAMES = 960
"""Frames of one call on a CPU: with more of them activations leave its caches, and each takes longer."""

_LAYOUTS = 16
"""Layouts kept: a batch looks the same for many steps."""


@dataclass(frozen=True, eq=False)
class Line:
    """One row of a batch."""

    latent: Float  # (L, 201)
    text: AtStep


class Packed:
    """Steps batches of runs of any lengths."""

    def __init__(self, denoise: Graph, text: TextSide, geometry: Geometry) -> None:
        self._denoise = denoise
        self._text = text
        self._geometry = geometry
        self._layouts: OrderedDict[tuple[tuple[int, int], ...], Layout] = OrderedDict()

    def step(self, runs: Sequence[Walker]) -> None:
        """Advance all by one step."""
        asked = [run.schedule.guided(run.position) for run in runs]
        guided = [run for run, wants in zip(runs, asked, strict=True) if wants]
        # The guided go first: their rows without text then lie in the same order behind all with text.
        runs = [*guided, *(run for run, wants in zip(runs, asked, strict=True) if not wants)]
        texts = [run.condition.steps.at(run.position) for run in runs]
        texts += self._text.nulls([(run.condition, run.position) for run in guided])
        latents = [run.latent for run in (*runs, *guided)]
        packed = np.concatenate(latents)
        said = self._said(packed, [Line(*line) for line in zip(latents, texts, strict=True)])
        frames = sum(len(run.latent) for run in runs)
        velocity = _guide(said, frames, guided)
        _arrive(runs, _moved(runs, packed[:frames], velocity), velocity)

    def velocities(self, lines: Sequence[Line]) -> list[Float]:
        """What the network says of each row, (L, 201) each."""
        said = self._said(np.concatenate([line.latent for line in lines]), lines)
        return [said[row] for row in _rows([line.latent for line in lines])]

    def _said(self, packed: Float, lines: Sequence[Line]) -> Float:
        """What the network says of the latents of these rows, packed (N, 201)."""
        rows = _rows([line.latent for line in lines])
        calls = in_calls([len(line.latent) for line in lines], MOST_FRAMES)
        said = [self._call(packed[rows[call][0].start : rows[call][-1].stop], lines[call]) for call in calls]
        return said[0] if len(said) == 1 else np.concatenate(said)

    def _call(self, packed: Float, lines: Sequence[Line]) -> Float:
        layout = self._layout(tuple((len(line.latent), line.text.words.shape[2]) for line in lines))
        modulation = np.concatenate([line.text.modulation for line in lines])
        feeds = {
            "motion": packed.reshape(*layout.grid, DIMENSIONS),
            "modulation": modulation.reshape(len(lines), -1, modulation.shape[-1]),
            "words": np.concatenate([line.text.words for line in lines], axis=2),
            **layout.feeds,
        }
        return self._denoise.run(feeds)["velocity"].reshape(-1, DIMENSIONS)

    def _layout(self, rows: tuple[tuple[int, int], ...]) -> Layout:
        """Where rows of so many frames and words lie."""
        if rows not in self._layouts:
            self._layouts[rows] = lay_out([Row(*row) for row in rows], self._geometry)
            if len(self._layouts) > _LAYOUTS:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end(rows)
        return self._layouts[rows]


def _rows(latents: Sequence[Float]) -> list[slice]:
    """Where each lies among all."""
    return [slice(a, b) for a, b in pairwise(accumulate(map(len, latents), initial=0))]


def _each(runs: Sequence[Walker], values: Sequence[float]) -> Float:  # (N, 1)
    """A number of each run, for each of its frames."""
    return np.repeat(np.array(values, np.float32), [len(run.latent) for run in runs])[:, None]


def _guide(said: Float, frames: int, guided: Sequence[Walker]) -> Float:
    """The velocity of all runs, the guided first, whose rows without text lie behind these `frames`."""
    if not guided:
        return said
    count = len(said) - frames
    scale = _each(guided, [run.schedule.guidance for run in guided])
    velocity = schedule.combine(said[frames:], said[:count], scale)
    return velocity if count == frames else np.concatenate((velocity, said[count:frames]))


def _moved(runs: Sequence[Walker], latent: Float, velocity: Float) -> Float:
    """The latents of all one step on."""
    weights = [run.schedule.weights(run.position) for run in runs]
    orders = {len(weight) for weight in weights}
    rows = _rows([run.latent for run in runs])
    if len(orders) == 1:
        older = range(orders.pop() - 1)
        velocities = [velocity, *(np.concatenate([run.velocities[age] for run in runs]) for age in older)]
        moved = schedule.advance(
            latent, velocities, [_each(runs, ages) for ages in zip(*weights, strict=True)]
        )
    else:
        moved = np.concatenate(
            [
                schedule.advance(latent[row], (velocity[row], *run.velocities), weight)
                for run, row, weight in zip(runs, rows, weights, strict=True)
            ]
        )
    for run, row in zip(runs, rows, strict=True):
        if run.hold is not None:
            time = run.schedule.times[run.position + 1]
            moved[row] = run.hold.put(moved[row], velocity[row], time)
    return moved


def _arrive(runs: Sequence[Walker], moved: Float, velocity: Float) -> None:
    """The runs one step on. Who is finished keeps nothing of the others alive."""
    sound = np.isfinite(moved).all()
    for run, row in zip(runs, _rows([run.latent for run in runs]), strict=True):
        run.velocities.appendleft(velocity[row])
        run.latent = moved[row]
        if not sound and not np.isfinite(run.latent).all():
            run.failed_at = run.position
        run.position += 1
        if run.finished:
            run.latent = run.latent.copy()
            run.velocities.clear()

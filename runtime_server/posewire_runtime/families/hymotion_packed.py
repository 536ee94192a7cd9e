"""Steps of HY-Motion on a CPU: frames of all rows lie behind each other, and nothing is padded.

One call of `denoise` for all rows (or a few, where they are many; side by side, where the network is small),
then guidance and the solver for all frames at once: what has to be done row by row in Python costs a batch as
much as it costs each row alone.
A step changes no run before all of it has gone well.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

import numpy as np

from posewire_runtime.device.engine import Array, Graph
from posewire_runtime.families.hymotion_batch import Geometry, Layout, Row, in_calls, lay_out, side_by_side
from posewire_runtime.families.hymotion_decode import DIMENSIONS
from posewire_runtime.families.hymotion_resident import Walker
from posewire_runtime.families.hymotion_text import AtStep, Beside, TextSide
from posewire_runtime.sampling import schedule
from posewire_runtime.types import Float

MOST_FRAMES = 960
"""Frames of one call on a CPU: with more of them activations leave its caches, and each takes longer."""

LEAST_WORK = 3000
"""Frames times width of a call that is worth handing to another thread."""

_LAYOUTS = 16
"""Layouts kept: a batch looks the same for many steps."""


@dataclass(frozen=True, eq=False)
class Line:
    """One row of a batch."""

    latent: Float  # (L, 201)
    text: AtStep


class Packed:
    """Steps batches of runs of any lengths."""

    def __init__(
        self, denoise: Graph, text: TextSide, geometry: Geometry, width: int, beside: Beside | None = None
    ) -> None:
        """`width` of the network; `beside`: the same graph for calls side by side, where it is small."""
        self._denoise = denoise
        self._beside = beside
        self._worth_it = -(-LEAST_WORK // width)
        self._text = text
        self._geometry = geometry
        self._layouts: OrderedDict[tuple[tuple[int, int], ...], Layout] = OrderedDict()

    def step(self, runs: Sequence[Walker]) -> None:
        """Advance all by one step."""
        guided: list[Walker] = []
        others: list[Walker] = []
        for run in runs:
            (guided if run.schedule.guided(run.position) else others).append(run)
        # The guided go first: their rows without text then lie in the same order behind all with text.
        runs = guided + others
        texts = [run.condition.steps.at(run.position) for run in runs]
        texts += self._text.nulls([(run.condition, run.position) for run in guided])
        latents = [run.latent for run in runs + guided]
        lengths = [len(latent) for latent in latents]
        packed = _joined(latents)
        said = self._said(packed, lengths, texts)
        rows = _rows(lengths[: len(runs)])
        velocity = _guide(said, guided, lengths)
        _arrive(runs, rows, _moved(runs, rows, packed[: len(velocity)], velocity), velocity)

    def velocities(self, lines: Sequence[Line]) -> list[Float]:
        """What the network says of each row, (L, 201) each."""
        latents = [line.latent for line in lines]
        lengths = [len(latent) for latent in latents]
        said = self._said(_joined(latents), lengths, [line.text for line in lines])
        return [said[row] for row in _rows(lengths)]

    def _said(self, packed: Float, lengths: Sequence[int], texts: Sequence[AtStep]) -> Float:
        """What the network says of rows of such lengths, packed (N, 201)."""
        rows = _rows(lengths)
        feeds = [
            self._feeds(packed[rows[call][0].start : rows[call][-1].stop], lengths[call], texts[call])
            for call in self._calls(lengths)
        ]
        if self._beside is None or len(feeds) == 1:
            made = [self._denoise.run(one) for one in feeds]
        else:
            made = self._beside.lanes.run([partial(self._beside.graph.run, one) for one in feeds])
        return _joined([one["velocity"].reshape(-1, DIMENSIONS) for one in made])

    def _calls(self, lengths: Sequence[int]) -> list[slice]:
        """The rows of each call."""
        frames = sum(lengths)
        lanes = 1 if self._beside is None else min(self._beside.lanes.count, frames // self._worth_it)
        if lanes <= 1:
            return in_calls(lengths, MOST_FRAMES)
        rounds = -(-frames // (lanes * MOST_FRAMES))
        return side_by_side(lengths, lanes * rounds)

    def _feeds(self, packed: Float, lengths: Sequence[int], texts: Sequence[AtStep]) -> dict[str, Array]:
        """What one call is given."""
        layout = self._layout(tuple((n, text.words.shape[2]) for n, text in zip(lengths, texts, strict=True)))
        modulation = _joined([text.modulation for text in texts])
        return {
            "motion": packed.reshape(*layout.grid, DIMENSIONS),
            "modulation": modulation.reshape(len(texts), -1, modulation.shape[-1]),
            "words": _joined([text.words for text in texts], axis=2),
            **layout.feeds,
        }

    def _layout(self, rows: tuple[tuple[int, int], ...]) -> Layout:
        """Where rows of so many frames and words lie."""
        if rows not in self._layouts:
            self._layouts[rows] = lay_out([Row(*row) for row in rows], self._geometry)
            if len(self._layouts) > _LAYOUTS:
                self._layouts.popitem(last=False)
        self._layouts.move_to_end(rows)
        return self._layouts[rows]


def _joined(arrays: Sequence[Float], axis: int = 0) -> Float:
    """All behind each other; one alone as it is."""
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis)


def _rows(lengths: Sequence[int]) -> list[slice]:
    """Where each lies among all."""
    return [slice(a, b) for a, b in pairwise(accumulate(lengths, initial=0))]


def _each(values: Sequence[float], lengths: Sequence[int]) -> Float:  # (N, 1), or () where all are equal
    """A number of each row, for each of its frames."""
    if values.count(values[0]) == len(values):
        return np.array(values[0], np.float32)
    return np.repeat(np.array(values, np.float32), lengths)[:, None]


def _guide(said: Float, guided: Sequence[Walker], lengths: Sequence[int]) -> Float:
    """The velocity of all runs, the guided first, whose rows without text are the last."""
    if not guided:
        return said
    count = sum(lengths[: len(guided)])
    scale = _each([run.schedule.guidance for run in guided], lengths[: len(guided)])
    velocity = schedule.combine(said[-count:], said[:count], scale)
    return velocity if len(said) == 2 * count else np.concatenate((velocity, said[count:-count]))


def _moved(runs: Sequence[Walker], rows: Sequence[slice], latent: Float, velocity: Float) -> Float:
    """The latents of all one step on."""
    weights = [run.schedule.weights(run.position) for run in runs]
    orders = {len(weight) for weight in weights}
    if len(orders) == 1:
        lengths = [len(run.latent) for run in runs]
        older = (_joined([run.velocities[age] for run in runs]) for age in range(orders.pop() - 1))
        each = [_each(ages, lengths) for ages in zip(*weights, strict=True)]
        moved = schedule.advance(latent, [velocity, *older], each)
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


def _arrive(runs: Sequence[Walker], rows: Sequence[slice], moved: Float, velocity: Float) -> None:
    """The runs one step on. Who is finished keeps nothing of the others alive."""
    sound = np.isfinite(moved).all()
    for run, row in zip(runs, rows, strict=True):
        run.velocities.appendleft(velocity[row])
        run.latent = moved[row]
        if not sound and not np.isfinite(run.latent).all():
            run.failed_at = run.position
        run.position += 1
        if run.finished:
            run.latent = run.latent.copy()
            run.velocities.clear()

"""Steps of HY-Motion on a device of its own: fixed shapes, and nothing large travels between steps.

Runs sit in rows of a table whose shape is one of a few (buckets of rows, frames and words), so that
a GPU can replay recorded work. Latents and the last velocities stay on the device while the same
runs go on together; the text sides of the next steps lie there in slots. A step sends indices
and fetches one number a row, which says whether its values are still finite. When the company changes,
latents come back to the runs and the next company sits down.

Written for GPUs and run on CPUs by this project's tests; unverified on a GPU.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from posewire_runtime.device.engine import Array, DeviceArray, Engine, Graph, zeros
from posewire_runtime.device.replay import Replay, bucket_of
from posewire_runtime.families.hymotion_batch import Geometry, Layout, Row, lay_out
from posewire_runtime.families.hymotion_decode import DIMENSIONS
from posewire_runtime.families.hymotion_text import Group, TextCondition, TextSide
from posewire_runtime.sampling.hold import Hold
from posewire_runtime.sampling.schedule import Schedule
from posewire_runtime.types import Float

FRAMES = (60, 90, 120, 180, 240, 360)
ROWS = (1, 2, 4, 8, 16, 32, 64, 128)
WORDS = (16, 32, 64, 128)
STEPS = 8
"""Steps of one slot: a condition is computed and kept in groups of at most so many."""

_REPLAYS = 8
"""Shapes whose arrays are kept."""
_HISTORY = 2
"""Velocities before the newest that a solver may want."""


class Walker(Protocol):
    """What is known here of a run."""

    schedule: Schedule
    latent: Float
    velocities: deque[Float]
    hold: Hold | None
    position: int
    failed_at: int | None

    @property
    def condition(self) -> TextCondition: ...

    @property
    def finished(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Shape:
    """The buckets of one table."""

    rows: int
    frames: int
    words: int

    def sizes(self) -> dict[str, int]:
        """Of the named axes of `denoise`; attention is dense."""
        return {
            "groups": self.rows,
            "span": self.frames,
            "rows": self.rows * STEPS,
            "words": self.rows * STEPS * self.words,
            "tokens": self.rows * self.frames,
            "blocks": self.rows,
            "block_queries": self.frames,
            "block_keys": self.frames + self.words,
        }

    def word_start(self, slot: int, place: int) -> int:
        """Where the words of a slot's step begin among all keys."""
        return self.rows * self.frames + (slot * STEPS + place) * self.words


@dataclass(frozen=True, slots=True)
class Seat:
    """A row of the table: a run, with its text or without."""

    run: Walker
    null: bool


@dataclass(frozen=True, eq=False)
class Graphs:
    """What runs on the device."""

    denoise: Graph
    """Loaded with `capture`."""
    fill: Graph
    """Puts a group of steps into a slot."""
    advance: Graph
    """Guidance and the solver for all rows."""


class Table:
    """The runs that are stepped together, and their arrays on the device."""

    def __init__(
        self,
        engine: Engine,
        graphs: Graphs,
        seats: Sequence[Seat],
        shape: Shape,
        replay: Replay,
        layout: Layout,
    ) -> None:
        """`seats` as `seats_of` gives them: a guided run's second row follows its first."""
        self._engine = engine
        self._graphs = graphs
        self.seats = tuple(seats)
        self.shape = shape
        self._replay = replay
        self._layout = layout
        self._held: list[Group | None] = [None] * shape.rows
        specs = {spec.name: spec for spec in graphs.denoise.inputs}
        self._pools = {
            name: engine.put(zeros(specs[name], shape.sizes())) for name in ("words", "modulation")
        }
        self._motion = engine.put(self._stack([[seat.run.latent] for seat in self.seats], 0))
        past = [list(seat.run.velocities) for seat in self.seats]
        self._past = [engine.put(self._stack(past, age)) for age in range(_HISTORY)]
        self._fresh: dict[str, Array | DeviceArray] = dict(layout.feeds)  # what the replay hasn't got yet
        self._constants = self._guidance()

    def step(self, text: TextSide) -> None:
        """Advance every run by one step."""
        places = self._places(text)
        shape, rows = self.shape, self._rows(places, 0)
        starts = [shape.word_start(slot, place) for slot, place in enumerate(rows)]
        said = self._replay.run(
            {
                **self._fresh,
                "group_row": np.array([slot * STEPS + place for slot, place in enumerate(rows)]),
                "keys": self._layout.keys_with(starts, shape.words),
                "motion": self._motion,
            }
        )
        self._fresh = {}
        made = self._graphs.advance.run_on_device(
            {
                "motion": self._motion,
                "velocity": said["velocity"],
                "previous": self._past[0],
                "before": self._past[1],
                "weights": self._weights(),
                **self._constants,
            }
        )
        self._motion, self._past = made["moved"], [made["guided"], self._past[0]]
        self._put_back()
        self._count(made["health"].numpy())

    def settle(self) -> None:
        """Give latents and velocities back to the runs."""
        motion, past = self._motion.numpy(), [array.numpy() for array in self._past]
        for row, seat in enumerate(self.seats):
            if not seat.null:
                run, length = seat.run, len(seat.run.latent)
                run.latent = motion[row, :length].copy()
                known = min(run.position, run.schedule.order, _HISTORY)
                run.velocities.clear()
                run.velocities.extend(array[row, :length].copy() for array in past[:known])

    def _put_back(self) -> None:
        """Known frames go back on their way: by way of the host, since few runs have any."""
        if all(seat.run.hold is None for seat in self.seats):
            return
        motion, velocity = self._motion.numpy().copy(), self._past[0].numpy()
        for row, seat in enumerate(self.seats):
            run = seat.run
            if run.hold is not None:
                time = run.schedule.times[run.position + 1]
                length = len(run.latent)
                motion[row, :length] = run.hold.put(motion[row, :length], velocity[row, :length], time)
        self._motion = self._engine.put(motion)

    def _places(self, text: TextSide) -> list[int]:
        """See that each row's text lies in its slot; returns the step's place in each."""
        found = [self._text_of(seat, text) for seat in self.seats]
        missing = [slot for slot, (group, _) in enumerate(found) if self._held[slot] is not group]
        for slot in missing:
            self._put(slot, found[slot][0])
        if missing:
            self._fresh |= self._pools
        return [place for _, place in found]

    def _text_of(self, seat: Seat, text: TextSide) -> tuple[Group, int]:
        run = seat.run
        if seat.null:
            return text.null_group(run.schedule.times[:-1], run.position, self.shape.words)
        return run.condition.steps.group(run.position)

    def _put(self, slot: int, group: Group) -> None:
        feeds = {
            "pool_words": self._pools["words"],
            "pool_modulation": self._pools["modulation"],
            "words": group.words,
            "modulation": group.modulation,
            "slot": np.array([slot]),
            "slot_shape": np.array([STEPS, self.shape.words]),
        }
        made = self._graphs.fill.run_on_device(feeds)
        self._pools = {"words": made["filled_words"], "modulation": made["filled_modulation"]}
        self._held[slot] = group

    def _count(self, health: Array) -> None:
        for row, seat in enumerate(self.seats):
            if not seat.null:
                if health[row] != 0:  # zero, or not a number
                    seat.run.failed_at = seat.run.position
                seat.run.position += 1

    def _guidance(self) -> dict[str, Array]:
        """Which rows are combined, and which frames are there."""
        rows, frames = self.shape.rows, self.shape.frames
        conditional, scale = np.arange(rows), np.ones((rows, 1, 1), np.float32)
        unconditional, real = np.arange(rows), np.zeros((rows, frames, 1), np.bool_)
        for row, seat in enumerate(self.seats):
            real[row, : len(seat.run.latent)] = True
            if seat.null:
                both = slice(row - 1, row + 1)
                conditional[both], unconditional[both] = row - 1, row
                scale[both] = seat.run.schedule.guidance
        return {"conditional": conditional, "unconditional": unconditional, "guidance": scale, "real": real}

    def _weights(self) -> Float:  # (3, rows, 1, 1)
        """The solver's weights of the newest velocities."""
        weights = np.zeros((1 + _HISTORY, self.shape.rows, 1, 1), np.float32)
        for row, seat in enumerate(self.seats):
            known = seat.run.schedule.weights(seat.run.position)
            weights[: len(known), row, 0, 0] = known
        return weights

    def _stack(self, arrays: Sequence[Sequence[Float]], age: int) -> Float:  # (rows, frames, 201)
        stacked = np.zeros((self.shape.rows, self.shape.frames, DIMENSIONS), np.float32)
        for row, mine in enumerate(arrays):
            if age < len(mine):
                stacked[row, : len(mine[age])] = mine[age]
        return stacked

    def _rows(self, values: Sequence[int], padding: int) -> list[int]:
        return [*values, *[padding] * (self.shape.rows - len(values))]


class Resident:
    """Steps batches of runs, keeping the arrays of the last company."""

    def __init__(self, engine: Engine, graphs: Graphs, text: TextSide, geometry: Geometry) -> None:
        self._engine = engine
        self._graphs = graphs
        self._text = text
        self._geometry = geometry
        self._replays: OrderedDict[Shape, Replay] = OrderedDict()
        self._recordings = 0
        self._table: Table | None = None

    def step(self, runs: Sequence[Walker]) -> None:
        """Advance all by one step; runs that are finished have their latents in host memory afterwards."""
        seats = seats_of(runs)
        if self._table is None or self._table.seats != seats:
            self.settle()
            self._table = self._sit(seats)
        self._table.step(self._text)
        if any(run.finished for run in runs):
            self.settle()

    def settle(self) -> None:
        """Bring everything back to host memory."""
        if self._table is not None:
            self._table.settle()
            self._table = None

    def _sit(self, seats: Sequence[Seat]) -> Table:
        frames = bucket_of(max(len(seat.run.latent) for seat in seats), FRAMES)
        words = bucket_of(max(seat.run.condition.words for seat in seats), WORDS)
        shape = Shape(bucket_of(len(seats), ROWS), frames, words)
        rows = [Row(frames, words, len(s.run.latent), s.run.condition.words) for s in seats]
        rows += [Row(frames, words)] * (shape.rows - len(rows))
        layout = lay_out(rows, self._geometry, block=frames)
        return Table(self._engine, self._graphs, seats, shape, self._replay(shape), layout)

    def _replay(self, shape: Shape) -> Replay:
        if shape not in self._replays:
            self._recordings += 1
            self._replays[shape] = Replay(self._engine, self._graphs.denoise, shape.sizes(), self._recordings)
            if len(self._replays) > _REPLAYS:
                self._replays.popitem(last=False)
        self._replays.move_to_end(shape)
        return self._replays[shape]


def seats_of(runs: Sequence[Walker]) -> tuple[Seat, ...]:
    """The rows that these runs need now."""
    return tuple(
        Seat(run, null)
        for run in runs
        for null in ((False, True) if run.schedule.guided(run.position) else (False,))
    )

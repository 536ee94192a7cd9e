"""HY-Motion 1.0: a flow-matching transformer, as a program over two graphs.

The text side (`hymotion_text`) is computed once a prompt for all steps; a step is one call of
`denoise` for all rows of a batch (`hymotion_batch`), then guidance and the solver in numpy; a
finished latent is decoded in numpy (`hymotion_decode`). A text of several parts has a row for each
(`blend`). Rows of a batch may differ in
everything: time, prompt, length, guidance. Knows no jobs, no threads and no wire.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast
from weakref import WeakValueDictionary

import numpy as np

from posewire_runtime.device.engine import Engine
from posewire_runtime.device.lanes import Lanes
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.device.replay import bucket_of
from posewire_runtime.errors import GenerationFailed, InvalidRequest, PackageError, Violation
from posewire_runtime.families import package_info
from posewire_runtime.families.base import Condition, Encoder, Run
from posewire_runtime.families.blend import Blend, Texts, stretches_of
from posewire_runtime.families.hymotion_decode import DIMENSIONS, Decoder
from posewire_runtime.families.hymotion_packed import Line, Packed
from posewire_runtime.families.hymotion_resident import FRAMES, STEPS, Graphs, Resident
from posewire_runtime.families.hymotion_text import (
    Beside,
    NetworkConfig,
    Steps,
    TextCondition,
    TextSide,
    Vectors,
    condition_bytes,
    fingerprint,
    held_bytes,
)
from posewire_runtime.packages.manifest import Motion
from posewire_runtime.packages.package import Package
from posewire_runtime.packages.records import RecordError, decode
from posewire_runtime.sampling import noise, schedule
from posewire_runtime.sampling.hold import Hold
from posewire_runtime.sampling.schedule import Schedule
from posewire_runtime.text.opening import open_encoder
from posewire_runtime.text.settings import TextSettings
from posewire_runtime.types import Clip, Features, Float, ModelInfo, Request

FAMILY = "hymotion"
"""The family of the packages that this module runs."""

CONDITION_BUDGET = 512 * 2**20
"""Bytes that the text side of one prompt may take; longer schedules are computed in groups of steps."""


WIDEST = 256
"""Networks up to this width do the rows of a batch side by side on the cores of a CPU. Wider ones keep all
cores busy with one call, and have weights that nobody wants twice in memory."""


TRAVEL = (0, 2)
"""Which numbers of a frame say where over the floor the body is."""


@dataclass(eq=False)
class HyMotionRun:
    """A clip on its way from noise to motion."""

    request: Request
    condition: TextCondition
    schedule: Schedule
    latent: Float  # (L, 201)
    velocities: deque[Float]
    """The last ones, newest first, as many as the solver combines."""
    hold: Hold | None = None
    """Known frames that it begins with."""
    position: int = 0
    failed_at: int | None = None
    """The step that gave a number that is none."""

    @property
    def steps(self) -> int:
        return self.schedule.steps

    @property
    def finished(self) -> bool:
        return self.position == self.steps or self.failed_at is not None

    @property
    def nbytes(self) -> int:
        return self.latent.nbytes * (1 + self.schedule.order)


class HyMotion:
    """A loaded HY-Motion package."""

    def __init__(
        self,
        package: Package,
        engine: Engine,
        info: ModelInfo,
        encoder: Encoder | None = None,
        *,
        budget: int = CONDITION_BUDGET,
        resident: bool | None = None,
    ) -> None:
        """`info` as read from the manifest; `budget` in bytes for the text side of each prompt.

        `resident` steps at fixed shapes with everything on the device; None: where that isn't the CPU.
        """
        motion = package.manifest.motion
        if package.manifest.family != FAMILY or motion is None:
            raise PackageError(
                f"{package.root}: expected a motion package of the family {FAMILY!r}, "
                f"found {package.manifest.family!r}"
            )
        self.info = info
        self.encoder = encoder
        self._motion = motion
        self._config = read_config(package)
        self._budget = budget
        resident = engine.device != "cpu" if resident is None else resident
        self._denoise = engine.load(package.graph_file("denoise"), capture=resident)
        vectors = read_vectors(package.file(self._config.vectors), self._config)
        condition = engine.load(package.graph_file("condition"))
        self._lanes = None if resident else self._make_lanes(engine)
        self.text = TextSide(
            engine,
            condition,
            self._config,
            vectors,
            budget,
            STEPS if resident else None,
            self._make_beside(package, engine, "condition"),
        )
        self._resident = self._make_resident(package, engine) if resident else None
        beside = self._make_beside(package, engine, "denoise")
        self._packed = Packed(self._denoise, self.text, self._config.geometry, self._config.width, beside)
        self._decoder = _decoder(package, motion)
        self._conditions: WeakValueDictionary[Hashable, TextCondition] = WeakValueDictionary()

    # ---- Program

    def cost(self, request: Request) -> int:
        """Bytes of condition and run; a prompt that isn't encoded yet counts as long as can be."""
        plan = self.plan(request)
        texts = _texts(request.features) if request.features is not None else ()
        counts = [len(text.tokens) for text in texts] or [self._config.max_words]
        text = sum(condition_bytes(self._config, words, plan.steps, self._budget) for words in counts)
        if plan.guidance > 1:  # as if nobody had its schedule's null branch in common with it
            text += held_bytes(self._config, 1, plan.steps, self._budget)
        return text + 4 * DIMENSIONS * request.frames * (1 + plan.order) * len(counts)

    def condition(self, requests: Sequence[Request]) -> list[Condition]:
        """The text sides; equal ones are one object, also with those of earlier calls still in use.

        One graph call a prompt: the steps of its schedule are batch enough.
        """
        made = [self._condition(request) for request in requests]
        wanted: list[Steps] = []
        for request, condition in zip(requests, made, strict=True):
            parts = condition.parts if isinstance(condition, Texts) else (condition,)
            wanted += [part.steps for part in parts]
            if self.plan(request).guided(0):
                wanted.append(parts[0].null)
        self.text.prepare(wanted)
        return list(made)

    def start(self, request: Request, condition: Condition) -> HyMotionRun | Blend[HyMotionRun]:
        """Noise, and the first time; a run for each part of a text."""
        latent = self.start_noise(request.seed, request.frames)
        if not isinstance(condition, Texts):
            return self._start(request, cast(TextCondition, condition), latent)
        texts = cast(Texts[TextCondition], condition)
        known = 0 if request.known is None else request.known.frames
        stretches = stretches_of([part.seconds for part in texts.features.parts], request.frames, known)
        later = replace(request, known=None)
        runs = [
            self._start(request if stretch.start == 0 else later, part, latent[stretch])
            for part, stretch in zip(texts.parts, stretches, strict=True)
        ]
        return Blend(runs, stretches, request.frames, TRAVEL)

    def _start(self, request: Request, condition: TextCondition, latent: Float) -> HyMotionRun:
        plan = self.plan(request)
        return HyMotionRun(
            request=request,
            condition=condition,
            schedule=plan,
            latent=latent,
            velocities=deque(maxlen=plan.order),
            hold=self._hold(request, latent),
        )

    def _hold(self, request: Request, noise: Float) -> Hold | None:
        if request.known is None:
            return None
        known = self._decoder.latent(request.known)
        return Hold(noise[: len(known)], known, self._decoder.aligned)

    def key(self, run: Run) -> Hashable:
        """On the CPU any runs may share a step, since none is padded; elsewhere those of a bucket."""
        if self._resident is None:
            return self.info.name
        return self.info.name, bucket_of(max(len(row.latent) for row in _rows_of(run)), FRAMES)

    def step(self, runs: Sequence[Run]) -> None:
        """The network for all rows, then guidance and the solver for each run."""
        rows = [row for run in runs for row in _rows_of(run)]
        blends = [cast(Blend[HyMotionRun], run) for run in runs if isinstance(run, Blend)]
        if self._resident is None:
            self._packed.step(rows)
        else:
            self._resident.step(rows)
            if blends:
                self._resident.settle()
        for blend in blends:
            blend.meet()

    def velocities(self, lines: Sequence[Line]) -> list[Float]:
        """What the network says of each row, (L, 201) each."""
        return self._packed.velocities(lines)

    def clip(self, run: Run) -> Clip:
        """Decode; raises `GenerationFailed` for a run that left the numbers."""
        done = cast(HyMotionRun | Blend[HyMotionRun], run)
        if done.failed_at is not None:
            raise GenerationFailed(
                f"{self.info.name}: step {done.failed_at + 1} of {done.steps} gave numbers that are not "
                "finite; try another seed, or a package of higher precision"
            )
        request = _rows_of(run)[0].request
        return self._decoder.clip(
            done.latent, smooth=request.smooth, ground=request.ground, seed=request.seed, raw=request.raw
        )

    def close(self) -> None:
        """Drop the graphs."""
        if self._lanes is not None:
            self._lanes.close()
        del self._denoise, self._resident, self._packed, self.text

    def warm_up(self) -> None:
        """Run both graphs once, so that the first request doesn't pay for set-up."""
        request = Request("", self.info.name, self._motion.limits.min_frames, seed=0)
        config = self._config
        words = Features(
            np.zeros((1, config.word_dim), np.float32), np.zeros((1, config.sentence_dim), np.float32)
        )
        run = self.start(request, self.text.condition(words, self.plan(request).times[:-1], game=False))
        self.step([run])

    # ---- the text side

    def _condition(self, request: Request) -> TextCondition | Texts[TextCondition]:
        features = self._features(request)
        if not features.parts:
            return self._alone(request, features)
        return Texts(features, tuple(self._alone(request, text) for text in _texts(features)))

    def _alone(self, request: Request, features: Features) -> TextCondition:
        plan = self.plan(request)
        key = (fingerprint(features), plan.times[:-1], request.special_game)
        found = self._conditions.get(key)
        if found is None:
            found = self.text.condition(features, plan.times[:-1], game=request.special_game)
            self._conditions[key] = found
        return found

    def _features(self, request: Request) -> Features:
        features, config = request.features, self._config
        if features is None:
            raise InvalidRequest(
                f"{self.info.name}: expected text features, found a prompt alone; the package has no text "
                "encoder: send features, or export it again with one (--text-encoder)"
            )
        for text in (features, *(part.features for part in features.parts)):
            words, sentence = text.tokens.shape, text.sentence.shape
            fits = len(words) == 2 and 1 <= words[0] <= config.max_words and words[1] == config.word_dim
            if not fits or sentence != (1, config.sentence_dim):
                expected = (
                    f"expected tokens of shape (1 to {config.max_words}, {config.word_dim}) and a sentence "
                    f"of shape (1, {config.sentence_dim}), found {words} and {sentence}"
                )
                raise InvalidRequest.of([Violation("features", expected)])
        return features

    def plan(self, request: Request) -> Schedule:
        """How a request will be walked."""
        motion = self._motion
        found = schedule.resolve(
            request.sampling, motion.presets, motion.default_preset, motion.limits, self._config.guidance
        )
        # Guidance that is folded into the weights needs no second row.
        return found if motion.limits.fixed_guidance is None else replace(found, guidance=1.0)

    # ---- a step

    def start_noise(self, seed: int, frames: int) -> Float:
        """The start of a clip: the first frames of what the seed gives at full length."""
        shape = self._config.noise_frames, DIMENSIONS
        if self._config.noise == "cpu":
            return noise.cpu_normal(seed, shape, frames)
        return noise.cuda_normal(seed, shape)[:frames]

    def _make_lanes(self, engine: Engine) -> Lanes | None:
        """Threads for calls side by side, where that pays. The profiler knows one graph of each name."""
        alone = engine.threads == 1 or self._config.width > WIDEST or engine.settings.operators is not None
        return None if alone else Lanes(engine.threads)

    def _make_beside(self, package: Package, engine: Engine, name: str) -> Beside | None:
        """A graph once more, for calls side by side."""
        if self._lanes is None:
            return None
        return Beside(engine.load(package.graph_file(name), threads=1), self._lanes)

    def _make_resident(self, package: Package, engine: Engine) -> Resident:
        fill, advance = (engine.load(package.graph_file(name)) for name in ("fill", "advance"))
        return Resident(engine, Graphs(self._denoise, fill, advance), self.text, self._config.geometry)


def _texts(features: Features) -> tuple[Features, ...]:
    """What the network hears: the parts of a prompt, or all of it."""
    return tuple(part.features for part in features.parts) or (features,)


def _rows_of(run: Run) -> tuple[HyMotionRun, ...]:
    """The runs that share the steps of one clip."""
    return cast(Blend[HyMotionRun], run).parts if isinstance(run, Blend) else (cast(HyMotionRun, run),)


def open_program(package: Package, settings: EngineSettings, text: TextSettings | None = None) -> HyMotion:
    """Load a package, and the text encoder if it refers to one."""
    engine = Engine(settings)
    encoder = open_encoder(package, settings, text or TextSettings())
    info = replace(package_info(package), providers=(engine.provider,))
    program = HyMotion(package, engine, info, encoder)
    program.warm_up()
    return program


def read_config(package: Package) -> NetworkConfig:
    """The figures of a HY-Motion package, checked."""
    try:
        return decode(NetworkConfig, package.manifest.config, "config")
    except RecordError as error:
        raise PackageError(f"{package.root}: {error}") from None


def read_vectors(path: Path, config: NetworkConfig) -> Vectors:
    """The checkpoint's own features, checked."""
    shapes = {
        "null_words": (1, config.word_dim),
        "null_sentence": (1, config.sentence_dim),
        "game_sentence": (1, config.sentence_dim),
    }
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name], np.float32) for name in shapes}
    except (OSError, ValueError, KeyError) as error:
        raise PackageError(f"{path}: expected arrays {', '.join(shapes)}, found: {error}") from None
    for name, shape in shapes.items():
        if arrays[name].shape != shape:
            raise PackageError(f"{path}: expected {name} of shape {shape}, found {arrays[name].shape}")
    return Vectors(**arrays)


def _decoder(package: Package, motion: Motion) -> Decoder:
    if motion.normalisation is None:
        raise PackageError(f"{package.root}: motion.normalisation: expected means and deviations, found null")
    return Decoder(motion.skeleton, motion.fps, motion.normalisation)

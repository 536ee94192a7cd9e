"""The nouns that travel through the house: requests in, clips out.

Frozen, numpy only. Knows nothing of tensors on a device, threads, the wire or files.

Conventions: right-handed, Y up, facing +Z, the character's left is +X, metres.
Quaternions are xyzw. Frames are counted; seconds are for people, at the edges.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]
"""What motion is stored in; maths may use float64 inside."""

CONTACT_NAMES = ("left_heel", "left_toe", "right_heel", "right_toe")
"""Order of `Clip.contacts`; bit i of the wire's contact byte is entry i."""


class Priority(IntEnum):
    """Who goes first when there isn't room for everybody. Waiting raises it (ageing)."""

    BULK = 0
    NORMAL = 1
    INTERACTIVE = 2


@dataclass(frozen=True, eq=False)
class Skeleton:
    """Joints of a character in rest pose; parents stand before their children."""

    names: tuple[str, ...]
    """Joint names, in wire order."""
    parents: tuple[int, ...]
    """Index of each joint's parent; -1 for the root."""
    positions: Float  # (J, 3)
    """Rest position of each joint in model space, metres."""
    rotations: Float | None = None  # (J, 4)
    """Rest rotation of each joint relative to its parent; None: identity everywhere."""
    pelvis: int = 0
    """The joint that `Clip.root` places in the world."""
    sole: float = 0.0
    """Height of the soles in rest pose, in the same space as `positions`."""

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of a joint by name."""
        return self.names.index(name)


@dataclass(frozen=True, eq=False)
class Target:
    """A character that frames shall be retargeted to before they leave."""

    skeleton: Skeleton
    """Its bones, with the rest pose that its mesh is bound in."""
    bones: Mapping[str, str]
    """Model joint name -> target bone name; unmapped bones keep their rest rotation."""
    match_limbs: bool = True
    """Bring an A-pose's arms to the T-pose by the shortest arc first (calibration)."""
    scale_travel: bool = True
    """Scale the root's whole path by the ratio of hip heights; False: only its height."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A finished motion."""

    skeleton: Skeleton
    fps: float
    rotations: Float  # (L, J, 4)
    """Parent-relative rotation of each joint, xyzw."""
    root: Float  # (L, 3)
    """World position of the pelvis, metres."""
    contacts: NDArray[np.bool_]  # (L, 4)
    """Which of CONTACT_NAMES touches the floor."""
    seed: int = 0
    """The seed that gives this clip again."""
    raw: Mapping[str, NDArray[np.generic]] = field(default_factory=dict[str, NDArray[np.generic]])
    """The family's own arrays (latent, rot6d, transl, joints), when the request asked for them."""

    @property
    def frames(self) -> int:
        return len(self.root)

    @property
    def seconds(self) -> float:
        return self.frames / self.fps


@dataclass(frozen=True, eq=False)
class Features:
    """What a text encoder makes of one prompt."""

    tokens: Float  # (n, C)
    """One row for each valid token."""
    sentence: Float  # (1, V)
    """One vector for the whole prompt."""
    familiarity: float | None = None
    """How well the model knows such prompts, 0 to 1; None: nobody measured."""
    nearest: str | None = None
    """The known prompt nearest to this one, where there is such a list."""
    notices: tuple[str, ...] = ()
    """What the encoder wants the caller to know, for example that the text was cut."""
    parts: tuple[Part, ...] = ()
    """What the prompt says one after another, for models that hear one thing at a time; empty: the whole."""

    @property
    def nbytes(self) -> int:
        return self.tokens.nbytes + self.sentence.nbytes + sum(part.features.nbytes for part in self.parts)


@dataclass(frozen=True, eq=False)
class Part:
    """One of several things that a prompt says one after another."""

    features: Features
    seconds: float
    """How long it would take alone: its share of a clip goes by that."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to walk from noise to motion. None everywhere: the preset decides."""

    preset: str = ""
    """Name of a schedule preset of the package; empty: the package's default preset."""
    steps: int | None = None
    """Network evaluations in time."""
    guidance: float | None = None
    """Classifier-free guidance scale; at most 1 switches guidance off."""
    solver: str | None = None
    """Name of a solver of `schedule`."""


@dataclass(frozen=True, eq=False)
class Request:
    """One clip to be made: one prompt, one seed. A wire request of several seeds becomes several of these."""

    prompt: str
    model: str
    frames: int
    seed: int
    sampling: Sampling = Sampling()
    priority: Priority = Priority.NORMAL
    deadline: float | None = None
    """In seconds of `time.monotonic()`; None: no deadline."""
    features: Features | None = None
    """Given instead of a prompt by engineers and tests: the text encoder is skipped."""
    ground: bool = True
    """Put the feet on the floor."""
    smooth: bool = True
    """Smooth as the model's own decoder does."""
    special_game: bool = False
    """HY-Motion's extra sentence vector for game-like motion."""
    raw: bool = False
    """Keep the family's own arrays in `Clip.raw`."""
    target: Target | None = None
    """Retarget the clip to this character."""
    known: Clip | None = None
    """The clip goes on from these frames: it begins with them, softly. They stand on the model's own skeleton
    and rate; the first one is at the origin and faces +Z."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program can be asked for; the server refuses the rest with these figures."""

    min_frames: int
    """Shorter requests are raised to this, with a notice."""
    max_frames: int
    """Longer requests are refused."""
    max_steps: int
    max_prompt: int = 2000
    """Characters of a prompt."""
    fixed_guidance: float | None = None
    """The guidance folded into the weights, when there is one: no other can be asked for."""
    max_batch: int = 64
    """Rows of one step."""
    seeds_below: int = 2**64


@dataclass(frozen=True, slots=True)
class Preset:
    """A named way to walk from noise to motion, stored in a package with what it costs in accuracy."""

    steps: int
    """Network steps (rounds or scales in families that don't integrate an equation)."""
    solver: str = "euler"
    """Name of a solver of `schedule`."""
    times: tuple[float, ...] | None = None
    """The `steps + 1` times of a searched grid, 0 to 1; None: spaced by `shift`."""
    shift: float = 1.0
    """How times are spaced where none were searched, also for a request's own number of steps: 1 is
    evenly, below 1 crowds them towards noise."""
    guidance: float | None = None
    """Classifier-free guidance scale; None: the model's own default."""
    interval: tuple[float, float] | None = None
    """Guide only at times t with low <= t < high; None: always."""
    error: float | None = None
    """Measured error against the reference preset; None: nobody measured."""
    measured: str = ""
    """What `error` is and on what it was measured."""


@dataclass(frozen=True, slots=True)
class Licence:
    """What a user must know about the weights before using them or what they make."""

    identifier: str
    """SPDX identifier or the licence's own name."""
    notice: str = ""
    """Text that must be shown and passed on."""
    territory: str = ""
    """Where it may be used; empty: everywhere."""
    restricts_outputs: bool = False
    """Whether the restrictions also bind the motion that is made."""


@dataclass(frozen=True, eq=False)
class ModelInfo:
    """Everything a client may ask about a model."""

    name: str
    family: str
    skeleton: Skeleton
    fps: float
    limits: Limits
    presets: Mapping[str, int]
    """Preset name -> network steps."""
    default_preset: str
    licence: Licence
    providers: tuple[str, ...]
    """The execution providers that really run it; empty: not loaded yet."""
    description: str = ""
    solvers: tuple[str, ...] = ()
    """Names of solvers that a request may choose; empty: the family has but one way."""


Timings = Mapping[str, int]
"""Stage name (see `metrics.STAGES`) -> nanoseconds."""

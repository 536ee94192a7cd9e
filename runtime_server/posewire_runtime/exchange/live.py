"""What a live session says and hears, as plain values. Frozen; knows no protobuf."""

from __future__ import annotations

from dataclasses import dataclass

from posewire_runtime.exchange.events import Chunk, Header, Notice, Status
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.types import ModelInfo, Priority, Sampling, Skeleton, Target

PACES = (0.25, 4.0)
"""Slowest and fastest pace of a live session."""


@dataclass(frozen=True, eq=False)
class LiveOrder:
    """A checked `LiveOpen`."""

    prompt: str
    """Empty: the character stands."""
    info: ModelInfo
    """The model that answers."""
    seed: int
    sampling: Sampling
    packing: Packing
    priority: Priority
    target: Target | None
    chunk_frames: int | None
    """Most frames of a chunk, where the caller or the size of a message says so."""
    ahead_seconds: float
    """0: the server's default."""
    request_id: str
    place: tuple[float, float]
    """Where it begins: x and z on the floor."""
    heading: float
    """Where it faces then, radians."""
    special_game: bool

    @property
    def skeleton(self) -> Skeleton:
        """The skeleton that frames are sent on."""
        return self.target.skeleton if self.target else self.info.skeleton


@dataclass(frozen=True, slots=True)
class Resume:
    """Come back to a session."""

    session_id: str
    secret: str
    next_frame: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """Do something else."""

    prompt: str
    seed: int | None = None
    queued: bool = False


@dataclass(frozen=True, slots=True)
class Stop:
    """Come to rest."""


@dataclass(frozen=True, slots=True)
class Goal:
    """Go somewhere, or face somewhere."""

    place: tuple[float, float] | None
    heading: float | None


@dataclass(frozen=True, slots=True)
class PaceChange:
    """Go slower or faster."""

    rate: float


@dataclass(frozen=True, slots=True)
class Clear:
    """Forget what is still to come."""


@dataclass(frozen=True, slots=True)
class Playhead:
    """So many frames were played."""

    frame: int


@dataclass(frozen=True, slots=True)
class Close:
    """End the session."""


Command = Prompt | Stop | Goal | PaceChange | Clear | Playhead | Close


@dataclass(frozen=True, slots=True)
class LiveAnswer:
    """What became of a command."""

    id: int
    code: int
    """A value of `errors.Code`; 0: it is being done."""
    message: str = ""


@dataclass(frozen=True, slots=True)
class LiveStarted:
    """A session runs."""

    session_id: str
    secret: str
    """Whoever knows it may resume the session."""
    first_frame: int
    """Index of the first frame that follows."""
    resume_seconds: float
    """How long the session waits for its client after its stream broke."""
    idle_seconds: float
    """It ends after so long without a command or a moving play head."""
    ahead_seconds: float
    """How much motion is sent ahead of the play head."""
    resumed: bool = False
    answers: tuple[LiveAnswer, ...] = ()
    """What became of the last commands that earlier streams of the session heard."""


@dataclass(frozen=True, slots=True)
class LiveSegment:
    """From a frame on, this is what is shown."""

    first_frame: int
    prompt: str
    """Empty: the character stands."""
    seed: int
    command: int
    """Id of the command that asked for it."""


LiveEvent = Header | LiveStarted | Chunk | LiveSegment | LiveAnswer | Notice | Status

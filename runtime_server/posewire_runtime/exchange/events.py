"""What a stream says, decoded: the nouns a client meets. Frozen, numpy only; knows no protobuf."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.exchange.packing import Packing, frame_bytes
from posewire_runtime.types import Float, ModelInfo, Skeleton, Timings


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the caller should know; nothing failed."""

    code: str
    """A stable word for programs, for example `frames_raised`."""
    message: str
    """A sentence for people."""


@dataclass(frozen=True, eq=False)
class Header:
    """What must be known before the first frame; the first event of a stream."""

    stream_id: str
    """The server's id of this request; it stands in its log."""
    model: str
    skeleton: Skeleton
    """Joints in frame order; `pelvis` is the joint that a frame's root places in the world."""
    fps: float
    packing: Packing
    convention: str
    """The coordinate convention, in words."""
    contact_names: tuple[str, ...]
    """What the columns of `Chunk.contacts` are."""
    clips: int
    """Clips that will follow."""
    licence_notice: str = ""
    """What must be shown about the weights; empty: nothing."""
    familiarity: float | None = None
    """How well the model knows such prompts, 0 to 1; None: not measured."""
    nearest_prompt: str = ""
    """The known prompt nearest to this one; empty: there is no such list."""
    notices: tuple[Notice, ...] = ()
    """What the server changed or wants to say about the request."""

    @property
    def frame_bytes(self) -> int:
        """Bytes of one packed frame."""
        return frame_bytes(len(self.skeleton), self.packing)


@dataclass(frozen=True, slots=True)
class ClipStart:
    """A clip begins."""

    clip: int
    """Its index in the stream: that of its seed."""
    seed: int
    """The seed that gives this clip again."""
    frames: int
    """How many frames will follow."""


@dataclass(frozen=True, eq=False, slots=True)
class Chunk:
    """Frames that follow one another."""

    clip: int
    """The clip they belong to."""
    first_frame: int
    """Index of the first one in its clip."""
    time: float
    """Seconds from the clip's start to the first one."""
    rotations: Float  # (n, J, 4)
    """Parent-relative rotation of each joint, xyzw."""
    root: Float  # (n, 3)
    """World position of the pelvis, metres."""
    contacts: NDArray[np.bool_]  # (n, 4)
    """Which of `Header.contact_names` touches the floor."""

    @property
    def frames(self) -> int:
        return len(self.root)


@dataclass(frozen=True, slots=True)
class ClipEnd:
    """A clip is complete."""

    clip: int
    frames: int
    """Frames that were sent."""
    timings: Timings
    """Where the time of this clip went."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A step was made."""

    clip: int
    step: int
    """Steps done."""
    steps: int
    """Steps in all."""


@dataclass(frozen=True, slots=True)
class Status:
    """How the stream ended; the last event."""

    code: int
    """A value of `errors.Code`; 0: well."""
    message: str
    timings: Timings
    """Where the time went, the clips' longest each."""
    retry_after: float | None = None
    """Seconds after which trying again makes sense; None: it won't help."""


Event = Header | ClipStart | Chunk | ClipEnd | Progress | Notice | Status


@dataclass(frozen=True, eq=False)
class ServedModel:
    """A model as a server offers it."""

    info: ModelInfo
    is_default: bool
    """Whether requests that name no model get this one."""
    loaded: bool
    """Whether it is in memory."""
    max_seeds: int
    """Most seeds of one request."""
    degraded: bool = False
    """Whether it lately made nothing but results that were not usable."""

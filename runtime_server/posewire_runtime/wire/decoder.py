"""A stream read in order: messages in, checked events out, clips at the end. No sockets, no threads.

The synchronous and the asynchronous client differ only in how messages arrive; all else is here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import PosewireError, ProtocolError
from posewire_runtime.exchange.events import Chunk, ClipEnd, ClipStart, Event, Header, Status
from posewire_runtime.types import Clip
from posewire_runtime.wire.status import read_status
from posewire_runtime.wire.stream import read_event


@dataclass(slots=True)
class _Arriving:
    """A clip on its way."""

    start: ClipStart
    frames: int = 0
    """Frames that have arrived."""
    complete: bool = False


class Decoder:
    """Reads the messages of one stream and holds them to the contract."""

    def __init__(self) -> None:
        self.header: Header | None = None
        """Known once the first event has arrived."""
        self.status: Status | None = None
        """Known once the last event has arrived."""
        self._clips: dict[int, _Arriving] = {}

    def feed(self, message: pb.GenerateResponse) -> Event | None:
        """The event of a message; None where a later contract says what we don't know.

        Raises `ProtocolError` for what may not come now.
        """
        event = read_event(message, self.header)
        if self.status is not None:
            raise ProtocolError(f"expected nothing after the status, found {type(event).__name__}")
        match event:
            case Header():
                _expect(self.header is None, "one header", "a second one")
                self.header = event
            case Status():
                self.status = event
            case ClipStart() | Chunk() | ClipEnd():
                self._follow(event)
            case _:
                pass
        return event

    def finish(self, code: int = 0, message: str = "", details: bytes | None = None) -> None:
        """The RPC ended with this status; raises its error, or `ProtocolError` when something is missing."""
        if code:
            raise read_status(code, message, details)
        _expect(self.status is not None, "a status at the end of the stream", "none")
        missing = [index for index, clip in self._clips.items() if not clip.complete]
        _expect(not missing, "complete clips", f"the end of the stream within clips {missing}")
        announced = self.header.clips if self.header else 0
        _expect(len(self._clips) == announced, f"{announced} clips", str(len(self._clips)))

    def _follow(self, event: ClipStart | Chunk | ClipEnd) -> None:
        """Frames of a clip come in order, after its start and before its end."""
        _expect(self.header is not None, "a header first", type(event).__name__)
        if isinstance(event, ClipStart):
            _expect(event.clip not in self._clips, f"one start of clip {event.clip}", "a second one")
            _expect(event.frames > 0, "frames in a clip", "none")
            self._clips[event.clip] = _Arriving(event)
            return
        clip = self._clips.get(event.clip)
        if clip is None or clip.complete:
            raise ProtocolError(f"expected an open clip, found {type(event).__name__} of clip {event.clip}")
        if isinstance(event, Chunk):
            _expect(event.first_frame == clip.frames, f"frame {clip.frames}", f"frame {event.first_frame}")
            clip.frames += event.frames
            _expect(clip.frames <= clip.start.frames, f"{clip.start.frames} frames", "more of them")
            return
        _expect(
            event.frames == clip.frames == clip.start.frames, f"{clip.start.frames} frames", str(clip.frames)
        )
        clip.complete = True


def _expect(fine: bool, expected: str, found: str) -> None:
    if not fine:
        raise ProtocolError(f"expected {expected}, found {found}")


@dataclass(slots=True)
class Collector:
    """Makes clips of events, in the order of their index."""

    _starts: dict[int, ClipStart] = field(default_factory=dict[int, ClipStart])
    _chunks: dict[int, list[Chunk]] = field(default_factory=dict[int, list[Chunk]])

    def feed(self, event: Event) -> None:
        """Keep what belongs to a clip."""
        if isinstance(event, ClipStart):
            self._starts[event.clip] = event
            self._chunks[event.clip] = []
        elif isinstance(event, Chunk):
            self._chunks[event.clip].append(event)

    def clips(self, header: Header | None) -> list[Clip]:
        """The clips, once the stream is finished."""
        if header is None:
            raise PosewireError("expected a finished stream, found one that never began")
        return [
            Clip(
                skeleton=header.skeleton,
                fps=header.fps,
                rotations=np.concatenate([chunk.rotations for chunk in self._chunks[index]]),
                root=np.concatenate([chunk.root for chunk in self._chunks[index]]),
                contacts=np.concatenate([chunk.contacts for chunk in self._chunks[index]]),
                seed=start.seed,
            )
            for index, start in sorted(self._starts.items())
        ]

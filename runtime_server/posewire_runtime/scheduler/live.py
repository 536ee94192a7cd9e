"""A character that moves without end: what to make next, from where on, and which frames may leave.

Segments follow one another on a tape, and each is made to go on from the frames before it. Frames that
left are final. So the character runs only a little ahead of what its client has played, and a new prompt
takes over at the first frame that need not leave before the segment is there. Knows no jobs, no threads, no
clock and no wire: times are handed in, and what has to be made is handed out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from posewire_runtime.motion.root import place, root_motion
from posewire_runtime.motion.tape import Tape
from posewire_runtime.motion.trim import cut
from posewire_runtime.motion.walk import Walk
from posewire_runtime.types import Clip, Float, ModelInfo

STANDING = "a person stands still"
"""What models are asked for where a character shall come to rest."""

KNOWN = 0.5
"""Seconds that a segment is given of what comes before it."""
TAIL = 1.2
"""Seconds at the end of a segment that are only faded out of: models bring their motion to an end there."""
SHORTEST, LONGEST = 2.0, 6.0
"""Seconds that a segment adds to the tape."""
CHUNK = 8
"""Frames that leave together."""
LOW = 0.2
"""Seconds ahead of the play head below which frames leave although something better is being made."""
_SPIN = 12.0
"""Radians a second; nobody turns as fast. Networks do now and then, where they don't know how to go on."""
_TRIES = 2
"""How often such a segment is made again, with another seed."""
_FIRST = 1.0
"""Seconds that the second segment is expected to take at most."""
_SLACK = 1.25
"""How much longer than lately a segment may take."""
_PATIENCE = 0.5
"""Seconds after which a play head that wasn't acknowledged counts as standing."""


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """What an operator may choose. Defaults live here and nowhere else."""

    sessions: int = 256
    """Most live sessions at once, those that wait for their client included."""
    token_sessions: int = 64
    """Most live sessions of one token; 0: any."""
    ahead_seconds: float = 0.75
    """Seconds of motion that are sent ahead of the play head, where the client doesn't say."""
    most_ahead_seconds: float = 5.0
    """Most that a client may ask for."""
    idle_seconds: float = 60.0
    """A session ends when neither a command nor a moving play head was heard for so long."""
    resume_seconds: float = 30.0
    """How long a session whose stream broke waits for its client."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a character shall do."""

    prompt: str
    """Empty: stand."""
    seed: int | None
    """None: the session picks one for each segment."""
    command: int
    """Id of the command that said so."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Motion that has to be made."""

    wish: Wish
    seed: int
    at: int
    """Where on the tape its first new frame goes."""
    known: Clip | None
    """The frames before, as `Request.known` wants them."""
    frames: int
    """How many to make, known ones included."""

    @property
    def begins(self) -> int:
        """The first new frame of its clip."""
        return 0 if self.known is None else self.known.frames


@dataclass(frozen=True, slots=True)
class Turn:
    """From a frame on, something else is shown."""

    frame: int
    wish: Wish
    seed: int


@dataclass(frozen=True, eq=False)
class Frames:
    """What leaves."""

    first: int
    """Index of the first frame in the session."""
    clip: Clip
    turns: tuple[Turn, ...]
    """What begins within them."""


class Character:
    """One character. Commands and clips go in, segments to make and frames to send come out."""

    def __init__(
        self,
        info: ModelInfo,
        walk: Walk,
        wish: Wish,
        *,
        seed: int,
        ahead: float,
        frames_of: Callable[[str], int],
        chunk: int = CHUNK,
    ) -> None:
        """`ahead` in seconds; `frames_of` says how long a prompt takes; `chunk`: most frames at once."""
        self.walk = walk
        """Its pace and its goal."""
        self.tape = Tape()
        self.sent = 0
        """Frames that left."""
        self.played = 0
        """Frames that were acknowledged."""
        self.starved = 0
        """How often its client had nothing left to play."""
        self._info = info
        self._fps = info.fps
        self._seed = seed
        self._ahead = max(round(ahead * info.fps), 2 * chunk)
        self._chunk = chunk
        self._frames_of = frames_of
        self._present = Wish("", None, 0)
        self._urgent: Wish | None = wish
        self._queue: deque[Wish] = deque()
        self._making: Segment | None = None
        self._segments = 0
        self._spun = 0
        """How often the segment that is wanted was made and turned too fast."""
        self._expected = 0.3
        """Seconds that a segment takes to be made."""
        self._heard = -math.inf
        """When the play head was last heard of."""
        self._turns: deque[tuple[int, Wish, int]] = deque()
        """Tape index from which something else is shown."""
        self._dry = False

    # ------------------------------------------------------------------------------------- commands

    def say(self, wish: Wish, *, queued: bool = False) -> None:
        """Do this, now or once the rest is done."""
        if queued:
            self._queue.append(wish)
            return
        self._queue.clear()
        self._urgent = wish

    def clear(self) -> None:
        """Forget what is still to come."""
        self._queue.clear()
        self.walk.goal = None
        self.walk.wanted = 1.0

    def acknowledge(self, frame: int, now: float) -> bool:
        """So many frames were played; gives whether those are more than before."""
        frame = min(frame, self.sent)
        moved = frame > self.played
        self.played = max(frame, self.played)
        self._heard = now
        return moved

    @property
    def queued(self) -> int:
        """Prompts that wait."""
        return len(self._queue)

    # --------------------------------------------------------------------------------------- making

    def wanted(self, now: float) -> Segment | None:
        """What has to be made, unless that is under way; it replaces what is."""
        urgent = self._urgent
        if self._making is not None and not self._may_replace(self._making, urgent):
            return None
        if urgent is not None:
            lead = max(self._needed - self._buffered(now), 0)
            at = max(math.ceil(self.walk.point + lead * self.walk.rate), self._changeable)
            return self._segment(urgent, min(at, self.tape.end))
        left = (self._usable - self.walk.point) / self.walk.rate
        if left > self._needed + self._ahead:
            return None
        at = min(max(self._usable, self._changeable), self.tape.end)
        return self._segment(self._queue[0] if self._queue else self._present, at)

    def begun(self, segment: Segment) -> None:
        """It is being made."""
        self._making = segment
        self._segments += 1

    def failed(self, segment: Segment) -> None:
        """It won't come."""
        if segment is self._making:
            self._making = None

    def arrived(self, segment: Segment, clip: Clip, took: float) -> bool:
        """Here it is, `took` seconds after it was begun; gives whether it was still of use."""
        if segment is not self._making:
            return False
        self._making = None
        # The first one may have waited for its model to be loaded.
        self._expected = max(took, 0.7 * self._expected) if self.tape.end else min(took, _FIRST)
        at = min(max(segment.at, self._changeable), self.tape.end)
        skipped = segment.begins + at - segment.at
        if skipped > clip.frames - round(TAIL * self._fps) - CHUNK:
            return False
        if self._spun < _TRIES and self._lasts and _spins(clip, segment.begins):
            self._spun += 1
            return False
        self._spun = 0
        self.tape.splice(at, clip, skipped)
        self._turns = deque(turn for turn in self._turns if turn[0] < at)
        self._turns.append((at, segment.wish, segment.seed))
        self._present = segment.wish
        if self._urgent is segment.wish:
            self._urgent = None
        elif self._queue and self._queue[0] is segment.wish:
            self._queue.popleft()
        return True

    @property
    def _lasts(self) -> bool:
        """Whether there is enough to show until another segment is made."""
        return self._usable - self.walk.point > self._needed

    @property
    def _usable(self) -> int:
        """Where on the tape the last segment's ending begins."""
        return max(self.tape.end - round(TAIL * self._fps), 0)

    @property
    def _changeable(self) -> int:
        """The first frame of the tape that nothing which left depends on."""
        return math.ceil(self.walk.point) + (not self.walk.point.is_integer())

    @property
    def _needed(self) -> int:
        """Frames that are played while a segment is being made."""
        return math.ceil((self._expected * _SLACK + LOW) * self._fps)

    def _may_replace(self, making: Segment, urgent: Wish | None) -> bool:
        """Something else is wanted than what is being made, and there is enough to show until then."""
        if urgent is None or making.wish is urgent:
            return False
        return making.wish is self._present or self._lasts

    def _segment(self, wish: Wish, at: int) -> Segment:
        count = min(round(KNOWN * self._fps), at - self.tape.first)
        known = _as_known(self.tape.part(at - count, at)) if count else None
        seed = (
            self._seed + self._segments
            if wish.seed is None or self._spun or wish is self._present
            else wish.seed
        )
        return Segment(wish, seed % self._info.limits.seeds_below, at, known, self._frames(wish, count))

    def _frames(self, wish: Wish, known: int) -> int:
        seconds = min(max(self._frames_of(wish.prompt or STANDING) / self._fps, SHORTEST), LONGEST)
        frames = known + round((seconds + TAIL) * self._fps)
        limits = self._info.limits
        return min(max(frames, limits.min_frames), limits.max_frames)

    # -------------------------------------------------------------------------------------- sending

    def take(self, now: float) -> Frames | None:
        """The frames that may leave now; they are final then."""
        room = self.played + self._ahead - self.sent
        if room < self._chunk or not self.tape.end:
            return None
        points = self.walk.points(self._chunk, self._open(now))
        if not len(points):
            self._note_dry(now)
            return None
        self._dry = False
        turns = self._begun_in(points)
        clip = self.walk.go(self.tape, points)
        frames = Frames(self.sent, clip, turns)
        self.sent += clip.frames
        self.tape.forget(math.floor(self.walk.point) - round(KNOWN * self._fps) - 1)
        return frames

    def look_again(self, now: float) -> float | None:
        """When to look again though nothing was heard; None: never."""
        if self._making is None or self.sent == 0:
            return None
        return now + max(self._buffered(now) / self._fps - LOW, 0.02)

    def _open(self, now: float) -> int:
        """Where on the tape the frames end that may leave: before what is being made, while there is time."""
        if self._buffered(now) <= LOW * self._fps:
            return self.tape.end
        return self._usable if self._making is None else min(self._making.at, self._usable)

    def _buffered(self, now: float) -> float:
        """Frames that its client still has to play, as far as can be told."""
        since = min(max(now - self._heard, 0.0), _PATIENCE)
        return max(self.sent - self.played - since * self._fps, 0.0)

    def _begun_in(self, points: Float) -> tuple[Turn, ...]:
        turns: list[Turn] = []
        while self._turns and self._turns[0][0] <= points[-1]:
            at, wish, seed = self._turns.popleft()
            turns.append(Turn(self.sent + int(np.searchsorted(points, at)), wish, seed))
        return tuple(turns)

    def _note_dry(self, now: float) -> None:
        """Count it once when its client runs out of frames."""
        if not self._dry and self.sent and self._buffered(now) == 0:
            self._dry = True
            self.starved += 1


def _spins(clip: Clip, begins: int) -> bool:
    """Whether the body turns faster than bodies do, in a segment's new frames."""
    turns = np.diff(root_motion(cut(clip, begins, clip.frames)).headings)
    return bool((np.abs(turns) * clip.fps > _SPIN).any())


def _as_known(part: Clip) -> Clip:
    """Frames where models expect a beginning."""
    return place(part, np.zeros(3, np.float32), 0.0)

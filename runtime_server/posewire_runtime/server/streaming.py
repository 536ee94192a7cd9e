"""One stream on its way out: what the worker's thread says, in the order and at the times the wire wants.

One coroutine per stream does everything: it hears of jobs, packs, paces and sends. Knows jobs and events,
no gRPC: `send` is any coroutine that takes a message and waits until there is room for the next.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import Cancelled, GenerationFailed, PosewireError, code_of
from posewire_runtime.exchange.events import Header, Notice
from posewire_runtime.exchange.pacing import chunks
from posewire_runtime.exchange.packing import PackedClip
from posewire_runtime.metrics import Stage
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.types import CONTACT_NAMES, Clip
from posewire_runtime.wire import stream
from posewire_runtime.wire.requests import Order

logger = logging.getLogger(__name__)

Send = Callable[[pb.GenerateResponse], Awaitable[None]]
"""Writes a message and returns when there is room for the next; raises `ClientLost`."""


Paced = Callable[[float, float], None]
"""Hears of each chunk that left: seconds since the clip's one before, and since it was due."""


class ClientLost(Cancelled):
    """The client went away, or no longer reads: nothing more can be sent."""


class Inbox:
    """The listener of a stream's jobs: brings what the worker's thread says to the loop.

    Bounded by nature: a job says that it started, once, how it ended, once, and in between as many
    steps as it has, which are kept only where the caller asked for them.
    """

    def __init__(self, progress: bool = False) -> None:
        self._loop = asyncio.get_running_loop()
        self._progress = progress
        self._heard: deque[tuple[Job | None, Clip | PosewireError | int]] = deque()
        self._wake = asyncio.Event()
        self._closed = False

    def started(self, job: Job) -> None:
        """The header can be written."""
        self._post(job, 0)

    def stepped(self, job: Job) -> None:
        """Progress, where anybody cares."""
        if self._progress:
            self._post(job, job.position)

    def finished(self, job: Job, clip: Clip) -> None:
        """Frames can be sent."""
        self._post(job, clip)

    def failed(self, job: Job, error: PosewireError) -> None:
        """No frames of this job will come."""
        self._post(job, error)

    def end(self, error: PosewireError) -> None:
        """End the whole stream with this error. On the loop's thread."""
        self._heard.append((None, error))
        self._wake.set()

    def nudge(self) -> None:
        """Wake whoever waits, though nothing was said. On the loop's thread."""
        self._wake.set()

    def close(self) -> None:
        """Nobody listens any more: what was and will be said is forgotten. On the loop's thread."""
        self._closed = True
        self._heard.clear()

    def take(self) -> Iterator[tuple[Job | None, Clip | PosewireError | int]]:
        """What was heard since the last time: a clip, an error, or the steps that were made."""
        while self._heard:
            yield self._heard.popleft()

    async def wait(self, until: float | None = None) -> None:
        """Return when there is something to take, or when the loop's clock says `until`."""
        if not self._heard:
            timer = None if until is None else self._loop.call_at(until, self._wake.set)
            try:
                await self._wake.wait()
            finally:
                if timer is not None:
                    timer.cancel()
        self._wake.clear()

    def _post(self, job: Job, what: Clip | PosewireError | int) -> None:
        if self._closed:
            return
        self._heard.append((job, what))
        with suppress(RuntimeError):  # the loop has closed: nobody is left who would care
            self._loop.call_soon_threadsafe(self._wake.set)


@dataclass(order=True, slots=True)
class _Outgoing:
    """A clip on its way out; the smallest goes first."""

    due: float
    """When its next chunk leaves, by the loop's clock."""
    first: int
    """First frame of its next chunk: of two that are due, the one that is behind goes first."""
    index: int
    end: int = field(compare=False)
    """End of its next chunk."""
    begun: float = field(compare=False)
    """When its first chunk was due."""
    frames: int = field(compare=False)
    packed: PackedClip = field(compare=False)
    chunks: Iterator[tuple[int, int]] = field(compare=False)
    """Those after the next one."""
    job: Job = field(compare=False)
    left: float | None = field(default=None, compare=False)
    """When its last chunk left."""


class Streamer:
    """Sends what one order makes: a header, clips, a status."""

    def __init__(
        self, order: Order, stream_id: str, jobs: Sequence[Job], inbox: Inbox, send: Send, paced: Paced
    ) -> None:
        self._order = order
        self._stream_id = stream_id
        self._index = {job.id: i for i, job in enumerate(jobs)}
        self._inbox = inbox
        self._send = send
        self._paced = paced
        self._clock = asyncio.get_running_loop().time
        self._outgoing: list[_Outgoing] = []
        self._ended: list[Job] = []
        self._error: PosewireError | None = None
        self.began = False
        """Whether the header has left."""
        self.frames = 0
        """Frames that have left."""
        self.first_frame: float | None = None
        """When the first one left, by the loop's clock."""

    async def run(self) -> None:
        """Send everything; raises the error that the stream ended with, after its status was sent."""
        try:
            while len(self._ended) < len(self._index):
                await self._hear()
                if self._outgoing and self._outgoing[0].due <= self._clock():
                    await self._send_chunk()
                elif len(self._ended) < len(self._index):
                    await self._inbox.wait(self._outgoing[0].due if self._outgoing else None)
        except PosewireError as error:
            self._error = error
        except Exception:
            logger.exception("stream %s failed unexpectedly", self._stream_id)
            message = f"the server failed unexpectedly; its log has more of stream {self._stream_id}"
            self._error = GenerationFailed(message)
        if self.began and not isinstance(self._error, ClientLost):
            code = code_of(self._error) if self._error else 0
            await self._send(stream.write_status(self.timings(), code, self._error))
        if self._error:
            try:
                raise self._error
            finally:  # an error knows the frames it came through, and they know us and our clips
                self._error = None

    async def _hear(self) -> None:
        """Act on what the worker said."""
        for job, what in self._inbox.take():
            if job is None:
                assert isinstance(what, PosewireError)
                raise what
            if isinstance(what, PosewireError):
                await self._lose(job, what)
                continue
            await self._begin(job)
            if isinstance(what, Clip):
                await self._begin_clip(job, what)
            elif what:
                progress = stream.write_progress(self._index[job.id], what, job.steps)
                await self._send(progress)

    async def _begin(self, job: Job) -> None:
        """The header, once the first job is known to run."""
        if self.began:
            return
        info, features = self._order.info, job.features
        told = () if features is None else (Notice("text", notice) for notice in features.notices)
        header = Header(
            stream_id=self._stream_id,
            model=info.name,
            skeleton=self._order.skeleton,
            fps=info.fps,
            packing=self._order.packing,
            convention=stream.CONVENTION,
            contact_names=CONTACT_NAMES,
            clips=len(self._index),
            licence_notice=info.licence.notice,
            familiarity=features.familiarity if features else None,
            nearest_prompt=(features.nearest or "") if features else "",
            notices=(*self._order.notices, *told),
        )
        self.began = True
        await self._send(stream.write_header(header))

    async def _begin_clip(self, job: Job, clip: Clip) -> None:
        """Announce a clip and put its first chunk in line."""
        index = self._index[job.id]
        await self._send(stream.write_clip_start(index, job.request.seed, clip.frames))
        spans = chunks(clip.frames, self._order.pace, self._order.chunk_frames)
        first, end = next(spans)
        now = self._clock()
        packed = PackedClip(clip, self._order.packing)
        heapq.heappush(
            self._outgoing, _Outgoing(now, first, index, end, now, clip.frames, packed, spans, job)
        )

    async def _send_chunk(self) -> None:
        """Send the chunk that is due, and put the clip's next one in line."""
        clip = self._outgoing[0]
        began = time.perf_counter_ns()
        if self._order.pace.rate:
            clip.job.spend(Stage.SEND, round(max(self._clock() - clip.due, 0.0) * 1e9))
        else:
            clip.job.waited(Stage.SEND, began)
        data = clip.packed.slice(clip.first, clip.end)
        fps, count = self._order.info.fps, clip.end - clip.first
        message = stream.write_chunk(clip.index, clip.first, count, fps, data)
        packed = time.perf_counter_ns()
        await self._send(message)
        sent = time.perf_counter_ns()
        clip.job.spend(Stage.PACK, packed - began)
        clip.job.spend(Stage.SEND, sent - packed)
        clip.job.worked = sent
        self.frames += count
        now = self._clock()
        if self.first_frame is None:
            self.first_frame = now
        self._paced(0.0 if clip.left is None else now - clip.left, max(now - clip.due, 0.0))
        clip.left = now
        following = next(clip.chunks, None)
        if following is None:
            heapq.heappop(self._outgoing)
            self._ended.append(clip.job)
            await self._send(stream.write_clip_end(clip.index, clip.frames, clip.job.timings))
            return
        clip.first, clip.end = following
        clip.due = clip.begun + self._order.pace.due(clip.first / fps)
        heapq.heapreplace(self._outgoing, clip)

    async def _lose(self, job: Job, error: PosewireError) -> None:
        """One clip will not come; the others still do, and the status tells of the first that failed."""
        self._ended.append(job)
        self._error = self._error or error
        if self.began and len(self._ended) < len(self._index):
            message = f"clip {self._index[job.id]} failed: {error}"
            await self._send(stream.write_notice(Notice("clip_failed", message)))

    def timings(self) -> dict[str, int]:
        """Each stage's longest time of any clip."""
        longest: dict[str, int] = {}
        for job in self._ended:
            for stage, spent in job.timings.items():
                longest[stage] = max(spent, longest.get(stage, 0))
        return longest

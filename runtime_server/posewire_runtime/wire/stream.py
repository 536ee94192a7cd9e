"""The events of a stream, to the wire and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import PosewireError, ProtocolError
from posewire_runtime.exchange.events import (
    Chunk,
    ClipEnd,
    ClipStart,
    Event,
    Header,
    Notice,
    Progress,
    Status,
)
from posewire_runtime.exchange.packing import Packing, unpack
from posewire_runtime.types import Timings
from posewire_runtime.wire.models import read_skeleton, write_joints

CONVENTION = (
    "right-handed, Y up, facing +Z, left is +X, metres; root is the pelvis in the world; "
    "rotations are parent-relative quaternions xyzw"
)


def write_header(header: Header) -> pb.GenerateResponse:
    """The first event."""
    return pb.GenerateResponse(
        header=pb.Header(
            stream_id=header.stream_id,
            model=header.model,
            joints=write_joints(header.skeleton),
            root_joint=header.skeleton.pelvis,
            sole=header.skeleton.sole,
            fps=header.fps,
            packing=pb.Packing.ValueType(header.packing),
            frame_bytes=header.frame_bytes,
            convention=header.convention,
            contact_names=header.contact_names,
            clips=header.clips,
            licence_notice=header.licence_notice,
            familiarity=header.familiarity,
            nearest_prompt=header.nearest_prompt,
            notices=[_write_notice(notice) for notice in header.notices],
        )
    )


def write_clip_start(clip: int, seed: int, frames: int) -> pb.GenerateResponse:
    """A clip begins."""
    return pb.GenerateResponse(clip_start=pb.ClipStart(clip=clip, seed=seed, frames=frames))


def write_chunk(clip: int, first: int, frames: int, fps: float, data: bytes) -> pb.GenerateResponse:
    """Packed frames."""
    return pb.GenerateResponse(
        chunk=pb.Chunk(clip=clip, first_frame=first, frames=frames, time=first / fps, data=data)
    )


def write_clip_end(clip: int, frames: int, timings: Timings) -> pb.GenerateResponse:
    """A clip is complete."""
    return pb.GenerateResponse(clip_end=pb.ClipEnd(clip=clip, frames=frames, timings=_write_timings(timings)))


def write_progress(clip: int, step: int, steps: int) -> pb.GenerateResponse:
    """A step was made."""
    return pb.GenerateResponse(progress=pb.Progress(clip=clip, step=step, steps=steps))


def write_notice(notice: Notice) -> pb.GenerateResponse:
    """Something the caller should know."""
    return pb.GenerateResponse(notice=_write_notice(notice))


def write_status(timings: Timings, code: int = 0, error: PosewireError | None = None) -> pb.GenerateResponse:
    """The last event: well, unless there is an error."""
    return pb.GenerateResponse(
        status=pb.Status(
            code=code,
            message=str(error or ""),
            timings=_write_timings(timings),
            retry_after_seconds=error.retry_after if error else None,
        )
    )


def read_event(message: pb.GenerateResponse, header: Header | None) -> Event | None:
    """The event of a message; None: one that a later version of the contract knows."""
    kind = message.WhichOneof("event")
    if kind == "chunk":
        if header is None:
            raise ProtocolError("expected a header before the first chunk, found none")
        return _read_chunk(message.chunk, header)
    if kind == "header":
        return _read_header(message.header)
    if kind == "clip_start":
        start = message.clip_start
        return ClipStart(start.clip, start.seed, start.frames)
    if kind == "clip_end":
        end = message.clip_end
        return ClipEnd(end.clip, end.frames, _read_timings(end.timings))
    if kind == "progress":
        return Progress(message.progress.clip, message.progress.step, message.progress.steps)
    if kind == "notice":
        return _read_notice(message.notice)
    return _read_status(message.status) if kind == "status" else None


def _read_header(message: pb.Header) -> Header:
    if message.packing not in tuple(Packing):
        known = ", ".join(str(int(packing)) for packing in Packing)
        raise ProtocolError(f"expected a packing of {known}, found {message.packing}")
    if not message.joints or message.root_joint >= len(message.joints) or not message.fps > 0:
        raise ProtocolError(
            "expected joints, one of them the root, and a rate above 0; "
            f"found {len(message.joints)} joints, root {message.root_joint}, {message.fps} frames/s"
        )
    header = Header(
        stream_id=message.stream_id,
        model=message.model,
        skeleton=read_skeleton(message.joints, message.root_joint, message.sole),
        fps=message.fps,
        packing=Packing(message.packing),
        convention=message.convention,
        contact_names=tuple(message.contact_names),
        clips=message.clips,
        licence_notice=message.licence_notice,
        familiarity=message.familiarity if message.HasField("familiarity") else None,
        nearest_prompt=message.nearest_prompt,
        notices=tuple(_read_notice(notice) for notice in message.notices),
    )
    if header.frame_bytes != message.frame_bytes:
        raise ProtocolError(f"expected frames of {header.frame_bytes} bytes, found {message.frame_bytes}")
    return header


def _read_chunk(message: pb.Chunk, header: Header) -> Chunk:
    if message.frames < 1:
        raise ProtocolError("expected frames in a chunk, found none")
    if len(message.data) != message.frames * header.frame_bytes:
        raise ProtocolError(
            f"expected {message.frames} frames of {header.frame_bytes} bytes, found {len(message.data)} bytes"
        )
    rotations, root, contacts = unpack(message.data, len(header.skeleton), header.packing)
    return Chunk(message.clip, message.first_frame, message.time, rotations, root, contacts)


def _read_status(message: pb.Status) -> Status:
    retry_after = message.retry_after_seconds if message.HasField("retry_after_seconds") else None
    return Status(message.code, message.message, _read_timings(message.timings), retry_after)


def _write_notice(notice: Notice) -> pb.Notice:
    return pb.Notice(code=notice.code, message=notice.message)


def _read_notice(message: pb.Notice) -> Notice:
    return Notice(message.code, message.message)


def _write_timings(timings: Timings) -> list[pb.StageTiming]:
    return [pb.StageTiming(stage=stage, nanoseconds=spent) for stage, spent in timings.items()]


def _read_timings(timings: Iterable[pb.StageTiming]) -> Mapping[str, int]:
    return {timing.stage: timing.nanoseconds for timing in timings}

"""What a page is given besides streams: clips and files to show, files to keep, bodies, bone maps.

Pure functions from message to message; what they are given is checked as the RPCs' requests are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from posewire_proto.v1 import page_pb2 as pages
from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime import __version__, formats
from posewire_runtime.errors import InvalidFile, InvalidRequest, Violation
from posewire_runtime.exchange.events import Header
from posewire_runtime.exchange.packing import PackedClip, Packing
from posewire_runtime.exchange.validate import Bounds, Findings, check_skeleton
from posewire_runtime.figure.mannequin import mannequin
from posewire_runtime.formats import bvh, npz
from posewire_runtime.motion.rigs import map_bones
from posewire_runtime.types import CONTACT_NAMES, Clip, Float
from posewire_runtime.wire import stream
from posewire_runtime.wire.decoder import Collector, Decoder
from posewire_runtime.wire.models import read_positions, read_rotations, read_skeleton

_CHUNK = 256
"""Frames of a message that shows a clip."""
_READERS = {".bvh": bvh.read, ".npz": npz.read}
_AS_THEY_ARE = (".glb",)
"""Files that the page reads itself: they bring a body."""


@dataclass(frozen=True, eq=False)
class Exhibit:
    """Something to show: a clip, or a file that the page reads itself."""

    name: str
    content: Clip | bytes


def open_exhibit(path: Path) -> Exhibit:
    """What stands in a file; raises `InvalidFile`."""
    suffix = path.suffix.lower()
    if suffix in _READERS:
        return Exhibit(path.name, _READERS[suffix](path))
    if suffix not in _AS_THEY_ARE:
        known = ", ".join((*_AS_THEY_ARE, *_READERS))
        raise InvalidFile(f"expected a file that ends in {known}, found {path.name!r}")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidFile(f"{path}: can't be read: {error.strerror}; name another file") from error
    if data[:4] != b"glTF":
        raise InvalidFile(f"expected {path} to be a GLB file, but it doesn't begin as one")
    return Exhibit(path.name, data)


def find_exhibit(exhibits: Sequence[Exhibit], index: int) -> Exhibit:
    """The one of this index; raises `InvalidRequest`."""
    if index >= len(exhibits):
        raise _refused("index", f"expected one of {len(exhibits)} things to show, found {index}")
    return exhibits[index]


def events(name: str, clip: Clip) -> Iterator[pb.GenerateResponse]:
    """A clip as the stream that would have brought it."""
    header = Header(
        stream_id="",
        model=name,
        skeleton=clip.skeleton,
        fps=clip.fps,
        packing=Packing.FLOAT32,
        convention=stream.CONVENTION,
        contact_names=CONTACT_NAMES,
        clips=1,
    )
    yield stream.write_header(header)
    yield stream.write_clip_start(0, clip.seed, clip.frames)
    packed = PackedClip(clip, Packing.FLOAT32, _CHUNK)
    for first in range(0, clip.frames, _CHUNK):
        end = min(first + _CHUNK, clip.frames)
        yield stream.write_chunk(0, first, end - first, clip.fps, packed.slice(first, end))
    yield stream.write_clip_end(0, clip.frames, {})
    yield stream.write_status({})


def save(request: pages.SaveRequest) -> pages.File:
    """A clip that a page has, as a file of the kind it wants."""
    form = formats.check_suffix(request.suffix)
    decoder, collector = Decoder(), Collector()
    for message in request.events:
        event = decoder.feed(message)
        if isinstance(event, Header):
            _check_joints(message.header.joints, "events[0].header.joints")
        if event is not None:
            collector.feed(event)
    decoder.finish()
    clips = collector.clips(decoder.header)
    if decoder.header is None or len(clips) != 1:
        raise _refused("events", f"expected the stream of one clip, found {len(clips)} clips")
    notes = {
        "prompt": request.prompt,
        "model": decoder.header.model,
        "licence_notice": decoder.header.licence_notice,
        "generator": f"posewire {__version__}",
    }
    data = form.encode(clips[0], {name: note for name, note in notes.items() if note})
    return pages.File(name=f"clip{request.suffix.lower()}", data=data)


def body(request: pages.BodyRequest) -> pages.Body:
    """A mesh around a skeleton."""
    _check_joints(request.joints, "joints")
    if request.root_joint >= len(request.joints):
        raise _refused("root_joint", f"expected one of {len(request.joints)} joints")
    made = mannequin(read_skeleton(request.joints, request.root_joint, request.sole))
    return pages.Body(
        positions=_little(made.vertices),
        normals=_little(made.normals),
        triangles=made.triangles.astype("<u4").tobytes(),
        joints=made.joints.astype("<u2").tobytes(),
        weights=made.weights.tobytes(),
    )


def bones(request: pages.BonesRequest) -> pages.Bones:
    """Which rig a character has; raises `InvalidRequest` where it is none that is known."""
    found = map_bones(request.names)
    return pages.Bones(rig=found.rig, bones=found.bones, unmapped=found.unmapped)


def _check_joints(joints: Sequence[pb.Joint], field: str) -> None:
    findings = Findings()
    most = Bounds().max_joints
    if findings.expect(1 <= len(joints) <= most, field, f"1 to {most} joints", len(joints)):
        names, parents = [joint.name for joint in joints], [joint.parent for joint in joints]
        check_skeleton(findings, field, names, parents, read_positions(joints), read_rotations(joints))
    findings.raise_any()


def _little(values: Float) -> bytes:
    return values.astype("<f4").tobytes()


def _refused(field: str, message: str) -> InvalidRequest:
    return InvalidRequest.of([Violation(field, message)])

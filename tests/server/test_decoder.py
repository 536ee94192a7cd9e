"""Streams read in order: whatever breaks the contract is named, whatever holds it becomes clips."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import Overloaded, PosewireError, ProtocolError
from posewire_runtime.exchange.events import Chunk, ClipEnd, Header, Notice, Progress, ServedModel
from posewire_runtime.exchange.packing import Packing, pack
from posewire_runtime.types import CONTACT_NAMES, ModelInfo, Skeleton
from posewire_runtime.wire import stream
from posewire_runtime.wire.decoder import Collector, Decoder
from posewire_runtime.wire.models import read_model, write_model
from posewire_runtime.wire.status import write_status

HEADER = Header(
    stream_id="abc",
    model="plain",
    skeleton=Skeleton(("a", "b"), (-1, 0), np.array([[0, 1, 0], [0, 2, 0]], "f4"), sole=0.125),
    fps=30.0,
    packing=Packing.FLOAT32,
    convention=stream.CONVENTION,
    contact_names=CONTACT_NAMES,
    clips=1,
    licence_notice="notice",
    familiarity=0.5,
    nearest_prompt="walk",
    notices=(Notice("frames_raised", "ten"),),
)


def chunk(first: int, count: int, clip: int = 0) -> pb.GenerateResponse:
    rotations = np.zeros((count, 2, 4), np.float32)
    rotations[..., 3] = 1
    root = np.arange(first, first + count, dtype=np.float32)[:, None].repeat(3, 1)
    rows = pack(rotations, root, np.ones((count, 4), bool), Packing.FLOAT32)
    return stream.write_chunk(clip, first, count, 30.0, rows.tobytes())


header = stream.write_header(HEADER)
start = stream.write_clip_start(0, 7, 3)
end = stream.write_clip_end(0, 3, {"step": 12})
done = stream.write_status({"step": 12})


def decode(*messages: pb.GenerateResponse) -> Decoder:
    decoder = Decoder()
    for message in messages:
        decoder.feed(message)
    decoder.finish()
    return decoder


def test_a_whole_stream_becomes_a_clip() -> None:
    decoder, collector = Decoder(), Collector()
    for message in (header, start, chunk(0, 2), chunk(2, 1), end, done):
        event = decoder.feed(message)
        assert event is not None
        collector.feed(event)
    decoder.finish()
    [clip] = collector.clips(decoder.header)
    assert (clip.seed, clip.frames, clip.fps) == (7, 3, 30.0)
    np.testing.assert_array_equal(clip.root[:, 0], [0, 1, 2])
    assert clip.contacts.all()


def test_the_header_comes_back_whole() -> None:
    read = Decoder().feed(header)
    assert isinstance(read, Header)
    assert replace(read, skeleton=HEADER.skeleton).__dict__ == HEADER.__dict__
    assert (read.skeleton.names, read.skeleton.parents) == (HEADER.skeleton.names, HEADER.skeleton.parents)
    assert (read.skeleton.rotations, read.skeleton.sole) == (None, 0.125)
    np.testing.assert_array_equal(read.skeleton.positions, HEADER.skeleton.positions)


def test_rest_rotations_travel_too() -> None:
    rotations = np.array([[0, 0, 0, 1], [1, 0, 0, 0]], np.float32)
    turned = replace(HEADER, skeleton=replace(HEADER.skeleton, rotations=rotations))
    read = Decoder().feed(stream.write_header(turned))
    assert isinstance(read, Header)
    np.testing.assert_array_equal(read.skeleton.rotations, rotations)


def test_chunks_carry_their_time() -> None:
    decoder = Decoder()
    events = [decoder.feed(message) for message in (header, start, chunk(0, 2), chunk(2, 1))]
    assert [event.time for event in events if isinstance(event, Chunk)] == [0.0, pytest.approx(2 / 30)]


def test_small_events_come_back() -> None:
    decoder = Decoder()
    progress = stream.write_progress(2, 3, 4)
    events = [decoder.feed(m) for m in (header, progress, stream.write_notice(Notice("x", "y")))]
    assert events[1:] == [Progress(2, 3, 4), Notice("x", "y")]
    decoder.feed(start)
    decoder.feed(chunk(0, 3))
    assert decoder.feed(end) == ClipEnd(0, 3, {"step": 12})


def test_a_later_contract_may_say_more() -> None:
    assert Decoder().feed(pb.GenerateResponse()) is None


BROKEN: dict[str, Sequence[pb.GenerateResponse]] = {
    "one header, found a second": [header, header],
    "a header first, found ClipStart": [start],
    "a header before the first chunk": [chunk(0, 1)],
    "one start of clip 0": [header, start, start],
    "an open clip, found Chunk of clip 5": [header, start, chunk(0, 1, clip=5)],
    "expected frame 1, found frame 2": [header, start, chunk(0, 1), chunk(2, 1)],
    "expected 3 frames, found more": [header, start, chunk(0, 4)],
    "expected 3 frames, found 2": [header, start, chunk(0, 2), end],
    "an open clip, found ClipEnd": [header, start, chunk(0, 3), end, end],
    "nothing after the status": [header, start, chunk(0, 3), end, done, done],
    "a status at the end": [header, start, chunk(0, 3), end],
    r"the end of the stream within clips \[0\]": [header, start, chunk(0, 2), done],
    "expected 1 clips, found 0": [header, done],
    "found 5 bytes": [header, start, pb.GenerateResponse(chunk=pb.Chunk(frames=1, data=b"12345"))],
    "a packing of 1, 2": [pb.GenerateResponse(header=pb.Header(packing=pb.Packing.ValueType(9)))],
    "joints, one of them the root": [pb.GenerateResponse(header=pb.Header(packing=pb.PACKING_FLOAT32))],
}


@pytest.mark.parametrize("complaint", BROKEN)
def test_a_broken_stream_is_named(complaint: str) -> None:
    with pytest.raises(ProtocolError, match=complaint):
        decode(*BROKEN[complaint])


def test_frames_of_another_size_than_the_packing_says_are_refused() -> None:
    message = stream.write_header(HEADER)
    message.header.frame_bytes += 1
    with pytest.raises(ProtocolError, match="frames of 45 bytes, found 46"):
        Decoder().feed(message)


def test_the_status_of_the_call_is_raised_with_its_details() -> None:
    status = write_status(Overloaded("full", 0.5))
    with pytest.raises(Overloaded, match="full") as caught:
        Decoder().finish(status.code, status.message, status.SerializeToString())
    assert caught.value.retry_after == 0.5


@given(
    st.lists(st.binary(max_size=60) | st.sampled_from([m.SerializeToString() for m in (header, start, end)]))
)
def test_any_bytes_are_events_or_a_clean_error(messages: list[bytes]) -> None:
    decoder = Decoder()
    try:
        for data in messages:
            decoder.feed(pb.GenerateResponse.FromString(data))
        decoder.finish()
    except (DecodeError, PosewireError):
        pass


def test_a_model_comes_back_whole(info: ModelInfo) -> None:
    fixed = replace(info, limits=replace(info.limits, fixed_guidance=5.0))
    for original in (info, fixed):
        read = read_model(write_model(ServedModel(original, True, False, 16)), is_default=True)
        assert (read.is_default, read.loaded, read.max_seeds) == (True, False, 16)
        plain = replace(read.info, skeleton=original.skeleton)
        assert plain.__dict__ == original.__dict__


def test_a_chunk_without_frames_breaks_the_contract() -> None:
    """Found by bench/fuzz_wire.py."""
    with pytest.raises(ProtocolError, match="expected frames in a chunk"):
        decode(header, start, stream.write_chunk(0, 0, 0, 30.0, b""))

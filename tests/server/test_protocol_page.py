"""The bytes in docs/protocol.md are those that the code writes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import PosewireError
from posewire_runtime.exchange.packing import Packing, pack
from posewire_runtime.wire import status, stream

PAGE = (Path(__file__).parents[2] / "docs/protocol.md").read_text("utf-8")

TURNED = np.array([[[0, 0, 0, 1], [0, np.sqrt(0.5), 0, np.sqrt(0.5)]]], np.float32)
FRAME = pack(
    TURNED, np.array([[0, 0.9, 0]], "f4"), np.array([[1, 1, 0, 0]], bool), Packing.SMALLEST_THREE_48
).tobytes()
REQUEST = pb.GenerateRequest(prompt="wave", frames=30, seeds=[7], packing=pb.PACKING_SMALLEST_THREE_48)


def bytes_of(block: str) -> bytes:
    """The hex of a fenced block, without the words beside it."""
    [text] = re.findall(rf"```{block}\n(.*?)```", PAGE, re.S)
    rows = [re.match(r"(?:[0-9a-f]{2} {1,2})*[0-9a-f]{2}(?= {3}|$)", line) for line in text.splitlines()]
    return bytes.fromhex("".join(row.group() for row in rows if row))


@pytest.mark.parametrize(
    ("block", "written"),
    [
        ("frame", FRAME),
        ("request", REQUEST.SerializeToString()),
        ("chunk", stream.write_chunk(0, 0, 1, 30.0, FRAME).SerializeToString()),
    ],
)
def test_the_bytes_are_real(block: str, written: bytes) -> None:
    assert bytes_of(block) == written


def test_every_reason_on_the_page_exists() -> None:
    rows = re.findall(r"^\| `[A-Z_]+` \| ((?:`[A-Z_]+`(?:, )?)+) \|", PAGE, re.M)
    named = {reason for row in rows for reason in re.findall(r"`([A-Z_]+)`", row)}

    def kinds(base: type[PosewireError]) -> set[str]:
        return {status.reason_of(base)}.union(*(kinds(kind) for kind in base.__subclasses__()))

    assert len(named) >= 11
    assert named <= kinds(PosewireError)

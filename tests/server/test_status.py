"""Errors over the wire: the class, the fields and the retry hint survive; sizes stay bounded."""

from __future__ import annotations

import pytest
from google.rpc import error_details_pb2, status_pb2

from posewire_runtime import errors
from posewire_runtime.errors import Code, PosewireError, Violation
from posewire_runtime.wire.status import read_status, reason_of, write_status

VIOLATIONS = (Violation("seeds[2]", "expected distinct seeds, found 3"), Violation("prompt", "none"))

ERRORS = [
    errors.InvalidRequest.of(VIOLATIONS),
    errors.UnknownModel("no such model", VIOLATIONS[:1]),
    errors.InvalidFile("broken"),
    errors.PackageError("broken"),
    errors.Overloaded("full", 0.25),
    errors.DeadlineUnreachable("too late", 3.0),
    errors.Cancelled("gone"),
    errors.DeadlineExceeded("late"),
    errors.ShuttingDown("bye"),
    errors.Unauthenticated("who?"),
    errors.GenerationFailed("not finite"),
    errors.DeviceError("out of memory"),
    errors.MissingExtra("the graph", "cpu"),
    errors.InvalidConfig("port", VIOLATIONS),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_comes_back_as_it_was_raised(error: PosewireError) -> None:
    status = write_status(error)
    back = read_status(status.code, status.message, status.SerializeToString())
    assert type(back) is type(error)
    assert str(back) == str(error)
    assert back.retry_after == error.retry_after
    assert getattr(back, "violations", None) == getattr(error, "violations", None)


def test_every_class_has_a_reason_of_its_own() -> None:
    kinds = [k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, PosewireError)]
    assert len({reason_of(kind) for kind in kinds}) == len(kinds)
    assert reason_of(errors.UnknownModel) == "UNKNOWN_MODEL"


def test_details_are_those_that_other_clients_know() -> None:
    status = write_status(errors.InvalidRequest.of(VIOLATIONS))
    bad = error_details_pb2.BadRequest()
    assert [detail.Unpack(bad) for detail in status.details] == [False, True]
    assert [violation.field for violation in bad.field_violations] == ["seeds[2]", "prompt"]


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (Code.UNAVAILABLE, errors.Unreachable),
        (Code.RESOURCE_EXHAUSTED, errors.Overloaded),
        (Code.DEADLINE_EXCEEDED, errors.DeadlineExceeded),
        (Code.CANCELLED, errors.Cancelled),
        (Code.INTERNAL, PosewireError),
        (12, PosewireError),
        (99, PosewireError),
    ],
)
@pytest.mark.parametrize("details", [None, b"", b"\xff garbage"])
def test_a_status_that_we_did_not_write_is_read_by_its_code(
    code: int, kind: type[PosewireError], details: bytes | None
) -> None:
    back = read_status(code, "", details)
    assert type(back) is kind
    assert str(code) in str(back)


def test_a_reason_of_somebody_else_is_not_ours() -> None:
    status = status_pb2.Status(code=8)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="UNKNOWN_MODEL", domain="elsewhere"))
    assert type(read_status(8, "full", status.SerializeToString())) is errors.Overloaded


@pytest.mark.parametrize("letter", ["x", "走"])
def test_the_longest_error_fits_into_metadata(letter: str) -> None:
    shown = f"expected something, found {letter * 60}"  # values are never shown longer than this
    status = write_status(errors.InvalidRequest.of([Violation("target.bones[left_upper_arm]", shown)] * 8))
    escaped = sum(1 if char.isascii() else 9 for char in status.message)  # grpc-message, percent-encoded
    assert escaped + len(status.SerializeToString()) * 4 / 3 < 8_000


def test_an_endless_message_is_cut() -> None:
    status = write_status(errors.InvalidRequest.of([Violation("f" * 1000, "x" * 5000)] * 8))
    assert len(status.message) + len(status.SerializeToString()) * 4 / 3 < 8_000

"""Errors as google.rpc details, and back: what stands behind the status code of an RPC.

An `ErrorInfo` names the class, a `BadRequest` the refused fields, a `RetryInfo` when to try again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2  # pyright: ignore[reportMissingTypeStubs]

from posewire_runtime import errors
from posewire_runtime.errors import (
    Cancelled,
    Code,
    DeadlineExceeded,
    InvalidConfig,
    InvalidRequest,
    Overloaded,
    PosewireError,
    Unauthenticated,
    UnknownModel,
    Unreachable,
    Violation,
    code_of,
)

DETAILS_KEY = "grpc-status-details-bin"
"""The trailing metadata entry that gRPC's libraries agree on."""
DOMAIN = "posewire"
MAX_MESSAGE = 600
"""Characters of a message: with its details it must fit into 8 KiB of metadata."""
MAX_DESCRIPTION = 200
"""Characters of a violation's message."""


def reason_of(kind: type[PosewireError]) -> str:
    """The stable word for a class of errors, for example `UNKNOWN_MODEL`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.__name__).upper()


_BY_REASON = {
    reason_of(kind): kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, PosewireError)
}
_BY_CODE = {
    Code.CANCELLED: Cancelled,
    Code.INVALID_ARGUMENT: InvalidRequest,
    Code.DEADLINE_EXCEEDED: DeadlineExceeded,
    Code.NOT_FOUND: UnknownModel,
    Code.PERMISSION_DENIED: Unauthenticated,
    Code.RESOURCE_EXHAUSTED: Overloaded,
    Code.UNAVAILABLE: Unreachable,
    Code.UNAUTHENTICATED: Unauthenticated,
}
"""What a code means when no details say more: a proxy or gRPC itself may have sent it."""


def write_status(error: PosewireError) -> status_pb2.Status:
    """The status of an error, with its details."""
    status = status_pb2.Status(code=code_of(error), message=_cut(str(error), MAX_MESSAGE))
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason_of(type(error)), domain=DOMAIN))
    violations: Sequence[Violation] = getattr(error, "violations", ())
    if violations:
        bad = error_details_pb2.BadRequest()
        for violation in violations:
            bad.field_violations.add(
                field=_cut(violation.field, MAX_DESCRIPTION),
                description=_cut(violation.message, MAX_DESCRIPTION),
            )
        status.details.add().Pack(bad)
    if error.retry_after is not None:
        retry = error_details_pb2.RetryInfo()
        retry.retry_delay.FromNanoseconds(round(error.retry_after * 1e9))
        status.details.add().Pack(retry)
    return status


def read_status(code: int, message: str, details: bytes | None = None) -> PosewireError:
    """The error behind a status code, its message and, where there are any, its details."""
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    retry = error_details_pb2.RetryInfo()
    for packed in _details(details):
        for kind in (info, bad, retry):
            packed.Unpack(kind)
    retry_after = retry.retry_delay.ToNanoseconds() / 1e9 if retry.HasField("retry_delay") else None
    violations = tuple(Violation(v.field, v.description) for v in bad.field_violations)
    message = message or f"the server answered with code {code}"
    return _make(_kind(code, info), message, violations, retry_after)


def _kind(code: int, info: error_details_pb2.ErrorInfo) -> type[PosewireError]:
    named = _BY_REASON.get(info.reason) if info.domain == DOMAIN else None
    return named or _BY_CODE.get(Code(code) if code in tuple(Code) else Code.UNKNOWN, PosewireError)


def _make(
    kind: type[PosewireError], message: str, violations: tuple[Violation, ...], retry_after: float | None
) -> PosewireError:
    """An error as it was raised on the other side, whatever its constructor there took."""
    error = kind.__new__(kind)
    Exception.__init__(error, message)
    if isinstance(error, InvalidRequest | InvalidConfig):
        error.violations = violations
    if retry_after is not None or isinstance(error, Overloaded):
        error.retry_after = retry_after
    return error


def _details(data: bytes | None) -> Sequence[Any]:
    try:
        return status_pb2.Status.FromString(data).details if data else ()
    except DecodeError:
        return ()


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"

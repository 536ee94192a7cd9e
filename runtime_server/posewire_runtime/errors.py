"""Every error Posewire raises on purpose.

    PosewireError
    ├── InvalidRequest        the caller asked for something that can't be
    │   ├── UnknownModel      a model name that nobody serves
    │   ├── UnknownSession    a live session that isn't there, or isn't the caller's
    │   └── InvalidFile       a file given by the user can't be read or written
    ├── PackageError          a model package on disk is not what it says it is
    ├── Overloaded            no room now; a later try may work
    │   └── DeadlineUnreachable   it can't be done within the caller's deadline
    ├── Cancelled             the caller no longer wants it
    ├── DeadlineExceeded      time ran out while it was being done
    ├── ShuttingDown          the server is draining
    ├── Unauthenticated       no token, or a wrong one
    ├── Unreachable           no server answers there, or the connection broke
    ├── ProtocolError         the other side broke the wire contract
    ├── InvalidConfig         a setting can't be used, or its address is taken
    ├── GenerationFailed      this one job failed (for example a non-finite result)
    ├── DeviceError           the device or its runtime failed; retry after a while
    └── MissingExtra          an optional dependency isn't installed

A message says what was expected, what was found, and what to do. This module
knows no gRPC: the numbers are the standard status codes, which the C ABI shares.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Code(IntEnum):
    """The standard RPC status codes, so that wire, C ABI and exit codes agree."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


@dataclass(frozen=True, slots=True)
class Violation:
    """One field of a request that was refused."""

    field: str
    """Its path as the wire names it, for example `seeds[2]`."""
    message: str
    """What was expected and what was found."""


class PosewireError(Exception):
    """Base of all errors raised on purpose."""

    retry_after: float | None = None
    """Seconds after which trying again makes sense; None: trying again won't help."""


class InvalidRequest(PosewireError):
    """The request can't be served as it stands; `violations` names the fields."""

    def __init__(self, message: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations)

    @classmethod
    def of(cls, violations: Sequence[Violation]) -> InvalidRequest:
        """One error that reports all refused fields at once."""
        return cls("; ".join(f"{v.field}: {v.message}" for v in violations), violations)


class UnknownModel(InvalidRequest):
    """No served model has this name."""


class UnknownSession(InvalidRequest):
    """No live session of this name waits for this caller."""


class InvalidFile(InvalidRequest):
    """A file that the user named can't be used."""


class PackageError(PosewireError):
    """A model package is broken, of another version, or not a package."""


class Overloaded(PosewireError):
    """The queue is full."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class DeadlineUnreachable(Overloaded):
    """Admission control saw at once that the deadline can't be met."""


class Cancelled(PosewireError):
    """The caller went away or cancelled."""


class DeadlineExceeded(PosewireError):
    """The deadline passed before the result was ready."""


class ShuttingDown(PosewireError):
    """The server takes no new work."""

    retry_after = 1.0


class Unauthenticated(PosewireError):
    """The token is missing or wrong."""


class Unreachable(PosewireError):
    """No server answers at this address, or the connection to it broke."""

    retry_after = 1.0


class ProtocolError(PosewireError):
    """The other side sent what the wire contract doesn't allow."""


class InvalidConfig(PosewireError):
    """A program can't run with these settings; `violations` names them."""

    def __init__(self, message: str, violations: Sequence[Violation] = ()) -> None:
        super().__init__(message)
        self.violations = tuple(violations)


class GenerationFailed(PosewireError):
    """This job failed; others are untouched."""


class DeviceError(PosewireError):
    """The device failed under a batch; the session is being reloaded."""

    retry_after = 2.0


class MissingExtra(PosewireError):
    """An optional dependency isn't installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs the optional part '{extra}': pip install 'posewire[{extra}]'")
        self.extra = extra


_CODES: tuple[tuple[type[PosewireError], Code], ...] = (
    (UnknownModel, Code.NOT_FOUND),
    (UnknownSession, Code.NOT_FOUND),
    (InvalidRequest, Code.INVALID_ARGUMENT),
    (PackageError, Code.FAILED_PRECONDITION),
    (Overloaded, Code.RESOURCE_EXHAUSTED),
    (Cancelled, Code.CANCELLED),
    (DeadlineExceeded, Code.DEADLINE_EXCEEDED),
    (ShuttingDown, Code.UNAVAILABLE),
    (Unauthenticated, Code.UNAUTHENTICATED),
    (Unreachable, Code.UNAVAILABLE),
    (ProtocolError, Code.INTERNAL),
    (InvalidConfig, Code.FAILED_PRECONDITION),
    (GenerationFailed, Code.INTERNAL),
    (DeviceError, Code.UNAVAILABLE),
    (MissingExtra, Code.FAILED_PRECONDITION),
)


def code_of(error: BaseException) -> Code:
    """The status code of an error: the one table from errors to codes."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), Code.UNKNOWN)

"""Who may come in, and how much each may ask: bearer tokens, of which only hashes are kept.

A tokens file has one line for each: the SHA-256 of the token in hex, a name for the log, and what differs
from the defaults (`rate=5 streams=2`). `sha256sum` writes such lines, and so does `posewire token`. Knows no
door; every door asks it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from posewire_runtime.errors import InvalidConfig, Overloaded, Unauthenticated, Violation

_HASH = re.compile(r"[0-9a-f]{64}")
_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_BURST = 2.0
"""Seconds of its rate that a token may save up."""
_BUSY_RETRY = 1.0
"""Seconds after which a caller with too many streams may try again."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """What one caller may ask."""

    rate: float = 0.0
    """Calls a second, on average; 0: any."""
    streams: int = 0
    """Streams at once; 0: any."""


class Caller:
    """Somebody who was let in. All calls with one token are one caller's."""

    def __init__(self, name: str, allowance: Allowance, clock: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        """For the log; empty: nobody in particular."""
        self._allowance = allowance
        self._clock = clock
        self._saved = self._most = max(allowance.rate * _BURST, 1.0)
        self._counted = clock()
        self.streams = 0
        """That are open."""

    def charge(self) -> None:
        """Count a call; raises `Overloaded` with the time until the next one is due."""
        rate = self._allowance.rate
        if not rate:
            return
        now = self._clock()
        self._saved = min(self._saved + (now - self._counted) * rate, self._most)
        self._counted = now
        if self._saved < 1:
            wait = (1 - self._saved) / rate
            raise Overloaded(f"expected at most {rate:g} calls a second with this token; slow down", wait)
        self._saved -= 1

    def same_as(self, other: Caller) -> bool:
        """Whether the other is called the same and may do the same."""
        return (self.name, self._allowance) == (other.name, other._allowance)

    @contextmanager
    def stream(self) -> Generator[None]:
        """Hold one of its streams; raises `Overloaded` when it has none left."""
        most = self._allowance.streams
        if most and self.streams >= most:
            message = f"expected at most {most} streams at once with this token; wait for one to end"
            raise Overloaded(message, _BUSY_RETRY)
        self.streams += 1
        try:
            yield
        finally:
            self.streams -= 1


NOBODY = Caller("", Allowance())
"""Whoever comes in where nobody is asked."""


class Tokens:
    """The tokens that are let in."""

    def __init__(self, callers: Mapping[str, Caller] | None = None) -> None:
        """`callers` by the hash of their token; None: nobody needs one."""
        self._callers = None if callers is None else dict(callers)

    @classmethod
    def read(cls, path: str, usual: Allowance | None = None, *, nobody: bool = False) -> Tokens:
        """The tokens of a file, with the `usual` allowance where a line says nothing else.

        No path: nobody needs one. `nobody`: a file without tokens lets nobody in, instead of being refused.
        """
        if not path:
            return cls()
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise _unusable(f"{path} can't be read: {error}; name another file") from error
        told = [line.split() for line in lines if line.strip() and not line.startswith("#")]
        callers = {words[0].lower(): _caller(words, path, usual or Allowance()) for words in told}
        if not callers and not nobody:
            raise _unusable(f"expected a token in {path}, found none; posewire token makes one")
        return cls(callers)

    def admit(self, token: str) -> Caller:
        """Let a token in; raises `Unauthenticated`. Takes equally long for all wrong ones."""
        if self._callers is None:
            return NOBODY
        found = hash_of(token)
        fits = [caller for known, caller in self._callers.items() if hmac.compare_digest(found, known)]
        if not fits:
            what = "a wrong one" if token else "none"
            raise Unauthenticated(f"expected a token that this server knows, found {what}; ask its operator")
        return fits[0]

    def renew(self, others: Tokens) -> None:
        """Let in these from now on. Who stays, under the same token and allowance, stays as it is."""
        if self._callers is None or others._callers is None:
            self._callers = others._callers
            return
        kept: dict[str, Caller] = {}
        for known, caller in others._callers.items():
            before = self._callers.get(known)
            kept[known] = before if before is not None and before.same_as(caller) else caller
        self._callers = kept


def hash_of(token: str) -> str:
    """What is kept of a token. Tokens are long and drawn, so a plain hash gives nothing away."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def draw() -> str:
    """A new token: 256 bits that nobody guesses."""
    return f"pw_{secrets.token_urlsafe(32)}"


def line_of(token: str, name: str, allowance: Mapping[str, float]) -> str:
    """What a tokens file says of a token; raises `InvalidConfig` for a name that doesn't fit."""
    if not _NAME.fullmatch(name):
        raise InvalidConfig(f"expected a name of letters, digits, '.', '_' and '-', found {name!r}")
    return "  ".join((hash_of(token), name, *(f"{key}={value:g}" for key, value in allowance.items())))


def _caller(words: Sequence[str], path: str, usual: Allowance) -> Caller:
    """The caller that a line tells of."""
    if not _HASH.fullmatch(words[0].lower()):
        raise _unusable(
            f"expected a token's SHA-256 (64 hexadecimal digits) at the start of each line of {path}, "
            "found something else; posewire token makes such lines, and so does sha256sum"
        )
    names = [word for word in words[1:] if "=" not in word]
    given = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    try:
        rate = float(given.pop("rate", usual.rate))
        streams = int(given.pop("streams", usual.streams))
    except ValueError as error:
        raise _unusable(f"{path}: expected numbers after rate= and streams=: {error}") from error
    if given or not 0 <= rate < float("inf") or streams < 0:
        raise _unusable(f"{path}: expected rate= and streams= of at least 0, found {' '.join(words[1:])!r}")
    return Caller(names[0] if names else words[0][:8], Allowance(rate, streams))


def _unusable(message: str) -> InvalidConfig:
    return InvalidConfig(f"token_file: {message}", [Violation("token_file", message)])

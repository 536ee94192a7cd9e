"""Who may come in: bearer tokens, of which only hashes are kept. Knows no door; every door asks it."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Sequence
from pathlib import Path

from posewire_runtime.errors import InvalidConfig, Unauthenticated, Violation

_HASH = re.compile(r"[0-9a-f]{64}")


class Tokens:
    """The tokens that are let in; none at all: everybody is."""

    def __init__(self, hashes: Sequence[str] = ()) -> None:
        self._hashes = tuple(hashes)

    @classmethod
    def read(cls, path: str) -> Tokens:
        """The tokens of a file: a SHA-256 in hex begins each line, comments begin with #. No path: none."""
        if not path:
            return cls()
        try:
            lines = Path(path).read_text("utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise _unusable(f"{path} can't be read: {error}; name another file") from error
        words = [line.split()[0].lower() for line in lines if line.strip() and not line.startswith("#")]
        if not words or not all(_HASH.fullmatch(word) for word in words):
            raise _unusable(
                f"expected a token's SHA-256 (64 hexadecimal digits) at the start of each line of {path}, "
                "found something else; sha256sum makes such lines"
            )
        return cls(words)

    def admit(self, token: str) -> None:
        """Let a token in; raises `Unauthenticated`. Takes equally long for all wrong ones."""
        found = hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
        fits = [hmac.compare_digest(found, known) for known in self._hashes]
        if self._hashes and not any(fits):
            what = "a wrong one" if token else "none"
            raise Unauthenticated(f"expected a token that this server knows, found {what}; ask its operator")


def _unusable(message: str) -> InvalidConfig:
    return InvalidConfig(f"token_file: {message}", [Violation("token_file", message)])

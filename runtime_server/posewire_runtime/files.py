"""Files: named safely, written whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from posewire_runtime.errors import InvalidFile

_LONGEST = 60
"""Characters of a name made of a prompt."""


def slug(prompt: str) -> str:
    """A name that every system and engine takes: letters, digits and underscores, a letter first."""
    words = re.sub(r"[^a-z0-9]+", "_", prompt.lower()).strip("_")[:_LONGEST].rstrip("_")
    return f"clip_{words}" if not words or words[0].isdigit() else words


def write_bytes(path: str | Path, data: bytes) -> None:
    """Put `data` into a file at once: readers see the old file or the new one, never a half.

    Folders above it are made.
    """
    path = Path(path)
    temporary = path.parent / f".{secrets.token_hex(6)}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        reason = error.strerror or str(error)
        raise InvalidFile(
            f"expected to write {path}, but: {reason}; choose a folder that exists and may be written to"
        ) from error

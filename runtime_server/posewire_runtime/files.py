"""Files are written whole or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from posewire_runtime.errors import InvalidFile


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

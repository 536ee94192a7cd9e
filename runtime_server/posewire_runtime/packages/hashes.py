"""sha256 of files, and a memory of those of large files.

Hashing 16 GB of weights at every start would take longer than loading them. The memory
(`verified.json` in the user's cache folder) knows a file by device, inode, size, modification
and change time: whoever replaces or writes to the file changes one of them. What it can't see
is a disk that decays under an untouched file; a full verification reads everything.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import cast

_LARGE = 16 * 2**20
"""Smaller files are read every time: it takes milliseconds."""
_REMEMBERED = 1000
"""Entries kept; the oldest go first."""
_CHUNK = 4 * 2**20


def sha256_of(path: Path) -> str:
    """Hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def cache_folder() -> Path:
    """Where this user's caches are, by the system's custom."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "posewire"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "posewire"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "posewire"


class HashMemory:
    """Hashes files, remembering large ones. `trust=False` reads everything and refreshes the memory."""

    def __init__(self, *, trust: bool = True) -> None:
        self._path = cache_folder() / "verified.json"
        self._known = _load(self._path)
        self._trust = trust
        self._changed = False

    def sha256(self, path: Path) -> str:
        """Hex digest of a file, from memory where it is large and untouched."""
        status = path.stat()
        if status.st_size < _LARGE:
            return sha256_of(path)
        key = f"{status.st_dev}:{status.st_ino}:{status.st_size}:{status.st_mtime_ns}:{status.st_ctime_ns}"
        if not self._trust or key not in self._known:
            self._known[key] = sha256_of(path)
            self._changed = True
        return self._known[key]

    def save(self) -> None:
        """Keep what was learnt; a cache that can't be written only costs time."""
        if not self._changed:
            return
        kept = dict(list(self._known.items())[-_REMEMBERED:])
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self._path.parent, delete=False) as file:
                json.dump(kept, file)
            os.replace(file.name, self._path)
        except OSError:
            return


def _load(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {str(key): str(value) for key, value in cast(dict[object, object], found).items()}

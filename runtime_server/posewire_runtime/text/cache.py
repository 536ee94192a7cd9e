"""Features that were made before: (encoder fingerprint, prompt) -> features.

Memory holds the most recently used ones up to a limit of bytes. With a folder, features also
outlive the process: one file each, again up to a limit. The folder may be shared by several
processes. Thread-safe. Knows no encoder; counts its own hits, which the metrics report.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.types import Features, Part

SUFFIX = ".features.npz"


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What the cache has done so far."""

    hits: int
    """Answers from memory."""
    disk_hits: int
    """Answers from the folder."""
    misses: int
    """Questions without an answer."""
    entries: int
    """Prompts in memory."""
    nbytes: int
    """Bytes in memory."""


class FeatureCache:
    """Least recently used features leave first."""

    def __init__(self, limit: int, folder: Path | None = None, folder_limit: int = 1 << 30) -> None:
        self._limit, self._folder = limit, folder
        self._disk_limit = folder_limit
        self._entries: OrderedDict[tuple[str, str], Features] = OrderedDict()
        self._nbytes = 0
        self._hits = self._disk_hits = self._misses = 0
        self._lock = threading.Lock()

    def get(self, fingerprint: str, prompt: str) -> Features | None:
        """What this encoder made of this prompt, if that is still known. Counts a hit or a miss."""
        key = (fingerprint, prompt)
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
                self._hits += 1
                return found
        found = self._read(key)
        with self._lock:
            self._disk_hits += found is not None
            self._misses += found is None
            if found is not None:
                self._keep(key, found)
        return found

    def put(self, fingerprint: str, prompt: str, features: Features) -> None:
        """Remember features; what is larger than the whole cache stays out of memory."""
        key = (fingerprint, prompt)
        with self._lock:
            self._keep(key, features)
        self._write(key, features)

    def stats(self) -> CacheStats:
        """Counts and sizes, for the metrics."""
        with self._lock:
            counts = (self._hits, self._disk_hits, self._misses)
            return CacheStats(*counts, len(self._entries), self._nbytes)

    def _keep(self, key: tuple[str, str], features: Features) -> None:
        size = _size(key, features)
        if size > self._limit:
            return
        known = self._entries.pop(key, None)
        self._nbytes += size - (0 if known is None else _size(key, known))
        self._entries[key] = features
        while self._nbytes > self._limit:
            old, dropped = self._entries.popitem(last=False)
            self._nbytes -= _size(old, dropped)

    def _path(self, key: tuple[str, str]) -> Path | None:
        if self._folder is None:
            return None
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()
        return self._folder / f"{name}{SUFFIX}"

    def _read(self, key: tuple[str, str]) -> Features | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                found = _unpacked(arrays)
            os.utime(path)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            # Absent, or written by a machine that lost power: either way it is made again.
            return None
        return found

    def _write(self, key: tuple[str, str], features: Features) -> None:
        path = self._path(key)
        if path is None:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
                np.savez(file, **_packed(features))
            os.replace(file.name, path)
            self._trim(path.parent)
        except OSError:
            # A full or read-only disk costs time, not the request.
            return

    def _trim(self, folder: Path) -> None:
        """Delete the longest unused files until the folder is within its limit."""
        files = [(entry.stat(), entry.path) for entry in os.scandir(folder) if entry.name.endswith(SUFFIX)]
        total = sum(status.st_size for status, _ in files)
        for status, path in sorted(files, key=lambda file: file[0].st_mtime):
            if total <= self._disk_limit:
                return
            os.unlink(path)
            total -= status.st_size


def _packed(features: Features) -> dict[str, Any]:
    """As arrays with names; those of part 0 begin with 0, and so on."""
    seconds = [part.seconds for part in features.parts]
    about = json.dumps([features.familiarity, features.nearest, features.notices, seconds])
    arrays: dict[str, Any] = {"about": np.array(about)}
    for name, some in _vectors(features):
        arrays |= {f"{name}tokens": some.tokens, f"{name}sentence": some.sentence}
    return arrays


def _vectors(features: Features) -> list[tuple[str, Features]]:
    return [("", features), *((str(i), part.features) for i, part in enumerate(features.parts))]


def _unpacked(arrays: Mapping[str, NDArray[Any]]) -> Features:
    familiarity, nearest, notices, seconds = json.loads(str(arrays["about"]))
    parts = tuple(
        Part(Features(arrays[f"{i}tokens"], arrays[f"{i}sentence"]), one) for i, one in enumerate(seconds)
    )
    return Features(arrays["tokens"], arrays["sentence"], familiarity, nearest, tuple(notices), parts)


def _size(key: tuple[str, str], features: Features) -> int:
    return features.nbytes + len(key[1])

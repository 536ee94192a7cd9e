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
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from posewire_runtime.types import Features

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
                familiarity, nearest, notices = json.loads(str(arrays["about"]))
                tokens, sentence = arrays["tokens"], arrays["sentence"]
            os.utime(path)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile):
            # Absent, or written by a machine that lost power: either way it is made again.
            return None
        return Features(tokens, sentence, familiarity, nearest, tuple(notices))

    def _write(self, key: tuple[str, str], features: Features) -> None:
        path = self._path(key)
        if path is None:
            return
        about = np.array(json.dumps([features.familiarity, features.nearest, features.notices]))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".partial", delete=False) as file:
                np.savez(file, tokens=features.tokens, sentence=features.sentence, about=about)
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


def _size(key: tuple[str, str], features: Features) -> int:
    return features.nbytes + len(key[1])

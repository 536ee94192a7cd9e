"""What is done already: a line for each finished item, so that a bake can be killed at any moment.

The journal stands in the output folder while a bake runs and goes when all is done; then the index says what
is there. An item counts as done when its key is the same and its files exist: they are written whole, before
its line. Knows nothing of how items are made.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from posewire_runtime.errors import InvalidFile

_TEMPORARY = re.compile(r"\.[0-9a-f]{12}\.part")
"""What `files.write_bytes` calls a file that isn't whole yet."""


def journal_name(shard: tuple[int, int]) -> str:
    """The journal of a shard; (1, 1) is all of it."""
    return ".bake.journal" if shard == (1, 1) else f".bake-{shard[0]}-of-{shard[1]}.journal"


def index_name(shard: tuple[int, int]) -> str:
    """The index of a shard, without its ending."""
    return "index" if shard == (1, 1) else f"index-{shard[0]}-of-{shard[1]}"


class Journal:
    """The journal of a bake."""

    def __init__(self, folder: Path, shard: tuple[int, int]) -> None:
        """Open it; makes the folder, and raises `InvalidFile` where nothing can be written."""
        self.folder = folder
        self.path = folder / journal_name(shard)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self.done = {name: key for source in self._sources() for name, key in _keys(source)}
            self._file = self.path.open("a", encoding="utf-8", newline="\n")
            # A line cut off by a kill would spoil the next one; those before it stay where they are.
            self._file.truncate(self.path.read_bytes().rfind(b"\n") + 1)
        except OSError as error:
            reason = error.strerror or str(error)
            message = (
                f"expected to write into {folder}, but: {reason}; choose a folder that may be written to"
            )
            raise InvalidFile(message) from error

    def has(self, name: str, key: str, files: list[str]) -> bool:
        """Whether an item is done and its files are there."""
        return self.done.get(name) == key and all((self.folder / file).is_file() for file in files)

    def add(self, name: str, key: str) -> None:
        """An item's files are all there."""
        try:
            self._file.write(json.dumps({"name": name, "key": key}) + "\n")
            self._file.flush()
        except OSError as error:
            raise InvalidFile(f"expected to write {self.path}, but: {error.strerror or error}") from error

    def sweep(self) -> None:
        """Remove what a kill left half-written, unless another shard may be writing it just now."""
        if list(self.folder.glob(".bake*.journal")) == [self.path]:
            for path in self.folder.glob(".*.part"):
                if _TEMPORARY.fullmatch(path.name):
                    path.unlink(missing_ok=True)

    def close(self, *, finished: bool) -> None:
        """Close it; a finished bake needs it no longer."""
        with suppress(OSError):
            self._file.close()
        if finished:
            self.path.unlink(missing_ok=True)

    def _sources(self) -> Iterator[Path]:
        """Everything that says what is done, shards' included."""
        yield from sorted(self.folder.glob("index*.json"))
        yield from sorted(self.folder.glob(".bake*.journal"))


def _keys(source: Path) -> Iterator[tuple[str, str]]:
    """Names and keys of a journal or an index; nothing where it is another file."""
    text = source.read_text(encoding="utf-8", errors="replace")
    rows: list[Any] = []
    with suppress(ValueError, KeyError, TypeError):
        if source.suffix == ".journal":
            # The last line may be cut off; those before it are whole.
            rows += [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        else:
            rows += json.loads(text)["clips"]
    for row in rows:
        with suppress(KeyError, TypeError):
            yield str(row["name"]), str(row["key"])

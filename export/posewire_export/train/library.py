"""A folder of clips with a captions file: what each clip is called, says and shows.

`captions.jsonl` has one object a line: `file`, `source`, `texts`, and where known `actions`,
`origin` and `licence`. Knows nothing of what is inside the clips.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from posewire_runtime.errors import InvalidFile

_PIECE = re.compile(r"_p\d+$")


@dataclass(frozen=True)
class Entry:
    """One captioned clip."""

    file: str
    """Path below the motions' folder."""
    texts: tuple[str, ...]
    """What people say of it."""
    source: str = ""
    """Where it comes from; results are reported by it."""
    actions: tuple[str, ...] = ()
    """Tags from a closed list; clips of rare actions are shown more often."""
    origin: str = ""
    """Who wrote the texts."""
    licence: str = ""


def read_captions(file: Path) -> list[Entry]:
    """Every line of a captions file; unknown keys are other people's business."""
    return parse_captions(file.read_text(encoding="utf-8"), str(file))


def parse_captions(text: str, where: str) -> list[Entry]:
    """The same of a text that comes from `where`."""
    entries: list[Entry] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            entries.append(_entry(json.loads(line), f"{where}:{number}"))
    if not entries:
        raise InvalidFile(f"{where}: expected one JSON object a line, found nothing")
    return entries


def _entry(row: dict[str, Any], where: str) -> Entry:
    if not isinstance(row.get("file"), str) or not row.get("texts"):
        raise InvalidFile(
            f"{where}: expected 'file' and at least one caption in 'texts', found {sorted(row)}"
        )
    return Entry(
        file=row["file"],
        texts=tuple(row["texts"]),
        source=row.get("source", ""),
        actions=tuple(row.get("actions", ())),
        origin=row.get("origin", ""),
        licence=row.get("licence", ""),
    )


def recording(entry: Entry, twins: Sequence[str] = ()) -> str:
    """What must stay together: pieces `_p0`, `_p1` of a take; in the folders `twins`, equal captions too."""
    folder, _, name = entry.file.rpartition("/")
    if folder in twins:
        return f"{folder}/{' | '.join(sorted(entry.texts))}"
    return f"{folder}/{_PIECE.sub('', Path(name).stem)}"


def propose_heldout(
    entries: Sequence[Entry],
    *,
    share: float = 0.1,
    whole: Sequence[str] = (),
    twins: Sequence[str] = (),
    seed: int = 0,
) -> list[str]:
    """Files to hold out: about `share` of each source, whole recordings only.

    Files that start with one of `whole` all go. An action keeps at least four recordings to learn from.
    """
    chosen = {entry.file for entry in entries if entry.file.startswith(tuple(whole))} if whole else set[str]()
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(recording(entry, twins), []).append(entry)
    left = Counter(action for group in groups.values() for action in {a for e in group for a in e.actions})
    wanted = {source: share * count for source, count in Counter(entry.source for entry in entries).items()}
    for entry in entries:
        wanted[entry.source] -= entry.file in chosen
    names = sorted(groups)
    Random(seed).shuffle(names)
    for name in names:
        group = groups[name]
        actions = {action for entry in group for action in entry.actions}
        fits = wanted[group[0].source] >= len(group)
        if fits and group[0].file not in chosen and all(left[action] > 4 for action in actions):
            chosen.update(entry.file for entry in group)
            wanted[group[0].source] -= len(group)
            left.subtract(actions)
    return sorted(chosen)


def read_heldout(file: Path) -> frozenset[str]:
    """The files of a held-out list: one a line, `#` starts a comment."""
    lines = (line.partition("#")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return frozenset(line for line in lines if line)


def heldout_of(entries: Sequence[Entry], file: Path | None) -> frozenset[str]:
    """The list in `file`, or a proposal of our own."""
    return frozenset(propose_heldout(entries)) if file is None else read_heldout(file)


def read_lines(file: Path) -> list[str]:
    """The lines of a text file, gzipped or not, without empty ones."""
    raw = file.read_bytes()
    text = (gzip.decompress(raw) if file.suffix == ".gz" else raw).decode("utf-8")
    return [line.strip() for line in text.splitlines() if line.strip()]


def balanced_weights(entries: Iterable[Entry]) -> list[float]:
    """How often each clip is drawn: rare actions more often, with the square root of their rarity."""
    entries = list(entries)
    counts = Counter(action for entry in entries for action in (entry.actions or ("",)))
    means = []
    for entry in entries:
        actions = entry.actions or ("",)
        means.append(sum(counts[action] ** -0.5 for action in actions) / len(actions))
    total = sum(means)
    return [weight / total for weight in means]

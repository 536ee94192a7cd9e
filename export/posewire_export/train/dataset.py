"""From a folder of clips and a captions file to the two parts of the split, as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from posewire_export.train import features, library
from posewire_export.train.feed import Corpus
from posewire_export.train.ingest import Motion, read_motion
from posewire_export.train.library import Entry
from posewire_runtime.errors import InvalidFile
from posewire_runtime.types import Float

AIRBORNE = frozenset({"jump", "leap", "hop", "flip"})
"""Actions whose heights can't be had from rotations alone."""


@dataclass(frozen=True, eq=False)
class DataSet:
    """Captioned motion, ready to be learned from."""

    entries: Sequence[Entry]
    motions: Sequence[Motion]

    def split(self, heldout: frozenset[str]) -> tuple[Corpus, Corpus]:
        """(what is learned from, what is held out)."""
        if unknown := sorted(heldout - {entry.file for entry in self.entries}):
            raise InvalidFile(
                f"the held-out list names {len(unknown)} unknown clips, for example {unknown[0]}"
            )
        return self._part(lambda e: e.file not in heldout), self._part(lambda e: e.file in heldout)

    def _part(self, keep) -> Corpus:
        chosen = [(e, m) for e, m in zip(self.entries, self.motions, strict=True) if keep(e)]
        return Corpus([e for e, _ in chosen], [features.encode(m) for _, m in chosen])


def read_dataset(motions: Path, captions: Path, loose: Sequence[str] = ()) -> DataSet:
    """Read every captioned clip below `motions`.

    In the folders `loose` only rotations count: clips of people in the air are left out there.
    """
    folders = tuple(f"{folder}/" for folder in loose)
    entries = [
        entry
        for entry in library.read_captions(captions)
        if not (entry.file.startswith(folders) and AIRBORNE & set(entry.actions))
    ]
    missing = [entry.file for entry in entries if not (motions / entry.file).is_file()]
    if missing:
        raise InvalidFile(
            f"{motions}: {len(missing)} captioned clips are not there, for example {missing[0]}"
        )
    shown = tqdm(entries, desc="reading clips", unit="clip", disable=None)
    clips = [read_motion(motions / entry.file, loose=entry.file.startswith(folders)) for entry in shown]
    return DataSet(entries, clips)


def normaliser_of(corpus: Corpus) -> features.Normaliser:
    """Means and spreads of a corpus and its mirror image, which weighs the same."""
    clips: list[Float] = [*corpus.clips, *(features.mirror(clip) for clip in corpus.clips)]
    return features.measure(clips)

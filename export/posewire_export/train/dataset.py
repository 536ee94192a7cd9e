"""From a folder of clips and a captions file to the two parts of the split, as features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from posewire_runtime.errors import InvalidFile
from posewire_runtime.types import Float
from tqdm import tqdm

from posewire_export.train import features, library
from posewire_export.train.feed import Corpus
from posewire_export.train.ingest import Motion, read_motion
from posewire_export.train.library import Entry


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


def read_dataset(motions: Path, captions: Path) -> DataSet:
    """Read every captioned clip below `motions`."""
    entries = library.read_captions(captions)
    missing = [entry.file for entry in entries if not (motions / entry.file).is_file()]
    if missing:
        raise InvalidFile(
            f"{motions}: {len(missing)} captioned clips are not there, for example {missing[0]}"
        )
    clips = [read_motion(motions / entry.file) for entry in tqdm(entries, desc="reading clips", unit="clip")]
    return DataSet(entries, clips)


def normaliser_of(corpus: Corpus) -> features.Normaliser:
    """Means and spreads of a corpus and its mirror image, which weighs the same."""
    clips: list[Float] = [*corpus.clips, *(features.mirror(clip) for clip in corpus.clips)]
    return features.measure(clips)

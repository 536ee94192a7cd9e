"""How alike short texts are, from their letters alone. Pure.

A text becomes a vector of its words' letter groups (3 to 5 letters, word ends marked), each group
weighted by how rare it is among the known texts; alikeness is the cosine of two vectors. So
"walking slowly" is near "walks slowly", and "the" counts little. Words that mean the same
but look different stay strangers: this needs no model, and knows none.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

LENGTHS = (3, 4, 5)


class Similarity:
    """Finds the nearest of some known texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._texts = tuple(texts)
        counts = [Counter(groups(text)) for text in texts]
        known = Counter(group for count in counts for group in count)
        self._rarity = {group: 1 + math.log(len(texts) / n) for group, n in known.items()}
        self._unseen = 1 + math.log(len(texts) + 1)
        self._index: defaultdict[str, list[tuple[int, float]]] = defaultdict(list)
        for place, count in enumerate(counts):
            for group, weight in self._vector(count).items():
                self._index[group].append((place, weight))

    def nearest(self, text: str) -> tuple[str, float]:
        """The most similar known text, the first of equals, and its similarity from 0 to 1."""
        scores = [0.0] * len(self._texts)
        for group, weight in self._vector(Counter(groups(text))).items():
            for place, other in self._index.get(group, ()):
                scores[place] += weight * other
        best = max(range(len(scores)), key=scores.__getitem__)
        return self._texts[best], min(1.0, scores[best])

    def _vector(self, count: Counter[str]) -> dict[str, float]:
        """Weights of length 1. What no known text has still makes a text longer, so less similar."""
        weights = {g: (1 + math.log(n)) * self._rarity.get(g, self._unseen) for g, n in count.items()}
        length = math.sqrt(sum(weight * weight for weight in weights.values())) or 1.0
        return {group: weight / length for group, weight in weights.items()}


def groups(text: str) -> Iterator[str]:
    """The letter groups of a text's words; letter case, accents' form and punctuation don't count."""
    plain = unicodedata.normalize("NFKC", text).casefold()
    for word in "".join(c if c.isalnum() else " " for c in plain).split():
        marked = f"^{word}$"
        for length in LENGTHS:
            for start in range(max(1, len(marked) - length + 1)):
                yield marked[start : start + length]

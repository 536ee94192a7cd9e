"""Learns the duration rule's weights from captioned recordings and measures it on held-out ones.

    python -m posewire_export.text.learn_duration DATA

DATA is a folder with `captions.jsonl` as the starter motions have it. Recordings that the starter model
holds out are held out here too: its list is the committed one. Writes `duration_words.py`
into the runtime and prints the figures.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.text import duration, duration_words
from posewire_runtime.text.duration import Rule

LEAST = 20
"""Clips whose captions must use a word before it gets a weight."""
RIDGE = 3e-3
SMALLEST = 0.04
"""Weights nearer to 0 are left out of the table: they change a guess by less than 4 %."""
STOP = frozenset(
    re.findall(
        r"\w+",
        "a an the is are was were be person man woman someone somebody figure character he she they his her "
        "their him it its of in on at to with and then",
    )
)
"""Words that say nothing about the action."""
HELDOUT = files("posewire_export") / "train" / "starter" / "heldout.txt"

Numbers = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Captions:
    """Captions with the logarithm of their clip's seconds."""

    texts: tuple[str, ...]
    logarithms: Numbers  # (N,)
    weights: Numbers  # (N,)
    """Rare actions count more: a third of the clips repeat nine actions."""


@dataclass(frozen=True, slots=True)
class Figures:
    """How far guesses are off on held-out recordings, rare actions counting more."""

    captions: int
    seconds: float
    """Mean absolute error."""
    factor: float
    """Typical factor between guess and truth: exp of the mean absolute logarithm of their ratio."""


def read(data: Path) -> tuple[Captions, Captions]:
    """The captions to learn from, and those held out."""
    rows = [json.loads(line) for line in (data / "captions.jsonl").read_text("utf-8").splitlines()]
    lines = (line.partition("#")[0].strip() for line in HELDOUT.read_text("utf-8").splitlines())
    held = {line for line in lines if line}
    learn = [row for row in rows if row["file"] not in held]
    counts = Counter(action for row in learn for action in row["actions"])
    return _captions(learn, counts), _captions([row for row in rows if row["file"] in held], counts)


def _captions(rows: Sequence[dict[str, object]], counts: Counter[str]) -> Captions:
    texts: list[str] = []
    logarithms: list[float] = []
    weights: list[float] = []
    for row in rows:
        captions, actions = [str(t) for t in _list(row["texts"])], [str(a) for a in _list(row["actions"])]
        weight = float(np.mean([max(1, counts[action]) ** -0.5 for action in actions])) / len(captions)
        texts += captions
        logarithms += [math.log(float(str(row["seconds"])))] * len(captions)
        weights += [weight] * len(captions)
    return Captions(tuple(texts), np.array(logarithms), np.array(weights) / np.sum(weights))


def _list(value: object) -> list[object]:
    assert isinstance(value, list)
    return value


def learn(captions: Captions) -> Rule:
    """Weighted ridge regression on words and extent."""
    counts = Counter(stem for text in captions.texts for stem in duration.stems(text))
    vocabulary = sorted(s for s, n in counts.items() if n >= LEAST and len(s) > 1 and s not in STOP)
    x = np.array([_row(text, vocabulary) for text in captions.texts])  # (N, W + 2)
    y, w = captions.logarithms, captions.weights
    mean, middle = w @ x, w @ y
    centred = x - mean
    gram = (centred * w[:, None]).T @ centred + RIDGE * np.eye(x.shape[1])
    solved = np.linalg.solve(gram, (centred * w[:, None]).T @ (y - middle))
    solved = np.where(np.abs(solved) < SMALLEST, 0, solved)
    base, typical = float(middle - mean @ solved), math.exp(middle)
    words = {word: round(float(c), 2) for word, c in zip(vocabulary, solved, strict=False) if c}
    joins, length = (round(float(weight), 3) for weight in solved[-2:])
    return Rule(round(typical, 3), round(base, 3), joins, length, words)


def _row(text: str, vocabulary: Sequence[str]) -> list[float]:
    known = duration.stems(text)
    return [*(float(word in known) for word in vocabulary), *duration.extent(text)]


def measure(guess: Callable[[str], float], captions: Captions) -> Figures:
    """How far guesses are off."""
    found, truth = np.array([guess(text) for text in captions.texts]), np.exp(captions.logarithms)
    off = float(captions.weights @ np.abs(found - truth))
    factor = float(np.exp(captions.weights @ np.abs(np.log(found / truth))))
    return Figures(len(captions.texts), round(off, 2), round(factor, 2))


def render(rule: Rule, figures: Figures, constant: Figures) -> str:
    """The source of `duration_words`."""
    words = "".join(f'    "{word}": {weight},\n' for word, weight in sorted(rule.words.items()))
    return f'''"""Weights of the duration rule, written by `posewire_export.text.learn_duration`; don't edit.

Learnt from the captions of the starter motions without the recordings that `train/starter/heldout.txt`
lists. On those ({figures.captions} captions, rare actions counting more) the guess is off by
{figures.seconds} s on average, typically a factor of {figures.factor}; the best constant is off by
{constant.seconds} s, a factor of {constant.factor}. Captions rarely say how long something takes,
and one sentence stands for clips of many lengths.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPICAL = {rule.typical}
"""Seconds for a prompt without any known word."""
BASE = {rule.base}
"""What every guess begins with, as a logarithm."""
JOINS = {rule.joins}
"""For the logarithm of 1 + joining words, commas and semicolons."""
LENGTH = {rule.length}
"""For the logarithm of 1 + words."""
WORDS: Mapping[str, float] = {{
{words}}}
"""Stem -> how much longer, as a logarithm."""
'''


def main(arguments: Sequence[str]) -> None:
    """Learn, measure, write."""
    (data,) = arguments
    train, held = read(Path(data))
    rule = learn(train)
    figures, constant = measure(rule.seconds, held), measure(lambda _: rule.typical, held)
    source = render(rule, figures, constant)
    Path(duration_words.__file__).write_text(source, "utf-8")
    print(f"{len(rule.words)} words; held out: {figures}; the constant {rule.typical} s: {constant}")


if __name__ == "__main__":
    main(sys.argv[1:])

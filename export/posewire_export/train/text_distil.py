"""Teaching the compact text encoder what the teacher makes of many sentences.

The sentences: every caption, its mirror and its paraphrases; captions joined two by two; every
word of the vocabulary, alone and in a caption's place; and words thrown together at random, so
that the encoder also has an opinion about text that has nothing to do with motion.

The teacher hardly tells left from right. What it says of words that point is exaggerated before the
encoder learns it, along the very line on which the teacher tells them apart.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from posewire_export.train import direction, wording
from posewire_export.train.text_model import TextConfig, TextEncoder, pad_ids, sentence_of, write_text_side
from posewire_export.train.text_teacher import Teacher

_FRAMES = (
    "a person {}",
    "a person is {}",
    "{} forward",
    "someone starts to {}",
    "like a {}",
    "the {} walks",
    "{}",
)


_LOUDNESS = 0.5
"""How far a word that points is moved, as a share of a word's usual length."""


def sentences(captions: Sequence[str], words: Sequence[str], seed: int) -> list[str]:
    """What the student learns on, each text once."""
    chance = Random(seed)
    texts = list(captions)
    mirrored = [wording.mirror(text) for text in captions if wording.names_side(text)]
    texts += [text for text in mirrored if text is not None]
    texts += [direction.turned_round(text) for text in captions]
    texts += [wording.paraphrase(text, chance) for text in captions]
    texts += [_joined(captions, chance) for _ in range(len(captions))]
    texts += [chance.choice(_FRAMES).format(word) for word in words]
    texts += [" ".join(chance.choices(words, k=chance.randint(2, 9))) for _ in range(len(words) // 2)]
    return sorted(set(texts))


def _joined(captions: Sequence[str], chance: Random) -> str:
    # Short captions, so that the second half survives the cut to the encoder's length.
    first, second = (min(chance.choices(captions, k=3), key=len) for _ in range(2))
    return wording.join(first, second, chance)


def exaggerated(
    texts: Sequence[str], features: Sequence[NDArray[np.float16]], teacher: Teacher
) -> list[NDArray[np.float16]]:
    """The teacher's features (n, 384) of each text, words that point moved apart."""
    usual = float(
        np.mean([np.linalg.norm(part.astype(np.float32), axis=1).mean() for part in features[::50]])
    )
    lines = np.stack(
        [_line(teacher, texts, wording.mirror, "side"), _line(teacher, texts, direction.turned_round, "way")]
    )
    moved = list(features)
    for i, text in enumerate(texts):
        signs = _signs(teacher.words.spans(text), direction.pointing(text))
        if signs.any():
            moved[i] = (features[i] + _LOUDNESS * usual * signs @ lines).astype(np.float16)
    return moved


def _line(
    teacher: Teacher, texts: Sequence[str], other: Callable[[str], str | None], kind: str, most: int = 600
) -> NDArray[np.float32]:
    """The unit vector from what the teacher says of one direction to what it says of its opposite."""
    pairs: list[tuple[str, str]] = []
    for text in texts:
        signs, twin = {getattr(p, kind) for p in direction.pointing(text)}, other(text)
        if signs == {1.0} and twin is not None and twin != text:
            pairs.append((text, twin))
    means = [
        np.stack([part.astype(np.float32).mean(0) for part in teacher.tokens(teacher.words.ids(side))])
        for side in zip(*pairs[:most], strict=True)
    ]
    apart = (means[0] - means[1]).mean(0)
    return apart / np.linalg.norm(apart)


def _signs(spans: Sequence[tuple[int, int]], pointing: Sequence[direction.Pointing]) -> NDArray[np.float32]:
    """(n, 2) side and way of each sub-word; the marks at both ends have the mean of all words."""
    signs = np.zeros((len(spans), 2), np.float32)
    for word in pointing:
        for i, (start, stop) in enumerate(spans):
            if start < stop and word.start <= start < word.stop:
                signs[i] = (word.side, word.way)
    inside = np.array([start < stop for start, stop in spans])
    if inside.any():
        signs[~inside] = signs[inside].mean(0)
    return signs


def compressed_table(table: Tensor, columns: int) -> Tensor:
    """The teacher's embeddings in as few numbers: their principal components, scaled to unit size."""
    centred = table - table.mean(0)
    _, vectors = torch.linalg.eigh(centred.T @ centred)
    reduced = centred @ vectors[:, -columns:]
    return reduced / reduced.std()


def distil(
    captions: Sequence[str],
    out: Path,
    config: TextConfig,
    *,
    seed: int = 0,
    passes: int = 6,
    rate: float = 1e-3,
) -> TextEncoder:
    """Train the encoder and write it to the folder `out`."""
    torch.manual_seed(seed)
    teacher = Teacher(config.max_tokens)
    texts = sentences(captions, teacher.words.whole_words(), seed)
    rows = teacher.words.ids(texts)
    began = time.monotonic()
    targets = exaggerated(texts, teacher.tokens(rows), teacher)
    print(f"teacher: {len(texts)} texts in {time.monotonic() - began:.0f} s", flush=True)
    model = TextEncoder(config)
    model.table.weight.data.copy_(compressed_table(teacher.table(), config.table))
    _train(
        model,
        rows,
        targets,
        seed=seed,
        passes=passes,
        rate=rate,
        save=lambda: write_text_side(model, teacher.words, out),
    )
    return model.eval().requires_grad_(False)


def _train(
    model: TextEncoder,
    rows: Sequence[Sequence[int]],
    targets: Sequence[NDArray[np.float16]],
    *,
    seed: int,
    passes: int,
    rate: float,
    save: Callable[[], None],
    batch: int = 128,
) -> None:
    chance = np.random.default_rng(seed)
    held = set(chance.choice(len(rows), min(1000, len(rows) // 10), replace=False).tolist())
    known = np.array([i for i in range(len(rows)) if i not in held])
    steps = passes * (len(known) // batch)
    optimiser = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=steps + 1, pct_start=0.05)
    spread = torch.from_numpy(np.concatenate([targets[i] for i in known[:2000]]).astype(np.float32)).var(0)
    spread = spread.clamp_min(0.1 * spread.mean())  # some of the teacher's features hardly move
    began, step = time.monotonic(), 0
    for turn in range(passes):
        for chosen in _batches([len(row) for row in rows], known, batch, chance):
            loss, likeness = _loss(model, rows, targets, chosen, spread)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            if step < steps:
                schedule.step()
            step += 1
            if step % 100 == 0:
                spent = time.monotonic() - began
                print(f"step {step}/{steps} loss {loss:.4f} cosine {likeness:.4f} {spent:.0f} s", flush=True)
        with torch.no_grad():
            loss, likeness = _loss(model, rows, targets, sorted(held), spread)
        print(f"pass {turn + 1}: unseen texts: loss {loss:.4f} cosine {likeness:.4f}", flush=True)
        save()


def _batches(
    lengths: Sequence[int], known: NDArray[np.int64], batch: int, chance: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Batches of texts of nearly one length, in random order."""
    jittered = np.array([lengths[i] for i in known]) + chance.random(len(known))
    order = known[np.argsort(jittered)]
    whole = [order[i : i + batch] for i in range(0, len(order) - batch + 1, batch)]
    chance.shuffle(whole)  # pyright: ignore[reportArgumentType]
    return whole


def _loss(
    model: TextEncoder,
    rows: Sequence[Sequence[int]],
    targets: Sequence[NDArray[np.float16]],
    chosen: Sequence[int] | NDArray[np.int64],
    spread: Tensor,
) -> tuple[Tensor, float]:
    """(what is minimised, mean cosine of the sentence vectors)."""
    ids, valid = pad_ids([rows[i] for i in chosen])
    target = torch.zeros(*ids.shape, spread.shape[0])
    for row, i in enumerate(chosen):
        target[row, : len(rows[i])] = torch.from_numpy(targets[i].astype(np.float32))
    with torch.autocast("cpu", torch.bfloat16):
        tokens, _ = model(ids, valid)
    tokens = tokens.float()
    cosine = (sentence_of(tokens, valid) * sentence_of(target, valid)).sum(-1).mean()
    error = (((tokens - target) ** 2) / spread)[valid].mean()
    return error + 4.0 * (1.0 - cosine), cosine.item()

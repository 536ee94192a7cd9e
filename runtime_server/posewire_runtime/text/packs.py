"""Prompt packs: the features of known prompts in one file, for games that ship no text encoder.

A pack (`.pwp`) is a zip archive, stored without compression: `pack.json`, `tokens.npy` with the
rows of all prompts one after the other, and `sentences.npy`. It names the encoder that made it by its
fingerprint; a model that was exported with another encoder refuses it. `PackedPrompts` is an
encoder made of packs. Knows no graph and no thread.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.errors import InvalidRequest, PackageError, Violation
from posewire_runtime.packages.package import Package
from posewire_runtime.packages.records import RecordError, decode, encode
from posewire_runtime.text.settings import Unknown
from posewire_runtime.text.similarity import Similarity
from posewire_runtime.types import Features, Float

FORMAT = 1
SUFFIX = ".pwp"

_HEADER, _TOKENS, _SENTENCES = "pack.json", "tokens.npy", "sentences.npy"
_EPOCH = (1980, 1, 1, 0, 0, 0)
"""All members carry the same time, so that equal prompts make equal files."""


class Encoder(Protocol):
    """What fills a pack, and answers what packs don't."""

    @property
    def fingerprint(self) -> str:
        """Names what it makes."""
        ...

    def recall(self, prompt: str) -> Features | None:
        """What it has at hand, without running anything."""
        ...

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        """Features of these prompts, in their order."""
        ...


@dataclass(frozen=True, slots=True)
class PackedPrompt:
    """One prompt of a pack."""

    text: str
    rows: int
    """Its rows of tokens."""
    notices: tuple[str, ...] = ()
    familiarity: float | None = None
    """How well the model knows such prompts, where the encoder says so."""
    nearest: str | None = None
    """The caption that the model knows nearest to it."""


@dataclass(frozen=True, slots=True)
class PackHeader:
    """`pack.json`."""

    format: int
    encoder: str
    """Fingerprint of the encoder."""
    encoder_name: str
    """What people call it."""
    prompts: tuple[PackedPrompt, ...]
    sha256: str
    """Of the two arrays' members, one after the other."""


@dataclass(frozen=True, eq=False)
class PromptPack:
    """A pack in memory."""

    encoder: str
    """Fingerprint of the encoder."""
    encoder_name: str
    prompts: tuple[PackedPrompt, ...]
    tokens: NDArray[np.floating]  # (sum of rows, C)
    """float32 or float16."""
    sentences: NDArray[np.floating]  # (N, V)

    @classmethod
    def make(
        cls, encoder: Encoder, name: str, prompts: Sequence[str], *, half: bool = False, batch: int = 16
    ) -> PromptPack:
        """Encode prompts; those that stand twice are packed once. `half` stores float16."""
        texts = list(dict.fromkeys(prompts))
        if not texts:
            raise InvalidRequest("a prompt pack needs at least one prompt, found none")
        batches = (texts[i : i + batch] for i in range(0, len(texts), batch))
        features = [found for part in batches for found in encoder.encode(part)]
        dtype = np.float16 if half else np.float32
        return cls(
            encoder=encoder.fingerprint,
            encoder_name=name,
            prompts=tuple(_packed(text, found) for text, found in zip(texts, features, strict=True)),
            tokens=np.concatenate([f.tokens for f in features]).astype(dtype),
            sentences=np.concatenate([f.sentence for f in features]).astype(dtype),
        )

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> PromptPack:
        """Read and verify a pack."""
        try:
            with zipfile.ZipFile(path) as archive:
                header = _header(archive.read(_HEADER))
                members = [archive.read(name) for name in (_TOKENS, _SENTENCES)]
        except OSError as error:
            raise PackageError(f"{path}: can't be read: {error.strerror}") from error
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise PackageError(
                f"{path}: expected a prompt pack, found: {error}; copy or pack it again"
            ) from None
        except _Broken as error:
            raise PackageError(f"{path}: {error}") from None
        if _digest(members) != header.sha256:
            raise PackageError(f"{path}: its arrays don't have the stated sha256; copy or pack it again")
        tokens, sentences = (np.load(io.BytesIO(member), allow_pickle=False) for member in members)
        rows = sum(prompt.rows for prompt in header.prompts)
        if len(tokens) != rows or len(sentences) != len(header.prompts):
            raise PackageError(
                f"{path}: expected {rows} rows for {len(header.prompts)} prompts, "
                f"found {len(tokens)} and {len(sentences)}; pack it again"
            )
        return cls(header.encoder, header.encoder_name, header.prompts, tokens, sentences)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the pack; an interrupted call leaves no half file."""
        members = [_array_bytes(self.tokens), _array_bytes(self.sentences)]
        header = PackHeader(FORMAT, self.encoder, self.encoder_name, self.prompts, _digest(members))
        text = json.dumps(encode(header), ensure_ascii=False, indent=1).encode()
        partial = Path(f"{os.fspath(path)}.partial-{os.getpid()}")
        try:
            with zipfile.ZipFile(partial, "w") as archive:
                for name, data in zip((_HEADER, _TOKENS, _SENTENCES), (text, *members), strict=True):
                    archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)

    def __len__(self) -> int:
        return len(self.prompts)

    @property
    def nbytes(self) -> int:
        return self.tokens.nbytes + self.sentences.nbytes

    def get(self, prompt: str) -> Features | None:
        """The features of exactly this prompt."""
        index = self._places.get(prompt)
        return None if index is None else self._features(index)

    def check_encoder(self, fingerprint: str, what: object) -> None:
        """Stop unless the pack was made with the encoder of this fingerprint."""
        if self.encoder != fingerprint:
            raise PackageError(
                f"the prompt pack was made with the encoder {self.encoder_name} ({self.encoder[:16]}…), "
                f"{what} needs the encoder {fingerprint[:16]}…; pack the prompts again with that one"
            )

    @cached_property
    def _places(self) -> dict[str, int]:
        return {prompt.text: index for index, prompt in enumerate(self.prompts)}

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *np.cumsum([prompt.rows for prompt in self.prompts]).tolist()]

    def _features(self, index: int) -> Features:
        tokens = self.tokens[self._starts[index] : self._starts[index + 1]]
        sentence = self.sentences[index : index + 1]
        prompt = self.prompts[index]
        said = (prompt.familiarity, prompt.nearest, prompt.notices)
        return Features(_float(tokens), _float(sentence), *said)


class PackedPrompts:
    """An encoder made of packs: exact matches from them, the rest as `unknown` says."""

    def __init__(
        self, packs: Sequence[PromptPack], unknown: Unknown = "refuse", encoder: Encoder | None = None
    ) -> None:
        if not packs or (unknown == "encode") != (encoder is not None):
            raise ValueError("expected packs, and an encoder exactly where unknown prompts are encoded")
        self._packs, self._unknown, self._encoder = tuple(packs), unknown, encoder
        for pack in packs[1:]:
            pack.check_encoder(packs[0].encoder, "another pack")
        if encoder is not None:
            packs[0].check_encoder(encoder.fingerprint, "the loaded encoder")
        self.fingerprint = packs[0].encoder if unknown == "encode" else self._own_fingerprint()

    @property
    def tokenising(self) -> int:
        """Nanoseconds of all tokenising so far: that of prompts that no pack holds."""
        return getattr(self._encoder, "tokenising", 0)

    def recall(self, prompt: str) -> Features | None:
        """The features of exactly this prompt, if a pack has them."""
        found = (pack.get(prompt) for pack in self._packs)
        return next((features for features in found if features is not None), None)

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        """Features of these prompts; a refused one raises `InvalidRequest`."""
        found = {prompt: self.recall(prompt) for prompt in prompts}
        missing = [prompt for prompt, features in found.items() if features is None]
        if missing and self._encoder is not None:
            found |= dict(zip(missing, self._encoder.encode(missing), strict=True))
        else:
            found |= {prompt: self._nearest(prompt) for prompt in missing}
        return [features for prompt in prompts if (features := found[prompt]) is not None]

    def _nearest(self, prompt: str) -> Features:
        nearest, similarity = self._similarity.nearest(prompt)
        features = self.recall(nearest)
        if self._unknown == "refuse" or features is None:
            message = (
                f"expected one of the {len(self._texts)} packed prompts, found another; "
                f"the nearest one is {nearest!r} (similarity {similarity:.2f})"
            )
            raise InvalidRequest.of([Violation("prompt", message)])
        return replace(features, familiarity=similarity, nearest=nearest)

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(prompt.text for pack in self._packs for prompt in pack.prompts))

    @cached_property
    def _similarity(self) -> Similarity:
        return Similarity(self._texts)

    def _own_fingerprint(self) -> str:
        """Answers by similarity depend on the packs: no cache may take them for the encoder's."""
        content = [self._unknown, *(pack.encoder for pack in self._packs), *self._texts]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def encoder_fingerprint(package: Package) -> str:
    """Fingerprint of the encoder that a package is, or takes its features from."""
    if package.manifest.kind == "text-encoder":
        return package.fingerprint
    if package.manifest.text_encoder is None:
        raise PackageError(f"{package.root}: expected a model with a text encoder, found one without")
    return package.manifest.text_encoder.fingerprint


class _Broken(Exception):
    """The header isn't one."""


def _packed(text: str, found: Features) -> PackedPrompt:
    return PackedPrompt(text, len(found.tokens), found.notices, found.familiarity, found.nearest)


def _header(data: bytes) -> PackHeader:
    try:
        value: object = json.loads(data)
    except ValueError as error:
        raise _Broken(f"{_HEADER}: expected JSON, found: {error}; copy or pack it again") from None
    found = cast(Mapping[str, object], value).get("format") if isinstance(value, Mapping) else None
    if isinstance(found, int) and found > FORMAT:
        raise _Broken(f"the pack is of format {found}, this version reads up to {FORMAT}; update Posewire")
    try:
        return decode(PackHeader, cast(object, value), _HEADER)
    except RecordError as error:
        raise _Broken(str(error)) from None


def _digest(members: Sequence[bytes]) -> str:
    digest = hashlib.sha256()
    for member in members:
        digest.update(member)
    return digest.hexdigest()


def _array_bytes(array: NDArray[np.floating]) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def _float(array: NDArray[np.floating]) -> Float:
    return array.astype(np.float32, copy=False)

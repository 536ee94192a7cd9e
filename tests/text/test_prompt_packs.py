"""Prompt packs: what goes in comes out, what is broken is said, who is unknown is told so."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.errors import InvalidRequest, PackageError
from posewire_runtime.text.packs import PackedPrompts, PromptPack
from posewire_runtime.text.similarity import Similarity
from posewire_runtime.types import Features

TEXTS = (
    "A person walks forward.",
    "jump",
    "",
    "  odd   space",
    "転身 — très vite",
    "A knight swings a sword.",
)


class LetterEncoder:
    """Features of a text are its letters: real numbers without a model."""

    def __init__(self, fingerprint: str = "f" * 64) -> None:
        self.fingerprint = fingerprint
        self.asked: list[str] = []

    def recall(self, prompt: str) -> Features | None:
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        self.asked += prompts
        return [self._features(prompt) for prompt in prompts]

    def _features(self, prompt: str) -> Features:
        letters = np.array([ord(c) / 7 for c in prompt] + [1.5, -2.25], np.float32)
        tokens = letters[:, None] * np.arange(1, 5, dtype=np.float32)
        odd = "odd" in prompt
        return Features(tokens, tokens[:1, :3], 0.5 if odd else None, "even" if odd else None, ("odd",) * odd)


@pytest.fixture
def pack() -> PromptPack:
    return PromptPack.make(LetterEncoder(), "letters", TEXTS, batch=4)


@pytest.fixture
def file(pack: PromptPack, tmp_path: Path) -> Path:
    pack.write(tmp_path / "pack.pwp")
    return tmp_path / "pack.pwp"


def test_a_pack_gives_back_what_the_encoder_made(file: Path) -> None:
    read = PromptPack.read(file)
    assert [prompt.text for prompt in read.prompts] == list(TEXTS)
    for text, expected in zip(TEXTS, LetterEncoder().encode(TEXTS), strict=True):
        found = read.get(text)
        assert found is not None
        np.testing.assert_array_equal(found.tokens, expected.tokens)
        np.testing.assert_array_equal(found.sentence, expected.sentence)
        assert found.notices == expected.notices
        assert (found.familiarity, found.nearest) == (expected.familiarity, expected.nearest)
    assert read.get("a person walks forward.") is None  # another letter case is another prompt


def test_half_precision_takes_half_the_room(tmp_path: Path) -> None:
    full = PromptPack.make(LetterEncoder(), "letters", TEXTS)
    half = PromptPack.make(LetterEncoder(), "letters", TEXTS, half=True)
    assert half.nbytes * 2 == full.nbytes
    half.write(tmp_path / "half.pwp")
    found, exact = PromptPack.read(tmp_path / "half.pwp").get("jump"), full.get("jump")
    assert found is not None
    assert exact is not None
    assert found.tokens.dtype == np.float32
    np.testing.assert_allclose(found.tokens, exact.tokens, rtol=1e-3)


def test_prompts_that_stand_twice_are_packed_once() -> None:
    encoder = LetterEncoder()
    assert len(PromptPack.make(encoder, "letters", ["a", "b", "a"])) == 2
    assert encoder.asked == ["a", "b"]


def test_equal_prompts_make_equal_files(pack: PromptPack, tmp_path: Path) -> None:
    pack.write(tmp_path / "1.pwp")
    pack.write(tmp_path / "2.pwp")
    assert (tmp_path / "1.pwp").read_bytes() == (tmp_path / "2.pwp").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def rewrite(file: Path, member: str, change: Callable[[bytes], bytes]) -> None:
    """Change one member of the archive."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    members[member] = change(members[member])
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)


def header(**changes: object) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps(json.loads(data) | changes).encode()


BREAKERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "absent": (Path.unlink, "can't be read"),
    "empty": (lambda file: file.write_bytes(b""), "expected a prompt pack"),
    "cut": (lambda file: file.write_bytes(file.read_bytes()[:-200]), "expected a prompt pack"),
    "other numbers": (
        lambda file: rewrite(file, "tokens.npy", lambda d: d[:-4] + b"\0\0\0\1"),
        "don't have the stated sha256",
    ),
    "no header": (lambda file: rewrite(file, "pack.json", lambda d: b"?"), "expected JSON"),
    "a newer format": (lambda file: rewrite(file, "pack.json", header(format=2)), "update Posewire"),
    "an unknown key": (lambda file: rewrite(file, "pack.json", header(extra=1)), "unknown key"),
    "other counts": (
        lambda file: rewrite(file, "pack.json", header(prompts=[{"text": "a", "rows": 3}])),
        "expected 3 rows for 1 prompts",
    ),
}


@pytest.mark.parametrize("name", BREAKERS)
def test_a_broken_pack_gives_one_clear_error(file: Path, name: str) -> None:
    spoil, message = BREAKERS[name]
    spoil(file)
    with pytest.raises(PackageError, match=message):
        PromptPack.read(file)


def test_an_interrupted_write_leaves_nothing(pack: PromptPack, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="absent"):
        pack.write(tmp_path / "absent" / "pack.pwp")
    assert not list(tmp_path.iterdir())


def test_another_encoder_is_an_error(pack: PromptPack) -> None:
    pack.check_encoder("f" * 64, "the model")
    with pytest.raises(PackageError, match=r"made with the encoder letters .* pack the prompts again"):
        pack.check_encoder("0" * 64, "the model")
    with pytest.raises(PackageError, match="another pack"):
        PackedPrompts([pack, PromptPack.make(LetterEncoder("0" * 64), "other", ["x"])])
    with pytest.raises(PackageError, match="the loaded encoder"):
        PackedPrompts([pack], "encode", LetterEncoder("0" * 64))


def test_known_prompts_never_reach_the_encoder(pack: PromptPack) -> None:
    encoder = LetterEncoder()
    packed = PackedPrompts([pack], "encode", encoder)
    found = packed.encode(["new", "jump", "newer", "jump"])
    assert encoder.asked == ["new", "newer"]
    for prompt, features in zip(["new", "jump", "newer", "jump"], found, strict=True):
        np.testing.assert_array_equal(features.tokens, LetterEncoder().encode([prompt])[0].tokens)
    assert packed.fingerprint == encoder.fingerprint


def test_unknown_prompts_are_refused_with_the_nearest_named(pack: PromptPack) -> None:
    with pytest.raises(
        InvalidRequest, match=r"6 packed prompts.*'A person walks forward\.' \(similarity 0\.[5-9]"
    ):
        PackedPrompts([pack]).encode(["a man walks forward"])


def test_unknown_prompts_take_the_nearest_and_say_so(pack: PromptPack) -> None:
    packed = PackedPrompts([pack], "nearest")
    same, other = packed.encode(["jump", "the knight swings his sword"])
    assert (same.familiarity, same.nearest) == (None, None)
    assert other.nearest == "A knight swings a sword."
    assert other.familiarity is not None
    assert 0.5 < other.familiarity < 1
    expected = pack.get("A knight swings a sword.")
    assert expected is not None
    np.testing.assert_array_equal(other.tokens, expected.tokens)


def test_answers_by_similarity_have_a_fingerprint_of_their_own(pack: PromptPack) -> None:
    """Else a cache would take them for the encoder's."""
    nearest, refusing = PackedPrompts([pack], "nearest"), PackedPrompts([pack])
    assert len({nearest.fingerprint, refusing.fingerprint, pack.encoder}) == 3


def test_packs_add_up(pack: PromptPack) -> None:
    packed = PackedPrompts([pack, PromptPack.make(LetterEncoder(), "letters", ["extra"])])
    assert len(packed.encode(["extra", "jump"])) == 2


def test_similarity_ignores_case_punctuation_and_endings() -> None:
    known = Similarity(["A person walks forward.", "A person runs backward.", "a cat sleeps"])
    assert known.nearest("a PERSON walks forward") == ("A person walks forward.", pytest.approx(1.0))
    assert known.nearest("somebody walking forwards")[0] == "A person walks forward."
    assert known.nearest("zzz qqq")[1] == 0
    assert known.nearest("") == ("A person walks forward.", 0)


def test_a_folder_is_not_a_pack(tmp_path: Path) -> None:
    with pytest.raises(PackageError, match="can't be read"):
        PromptPack.read(tmp_path)


def test_a_copy_is_as_good(file: Path, tmp_path: Path) -> None:
    copy = shutil.copy(file, tmp_path / "copy.pwp")
    assert PromptPack.read(copy).encoder == PromptPack.read(file).encoder

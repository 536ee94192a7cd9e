"""Captions files and the split by recording."""

from __future__ import annotations

import json
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from posewire_export.train import library
from posewire_export.train.library import Entry
from posewire_runtime.errors import InvalidFile


def entry(file: str, *actions: str, texts: tuple[str, ...] = ("moves",)) -> Entry:
    return Entry(file, texts, source=file.partition("/")[0], actions=actions)


def test_pieces_belong_to_one_recording() -> None:
    first, second, other = entry("a/x_p0.bvh"), entry("a/x_p12.bvh"), entry("a/x_part.bvh")
    assert library.recording(first) == library.recording(second) != library.recording(other)


def test_twins_are_told_by_their_captions() -> None:
    one, two = (
        entry("k/Chop_1H.bvh", texts=("chops", "hits")),
        entry("k/1H_Chop.bvh", texts=("hits", "chops")),
    )
    assert library.recording(one) != library.recording(two)
    assert library.recording(one, ["k"]) == library.recording(two, ["k"])


def test_proposal_holds_out_whole_recordings_and_keeps_rare_actions() -> None:
    entries = [entry(f"a/take{i}_p{p}.bvh", "walk") for i in range(50) for p in range(2)]
    entries += [entry(f"a/rare{i}.bvh", "nod") for i in range(4)] + [entry("b/s1_x.bvh", "walk")]
    chosen = set(library.propose_heldout(entries, whole=["b/s1"]))
    counts = Counter(library.recording(e) for e in entries if e.file in chosen)
    assert "b/s1_x.bvh" in chosen
    assert counts.pop("b/s1_x") == 1
    assert set(counts.values()) == {2}
    assert 8 <= counts.total() <= 10.4
    assert not any("rare" in file for file in chosen)


def test_committed_list_follows_its_rule() -> None:
    """MHAD's subject 12 as a whole; every name once, whole recordings by name."""
    listed = library.read_heldout(Path(str(files("posewire_export") / "train" / "starter" / "heldout.txt")))
    assert 120 <= len(listed) <= 150
    assert sum(name.startswith("mhad/skl_s12") for name in listed) == 41
    for name in listed:
        stem, _, piece = name.removesuffix(".bvh").rpartition("_p")
        if piece.isdigit() and int(piece) > 0:
            assert f"{stem}_p{int(piece) - 1}.bvh" in listed


def test_rare_actions_are_drawn_more_often() -> None:
    weights = library.balanced_weights([entry("a", "walk")] * 9 + [entry("b", "nod")])
    assert sum(weights) == pytest.approx(1)
    assert weights[-1] == pytest.approx(3 * weights[0])


def test_captions_file(tmp_path: Path) -> None:
    file = tmp_path / "captions.jsonl"
    file.write_text(json.dumps({"file": "a.bvh", "texts": ["walks"], "seconds": 3}) + "\n\n")
    assert library.read_captions(file) == [Entry("a.bvh", ("walks",))]
    file.write_text('{"file": "a.bvh", "texts": []}\n')
    with pytest.raises(InvalidFile, match=r"captions\.jsonl:1: expected 'file'"):
        library.read_captions(file)

"""The feature cache: what it remembers, what it forgets, what outlives it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posewire_runtime.text.cache import SUFFIX, FeatureCache
from posewire_runtime.types import Features, Part

ROW = 4 * 8
"""Bytes of one row of the features made here."""


def features(value: float, rows: int = 3, notices: tuple[str, ...] = ()) -> Features:
    return Features(
        np.full((rows, 8), value, np.float32), np.full((1, 8), -value, np.float32), notices=notices
    )


def test_what_was_put_comes_back_and_is_counted() -> None:
    cache = FeatureCache(1 << 20)
    assert cache.get("a", "jump") is None
    made = features(1)
    cache.put("a", "jump", made)
    assert cache.get("a", "jump") is made
    assert cache.get("b", "jump") is None  # another encoder's features are not ours
    stats = cache.stats()
    assert (stats.hits, stats.disk_hits, stats.misses, stats.entries) == (1, 0, 2, 1)


def test_the_least_recently_used_leaves_first() -> None:
    size = 4 * ROW + 1
    cache = FeatureCache(2 * size)
    for name in "xy":
        cache.put("e", name, features(1))
    cache.get("e", "x")
    cache.put("e", "z", features(1))
    assert cache.get("e", "y") is None
    assert cache.get("e", "x") is not None
    assert cache.stats().nbytes == 2 * size


def test_putting_again_replaces_without_counting_twice() -> None:
    cache = FeatureCache(1 << 20)
    cache.put("e", "x", features(1, rows=9))
    cache.put("e", "x", features(2))
    assert cache.stats().nbytes == 4 * ROW + 1
    found = cache.get("e", "x")
    assert found is not None
    assert found.tokens[0, 0] == 2


def test_what_is_larger_than_the_cache_stays_out() -> None:
    cache = FeatureCache(100)
    cache.put("e", "x", features(1))
    assert cache.stats().entries == 0


def test_a_folder_outlives_the_process(tmp_path: Path) -> None:
    made = replace(features(3, notices=("cut", "twice")), familiarity=0.25, nearest="wörter")
    FeatureCache(1 << 20, tmp_path).put("e", "wörter 转身", made)
    later = FeatureCache(1 << 20, tmp_path)
    found = later.get("e", "wörter 转身")
    assert found is not None
    np.testing.assert_array_equal(found.tokens, features(3).tokens)
    np.testing.assert_array_equal(found.sentence, features(3).sentence)
    assert (found.familiarity, found.nearest, found.notices) == (0.25, "wörter", ("cut", "twice"))
    assert later.stats().disk_hits == 1
    assert later.get("e", "wörter 转身") is found  # from memory now
    assert later.stats().hits == 1


def test_parts_outlive_the_process_too(tmp_path: Path) -> None:
    whole, first, second = features(1), features(2, rows=2), features(3, rows=1)
    put = replace(whole, parts=(Part(first, 1.5), Part(second, 2.0)))
    FeatureCache(10_000, tmp_path).put("f", "walks, then waves", put)
    found = FeatureCache(10_000, tmp_path).get("f", "walks, then waves")
    assert found is not None
    assert [part.seconds for part in found.parts] == [1.5, 2.0]
    assert found.nbytes == put.nbytes == whole.nbytes + first.nbytes + second.nbytes
    for part, wanted in zip(found.parts, (first, second), strict=True):
        np.testing.assert_array_equal(part.features.tokens, wanted.tokens)
        np.testing.assert_array_equal(part.features.sentence, wanted.sentence)


@pytest.mark.parametrize("damage", [b"", b"not a zip", b"PK\x03\x04 and then nothing"])
def test_a_damaged_file_is_a_miss(tmp_path: Path, damage: bytes) -> None:
    FeatureCache(1 << 20, tmp_path).put("e", "x", features(1))
    (file,) = tmp_path.glob(f"*{SUFFIX}")
    file.write_bytes(damage)
    assert FeatureCache(1 << 20, tmp_path).get("e", "x") is None


def test_the_folder_keeps_within_its_limit(tmp_path: Path) -> None:
    cache = FeatureCache(0, tmp_path, folder_limit=4000)
    for index in range(12):
        cache.put("e", str(index), features(index))
    assert 0 < sum(file.stat().st_size for file in tmp_path.iterdir()) <= 4000


def test_a_folder_that_cannot_be_written_costs_no_request(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.write_text("in the way")
    cache = FeatureCache(1 << 20, occupied)
    cache.put("e", "x", features(1))
    assert cache.get("e", "x") is not None


def test_threads_may_share_it() -> None:
    cache = FeatureCache(20 * ROW)

    def work(name: str) -> None:
        for index in range(200):
            cache.put("e", f"{name}{index % 7}", features(index))
            cache.get("e", f"{name}{(index + 3) % 7}")

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stats = cache.stats()
    assert stats.hits + stats.misses == 800
    assert 0 <= stats.nbytes <= 20 * ROW

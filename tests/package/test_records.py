"""Strict decoding: every mistake is named with its place, what was expected and what was found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posewire_runtime.packages.records import RecordError, decode, encode
from posewire_runtime.types import Float


@dataclass(frozen=True)
class Inner:
    count: int
    label: str = "none"


@dataclass(frozen=True, eq=False)
class Outer:
    ratio: float
    inner: Inner
    kind: Literal["a", "b"] = "a"
    flag: bool = False
    pair: tuple[float, float] | None = None
    axes: tuple[int | str, ...] = ()
    table: Mapping[str, Inner] = field(default_factory=dict[str, Inner])
    array: Float | None = None
    anything: object = None


WHOLE: dict[str, Any] = {
    "ratio": 0.5,
    "inner": {"count": 3, "label": "x"},
    "kind": "b",
    "flag": True,
    "pair": [0, 1.5],
    "axes": ["rows", 201],
    "table": {"one": {"count": 1, "label": "none"}},
    "array": [[0.1, 0.33333334]],
    "anything": {"free": [1, "two", None]},
}


def test_a_whole_record_survives_both_ways() -> None:
    outer = decode(Outer, WHOLE)
    assert outer.inner == Inner(3, "x")
    assert outer.pair == (0.0, 1.5)
    assert isinstance(outer.array, np.ndarray)
    assert outer.array.dtype == np.float32
    assert encode(outer) == WHOLE


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1))
def test_float32_arrays_survive_to_the_last_bit(values: list[float]) -> None:
    array = np.array(values, np.float32)
    again = decode(Outer, {"ratio": 1, "inner": {"count": 1}, "array": encode(array)}).array
    assert again is not None
    assert np.array_equal(again, array)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rato": 1}, r"rato: unknown key; expected one of: ratio, inner"),
        ({"inner": {"cuont": 1}}, r"inner\.cuont: unknown key"),
        ({"inner": {}}, r"inner\.count: missing; expected an integer"),
        ({"inner": {"count": 1.0}}, r"inner\.count: expected an integer, found 1\.0"),
        ({"inner": {"count": True}}, r"inner\.count: expected an integer, found True"),
        ({"inner": []}, r"inner: expected a mapping, found \[\]"),
        ({"ratio": "1"}, r"ratio: expected a finite number, found '1'"),
        ({"ratio": float("nan")}, r"ratio: expected a finite number, found nan"),
        ({"ratio": False}, r"ratio: expected a finite number, found False"),
        ({"flag": 1}, r"flag: expected true or false, found 1"),
        ({"kind": "c"}, r"kind: expected one of 'a', 'b', found 'c'"),
        ({"pair": [1]}, r"pair: expected 2 entries, found 1"),
        ({"pair": 5}, r"pair: expected a list, found 5"),
        ({"pair": [1, None]}, r"pair\[1\]: expected a finite number, found None"),
        ({"axes": [1, 2.5]}, r"axes\[1\]: expected an integer or a text, found 2\.5"),
        ({"table": {"one": {"count": "x"}}}, r"table\.one\.count: expected an integer"),
        ({"table": [1]}, r"table: expected a mapping"),
        ({"array": [[1], [1, 2]]}, r"array: expected nested lists of finite numbers"),
        ({"array": ["1"]}, r"array: expected nested lists"),
        ({"array": [1e300]}, r"array: expected nested lists"),
        ({"array": 1.0}, r"array: expected nested lists"),
    ],
)
def test_mistakes_are_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordError, match=message):
        decode(Outer, {**WHOLE, **change})


def test_long_values_are_cut_in_messages() -> None:
    with pytest.raises(RecordError) as caught:
        decode(Outer, {**WHOLE, "ratio": "x" * 1000})
    assert len(str(caught.value)) < 120

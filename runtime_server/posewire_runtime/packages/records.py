"""Frozen dataclasses <-> plain mappings, strictly.

Unknown and missing keys, wrong types and non-finite numbers are errors that name the
place (`motion.presets.fast.steps`), what was expected and what was found. The rules are
read from the dataclass's own annotations: `str`, `int`, `float`, `bool`, `None`,
`Literal`, unions, `tuple`, `Mapping[str, …]`, nested dataclasses, float32 arrays and
`object` (any JSON value). Knows no file and no package.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar, Union, cast, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")

_NAMES: Mapping[object, str] = {
    str: "a text",
    int: "an integer",
    float: "a finite number",
    bool: "true or false",
    types.NoneType: "null",
}


class RecordError(ValueError):
    """A value doesn't fit its dataclass; callers wrap it in an error of their own that names the file."""


def decode(kind: type[_T], value: object, where: str = "") -> _T:
    """Make a `kind` of a plain value; `where` is the value's place, for messages."""
    return cast(_T, _decode(kind, value, where))


def encode(value: object) -> Any:
    """The plain JSON value of a dataclass, mapping, sequence, array or scalar."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in cast(Mapping[object, object], value).items()}
    if isinstance(value, np.ndarray):
        return _shortest(cast(NDArray[np.float32], value))
    if isinstance(value, list | tuple):
        return [encode(item) for item in cast(tuple[object, ...], value)]
    return value


def _shortest(array: NDArray[np.float32]) -> object:
    """Nested lists of the shortest decimals that give the same float32 again."""
    if array.ndim:
        return [_shortest(item) for item in array]
    return float(str(array))


def _decode(kind: Any, value: object, where: str) -> object:
    if dataclasses.is_dataclass(kind):
        return _record(cast(type[Any], kind), value, where)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _union(kind, value, where)
    if origin is typing.Literal:
        if value in get_args(kind):
            return value
        raise _mismatch(where, kind, value)
    if origin is tuple:
        return _tuple(kind, value, where)
    if origin is np.ndarray:
        return _array(kind, value, where)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(kind, value, where)
    return _scalar(kind, value, where)


def _record(kind: type[Any], value: object, where: str) -> object:
    if not isinstance(value, Mapping):
        raise _mismatch(where, kind, value)
    given = cast(Mapping[str, object], value)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in given:
        if key not in fields:
            raise RecordError(f"{_at(where, key)}: unknown key; expected one of: {', '.join(fields)}")
    for name, f in fields.items():
        required = f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING
        if required and name not in given:
            raise RecordError(f"{_at(where, name)}: missing; expected {_name(_hints(kind)[name])}")
    hints = _hints(kind)
    return kind(**{key: _decode(hints[key], item, _at(where, key)) for key, item in given.items()})


def _union(kind: Any, value: object, where: str) -> object:
    options = get_args(kind)
    for option in options:
        if option is types.NoneType and value is None:
            return None
        if option in (str, int, bool) and type(value) is option:
            return value
    structured = [option for option in options if option not in (types.NoneType, str, int, bool)]
    if value is not None and len(structured) == 1:
        return _decode(structured[0], value, where)
    raise _mismatch(where, kind, value)


def _tuple(kind: Any, value: object, where: str) -> object:
    options = get_args(kind)
    if not isinstance(value, list | tuple):
        raise _mismatch(where, kind, value)
    items = cast(tuple[object, ...], value)
    if options[-1] is Ellipsis:
        return tuple(_decode(options[0], item, f"{where}[{i}]") for i, item in enumerate(items))
    if len(items) != len(options):
        raise RecordError(f"{where}: expected {len(options)} entries, found {len(items)}")
    return tuple(
        _decode(o, item, f"{where}[{i}]") for i, (o, item) in enumerate(zip(options, items, strict=True))
    )


def _array(kind: Any, value: object, where: str) -> object:
    mismatch = _mismatch(where, kind, value)
    if not isinstance(value, list | tuple):
        raise mismatch
    try:
        found = np.array(cast(list[object], value))
    except ValueError:  # ragged
        raise mismatch from None
    if found.dtype.kind not in "iuf" or not (np.abs(found) <= np.finfo(np.float32).max).all():
        raise mismatch
    return found.astype(np.float32)


def _mapping(kind: Any, value: object, where: str) -> object:
    if not isinstance(value, Mapping):
        raise _mismatch(where, kind, value)
    _, item_kind = get_args(kind)
    items = cast(Mapping[str, object], value)
    return {key: _decode(item_kind, item, _at(where, key)) for key, item in items.items()}


def _scalar(kind: Any, value: object, where: str) -> object:
    if kind in (object, Any):
        return value
    if (
        kind is float
        and isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
    ):
        return float(value)
    if kind is not float and type(value) is kind:
        return value
    raise _mismatch(where, kind, value)


def _hints(kind: type[Any]) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _at(where: str, key: str) -> str:
    return f"{where}.{key}" if where else key


def _mismatch(where: str, kind: object, value: object) -> RecordError:
    found = repr(value)
    shown = found if len(found) <= 60 else f"{found[:57]}…"
    return RecordError(f"{where or 'the whole'}: expected {_name(kind)}, found {shown}")


def _name(kind: Any) -> str:
    """What a reader of the message calls this kind of value."""
    if kind in _NAMES:
        return _NAMES[kind]
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return " or ".join(_name(option) for option in get_args(kind))
    if origin is typing.Literal:
        return "one of " + ", ".join(repr(option) for option in get_args(kind))
    if origin is tuple:
        return "a list"
    if origin is np.ndarray:
        return "nested lists of finite numbers"
    return "a mapping"

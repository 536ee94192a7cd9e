"""Failures that stay where they belong: one bad item of a batch takes down only itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from posewire_runtime.errors import GenerationFailed, PosewireError

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def confined(
    items: Sequence[_Item], action: Callable[[Sequence[_Item]], Sequence[_Result]]
) -> list[_Result | Exception]:
    """One result for each item, of one call for all; if that raises, of one call for each alone.

    `action` must leave everything as it was when it raises.
    """
    try:
        results = action(items)
        if len(results) != len(items):
            raise GenerationFailed(f"expected {len(items)} results of a batch, found {len(results)}")
        return list(results)
    except Exception as error:
        if len(items) == 1:
            return [error]
    return [result for item in items for result in confined([item], action)]


def as_failure(error: Exception, what: str, kind: type[PosewireError] = GenerationFailed) -> PosewireError:
    """An error that a job may end with; what nobody raised on purpose becomes one of `kind`."""
    if isinstance(error, PosewireError):
        return error
    failure = kind(f"{what} failed: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure

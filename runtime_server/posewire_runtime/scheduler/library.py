"""Which models are served: name -> what it is, and the program once somebody needs it.

Names are looked up in a fixed table, never resolved as paths. What a model is can be
asked from any thread at any time; opening and closing programs belongs to the thread that
owns the device. Knows nothing of where programs come from.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from posewire_runtime.errors import UnknownModel, Violation
from posewire_runtime.families.base import Program
from posewire_runtime.types import ModelInfo


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that can be opened."""

    info: ModelInfo
    """What it is, known without opening it."""
    open: Callable[[], Program]
    """Loads it onto the device."""


class Library:
    """The models of one worker."""

    def __init__(self, entries: Mapping[str, Entry], default: str | None = None) -> None:
        if not entries:
            raise ValueError("a library needs at least one model, found none")
        self._entries = dict(entries)
        self._programs: dict[str, Program] = {}
        self.default = next(iter(self._entries)) if default is None else default
        """The model of requests that name none."""
        self.info(self.default)

    @classmethod
    def of(cls, *programs: Program) -> Library:
        """Programs that are open already, under their own names; the first is the default."""
        library = cls({p.info.name: Entry(p.info, lambda p=p: p) for p in programs})
        library._programs.update({p.info.name: p for p in programs})
        return library

    def names(self) -> tuple[str, ...]:
        """All models, the default first."""
        return (self.default, *(name for name in self._entries if name != self.default))

    def info(self, name: str) -> ModelInfo:
        """What a model is; raises `UnknownModel`, which names the known ones."""
        program = self._programs.get(name)
        if program is not None:
            return program.info
        entry = self._entries.get(name)
        if entry is None:
            known = ", ".join(self._entries)
            message = f"expected one of the served models ({known}), found {name!r}"
            raise UnknownModel(message, [Violation("model", message)])
        return entry.info

    def loaded(self, name: str) -> bool:
        """Whether its program is open."""
        return name in self._programs

    def program(self, name: str) -> Program:
        """The program, opened the first time. Only for the thread that owns the device."""
        program = self._programs.get(name)
        if program is None:
            self.info(name)
            program = self._programs[name] = self._entries[name].open()
        return program

    def discard(self, name: str) -> None:
        """Close a program; the next `program` opens it anew. Only for the thread that owns the device."""
        program = self._programs.pop(name, None)
        if program is not None:
            program.close()

    def close(self) -> None:
        """Close everything that is open, once no worker uses it any more."""
        for name in tuple(self._programs):
            self.discard(name)

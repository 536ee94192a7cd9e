"""Which models are served: name -> what it is, and the program once somebody needs it.

Names are looked up in a fixed table, never resolved as paths. What a model is can be
asked from any thread at any time; opened and closed programs come and go on the thread that
owns the device. Knows nothing of where programs come from.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from posewire_runtime.errors import InvalidConfig, UnknownModel, Violation
from posewire_runtime.families.base import Program
from posewire_runtime.types import ModelInfo

_SHOWN = 100
"""Characters of an unknown name that a message repeats."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A model that can be opened."""

    info: ModelInfo
    """What it is, known without opening it."""
    open: Callable[[], Program]
    """Loads it onto the device. May be called by another thread than the device's."""
    nbytes: int = 0
    """Memory that it is counted with while it is open."""
    stamp: Callable[[], object] | None = None
    """Gives another value once what `open` would load has changed; None: that never changes."""
    renew: Callable[[], Entry] | None = None
    """Looks at the package again and verifies it; None: there is none."""


class Library:
    """The models of one worker."""

    def __init__(
        self,
        entries: Mapping[str, Entry],
        default: str | None = None,
        *,
        memory: int = 0,
        pinned: Collection[str] = (),
    ) -> None:
        """`memory`: bytes that all open programs may take; 0: any. `pinned`: never closed to make room."""
        if not entries:
            raise ValueError("a library needs at least one model, found none")
        self._entries = dict(entries)
        self._programs: dict[str, Program] = {}
        self._memory = memory
        self._used: dict[str, int] = {}
        """When each open program was last asked for, by a count of askings."""
        self._askings = itertools.count()
        self.default = next(iter(self._entries)) if default is None else default
        """The model of requests that name none."""
        self.pinned = frozenset(pinned)
        """Models that stay open."""
        for name in (self.default, *pinned):
            self.info(name)
        self._check_pinned()

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
        return self.entry(name).info if program is None else program.info

    def entry(self, name: str) -> Entry:
        """How a model is opened; raises `UnknownModel`, which names the known ones."""
        entry = self._entries.get(name)
        if entry is None:
            known, found = ", ".join(self._entries), name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
            message = f"expected one of the served models ({known}), found {found!r}"
            raise UnknownModel(message, [Violation("model", message)])
        return entry

    def loaded(self, name: str) -> bool:
        """Whether its program is open."""
        return name in self._programs

    @property
    def nbytes(self) -> int:
        """Memory that the open programs are counted with."""
        return sum(self._entries[name].nbytes for name in tuple(self._programs))

    # ---------------------------------------------------- only for the thread that owns the device

    def program(self, name: str) -> Program:
        """The program, opened the first time."""
        program = self._programs.get(name)
        if program is None:
            program = self._programs[name] = self.entry(name).open()
        self._used[name] = next(self._askings)
        return program

    def in_the_way(self, name: str, busy: Collection[str], coming: int) -> tuple[str, ...] | None:
        """What must be closed before `name` is opened, the longest unused first; None: it can't be now.

        `busy` models are in use; `coming` bytes belong to programs that are just being opened. Raises
        `InvalidConfig` when there will never be room.
        """
        wanted = self.entry(name).nbytes
        lasting = sum(self._entries[other].nbytes for other in self.pinned - {name})
        if self._memory and wanted + lasting > self._memory:
            message = (
                f"model {name} needs {wanted + lasting} bytes beside what is pinned, and the memory budget "
                f"has {self._memory}; raise models.memory, or pin less"
            )
            raise InvalidConfig(message, [Violation("models.memory", message)])
        excess = wanted + coming + self.nbytes - self._memory if self._memory else 0
        chosen: list[str] = []
        for other in sorted(self._programs, key=lambda open: self._used.get(open, -1)):
            if excess <= 0:
                break
            if other not in self.pinned and other not in busy:
                chosen.append(other)
                excess -= self._entries[other].nbytes
        return None if excess > 0 else tuple(chosen)

    def install(self, name: str, entry: Entry, program: Program) -> Program | None:
        """Serve this program from now on; gives the one that was open, which is the caller's to close."""
        before = self._programs.get(name)
        self._entries[name] = entry
        self._programs[name] = program
        self._used[name] = next(self._askings)
        return before

    def replace(self, name: str, entry: Entry) -> None:
        """Open this entry the next time."""
        self.entry(name)
        self._entries[name] = entry

    def discard(self, name: str) -> None:
        """Close a program; the next `program` opens it anew."""
        program = self._programs.pop(name, None)
        if program is not None:
            program.close()

    def close(self) -> None:
        """Close everything that is open, once no worker uses it any more."""
        for name in tuple(self._programs):
            self.discard(name)

    def _check_pinned(self) -> None:
        total = sum(self._entries[name].nbytes for name in self.pinned)
        if self._memory and total > self._memory:
            message = f"expected pinned models of at most {self._memory} bytes, found {total}"
            raise InvalidConfig(message, [Violation("models.pinned", message)])

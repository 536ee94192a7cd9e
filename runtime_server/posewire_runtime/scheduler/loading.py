"""Which programs are in memory: opened when somebody waits, closed when others need the room, replaced.

A program that is replaced lives on for the runs that it began. Belongs to the thread that turns the
loop; the opening itself is done by a thread of its own. Knows programs by name, not jobs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from posewire_runtime.errors import PosewireError
from posewire_runtime.families.base import Program
from posewire_runtime.scheduler.library import Entry, Library
from posewire_runtime.scheduler.opening import Opened, Opening

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A model whose opening has ended."""

    model: str
    error: PosewireError | None
    """Why it can't be used; None: it can."""
    replaced: bool
    """Whether another program of this model was open: what was made with that one must be made again."""


class Loading:
    """The library's doors."""

    def __init__(self, library: Library, done: Callable[[], None]) -> None:
        """`done` is called by another thread when there is something to `collect`."""
        self._library = library
        self._opening = Opening(done)
        self._blocked: set[str] = set()
        """Models for which there was no room when somebody asked."""
        self._retired: list[Program] = []
        """Programs that were replaced and still have runs."""

    def start(self) -> None:
        """Start the thread that opens."""
        self._opening.start()

    def close(self, timeout: float) -> None:
        """End the thread, and let go of what was replaced."""
        self._opening.close(timeout)
        self.sweep(())

    @property
    def busy(self) -> bool:
        """Whether anything is being opened."""
        return self._opening.busy

    @property
    def blocked(self) -> frozenset[str]:
        """Models that wait for others to end; they may be asked for again when one did."""
        return frozenset(self._blocked)

    def pending(self, model: str) -> bool:
        """Whether asking again would change nothing: it is being opened, or waits for room."""
        return model in self._blocked or self._opening.pending(model)

    def want(self, model: str, busy: Collection[str]) -> tuple[str, ...]:
        """Have a model opened; gives the models that were closed for it.

        `busy` models have runs and can't be closed now; the wanted one waits for them, if it must.
        """
        if self._opening.pending(model):
            return ()
        self._blocked.discard(model)
        closed = self._library.in_the_way(model, busy, self._opening.nbytes)
        if closed is None:
            self._blocked.add(model)
            return ()
        for name in closed:
            logger.info("model %s is closed, to make room for %s", name, model)
            self.discard(name)
        self._opening.open(model, self._library.entry(model))
        return closed

    def renew(self, model: str, entry: Entry) -> bool:
        """Serve this entry instead; gives whether it is being opened for that, or waits until wanted."""
        if not self._library.loaded(model) and not self._opening.pending(model):
            self._library.replace(model, entry)
            return False
        self._opening.open(model, entry)
        return True

    def collect(self) -> list[Arrival]:
        """What was opened since the last time, in place."""
        return [self._install(opened) for opened in self._opening.collect()]

    def discard(self, model: str) -> None:
        """Close a program."""
        try:
            self._library.discard(model)
        except Exception:
            logger.exception("model %s didn't close cleanly", model)

    def sweep(self, in_use: Collection[Program]) -> None:
        """Close the replaced programs that nobody uses any more."""
        for program in [program for program in self._retired if program not in in_use]:
            self._retired.remove(program)
            try:
                program.close()
            except Exception:
                logger.exception("a replaced program of %s didn't close cleanly", program.info.name)

    def _install(self, opened: Opened) -> Arrival:
        if isinstance(opened.result, PosewireError):
            return Arrival(opened.model, opened.result, replaced=False)
        before = self._library.install(opened.model, opened.entry, opened.result)
        if before is not None and before is not opened.result:
            self._retired.append(before)
        return Arrival(opened.model, None, before is not None)

"""Clips made in this process: the server's validation and the server's worker, without a server.

What a command line, a bake or a test uses. There is no second path: a request is the same
message, checked by the same code, and the same loop makes its clips. Knows no sockets.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from posewire_runtime.errors import PosewireError
from posewire_runtime.exchange.events import Notice
from posewire_runtime.exchange.validate import Bounds
from posewire_runtime.scheduler.jobs import Job
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.types import Clip, Features, ModelInfo, Timings
from posewire_runtime.wire.requests import GenerateOptions, read_generate, write_generate

_ANY_TEXT = "features"
"""Stands in for the prompt of a request that brings its text features: nobody reads it."""


@dataclass(frozen=True, eq=False)
class Made:
    """What became of a request."""

    clips: tuple[Clip, ...]
    """One for each seed, in the order of the seeds."""
    info: ModelInfo
    """The model that made them, as loaded."""
    notices: tuple[Notice, ...]
    """What was changed about the request."""
    timings: tuple[Timings, ...]
    """Where each clip's time went."""


class _Watcher:
    """A listener that keeps clips, and the first error."""

    def __init__(self, progress: Callable[[Job], None]) -> None:
        self.clips: dict[int, Clip] = {}
        self.error: PosewireError | None = None
        self._progress = progress

    def started(self, job: Job) -> None:
        """Now its number of steps is known."""
        self._progress(job)

    def stepped(self, job: Job) -> None:
        """Tell of it."""
        self._progress(job)

    def finished(self, job: Job, clip: Clip) -> None:
        """Keep the clip."""
        self.clips[job.id] = clip

    def failed(self, job: Job, error: PosewireError) -> None:
        """Keep the first error; the others follow from it or say the same."""
        del job
        self.error = self.error or error


def make(
    library: Library,
    prompt: str,
    options: GenerateOptions,
    *,
    features: Features | None = None,
    raw: bool = False,
    progress: Callable[[Job], None] = lambda job: None,
) -> Made:
    """Make the clips of one request on the caller's thread; raises what kept it from being made.

    `features` replace the prompt. `raw` keeps the family's own arrays in the clips. `progress`
    hears of every step.
    """
    message = write_generate(prompt or (_ANY_TEXT if features else prompt), options)
    order = read_generate(message, library, Bounds())
    requests = [replace(request, features=features, raw=raw) for request in order.requests]
    watcher = _Watcher(progress)
    worker = Worker(library)
    jobs = worker.submit(requests, watcher)
    worker.run_until_idle()
    if watcher.error is not None:
        raise watcher.error
    return Made(
        clips=tuple(watcher.clips[job.id] for job in jobs),
        info=library.info(order.info.name),
        notices=(*order.notices, *_encoder_notices(jobs[0])),
        timings=tuple(job.timings for job in jobs),
    )


def _encoder_notices(job: Job) -> tuple[Notice, ...]:
    said = job.features.notices if job.features is not None else ()
    return tuple(Notice("text", message) for message in said)

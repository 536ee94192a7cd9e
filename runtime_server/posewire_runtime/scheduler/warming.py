"""Warm-ups: models opened and prompts encoded before anybody needs them, a batch at a time.

A batch is handed to the encoder only when it is free, so that a prompt somebody waits for
stands behind one batch at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

from posewire_runtime.errors import PosewireError
from posewire_runtime.families.base import Encoder
from posewire_runtime.scheduler.encoding import Encoded, Encoding, Prompt
from posewire_runtime.scheduler.library import Entry
from posewire_runtime.types import Features


@dataclass(slots=True, eq=False)
class WarmUp:
    """Somebody waits for a model and for prompts."""

    model: str
    prompts: tuple[str, ...]
    done: Future[int]
    """Gives how many prompts weren't in the cache."""
    entry: Entry | None = None
    """Serve this from now on instead of what is loaded."""
    missing: set[Prompt] = field(default_factory=set[Prompt])
    """What is still to come out of the encoder."""
    encoded: int = 0
    """How many weren't in the cache."""


class Warming:
    """The warm-ups under way; belongs to the thread that turns the loop."""

    def __init__(
        self, encoding: Encoding, batch: int, settle: Callable[[WarmUp, PosewireError | None], None]
    ) -> None:
        """`batch`: most prompts at once; `settle` ends a warm-up."""
        self._encoding = encoding
        self._batch = batch
        self._settle = settle
        self._under_way: list[WarmUp] = []
        self._todo: deque[tuple[Encoder, Prompt]] = deque()

    def __bool__(self) -> bool:
        """Whether anybody still waits."""
        return bool(self._under_way)

    def begin(self, warm_up: WarmUp, encoder: Encoder | None) -> None:
        """The model is loaded; see which prompts are missing."""
        if encoder is not None:
            prompts = dict.fromkeys(Prompt(encoder.fingerprint, text) for text in warm_up.prompts)
            warm_up.missing = {prompt for prompt in prompts if self._encoding.find(prompt) is None}
            warm_up.encoded = len(warm_up.missing)
            self._todo.extend((encoder, prompt) for prompt in prompts if prompt in warm_up.missing)
        if warm_up.missing:
            self._under_way.append(warm_up)
        else:
            self._settle(warm_up, None)

    def read(self, encoded: Encoded) -> None:
        """A prompt came out of the encoder."""
        for warm_up in [one for one in self._under_way if encoded.prompt in one.missing]:
            warm_up.missing.discard(encoded.prompt)
            failed = not isinstance(encoded.result, Features)
            if failed or not warm_up.missing:
                self._under_way.remove(warm_up)
                self._settle(warm_up, encoded.result if isinstance(encoded.result, PosewireError) else None)

    def advance(self) -> None:
        """Hand the next batch to the encoder, if that is free."""
        if not self._todo or self._encoding.busy:
            return
        encoder = self._todo[0][0]
        batch: list[Prompt] = []
        while self._todo and self._todo[0][0] is encoder and len(batch) < self._batch:
            batch.append(self._todo.popleft()[1])
        self._encoding.encode(encoder, batch)

    def clear(self) -> None:
        """Forget everything."""
        self._under_way.clear()
        self._todo.clear()

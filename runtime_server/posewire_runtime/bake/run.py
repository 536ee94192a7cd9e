"""Doing a plan: make, work, write, note; whatever was done before is left alone, whatever fails is listed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from posewire_runtime.bake.item import Setting, encode_item, write_item
from posewire_runtime.bake.journal import Journal, index_name
from posewire_runtime.bake.makers import Maker, Outcome
from posewire_runtime.bake.page import index, page
from posewire_runtime.bake.plan import Item, files_of, groups, sidecar_of
from posewire_runtime.errors import GenerationFailed, InvalidFile, PosewireError
from posewire_runtime.files import write_bytes
from posewire_runtime.types import ModelInfo


@dataclass
class Outcomes:
    """What became of a bake."""

    made: int = 0
    """Items that were made now."""
    kept: int = 0
    """Items that were there already."""
    failed: dict[str, str] = field(default_factory=dict[str, str])
    """Name -> why."""


def run(
    items: Sequence[Item],
    folder: Path,
    maker: Maker,
    setting: Setting,
    info: Callable[[str], ModelInfo],
    *,
    shard: tuple[int, int] = (1, 1),
    batch: int = 32,
    title: str = "Baked motion",
    progress: Callable[[int], object] = lambda count: None,
) -> Outcomes:
    """Make all items that aren't there yet. `progress` hears how many more are done.

    Raises `InvalidFile` when files can't be written any more: what is done is kept, the same call goes on.
    """
    outcomes = Outcomes()
    journal = Journal(folder, shard)
    finished = False
    try:
        journal.sweep()
        with ThreadPoolExecutor(1) as pool:
            writing: list[tuple[Item, Future[None]]] = []
            for group in groups(items, batch):
                ready = [item for item in group if _there(item, journal, setting)]
                outcomes.kept += len(ready)
                progress(len(ready))
                missing = [item for item in group if item not in ready]
                together = group if ready and maker.needs_company(group[0].requests[0].model) else missing
                if not missing:
                    continue
                for item, outcome in maker.make(together):
                    if item in missing:
                        job = pool.submit(_finish, item, outcome, folder, setting, info, journal)
                        writing.append((item, job))
                # While this group is written the next one is made, but no more than that.
                writing = _settle(writing, len(missing), outcomes, progress)
            _settle(writing, 0, outcomes, progress)
        done = [item for item in items if item.name not in outcomes.failed]
        _sum_up(done, folder, shard, title)
        finished = not outcomes.failed
    finally:
        journal.close(finished=finished)
    return outcomes


def _there(item: Item, journal: Journal, setting: Setting) -> bool:
    return journal.has(item.name, item.key, [*files_of(item, setting.style), sidecar_of(item)])


def _finish(
    item: Item,
    outcome: Outcome,
    folder: Path,
    setting: Setting,
    info: Callable[[str], ModelInfo],
    journal: Journal,
) -> None:
    """Everything that comes after the model, for one item."""
    if isinstance(outcome, PosewireError):
        raise outcome
    write_item(folder, encode_item(item, outcome, info(item.requests[0].model), setting))
    journal.add(item.name, item.key)


def _settle(
    writing: list[tuple[Item, Future[None]]],
    left: int,
    outcomes: Outcomes,
    progress: Callable[[int], object],
) -> list[tuple[Item, Future[None]]]:
    """Wait until at most so many are being written; note what became of the others."""
    for item, job in writing[: len(writing) - left]:
        error = job.exception()
        if isinstance(error, InvalidFile):
            for _, later in writing:
                later.cancel()
            raise error
        if isinstance(error, PosewireError):
            outcomes.failed[item.name] = f"line {item.row.line}: {error}"
        elif error is not None:
            raise GenerationFailed(f"{item.name} (line {item.row.line}): {error}") from error
        else:
            outcomes.made += 1
        progress(1)
    return writing[len(writing) - left :]


def _sum_up(items: Sequence[Item], folder: Path, shard: tuple[int, int], title: str) -> None:
    """Index and page, of all sidecars in the order of their names; those of shards are no longer needed."""
    sidecars = list(_sidecars(sorted(items, key=lambda item: item.name), folder))
    name = index_name(shard)
    write_bytes(folder / f"{name}.html", page(sidecars, title))
    write_bytes(folder / f"{name}.json", index(sidecars))
    if shard == (1, 1):
        for path in (*folder.glob("index-*-of-*.json"), *folder.glob("index-*-of-*.html")):
            path.unlink(missing_ok=True)


def _sidecars(items: Sequence[Item], folder: Path) -> Iterator[Mapping[str, Any]]:
    for item in items:
        path = folder / sidecar_of(item)
        try:
            yield json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InvalidFile(
                f"expected the sidecar {path}, but: {error}; remove it and bake again"
            ) from error

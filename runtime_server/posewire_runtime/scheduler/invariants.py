"""What must hold between any two turns of the worker, checked on immutable snapshots.

In tests after every turn; in production behind `WorkerSettings.check`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from posewire_runtime.scheduler.planner import PlanLimits, Running, Waiting


class InvariantBroken(Exception):
    """A bug of the scheduler; the message lists everything that doesn't hold."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The worker's jobs between two turns."""

    waiting: tuple[Waiting, ...]
    running: tuple[Running, ...]
    limits: PlanLimits
    queue: int
    """Most jobs that may wait."""


def check_invariants(now: Snapshot, before: Snapshot | None = None) -> None:
    """Raise `InvariantBroken` if the jobs can't be so, or can't have become so since `before`."""
    broken = [*_broken_now(now), *(_broken_since(now, before) if before else ())]
    if broken:
        raise InvariantBroken("; ".join(broken))


def _broken_now(now: Snapshot) -> Iterator[str]:
    ids = Counter(job.id for job in (*now.waiting, *now.running))
    twice = [id for id, count in ids.items() if count > 1]
    if twice:
        yield f"jobs {twice} stand in more than one place"
    if len(now.waiting) > now.queue:
        yield f"expected at most {now.queue} waiting jobs, found {len(now.waiting)}"
    if len(now.running) > now.limits.rows:
        yield f"expected at most {now.limits.rows} running jobs, found {len(now.running)}"
    memory = sum(row.cost for row in now.running)
    if memory > now.limits.memory:
        yield f"expected running jobs to hold at most {now.limits.memory} bytes, found {memory}"
    for row in now.running:
        if not 0 <= row.position <= row.steps:
            yield f"job {row.id} is at step {row.position} of {row.steps}"
        if row.position == row.steps and not row.finished:
            yield f"job {row.id} made all of its {row.steps} steps and isn't finished"


def _broken_since(now: Snapshot, before: Snapshot) -> Iterator[str]:
    ran = {row.id: row for row in before.running}
    newest = max((job.id for job in (*before.waiting, *before.running)), default=-1)
    known = ran.keys() | {job.id for job in before.waiting}
    for job in now.waiting:
        if job.id in ran:
            yield f"job {job.id} went back from running to waiting"
    for job in (*now.waiting, *now.running):
        if job.id <= newest and job.id not in known:
            yield f"job {job.id} came back after it had ended"
    for row in now.running:
        earlier = ran.get(row.id)
        if earlier is not None and row.position < earlier.position:
            yield f"job {row.id} went back from step {earlier.position} to {row.position}"

"""Whether cancelled streams leave anything behind.

    python bench/cancel.py [--streams 1000] [--rounds 4]

Each round opens so many streams, a hundred at a time, and cancels each at a random moment between its call
and the middle of its frames. After each round: jobs, open streams and tasks that are left, memory, and how
many steps the device makes in the following half second, held against the steps of half a second of work.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import random
import time

import psutil
from figures import head, machine, percentiles, resident, row, verdict

from posewire_runtime.client import AsyncClient
from posewire_runtime.errors import Cancelled
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import Server

TOGETHER = 100
STEP_SECONDS = 0.002
STEPS = 50
"""With the above: a stream's steps take at least a tenth of a second, its frames two more."""
LONGEST = 0.5
"""No stream lives longer before it is cancelled."""
IDLE = 0.5


async def cancel_one(
    client: AsyncClient, draw: random.Random, waits: list[float], moments: list[str]
) -> None:
    """One stream, cancelled at a random moment; notes how long the cancel took and when it came."""
    stream = client.generate("a person walks", frames=60, steps=STEPS, seeds=[draw.getrandbits(32)], pace=1.0)
    timer = asyncio.get_running_loop().call_later(draw.uniform(0, LONGEST), stream.cancel)
    events = ["call"]
    try:
        async for event in stream.events():
            events.append(type(event).__name__)
    except Cancelled:
        waits.append(asyncio.get_running_loop().time() - timer.when())
    moments.append(events[-1])


async def settle(server: Server, worker: Worker) -> float:
    """Seconds until no stream and no job is left; at most ten."""
    began = time.perf_counter()
    while time.perf_counter() - began < 10:
        stats = worker.stats()
        if server.streams + stats.waiting + stats.running == 0:
            break
        await asyncio.sleep(0.001)
    return time.perf_counter() - began


async def measure(streams: int, rounds: int) -> bool:
    """All rounds; whether nothing was ever left."""
    program = FakeProgram(faults=Faults(step_seconds=STEP_SECONDS))
    library = Library.of(program)
    fine = True
    with Worker(library) as worker:
        server = Server(worker, library, Settings(port=0))
        await server.start()
        memory: list[float] = []
        for turn in range(rounds):
            fine &= await one_round(turn, streams, server, worker, program, memory)
        await server.stop(drain=0)
    settled = memory[1:]
    if settled:
        print(f"memory after the first round: {settled[0]:.1f} to {settled[-1]:.1f} MB ", end="")
        print(f"over {len(settled) - 1} rounds of {streams} streams")
    return fine


async def one_round(
    turn: int, streams: int, server: Server, worker: Worker, program: FakeProgram, memory: list[float]
) -> bool:
    """One round of streams, and what is left of it."""
    draw, waits, moments = random.Random(turn), list[float](), list[str]()
    tasks_before = len(asyncio.all_tasks())
    began, steps_before = time.perf_counter(), program.steps_made
    async with AsyncClient(server.address) as client:
        for _ in range(streams // TOGETHER):
            await asyncio.gather(*(cancel_one(client, draw, waits, moments) for _ in range(TOGETHER)))
    busy = (program.steps_made - steps_before) / (time.perf_counter() - began) * IDLE
    settled = await settle(server, worker)
    steps_before = program.steps_made
    await asyncio.sleep(IDLE)
    idle = program.steps_made - steps_before
    stats, tasks = worker.stats(), len(asyncio.all_tasks()) - tasks_before
    gc.collect()
    memory.append(resident(psutil.Process()))
    left = stats.waiting + stats.running
    print(head(f"round {turn}: {len(waits)} cancelled, ms"))
    print(row("from cancel to its error", percentiles(waits)))
    counts = {kind: moments.count(kind) for kind in sorted(set(moments))}
    print(f"last event before the cancel: {counts}")
    print(
        f"left: {left} jobs, {server.streams} streams, {tasks} tasks after {settled * 1e3:.1f} ms; ", end=""
    )
    print(f"{memory[-1]:.1f} MB; steps in {IDLE:g} s: {busy:.0f} before, {idle} after")
    fine = left == server.streams == tasks == idle == 0
    print(f"nothing left: {verdict(fine)}; outcomes {dict(stats.outcomes)}")
    return fine


def main() -> None:
    """Run as a script."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000, help="streams of a round, in hundreds")
    parser.add_argument("--rounds", type=int, default=4)
    given = parser.parse_args()
    print(machine())
    fine = asyncio.run(measure(given.streams, given.rounds))
    print(machine())
    raise SystemExit(not fine)


if __name__ == "__main__":
    main()

"""What holds for every plan, and for every queue over time."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from posewire_runtime.scheduler.invariants import Snapshot, check_invariants
from posewire_runtime.scheduler.planner import Costs, Plan, PlanLimits, Reason, Running, Text, Waiting, plan

NOW = 100.0
COSTS = Costs(step={"a": 0.1}, decode={"a": 0.01})
MODELS = st.sampled_from(["a", "b"])
DEADLINES = st.none() | st.floats(NOW - 5, NOW + 5)
PRIORITIES = st.integers(0, 2)

LIMITS = st.builds(
    PlanLimits,
    memory=st.integers(1, 200),
    rows=st.integers(1, 8),
    batch=st.integers(1, 8),
    admit=st.integers(1, 8),
    encode=st.integers(1, 8),
    lookahead=st.integers(1, 20),
    decoding=st.floats(0.001, 0.1),
)
WAITING = st.builds(
    Waiting,
    id=st.just(0),
    model=MODELS,
    priority=PRIORITIES,
    arrived=st.floats(NOW - 20, NOW),
    deadline=DEADLINES,
    cancelled=st.booleans(),
    cost=st.none() | st.integers(0, 250),
    steps=st.integers(1, 50),
    pace=MODELS,
    text=st.sampled_from(Text),
)
RUNNING = st.builds(
    Running,
    id=st.just(0),
    model=MODELS,
    key=st.integers(0, 2),
    pace=MODELS,
    priority=PRIORITIES,
    deadline=DEADLINES,
    cancelled=st.booleans(),
    cost=st.integers(0, 100),
    position=st.integers(0, 4),
    steps=st.just(5),
    finished=st.booleans(),
    last_stepped=st.floats(NOW - 5, NOW),
    max_batch=st.just(4),
)


@settings(deadline=None, max_examples=300)
@given(st.lists(WAITING, max_size=12), st.lists(RUNNING, max_size=8), LIMITS)
def test_every_plan_can_be_carried_out(waiting: list[Waiting], running: list[Running], limits: PlanLimits):
    waiting = [replace(job, id=id) for id, job in enumerate(waiting)]
    running = [replace(row, id=id + len(waiting)) for id, row in enumerate(running)]
    made = plan(waiting, running, limits, NOW, COSTS)
    jobs, rows = {job.id: job for job in waiting}, {row.id: row for row in running}
    _drops_exactly_the_doomed(made, waiting, running, limits)
    dropped = {id for id, _ in made.drop}
    for chosen in (made.encode, made.decode, made.admit, made.step):
        assert len(set(chosen)) == len(chosen), "nobody twice"
        assert not dropped & set(chosen), "nobody who is dropped"
    assert not set(made.decode) & set(made.step)
    _rows_fit_the_limits(made, jobs, rows, limits, dropped)
    assert len({jobs[id].model for id in made.encode}) <= 1
    assert all(jobs[id].text is Text.NEEDED and jobs[id].cost is not None for id in made.encode)
    assert made.wake is None or made.wake > NOW


def _drops_exactly_the_doomed(
    made: Plan, waiting: list[Waiting], running: list[Running], limits: PlanLimits
) -> None:
    def late(job: Waiting | Running) -> bool:
        return job.deadline is not None and job.deadline <= NOW

    reasons = dict(made.drop)
    assert len(reasons) == len(made.drop)
    for job in (*waiting, *running):
        gone = job.cancelled or late(job)
        assert (reasons.get(job.id) in (Reason.CANCELLED, Reason.EXPIRED)) == gone
        assert not job.cancelled or reasons[job.id] is Reason.CANCELLED
        if not gone and reasons.get(job.id) is Reason.UNREACHABLE:
            assert isinstance(job, Waiting)
            assert job.pace == "a"
            assert job.deadline is not None
            assert job.deadline - NOW <= job.steps * 0.1
        if not gone and reasons.get(job.id) is Reason.TOO_LARGE:
            assert (job.cost or 0) > limits.memory


def _rows_fit_the_limits(
    made: Plan, jobs: dict[int, Waiting], rows: dict[int, Running], limits: PlanLimits, dropped: set[int]
) -> None:
    kept = [row for row in rows.values() if row.id not in dropped and row.id not in made.decode]
    if made.admit:
        assert len(kept) + len(made.admit) <= limits.rows
        assert sum(row.cost for row in kept) + sum(jobs[id].cost or 0 for id in made.admit) <= limits.memory
        assert len({jobs[id].model for id in made.admit}) == 1
        assert len(made.admit) <= limits.admit
        assert all(jobs[id].text is Text.READY for id in made.admit)
    spent = sum(COSTS.decode.get(rows[id].pace, limits.decoding) for id in made.decode)
    assert len(made.decode) <= 1 or spent <= limits.decoding + 1e-9
    assert bool(made.decode) == any(row.finished for row in rows.values() if row.id not in dropped)
    assert all(rows[id].finished for id in made.decode)
    assert len({(rows[id].model, rows[id].key) for id in made.step}) <= 1
    assert all(len(made.step) <= min(limits.batch, rows[id].max_batch) for id in made.step)
    assert bool(made.step) == any(not row.finished for row in rows.values() if row.id not in dropped)


class Simulation:
    """Jobs under a planner, with a device whose every turn takes the same time."""

    TURN = 0.05
    DECODE = 0.01

    def __init__(self, limits: PlanLimits) -> None:
        self.limits = limits
        self.now = NOW
        self.costs = Costs(decode=dict.fromkeys(range(4), self.DECODE))
        self.waiting: dict[int, Waiting] = {}
        self.running: dict[int, Running] = {}
        self.waits: dict[int, float] = {}
        """How long each one waited for its next step, at most."""
        self.done: dict[int, float] = {}
        self._ids = 0

    def arrive(self, model: str, priority: int, cost: int, steps: int, key: int) -> int:
        self._ids += 1
        self.waiting[self._ids] = Waiting(
            self._ids, model, priority, self.now, None, False, cost, steps, key, Text.NEEDED
        )
        return self._ids

    def turn(self) -> Plan:
        made = plan(
            list(self.waiting.values()), list(self.running.values()), self.limits, self.now, self.costs
        )
        for id in made.encode:
            self.waiting[id] = replace(self.waiting[id], text=Text.READY)
        for id in made.decode:
            del self.running[id]
            self.now += self.DECODE
            self.done[id] = self.now
        for id in made.admit:
            self.running[id] = self._start(self.waiting.pop(id))
        self.now += self.TURN
        for id in made.step:
            row = self.running[id]
            self.waits[id] = max(self.waits.get(id, 0.0), self.now - row.last_stepped)
            position = row.position + 1
            self.running[id] = replace(
                row, position=position, finished=position == row.steps, last_stepped=self.now
            )
        check_invariants(
            Snapshot(tuple(self.waiting.values()), tuple(self.running.values()), self.limits, 10**6)
        )
        return made

    def _start(self, job: Waiting) -> Running:
        return Running(
            id=job.id,
            model=job.model,
            key=job.pace,
            pace=job.pace,
            priority=job.priority,
            deadline=None,
            cancelled=False,
            cost=job.cost or 0,
            position=0,
            steps=job.steps,
            finished=False,
            last_stepped=self.now,
            max_batch=256,
        )


ARRIVAL = st.tuples(MODELS, PRIORITIES, st.integers(1, 100), st.integers(1, 6), st.integers(0, 3))


@settings(deadline=None, max_examples=60)
@given(st.lists(ARRIVAL, max_size=40), LIMITS)
def test_everybody_is_served(arrivals: list[tuple[str, int, int, int, int]], limits: PlanLimits):
    world = Simulation(replace(limits, memory=max(limits.memory, 100)))
    ids = [world.arrive(*arrival) for arrival in arrivals]
    for _ in range(20 * len(ids) + 1):
        if world.turn().idle:
            break
    assert sorted(world.done) == ids
    assert not world.waiting
    assert not world.running


def test_a_stream_of_urgent_small_jobs_starves_nobody():
    """Interactive jobs bring more than the device can do; bulk work, large and of another key, still ends."""
    limits = PlanLimits(memory=100, rows=4, patience=10.0, turn=0.5)
    world = Simulation(limits)
    large = world.arrive("a", 0, 90, 5, key=0)
    for _ in range(2000):
        if large in world.done:
            break
        world.arrive("a", 2, 20, 3, key=1)
        world.turn()
    assert large in world.done
    assert world.done[large] - NOW < limits.patience + 5 * (2 * limits.turn + 2 * world.TURN) + 1


def test_no_key_waits_long_for_its_next_step():
    """One key of each priority, always busy: the least one gets its step about every two `turn`s."""
    limits = PlanLimits(rows=16, turn=0.25)
    world = Simulation(limits)
    for _ in range(600):
        for priority in range(3):
            if sum(row.key == priority for row in world.running.values()) < 2:
                world.arrive("a", priority, 1, 6, key=priority)
        world.turn()
    assert max(world.waits.values()) <= 2 * limits.turn + 3 * world.TURN


def test_a_burst_of_decodes_lets_steps_through():
    limits = PlanLimits(rows=256, admit=256, encode=256, lookahead=256, batch=256)
    world = Simulation(limits)
    for _ in range(200):
        world.arrive("a", 1, 1, 1, key=0)
    while not any(row.finished for row in world.running.values()):
        world.turn()
    watched = world.arrive("a", 2, 1, 3, key=1)
    begun = world.now
    while watched not in world.done:
        world.turn()
    turns = 6  # encoded, admitted, three steps, decoded
    assert world.done[watched] - begun <= turns * (world.TURN + limits.decoding) + world.DECODE
    assert len(world.done) < 20, "the others were still being decoded"

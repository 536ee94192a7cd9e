"""What the worker has done so far, counted once and told to the metrics registry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from posewire_runtime.metrics import ROWS, Metrics
from posewire_runtime.scheduler.jobs import Job

_REMEMBER = 0.1
"""Weight of the newest interval between two ended jobs."""


class Tally:
    """Counts of one worker. The worker's thread writes, anybody reads."""

    def __init__(self, metrics: Metrics) -> None:
        self.steps = 0
        """Graph calls made."""
        self.rows = 0
        """Rows advanced by them."""
        self.outcomes: Counter[str] = Counter()
        """Ended jobs by terminal state."""
        self.failures = 0
        """Turns of the loop that broke: bugs of ours."""
        self.memory = 0
        """Bytes the running jobs are counted with."""
        self.interval = 0.01
        """Seconds between two ended jobs, lately."""
        self._last_end: float | None = None
        self._jobs = metrics.counter("posewire_jobs_total", "Ended jobs.", ["outcome"])
        self._stages = metrics.histogram("posewire_stage_seconds", "Time of a job in a stage.", ["stage"])
        self._steps = metrics.histogram("posewire_step_seconds", "Time of one step of a batch.", ["model"])
        self._batches = metrics.histogram("posewire_batch_rows", "Rows of a step.", ["model"], ROWS)
        self._faults = metrics.counter(
            "posewire_device_faults_total", "Batches that failed as a whole.", ["model"]
        )
        self._listeners = metrics.counter("posewire_listener_errors_total", "Exceptions of listeners.")
        self._failures = metrics.counter("posewire_worker_failures_total", "Turns of the worker that broke.")
        self._degraded = metrics.gauge(
            "posewire_model_degraded", "1 while a model makes nothing but numbers that are none.", ["model"]
        )
        self._packed = metrics.counter("posewire_text_packed_total", "Prompts answered by prompt packs.")
        self._waiting = metrics.gauge("posewire_jobs_waiting", "Jobs without a run.")
        self._running = metrics.gauge("posewire_jobs_running", "Jobs with a run.")
        self._memory = metrics.gauge("posewire_run_memory_bytes", "Bytes running jobs are counted with.")

    def ended(self, job: Job, now: float) -> None:
        """A job reached its terminal state."""
        self.outcomes[job.state] += 1
        if self._last_end is not None:
            self.interval += _REMEMBER * (now - self._last_end - self.interval)
        self._last_end = now
        self._jobs.add(1, job.state)
        for stage, nanoseconds in job.timings.items():
            self._stages.observe(nanoseconds / 1e9, stage)

    def stepped(self, model: str, rows: int, seconds: float) -> None:
        """A batch advanced."""
        self.steps += 1
        self.rows += rows
        self._steps.observe(seconds, model)
        self._batches.observe(rows, model)

    def packed(self) -> None:
        """A prompt pack had the features."""
        self._packed.add(1)

    def fault(self, model: str) -> None:
        """Not one row of a batch advanced."""
        self._faults.add(1, model)

    def degraded(self, model: str, is_so: bool) -> None:
        """A model went bad, or is good again."""
        self._degraded.set(float(is_so), model)

    def listener_failed(self) -> None:
        """A listener raised."""
        self._listeners.add()

    def turn_failed(self) -> None:
        """The loop itself raised."""
        self.failures += 1
        self._failures.add()

    def level(self, waiting: int, running: int, memory: int) -> None:
        """How much there is after a turn."""
        self.memory = memory
        self._waiting.set(waiting)
        self._running.set(running)
        self._memory.set(memory)

    def outcome_counts(self) -> Mapping[str, int]:
        """A copy of the outcomes that no longer changes."""
        return dict(self.outcomes)

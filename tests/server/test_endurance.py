"""A little of what bench/ does for long: fuzzing, faults at random steps, and a soak with a restart."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[2] / "bench"


@pytest.fixture
def script(request: pytest.FixtureRequest) -> Iterator[ModuleType]:
    """A script of bench/ as a module."""
    name = f"bench_{request.param}"
    spec = importlib.util.spec_from_file_location(name, BENCH / f"{request.param}.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[name]


@pytest.mark.parametrize("script", ["fuzz_wire"], indirect=True)
def test_broken_messages_are_read_or_refused(script: ModuleType) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = script.fuzz(3000, seed=7)
    assert found.findings == []
    read = {name for name in found.outcomes if name.endswith(": read")}
    assert read >= {"request: read", "warm: read", "model: read", "error: read"}, (
        "it isn't all refused at once"
    )


@pytest.mark.parametrize("script", ["fuzz_wire"], indirect=True)
async def test_random_bytes_at_the_port_leave_nothing(script: ModuleType) -> None:
    assert await script.knock(60, seed=3)


@pytest.mark.parametrize("script", ["faults"], indirect=True)
def test_nobody_but_the_guilty_is_touched(script: ModuleType) -> None:
    sums = script.run(rounds=4, jobs=48, seed=1)
    assert sums.wrong == []
    assert sums.guilty > 0
    assert sums.reopened > 0


@pytest.mark.slow
def test_every_request_has_one_end_while_the_server_restarts() -> None:
    command = [sys.executable, str(BENCH / "soak.py"), "--minutes", "0.2", "--clients", "26"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    summary = json.loads(done.stdout.splitlines()[-1])
    assert done.returncode == 0, done.stdout
    assert summary["requests"] == summary["outcomes"] > 26
    assert summary["restarts"] >= 1
    assert set(summary["left"]) == {"streams", "live_sessions", "jobs_waiting", "jobs_running"}
    assert not any(summary["left"].values())

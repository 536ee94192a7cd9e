"""Whole profiles of the stand-in, in process and through a server; reports written, read and compared."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire_runtime.cli import Parser
from posewire_runtime.client import Client
from posewire_runtime.commands import models
from posewire_runtime.commands import profile as command
from posewire_runtime.device import nvidia
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.meter import Meter
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import DeviceError, InvalidFile, Unreachable
from posewire_runtime.fakes import FakeProgram, Faults
from posewire_runtime.metrics import STAGES
from posewire_runtime.profile import game, graphs, operators, page, table
from posewire_runtime.profile.cases import Axes, Case
from posewire_runtime.profile.driving import LocalDriver, Span
from posewire_runtime.profile.measuring import Bench, measure
from posewire_runtime.profile.reference import Reference, ceilings
from posewire_runtime.profile.report import SCHEMA, VERSION, new_report, read_report
from posewire_runtime.profile.samples import Sample, Stop
from posewire_runtime.profile.session import Wishes, profile_server, profile_targets
from posewire_runtime.profile.targets import Target
from posewire_runtime.scheduler.library import Library
from posewire_runtime.scheduler.worker import Worker
from posewire_runtime.server.config import Settings
from posewire_runtime.server.server import Server

SOON = Stop(tight=1e9, blocks=1)
"""One visit is enough, however slow the machine is."""
FAST = Wishes(Axes((30, 60), (4,), (1, 2), (1, 2)), seconds_per_case=4, cold=False, stop=SOON)


class Silent:
    """A ticker that shows nothing."""

    def say(self, what: str) -> None: ...

    def advance(self, seconds: float) -> None: ...


def run(*arguments: object) -> int:
    """The command itself, without its entry point."""
    parser = Parser(prog="posewire")
    command.register(parser.add_subparsers(required=True, parser_class=Parser))
    words = ["profile", *map(str, arguments)]
    options = parser.parse_args(words if "diff" in words else [*words, "--model", "stand-in"])
    return options.func(options)


def stand_in() -> Target:
    entry = models.stand_in()
    return Target("stand-in", entry.info, lambda watch: entry.open())


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    made = new_report({"cpu": "any", "cores": 2, "gpu": None}, {}, "today")
    profile_targets(made, [stand_in()], FAST, Silent())
    return made


def test_every_case_has_every_figure(report: dict[str, Any]):
    assert len(report["cases"]) == 8
    for case in report["cases"]:
        assert case["status"] == "measured", case
        assert set(case["end_to_end"]) == {"count", "mean", "p50", "p90", "p95", "p99", "max"}
        assert set(case["stages"]) <= {str(stage) for stage in STAGES}
        assert {"queue", "condition", "step", "decode", "pack", "send", "client"} <= set(case["stages"])
        assert case["stopped"] in ("tight", "time")
        assert case["first_frame"]["p50"] <= case["end_to_end"]["p50"]


def test_stages_explain_the_time(report: dict[str, Any]):
    """They are measured one by one; nothing is defined as what is left. Benches have exact figures."""
    shares = [case["explained"] for case in report["cases"]]
    assert max(shares) <= 1.001
    assert np.median(shares) >= 0.9  # without any of the larger stages it would be far below


def test_a_report_is_plain_json_and_a_page_that_needs_nothing_else(report: dict[str, Any]):
    again = json.loads(json.dumps(report))
    assert again == report
    drawn = page.render(again)
    assert not re.findall(r"(?:src|href)=|@import|url\(", drawn)
    assert "<script" not in drawn
    for case in report["cases"]:
        assert case["name"] in drawn
    assert "prefers-color-scheme:dark" in drawn
    assert "\n".join(table.report_lines(report)).count("stand-in 60f") == 4


def test_the_timeline_is_of_one_request(report: dict[str, Any]):
    spans = [Span(**span) for span in report["targets"][0]["timeline"]]
    assert [span.stage for span in spans].count("step") == models.stand_in().info.presets["fast"]
    assert all(0 <= span.begin <= span.end for span in spans)


def test_a_model_that_cannot_be_opened_is_named_and_the_others_are_measured():
    def broken(watch: object) -> FakeProgram:
        raise Unreachable("no such device")

    entry = models.stand_in()
    targets = [Target("broken", entry.info, broken), stand_in()]
    made = new_report({"cpu": "any", "cores": 2, "gpu": None}, {}, "today")
    profile_targets(made, targets, Wishes(Axes((30,)), 4, cold=False, stop=SOON), Silent())
    assert [case["status"] for case in made["cases"]] == ["skipped", "measured"]
    assert any("no such device" in line for line in made["missing"])


def test_what_fails_in_a_case_stays_there():
    library = Library.of(FakeProgram(faults=Faults(step_word="take")))
    driver = LocalDriver(library, "stand-in")
    try:
        bench = Bench(driver, Reference.on(None), None, 0.05)
        [found] = measure(bench, [Case("x", 30, 4, 1, 1)])
    finally:
        driver.close()
    assert found.stopped == "error"
    assert "fault asked for" in found.error or "step" in found.error


# ---- turns


class Paced:
    """A driver whose rounds cost nothing; it may lose its server."""

    def __init__(self, lost_after: int = 10**9) -> None:
        self.made: list[str] = []
        self._lost_after = lost_after

    def round(self, case: Case) -> list[Sample]:
        if len(self.made) >= self._lost_after:
            raise Unreachable("nobody answers")
        self.made.append(case.name)
        return [Sample(0.001, 0.001, (), {"step": 1_000_000})]

    def timeline(self, case: Case) -> list[Span]:
        return []


CASES = [Case("x", frames, 4, 1, 1) for frames in (30, 60, 90)]


def test_cases_are_measured_in_turns():
    driver = Paced()
    found = measure(Bench(driver, Reference.on(None), None, 0.3, Stop(tight=0.0)), CASES)
    changes = sum(a != b for a, b in zip(driver.made, driver.made[1:], strict=False))
    assert changes >= 5  # one after the other there would be two
    assert all(one.stopped == "time" and one.rounds for one in found)


def test_a_lost_server_ends_all_cases_and_keeps_what_there_is():
    found = measure(Bench(Paced(lost_after=8), Reference.on(None), None, 0.5), CASES)
    assert {one.stopped for one in found} == {"error"}
    assert all("server went away" in one.error for one in found)
    assert any(one.rounds for one in found)


# ---- through a server


@contextmanager
def served() -> Iterator[tuple[str, Callable[[], None]]]:
    """A server with a loop of its own; its address, and what takes it away."""
    ready, stop = threading.Event(), threading.Event()
    address: list[str] = []

    async def serve() -> None:
        library = Library.of(FakeProgram())
        with Worker(library) as worker:
            server = Server(worker, library, Settings(port=0))
            await server.start()
            address.append(server.address)
            ready.set()
            await asyncio.to_thread(stop.wait)
            await server.stop(drain=0)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(20)

    def end() -> None:
        stop.set()
        thread.join()

    try:
        yield address[0], end
    finally:
        end()


def test_a_server_is_profiled_from_outside():
    made = new_report({"cpu": "any", "cores": 2, "gpu": None}, {}, "today")
    wishes = Wishes(Axes((60,), None, None, (1, 2)), 10, stop=SOON)
    with served() as (address, _), Client(address) as client:
        profile_server(made, client, [models.stand_in().info], wishes, Silent())
    assert [case["status"] for case in made["cases"]] == ["measured", "measured"]
    for case in made["cases"]:
        assert {"queue", "step", "decode", "pack", "send", "client"} <= set(case["stages"])
    assert any("the server is a process of its own" in line for line in made["missing"])


def test_the_command_asks_a_server(tmp_path: Path):
    with served() as (address, _):
        arguments = ("--frames", "60", "--seconds-per-case", "2", "--out", tmp_path)
        assert run("--server", address, *arguments) == 0
    assert read_report(tmp_path)["targets"][0]["name"] == "stand-in@server"


def test_a_server_that_is_not_there_still_gives_a_report(tmp_path: Path):
    with served() as (address, end):
        end()
        assert run("--server", address, "--out", tmp_path) == 4
    found = read_report(tmp_path)
    assert found["cases"] == []
    assert any("no server answers" in line for line in found["missing"])
    assert "Missing" in (tmp_path / "report.html").read_text("utf-8")


# ---- the command


def test_the_command_writes_both_files_and_starts_cold(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code = run("--frames", "30", "--seconds-per-case", "2", "--game-load", "50:0.2:1", "--out", tmp_path)
    assert code == 0
    found = read_report(tmp_path / "report.json")
    [target] = found["targets"]
    assert target["cold"]["to_first_frame_ms"] > target["cold"]["imports_ms"] > 0
    assert found["game"]["alone"]["count"] > 0
    assert [case["game"] for case in found["cases"]] == [False, True]
    assert {answer["kind"] for answer in found["answers"]} == {"characters", "preset", "turn_down"}
    assert any("GPU" in line for line in found["missing"]) or found["machine"]["gpu"]
    said = capsys.readouterr()
    assert "at most about" in said.err
    assert "cold start" in said.out


def test_a_provider_that_is_not_there_is_named(tmp_path: Path):
    arguments = ("--frames", "30", "--seconds-per-case", "1", "--no-cold", "--out", tmp_path)
    run(*arguments, "--provider", "cuda")
    assert any("no provider" in line for line in read_report(tmp_path)["missing"])


def test_client_figures_stand_beside_ours(tmp_path: Path):
    figures = tmp_path / "client.json"
    figures.write_text('{"first_pose_ms": 12.5}')
    arguments = ("--frames", "30", "--seconds-per-case", "1", "--no-cold", "--out", tmp_path)
    run(*arguments, "--client", figures)
    assert read_report(tmp_path)["client"] == {"first_pose_ms": 12.5}
    assert "first pose ms" in (tmp_path / "report.html").read_text("utf-8")


def write(folder: Path, blocks: Sequence[float], machine: str = "one") -> Path:
    """A report of one case."""
    made = new_report({"cpu": machine, "cores": 2, "gpu": None}, {}, "today")
    case = {"name": "a", "reference": "gemm", "ratio": {"blocks": list(blocks)}, "end_to_end": {"p50": 1.0}}
    made["cases"] = [case]
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(made))
    return folder


@pytest.mark.parametrize(("limit", "code"), [("10%", 1), ("20%", 0), (None, 0)])
def test_a_regression_fails_over_its_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], limit: str | None, code: int
):
    steady = 1 + np.arange(10) / 1000
    before, after = (
        write(tmp_path / "before", steady.tolist()),
        write(tmp_path / "after", (steady * 1.15).tolist()),
    )
    assert run("diff", before, after, *(("--fail-over", limit) if limit else ())) == code
    assert "slower" in capsys.readouterr().out


def test_reports_of_other_machines_are_compared_with_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    before, after = write(tmp_path / "a", [1.0] * 10), write(tmp_path / "b", [1.0] * 10, "other")
    assert run("diff", before, after, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["machines"] == ["cpu"]
    assert found["changes"][0]["verdict"] == "same"


@pytest.mark.parametrize("content", ["", "[]", "{}", json.dumps({"schema": SCHEMA, "version": VERSION + 1})])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str):
    (tmp_path / "report.json").write_text(content)
    with pytest.raises(InvalidFile, match="expected"):
        read_report(tmp_path)


def test_a_game_runs_in_a_process_of_its_own():
    code = "import sys; from posewire_runtime.profile.game import run_worker; run_worker(sys.argv[1])"
    load = game.Game(game.GameLoad(200, 0.1, 1), [sys.executable, "-c", code])
    frames: list[tuple[float, float]] = []
    threading.Event().wait(0.2)
    frames = load.stop()
    assert frames
    assert all(seconds > 0 for _, seconds in frames)
    with pytest.raises(DeviceError, match="load to start"):
        game.Game(game.GameLoad(), [sys.executable, "-c", "pass"])


# ---- graphs


@pytest.mark.parametrize("precision", ["fp32", "fp16", "int8"])
def test_the_reference_product_multiplies(tmp_path: Path, precision: str):
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    kinds = {"fp32": ("float32", "float32"), "fp16": ("float16", "float16"), "int8": ("uint8", "int8")}
    x = rng.integers(0, 9, (3, 200)).astype(kinds[precision][0])
    w = rng.integers(0, 9, (200, 5)).astype(kinds[precision][1])
    session = onnxruntime.InferenceSession(
        graphs.product(3, 200, 5, precision), providers=["CPUExecutionProvider"]
    )
    [y] = session.run(None, {"x": x, "w": w})
    np.testing.assert_allclose(y, x.astype(np.float64) @ w.astype(np.float64), rtol=2e-3)


def test_ceilings_and_meter_on_the_cpu():
    pytest.importorskip("onnxruntime")
    meter = Meter()
    engine = Engine(EngineSettings(provider="cpu", meter=meter))
    found = ceilings(engine, "fp32")
    assert found.flops > 0
    assert found.bytes > 0
    assert set(meter.read()) == {"reference"}
    assert Reference.on(engine).seconds() > 0


def test_onnx_runtime_s_own_profile_is_read(tmp_path: Path):
    pytest.importorskip("onnxruntime")
    file = tmp_path / "product.onnx"
    file.write_bytes(graphs.product(8, 16, 4, "fp32"))
    engine = Engine(EngineSettings(provider="cpu", operators=tmp_path))
    graph = engine.load(file)
    for _ in range(3):
        graph.run({"x": np.ones((8, 16), np.float32), "w": np.ones((16, 4), np.float32)})
    del graph
    [written] = tmp_path.glob("product_*.json")
    use = operators.read_profile("product", json.loads(written.read_text()))
    assert use.runs == 2
    assert use.flops == 2 * 2 * 8 * 16 * 4
    assert use.bytes == 2 * 4 * (8 * 16 + 16 * 4 + 8 * 4)
    said = use.to_dict("CPUExecutionProvider")
    assert said["fell_back"] == 0
    assert said["operators"][0]["operator"] == "MatMul"
    assert use.to_dict("CUDAExecutionProvider")["fell_back"] == 1


def test_weights_that_were_repacked_count_as_traffic():
    plain = {"op_name": "Gemm", "activation_size": "2560", "parameter_size": "256", "output_size": "10240"}
    shapes = {
        "input_type_shape": [{"float": [10, 64]}, {"float": [64]}],
        "output_type_shape": [{"float": [10, 64]}],
    }
    assert operators.operations({**plain, **shapes}) == 2 * 10 * 64 * 64
    assert operators.traffic({**plain, **shapes}) == 2560 + 256 + 10240 + 64 * 64 * 4


def test_attention_counts_both_of_its_products():
    heads = [{"float": [1, 4, 20, 16]}, {"float": [1, 4, 30, 16]}]
    arguments = {"op_name": "Attention", "input_type_shape": heads, "output_type_shape": [heads[0]]}
    assert operators.operations(arguments) == 4 * 4 * 20 * 30 * 16


# ---- a GPU's facts


class Library0:
    """The management library of a machine with one GPU, as its documentation describes it."""

    def __init__(self, power: int = 0) -> None:
        self._power = power

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlShutdown(self) -> int:
        return 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        return 0

    def nvmlDeviceGetName(self, handle: Any, text: Any, length: Any) -> int:
        text.value = b"A card"
        return 0

    def nvmlSystemGetDriverVersion(self, text: Any, length: Any) -> int:
        text.value = b"580.1"
        return 0

    def nvmlDeviceGetClockInfo(self, handle: Any, kind: int, value: Any) -> int:
        value._obj.value = 1500 + kind
        return 0

    nvmlDeviceGetMaxClockInfo = nvmlDeviceGetClockInfo

    def nvmlDeviceGetPowerUsage(self, handle: Any, value: Any) -> int:
        value._obj.value = 61500
        return self._power

    nvmlDeviceGetEnforcedPowerLimit = nvmlDeviceGetPowerUsage

    def nvmlDeviceGetPerformanceState(self, handle: Any, value: Any) -> int:
        value._obj.value = 2
        return 0


def test_a_gpu_says_what_it_is():
    found = nvidia.read_facts(Library0(), 0)
    assert found is not None
    assert (found.name, found.driver, found.clock_mhz, found.memory_clock_mhz) == (
        "A card",
        "580.1",
        1500,
        1502,
    )
    assert (found.power_watts, found.state) == (61.5, 2)


def test_what_a_gpu_does_not_say_is_none():
    found = nvidia.read_facts(Library0(power=3), 0)
    assert found is not None
    assert found.power_watts is None

"""The engine on the CPU, for real: small committed graphs (see make_graphs.py)."""

import importlib
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from posewire_runtime.device import cores, engine, replay
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import InvalidRequest, MissingExtra, PackageError
from posewire_runtime.packages.manifest import TensorSpec

GRAPHS = Path(__file__).parent / "graphs"
WEIGHTS = np.fromfile(GRAPHS / "weights.bin", np.float32).reshape(4, 3)
X = np.arange(8, dtype=np.float32).reshape(2, 4)


@pytest.fixture(scope="module")
def cpu() -> Engine:
    return Engine(EngineSettings(threads=1))


def test_auto_ends_at_the_cpu_where_nothing_else_is(cpu: Engine) -> None:
    assert (cpu.provider, cpu.device) == ("cpu", "cpu")


@pytest.mark.parametrize("occasional", [False, True])
def test_graphs_run_and_say_what_goes_in_and_out(cpu: Engine, occasional: bool) -> None:
    graph = cpu.load(GRAPHS / "affine.onnx", occasional=occasional)
    assert graph.inputs == (TensorSpec("x", "float32", ("rows", 4)),)
    assert graph.outputs == (TensorSpec("y", "float32", ("rows", 3)),)
    for _ in range(2):
        np.testing.assert_allclose(graph.run({"x": X})["y"], X @ WEIGHTS + 1, rtol=1e-6)


def test_two_graphs_read_one_file_of_weights(cpu: Engine) -> None:
    graph = cpu.load(GRAPHS / "double.onnx", occasional=True)
    np.testing.assert_allclose(graph.run({"x": X})["y"], 2 * X @ WEIGHTS, rtol=1e-6)


def test_types_and_a_choice_of_outputs(cpu: Engine) -> None:
    graph = cpu.load(GRAPHS / "masked.onnx")
    assert [(spec.name, spec.dtype) for spec in graph.inputs] == [
        ("x", "float32"),
        ("mask", "bool"),
        ("index", "int64"),
    ]
    feeds = {"x": X[0], "mask": X[0] > 1, "index": np.array([4])}
    found = graph.run(feeds)
    assert (found["total"], found["next"]) == (5, 5)
    assert list(graph.run(feeds, ["next"])) == ["next"]


def test_arrays_that_stay_on_the_device_feed_the_next_run(cpu: Engine) -> None:
    graph = cpu.load(GRAPHS / "affine.onnx")
    kept = graph.run_on_device({"x": cpu.put(X)})["y"]
    assert (kept.shape, kept.nbytes) == ((2, 3), 24)
    np.testing.assert_allclose(kept.numpy(), X @ WEIGHTS + 1, rtol=1e-6)
    total = cpu.load(GRAPHS / "masked.onnx").run(
        {"x": cpu.put(kept.numpy()[0]), "mask": np.ones(3, bool), "index": np.array([0])}
    )["total"]
    np.testing.assert_allclose(total, kept.numpy()[0].sum(), rtol=1e-6)


def test_sizes_of_named_axes_can_be_fixed(cpu: Engine) -> None:
    graph = cpu.load(GRAPHS / "affine.onnx", sizes={"rows": 2})
    assert graph.inputs[0].shape == (2, 4)
    graph.warm_up({})
    with pytest.raises(PackageError, match="refuses what its program feeds it"):
        graph.run({"x": X[:1]})


def test_warming_up_needs_the_sizes_of_named_axes(cpu: Engine) -> None:
    graph = cpu.load(GRAPHS / "affine.onnx")
    graph.warm_up({"rows": 7})
    with pytest.raises(InvalidRequest, match="x: expected sizes for its axes rows"):
        graph.warm_up({})


def test_a_broken_or_missing_graph_is_the_packages_fault(cpu: Engine, tmp_path: Path) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes((GRAPHS / "affine.onnx").read_bytes()[:40])
    for path in (broken, tmp_path / "missing.onnx"):
        with pytest.raises(PackageError, match="expected a graph that ONNX Runtime can load"):
            cpu.load(path)
    shutil.copy(GRAPHS / "affine.onnx", tmp_path)  # without its weights
    with pytest.raises(PackageError, match="weights"):
        cpu.load(tmp_path / "affine.onnx")


@pytest.mark.parametrize("spin", ["never", "running", "always"])
def test_every_way_of_waiting_gives_the_same_numbers(spin: Any) -> None:
    graph = Engine(EngineSettings(provider="cpu", threads=2, spin=spin)).load(GRAPHS / "affine.onnx")
    np.testing.assert_allclose(graph.run({"x": X})["y"], X @ WEIGHTS + 1, rtol=1e-6)


def test_no_runtime_at_all_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"posewire\[cpu\]"):
        Engine()


def test_another_missing_module_is_not_mistaken_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str) -> None:
        raise ModuleNotFoundError("no other", name="other")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(ModuleNotFoundError, match="no other"):
        engine.Engine()


# ---- replay -----------------------------------------------------------------


def test_a_replay_runs_at_fixed_addresses(cpu: Engine) -> None:
    graph = cpu.load(GRAPHS / "masked.onnx", capture=True)
    fixed = replay.Replay(cpu, graph, {"length": 4})
    outputs = fixed.run({"x": X[0], "mask": np.ones(4, bool), "index": np.array([1])})
    assert outputs["total"].numpy() == 6
    again = fixed.run({"x": cpu.allocate(X[1])})  # mask and index keep their values
    assert again["total"] is outputs["total"]
    assert outputs["total"].numpy() == 22
    assert outputs["next"].numpy() == 2
    assert fixed.nbytes == 16 + 4 + 8 + 4 + 8


@pytest.mark.parametrize(
    ("feed", "message"),
    [
        ({"x": X}, r"x: expected float32 \(4,\), found float32 \(2, 4\)"),
        ({"x": X[0].astype(np.float64)}, r"x: expected float32 \(4,\), found float64 \(4,\)"),
        ({"y": X}, "expected inputs among x, mask, index, found 'y'"),
    ],
)
def test_a_replay_refuses_what_does_not_fit(cpu: Engine, feed: dict[str, Any], message: str) -> None:
    fixed = replay.Replay(cpu, cpu.load(GRAPHS / "masked.onnx"), {"length": 4})
    with pytest.raises(InvalidRequest, match=message):
        fixed.run(feed)


def test_buckets_hold_what_fits() -> None:
    assert [replay.bucket_of(n, (64, 128, 360)) for n in (1, 64, 65, 360)] == [64, 64, 128, 360]
    with pytest.raises(InvalidRequest, match="at most 360 frames"):
        replay.bucket_of(361, (64, 128, 360))


# ---- cores ------------------------------------------------------------------


def test_cores_are_counted_within_the_containers_quota(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cores.physical_cores() >= 1
    monkeypatch.setattr(cores, "_cores_by_topology", lambda: 8)
    for text, expected in (("250000 100000", 2), ("50000 100000", 1), ("max 100000", 8), ("", 8)):
        (tmp_path / "cpu.max").write_text(text)
        monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
        assert cores.physical_cores() == expected


def test_hardware_threads_of_one_core_count_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for cpu, siblings in enumerate(("0,2", "1,3", "0,2", "1,3")):
        (tmp_path / f"cpu{cpu}" / "topology").mkdir(parents=True)
        (tmp_path / f"cpu{cpu}" / "topology" / "thread_siblings_list").write_text(siblings + "\n")
    monkeypatch.setattr(cores, "_CPUS", tmp_path)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "none")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert cores.physical_cores() == 2
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    assert cores.physical_cores() == 2  # cpu5 tells nothing about itself: a core of its own

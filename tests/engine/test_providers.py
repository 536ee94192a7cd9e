"""Provider choice by literals, then the engine against a stand-in for GPU builds of ONNX Runtime.

The stand-in records what it is asked for and answers as those builds do, silent fallback included.
It can't show that a GPU computes anything; it shows that the engine asks for the right things and
accepts no wrong answers.
"""

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from posewire_runtime.device import engine, providers
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.device.replay import Replay
from posewire_runtime.errors import DeviceError, InvalidRequest, PackageError

CUDA, CPU, TENSORRT = providers.NAMES["cuda"], providers.NAMES["cpu"], providers.NAMES["tensorrt"]
DIRECTML = providers.NAMES["directml"]
X = np.ones((2, 3), np.float32)

# ---- decisions --------------------------------------------------------------


@pytest.mark.parametrize(
    ("available", "expected"),
    [
        ([CPU], ("cpu",)),
        ([TENSORRT, CUDA, CPU], ("cuda", "cpu")),
        ([DIRECTML, CPU], ("directml", "cpu")),
        (["CoreMLExecutionProvider", CPU], ("cpu",)),
    ],
)
def test_auto_tries_what_needs_no_preparation(available: list[str], expected: tuple[str, ...]) -> None:
    assert providers.candidates("auto", available) == expected


def test_a_named_provider_is_the_only_candidate() -> None:
    assert providers.candidates("tensorrt", [TENSORRT, CUDA, CPU]) == ("tensorrt",)


@pytest.mark.parametrize("name", [name for name in providers.NAMES if name != "cpu"])
def test_a_provider_that_the_build_lacks_names_what_is_there_and_what_to_install(name: str) -> None:
    with pytest.raises(InvalidRequest, match=rf"'{name}': not in the installed .* has: cpu; pip install"):
        providers.candidates(name, [CPU])


def test_an_unknown_provider_names_the_known_ones() -> None:
    with pytest.raises(InvalidRequest, match=r"expected auto, cpu, cuda, .* found 'gpu'"):
        providers.candidates("gpu", [CPU])


def test_cuda_options_follow_the_settings() -> None:
    settings = EngineSettings(
        device=1, memory_limit=2**30, tf32=True, options={"cudnn_conv_use_max_workspace": "0"}
    )
    (name, options), (fallback, _) = providers.arguments("cuda", settings, capture=True)
    assert (name, fallback) == (CUDA, CPU)
    assert options == {
        "device_id": "1",
        "arena_extend_strategy": "kSameAsRequested",
        "use_tf32": "1",
        "gpu_mem_limit": str(2**30),
        "enable_cuda_graph": "1",
        "cudnn_conv_use_max_workspace": "0",
    }
    plain = providers.arguments("cuda", EngineSettings(), capture=False)[0][1]
    assert plain == {"device_id": "0", "arena_extend_strategy": "kSameAsRequested", "use_tf32": "0"}


def test_strict_leaves_no_cpu_to_fall_back_to() -> None:
    """ONNX Runtime refuses its strict mode together with the CPU in the list."""
    names = [name for name, _ in providers.arguments("tensorrt", EngineSettings(strict=True), capture=False)]
    assert names == [TENSORRT, CUDA]
    assert providers.arguments("cpu", EngineSettings(strict=True), capture=False) == [(CPU, {})]


def test_tensorrt_keeps_its_engines_where_told() -> None:
    settings = EngineSettings(cache=Path("engines"), memory_limit=5)
    options = providers.arguments("tensorrt", settings, capture=True)[0][1]
    assert options["trt_engine_cache_path"] == "engines"
    assert options["trt_max_workspace_size"] == "5"
    assert options["trt_cuda_graph_enable"] == "1"


def test_the_other_providers_have_options_of_their_own() -> None:
    assert providers.arguments("coreml", EngineSettings(), capture=False)[0][1] == {
        "ModelFormat": "MLProgram"
    }
    assert providers.arguments("directml", EngineSettings(device=2), capture=False)[0][1] == {
        "device_id": "2"
    }
    assert providers.arguments("openvino", EngineSettings(), capture=False)[0][1] == {}


# ---- the engine with a GPU build --------------------------------------------


class RuntimeFailure(Exception):
    """What ONNX Runtime's own exceptions look like."""


RuntimeFailure.__module__ = "onnxruntime.capi.onnxruntime_pybind11_state"


class OrtValue:
    """An array that says where it is."""

    def __init__(self, array: np.ndarray, device: str) -> None:
        self.array, self.device = array, device

    @staticmethod
    def ortvalue_from_numpy(array: np.ndarray, device: str, index: int) -> "OrtValue":
        return OrtValue(array.copy(), f"{device}:{index}")

    @staticmethod
    def ortvalue_from_shape_and_type(
        shape: tuple[int, ...], kind: type[np.generic], device: str, index: int
    ) -> "OrtValue":
        return OrtValue(np.empty(shape, kind), f"{device}:{index}")

    def update_inplace(self, array: np.ndarray) -> None:
        self.array[...] = array

    def numpy(self) -> np.ndarray:
        return self.array

    def shape(self) -> list[int]:
        return list(self.array.shape)

    def tensor_size_in_bytes(self) -> int:
        return self.array.nbytes

    def data_type(self) -> str:
        return "tensor(float)"


class Binding:
    def __init__(self) -> None:
        self.inputs: dict[str, Any] = {}
        self.outputs: dict[str, Any] = {}

    def bind_ortvalue_input(self, name: str, value: OrtValue) -> None:
        self.inputs[name] = value

    def bind_cpu_input(self, name: str, array: np.ndarray) -> None:
        self.inputs[name] = array

    def bind_output(self, name: str, device: str, index: int) -> None:
        self.outputs[name] = f"{device}:{index}"

    def bind_ortvalue_output(self, name: str, value: OrtValue) -> None:
        self.outputs[name] = value

    def get_outputs(self) -> list[OrtValue]:
        return [OrtValue(X, device) for device in self.outputs.values()]


class Options(SimpleNamespace):
    def __init__(self) -> None:
        super().__init__(entries={})

    def add_session_config_entry(self, key: str, value: str) -> None:
        self.entries[key] = value

    add_run_config_entry = add_session_config_entry


class FakeRuntime:
    """A build with CUDA; `working` are the providers whose libraries load."""

    OrtValue, SessionOptions, RunOptions = OrtValue, Options, Options
    ExecutionMode = SimpleNamespace(ORT_SEQUENTIAL="sequential")

    def __init__(self, *working: str) -> None:
        self.working = working
        self.available = [TENSORRT, CUDA, DIRECTML, CPU]
        self.sessions: list[Any] = []
        self.failure: Exception | None = None

    def get_available_providers(self) -> list[str]:
        return self.available

    def InferenceSession(self, model: Any, options: Options, providers: list[tuple[str, Any]]) -> Any:
        if self.failure is not None:
            raise self.failure
        started = [name for name, _ in providers if name in (*self.working, CPU)] or [CPU]
        axis = SimpleNamespace(name="x", type="tensor(float)", shape=["rows", None])
        session = SimpleNamespace(
            model=model,
            options=options,
            asked=providers,
            bindings=[],
            get_providers=lambda: started,
            get_inputs=lambda: [axis],
            get_outputs=lambda: [axis],
            run=lambda names, feeds, options=None: [X],
            io_binding=Binding,
        )
        session.run_with_iobinding = lambda binding, options: session.bindings.append((binding, options))
        self.sessions.append(session)
        return session


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> FakeRuntime:
    fake = FakeRuntime(CUDA)
    monkeypatch.setattr(engine, "_runtime", lambda: fake)
    return fake


def test_auto_takes_the_gpu_that_works(gpu: FakeRuntime) -> None:
    assert Engine().provider == "cuda"


def test_auto_says_why_it_ends_at_the_cpu(gpu: FakeRuntime, caplog: pytest.LogCaptureFixture) -> None:
    gpu.working = ()
    with caplog.at_level(logging.WARNING, "posewire.engine"):
        assert Engine().provider == "cpu"
    assert [record.message.split(":")[0] for record in caplog.records] == [
        "provider 'cuda'",
        "provider 'directml'",
    ]
    assert "could not start it, and offered CPUExecutionProvider" in caplog.text


def test_a_named_provider_is_never_replaced(gpu: FakeRuntime) -> None:
    gpu.working = ()
    with pytest.raises(DeviceError, match=r"'cuda': .* could not start it") as caught:
        Engine(EngineSettings(provider="cuda"))
    assert caught.value.retry_after is None  # waiting doesn't install a driver


def test_a_graph_that_falls_back_is_refused_though_the_engine_started(gpu: FakeRuntime) -> None:
    started = Engine()
    gpu.working = ()
    with pytest.raises(DeviceError, match=r"big\.onnx: provider 'cuda'"):
        started.load("big.onnx")


@pytest.mark.parametrize(
    ("message", "kind"),
    [("CUDA out of memory", DeviceError), ("Failed to allocate", DeviceError), ("bad node", PackageError)],
)
def test_load_failures_are_told_apart(gpu: FakeRuntime, message: str, kind: type[Exception]) -> None:
    started = Engine()
    gpu.failure = RuntimeFailure(message)
    with pytest.raises(kind, match=message):
        started.load("graph.onnx")


def test_mistakes_of_our_own_are_not_disguised(gpu: FakeRuntime) -> None:
    started = Engine()
    gpu.failure = TypeError("ours")
    with pytest.raises(TypeError, match="ours"):
        started.load("graph.onnx")


def test_strict_mode_is_asked_for_on_gpus(gpu: FakeRuntime) -> None:
    Engine(EngineSettings(provider="cuda", strict=True)).load("graph.onnx")
    for session in gpu.sessions:
        assert session.options.entries["session.disable_cpu_ep_fallback"] == "1"
        assert [name for name, _ in session.asked] == [CUDA]


def test_directml_gets_the_options_it_requires(gpu: FakeRuntime) -> None:
    gpu.working = (DIRECTML,)
    assert Engine(EngineSettings(provider="directml")).device == "dml"
    assert gpu.sessions[0].options.execution_mode == "sequential"
    assert gpu.sessions[0].options.enable_mem_pattern is False


def test_arrays_on_the_device_are_bound_where_they_are(gpu: FakeRuntime) -> None:
    cuda = Engine(EngineSettings(provider="cuda", device=3))
    graph = cuda.load("graph.onnx")
    kept = graph.run_on_device({"x": cuda.put(X)})["x"]
    (binding, _), *_ = gpu.sessions[-1].bindings
    assert binding.inputs["x"].device == "cuda:3"
    assert binding.outputs == {"x": "cuda:3"}
    assert (kept.shape, kept.dtype, kept.nbytes) == ((2, 3), "float32", 24)

    back = graph.run({"x": kept, "scale": X.T})["x"]
    binding, _ = gpu.sessions[-1].bindings[-1]
    assert binding.inputs["x"] is kept.value
    assert binding.inputs["scale"].flags.c_contiguous
    assert binding.outputs == {"x": "cpu:0"}
    assert np.array_equal(back, X)


def test_scratch_of_occasional_graphs_is_given_back_on_both_sides(gpu: FakeRuntime) -> None:
    graph = Engine(EngineSettings(provider="cuda", device=1)).load("graph.onnx", occasional=True)
    graph.run({"x": X})
    _, options = gpu.sessions[-1].bindings[-1]
    assert options.entries == {"memory.enable_memory_arena_shrinkage": "cpu:0;gpu:1"}

    gpu.working = (DIRECTML,)  # its memory has no arena that ONNX Runtime could shrink
    Engine(EngineSettings(provider="directml")).load("graph.onnx", occasional=True).run({"x": X})
    _, options = gpu.sessions[-1].bindings[-1]
    assert options.entries == {"memory.enable_memory_arena_shrinkage": "cpu:0"}


def test_a_failing_device_fails_the_run(gpu: FakeRuntime) -> None:
    graph = Engine().load("graph.onnx")

    def failing(binding: Binding, options: Options) -> None:
        raise RuntimeFailure("CUDA error 700")

    gpu.sessions[-1].run_with_iobinding = failing
    with pytest.raises(DeviceError, match=r"graph\.onnx: the device failed .* CUDA error 700") as caught:
        graph.run({"x": X})
    assert caught.value.retry_after is not None


def test_a_replay_records_under_its_own_number_at_addresses_that_stay(gpu: FakeRuntime) -> None:
    cuda = Engine()
    graph = cuda.load("graph.onnx", capture=True)
    assert gpu.sessions[-1].asked[0][1]["enable_cuda_graph"] == "1"
    fixed = Replay(cuda, graph, {"rows": 2, "?": 3}, recording=7)
    fixed.run({"x": X})
    (first, options), (second, _) = gpu.sessions[-1].bindings
    assert first is second
    assert options.entries == {"gpu_graph_id": "7"}
    assert first.inputs["x"].device == first.outputs["x"].device == "cuda:0"
    assert np.array_equal(first.inputs["x"].array, X)

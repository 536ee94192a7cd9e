"""Graphs in ONNX Runtime: one engine a device, one `Graph` a file.

    engine = Engine(EngineSettings(provider="cuda"))
    graph = engine.load(path)
    velocity = graph.run({"x": x, "keys": keys_on_device})["velocity"]

What an engine holds to: a provider asked for by name runs, or there is an error; a session that
ONNX Runtime quietly moved to another provider is refused. Arrays that stay on the device between
calls are `DeviceArray`s; on the CPU they are plain arrays in disguise, so families need one path.
Knows no model family, and imports ONNX Runtime only when an engine is made.
"""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from posewire_runtime.device import providers
from posewire_runtime.device.cores import physical_cores
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import DeviceError, InvalidRequest, PackageError
from posewire_runtime.packages.manifest import TensorSpec

Array = NDArray[Any]

_log = logging.getLogger("posewire.engine")

_RELU = bytes.fromhex(
    "080812003a330a0c0a0178120179220452656c751201705a0f0a0178120a0a08"
    "080112040a020801620f0a0179120a0a08080112040a02080142040a001011"
)
"""The smallest graph that a device has to run: y = relu(x), one float."""


class DeviceArray:
    """An array in the memory of an engine's device: an OrtValue, or a plain array on the CPU."""

    def __init__(self, value: Any) -> None:
        self.value = value
        self._host: Array | None = value if isinstance(value, np.ndarray) else None

    @property
    def shape(self) -> tuple[int, ...]:
        return self._host.shape if self._host is not None else tuple(self.value.shape())

    @property
    def dtype(self) -> str:
        """As numpy names it."""
        return str(self._host.dtype) if self._host is not None else _dtype(self.value.data_type())

    @property
    def nbytes(self) -> int:
        return self._host.nbytes if self._host is not None else int(self.value.tensor_size_in_bytes())

    def numpy(self) -> Array:
        """The array in host memory; without a copy where it is there already."""
        return self._host if self._host is not None else self.value.numpy()


class Graph:
    """A loaded graph. `run` may be called from several threads at once."""

    def __init__(self, session: Any, ort: Any, path: Path, provider: str, settings: EngineSettings) -> None:
        self.path = path
        self.provider = provider
        self.inputs = tuple(_spec(node) for node in session.get_inputs())
        self.outputs = tuple(_spec(node) for node in session.get_outputs())
        self._session = session
        self._ort = ort
        self._device = providers.device_of(provider)
        self._device_id = settings.device
        self._run_options: Any = None
        self._meter = settings.meter

    def release_scratch_after_runs(self) -> None:
        """Give the memory of intermediate results back after each run, instead of keeping it for the next."""
        self._run_options = self._ort.RunOptions()
        arenas = f"cpu:0;gpu:{self._device_id}" if self._device == "cuda" else "cpu:0"
        self._run_options.add_run_config_entry("memory.enable_memory_arena_shrinkage", arenas)

    def run(
        self, feeds: Mapping[str, Array | DeviceArray], outputs: Sequence[str] | None = None
    ) -> dict[str, Array]:
        """Run it; the outputs (all, or those named) come back to host memory."""
        names = self._names(outputs)
        if self._device == "cpu":
            return dict(zip(names, self._run_on_host(names, feeds), strict=True))
        values = self._run_bound(names, feeds, "cpu", 0)
        return {name: value.numpy() for name, value in zip(names, values, strict=True)}

    def run_on_device(
        self, feeds: Mapping[str, Array | DeviceArray], outputs: Sequence[str] | None = None
    ) -> dict[str, DeviceArray]:
        """Run it; the outputs stay where the device has them."""
        names = self._names(outputs)
        if self._device == "cpu":
            values = self._run_on_host(names, feeds)
        else:
            values = self._run_bound(names, feeds, self._device, self._device_id)
        return {name: DeviceArray(value) for name, value in zip(names, values, strict=True)}

    def warm_up(self, sizes: Mapping[str, int]) -> None:
        """Run once on zeros, so that the first request doesn't pay for set-up; `sizes` of the named axes."""
        self.run({spec.name: zeros(spec, sizes) for spec in self.inputs})

    def bound(
        self, inputs: Mapping[str, DeviceArray], outputs: Mapping[str, DeviceArray], recording: int
    ) -> Callable[[], None]:
        """A function that runs it on these very arrays (OrtValues, not plain ones), each time anew.

        `recording` numbers the CUDA graph that a graph loaded with `capture` records and replays.
        """
        binding = self._session.io_binding()
        for name, array in inputs.items():
            binding.bind_ortvalue_input(name, array.value)
        for name, array in outputs.items():
            binding.bind_ortvalue_output(name, array.value)
        options = self._ort.RunOptions()
        options.add_run_config_entry("gpu_graph_id", str(recording))

        def run() -> None:
            with self._running():
                self._session.run_with_iobinding(binding, options)

        return run

    def _names(self, outputs: Sequence[str] | None) -> list[str]:
        return [spec.name for spec in self.outputs] if outputs is None else list(outputs)

    def _run_on_host(self, names: list[str], feeds: Mapping[str, Array | DeviceArray]) -> list[Array]:
        host = {
            name: value.numpy() if isinstance(value, DeviceArray) else value for name, value in feeds.items()
        }
        with self._running():
            return self._session.run(names, host, self._run_options)

    def _run_bound(
        self, names: list[str], feeds: Mapping[str, Array | DeviceArray], device: str, device_id: int
    ) -> list[Any]:
        binding = self._session.io_binding()
        for name, value in feeds.items():
            if isinstance(value, DeviceArray):
                binding.bind_ortvalue_input(name, value.value)
            else:
                binding.bind_cpu_input(name, np.ascontiguousarray(value))
        for name in names:
            binding.bind_output(name, device, device_id)
        with self._running():
            self._session.run_with_iobinding(binding, self._run_options)
        return binding.get_outputs()

    @contextmanager
    def _running(self) -> Generator[None]:
        """Around every run: whose fault an error is, and how long it took, where somebody asks."""
        with _run_errors(self.path), self._meter.running(self.path.stem) if self._meter else nullcontext():
            yield


class Engine:
    """A provider on a device, proven to work by a first tiny run."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.settings = settings or EngineSettings()
        self._ort = _runtime()
        self.provider = self._start()
        """The provider that really runs; a key of `providers.NAMES`."""

    @property
    def device(self) -> str:
        """ONNX Runtime's name of the memory where `DeviceArray`s live."""
        return providers.device_of(self.provider)

    @property
    def threads(self) -> int:
        """Of the CPU, for one graph."""
        return self.settings.threads or physical_cores()

    def load(
        self,
        path: str | os.PathLike[str],
        *,
        occasional: bool = False,
        capture: bool = False,
        sizes: Mapping[str, int] | None = None,
        threads: int | None = None,
    ) -> Graph:
        """Load a graph; `sizes` fixes named axes, which static-shape providers need.

        `occasional` is for graphs that run once a prompt rather than once a step: they keep no repacked
        copy of their weights (on the CPU these stay file pages, shared by all sessions and processes that
        read the same file) and no scratch memory between runs. That costs nothing measurable in fp32 at
        some hundred rows, up to half of the speed below a hundred, and two thirds of it in int8.
        `capture` records the device's work as CUDA graphs where the provider can; such a graph runs
        through `replay.Replay`. `threads` of the CPU where it isn't to have all of them.
        """
        options = _session_options(self._ort, self.provider, self.settings, threads or self.threads)
        for axis, size in (sizes or {}).items():
            options.add_free_dimension_override_by_name(axis, size)
        if occasional:
            options.add_session_config_entry("session.disable_prepacking", "1")
        if self.settings.operators is not None:
            options.enable_profiling = True
            options.profile_file_prefix = os.fspath(self.settings.operators / Path(path).stem)
        arguments = providers.arguments(self.provider, self.settings, capture=capture)
        with _load_errors(Path(path)):
            session = self._ort.InferenceSession(os.fspath(path), options, providers=arguments)
        if session.get_providers()[0] != providers.NAMES[self.provider]:
            raise _lasting(f"{path}: {providers.fell_back(self.provider, session.get_providers())}")
        graph = Graph(session, self._ort, Path(path), self.provider, self.settings)
        if occasional:
            graph.release_scratch_after_runs()
        return graph

    def put(self, array: Array) -> DeviceArray:
        """Copy an array to the device (on the CPU: wrap it)."""
        if self.device == "cpu":
            return DeviceArray(array)
        contiguous = np.ascontiguousarray(array)
        return DeviceArray(
            self._ort.OrtValue.ortvalue_from_numpy(contiguous, self.device, self.settings.device)
        )

    def allocate(self, array: Array) -> DeviceArray:
        """An OrtValue of its own on the device, also on the CPU, that starts with the values of `array`."""
        value = self._ort.OrtValue.ortvalue_from_shape_and_type(
            array.shape, array.dtype.type, self.device, self.settings.device
        )
        value.update_inplace(np.ascontiguousarray(array))
        return DeviceArray(value)

    def _start(self) -> str:
        tried = providers.candidates(self.settings.provider, self._ort.get_available_providers())
        for provider in tried:
            reason = self._try(provider)
            if reason is None:
                return provider
            if self.settings.provider != "auto":
                raise _lasting(reason)
            _log.warning("%s; auto goes on to the next provider", reason)
        raise _lasting(f"no execution provider works; tried: {', '.join(tried) or 'none'}")

    def _try(self, provider: str) -> str | None:
        """Run the smallest graph; returns why it didn't work."""
        options = _session_options(self._ort, provider, self.settings, self.threads)
        arguments = providers.arguments(provider, self.settings, capture=False)
        try:
            session = self._ort.InferenceSession(_RELU, options, providers=arguments)
            if session.get_providers()[0] != providers.NAMES[provider]:
                return providers.fell_back(provider, session.get_providers())
            session.run(None, {"x": np.ones(1, np.float32)})
        except Exception as error:
            if not _of_runtime(error):
                raise
            return f"provider {provider!r}: {error}"
        return None


def zeros(spec: TensorSpec, sizes: Mapping[str, int]) -> Array:
    """An array of zeros that fits an input; `sizes` of its named axes."""
    return np.zeros(resolve(spec, sizes), spec.dtype)


def resolve(spec: TensorSpec, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The shape of an input or output once its named axes have sizes."""
    missing = [axis for axis in spec.shape if isinstance(axis, str) and axis not in sizes]
    if missing:
        raise InvalidRequest(
            f"{spec.name}: expected sizes for its axes {', '.join(missing)}, found {dict(sizes)}"
        )
    return tuple(sizes[axis] if isinstance(axis, str) else axis for axis in spec.shape)


def _runtime() -> Any:
    """ONNX Runtime, imported at last; Any, because its builds differ and none has stubs."""
    try:
        return importlib.import_module("onnxruntime")
    except ModuleNotFoundError as error:
        if error.name != "onnxruntime":
            raise
        raise providers.no_runtime() from None


def _session_options(ort: Any, provider: str, settings: EngineSettings, threads: int) -> Any:
    options = ort.SessionOptions()
    options.log_severity_level = 3  # errors; its warnings speak of its own optimisers
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Weights go past the arena, which would round their sizes up and keep the difference.
    options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
    if settings.spin == "never":
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    elif settings.spin == "running":
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if settings.strict and provider != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    if provider == "directml":  # its documentation asks for both
        options.enable_mem_pattern = False
        options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    return options


_DTYPES: Mapping[str, str] = {
    "float": "float32",
    "double": "float64",
    "float16": "float16",
    "bfloat16": "bfloat16",
    "bool": "bool",
    **{name: name for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")},
}
"""ONNX Runtime's names of element types -> numpy's."""


def _spec(node: Any) -> TensorSpec:
    """A session's description of an input or output; unnamed free axes are called `?`."""
    shape = tuple(axis if isinstance(axis, int) else str(axis or "?") for axis in node.shape)
    return TensorSpec(str(node.name), _dtype(str(node.type)), shape)


def _dtype(kind: str) -> str:
    """`tensor(float)` -> `float32`."""
    element = kind.removeprefix("tensor(").removesuffix(")")
    return _DTYPES.get(element, element)


# ---- errors -----------------------------------------------------------------


def _of_runtime(error: Exception) -> bool:
    return type(error).__module__.startswith("onnxruntime") or isinstance(error, RuntimeError)


def _lasting(message: str) -> DeviceError:
    """A device error that no waiting cures."""
    error = DeviceError(message)
    error.retry_after = None
    return error


@contextmanager
def _load_errors(path: Path) -> Generator[None]:
    """A broken graph is the package's fault; memory and drivers are the device's."""
    try:
        yield
    except Exception as error:
        if not _of_runtime(error):
            raise
        text = str(error)
        if any(word in text.lower() for word in ("cuda", "alloc", "memory", "device")):
            raise _lasting(f"{path}: the device can't take the graph: {text}") from error
        raise PackageError(f"{path}: expected a graph that ONNX Runtime can load: {text}") from error


@contextmanager
def _run_errors(path: Path) -> Generator[None]:
    try:
        yield
    except Exception as error:
        if not _of_runtime(error):
            raise
        if type(error).__name__ == "InvalidArgument":
            raise PackageError(f"{path}: the graph refuses what its program feeds it: {error}") from error
        raise DeviceError(f"{path}: the device failed while running the graph: {error}") from error

"""Which execution provider runs the graphs, and with which options: decisions on plain values.

`auto` tries the GPU providers that need no preparation, then the CPU, and says in the log
when a GPU provider of this build didn't work; a provider asked for by name is never
replaced by another. Knows no session: `engine` asks and checks.
Only the CPU provider has been run by this project so far; options of the others follow their
documentation and are unverified on devices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from posewire_runtime.device.meter import Meter
from posewire_runtime.errors import InvalidRequest, MissingExtra, PosewireError

CPU = "CPUExecutionProvider"

NAMES: Mapping[str, str] = {
    "cpu": CPU,
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
}
"""Our name -> ONNX Runtime's."""

_INSTALL: Mapping[str, str] = {
    "cpu": "pip install 'posewire[cpu]'",
    "cuda": "pip install 'posewire[cuda]' (after removing onnxruntime)",
    "tensorrt": "pip install 'posewire[cuda]' (after removing onnxruntime) and TensorRT",
    "directml": "pip install 'posewire[directml]' (after removing onnxruntime)",
    "coreml": "pip install 'posewire[cpu]' on macOS",
    "openvino": "pip install onnxruntime-openvino (after removing onnxruntime)",
}

_AUTOMATIC = ("cuda", "directml", "cpu")
"""TensorRT builds engines for minutes, CoreML and OpenVINO gain or lose by model: only by name."""

_DEVICES: Mapping[str, str] = {"cuda": "cuda", "tensorrt": "cuda", "directml": "dml"}
"""Where ONNX Runtime keeps the arrays of a provider; the others use host memory."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How graphs are run. The defaults suit a game that shares the machine."""

    provider: str = "auto"
    """`auto` or a key of NAMES."""
    device: int = 0
    """Which GPU."""
    threads: int | None = None
    """Of the CPU, for one graph; None: one for each physical core this process may use."""
    spin: Literal["never", "running", "always"] = "running"
    """When idle threads wait busily. ONNX Runtime's own default, `always`, goes on for about 30 ms
    after each run (measured: 31 ms of CPU time in 50 ms of idleness); `running` ends with the run."""
    strict: bool = False
    """Refuse graphs of which any node would run on the CPU although another provider was chosen."""
    memory_limit: int | None = None
    """Bytes of GPU memory that each graph's arena may take."""
    tf32: bool = False
    """Let CUDA round the factors of float32 products to 10 bits of mantissa instead of 23: faster."""
    cache: Path | None = None
    """Where TensorRT keeps its engines; None: it builds them at every start."""
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    """Further options of the provider, passed on as they are."""
    meter: Meter | None = None
    """Hears how long graphs run; None: nobody asks."""
    operators: Path | None = None
    """Folder for what ONNX Runtime's profiler says of operators, a file for each graph; None: it is off."""


def candidates(wanted: str, available: Sequence[str]) -> tuple[str, ...]:
    """The providers to try, in order; `available` is what this build of ONNX Runtime contains."""
    if wanted == "auto":
        return tuple(name for name in _AUTOMATIC if NAMES[name] in available)
    if wanted not in NAMES:
        raise InvalidRequest(f"provider: expected auto, {', '.join(NAMES)}, found {wanted!r}")
    if NAMES[wanted] not in available:
        raise _not_in_build(wanted, available)
    return (wanted,)


def _not_in_build(wanted: str, available: Sequence[str]) -> PosewireError:
    there = ", ".join(name for name, full in NAMES.items() if full in available) or "none"
    return InvalidRequest(
        f"provider {wanted!r}: not in the installed ONNX Runtime, which has: {there}; {_INSTALL[wanted]}"
    )


def no_runtime() -> MissingExtra:
    """The error for a machine without any ONNX Runtime."""
    return MissingExtra("running a model (ONNX Runtime)", "cpu")


def fell_back(wanted: str, found: Sequence[str]) -> str:
    """What to say when ONNX Runtime gave a session on another provider than the one asked for."""
    return (
        f"provider {wanted!r}: ONNX Runtime contains it but could not start it, and offered {found[0]}; "
        f"check the driver and its libraries, or choose the provider 'cpu' or 'auto'"
    )


def device_of(provider: str) -> str:
    """ONNX Runtime's name for the memory that a provider's arrays live in."""
    return _DEVICES.get(provider, "cpu")


def arguments(provider: str, settings: EngineSettings, *, capture: bool) -> list[tuple[str, dict[str, str]]]:
    """The `providers` argument of a session; `capture` asks for CUDA graphs."""
    chosen = [(NAMES[provider], {**_options(provider, settings, capture), **settings.options})]
    if provider == "tensorrt":  # what TensorRT can't take stays on the same device
        chosen.append((NAMES["cuda"], _options("cuda", settings, capture=False)))
    if provider != "cpu" and not settings.strict:
        chosen.append((CPU, {}))
    return chosen


def _options(provider: str, settings: EngineSettings, capture: bool) -> dict[str, str]:
    if provider == "cuda":
        return _cuda_options(settings, capture)
    if provider == "tensorrt":
        return _tensorrt_options(settings, capture)
    if provider == "directml":
        return {"device_id": str(settings.device)}
    if provider == "coreml":
        return {"ModelFormat": "MLProgram"}
    return {}


def _cuda_options(settings: EngineSettings, capture: bool) -> dict[str, str]:
    options = {
        "device_id": str(settings.device),
        "arena_extend_strategy": "kSameAsRequested",  # the other one doubles, and a game needs the rest
        "use_tf32": str(int(settings.tf32)),
    }
    if settings.memory_limit is not None:
        options["gpu_mem_limit"] = str(settings.memory_limit)
    if capture:
        options["enable_cuda_graph"] = "1"
    return options


def _tensorrt_options(settings: EngineSettings, capture: bool) -> dict[str, str]:
    options = {"device_id": str(settings.device)}
    if settings.memory_limit is not None:
        options["trt_max_workspace_size"] = str(settings.memory_limit)
    if settings.cache is not None:
        options |= {"trt_engine_cache_enable": "1", "trt_engine_cache_path": str(settings.cache)}
    if capture:
        options["trt_cuda_graph_enable"] = "1"
    return options

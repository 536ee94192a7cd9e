"""How much faster HY-Motion runs here than as the reference runs it, on this CPU.

    python bench/hymotion_speed.py [--model lite|full] [--seconds 3 12] [--precisions fp32 int8]

The baseline is the plain torch module on padded rows (360 frames + 128 words, two rows for
guidance) for 50 Euler steps, of which a few are timed and the rest multiplied. Ours is the
exported package: the prompt stage of 24 words and every step with guidance; the null branch is
cached. Random weights by a fixed rule. Every ratio is against something measured in this run.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper

from posewire_export.hymotion.network import Config, MotionTransformer
from posewire_export.hymotion.package import Description, Making, Source, write_package
from posewire_export.hymotion.synthetic import FULL, LITE, random_tensors
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.families.hymotion import HyMotion, HyMotionRun, open_program
from posewire_runtime.families.hymotion_text import Vectors
from posewire_runtime.packages.manifest import Normalisation, Precision
from posewire_runtime.packages.package import Package
from posewire_runtime.types import Features, Licence, Request, Sampling

MODELS = {"full": FULL, "lite": LITE}
WORDS = 24
PADDED = (360, 128)
REFERENCE_STEPS = 50
BASELINE_SHARE = 0.70
DENOISE_SHARE = {"fp32": 0.80, "int8": 0.60}
FLOORS = {
    (3, "reference", "fp32"): 6.0,
    (3, "fast", "fp32"): 38,
    (3, "fast", "int8"): 105,
    (12, "reference", "fp32"): 1.65,
    (12, "fast", "fp32"): 10,
    (12, "fast", "int8"): 29,
}
"""What has to be reached for the Lite model: seconds, preset, precision -> times faster."""


@dataclass(frozen=True)
class Timing:
    """One length in one precision; seconds."""

    prompt: dict[str, float]
    """The text side, by preset."""
    step: float
    """A guided step, with everything around the graph."""
    graph: float
    """Its graph call alone."""
    gemm: float
    """ONNX Runtime's own product, GFLOP/s."""


# ---- arithmetic ---------------------------------------------------------------


def padded_flop(config: Config) -> float:
    """One row as the reference computes it."""
    frames, words = PADDED
    d, layers = config.width, config.layers
    tokens = frames + words
    blocks = 24 * d * d * layers * tokens + 4 * tokens * tokens * d * layers
    refiner = 2 * (24 * d * d * words + 4 * words * words * d)
    ends = 2 * words * d * (config.word_dim + d) + 4 * config.frame_dim * d * frames
    return blocks + refiner + ends


def denoise_flop(config: Config, frames: int) -> float:
    """What one row needs of `denoise`: linear layers, and attention to what is visible."""
    d, layers = config.width, config.layers
    at = np.arange(frames)
    visible = int((np.abs(at[:, None] - at) <= config.band).sum()) + frames * WORDS
    return frames * (24 * d * d * layers + 4 * config.frame_dim * d) + 4 * visible * d * layers


# ---- measuring ----------------------------------------------------------------


def best(run: Callable[[], object], times: int) -> float:
    """The least of several times: others share this machine."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        run()
        found.append(time.perf_counter() - begun)
    return min(found)


def torch_gemm(threads: int) -> float:
    """GFLOP/s of torch's own product at the baseline's shape."""
    torch.set_num_threads(threads)
    rows = 2 * sum(PADDED)
    a, b = torch.randn(rows, 1024), torch.randn(1024, 4096)
    return 2 * rows * 1024 * 4096 / best(lambda: a @ b, 10) / 1e9


def runtime_gemm(rows: int, precision: Precision, threads: int) -> float:
    """GFLOP/s of ONNX Runtime's own product, (rows, 1024) by (1024, 4096)."""
    import onnxruntime

    rng = np.random.default_rng(0)
    weight, x = rng.standard_normal((1024, 4096), np.float32), rng.standard_normal((rows, 1024), np.float32)
    if precision == "int8":
        weight, x = (weight * 30).astype(np.int8), (x * 30 + 128).clip(0, 255).astype(np.uint8)
        zero = numpy_helper.from_array(np.array(128, np.uint8), "zero")
        node, inits = helper.make_node("MatMulInteger", ["x", "w", "zero"], ["y"]), [zero]
        kinds = TensorProto.UINT8, TensorProto.INT32
    else:
        node, inits = helper.make_node("MatMul", ["x", "w"], ["y"]), []
        kinds = TensorProto.FLOAT, TensorProto.FLOAT
    graph = helper.make_graph(
        [node],
        "gemm",
        [helper.make_tensor_value_info("x", kinds[0], x.shape)],
        [helper.make_tensor_value_info("y", kinds[1], (rows, 4096))],
        [numpy_helper.from_array(weight, "w"), *inits],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])
    return 2 * rows * 1024 * 4096 / best(lambda: session.run(None, {"x": x}), 20) / 1e9


def baseline(config: Config, tensors: dict[str, torch.Tensor], steps: int, threads: int) -> float:
    """Seconds of one step of the reference's way."""
    torch.set_num_threads(threads)
    with torch.device("meta"):
        network = MotionTransformer(config)
    network.load_state_dict(tensors, assign=True)
    frames, words = PADDED
    inputs = (
        torch.randn(2, frames, config.frame_dim),
        torch.randn(2, words, config.word_dim),
        torch.randn(2, 1, config.sentence_dim),
        torch.full((2,), 0.5),
        (torch.arange(frames) < 90).expand(2, -1),
        (torch.arange(words) < WORDS).expand(2, -1),
    )

    def step() -> None:
        with torch.inference_mode():
            unconditional, conditional = network(*inputs).chunk(2)
            inputs[0].add_(0.02 * (unconditional + 5 * (conditional - unconditional)))

    step()
    return best(step, steps)


def ours(package: Path, precision: Precision, frames: int, repeat: int, threads: int) -> Timing:
    """Our timings for one length."""
    program = open_program(Package.open(package), EngineSettings(provider="cpu", threads=threads))
    config = program._config  # pyright: ignore[reportPrivateUsage]
    rng = np.random.default_rng(0)

    def request(preset: str) -> Request:
        features = Features(
            rng.standard_normal((WORDS, config.word_dim), np.float32),
            rng.standard_normal((1, config.sentence_dim), np.float32),
        )
        return Request("", "bench", frames, seed=0, sampling=Sampling(preset), features=features)

    prompt = {}
    for preset in ("fast", "reference"):
        some = request(preset)  # other features each time, so that nothing is found in a cache
        program.condition([some])
        prompt[preset] = best(lambda preset=preset: program.condition([request(preset)]), repeat)
    run = program.start(some, program.condition([some])[0])
    assert isinstance(run, HyMotionRun), "one text, one run"
    program.step([run])
    step, graph = [], []
    with timed(program, graph):
        for _ in range(4 * repeat):
            run.position, run.failed_at = 0, None
            step.append(best(lambda: program.step([run]), 1))
    program.close()
    gemm = runtime_gemm(2 * frames, precision, threads)
    return Timing(prompt, min(step), min(graph), gemm)


@contextmanager
def timed(program: HyMotion, found: list[float]) -> Iterator[None]:
    """Collect the time of every call of the denoise graph."""
    graph = program._denoise  # pyright: ignore[reportPrivateUsage]
    run = graph.run

    def measured(*args: object) -> object:
        begun = time.perf_counter()
        result = run(*args)  # pyright: ignore[reportArgumentType]
        found.append(time.perf_counter() - begun)
        return result

    graph.run = measured  # pyright: ignore[reportAttributeAccessIssue]
    yield
    del graph.run


# ---- the table ----------------------------------------------------------------


def packages(
    folder: Path, model: str, tensors: dict[str, torch.Tensor], precisions: Sequence[Precision]
) -> dict[Precision, Path]:
    """Packages of random weights, made where they aren't there yet."""
    config = MODELS[model]
    zeros, ones = np.zeros(config.frame_dim, np.float32), np.ones(config.frame_dim, np.float32)
    sentence = np.ones((1, config.sentence_dim), np.float32)
    vectors = Vectors(np.ones((1, config.word_dim), np.float32), sentence, sentence)
    source = Source(config, tensors, Normalisation(zeros, ones), vectors)
    made: dict[Precision, Path] = {precision: folder / f"{model}-{precision}" for precision in precisions}
    for precision, path in made.items():
        if not path.exists():
            description = Description(path.name, Licence("none: random weights"))
            write_package(source, description, path, Making(precision, check=False, report=print))
    return made


def report(base: float, seconds: float, precision: Precision, timing: Timing, model: str) -> None:
    """Print the lines of one length in one precision."""
    config, frames = MODELS[model], round(seconds * 30)
    rate = 2 * denoise_flop(config, frames) / timing.graph / 1e9
    share = rate / timing.gemm
    wanted = DENOISE_SHARE.get(precision)
    print(
        f"{seconds:4g} s {precision}: denoise {rate:4.0f} GFLOP/s, {share:.0%} of ONNX Runtime's own "
        f"{timing.gemm:.0f}{verdict(share, wanted)}; a step takes {timing.step * 1e3:.0f} ms, its graph "
        f"{timing.graph * 1e3:.0f}"
    )
    for preset, steps in (("reference", REFERENCE_STEPS), ("fast", 8)):
        total = timing.prompt[preset] + steps * timing.step
        ratio = REFERENCE_STEPS * base / total
        floor = FLOORS.get((int(seconds), preset, precision)) if model == "lite" else None
        print(
            f"       {preset:9} {steps:2} steps: {total:6.2f} s, prompt stage "
            f"{timing.prompt[preset] / total:4.0%}, {ratio:6.2f} times faster{verdict(ratio, floor)}"
        )


def verdict(value: float, floor: float | None) -> str:
    """How a figure stands to its floor."""
    return "" if floor is None else f" ({'ok' if value >= floor else 'BELOW'}, at least {floor:g})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", choices=MODELS, default="lite")
    parser.add_argument("--seconds", type=float, nargs="+", default=[3.0, 12.0])
    parser.add_argument("--precisions", nargs="+", default=["fp32", "int8"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument(
        "--repeat", type=int, default=3, help="how often each thing is timed; the least counts"
    )
    parser.add_argument("--packages", type=Path, help="where packages are kept; default: made anew")
    args = parser.parse_args()
    config = MODELS[args.model]
    print(f"HY-Motion {args.model}, random weights, {args.threads} threads, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as scratch:
        tensors = {
            name.removeprefix("motion_transformer."): tensor
            for name, tensor in random_tensors(config).items()
            if name.startswith("motion_transformer.")
        }
        made = packages(args.packages or Path(scratch), args.model, tensors, args.precisions)
        base = baseline(config, tensors, args.repeat, args.threads)
        del tensors
        own = torch_gemm(args.threads)
        rate = 2 * padded_flop(config) / base / 1e9
        print(
            f"baseline: {base:.2f} s a step, {rate:.0f} GFLOP/s, {rate / own:.0%} of torch's own {own:.0f}"
            f"{verdict(rate / own, BASELINE_SHARE)}; {args.repeat} steps timed, the least taken "
            f"{REFERENCE_STEPS} times"
        )
        for seconds in args.seconds:
            for precision, path in made.items():
                timing = ours(path, precision, round(seconds * 30), args.repeat, args.threads)
                report(base, seconds, precision, timing, args.model)
    print(f"load at the end {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()

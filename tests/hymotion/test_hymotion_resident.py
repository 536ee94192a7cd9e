"""The device path, run on the CPU: fixed shapes and resident arrays give the same clips as packed rows."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import GenerationFailed
from posewire_runtime.families import package_info
from posewire_runtime.families.hymotion import HyMotion, HyMotionRun
from posewire_runtime.families.hymotion_resident import STEPS, Shape
from posewire_runtime.packages.package import Package
from posewire_runtime.types import Features, Request, Sampling

pytestmark = pytest.mark.export

Golden = Mapping[str, NDArray[Any]]


def open_tiny(folder: Path, *, resident: bool) -> HyMotion:
    package = Package.open(folder)
    engine = Engine(EngineSettings(provider="cpu", threads=2))
    return HyMotion(package, engine, package_info(package), resident=resident)


@pytest.fixture(scope="module")
def resident(exported: Callable[[str], Path]) -> Iterator[HyMotion]:
    program = open_tiny(exported("fp32"), resident=True)
    yield program
    program.close()


@pytest.fixture(scope="module")
def packed(exported: Callable[[str], Path]) -> Iterator[HyMotion]:
    program = open_tiny(exported("fp32"), resident=False)
    yield program
    program.close()


def request(golden: Golden, case: int, seed: int, **sampling: Any) -> Request:
    features = Features(golden[f"generate{case}_ctxt"][0], golden[f"generate{case}_vtxt"][0])
    frames = golden[f"generate{case}_latent"].shape[1]
    return Request("", "tiny", frames, seed, Sampling(**sampling), features=features, raw=True, ground=False)


def begin(program: HyMotion, wanted: Request) -> HyMotionRun:
    run = program.start(wanted, program.condition([wanted])[0])
    assert isinstance(run, HyMotionRun)
    return run


def walk(
    program: HyMotion, runs: list[HyMotionRun], joins: Mapping[int, list[HyMotionRun]] | None = None
) -> None:
    """Step until all are finished; some join before a step of this number."""
    step = 0
    waiting = dict(joins or {})
    while going := [run for run in runs if not run.finished]:
        program.step(going)
        step += 1
        runs.extend(waiting.pop(step, []))


def relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("case", range(3))
def test_golden_generations(resident: HyMotion, golden: Golden, case: int) -> None:
    steps, guidance = int(golden[f"generate{case}_steps"]), float(golden[f"generate{case}_cfg"])
    wanted = [
        replace(
            request(golden, case, int(seed), steps=steps, guidance=guidance, solver="euler"),
            special_game=bool(golden[f"generate{case}_game"]),
        )
        for seed in golden[f"generate{case}_seeds"]
    ]
    runs = [begin(resident, one) for one in wanted]
    walk(resident, runs)
    for row, run in enumerate(runs):
        assert relative(run.latent, golden[f"generate{case}_latent"][row]) < 1e-4
        clip = resident.clip(run)
        assert relative(clip.raw["joints"], golden[f"generate{case}_joints"][row]) < 5e-4


def test_a_changing_company_of_different_runs(resident: HyMotion, packed: HyMotion, golden: Golden) -> None:
    """Different solvers, lengths, guidance, and steps beyond one slot; runs join and leave."""
    wanted = [
        request(golden, 0, 1, steps=STEPS + 3, solver="ab3"),
        replace(request(golden, 0, 2, steps=5, solver="ab2", guidance=1.0), frames=61),
        replace(request(golden, 1, 3, steps=STEPS * 2, solver="euler"), frames=80),
    ]
    ends: list[list[NDArray[Any]]] = []
    for program in (resident, packed):
        runs = [begin(program, one) for one in wanted]
        walk(program, list(runs[:2]), {2: [runs[2]]})
        ends.append([run.latent for run in runs])
        assert all(run.finished for run in runs)
    for found, expected in zip(*ends, strict=True):
        assert relative(found, expected) < 1e-5


def test_a_broken_run_breaks_no_other(resident: HyMotion, packed: HyMotion, golden: Golden) -> None:
    wanted = request(golden, 0, 5, steps=4)
    good, bad = begin(resident, wanted), begin(resident, replace(wanted, seed=6))
    bad.latent = bad.latent * np.float32(np.nan)
    runs = [bad, good]
    walk(resident, runs)
    assert bad.failed_at == 0
    with pytest.raises(GenerationFailed, match="step 1 of 4"):
        resident.clip(bad)
    alone = begin(packed, wanted)
    walk(packed, [alone])
    assert relative(good.latent, alone.latent) < 1e-5


def test_runs_share_a_step_within_their_bucket(resident: HyMotion, golden: Golden) -> None:
    keys = [
        resident.key(begin(resident, replace(request(golden, 0, 0), frames=frames)))
        for frames in (61, 90, 91)
    ]
    assert keys[0] == keys[1] != keys[2]


def test_shapes_fit_the_graph(resident: HyMotion) -> None:
    sizes = Shape(rows=2, frames=60, words=16).sizes()
    named = {n for spec in resident._denoise.inputs for n in spec.shape if isinstance(n, str)}  # pyright: ignore[reportPrivateUsage]
    assert named == set(sizes)

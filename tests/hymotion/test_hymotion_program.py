"""The program over exported graphs: equal to the official generations, alone and in any company."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("onnxruntime")
pytest.importorskip("torch")
from posewire_runtime.device.engine import Engine
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import GenerationFailed, InvalidRequest, PackageError
from posewire_runtime.families import package_info
from posewire_runtime.families.hymotion import HyMotion, HyMotionRun, open_program
from posewire_runtime.families.hymotion_packed import Line
from posewire_runtime.families.hymotion_text import condition_bytes
from posewire_runtime.packages.package import Package
from posewire_runtime.sampling import schedule
from posewire_runtime.types import Clip, Features, Preset, Request, Sampling

pytestmark = pytest.mark.export

CPU = EngineSettings(provider="cpu", threads=2)
Golden = Mapping[str, NDArray[Any]]


@pytest.fixture(scope="module")
def program(exported: Callable[[str], Path]) -> Iterator[HyMotion]:
    opened = open_program(Package.open(exported("fp32")), CPU)
    yield opened
    opened.close()


def features(golden: Golden, case: int, kind: str = "generate") -> Features:
    return Features(golden[f"{kind}{case}_ctxt"][0], golden[f"{kind}{case}_vtxt"][0])


def requests(golden: Golden, case: int) -> list[Request]:
    """One for each seed of a golden case."""

    def of(name: str) -> Any:
        return golden[f"generate{case}_{name}"]

    return [
        Request(
            prompt="",
            model="tiny",
            frames=round(float(of("duration")) * 30),
            seed=int(seed),
            sampling=Sampling("reference", steps=int(of("steps")), guidance=float(of("cfg"))),
            features=features(golden, case),
            ground=False,
            special_game=bool(of("game")),
            raw=True,
        )
        for seed in of("seeds")
    ]


def make(program: HyMotion, wanted: Sequence[Request]) -> list[Clip]:
    """All at once, each leaving the batch when it is done."""
    runs = [program.start(r, c) for r, c in zip(wanted, program.condition(wanted), strict=True)]
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    return [program.clip(run) for run in runs]


def begin(program: HyMotion, request: Request) -> HyMotionRun:
    """One that is not of several texts."""
    run = program.start(request, program.condition([request])[0])
    assert isinstance(run, HyMotionRun)
    return run


def relative(found: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def check(golden: Golden, case: int, row: int, clip: Clip) -> None:
    limits = {"latent": 1e-4, "rot6d": 1e-3, "transl": 1e-4, "joints": 5e-4}
    for name, limit in limits.items():
        assert relative(clip.raw[name], golden[f"generate{case}_{name}"][row]) < limit, name


@pytest.mark.parametrize("case", range(3))
def test_generations_equal_the_golden_ones(program: HyMotion, golden: Golden, case: int) -> None:
    for row, clip in enumerate(make(program, requests(golden, case))):
        check(golden, case, row, clip)


def test_all_golden_generations_in_one_batch(program: HyMotion, golden: Golden) -> None:
    """Different lengths, steps, guidance, words and seeds; runs leave as they finish."""
    wanted = [(case, row, r) for case in range(3) for row, r in enumerate(requests(golden, case))]
    for (case, row, _), clip in zip(wanted, make(program, [r for _, _, r in wanted]), strict=True):
        check(golden, case, row, clip)


@pytest.mark.parametrize("block", [None, 64, 128])
def test_golden_velocities_in_one_batch(
    program: HyMotion, golden: Golden, block: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if block is not None:
        monkeypatch.setattr("posewire_runtime.families.hymotion_batch.best_block", lambda *_: block)
    program._packed._layouts.clear()  # pyright: ignore[reportPrivateUsage]
    lines = []
    for case in range(3):
        times = (float(golden[f"forward{case}_t"]),)
        condition = program.text.condition(features(golden, case, "forward"), times, game=False)
        lines.append(Line(golden[f"forward{case}_x"][0], condition.steps.at(0)))
    for case, found in enumerate(program.velocities(lines)):
        assert relative(found, golden[f"forward{case}_velocity"][0]) < 1e-5
    program._packed._layouts.clear()  # pyright: ignore[reportPrivateUsage]


def test_a_run_may_join_between_any_two_steps(program: HyMotion, golden: Golden) -> None:
    first, second = requests(golden, 0)
    alone = make(program, [second])[0]
    runs = [program.start(r, program.condition([r])[0]) for r in (first, second)]
    program.step(runs[:1])
    program.step(runs[:1])
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    assert relative(program.clip(runs[1]).raw["latent"], alone.raw["latent"]) < 1e-5


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_a_row_is_the_same_to_the_bit_in_any_company(
    exported: Callable[[str], Path], golden: Golden, precision: str
) -> None:
    program = open_program(Package.open(exported(precision)), CPU)
    wanted = requests(golden, 0)[0]
    tokens, sentence = _arrays(wanted.features)
    loud = replace(wanted, seed=7, features=Features(100 * tokens, 100 * sentence))
    longer = replace(wanted, seed=8, frames=wanted.frames + 61)
    alone = make(program, [wanted])[0].raw["latent"]
    for company in ([loud], [longer], [longer, wanted, loud]):
        np.testing.assert_array_equal(make(program, [wanted, *company])[0].raw["latent"], alone)
    program.close()


def test_rows_that_are_walked_in_other_ways_change_nothing(program: HyMotion, golden: Golden) -> None:
    """Guided or not, of every order, with known frames, joining late: their maths is done for all at once."""
    wanted = [
        replace(request, seed=place, sampling=Sampling(steps=4 + place, guidance=guidance, solver=solver))
        for place, (guidance, solver) in enumerate(product((5.0, 1.0, 2.0), schedule.SOLVERS))
        for request in requests(golden, place % 3)[:1]
    ]
    clip = make(program, wanted[:1])[0]
    known = replace(clip, rotations=clip.rotations[:8], root=clip.root[:8], contacts=clip.contacts[:8])
    wanted[4] = replace(wanted[4], known=known)
    alone = [make(program, [one])[0].raw["latent"] for one in wanted]
    runs = [program.start(r, c) for r, c in zip(wanted, program.condition(wanted), strict=True)]
    program.step(runs[3:])
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    for run, latent in zip(runs, alone, strict=True):
        np.testing.assert_array_equal(program.clip(run).raw["latent"], latent)


def _arrays(given: Features | None) -> tuple[NDArray[Any], NDArray[Any]]:
    assert given is not None
    return given.tokens, given.sentence


def held(run: HyMotionRun) -> int:
    """Bytes of a run, its condition and, where it is guided, the null branch of its schedule."""
    null = run.condition.null.nbytes if run.schedule.guidance > 1 else 0
    return run.nbytes + run.condition.nbytes + null


def test_steps_in_groups_under_a_budget_change_nothing(
    program: HyMotion, exported: Callable[[str], Path], golden: Golden
) -> None:
    package = Package.open(exported("fp32"))
    small = HyMotion(package, Engine(CPU), package_info(package), budget=200_000)
    wanted = requests(golden, 0)
    runs = [begin(small, request) for request in wanted]
    assert runs[0].condition is runs[1].condition  # two seeds of one prompt
    assert runs[0].condition.nbytes <= 200_000
    assert held(runs[0]) == small.cost(wanted[0])
    small.step(runs[:1])
    small.step(runs[:1])  # one seed runs ahead of the other, into another group
    while going := [run for run in runs if not run.finished]:
        small.step(going)
    for row, run in enumerate(runs):
        check(golden, 0, row, small.clip(run))
    small.close()


def test_cost_is_what_is_held(program: HyMotion, golden: Golden) -> None:
    request = requests(golden, 1)[0]
    run = begin(program, request)
    assert program.cost(request) == held(run)
    assert program.cost(replace(request, features=None)) > program.cost(request)


def test_however_many_schedules_there_are_the_null_branch_of_each_is_computed_once(
    program: HyMotion, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = requests(golden, 0)[0]
    wanted = [replace(case, sampling=Sampling(steps=steps, guidance=3.0)) for steps in range(20, 30)]
    nulls: list[tuple[float, ...]] = []
    compute = program.text._run  # pyright: ignore[reportPrivateUsage]

    def watched(tokens: Any, sentence: Any, times: tuple[float, ...], first: int, graph: Any) -> Any:
        if first == 0:
            nulls.append(times)
        return compute(tokens, sentence, times, first, graph)

    monkeypatch.setattr(program.text, "_run", watched)
    runs = [begin(program, request) for request in wanted]
    for _ in range(2):
        program.step(runs)
    assert sorted(nulls) == sorted(run.schedule.times[:-1] for run in runs)


def test_condition_bytes_keep_to_the_budget(program: HyMotion) -> None:
    config = program._config  # pyright: ignore[reportPrivateUsage]
    step = config.step_bytes(128)
    spare = condition_bytes(config, 128, 50, 0) - 2 * step
    for steps in (3, 4, 7, 50):
        assert condition_bytes(config, 128, 50, steps * step) - spare <= steps * step


def test_equal_prompts_share_one_condition(program: HyMotion, golden: Golden) -> None:
    one, two = requests(golden, 0)
    tokens, sentence = _arrays(two.features)
    copied = replace(two, features=Features(tokens.copy(), sentence.copy()))
    game = replace(two, special_game=True)
    other_steps = replace(two, sampling=Sampling(steps=3))
    made = program.condition([one, copied, game, other_steps])
    assert made[0] is made[1]
    assert len({id(condition) for condition in made}) == 3
    assert program.condition([one])[0] is made[0]


def test_guidance_interval_needs_fewer_rows(
    program: HyMotion, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = replace(requests(golden, 0)[0], sampling=Sampling("half"))
    preset = Preset(steps=4, guidance=5.0, interval=(0.2, 0.6))
    monkeypatch.setattr(program, "_motion", replace(_motion(program), presets={"half": preset}))
    rows = []
    packed = program._packed  # pyright: ignore[reportPrivateUsage]
    whole = packed._said  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(packed, "_said", lambda *rows_of: rows.append(len(rows_of[1])) or whole(*rows_of))
    make(program, [request])
    assert rows == [1, 2, 2, 1]


def test_guidance_folded_into_the_weights_needs_one_row(
    program: HyMotion, golden: Golden, monkeypatch: pytest.MonkeyPatch
) -> None:
    motion = _motion(program)
    limits = replace(motion.limits, fixed_guidance=5.0)
    monkeypatch.setattr(program, "_motion", replace(motion, limits=limits))
    run = begin(program, requests(golden, 0)[0])
    assert not any(run.schedule.guided(step) for step in range(run.steps))
    with pytest.raises(InvalidRequest, match="guidance"):
        program.condition([replace(run.request, sampling=Sampling(guidance=2.0))])


def _motion(program: HyMotion) -> Any:
    return program._motion  # pyright: ignore[reportPrivateUsage]


@pytest.mark.parametrize("solver", schedule.SOLVERS)
def test_solvers_come_closer_with_more_steps(program: HyMotion, golden: Golden, solver: str) -> None:
    """All solvers walk to the same end; the reference here is 64 steps of the third order."""
    base = requests(golden, 1)[0]

    def latent(steps: int, name: str) -> NDArray[Any]:
        sampling = Sampling(steps=steps, solver=name, guidance=1.0)
        return make(program, [replace(base, frames=30, sampling=sampling)])[0].raw["latent"]

    truth = latent(64, "ab3")
    assert relative(latent(32, solver), truth) < relative(latent(8, solver), truth)


def test_a_prompt_alone_needs_a_text_encoder(program: HyMotion, golden: Golden) -> None:
    with pytest.raises(InvalidRequest, match="no text encoder"):
        program.condition([replace(requests(golden, 0)[0], features=None)])


@pytest.mark.parametrize("tokens", [(0, 96), (129, 96), (5, 95)])
def test_features_of_another_model_are_refused(
    program: HyMotion, golden: Golden, tokens: tuple[int, int]
) -> None:
    wrong = Features(np.zeros(tokens, np.float32), np.zeros((1, 48), np.float32))
    with pytest.raises(InvalidRequest, match="96") as caught:
        program.condition([replace(requests(golden, 0)[0], features=wrong)])
    assert caught.value.violations[0].field == "features"


def test_numbers_that_are_not_finite_fail_their_run_alone(program: HyMotion, golden: Golden) -> None:
    good, bad = requests(golden, 0)
    assert bad.features is not None
    poisoned = replace(bad, features=replace(bad.features, tokens=bad.features.tokens * np.nan))
    runs = [begin(program, request) for request in (good, poisoned)]
    while going := [run for run in runs if not run.finished]:
        program.step(going)
    check(golden, 0, 0, program.clip(runs[0]))
    assert runs[1].position == 1
    with pytest.raises(GenerationFailed, match="step 1 of 8"):
        program.clip(runs[1])


def test_info_says_who_runs_it(program: HyMotion) -> None:
    assert program.info.providers == ("cpu",)
    assert program.info.family == "hymotion"
    assert program.info.licence.restricts_outputs
    assert "European Union" in program.info.licence.territory


def test_a_package_with_wrong_vectors_is_refused(exported: Callable[[str], Path], tmp_path: Path) -> None:
    package = Package.open(exported("fp32"))
    changed = replace(package.manifest, config={**package.manifest.config, "vectors": "NOTICE.txt"})
    with pytest.raises(PackageError, match="NOTICE"):
        open_program(Package(package.root, changed), CPU)
    changed = replace(package.manifest, config={**package.manifest.config, "width": "64"})
    with pytest.raises(PackageError, match="width"):
        open_program(Package(package.root, changed), CPU)

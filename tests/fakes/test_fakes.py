"""The stand-in keeps to the rules of a program, and fails only where it is told to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from posewire_runtime.errors import DeviceError, GenerationFailed, InvalidRequest
from posewire_runtime.fakes import PRESETS, FakeProgram, Faults
from posewire_runtime.families.base import Program, Run
from posewire_runtime.motion.skeleton import SMPL22, forward
from posewire_runtime.types import Clip, Features, Limits, Request, Sampling


def request(prompt: str = "walks", frames: int = 60, seed: int = 0, **more: object) -> Request:
    return Request(prompt, "stand-in", frames, seed, **more)  # type: ignore[arg-type]


def start(program: Program, requests: Sequence[Request]) -> list[Run]:
    conditions = program.condition(requests)
    return [program.start(one, condition) for one, condition in zip(requests, conditions, strict=True)]


def finish(program: Program, requests: Sequence[Request]) -> list[Clip]:
    """All requests together, in as large batches as keys allow."""
    runs = start(program, requests)
    while waiting := [run for run in runs if not run.finished]:
        first = program.key(waiting[0])
        program.step([run for run in waiting if program.key(run) == first])
    return [program.clip(run) for run in runs]


def test_what_it_tells_about_itself() -> None:
    info = FakeProgram().info
    assert (info.name, info.fps, info.default_preset) == ("stand-in", 30, "fast")
    assert info.presets == {"preview": 4, "fast": 8, "quality": 16, "reference": 50}
    assert info.limits.min_frames == 20
    assert info.limits.max_frames >= 1800
    assert info.skeleton is SMPL22


def test_a_run_takes_as_many_steps_as_its_sampling_says() -> None:
    program = FakeProgram()
    for sampling, steps in ((Sampling(), 8), (Sampling("reference"), 50), (Sampling(steps=3), 3)):
        (run,) = start(program, [request(sampling=sampling)])
        for done in range(steps):
            assert (run.position, run.steps, run.finished) == (done, steps, False)
            program.step([run])
        assert run.finished
    assert program.steps_made == program.rows_stepped == 61


@pytest.mark.parametrize("sampling", [Sampling("best"), Sampling(steps=0), Sampling(steps=10_000)])
def test_samplings_that_cannot_be_are_refused(sampling: Sampling) -> None:
    with pytest.raises(InvalidRequest, match="sampling"):
        start(FakeProgram(), [request(sampling=sampling)])


def test_in_a_batch_and_alone_are_the_same() -> None:
    requests = [
        request(prompt, frames, seed)
        for prompt in ("walks", "waves")
        for frames, seed in ((20, 1), (60, 2), (121, 1), (300, 2**64 - 1))
    ]
    together = finish(FakeProgram(), requests)
    for one, clip in zip(requests, together, strict=True):
        (alone,) = finish(FakeProgram(), [one])
        assert clip.rotations.tobytes() == alone.rotations.tobytes()
        assert clip.root.tobytes() == alone.root.tobytes()
        assert (clip.frames, clip.seed) == (one.frames, one.seed)


def test_batches_share_what_can_be_shared() -> None:
    program = FakeProgram()
    first, second, other = program.condition([request(seed=1), request(seed=2), request("waves")])
    assert first is second
    assert first is not other
    runs = start(program, [request(frames=121), request(frames=240), request(frames=241)])
    assert program.key(runs[0]) == program.key(runs[1]) != program.key(runs[2])
    with pytest.raises(ValueError, match="one key"):
        program.step(runs)
    program.step(runs[:2])
    assert (program.steps_made, program.rows_stepped) == (1, 2)


def test_the_cost_is_what_it_holds() -> None:
    program = FakeProgram()
    features = Features(np.zeros((5, 8), np.float32), np.zeros((1, 4), np.float32))
    for one in (request(), request("wörds", 700, features=features)):
        (condition,) = program.condition([one])
        assert program.cost(one) == condition.nbytes + program.start(one, condition).nbytes
        assert condition.features is one.features


def test_raw_arrays() -> None:
    (clip,) = finish(FakeProgram(), [request(raw=True)])
    assert {name: array.shape for name, array in clip.raw.items()} == {
        "rot6d": (60, 22, 6),
        "transl": (60, 3),
        "joints": (60, 22, 3),
    }
    _, joints = forward(SMPL22, clip.rotations, clip.root)
    np.testing.assert_allclose(clip.raw["joints"].astype(float), joints)
    np.testing.assert_allclose(clip.raw["transl"].astype(float) + SMPL22.positions[0], clip.root, atol=1e-6)


class Encoder:
    fingerprint = "letters"

    def recall(self, prompt: str) -> Features | None:
        del prompt

    def encode(self, prompts: Sequence[str]) -> list[Features]:
        return [Features(np.ones((len(p), 2), np.float32), np.ones((1, 2), np.float32)) for p in prompts]


def test_with_an_encoder_features_are_expected() -> None:
    encoder = Encoder()
    program = FakeProgram(encoder=encoder)
    assert program.encoder is encoder
    with pytest.raises(ValueError, match="features"):
        program.condition([request()])
    (features,) = encoder.encode(["walks"])
    (clip,) = finish(program, [request(features=features)])
    (plain,) = finish(FakeProgram(), [request()])
    assert clip.rotations.tobytes() == plain.rotations.tobytes()


def test_limits_and_name_can_be_chosen() -> None:
    limits = Limits(min_frames=1, max_frames=50, max_steps=9)
    program = FakeProgram(name="other", limits=limits)
    assert (program.info.name, program.info.limits) == ("other", limits)
    with pytest.raises(InvalidRequest, match="1 to 9"):
        start(program, [request(sampling=Sampling(steps=10))])


def test_faults_strike_where_their_word_stands() -> None:
    good, bad = request("walks"), request("walks badly")
    with pytest.raises(ValueError, match="condition"):
        FakeProgram(faults=Faults(condition_word="badly")).condition([good, bad])

    program = FakeProgram(faults=Faults(step_word="badly"))
    one, two = start(program, [good, bad])
    with pytest.raises(DeviceError):
        program.step([one, two])
    program.step([one])
    assert (one.position, two.position) == (1, 0)

    for faults, error in (
        (Faults(not_finite_word="badly"), GenerationFailed),
        (Faults(clip_word="badly"), RuntimeError),
    ):
        program = FakeProgram(faults=faults)
        one, two = start(program, [good, bad])
        while not (one.finished and two.finished):
            program.step([run for run in (one, two) if not run.finished])
        assert program.clip(one).frames == 60
        with pytest.raises(error):
            program.clip(two)
        assert program.clips_made == 1


def test_closing() -> None:
    program = FakeProgram()
    program.close()
    assert program.closed
    assert PRESETS["fast"].steps == 8

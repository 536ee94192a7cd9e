"""Requests on the wire: what they ask for, and every reason to refuse one."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import InvalidRequest, UnknownModel
from posewire_runtime.exchange.pacing import Pace
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.exchange.validate import Bounds
from posewire_runtime.text.duration import estimate_frames
from posewire_runtime.types import ModelInfo, Priority, Skeleton, Target
from posewire_runtime.wire.requests import (
    Catalogue,
    GenerateOptions,
    Order,
    read_generate,
    read_warm,
    write_generate,
    write_target,
)


def target(**changes: Any) -> Target:
    """A character of two bones for the three joints of the model."""
    positions = np.array([[0, 0.9, 0], [0, 1.5, 0]], np.float32)
    skeleton = Skeleton(("hips", "neck"), (-1, 0), positions)
    bones = changes.pop("bones", {"pelvis": "hips", "head": "neck"})
    return Target(replace(skeleton, **changes), bones)


def read(catalogue: Catalogue, prompt: str = "walk", **options: Any) -> Order:
    made = write_generate(prompt, GenerateOptions(**options))
    return read_generate(made, catalogue, Bounds(), draw=lambda below: below - 1)


def refused(catalogue: Catalogue, prompt: str = "walk", **options: Any) -> dict[str, str]:
    """The fields that are refused, with why."""
    with pytest.raises(InvalidRequest) as caught:
        read(catalogue, prompt, **options)
    return {violation.field: violation.message for violation in caught.value.violations}


def test_a_prompt_is_enough(catalogue: Catalogue, info: ModelInfo) -> None:
    order = read(catalogue)
    [request] = order.requests
    assert (request.prompt, request.model, request.frames) == (
        "walk",
        "plain",
        estimate_frames("walk", info),
    )
    assert request.seed == 2**32 - 1  # the server draws one
    assert request.sampling.preset == "fast"
    assert (request.ground, request.smooth, request.priority) == (True, True, Priority.NORMAL)
    assert (order.packing, order.pace, order.chunk_frames) == (Packing.FLOAT32, Pace(), None)
    assert order.skeleton is info.skeleton


def test_everything_arrives_as_it_was_asked_for(catalogue: Catalogue) -> None:
    character = target()
    order = read(
        catalogue,
        model="fixed",
        seconds=2.0,
        seeds=[3, 2**63],
        preset="good",
        steps=7,
        guidance=5.0,
        packing=Packing.SMALLEST_THREE_48,
        pace=2.0,
        ahead=0.5,
        chunk_frames=16,
        target=character,
        priority=Priority.INTERACTIVE,
        request_id="npc-7",
        ground=False,
        smooth=False,
        progress=True,
        special_game=True,
    )
    first, second = order.requests
    assert (first.seed, second.seed, first.frames, first.model) == (3, 2**63, 60, "fixed")
    assert (first.sampling.preset, first.sampling.steps, first.sampling.guidance) == ("good", 7, 5.0)
    assert (first.ground, first.smooth, first.special_game) == (False, False, True)
    assert (first.priority, order.request_id, order.progress) == (Priority.INTERACTIVE, "npc-7", True)
    assert (order.packing, order.pace, order.chunk_frames) == (Packing(2), Pace(2.0, 0.5), 16)
    assert first.target is not None
    assert first.target.skeleton.names == character.skeleton.names
    assert first.target.bones == character.bones
    np.testing.assert_array_equal(first.target.skeleton.positions, character.skeleton.positions)
    assert order.skeleton is first.target.skeleton


@pytest.mark.parametrize("name", ["euler", "heun"])
def test_a_known_solver_is_taken(catalogue: Catalogue, name: str) -> None:
    assert read(catalogue, solver=name).requests[0].sampling.solver == name


def test_too_short_a_length_is_raised_with_a_notice(catalogue: Catalogue) -> None:
    order = read(catalogue, frames=3)
    assert order.requests[0].frames == 10
    [notice] = order.notices
    assert notice.code == "frames_raised"
    assert "at least 10 frames; 3 were asked for" in notice.message


@pytest.mark.parametrize(
    ("options", "field", "expected", "found"),
    [
        ({"prompt": ""}, "prompt", "some text", "none"),
        ({"prompt": " \t\n\u200b"}, "prompt", "some text", "only blanks"),
        ({"prompt": "a" * 201}, "prompt", "at most 200 characters", "201"),
        ({"model": "../../etc/passwd"}, "model", "", "../../etc/passwd"),
        ({"frames": 0}, "frames", "at least 1 frame", "0"),
        ({"frames": 301}, "frames", "at most 300 frames (10 s)", "301 frames"),
        ({"seconds": 10.1}, "seconds", "at most 300 frames (10 s)", "303 frames"),
        ({"seconds": 0.0}, "seconds", "above 0", "0"),
        ({"seconds": -1.0}, "seconds", "above 0", "-1"),
        ({"seconds": math.nan}, "seconds", "finite", "nan"),
        ({"seconds": math.inf}, "seconds", "finite", "inf"),
        ({"seconds": 1e300}, "seconds", "at most 300 frames", "frames"),
        ({"seeds": range(17)}, "seeds", "at most 16 seeds", "17"),
        ({"seeds": [4, 5, 4]}, "seeds[2]", "distinct", "4, which is seeds[0] too"),
        ({"preset": "best"}, "sampling.preset", "one of fast, good", "best"),
        ({"steps": 0}, "sampling.steps", "1 to 50", "0"),
        ({"steps": 51}, "sampling.steps", "1 to 50", "51"),
        ({"solver": "magic"}, "sampling.solver", "one of euler, heun", "magic"),
        ({"model": "fixed", "solver": "heun"}, "sampling.solver", "but one way", "heun"),
        ({"guidance": math.nan}, "sampling.guidance", "0 to 100", "nan"),
        ({"guidance": -1.0}, "sampling.guidance", "0 to 100", "-1"),
        ({"model": "fixed", "guidance": 3.0}, "sampling.guidance", "5 or none, since this guidance", "3"),
        ({"pace": -1.0}, "pace.rate", "0 (as fast as possible) or 0.1 to 100", "-1"),
        ({"pace": math.nan}, "pace.rate", "times real time", "nan"),
        ({"pace": 1e-9}, "pace.rate", "times real time", "1e-09"),
        ({"ahead": -0.1}, "pace.ahead_seconds", "0 to 3600 seconds", "-0.1"),
        ({"ahead": math.inf}, "pace.ahead_seconds", "0 to 3600 seconds", "inf"),
        ({"chunk_frames": 2**31}, "chunk_frames", "at most 17189 frames in a chunk (3 joints", "2147483648"),
        ({"request_id": "x" * 129}, "request_id", "at most 128 characters", "129"),
        ({"packing": 77}, "packing", "PACKING_FLOAT32", "77"),
    ],
)
def test_what_is_refused(
    catalogue: Catalogue, options: dict[str, Any], field: str, expected: str, found: str
) -> None:
    violations = refused(catalogue, **options)
    assert list(violations) == [field]
    assert expected in violations[field]
    assert found in violations[field]


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"parents": (-1, 1)}, "target.joints[1].parent", "an earlier joint (0 to 0) or -1, found 1"),
        ({"parents": (0, 0)}, "target.joints[0].parent", "-1: the first joint has no parent, found 0"),
        ({"parents": (-1, -2)}, "target.joints[1].parent", "found -2"),
        ({"names": ("hips", "hips"), "bones": {"pelvis": "hips"}}, "target.joints[1].name", "distinct name"),
        ({"names": ("hips", "")}, "target.joints[1].name", "1 to 128 characters"),
        ({"positions": np.array([[0, 1, 0], [0, np.nan, 0]], "f4")}, "target.joints[1].position", "finite"),
        (
            {"positions": np.array([[0, 1e6, 0], [0, 1, 0]], "f4")},
            "target.joints[0].position",
            "at most 1000",
        ),
        ({"rotations": np.zeros((2, 4), "f4")}, "target.joints[0].rotation", "a unit quaternion"),
        ({"rotations": np.full((2, 4), np.inf, "f4")}, "target.joints[0].rotation", "a unit quaternion"),
        ({"bones": {"head": "neck"}}, "target.bones", "a bone for 'pelvis', which carries the root"),
        ({"bones": {"pelvis": "hips", "head": "tail"}}, "target.bones[head]", "a joint of the target"),
        ({"bones": {"pelvis": "hips", "head": "hips"}}, "target.bones[pelvis]", "which head has"),
        ({"bones": {"pelvis": "hips", "wing": "neck"}}, "target.bones", "joints of the model (pelvis, spine"),
        ({"sole": 0.9}, "target.joints", "'hips' above the soles"),
    ],
)
def test_which_targets_are_refused(
    catalogue: Catalogue, changes: dict[str, Any], field: str, expected: str
) -> None:
    violations = refused(catalogue, target=target(**changes))
    assert field in violations
    assert expected in violations[field]


@pytest.mark.parametrize("joints", [0, 513])
def test_a_target_has_some_joints_but_not_too_many(catalogue: Catalogue, joints: int) -> None:
    message = write_generate("walk", {"target": target()})
    del message.target.joints[:]
    message.target.joints.extend(pb.Joint(name=f"j{i}", parent=i - 1) for i in range(joints))
    with pytest.raises(InvalidRequest, match=f"expected 1 to 512 joints, found {joints}"):
        read_generate(message, catalogue, Bounds())


def test_all_that_is_wrong_is_said_at_once(catalogue: Catalogue) -> None:
    fields = refused(catalogue, prompt=" ", seconds=math.nan, seeds=[1, 1], steps=99, pace=-2.0)
    assert set(fields) == {"prompt", "seconds", "seeds[1]", "sampling.steps", "pace.rate"}


def test_an_unknown_model_is_an_error_of_its_own_that_tells_the_rest_too(catalogue: Catalogue) -> None:
    with pytest.raises(UnknownModel) as caught:
        read(catalogue, prompt="", model="nobody")
    assert [violation.field for violation in caught.value.violations] == ["model", "prompt"]


def test_a_thousand_faults_still_fit_into_an_answer(catalogue: Catalogue) -> None:
    message = pb.GenerateRequest(prompt="walk", seeds=[1] * 1000)
    with pytest.raises(InvalidRequest) as caught:
        read_generate(message, catalogue, Bounds(max_seeds=1000))
    assert 1 <= len(caught.value.violations) <= 8


def test_large_characters_get_short_chunks(catalogue: Catalogue) -> None:
    count = 512
    names = tuple(f"j{i}" for i in range(count))
    positions = np.full((count, 3), 1, np.float32)
    large = Target(Skeleton(names, tuple(range(-1, count - 1)), positions), {"pelvis": "j0"})
    order = read(catalogue, target=large)
    assert order.chunk_frames is not None
    assert order.chunk_frames * (13 + 16 * count) <= Bounds().max_chunk_bytes


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"frames": -1}, "frames"),
        ({"seeds": [-1]}, "seeds"),
        ({"seeds": [2**64]}, "seeds"),
        ({"steps": "many"}, "sampling.steps"),
        ({"frames": 3, "seconds": 1.0}, "frames"),
        ({"nonsense": 3}, "nonsense"),
    ],
)
def test_what_no_message_can_say_is_refused_before_it_is_sent(options: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        write_generate("walk", GenerateOptions(**options))
    assert [violation.field for violation in caught.value.violations] == [field]


def test_targets_keep_what_their_defaults_are_not(catalogue: Catalogue) -> None:
    given_target = replace(target(), match_limbs=False, scale_travel=False)
    message = pb.GenerateRequest(prompt="walk", target=write_target(given_target))
    made = read_generate(message, catalogue, Bounds()).requests[0].target
    assert made is not None
    assert (made.match_limbs, made.scale_travel, made.skeleton.pelvis) == (False, False, 0)


numbers = st.floats() | st.sampled_from([0.0, -0.0, 1e-320, 1e300])
words = st.sampled_from(["", "plain", "fixed", "fast", "euler", "pelvis", "hips", "é\u0000"])
joints = st.builds(
    pb.Joint,
    name=words,
    parent=st.integers(-2, 3),
    position=st.builds(pb.Vector3, x=st.floats(width=32), y=st.floats(width=32)),
    rotation=st.none() | st.builds(pb.Quaternion, w=st.floats(width=32)),
)
targets = st.builds(
    pb.TargetSkeleton,
    joints=st.lists(joints, max_size=4),
    bones=st.dictionaries(words, words, max_size=3),
    sole=st.floats(width=32),
)
messages = st.builds(
    pb.GenerateRequest,
    prompt=words,
    model=words,
    seconds=numbers,
    seeds=st.lists(st.integers(0, 2**64 - 1), max_size=20),
    sampling=st.builds(pb.Sampling, preset=words, guidance=st.floats(width=32), solver=words),
    packing=st.integers(-(2**31), 2**31 - 1),
    pace=st.builds(pb.Pace, rate=numbers, ahead_seconds=numbers),
    chunk_frames=st.integers(0, 2**32 - 1),
    target=st.none() | targets,
    priority=st.integers(-1, 5),
)


@given(message=messages)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_message_is_an_order_or_a_clean_refusal(
    catalogue: Catalogue, message: pb.GenerateRequest
) -> None:
    try:
        order = read_generate(message, catalogue, Bounds())
    except InvalidRequest as error:
        violations = error.violations
    else:
        limits = order.info.limits
        assert all(limits.min_frames <= request.frames <= limits.max_frames for request in order.requests)
        return
    assert violations


def test_warm_reads_models_and_distinct_prompts(catalogue: Catalogue) -> None:
    request = pb.WarmRequest(models=["fixed", "plain", "fixed"], prompts=["a", "b", "a"])
    infos, prompts = read_warm(request, catalogue, Bounds())
    assert [info.name for info in infos] == ["fixed", "plain"]
    assert prompts == ("a", "b")


def test_warm_without_models_means_the_default(catalogue: Catalogue) -> None:
    infos, prompts = read_warm(pb.WarmRequest(), catalogue, Bounds())
    assert [info.name for info in infos] == ["plain"]
    assert prompts == ()


def test_warm_says_all_that_is_wrong(catalogue: Catalogue) -> None:
    request = pb.WarmRequest(models=["plain", "nobody"], prompts=["fine", " ", "x" * 201])
    with pytest.raises(UnknownModel) as caught:
        read_warm(request, catalogue, Bounds())
    fields = [violation.field for violation in caught.value.violations]
    assert fields == ["models[1]", "prompts[1]", "prompts[2]"]


def test_warm_has_a_limit(catalogue: Catalogue) -> None:
    with pytest.raises(InvalidRequest, match="at most 2 prompts, found 3"):
        read_warm(pb.WarmRequest(prompts=["a", "b", "c"]), catalogue, Bounds(max_warm_prompts=2))


def test_numbers_whose_squares_are_too_large_are_refused_quietly(catalogue: Catalogue) -> None:
    """Found by bench/fuzz_wire.py: it gave a warning on the server."""
    message = write_generate("walk", {"target": target()})
    message.target.joints[0].rotation.x = 3e38
    with pytest.raises(InvalidRequest, match="a unit quaternion"):
        read_generate(message, catalogue, Bounds(), None)


def test_what_is_wrong_counts_also_when_the_list_is_full(catalogue: Catalogue) -> None:
    """Found by bench/fuzz_wire.py: a wrong bone map passed, because eight findings stood before it."""
    message = write_generate("walk", {"seeds": [1] * 12, "target": target(bones={"pelvis": "nowhere"})})
    with pytest.raises(InvalidRequest) as caught:
        read_generate(message, catalogue, Bounds(), None)
    assert len(caught.value.violations) == 8


def test_seconds_that_are_too_many_to_count_are_refused(catalogue: Catalogue) -> None:
    """Found by bench/fuzz_wire.py."""
    with pytest.raises(InvalidRequest, match="a finite number of seconds"):
        read_generate(pb.GenerateRequest(prompt="walk", seconds=1.7e308), catalogue, Bounds(), None)

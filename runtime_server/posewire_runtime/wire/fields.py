"""What requests of several kinds share, from the wire: model, sampling, packing, priority, target."""

from __future__ import annotations

from typing import Protocol

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.errors import UnknownModel
from posewire_runtime.exchange.packing import Packing
from posewire_runtime.exchange.validate import (
    Bounds,
    Findings,
    check_bones,
    check_hips,
    check_sampling,
    check_skeleton,
    one_of,
)
from posewire_runtime.types import ModelInfo, Priority, Sampling, Target
from posewire_runtime.wire.models import read_positions, read_rotations, read_skeleton

_PRIORITIES = {
    pb.PRIORITY_UNSPECIFIED: Priority.NORMAL,
    pb.PRIORITY_BULK: Priority.BULK,
    pb.PRIORITY_NORMAL: Priority.NORMAL,
    pb.PRIORITY_INTERACTIVE: Priority.INTERACTIVE,
}
_PACKINGS = {pb.PACKING_UNSPECIFIED: Packing.FLOAT32} | {pb.Packing.ValueType(p): p for p in Packing}

Asked = pb.GenerateRequest | pb.LiveOpen
"""Messages that ask a model for motion."""


class Catalogue(Protocol):
    """Which models there are; a `Library` is one."""

    default: str

    def info(self, name: str) -> ModelInfo:
        """What a model is; raises `UnknownModel`."""
        ...


def find_model(findings: Findings, name: str, catalogue: Catalogue, field: str = "model") -> ModelInfo | None:
    try:
        return catalogue.info(name or catalogue.default)
    except UnknownModel as error:
        findings.add(field, str(error))
        return None


def find_enums(findings: Findings, message: Asked) -> tuple[Packing, Priority]:
    """Packing and priority; the default stands in for a value that nobody knows."""
    known = message.packing in _PACKINGS
    findings.expect(known, "packing", one_of(pb.Packing.keys()), message.packing)
    findings.expect(message.priority in _PRIORITIES, "priority", one_of(pb.Priority.keys()), message.priority)
    packing = _PACKINGS.get(message.packing, Packing.FLOAT32)
    return packing, _PRIORITIES.get(message.priority, Priority.NORMAL)


def find_sampling(findings: Findings, message: Asked, info: ModelInfo) -> Sampling:
    sampling = message.sampling
    steps = sampling.steps if sampling.HasField("steps") else None
    guidance = sampling.guidance if sampling.HasField("guidance") else None
    return check_sampling(findings, sampling.preset, steps, guidance, sampling.solver, info)


def read_target(findings: Findings, message: Asked, info: ModelInfo, bounds: Bounds) -> Target | None:
    """The character to retarget to; None where there is none, or where it can't be used."""
    if not message.HasField("target"):
        return None
    given = message.target
    count, expected = len(given.joints), f"1 to {bounds.max_joints} joints"
    if not findings.expect(1 <= count <= bounds.max_joints, "target.joints", expected, count):
        return None
    names = [joint.name for joint in given.joints]
    parents = [joint.parent for joint in given.joints]
    positions, rotations = read_positions(given.joints), read_rotations(given.joints)
    stands = check_skeleton(findings, "target.joints", names, parents, positions, rotations)
    if not check_bones(findings, "target.bones", given.bones, names, info.skeleton) or not stands:
        return None
    pelvis = names.index(given.bones[info.skeleton.names[info.skeleton.pelvis]])
    target = Target(
        skeleton=read_skeleton(given.joints, pelvis, given.sole),
        bones=dict(given.bones),
        match_limbs=given.match_limbs if given.HasField("match_limbs") else True,
        scale_travel=given.scale_travel if given.HasField("scale_travel") else True,
    )
    check_hips(findings, "target.joints", target)
    return target

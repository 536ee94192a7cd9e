"""Skeletons and models, to the wire and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from posewire_proto.v1 import posewire_pb2 as pb
from posewire_runtime.exchange.events import ServedModel
from posewire_runtime.types import Float, Licence, Limits, ModelInfo, Skeleton


def write_joints(skeleton: Skeleton) -> list[pb.Joint]:
    """The joints of a skeleton; identity rest rotations stay absent."""
    joints = [
        pb.Joint(name=name, parent=parent, position=pb.Vector3(x=p[0], y=p[1], z=p[2]))
        for name, parent, p in zip(skeleton.names, skeleton.parents, skeleton.positions.tolist(), strict=True)
    ]
    if skeleton.rotations is not None:
        for joint, (x, y, z, w) in zip(joints, skeleton.rotations.tolist(), strict=True):
            joint.rotation.CopyFrom(pb.Quaternion(x=x, y=y, z=z, w=w))
    return joints


def read_positions(joints: Sequence[pb.Joint]) -> Float:
    """Rest positions, (J, 3)."""
    rows = [(j.position.x, j.position.y, j.position.z) for j in joints]
    return np.array(rows, np.float32).reshape(-1, 3)


def read_rotations(joints: Sequence[pb.Joint]) -> Float:
    """Rest rotations, (J, 4); identity where a joint has none."""
    rows = [
        (j.rotation.x, j.rotation.y, j.rotation.z, j.rotation.w) if j.HasField("rotation") else (0, 0, 0, 1)
        for j in joints
    ]
    return np.array(rows, np.float32).reshape(-1, 4)


def read_skeleton(joints: Sequence[pb.Joint], pelvis: int, sole: float) -> Skeleton:
    """The skeleton that these joints make."""
    return Skeleton(
        names=tuple(j.name for j in joints),
        parents=tuple(j.parent for j in joints),
        positions=read_positions(joints),
        rotations=read_rotations(joints) if any(j.HasField("rotation") for j in joints) else None,
        pelvis=pelvis,
        sole=sole,
    )


def write_model(model: ServedModel) -> pb.Model:
    """A model and what it can be asked for."""
    info = model.info
    return pb.Model(
        name=info.name,
        family=info.family,
        description=info.description,
        joints=write_joints(info.skeleton),
        root_joint=info.skeleton.pelvis,
        sole=info.skeleton.sole,
        fps=info.fps,
        limits=_write_limits(info.limits, model.max_seeds),
        presets=[
            pb.Preset(name=name, steps=steps, is_default=name == info.default_preset)
            for name, steps in info.presets.items()
        ],
        licence=pb.Licence(
            identifier=info.licence.identifier,
            notice=info.licence.notice,
            territory=info.licence.territory,
            restricts_outputs=info.licence.restricts_outputs,
        ),
        providers=info.providers,
        loaded=model.loaded,
        degraded=model.degraded,
        solvers=info.solvers,
    )


def read_model(message: pb.Model, is_default: bool) -> ServedModel:
    """A model that a server offers; the first of its list is the default one."""
    info = ModelInfo(
        name=message.name,
        family=message.family,
        skeleton=read_skeleton(message.joints, message.root_joint, message.sole),
        fps=message.fps,
        limits=_read_limits(message.limits),
        presets={preset.name: preset.steps for preset in message.presets},
        default_preset=next((preset.name for preset in message.presets if preset.is_default), ""),
        licence=Licence(
            message.licence.identifier,
            message.licence.notice,
            message.licence.territory,
            message.licence.restricts_outputs,
        ),
        providers=tuple(message.providers),
        description=message.description,
        solvers=tuple(message.solvers),
    )
    return ServedModel(info, is_default, message.loaded, message.limits.max_seeds, message.degraded)


def _write_limits(limits: Limits, max_seeds: int) -> pb.Limits:
    return pb.Limits(
        min_frames=limits.min_frames,
        max_frames=limits.max_frames,
        max_steps=limits.max_steps,
        max_prompt=limits.max_prompt,
        max_seeds=max_seeds,
        fixed_guidance=limits.fixed_guidance,
    )


def _read_limits(message: pb.Limits) -> Limits:
    return Limits(
        min_frames=message.min_frames,
        max_frames=message.max_frames,
        max_steps=message.max_steps,
        max_prompt=message.max_prompt,
        fixed_guidance=message.fixed_guidance if message.HasField("fixed_guidance") else None,
    )

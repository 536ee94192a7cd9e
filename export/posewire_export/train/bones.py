"""Which of a rig's bones play SMPL's joints."""

from __future__ import annotations

from collections.abc import Sequence

from posewire_runtime.motion import rigs
from posewire_runtime.motion.skeleton import SMPL22

_OWN = {name: name for name in SMPL22.names}
"""SMPL's own names, which our files carry."""


def bones_of(names: Sequence[str]) -> dict[str, str]:
    """SMPL's joints -> the rig's bones, by the known table that explains most; absent joints are left out."""
    plain = {rigs.normalise_name(name): name for name in names}
    tables = (
        {joint: plain[key] for joint, bone in table.items() if (key := rigs.normalise_name(bone)) in plain}
        for table in (*rigs.BONE_TABLES.values(), _OWN)
    )
    return max(tables, key=len)

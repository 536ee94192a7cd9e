"""Foot contacts as events: when which part of a foot comes down, and when it leaves the floor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from posewire_runtime.types import CONTACT_NAMES, Clip


@dataclass(frozen=True, slots=True)
class ContactEvent:
    """A change of a contact."""

    frame: int
    """The first frame at which it is so."""
    seconds: float
    """The frame's time."""
    name: str
    """One of `types.CONTACT_NAMES`."""
    down: bool
    """True: it comes down. False: it leaves the floor."""


def contact_events(clip: Clip) -> list[ContactEvent]:
    """All changes in time's order. Contacts that hold from the start are events of frame 0."""
    before = np.zeros_like(clip.contacts)
    before[1:] = clip.contacts[:-1]
    frames, feet = np.nonzero(clip.contacts != before)
    return [
        ContactEvent(
            int(frame), float(frame / clip.fps), CONTACT_NAMES[foot], bool(clip.contacts[frame, foot])
        )
        for frame, foot in zip(frames, feet, strict=True)
    ]

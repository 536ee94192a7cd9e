"""Answers to what a game team asks: how many characters, which preset, what to turn down first. Pure.

Everything comes from cases that were measured; what is drawn through them says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

Report = Mapping[str, Any]

RATE = 30.0
"""Frames a second that a character plays."""


def answers(report: Report, budget_ms: float) -> list[dict[str, Any]]:
    """All of them, for each target."""
    found: list[dict[str, Any]] = []
    for target in report["targets"]:
        cases = [case for case in report["cases"] if case["target"] == target["name"] and measured(case)]
        calm = [case for case in cases if not case["game"]]
        if calm:
            found.append(characters(target, calm))
            found.append(largest_preset(target, calm, budget_ms))
            found.append(turn_down(target, calm))
    return found


def measured(case: Report) -> bool:
    """Whether it has figures."""
    return case.get("end_to_end") is not None


def characters(target: Report, cases: Sequence[Report]) -> dict[str, Any]:
    """How many characters at 30 fps the machine keeps in motion, by the default preset."""
    steps = target["presets"].get(target["default_preset"])
    chosen = [case for case in cases if case["steps"] == steps] or list(cases)
    best = max(chosen, key=lambda case: case["frames_per_second"])
    count = int(best["frames_per_second"] // RATE)
    waits, clips = best["end_to_end"]["p95"], best["batch"] * best["concurrency"]
    text = (
        f"{target['name']}: {count} characters at 30 fps ({best['frames_per_second']:.0f} frames/s at "
        f"{best['steps']} steps, {best['frames']} frames, {clips} clips at once; "
        f"each waits {waits:.0f} ms at p95)"
    )
    return _answer("characters", "Characters at 30 fps this machine sustains", target, text, count)


def largest_preset(target: Report, cases: Sequence[Report], budget_ms: float) -> dict[str, Any]:
    """The most steps whose whole clip is there in time at p95, when nobody else asks."""
    alone = [case for case in cases if case["batch"] == case["concurrency"] == 1]
    frames = target["base_frames"]
    at_base = sorted((case for case in alone if case["frames"] == frames), key=lambda case: case["steps"])
    fitting = [case for case in at_base if case["end_to_end"]["p95"] <= budget_ms]
    question = f"Largest preset within {budget_ms:g} ms"
    if fitting:
        best = fitting[-1]
        name = _preset(target, best["steps"])
        text = f"{target['name']}: {name} ({best['end_to_end']['p95']:.1f} ms at p95, {frames} frames)"
        if best is at_base[-1]:
            text += f", and no larger one was measured{_guess(target, at_base, budget_ms)}"
        return _answer("preset", question, target, text, name)
    text = f"{target['name']}: not measured"
    if at_base:
        least, waits = at_base[0], at_base[0]["end_to_end"]["p95"]
        text = f"{target['name']}: none; {_preset(target, least['steps'])} takes {waits:.0f} ms at p95"
    return _answer("preset", question, target, text, None)


def turn_down(target: Report, cases: Sequence[Report]) -> dict[str, Any]:
    """The setting that saves the most when it is halved, or the stage that should go first."""
    question = "What to turn down first"
    base = base_case(target, cases)
    savings = {
        axis: saving for axis in ("steps", "frames") if (saving := halving(cases, base, axis)) is not None
    }
    hints = [f"half the {axis} saves {saving:.0%}" for axis, saving in _ranked(savings)]
    shares = stage_shares(base)
    stage = max(shares, key=lambda name: shares[name])
    advice = _ADVICE.get(stage, "nothing of the request's own")
    text = f"{target['name']}: {stage} takes {shares[stage]:.0%} of a request; {advice}"
    if hints:
        text += f" ({', '.join(hints)})"
    return _answer("turn_down", question, target, text, stage)


def base_case(target: Report, cases: Sequence[Report]) -> Report:
    """The case nearest to one clip of the base length by the default preset."""
    steps = target["presets"].get(target["default_preset"])

    def far(case: Report) -> tuple[int, int, int]:
        off = (case["frames"] != target["base_frames"]) + (case["steps"] != steps)
        return case["batch"] * case["concurrency"], off, case["frames"]

    return min(cases, key=far)


def halving(cases: Sequence[Report], base: Report, axis: str) -> float | None:
    """Which share of the time goes when this setting is halved, by a line through measured cases."""
    others = [name for name in ("frames", "steps", "batch", "concurrency") if name != axis]
    alike = [case for case in cases if all(case[name] == base[name] for name in others)]
    if len({case[axis] for case in alike}) < 2:
        return None
    slope, offset = _line([(case[axis], case["end_to_end"]["p50"]) for case in alike])
    now = offset + slope * base[axis]
    return max(0.0, min(1.0, slope * base[axis] / 2 / now)) if now > 0 else None


def stage_shares(case: Report) -> dict[str, float]:
    """Stage -> its share of the end-to-end time."""
    whole = case["end_to_end"]["mean"]
    return {stage: figures["mean"] / whole for stage, figures in case["stages"].items()}


_ADVICE: Mapping[str, str] = {
    "step": "fewer steps first, then fewer frames or a smaller precision",
    "encode": "prompt packs or a warm cache first (posewire encode), the encoder need not run in the game",
    "tokenise": "prompt packs first (posewire encode)",
    "condition": "fewer steps or shorter prompts, and the same prompts again: their text side is kept",
    "queue": "fewer requests at once, or a lower rate of them",
    "decode": "fewer frames first: decoding grows with them",
    "post": "retarget in the engine's client instead of here",
    "pack": "fewer frames first",
    "send": "fewer requests at once: packing and sending wait for each other",
    "client": "a server nearer to the game, or a smaller packing",
}
"""Stage that takes the most -> what helps."""


def _preset(target: Report, steps: int) -> str:
    names = [name for name, count in target["presets"].items() if count == steps]
    return f"{names[0]} ({steps} steps)" if names else f"{steps} steps"


def _guess(target: Report, cases: Sequence[Report], budget_ms: float) -> str:
    """How far a line through what was measured would go."""
    if len({case["steps"] for case in cases}) < 2:
        return ""
    slope, offset = _line([(case["steps"], case["end_to_end"]["p95"]) for case in cases])
    if slope <= 0:
        return ""
    most = min(int((budget_ms - offset) / slope), target["max_steps"])
    return f"; about {most} steps by a line through these" if most > cases[-1]["steps"] else ""


def _line(points: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Slope and offset of the line nearest to some points."""
    x, y = np.array([p[0] for p in points], float), np.array([p[1] for p in points], float)
    slope = float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
    return slope, float(y.mean() - slope * x.mean())


def _ranked(savings: Mapping[str, float]) -> list[tuple[str, float]]:
    return sorted(savings.items(), key=lambda item: -item[1])


def _answer(kind: str, question: str, target: Report, text: str, value: object) -> dict[str, Any]:
    return {"kind": kind, "question": question, "target": target["name"], "answer": text, "value": value}

"""What `posewire inspect` shows of a package: a mapping for machines, a page for people.

The mapping holds the whole manifest. The page leaves out long number arrays (rest positions,
normalisation) and says how long they are. Reads nothing but the opened package.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

from posewire_runtime.packages.manifest import GraphSpec, Manifest, Motion, TensorSpec
from posewire_runtime.packages.package import Package
from posewire_runtime.types import Licence, Preset

_WIDTH = 100
_LABEL = 14


def describe(package: Package) -> dict[str, Any]:
    """All of the manifest and what follows from it, ready for JSON."""
    return {
        "path": str(package.root),
        "bytes": package.nbytes,
        "fingerprint": package.fingerprint,
        **package.manifest.to_dict(),
    }


def describe_text(package: Package) -> str:
    """The same for people; the licence comes first, because it binds what they may do."""
    manifest = package.manifest
    sections: dict[str, Iterator[str]] = {
        "Licence": licence_lines(manifest.licence),
        "Motion": _motion(manifest.motion) if manifest.motion else iter(()),
        "Presets": _presets(manifest.motion) if manifest.motion else iter(()),
        "Text encoder": _text_encoder(manifest),
        "Graphs": _graphs(package),
        "Parity": _parity(manifest),
        "Config": _config(manifest.config),
        "Files": _files(manifest),
        "Made": _provenance(manifest),
        "Fingerprint": iter((package.fingerprint,)),
    }
    head = (
        f"{manifest.name}: {manifest.kind} package of the family {manifest.family}, format {manifest.format}"
    )
    lines = [head, str(package.root), *textwrap.wrap(manifest.description, _WIDTH)]
    for label, content in sections.items():
        lines += _section(label, list(content))
    return "\n".join(lines) + "\n"


def licence_lines(licence: Licence) -> Iterator[str]:
    """What must be shown of a licence, here and where a model is served."""
    yield licence.identifier
    if licence.territory:
        yield from textwrap.wrap(f"Territory: {licence.territory}", _WIDTH - _LABEL)
    if licence.restricts_outputs:
        yield "Its restrictions also bind the motion that is made with it."
    for paragraph in licence.notice.splitlines():
        yield from textwrap.wrap(paragraph, _WIDTH - _LABEL) or [""]


def human_size(count: int) -> str:
    """Bytes for people: 1.5 MB."""
    size, unit = float(count), "bytes"
    for larger in ("kB", "MB", "GB"):
        if size < 1000:
            break
        size, unit = size / 1000, larger
    return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"


def _section(label: str, content: list[str]) -> list[str]:
    if not content:
        return []
    return ["", *(f"{label if i == 0 else '':<{_LABEL}}{line}".rstrip() for i, line in enumerate(content))]


def _motion(motion: Motion) -> Iterator[str]:
    limits, skeleton = motion.limits, motion.skeleton
    yield f"{motion.representation} at {motion.fps:g} frames a second"
    yield f"{limits.min_frames} to {limits.max_frames} frames, up to {limits.max_steps} steps"
    yield f"prompts of up to {limits.max_prompt} characters, batches of up to {limits.max_batch}"
    if limits.fixed_guidance is not None:
        yield f"guidance {limits.fixed_guidance:g}, folded into the weights"
    if motion.normalisation is not None:
        yield f"normalised: {len(motion.normalisation.mean)} means and deviations"
    joints = f"{len(skeleton)} joints: {', '.join(skeleton.names)}"
    yield from textwrap.wrap(joints, _WIDTH - _LABEL)


def _presets(motion: Motion) -> Iterator[str]:
    for name, preset in motion.presets.items():
        star = "*" if name == motion.default_preset else " "
        yield f"{star} {name:<12}{preset.steps:>3} steps  {', '.join(_preset(preset))}"
        if preset.times is not None:
            times = "times " + " ".join(f"{time:.4g}" for time in preset.times)
            yield from textwrap.wrap(times, _WIDTH - _LABEL, initial_indent="    ", subsequent_indent="    ")
        if preset.measured:
            yield f"    error: {preset.measured}"


def _preset(preset: Preset) -> Iterator[str]:
    yield preset.solver
    if preset.times is None and preset.shift != 1:
        yield f"times shifted by {preset.shift:g}"
    if preset.guidance is not None:
        yield f"guidance {preset.guidance:g}"
    if preset.interval is not None:
        yield f"guided from {preset.interval[0]:g} to {preset.interval[1]:g}"
    if preset.error is not None:
        yield f"error {preset.error:.3g}"


def _text_encoder(manifest: Manifest) -> Iterator[str]:
    reference = manifest.text_encoder
    if reference is not None:
        yield f"{reference.folder} ({reference.place} this package), fingerprint {reference.fingerprint}"


def _graphs(package: Package) -> Iterator[str]:
    for name, graph in package.manifest.graphs.items():
        size = sum(package.manifest.files[file].size for file in (graph.file, *graph.data))
        yield f"{name}: {graph.precision}, opset {graph.opset}, {human_size(size)} in {_names(graph)}"
        yield from (f"    in   {_tensor(spec)}" for spec in graph.inputs)
        yield from (f"    out  {_tensor(spec)}" for spec in graph.outputs)


def _names(graph: GraphSpec) -> str:
    return ", ".join((graph.file, *graph.data))


def _tensor(spec: TensorSpec) -> str:
    return f"{spec.name}: {spec.dtype} ({', '.join(str(axis) for axis in spec.shape)})"


def _parity(manifest: Manifest) -> Iterator[str]:
    for check in manifest.parity:
        limit = "" if check.limit is None else f", limit {check.limit:.3g}"
        how = f"{check.metric}, {check.cases} cases"
        yield f"{check.what} against {check.against}: {check.error:.3g}{limit} ({how})"


def _config(config: Mapping[str, object]) -> Iterator[str]:
    for key, value in config.items():
        text = json.dumps(value, ensure_ascii=False)
        yield f"{key}: {text if len(text) <= _WIDTH else text[:_WIDTH] + ' …'}"


def _files(manifest: Manifest) -> Iterator[str]:
    for name, entry in manifest.files.items():
        yield f"{human_size(entry.size):>10}  {entry.sha256[:16]}…  {name}"
    yield f"{human_size(sum(entry.size for entry in manifest.files.values())):>10}  in all"


def _provenance(manifest: Manifest) -> Iterator[str]:
    made = manifest.provenance
    yield f"by {made.exporter}: {made.command}"
    yield from (f"from {name}, sha256 {digest}" for name, digest in made.source.items())

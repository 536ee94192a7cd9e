"""The manifest's own rules, and how its mistakes read."""

import json
from typing import Any

import pytest

from posewire_runtime.errors import PackageError
from posewire_runtime.packages.manifest import FORMAT, Manifest, safe_relative
from posewire_runtime.packages.package import Package


def changed(data: dict[str, Any], place: str, value: object) -> dict[str, Any]:
    """A copy with one value replaced; `place` is a path of keys."""
    copy: dict[str, Any] = json.loads(json.dumps(data))
    *path, last = place.split("/")
    spot: Any = copy
    for key in path:
        spot = spot[int(key) if isinstance(spot, list) else key]
    spot[int(last) if isinstance(spot, list) else last] = value
    return copy


def test_a_manifest_survives_json_both_ways(package: Package) -> None:
    data = package.manifest.to_dict()
    assert Manifest.from_dict(json.loads(json.dumps(data))).to_dict() == data


def test_a_newer_format_says_so_before_anything_else() -> None:
    with pytest.raises(PackageError, match=rf"format: .* format {FORMAT + 1}, .* up to {FORMAT}; update"):
        Manifest.from_dict({"format": FORMAT + 1, "new": "things"})


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ("surprise", 1, r"^surprise: unknown key"),
        ("kind", "video", r"^kind: expected one of 'motion', 'text-encoder', found 'video'"),
        ("kind", "text-encoder", r"^motion: expected exactly in packages of kind 'motion'"),
        ("motion", None, r"^motion: expected exactly in packages of kind 'motion'"),
        ("format", 0, r"^format: expected 1"),
        ("graphs/denoise/file", "other.onnx", r"^graphs\.denoise: its file 'other\.onnx' is not listed"),
        ("graphs/denoise/precision", "fp64", r"^graphs\.denoise\.precision: expected one of 'fp32'"),
        ("graphs/denoise/inputs/0/shape/1", 2.5, r"inputs\[0\]\.shape\[1\]: expected an integer or a text"),
        ("files/graph.onnx/sha256", "XYZ", r"^files\.graph\.onnx\.sha256: expected 64 lower-case hex"),
        ("files/..", {"size": 1, "sha256": "0" * 64}, r"^files\.\.\.: expected a path inside"),
        ("text_encoder/folder", "../encoder", r"^text_encoder\.folder: expected the plain name"),
        ("motion/fps", 0, r"^motion\.fps: expected more than 0, found 0"),
        (
            "motion/default_preset",
            "best",
            r"^motion\.default_preset: expected one of fast, preview, found 'best'",
        ),
        ("motion/presets/fast/steps", 101, r"^motion\.presets\.fast\.steps: expected 1 to 100, found 101"),
        ("motion/presets/fast/solver", "rk4", r"^motion\.presets\.fast\.solver: expected one of euler"),
        ("motion/presets/preview/times", [0, 1], r"^motion\.presets\.preview\.times: expected 3 times"),
        ("motion/presets/preview/times", [0, 0.7, 0.6], r"preview\.times: expected increasing times"),
        ("motion/presets/fast/interval", [0.5, 0.5], r"fast\.interval: expected two increasing times"),
        ("motion/skeleton/parents", [-1], r"^motion\.skeleton\.parents: expected 22 entries, found 1"),
        ("motion/skeleton/pelvis", 22, r"^motion\.skeleton\.pelvis: expected a joint below 22"),
        ("motion/skeleton/positions", [[0, 0, 0]], r"^motion\.skeleton\.positions: expected 22 x 3 numbers"),
        ("motion/normalisation/std", [1], r"^motion\.normalisation: expected two equally long lists"),
        ("motion/normalisation/std", [1, -1], r"^motion\.normalisation: expected finite means"),
    ],
)
def test_mistakes_are_named_with_their_place(
    package: Package, place: str, value: object, message: str
) -> None:
    with pytest.raises(PackageError, match=message):
        Manifest.from_dict(changed(package.manifest.to_dict(), place, value))


@pytest.mark.parametrize("path", ["a", "a/b.onnx", "..a/b", "a b"])
def test_paths_inside_are_accepted(path: str) -> None:
    assert safe_relative(path)


@pytest.mark.parametrize(
    "path", ["", ".", "..", "a/../b", "/a", "a//b", "a/", "./a", "C:/a", "a\\b", "\\\\host\\a", "a\0"]
)
def test_paths_that_lead_out_or_elsewhere_are_not(path: str) -> None:
    assert not safe_relative(path)

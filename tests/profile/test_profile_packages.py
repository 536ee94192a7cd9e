"""A real package, tiny and of random weights: graphs, ceilings, operators, precisions, a curve of quality."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from posewire_runtime.cli import run
from posewire_runtime.profile import page
from posewire_runtime.profile.report import read_report
from posewire_runtime.profile.targets import variants

pytestmark = pytest.mark.export
torch = pytest.importorskip("torch")

OFFICIAL = Path(__file__).parents[1] / "golden" / "hymotion"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from posewire_export.hymotion.export import Options, export

    folder = tmp_path_factory.mktemp("packages") / "tiny-fp32"
    return export(OFFICIAL, folder, Options(name="tiny", precision="fp32")).root


@pytest.fixture(scope="module")
def report(package: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A profile by the command itself; an int8 package and a GPU are asked for too."""
    out = tmp_path_factory.mktemp("report")
    wanted = ["--provider", "cpu,cuda", "--precision", "fp32,int8", "--frames", "30", "--steps", "4"]
    code = run(["profile", "--model", str(package), *wanted, "--seconds-per-case", "3", "--out", str(out)])
    assert code == 0
    return read_report(out)


def test_a_package_without_an_encoder_is_measured_with_features(report: dict[str, Any]):
    [case] = report["cases"]
    assert (case["target"], case["status"]) == ("tiny-fp32@cpu", "measured")
    assert set(case["device"]["graphs_ms"]) >= {"condition", "denoise"}
    assert 0 < case["device"]["share"] <= 1
    assert case["reference"].startswith("cpu, ")


def test_graphs_are_looked_into(report: dict[str, Any]):
    [target] = report["targets"]
    assert target["precision"] == "fp32"
    assert target["ceilings"]["flops"] > 0
    graphs = {graph["graph"]: graph for graph in target["graphs"]}
    assert set(graphs) == {"condition", "denoise"}
    for graph in graphs.values():
        assert graph["flops_per_run"] > 0
        assert graph["fell_back"] == 0
        assert sum(row["share"] for row in graph["operators"]) <= 1.001
    assert {bound["stage"] for bound in target["bounds"]} == {"condition", "step"}
    assert target["cold"]["load_ms"] > 0


def test_what_was_asked_for_and_is_not_there_is_named(report: dict[str, Any]):
    said = " ".join(report["missing"])
    assert "tiny-fp32: no package of precision int8 beside it" in said
    assert "provider 'cuda'" in said


def test_precisions_are_found_beside_each_other(package: Path):
    assert variants(package, ["fp32"]) == ([package], [])
    assert variants(package, ["int8", "fp32"]) == ([package], ["int8"])


def test_errors_of_presets_become_a_curve(report: dict[str, Any]):
    again = json.loads(json.dumps(report))
    assert "there is no curve" in page.render(again)
    for preset, error in zip(again["targets"][0]["quality"], (0.3, 0.1, 0.04, 0.0), strict=True):
        preset |= {"error": error, "measured": "distance to the reference"}
    drawn = page.render(again)
    assert "there is no curve" not in drawn
    assert "distance to the reference" in drawn

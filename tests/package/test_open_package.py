"""From a package to its program, by the family in its manifest."""

import sys
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest

from posewire_runtime import families
from posewire_runtime.device.providers import EngineSettings
from posewire_runtime.errors import PackageError
from posewire_runtime.families import Family, open_package, package_info
from posewire_runtime.packages.package import Package
from posewire_runtime.sampling.schedule import SOLVERS
from posewire_runtime.text.settings import TextSettings


def test_what_a_package_is_can_be_asked_without_its_program(package: Package) -> None:
    info = package_info(package)
    assert (info.name, info.family, info.fps, info.default_preset) == ("tiny", "hymotion", 30, "fast")
    assert info.presets == {"fast": 8, "preview": 2}
    assert info.solvers == tuple(SOLVERS)
    assert info.providers == ()
    assert info.licence.territory == "everywhere but the moon"
    assert len(info.skeleton) == 22


@pytest.mark.parametrize("by_path", [True, False])
def test_the_familys_module_makes_the_program(
    package: Package, monkeypatch: pytest.MonkeyPatch, by_path: bool
) -> None:
    seen: list[tuple[Any, ...]] = []
    module = ModuleType("family_of_tests")
    monkeypatch.setattr(module, "open_program", lambda *given: seen.append(given) or "program", raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(families, "FAMILIES", {"hymotion": Family(module.__name__)})
    settings = EngineSettings(provider="cpu")
    text = TextSettings(encoder="cpu")
    assert open_package(package.root if by_path else package, settings, text) == "program"
    ((opened, *given),) = seen
    assert opened.root == package.root
    assert given == [settings, text]
    assert package_info(package).solvers == ()


def test_an_unknown_family_names_the_known_ones(package: Package) -> None:
    strange = Package(package.root, replace(package.manifest, family="telepathy"))
    for ask in (package_info, open_package):
        with pytest.raises(PackageError, match=r"this version runs \(hymotion.*\), found 'telepathy'"):
            ask(strange)


def test_a_text_encoder_is_no_model_of_motion(package: Package) -> None:
    encoder = Package(package.root, replace(package.manifest, kind="text-encoder", motion=None))
    with pytest.raises(PackageError, match="expected a package of kind 'motion', found kind 'text-encoder'"):
        open_package(encoder)

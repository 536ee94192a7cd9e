"""What the HY-Motion tests share: golden vectors and packages made of the tiny checkpoint."""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

OFFICIAL = Path(__file__).parents[1] / "golden" / "hymotion"
"""A complete tiny model in the official layout."""


@pytest.fixture(scope="session")
def official() -> Path:
    return OFFICIAL


@pytest.fixture(scope="session")
def golden() -> Iterator[Mapping[str, NDArray[Any]]]:
    """What the official code makes of it."""
    with np.load(OFFICIAL / "golden.npz") as arrays:
        yield dict(arrays)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The tiny model as a package of a precision, made once."""
    from posewire_export.hymotion.export import Options, export
    from posewire_runtime.packages.manifest import Precision

    @cache
    def make(precision: Precision) -> Path:
        folder = tmp_path_factory.mktemp("packages") / precision
        return export(OFFICIAL, folder, Options(name="tiny", precision=precision)).root

    return make


@pytest.fixture(scope="module", params=[False, True], ids=["host", "resident"])
def program(request: pytest.FixtureRequest, exported: Callable[[str], Path]) -> Iterator[Any]:
    """The tiny model, stepped in host memory and at fixed shapes; modules of one way have their own."""
    from posewire_runtime.device.engine import Engine
    from posewire_runtime.device.providers import EngineSettings
    from posewire_runtime.families import package_info
    from posewire_runtime.families.hymotion import HyMotion
    from posewire_runtime.packages.package import Package

    package = Package.open(exported("fp32"))
    engine = Engine(EngineSettings(provider="cpu", threads=2))
    opened = HyMotion(package, engine, package_info(package), resident=request.param)
    yield opened
    opened.close()

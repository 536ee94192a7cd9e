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

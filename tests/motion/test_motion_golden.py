"""The vectors are what their script makes, and small enough to be shared."""

import json

import numpy as np


def assert_same(made, stored):
    """Equal structure, numbers equal to rounding (other builds of numpy add in another order)."""
    if isinstance(made, dict):
        assert made.keys() == stored.keys()
        for key, value in made.items():
            assert_same(value, stored[key])
    elif isinstance(made, list) and made and not isinstance(made[0], str | dict):
        np.testing.assert_allclose(made, stored, atol=1e-12)
    elif isinstance(made, list):
        assert len(made) == len(stored)
        for a, b in zip(made, stored, strict=True):
            assert_same(a, b)
    elif isinstance(made, float):
        assert abs(made - stored) < 1e-12
    else:
        assert made == stored


def test_files_are_what_the_script_makes(golden_maker, golden):
    for name, content in golden_maker.build().items():
        assert_same(json.loads(json.dumps(content)), golden(name.removesuffix(".json")))


def test_files_stay_small(golden_folder):
    assert sum(path.stat().st_size for path in golden_folder.iterdir() if path.is_file()) < 300_000

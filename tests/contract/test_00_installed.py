"""Comes first: says which nhiscan is under test."""

import os
from pathlib import Path

import nhiscan


def test_the_tests_run_against_the_nhiscan_that_is_meant() -> None:
    """The wheel test sets NHISCAN_TEST_INSTALLED: then an import from a checkout would test the wrong thing."""
    place = Path(nhiscan.__file__).resolve()
    if os.environ.get("NHISCAN_TEST_INSTALLED"):
        assert "site-packages" in place.parts
    else:
        assert (place.parent.parent / "pyproject.toml").is_file()

"""docs/cli.md says what the commands say. It is only in the repository, not beside an installed wheel."""

from pathlib import Path

import pytest

from nhiscan.cli.reference import page


@pytest.mark.checkout
def test_the_page_is_current() -> None:
    committed = Path(__file__).parents[2] / "docs" / "cli.md"
    assert committed.read_text(encoding="utf-8") == page(), "run: python -m nhiscan.cli.reference > docs/cli.md"


def test_the_page_does_not_depend_on_what_is_installed_or_set(monkeypatch: pytest.MonkeyPatch) -> None:
    first = page()
    monkeypatch.setenv("NHISCAN_FORMAT", "json")
    monkeypatch.setenv("COLUMNS", "40")
    assert page() == first
    assert "--aws-" not in first
    assert "## nhiscan inventory credentials" in first

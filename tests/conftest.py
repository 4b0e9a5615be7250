"""What all tests share: the rule about skips, and real servers."""

import os
from collections.abc import Generator

import pytest

REQUIRE_ALL = os.environ.get("NHISCAN_REQUIRE") == "all"
INSTALLED = bool(os.environ.get("NHISCAN_TEST_INSTALLED"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Say first which nhiscan is tested; leave out what needs the repository when a wheel is tested."""
    items.sort(key=lambda item: "test_00_installed" not in item.nodeid)
    if INSTALLED:
        away = [item for item in items if item.get_closest_marker("checkout")]
        if away:
            config.hook.pytest_deselected(items=away)
            items[:] = [item for item in items if not item.get_closest_marker("checkout")]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With NHISCAN_REQUIRE=all a test that was skipped has failed: CI shall not mistake "not run" for "passed"."""
    report = yield
    if REQUIRE_ALL and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and NHISCAN_REQUIRE=all allows no skip: {report.longrepr}"
    return report

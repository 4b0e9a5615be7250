"""Which exit code several facts together give."""

import pytest

from nhiscan.cli.breaking import explain
from nhiscan.cli.ending import FAILED, FINDINGS, INCOMPLETE, LOCKED, OK, USAGE, verdict
from nhiscan.cli.rows import by_severity, in_words, reaches
from nhiscan.connector import MissingExtra, NoAccess, OptionError
from nhiscan.inventory import InventoryError, Locked


@pytest.mark.parametrize(
    ("nothing", "incomplete", "findings", "allow_partial", "code"),
    [
        (False, False, False, False, OK),
        (False, False, True, False, FINDINGS),
        (False, True, False, False, INCOMPLETE),
        (False, True, True, False, INCOMPLETE),
        (False, True, False, True, OK),
        (False, True, True, True, FINDINGS),
        (True, True, True, False, FAILED),
        (True, True, False, True, FAILED),
    ],
)
def test_4_before_3_before_1_before_0(
    nothing: bool, incomplete: bool, findings: bool, allow_partial: bool, code: int
) -> None:
    assert verdict(nothing=nothing, incomplete=incomplete, findings=findings, allow_partial=allow_partial) == code


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OptionError("account", "is wrong"), USAGE, "account: is wrong"),
        (MissingExtra("aws", "boto3", "aws"), USAGE, 'pip install -e ".[aws]"'),
        (NoAccess("nobody knows you", "Log in"), FAILED, "nobody knows you. Log in"),
        (InventoryError("full"), FAILED, "full"),
        (OSError(30, "Read-only file system", "/x/y"), FAILED, "/x/y: Read-only file system"),
        (InventoryError("cannot use x: unable to open database file"), FAILED, "the folder must be writable"),
        (Locked("aws/account/x", "box", 7, 0), LOCKED, "another run holds aws/account/x (host box, process 7)"),
        (KeyError("x"), FAILED, "KeyError: 'x' (-v shows the traceback)"),
    ],
)
def test_every_error_has_its_code(error: Exception, code: int, words: str) -> None:
    found, message, usage = explain(error)
    assert found == code
    assert words.partition(" -e")[0] in message
    assert usage == ""


def test_open_findings_are_counted_and_compared_with_the_threshold() -> None:
    rows = [
        {"state": "open", "severity": "high"},
        {"state": "open", "severity": "low"},
        {"state": "open", "severity": "high"},
        {"state": "closed", "severity": "critical"},
        {"state": "undetermined", "severity": "critical"},
    ]
    counted = by_severity(rows)
    assert list(counted.items()) == [("high", 2), ("low", 1)]
    assert in_words(counted) == "3 open findings (2 high, 1 low)"
    assert in_words({}) == "0 open findings"
    assert [reaches(counted, least) for least in ("none", "info", "low", "medium", "high", "critical")] == [
        False, True, True, True, True, False,
    ]  # fmt: skip

"""Evidence of what a source of an organisation read: rows cite the calls that were made above, and a verifier looks."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nhiscan.report import Cover, keys, write_package
from nhiscan.rule import rules_digest
from nhiscan.verify import verify


@pytest.fixture
def write(bench: Any, acme_parts: Any, tmp_path: Path) -> Callable[[], Path]:
    """Scans the organisation and writes a package of the scan."""

    def written() -> Path:
        connector = acme_parts.connector(acme_parts.ORG_SOURCES, session=acme_parts.OrgSession)
        outcome = bench.scan((connector, bench.acme.settings), rules_sha256=rules_digest([], {}))
        folder = tmp_path / f"evidence-{outcome.number}"
        signer = keys.signer_from_seed(bytes(32))
        write_package(bench.inventory, None, folder, rules=[], parameters={}, signer=signer, cover=Cover())
        return folder

    return written


def cited(package: Path, table: str) -> dict[str, set[str]]:
    """Scope -> the operations of the calls that its rows cite."""
    calls = [
        json.loads(line)
        for line in (package / "data/04-collection/transcript.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    found: dict[str, set[str]] = {}
    with (package / f"data/03-population/{table}.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            first, _, last = row["calls"].partition("-")
            numbers = range(int(first), int(last or first) + 1)
            found.setdefault(row["scope"], set()).update(calls[number - 1]["operation"] for number in numbers)
    return found


def wrong(package: Path) -> list[str]:
    return [check.message for check in verify(package, now=1_790_000_000).checks if not check.ok]


def test_rows_cite_the_calls_of_the_organisation(write: Callable[[], Path]) -> None:
    package = write()
    assert cited(package, "identities") == {key: {"OrgUsers"} for key in ("acme/account/one", "acme/account/two")}
    assert cited(package, "keys") == {key: {"ListTokens"} for key in ("acme/account/one", "acme/account/two")}
    assert wrong(package) == []


def test_rows_of_a_fallback_cite_its_own_calls(bench: Any, write: Callable[[], Path]) -> None:
    bench.acme.hidden.add("two")
    package = write()
    assert cited(package, "identities") == {"acme/account/one": {"OrgUsers"}, "acme/account/two": {"ListUsers"}}
    assert wrong(package) == []


def test_a_gap_above_and_below_is_evidence_that_holds(bench: Any, write: Callable[[], Path]) -> None:
    bench.acme.faults.deny("acme:OrgUsers")
    bench.acme.faults.deny("acme:ListUsers", account="two")
    assert wrong(write()) == []


def test_a_row_that_rests_on_calls_which_nobody_above_made_is_found_out(write: Callable[[], Path]) -> None:
    package = write()
    path = package / "data/03-population/inventory/coverage.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    place = next(number for number, line in enumerate(lines) if '"acme/account/two","source":"acme.org-users"' in line)
    digest = json.loads(lines[place])["transcript_sha256"]
    lines[place] = lines[place].replace(digest, "0" * 64)
    path.write_text("".join(lines), encoding="utf-8")
    message = "acme.org-users read acme/account/two with calls that no scope above it made"
    assert any(message in one for one in wrong(package))

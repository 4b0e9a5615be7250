"""Clock, counts, canaries, environment, company."""

import csv
import gzip
import io
import os
import sqlite3
import zlib
from pathlib import Path

import pytest

from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.company import DEMO, NOW
from nhiscan.testing.counts import CallCounts
from nhiscan.testing.environment import environment


def test_the_clock_moves_when_told_and_never_back() -> None:
    clock = SimulatedClock(5)
    assert clock() == 5
    assert clock.advance(3) == 8
    with pytest.raises(ValueError, match="back"):
        clock.advance(-1)
    assert clock() == 8


def test_dates_without_an_offset_are_utc() -> None:
    assert at("2026-11-02T09:00:00") == at("2026-11-02T10:00:00+01:00") == NOW
    assert at("1970-01-02") == 86_400


def test_counts_by_account_and_action() -> None:
    counts = CallCounts()
    assert [counts.add("1", "a:X"), counts.add("1", "a:X"), counts.add("2", "a:X"), counts.add("2", "a:Y")] == [
        1,
        2,
        1,
        1,
    ]
    assert (counts.of(), counts.of("a:X"), counts.of("a:X", "1"), counts.of(account="2")) == (4, 3, 2, 2)
    assert counts.by_action() == {"a:X": 3, "a:Y": 1}
    assert counts.by_action("2") == {"a:X": 1, "a:Y": 1}
    counts.clear()
    assert counts.of() == 0


def test_canaries_are_the_same_for_a_seed_and_differ_by_name() -> None:
    one, two = Canaries(1), Canaries(1)
    assert one.plant("a") == two.plant("a") == one.plant("a")
    assert len({one.plant("a"), one.plant("b"), Canaries(2).plant("a")}) == 3
    assert len(one.plant("c", 20)) == 20


def test_a_canary_is_found_in_plain_text_in_compressed_text_and_in_a_database(tmp_path: Path) -> None:
    canaries = Canaries(1)
    secret = canaries.plant("key").encode()
    canaries.watch("token", "a token that the cloud made")
    (tmp_path / "clean.txt").write_text("nothing")
    (tmp_path / "plain.txt").write_bytes(b"x" + secret + b"x")
    (tmp_path / "packed.gz").write_bytes(gzip.compress(secret))
    with sqlite3.connect(tmp_path / "base.db") as base:
        base.execute("CREATE TABLE blob (b BLOB)")
        base.execute("INSERT INTO blob VALUES (?)", (zlib.compress(b"{" + secret + b"}"),))
    base.close()

    found = canaries.in_files([tmp_path, tmp_path / "clean.txt"])

    assert {path.name: names for path, names in found.items()} == {
        "plain.txt": ["key"],
        "packed.gz": ["key"],
        "base.db": ["key"],
    }
    assert canaries.in_bytes(b"... a token that the cloud made ...") == ["token"]


def test_a_secret_too_short_to_look_for_is_refused() -> None:
    with pytest.raises(ValueError, match="short"):
        Canaries(1).watch("pin", "1234")


def test_the_environment_is_replaced_and_put_back_whatever_happens() -> None:
    os.environ["NHISCAN_TEST_KEEP"], os.environ["NHISCAN_TEST_OLD"] = "kept", "old"
    try:
        with pytest.raises(RuntimeError, match="on purpose"):
            _work_in_another_environment()
        assert os.environ["NHISCAN_TEST_KEEP"] == "kept"
        assert os.environ["NHISCAN_TEST_OLD"] == "old"
        assert "NHISCAN_TEST_MORE" not in os.environ
    finally:
        del os.environ["NHISCAN_TEST_KEEP"], os.environ["NHISCAN_TEST_OLD"]


def test_the_roster_has_a_row_for_everybody_and_says_who_left() -> None:
    rows = list(csv.DictReader(io.StringIO(DEMO.roster())))
    assert [row["person_id"] for row in rows] == [person.person_id for person in DEMO.employees]
    assert len({row["email"] for row in rows}) == len(rows)
    left = {row["name"]: row["end_date"] for row in rows if row["status"] == "left"}
    assert left == {"Dana Novak": "2026-08-31", "Hugo Marin": "2026-05-29", "Liam Byrne": "2025-12-19"}
    assert all(not row["end_date"] for row in rows if row["status"] == "active")


def test_employees_are_found_by_name() -> None:
    assert DEMO.of("Chen Wei").email == "chen.wei@example.com"
    with pytest.raises(KeyError):
        DEMO.of("Nobody")


def _work_in_another_environment() -> None:
    with environment({"NHISCAN_TEST_OLD": "new", "NHISCAN_TEST_MORE": "more"}, remove=("NHISCAN_TEST_K",)):
        assert "NHISCAN_TEST_KEEP" not in os.environ
        assert os.environ["NHISCAN_TEST_OLD"] == "new"
        assert os.environ["NHISCAN_TEST_MORE"] == "more"
        raise RuntimeError("on purpose")

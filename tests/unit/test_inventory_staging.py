"""Rows on their way in: checked, cleaned, and put together from several sources."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.inventory import Sql, empty_sql
from nhiscan.inventory.staging import Stage, cleaned, used, used_source
from nhiscan.inventory.tables import RANGED, Listing, listing
from nhiscan.inventory.views import Column
from nhiscan.model import Credential, Need, Setting

COLUMNS = (Column("key", "text"), Column("number", "integer"))
SCOPE = "aws/account/a"


@pytest.fixture
def sql() -> Iterator[Sql]:
    handle = empty_sql()
    yield handle
    handle.close()


@given(st.lists(st.tuples(st.one_of(st.none(), st.text(st.characters())), st.one_of(st.none(), st.integers()))))
def test_cleaned_texts_can_be_stored_and_others_stay_as_they_are(rows: list[tuple[Any, ...]]) -> None:
    made = cleaned("t", COLUMNS, rows) if rows else []
    assert len(made) == len(rows)
    for (before, number), (after, same) in zip(rows, made, strict=True):
        assert number == same
        if before is None:
            assert after is None
            continue
        assert len(after) == len(before)
        after.encode()
        assert all(
            new == ("\ufffd" if old == "\0" or "\ud800" <= old <= "\udfff" else old)
            for old, new in zip(before, after, strict=True)
        )


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([("a", 1), ("b",)], "differ in length"),
        ([("a",)], "has 2 fields, not 1"),
        ([(1, 1)], r"t\.key is text"),
        ([("a", "1")], r"t\.number is integer"),
        ([("a", 1.5)], r"t\.number is integer"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows: list[tuple[Any, ...]], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        cleaned("t", COLUMNS, rows)


def credential(number: int, **facts: Any) -> Credential:
    key = f"{SCOPE}/access_key/{number:05d}"
    return Credential(key, SCOPE, "access_key", str(number), "it's", f"{SCOPE}/user/u", **facts)


def test_the_first_source_that_says_anything_counts(sql: Sql) -> None:
    stage = Stage(sql, RANGED["credential"])
    stage.put([credential(1, created_at=5, source="a"), credential(2, known_since=1, source="a")])
    stage.put([credential(1, state="active", created_at=6, used_at=7, known_since=8, source="b")])
    stage.put([credential(2, state="inactive", used_at=9, known_since=2, source="c"), credential(3)])
    facts = "state, created_at, used_at, known_since, source"
    told = f"CASE WHEN {used('s')} THEN {used_source('s')} END"
    assert [*sql.rows(f"SELECT {facts}, {told} FROM {stage.table} s ORDER BY key")] == [
        ("active", 5, 7, 8, "a", "b"),
        ("inactive", None, 9, 1, "a", "c"),
        (None, None, None, None, None, None),
    ]
    assert stage.kinds == {(SCOPE, "access_key")}


def test_a_source_that_shows_a_record_twice_is_put_together(sql: Sql) -> None:
    stage = Stage(sql, RANGED["credential"])
    stage.put([credential(1, state="active"), credential(1, created_at=5, state="inactive")])
    assert [*sql.rows(f"SELECT state, created_at FROM {stage.table}")] == [("active", 5)]


def test_big_batches_hold_the_same_rows(sql: Sql) -> None:
    stage = Stage(sql, RANGED["credential"])
    rows = [credential(number, state="active", created_at=number % 7 or None, source=None) for number in range(45_000)]
    stage.put(reversed(rows))
    stage.put([credential(0, state="active")] * 1_000)
    names = ", ".join(Credential._fields)
    assert [*sql.rows(f"SELECT {names} FROM {stage.table} ORDER BY key")] == rows


def test_the_kind_of_a_setting_is_the_first_part_of_its_name(sql: Sql) -> None:
    stage = Stage(sql, RANGED["setting"])
    names = ("password_policy.minimum_length", "password_policy.exists", "account.users", "plain")
    stage.put([Setting(f"{SCOPE}|{name}", SCOPE, name, 1) for name in names])
    kinds = ["account", "password_policy", "password_policy", "plain"]
    assert {kind for _scope, kind in stage.kinds} == set(kinds)
    expression = RANGED["setting"].kind("s", "sqlite")
    assert sorted(kind for (kind,) in sql.rows(f"SELECT {expression} FROM {stage.table} s")) == kinds


def test_only_listings_of_ranged_tables_are_listings() -> None:
    assert listing(Need(SCOPE, "credential:access_key", 1, 1)) == Listing("credential", SCOPE, "access_key", 1)
    assert listing(Need(SCOPE, "person", 0, 1)) == Listing("person", SCOPE, "", 0)
    assert listing(Need(SCOPE, "credential:access_key.used_at", 1, 0)) is None
    assert listing(Need(SCOPE, "tie_out", 1, 1)) is None

"""The handle on a database: parameters, streams, errors; and the empty inventory for compiling rules."""

import pickle
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from nhiscan.inventory import InventoryError, Sql, SqlError, empty_sql, fill, open_inventory
from nhiscan.inventory.views import VIEWS


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def sql(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sql]:
    place = str(tmp_path / "a.db") if request.param == "sqlite" else request.getfixturevalue("postgres_database")
    with open_inventory(place).database.transaction(write=True) as handle:
        yield handle


def test_names_in_literals_and_comments_are_no_parameters(sql: Sql) -> None:
    text = """
        SELECT ':x', 'it''s :x 100%', :x /* :x % */, "c:x" -- :x ?
        FROM (SELECT 1 AS "c:x") t WHERE :x <> '?%s'
    """
    assert sql.one(text, {"x": "value"}) == (":x", "it's :x 100%", "value", 1)
    assert sql.one("SELECT '100%', ':x'") == ("100%", ":x")


def test_integers_are_64_bit(sql: Sql) -> None:
    assert sql.one("SELECT :a * :b, :a / 7", {"a": 3_000_000_000, "b": 2}) == (6_000_000_000, 428_571_428)
    assert sql.one("SELECT :a * 100000", {"a": 100_000}) == (10_000_000_000,)


def test_like_tells_capitals_apart(sql: Sql) -> None:
    assert sql.one("SELECT 1 WHERE 'Admin' LIKE 'Adm%' AND NOT 'admin' LIKE 'Adm%'") == (1,)
    empty = empty_sql()
    assert empty.one("SELECT 'admin' LIKE 'Adm%'") == (0,)
    empty.close()


def test_null_and_text_parameters(sql: Sql) -> None:
    assert sql.one("SELECT 1 WHERE :a IS NULL AND :b = 'x'", {"a": None, "b": "x"}) == (1,)
    assert sql.one("SELECT 1 WHERE :a = 1", {"a": None}) is None


def test_many_and_temp_insert_give_rows_in_code_point_order(sql: Sql) -> None:
    sql.create("CREATE TEMP TABLE t (a TEXT, b BIGINT)")
    sql.many("INSERT INTO t (a, b) VALUES (?, ?)", [("b?%", 1), ("B", None)])
    sql.temp_insert("t", ("b", "a"), [(2**62, "é\t\\N"), (3, None)])
    assert [*sql.rows("SELECT a, b FROM t WHERE a IS NOT NULL ORDER BY a")] == [
        ("B", None),
        ("b?%", 1),
        ("é\t\\N", 2**62),
    ]
    assert sql.run("UPDATE t SET b = 0 WHERE b > :least", {"least": 1}) == 2


def test_rows_are_a_stream_beside_other_statements(sql: Sql) -> None:
    sql.create("CREATE TEMP TABLE t (a BIGINT)")
    sql.temp_insert("t", ("a",), [(n,) for n in range(5_000)])
    total = 0
    for (number,) in sql.rows("SELECT a FROM t ORDER BY a"):
        if number == 3_000:
            assert sql.one("SELECT count(*) FROM t") == (5_000,)
        total += number
    assert total == sum(range(5_000))
    next(sql.rows("SELECT a FROM t"))  # one that is not read to its end
    assert sql.one("SELECT min(a) FROM t") == (0,)


def test_errors_of_the_database_are_one_exception(sql: Sql) -> None:
    with pytest.raises(SqlError, match="nothing_there") as caught:
        sql.run("SELECT * FROM nothing_there")
    assert isinstance(caught.value, InventoryError)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_a_missing_value_is_an_error(sql: Sql) -> None:
    with pytest.raises(SqlError):
        sql.one("SELECT :x, :y", {"x": 1})


def test_the_empty_inventory_has_every_view() -> None:
    sql = empty_sql()
    for name, columns in VIEWS.items():
        names = ", ".join(column.name for column in columns)
        assert [*sql.rows(f"SELECT {names} FROM {name}")] == []
    assert isinstance(sql.raw, sqlite3.Connection)
    sql.close()


def test_fill_takes_rows_by_name() -> None:
    sql = empty_sql()
    fill(sql, "identity", [{"key": "a", "scope": "s"}, {"key": "b", "planned": 0, "confirmed": 0}])
    assert [*sql.rows("SELECT key, scope, planned, confirmed, mfa FROM identity ORDER BY key")] == [
        ("a", "s", 1, 1, None),
        ("b", None, 0, 0, None),
    ]
    with pytest.raises(ValueError, match="identity has no column colour, shape"):
        fill(sql, "identity", [{"shape": 1, "colour": 2}])
    sql.close()

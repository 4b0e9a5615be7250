"""Which statements carry the rowid of their subject along, and which must be looked up."""

import pytest

from nhiscan.evaluate.origin import NUMBER, with_rowid
from nhiscan.inventory import empty_sql, fill

CARRIED = [
    "SELECT key AS subject, 'pass' AS status FROM credential",
    "SELECT c.key AS subject, 'pass' AS status FROM credential c WHERE c.kind = 'x'",
    "SELECT c.key AS subject, 'pass' AS status FROM credential AS c LEFT JOIN identity i ON i.key = c.identity",
    "SELECT 'pass' AS status, v.k AS subject FROM (SELECT c.key AS k FROM credential c, identity i) AS v",
    "SELECT v.key AS subject, (SELECT count(*) FROM identity) AS status FROM (SELECT key FROM credential) v",
    "SELECT c.key AS subject, 'x' AS status FROM identity i JOIN credential c ON 1 = 1",
    "SELECT c.key AS subject, 'x' AS status FROM identity i LEFT JOIN credential c ON 1 = 1 WHERE i.key = 'i'",
    "SELECT c.key AS subject FROM (SELECT max(key) AS k FROM credential GROUP BY kind) n CROSS JOIN credential AS c",
]
LOOKED_UP = {
    "other table": "SELECT i.key AS subject, 'pass' AS status FROM identity i",
    "other column": "SELECT c.identity AS subject, 'pass' AS status FROM credential c",
    "expression": "SELECT c.key || '' AS subject, 'pass' AS status FROM credential c",
    "right join": "SELECT c.key AS subject, 'x' AS status FROM credential c RIGHT JOIN identity i ON 1 = 1",
    "grouped": "SELECT c.key AS subject, 'pass' AS status FROM credential c GROUP BY c.key",
    "aggregated": "SELECT c.key AS subject, max(c.name) AS status FROM credential c",
    "distinct": "SELECT DISTINCT c.key AS subject, 'pass' AS status FROM credential c",
    "united": "SELECT key AS subject, 'pass' AS status FROM credential UNION ALL SELECT key, 'fail' FROM identity",
    "united inside": "SELECT v.key AS subject, 'x' AS status FROM (SELECT key FROM credential UNION SELECT 'z') v",
    "the other of two": "SELECT i.key AS subject, 'x' AS status FROM identity i JOIN credential c ON 1 = 1",
    "column of a twin": "SELECT c.identity AS subject, 'x' AS status FROM credential d JOIN credential c ON 1 = 1",
    "with": "WITH credential AS (SELECT key FROM identity) SELECT key AS subject, 'pass' AS status FROM credential",
    "grouped inside": "SELECT v.key AS subject, 'pass' AS status FROM (SELECT key FROM credential GROUP BY key) v",
    "not told which": "SELECT key AS subject, 'x' AS status FROM credential JOIN scope ON scope.parent = 'x'",
}


@pytest.mark.parametrize("sql", CARRIED)
def test_the_rowid_goes_along(sql: str) -> None:
    database = empty_sql()
    fill(database, "credential", [{"key": key, "kind": "x"} for key in "abc"])
    fill(database, "identity", [{"key": key} for key in "ij"])
    text = with_rowid(sql, "credential")
    assert text is not None
    rows = list(database.rows(f"SELECT {NUMBER}, subject FROM ({text})"))
    assert sorted(subject for _, subject in rows) == sorted(
        row[0] for row in database.rows(f"SELECT subject FROM ({sql})")
    )
    assert set(rows) == {(1, "a"), (2, "b"), (3, "c")}
    database.close()


def test_a_row_that_was_not_found_has_neither_key_nor_rowid() -> None:
    database = empty_sql()
    fill(database, "credential", [{"key": "a"}])
    fill(database, "identity", [{"key": "i"}])
    text = with_rowid(
        "SELECT c.key AS subject FROM identity i LEFT JOIN credential c ON c.identity = i.key", "credential"
    )
    assert text is not None
    assert list(database.rows(f"SELECT {NUMBER}, subject FROM ({text})")) == [(None, None)]
    database.close()


@pytest.mark.parametrize("sql", LOOKED_UP.values(), ids=LOOKED_UP)
def test_what_is_not_plain_is_looked_up(sql: str) -> None:
    assert with_rowid(sql, "credential") is None

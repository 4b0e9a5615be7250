"""The small part of KQL that the simulated Resource Graph carries out, and that it refuses the rest."""

from typing import Any

import pytest

from nhiscan_azure.simulated.kql import run
from nhiscan_azure.simulated.kqlwords import KqlError

COLUMNS = ("id", "name", "type", "properties")
ROWS: list[dict[str, Any]] = [
    {"id": "1", "name": "Alpha", "type": "microsoft.a/x", "properties": {"on": True, "n": 3, "deep": {"k": "v"}}},
    {"id": "2", "name": "beta", "type": "Microsoft.A/y", "properties": {"on": False, "list": ["p", "q"], "n": 1}},
    {"id": "3", "name": "gamma ray", "type": "microsoft.b/z", "properties": {}},
    {"id": "4", "name": None, "type": "microsoft.b/z", "properties": None},
]


def found(query: str) -> list[dict[str, Any]]:
    return run(query, {"things": lambda: ROWS}, COLUMNS).rows


def ids(query: str) -> str:
    return "".join(row["id"] for row in found(f"things | {query} | project id"))


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("type == 'microsoft.a/x'", "1"),
        ("type =~ 'MICROSOFT.A/X'", "1"),
        ("type == 'MICROSOFT.A/X'", ""),
        ("type != 'microsoft.b/z'", "12"),
        ("type !~ 'MICROSOFT.B/Z'", "12"),
        ("type in ('microsoft.a/x', 'microsoft.a/y')", "1"),
        ("type in~ ('microsoft.a/x', 'microsoft.a/y')", "12"),
        ("type !in ('microsoft.a/x')", "234"),
        ("type !in~ ('microsoft.a/x', 'microsoft.a/y')", "34"),
        ("name has 'RAY'", "3"),
        ("name has 'amm'", ""),
        ("name !has 'ray'", "124"),
        ("name contains 'AMM'", "3"),
        ("name !contains 'a'", "4"),
        ("name startswith 'al'", "1"),
        ("name endswith 'A'", "12"),
        ("properties.n > 1", "1"),
        ("properties.n >= 1 and properties.n < 3", "2"),
        ("properties.deep.k == 'v'", "1"),
        ("properties['deep']['k'] == \"v\"", "1"),
        ("properties.list[1] == 'q'", "2"),
        ("properties.list[9] == 'q'", ""),
        ("properties.on == true", "1"),
        ("properties.on == false", "2"),
        ("isnull(properties.on)", "34"),
        ("isnotnull(properties.on)", "12"),
        ("isempty(name)", "4"),
        ("not(properties.on == true)", "234"),
        ("name == 'beta' or name == 'Alpha' and properties.n == 1", "2"),
        ("(name == 'beta' or name == 'Alpha') and properties.n == 3", "1"),
        ("tolower(name) == 'alpha'", "1"),
        ("array_length(properties.list) == 2", "2"),
        ('tostring(properties.deep) == \'{"k":"v"}\'', "1"),
        ("split(type, '/')[1] == 'z'", "34"),
        ("coalesce(name, 'none') == 'none'", "4"),
        ("strcat(name, '-', id) == 'beta-2'", "2"),
        ("name == 'beta' // and name == 'nothing'", "2"),
    ],
)
def test_conditions(condition: str, expected: str) -> None:
    assert ids(f"where {condition}\n") == expected


def test_columns_are_made_and_named() -> None:
    assert found("things | take 1 | project id, n = properties.n, properties.deep.k") == [
        {"id": "1", "n": 3, "properties_deep_k": "v"}
    ]
    rows = found("things | extend big = iff(properties.n > 2, 'yes', 'no') | project-away properties, type | take 2")
    assert rows == [{"id": "1", "name": "Alpha", "big": "yes"}, {"id": "2", "name": "beta", "big": "no"}]


def test_rows_are_ordered_counted_and_told_apart() -> None:
    assert ids("order by name asc") == "4123"
    assert ids("order by name desc") == "3214"
    assert ids("sort by type asc, id desc") == "2143"
    assert found("things | count") == [{"Count": 4}]
    assert found("things | where id == 'x' | summarize count()") == [{"count_": 0}]
    assert found("things | summarize n = count() by kind = tolower(type)") == [
        {"kind": "microsoft.a/x", "n": 1},
        {"kind": "microsoft.a/y", "n": 1},
        {"kind": "microsoft.b/z", "n": 2},
    ]
    assert [row["type"] for row in found("things | distinct type")] == [
        "microsoft.a/x",
        "Microsoft.A/y",
        "microsoft.b/z",
    ]
    assert ids("limit 2") == "12"


def test_a_result_can_be_continued_where_it_shows_its_ids_and_takes_no_fixed_number() -> None:
    for query, paged in (("project id", True), ("project name", False), ("take 2 | project id", False)):
        assert run(f"things | {query}", {"things": lambda: ROWS}, COLUMNS).paged is paged


@pytest.mark.parametrize(
    "query",
    [
        "",
        "others",
        "things where id == 1",
        "things | where",
        "things | where id = '1'",
        "things | where id == '1",
        "things | where nothing == 1",
        "things | where id ? 1",
        "things | where in ('x')",
        "things | where id matches regex 'x'",
        "things | where substring(id, 0) == '1'",
        "things | where isnull(id, name)",
        "things | where name > 3",
        "things | where id in ('1'",
        "things | project tolower(name)",
        "things | project-away nothing",
        "things | join (others) on id",
        "things | mv-expand properties",
        "things | union others",
        "things | summarize max(id)",
        "things | take many",
        "things | order id",
        "things | distinct nothing",
        "things; others",
        "let x = 1; things",
    ],
)
def test_what_is_not_understood_is_refused(query: str) -> None:
    with pytest.raises(KqlError):
        found(query)

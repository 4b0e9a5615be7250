"""What is printed under a rule: deviations first, the worst of them first, and no worse one lost above the cap."""

from nhiscan.report.judged import CAP_RULE, Row, _insert


def row(number: int, severity: str, status: str = "fail") -> Row:
    return Row(status, severity, f"item {number}", "prod", "what was found", None, ())


def test_the_worst_come_first_whatever_the_order_of_subjects() -> None:
    rows: list[Row] = []
    given = [("unknown", "critical"), ("fail", "low"), ("fail", "critical"), ("unknown", "low"), ("fail", "high"),
             ("fail", "critical")]  # fmt: skip
    for number, (status, severity) in enumerate(given):
        _insert(rows, row(number, severity, status))
    assert [(one.status, one.severity, one.name) for one in rows] == [
        ("fail", "critical", "item 2"),
        ("fail", "critical", "item 5"),
        ("fail", "high", "item 4"),
        ("fail", "low", "item 1"),
        ("unknown", "critical", "item 0"),
        ("unknown", "low", "item 3"),
    ]


def test_a_worse_one_that_comes_late_is_printed_and_the_last_of_the_others_is_not() -> None:
    rows: list[Row] = []
    for number in range(CAP_RULE + 20):
        _insert(rows, row(number, "medium"))
    _insert(rows, row(999, "critical"))
    _insert(rows, row(1000, "critical", "unknown"))
    assert len(rows) == CAP_RULE
    assert rows[0].name == "item 999"
    assert [one.name for one in rows[1:]] == [f"item {number}" for number in range(CAP_RULE - 1)]

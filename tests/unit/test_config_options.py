"""Options of connectors: flag before environment before file before default."""

import pytest

from nhiscan.config import settle, variable
from nhiscan.connector import Option

ROLE = Option("role-name", "role", default="standard")


def test_the_name_of_the_variable() -> None:
    assert variable("aws", "role-name") == "NHISCAN_AWS_ROLE_NAME"


@pytest.mark.parametrize(
    ("file", "environ", "flags", "value"),
    [
        ({}, {}, {}, "standard"),
        ({"role-name": "file"}, {}, {}, "file"),
        ({"role-name": "file"}, {"NHISCAN_AWS_ROLE_NAME": "environment"}, {}, "environment"),
        ({"role-name": "file"}, {"NHISCAN_AWS_ROLE_NAME": ""}, {}, "file"),
        ({"role-name": "file"}, {"NHISCAN_AWS_ROLE_NAME": "environment"}, {"role-name": "flag"}, "flag"),
    ],
)
def test_precedence(file: dict[str, str], environ: dict[str, str], flags: dict[str, str], value: str) -> None:
    assert settle("aws", (ROLE,), file, environ, flags) == ({"role-name": value}, [])


@pytest.mark.parametrize(
    ("option", "text", "value"),
    [
        (Option("a", "", repeatable=True), "1, 2,,3", ("1", "2", "3")),
        (Option("a", "", kind="integer"), "12", 12),
        (Option("a", "", kind="flag"), "Yes", True),
        (Option("a", "", kind="flag", default=True), "0", False),
        (Option("a", "", kind="path"), "people.csv", "people.csv"),
    ],
)
def test_values_of_variables(option: Option, text: str, value: object) -> None:
    assert settle("x", (option,), {}, {"NHISCAN_X_A": text}, {}) == ({"a": value}, [])


def test_a_list_without_values_is_empty() -> None:
    assert settle("x", (Option("a", "", repeatable=True),), {}, {}, {}) == ({"a": ()}, [])


@pytest.mark.parametrize(("kind", "words"), [("integer", "a whole number"), ("flag", "true or false")])
def test_wrong_variables_are_problems(kind: str, words: str) -> None:
    settings, problems = settle("x", (Option("a", "", kind=kind, default=None),), {}, {"NHISCAN_X_A": "maybe"}, {})
    assert settings == {"a": None}
    assert [str(problem) for problem in problems] == [f"NHISCAN_X_A: must be {words}, not 'maybe'"]

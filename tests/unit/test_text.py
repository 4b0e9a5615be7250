"""Hostile names do no harm in a terminal or a spreadsheet, and no letter of any script is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.text import csv_cell, csv_plain, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ci-deploy", "ci-deploy"),
        ("\x1b[2J", "<U+001B>[2J"),
        ("a\u202eb", "a<U+202E>b"),
        ("line\nbreak\u2028", "line<U+000A>break<U+2028>"),
        ("\udc80", "<U+DC80>"),
        ("Zoë 部署", "Zoë 部署"),
        ("", ""),
    ],
)
def test_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text())
def test_visible_text_is_printable_on_one_line(text: str) -> None:
    shown = visible(text)
    assert len(shown.splitlines()) <= 1
    assert "\x1b" not in shown
    shown.encode()


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20", "'"])
def test_cells_that_could_be_formulas_are_marked(first: str) -> None:
    assert csv_cell(first + "1") == "'" + first + "1"


def test_other_cells_are_left_alone() -> None:
    assert csv_cell("arn:aws:iam::123456789012:user/a") == "arn:aws:iam::123456789012:user/a"
    assert csv_cell("") == ""


@given(st.text())
def test_the_mark_can_be_taken_off(text: str) -> None:
    assert csv_plain(csv_cell(text)) == text

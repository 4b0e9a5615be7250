"""The page of words and the code say the same."""

import re
from pathlib import Path

import pytest

from nhiscan import model

PAGE = Path(__file__).parents[2] / "docs" / "vocabulary.md"
LISTS = {
    name.lower().replace("_", " "): words
    for name, words in vars(model).items()
    if name.isupper() and isinstance(words, tuple) and name != "LAST_USE"
}


@pytest.mark.checkout
def test_the_vocabulary_page_lists_the_words_of_the_model() -> None:
    rows = re.findall(r"^\| ([a-z ]+) \| (`.*`) \|$", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert {name: tuple(re.findall(r"`([^`]+)`", words)) for name, words in rows} == LISTS


def test_every_table_of_the_model_has_a_record_of_its_own() -> None:
    assert len(set(model.TABLES.values())) == len(model.TABLES)
    assert all(model.TABLE_OF[record] == name for name, record in model.TABLES.items())

"""CSV and JSONL lines against the library's readers and writer."""

import csv
import io
import json

from hypothesis import given
from hypothesis import strategies as st

from nhiscan.report.bag import Payload
from nhiscan.report.tables import Files, csv_line, epoch, iso
from nhiscan.text import csv_plain

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
CELLS = st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1), TEXT), min_size=1, max_size=6)


@given(CELLS)
def test_a_csv_line_reads_back(cells: list[str | int | None]) -> None:
    (row,) = csv.reader(io.StringIO(csv_line(cells), newline=""), strict=True)
    *texts, escaped = row
    wanted = ["" if cell is None else str(cell) for cell in cells]
    assert [
        csv_plain(text) if isinstance(cell, str) else text for cell, text in zip(cells, texts, strict=True)
    ] == wanted
    assert escaped == str(int(texts != wanted))
    for cell, text in zip(cells, texts, strict=True):
        if isinstance(cell, str):
            assert text[:1] not in tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


@given(st.lists(st.lists(st.one_of(st.none(), st.integers(), TEXT), min_size=3, max_size=3), max_size=4))
def test_json_lines_are_those_of_the_library(rows: list[list[str | int | None]]) -> None:
    import tempfile
    from pathlib import Path

    names = ["a", 'quo"te', "c"]
    with tempfile.TemporaryDirectory() as folder:
        files = Files(Payload(Path(folder)))
        assert files.lines("x.jsonl", names, rows) == len(rows)
        text = (Path(folder) / "data" / "x.jsonl").read_bytes().decode()
    wanted = (json.dumps(dict(zip(names, row, strict=True)), ensure_ascii=False, separators=(",", ":")) for row in rows)
    assert text == "".join(line + "\n" for line in wanted)


@given(st.integers(-(2**63), 2**63 - 1))
def test_times_read_back(at: int) -> None:
    assert epoch(iso(at)) == at


def test_times_as_printed() -> None:
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(1_782_907_200) == "2026-07-01T12:00:00Z"

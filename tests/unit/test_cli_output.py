"""Data in every format: valid, complete, safe to look at, and never half written."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from nhiscan.cli.ending import FAILED, Said, Stop
from nhiscan.cli.moments import iso, readable
from nhiscan.cli.output import Column, Output, aligned, document
from nhiscan.text import csv_plain

COLUMNS = (Column("name", "name"), Column("severity", "severity"))
ROWS: tuple[Mapping[str, Any], ...] = (
    {"name": "=cmd|' /C calc'!A0", "severity": "high", "age": 3, "tags": {"a": 1}},
    {"name": "esc\x1b[2Jape\u202e", "severity": "low", "age": None, "tags": None},
)
FIELDS = ("name", "severity", "age", "tags")


def given(tmp_path: Path, form: str, rows: tuple[Mapping[str, Any], ...] = ROWS) -> str:
    file = tmp_path / "out"
    Output(Said(), form, file).rows("things", {"nhiscan": "x"}, COLUMNS, rows, FIELDS)
    return file.read_bytes().decode()


def test_json(tmp_path: Path) -> None:
    text = given(tmp_path, "json")
    assert json.loads(text) == {"nhiscan": "x", "things": list(ROWS)}
    assert text.isascii()


def test_json_without_rows(tmp_path: Path) -> None:
    assert json.loads(given(tmp_path, "json", ())) == {"nhiscan": "x", "things": []}


def test_json_lines(tmp_path: Path) -> None:
    assert [json.loads(line) for line in given(tmp_path, "jsonl").splitlines()] == list(ROWS)


def test_csv_is_guarded_against_formulas_and_can_be_undone(tmp_path: Path) -> None:
    first, second = csv.DictReader(io.StringIO(given(tmp_path, "csv"), newline=""))
    assert first["name"].startswith("'=")
    assert csv_plain(first["name"]) == ROWS[0]["name"]
    assert first["_escaped"] == "1"
    assert first["age"] == "3"
    assert json.loads(first["tags"]) == {"a": 1}
    assert second["name"] == ROWS[1]["name"]
    assert second["_escaped"] == "0"
    assert second["age"] == ""


def test_a_plain_table_is_aligned_and_never_cut(tmp_path: Path) -> None:
    long = "arn:aws:iam::123456789012:user/" + "x" * 300
    text = given(tmp_path, "table", (*ROWS, {"name": long, "severity": "critical"}))
    lines = text.splitlines()
    assert lines[0].split() == ["name", "severity"]
    assert lines[2].startswith("esc<U+001B>[2Jape<U+202E>")
    assert long in lines[3]
    assert len({line.rindex("  ") for line in lines}) == 1
    assert "\x1b" not in text


def test_nothing_is_written_when_rows_break_off(tmp_path: Path) -> None:
    def rows() -> Iterator[Mapping[str, Any]]:
        yield ROWS[0]
        raise RuntimeError("lost")

    file = tmp_path / "out"
    file.write_text("before")
    said = Said()
    with pytest.raises(RuntimeError):
        Output(said, "json", file).rows("things", {}, COLUMNS, rows(), FIELDS)
    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]
    assert not said.done


def test_a_pipe_or_device_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "out"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_text)
        Output(Said(), "json", pipe).rows("things", {}, COLUMNS, ROWS, FIELDS)
        assert json.loads(read.result()) == {"things": list(ROWS)}
    assert pipe.is_fifo()


def test_a_link_stays_and_the_file_behind_it_is_written(tmp_path: Path) -> None:
    link, file = tmp_path / "link", tmp_path / "file"
    link.symlink_to(file)
    Output(Said(), "json", link).rows("things", {}, COLUMNS, ROWS, FIELDS)
    assert link.is_symlink()
    assert json.loads(file.read_text())["things"] == list(ROWS)


def test_a_file_that_cannot_be_written_ends_with_4(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="cannot write") as stopped:
        Output(Said(), "json", tmp_path / "none" / "out").give(["x"])
    assert stopped.value.code == FAILED


def test_documents_and_tables_stream() -> None:
    """The head comes out before the rows are asked for."""
    assert next(iter(document({}, "rows", iter(lambda: 1 / 0, 1)))) == "{\n"
    assert list(aligned(COLUMNS, [])) == ["name  severity\n"]


def drawn(arguments: str, columns: str = "", **variables: str) -> str:
    """What a small program shows on a terminal of 60 columns."""
    code = (
        "from nhiscan.cli.output import *\nfrom nhiscan.cli.ending import Said\n"
        "columns = [Column('name', 'name'), Column('severity', 'severity')]\n"
        f"{columns}\n"
        f"Output(Said(), 'table', None).rows('x', {{}}, columns, {arguments}, [])"
    )
    reader, writer = pty.openpty()
    environ = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "FORCE_COLOR"}}
    environ |= {"TERM": "xterm", "COLUMNS": "60", **variables}
    with subprocess.Popen([sys.executable, "-c", code], stdout=writer, stderr=subprocess.PIPE, env=environ) as running:
        os.close(writer)
        out = b""
        with contextlib.suppress(OSError):  # Linux says so when the other end is closed
            while block := os.read(reader, 65536):
                out += block
        os.close(reader)
        assert running.stderr is not None
        assert running.stderr.read() == b""
    assert running.returncode == 0
    return out.decode()


def test_on_a_terminal_tables_are_drawn_in_colour_and_names_stay_text() -> None:
    shown = drawn("[{'name': '[red]x[/red]' + 'q' * 80 + '\\x1b[2J', 'severity': 'high'}]")
    assert "\x1b[31mhigh" in shown
    assert "[red]x[/red]" in shown
    assert "\x1b[2J" not in shown
    assert shown.count("q") == 80


WIDE = (
    "[{'name': 'arn:aws:iam::111122223333:user/' + 'n' * 20, 'severity': 'critical', 'empty': None,"
    " 'what': 'the key ' * 9}]"
)
FOUR = "columns = [Column(one, one) for one in ('name', 'severity', 'empty', 'what')]"


def test_where_a_table_has_no_room_each_row_has_lines_of_its_own_and_no_id_is_torn() -> None:
    shown = re.sub(r"\x1b\[[0-9]*m", "", drawn(WIDE, FOUR, NO_COLOR="1"))
    lines = [line.rstrip() for line in shown.splitlines()]
    assert lines[:2] == [f"name: arn:aws:iam::111122223333:user/{'n' * 20}", "  severity: critical"]
    assert lines[2].startswith("  what: the key the key")
    assert all(len(line) <= 60 and line.startswith("  ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()).count("the key") == 9
    assert "empty" not in " ".join(lines)


def test_where_a_table_has_room_only_its_last_column_is_folded() -> None:
    lines = drawn(WIDE, FOUR, NO_COLOR="1", COLUMNS="120").splitlines()
    assert any("n" * 20 in line and "critical" in line and "the key" in line for line in lines)
    assert " ".join(" ".join(lines).split()).count("the key") == 9


def test_no_color_is_honoured() -> None:
    assert "\x1b[31m" not in drawn("[{'name': 'x', 'severity': 'high'}]", NO_COLOR="1")


def test_long_tables_are_plain_on_a_terminal_too() -> None:
    shown = drawn("({'name': str(n), 'severity': 'high'} for n in range(2000))")
    assert len(shown.splitlines()) == 2001
    assert "\x1b" not in shown


def test_times() -> None:
    assert iso(None) is None
    assert iso(0) == "1970-01-01T00:00:00Z"
    assert iso(10**18) == str(10**18)
    row = {"created_at": 0, "known_since": 86400, "mfa": 0, "name": "created_at", "used_at": None}
    assert readable(row) == {
        "created_at": "1970-01-01T00:00:00Z",
        "known_since": "1970-01-02T00:00:00Z",
        "mfa": 0,
        "name": "created_at",
        "used_at": None,
    }

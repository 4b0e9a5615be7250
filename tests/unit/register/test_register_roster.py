"""The people roster: what a file may look like, what is wrong with one and on which line."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.collect import scan
from nhiscan.connector import Context, OptionError
from nhiscan.inventory import open_inventory
from nhiscan.model import Call, Person
from nhiscan.plugins import connectors
from nhiscan.register import CONNECTOR, SCOPE
from nhiscan.register.columns import BadMapping, mapping
from nhiscan.register.roster import RosterErrors, parse
from nhiscan.testing.clock import at
from nhiscan.testing.company import DEMO

HEADER = "person_id,email,name,status,start_date,end_date"
NONE: Mapping[str, str] = mapping(())


def people(text: str | bytes, headers: Mapping[str, str] = NONE) -> tuple[Person, ...]:
    data = text.encode() if isinstance(text, str) else text
    return parse(data, "people.csv", headers, "register/register/people", "people").people


def problems(text: str | bytes, headers: Mapping[str, str] = NONE) -> tuple[str, ...]:
    with pytest.raises(RosterErrors) as caught:
        people(text, headers)
    return caught.value.problems


def test_a_row_becomes_a_person() -> None:
    found = people(f"{HEADER}\nE2,b@x.org,Bea, Left ,2020-01-01,2026-03-31\nE1,,,active,,\n")
    assert found == (
        Person(
            "register/register/people/person/E1",
            "register/register/people",
            "E1",
            None,
            None,
            "active",
            source="people",
        ),
        Person(
            "register/register/people/person/E2",
            "register/register/people",
            "E2",
            "b@x.org",
            "Bea",
            "left",
            at("2020-01-01"),
            at("2026-03-31"),
            "people",
        ),
    )


def test_the_roster_of_the_demo_company_reads() -> None:
    roster = parse(DEMO.roster().encode(), "demo.csv", NONE, SCOPE.key, "people")
    assert len(roster.people) == len(DEMO.employees)
    assert roster.ignored == ("team",)
    assert roster.sha256 == hashlib.sha256(DEMO.roster().encode()).hexdigest()


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + HEADER + "\nE1,a@x,Ann,active,,\n",
        HEADER + "\r\nE1,a@x,Ann,active,,\r\n",
        HEADER + "\n\n,,,,,\nE1,a@x,Ann,active,,",
        'STATUS, Person_ID ,email,name\nactive,E1,a@x,"Ann"\n',
    ],
)
def test_forms_of_the_same_file(text: str) -> None:
    (person,) = people(text)
    assert (person.person_id, person.email, person.name, person.status) == ("E1", "a@x", "Ann", "active")


def test_headers_can_be_mapped() -> None:
    headers = mapping(("person_id=Employee ID", "end_date = Last day"))
    (person,) = people("Employee ID,email,status,Last day\nE1,a@x,left,2026-01-31\n", headers)
    assert (person.person_id, person.end_date) == ("E1", at("2026-01-31"))
    assert problems(f"{HEADER}\nE1,a,b,active,,\n", headers) == (
        "people.csv:1: there is no column 'Employee ID' (person_id)",
        "people.csv:1: there is no column 'Last day' (end_date)",
    )


def test_a_column_that_is_missing_is_told_with_the_way_to_map_it() -> None:
    (problem,) = problems("person_id,mail,status\nE1,a@x,active\n")
    assert problem.startswith("people.csv:1: there is no column 'email'; ")
    assert problem.endswith('[registers.columns] email = "..."')


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (("person_id",), "write column=Header"),
        (("person_id=",), "write column=Header"),
        (("shoe=Size",), "no column"),
        (("name=A", "name=B"), "mapped twice"),
    ],
)
def test_mappings_that_cannot_be(entries: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadMapping, match=message):
        mapping(entries)


def test_every_problem_is_told_with_its_line() -> None:
    text = (
        f"{HEADER}\n"
        "E1,a@x,Ann,active,,\n"
        'E2,"b@x\n(old)",Bob,gone,,\n'
        "E1,c@x,Cid,active,,\n"
        ",d@x,Dan,active,,\n"
        "E5,e@x,Eve,left,2026-02-30,31.01.2026\n"
        "E6,f@x,Flo,left,2026-02-02,2026-02-01\n"
        "E7,g@x\n"
    )
    assert problems(text) == (
        "people.csv:3: status is 'gone', not active or left",
        "people.csv:5: 'E1' stands on line 2 already",
        "people.csv:6: person_id is empty",
        "people.csv:7: start_date is '2026-02-30', not a date like 2026-01-31",
        "people.csv:7: end_date is '31.01.2026', not a date like 2026-01-31",
        "people.csv:8: end_date lies before start_date",
        "people.csv:9: 2 fields where the header has 6",
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "people.csv:1: nobody stands in this roster"),
        (HEADER.encode(), "people.csv:1: nobody stands in this roster"),
        (
            HEADER.encode() + b"\nE1,\xe4@x,A,active,,\n",
            "people.csv:2: the file is not in UTF-8: save it as CSV in UTF-8",
        ),
        (HEADER.encode("utf-16"), "people.csv:1: the file is in UTF-16: save it as CSV in UTF-8"),
        (
            b"person_id;email;status\nE1;a;active\n",
            "people.csv:1: the columns are separated by semicolons: save the file with commas",
        ),
        (
            b"person_id\temail\tstatus\nE1\ta\tactive\n",
            "people.csv:1: the columns are separated by tabs: save the file with commas",
        ),
        (b"person_id,email,status,Email\n", "people.csv:1: the header 'email' comes twice"),
        (HEADER.encode() + b'\nE1,"a"b,A,active,,\n', "people.csv:2: not a CSV row: ',' expected after '\"'"),
        (HEADER.encode() + b'\nE1,a,A,active,,\nE2,"b', "people.csv:3: not a CSV row: unexpected end of data"),
    ],
)
def test_files_that_cannot_be_read(data: bytes, message: str) -> None:
    assert problems(data) == (message,)


def test_a_file_full_of_errors_is_told_in_part() -> None:
    found = problems(HEADER + "\n" + "\n".join(f"E{number},,,odd,," for number in range(80)))
    assert len(found) == 51
    assert found[-1] == "people.csv: 30 more problems"


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    found: tuple[str, ...] = ()
    try:
        people(HEADER.encode() + b"\n" + data)
    except RosterErrors as error:
        found = error.problems
    assert all(problem.startswith("people.csv:") for problem in found)


cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8).map(str.strip)


@given(st.dictionaries(cells.filter(bool), st.tuples(cells, cells, st.sampled_from(["active", "left"])), min_size=1))
def test_what_is_written_is_read_back(rows: dict[str, tuple[str, str, str]]) -> None:
    def quoted(text: str) -> str:
        return '"' + text.replace('"', '""') + '"'

    lines = [",".join(map(quoted, (key, *values))) for key, values in rows.items()]
    found = people("person_id,email,name,status\n" + "\n".join(lines) + "\n")
    assert {one.person_id: (one.email or "", one.name or "", one.status) for one in found} == rows


def opening(settings: Mapping[str, Any], noted: list[Call] | None = None) -> Any:
    def note(call: Call) -> None:
        if noted is not None:
            noted.append(call)

    return CONNECTOR.open(settings, Context(clock=lambda: 5, sleep=lambda seconds: None, note=note))


@pytest.mark.parametrize(
    ("settings", "option", "message"),
    [
        ({}, "people", "name the file"),
        ({"people": "/nowhere/people.csv"}, "people", "/nowhere/people.csv cannot be read: No such file or directory"),
        ({"people": "x", "columns": ("odd",)}, "columns", "write column=Header"),
    ],
)
def test_settings_that_cannot_work(settings: Mapping[str, Any], option: str, message: str) -> None:
    with pytest.raises(OptionError, match=message) as caught:
        opening(settings)
    assert caught.value.option == option


def test_a_wrong_file_is_a_wrong_setting(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(f"{HEADER}\nE1,a,b,odd,,\n")
    with pytest.raises(OptionError, match=r"people\.csv:2: status is 'odd'"):
        opening({"people": str(path)})


def test_the_register_is_built_in() -> None:
    assert connectors()["register"] is CONNECTOR


def test_a_scan_of_the_register_alone(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(DEMO.roster())
    inventory = open_inventory(str(tmp_path / "nhiscan.db"))
    outcome = scan(
        inventory,
        [(CONNECTOR, {"people": str(path), "columns": ()})],
        finish=lambda scan: scan.sql.one("SELECT COUNT(*), MIN(planned), MIN(confirmed) FROM person"),
        clock=lambda: 1_790_000_000,
        sleep=lambda seconds: None,
        run_id=lambda: "r1",
    )
    assert not outcome.nothing_read
    assert outcome.result == (len(DEMO.employees), 1, 1)
    (row,) = outcome.coverage
    assert (row.key, row.state, row.calls) == ("register/register/people|people", "complete", 1)
    assert outcome.info is not None
    facts = outcome.info.facts
    assert str(tmp_path) not in facts["inputs"] + facts["callers"] + outcome.info.settings
    assert f'"sha256": "{hashlib.sha256(DEMO.roster().encode()).hexdigest()}"' in facts["inputs"]
    assert "columns left aside: team" in facts["inputs"]
    ((_, _, calls),) = inventory.transcript(1)
    assert [(call.operation, call.parameters, call.items) for call in calls] == [
        ("ReadFile", '{"file":"people.csv"}', len(DEMO.employees))
    ]
    with inventory.bound(1) as bound:
        needs = list(bound.sql.rows("SELECT need, complete, lists FROM need"))
    assert needs == [("person", 1, 1)]

"""The credential report as a file, and the join of its slots to listed keys."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan_aws.account import Slot
from nhiscan_aws.sources.keys import join
from nhiscan_aws.sources.lastuse import ACCESS_KEYS_SINCE, PASSWORDS_SINCE, last_use
from nhiscan_aws.sources.reportfile import COLUMNS, parse, when

HEADER = (
    "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,"
    "mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,"
    "access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,"
    "access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,"
    "cert_2_last_rotated"
)
ROOT = (
    "<root_account>,arn:aws:iam::111111111111:root,2019-05-01T10:00:00Z,true,no_information,not_supported,not_supported,"
    "true,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A"
)
USER = (
    "Ann,arn:aws:iam::111111111111:user/Ann,2020-01-01T00:00:00+00:00,TRUE,2026-01-02T03:04:05Z,2025-01-01T00:00:00Z,N/A,"
    "false,true,2021-01-01T00:00:00Z,N/A,N/A,N/A,false,2020-06-01T00:00:00Z,2020-07-01T00:00:00Z,us-east-1,s3,"
    "true,2020-02-02T00:00:00Z,false,N/A"
)


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_a_report_as_aws_writes_it() -> None:
    found = parse(f"{HEADER}\n{ROOT}\n{USER}".encode())
    assert found.missing == ()
    root, ann = found.rows
    assert root.root
    assert (root.truth("password_enabled"), root.truth("mfa_active")) == (1, 1)
    assert root.has_nothing("password_last_used")
    assert root.access_keys() == ()
    assert root.certificates() == ()
    assert not ann.root
    assert (ann.truth("password_enabled"), ann.truth("mfa_active")) == (1, 0)
    assert ann.time("user_creation_time") == seconds("2020-01-01")
    assert ann.time("password_next_rotation") is None
    assert ann.access_keys() == (
        Slot(1, True, seconds("2021-01-01"), None, True),
        Slot(2, False, seconds("2020-06-01"), seconds("2020-07-01"), True),  # inactive: there all the same
    )
    assert [(c.number, c.active, c.created_at) for c in ann.certificates()] == [(1, True, seconds("2020-02-02"))]
    assert not ann.more


def test_a_missing_column_is_told_and_an_unknown_one_is_left_alone() -> None:
    header = HEADER.replace(",mfa_active", "").replace("user,", "brand_new,user,", 1)
    row = "x," + USER.replace(",N/A,false,true", ",N/A,true", 1)
    found = parse(f"{header}\n{row}".encode())
    assert found.missing == ("mfa_active",)
    (ann,) = found.rows
    assert ann.user == "Ann"
    assert ann.truth("mfa_active") is None
    assert ann.time("user_creation_time") == seconds("2020-01-01")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (",".join(USER.split(",")[:2]), ("1 of its rows have another number of cells than its first line",)),
        (USER.rpartition(",")[0], ("1 of its rows have another number of cells than its first line",)),
        (USER + ",more", ("1 of its rows have another number of cells than its first line",)),
        (USER.replace(",TRUE,", ",perhaps,"), ("1 cells of its column password_enabled cannot be read",)),
        (
            USER.replace(",2021-01-01T00:00:00Z,", ",,"),
            ("1 cells of its column access_key_1_last_rotated cannot be read",),
        ),
        (USER.replace(",TRUE,", ",not_supported,"), ()),
    ],
)
def test_a_row_that_is_cut_and_a_cell_that_says_nothing_known_are_told(row: str, told: tuple[str, ...]) -> None:
    found = parse(f"{HEADER}\n{ROOT}\n{row}".encode())
    assert (found.missing, found.unreadable, len(found.rows)) == ((), told, 2)


def test_an_empty_file_has_no_rows_and_every_column_missing() -> None:
    assert parse(b"") == parse(b"\n")
    assert (parse(b"").rows, parse(b"").missing) == ((), COLUMNS)


@pytest.mark.parametrize(
    ("cell", "more"), [("N/A", False), ("", False), ("not_supported", False), ('{"access_keys": 3}', True)]
)
def test_credentials_beyond_the_columns(cell: str, more: bool) -> None:
    quoted = '"' + cell.replace('"', '""') + '"'
    (row,) = parse(f"{HEADER},additional_credentials_info\n{USER},{quoted}".encode()).rows
    assert row.more is more


@given(st.integers(0, 7_000_000_000))
def test_times_of_the_report_are_read_to_the_second(at: int) -> None:
    text = datetime.fromtimestamp(at, UTC).isoformat().removesuffix("+00:00")
    for end in ("Z", "+00:00"):
        assert when(text + end) == at


@given(st.text(max_size=30))
def test_any_other_text_in_a_cell_of_a_time_is_nothing_or_a_time(cell: str) -> None:
    found = when(cell)
    assert found is None or cell[0].isdigit()


@given(st.binary(max_size=300))
def test_no_file_makes_the_parser_fail(content: bytes) -> None:
    found = parse(content)
    for row in found.rows:
        assert row.user
        assert all(slot.number in (1, 2) for slot in row.access_keys())


NAMES = st.text(st.sampled_from("abcXYZ019+=,.@_-"), min_size=1, max_size=20)


@given(st.lists(NAMES, unique_by=str.lower, max_size=8))
def test_every_user_of_a_report_is_read_whatever_the_name(names: list[str]) -> None:
    lines = [HEADER]
    for name in names:
        cells = USER.split(",")
        cells[0] = f'"{name}"' if "," in name else name
        lines.append(",".join(cells))
    assert [row.user for row in parse("\n".join(lines).encode()).rows] == names


# --- last use ---


def test_what_is_younger_than_the_tracking_is_known_from_its_beginning() -> None:
    assert seconds("2015-04-22") == ACCESS_KEYS_SINCE
    assert seconds("2014-10-20") == PASSWORDS_SINCE
    assert last_use(None, 100, 200) == {"used_at": None, "known_since": 200}
    assert last_use(150, 100, 50) == {"used_at": 150, "known_since": 100}
    assert last_use(None, 100, None) == {"used_at": None, "known_since": 100}
    assert last_use(None, 100, 200, known=False) == {"used_at": None, "known_since": None}


# --- join ---


def key(key_id: str, made: int) -> dict[str, object]:
    return {"AccessKeyId": key_id, "CreateDate": datetime.fromtimestamp(made, UTC), "Status": "Active"}


def joined(listed: list[dict[str, object]], slots: list[Slot]) -> tuple[dict[str, object], list[str]]:
    """(key id -> last use, ids asked one by one)."""
    asked: list[str] = []

    def ask(key_id: str) -> tuple[int | None, bool] | None:
        asked.append(key_id)
        return None if key_id == "GONE" else (77, True)

    return {str(found["AccessKeyId"]): use for found, (use, _) in join(listed, slots, ask)}, asked


def test_key_and_slot_of_one_second_are_the_same_key() -> None:
    slots = [Slot(1, True, 1000, None, True), Slot(2, True, 500, 600, True)]
    assert joined([key("A", 500), key("B", 1000)], slots) == ({"A": 600, "B": None}, [])


@pytest.mark.parametrize(
    ("listed", "slots", "asked"),
    [
        ([key("A", 5), key("B", 5)], [Slot(1, True, 5, 9, True), Slot(2, True, 5, 8, True)], ["A", "B"]),
        ([key("A", 5), key("B", 5)], [Slot(1, True, 5, 9, True)], ["A", "B"]),
        ([key("A", 5)], [Slot(1, True, 5, 9, True), Slot(2, False, 5, 8, True)], ["A"]),
        ([key("A", 5)], [], ["A"]),
        ([key("A", 5)], [Slot(1, True, 4, 9, True)], ["A"]),
        ([key("A", 5)], [Slot(1, True, 5, None, False)], ["A"]),
        ([key("A", 5)], [Slot(1, True, None, 9, True)], ["A"]),
    ],
)
def test_what_cannot_be_told_apart_is_asked(
    listed: list[dict[str, object]], slots: list[Slot], asked: list[str]
) -> None:
    found, questions = joined(listed, slots)
    assert questions == asked
    assert set(found.values()) == {77}


def test_a_key_that_is_gone_when_it_is_asked_about_is_not_listed() -> None:
    assert joined([key("GONE", 5), key("B", 6)], []) == ({"B": 77}, ["GONE", "B"])


@given(st.lists(st.integers(1, 4), max_size=4), st.lists(st.integers(1, 4), max_size=2))
def test_no_key_ever_gets_the_last_use_of_another(made: list[int], slots: list[int]) -> None:
    """Slots say 100 + their second; whoever shares its second with another key or slot is asked instead."""
    listed = [key(f"K{number}", second) for number, second in enumerate(made)]
    reported = [Slot(number, True, second, 100 + second, True) for number, second in enumerate(slots, 1)]
    found, asked = joined(listed, reported)
    assert set(found) == {f"K{number}" for number in range(len(made))}
    for number, second in enumerate(made):
        sure = made.count(second) == slots.count(second) == 1
        assert (f"K{number}" in asked) is not sure
        assert found[f"K{number}"] == (100 + second if sure else 77)

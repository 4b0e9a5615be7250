"""What a package says about the reach of rights: the two tables, and the section of the report with its drawings."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from nhiscan.access.names import Names
from nhiscan.inventory.sql import Sql, empty_sql, fill
from nhiscan.report import html
from nhiscan.report.reach import (
    ACCESS_COLUMNS,
    CAP_DRAWN,
    CAP_NAMED,
    CAP_PEOPLE,
    PATH_COLUMNS,
    Reach,
    access,
    escalation_paths,
    reach,
    shares,
)

EVIL = '"><img src=x onerror=alert(1)>'


@pytest.fixture
def sql() -> Iterator[Sql]:
    made = empty_sql()
    fill(made, "scope", [{"key": "a", "provider": "aws", "kind": "account", "native_id": "aws:1", "name": "prod"}])
    yield made
    made.close()


def identity(sql: Sql, key: str, level: str, kind: str = "user", **more: Any) -> None:
    fill(sql, "identity", [{"key": key, "scope": "a", "kind": kind, "native_id": key, "name": more.pop("name", key)}])
    given = {
        "key": key, "scope": "a", "level": level, "granted": "read", "effect": "allowed", "reaches": 0, "reached_by": 0,
        "services": '{"read": ["s3", "sqs"]}', "conditional": 0, "confidence": "proven", "first_seen_at": 0, **more,
    }  # fmt: skip
    fill(sql, "privilege", [given])


def path(sql: Sql, principal: str, target: str, grant: str = "g", **more: Any) -> None:
    allow = {"action": "sts:AssumeRole", "resource": "*", "grant": grant, "statement": "1", "conditions": []}
    step = {"from": principal, "to": target, "method": "sts", "category": "assume_role", "allows": [allow]}
    given = {
        "key": f"{principal}|m", "scope": "a", "principal": principal, "target": target, "method": "m",
        "category": "assume_role", "outcome": "administrator", "grade": "exploitable_now", "hops": 1, "targets": 1,
        "steps": json.dumps([{**step, "needs": None, "why": f"{target} trusts {principal}"}]), "via": grant,
        "action": "sts:AssumeRole", "statement": "1", "conditional": 0, "confidence": "proven", "first_seen_at": 0,
        **more,
    }  # fmt: skip
    fill(sql, "escalation_path", [given])


def rows(columns: tuple[str, ...], found: Iterator[tuple[Any, ...]]) -> list[Mapping[str, Any]]:
    return [dict(zip(columns, row, strict=True)) for row in found]


def grant(sql: Sql, key: str, principal: str, **more: Any) -> None:
    fill(sql, "access_grant", [{"key": key, "scope": "a", "kind": "inline_policy", "principal": principal, "name": key,
                                **more}])  # fmt: skip


def section(found: Reach) -> str:
    """The section as the page shows it."""
    template = html.environment().get_template("reach.html.j2")
    return template.render(page={"reach": found})


def test_every_identity_has_a_row_with_what_holds_it_back(sql: Sql) -> None:
    identity(sql, "u", "read", granted="administrator", effect="bounded", limited_by='["permissions_boundary|u|b|"]')
    identity(sql, "v", "escalates_to_administrator", path="v|m", hops=2, reaches=3, reason="scp-unread,condition")
    grant(sql, "u|b", "u", kind="permissions_boundary", name="Guard")
    fill(sql, "owner", [{"key": "v", "scope": "a", "value": "team@example.org"}])
    first, second = rows(ACCESS_COLUMNS, access(sql, Names(sql)))
    assert (first["level"], first["granted"], first["effect"]) == ("read", "administrator", "bounded")
    assert first["held_back_by"] == "permissions boundary Guard of user u"
    assert first["services"] == "read s3, sqs"
    assert (second["hops"], second["reaches"], second["path"], second["owner"]) == (2, 3, "v|m", "team@example.org")
    assert second["not_proven_because"] == (
        "the policies of the organisation were not read; it hangs on a condition that only a request can decide"
    )
    assert (second["scope_name"], second["first_seen"], second["confirmed"]) == ("prod", "1970-01-01T00:00:00Z", 1)


def test_every_path_has_a_row_in_words(sql: Sql) -> None:
    identity(sql, "u", "escalates_to_administrator", path="u|m")
    identity(sql, "r", "administrator", "role", name="admin")
    grant(sql, "g", "u", name="deploy")
    path(sql, "u", "r")
    path(sql, "r", "r", planned=0)
    (row,) = rows(PATH_COLUMNS, escalation_paths(sql, Names(sql)))
    assert row["way"] == "u > admin"
    assert row["why"] == "r trusts u"
    assert (row["actions"], row["target_name"], row["provider"]) == ("sts:AssumeRole", "admin", "aws")
    assert (row["break_action"], row["break_policy"], row["break_holder"], row["break_statement"]) == (
        "sts:AssumeRole", "deploy", "u", "1",
    )  # fmt: skip


def test_administrators_come_first_and_those_held_back_are_named(sql: Sql) -> None:
    identity(sql, "c", "escalates_to_administrator", hops=2)
    identity(sql, "b", "escalates_to_administrator", hops=1)
    identity(sql, "a", "escalates_to_administrator", hops=1, confidence="possible")
    identity(sql, "d", "administrator", granted="administrator")
    identity(sql, "e", "read", granted="administrator", effect="bounded")
    identity(sql, "f", "write", granted="administrator", effect="denied")
    identity(sql, "g", "write")
    identity(sql, "h", "administrator", planned=0)
    found = reach(sql, Names(sql))
    assert [(person.name, person.level) for person in found.people] == [
        ("d", "administrator"),
        ("b", "can become administrator"),
        ("c", "can become administrator"),
        ("a", "can become administrator"),
        ("f", "denied administrator: write"),
        ("e", "bounded administrator: read"),
    ]
    assert found.people[-1].held_by == "held back by a permissions boundary"
    assert [(level.words, level.number) for level in found.levels] == [
        ("administrator", 1), ("can become administrator", 3), ("write", 2), ("read", 1),
    ]  # fmt: skip
    assert (found.judged, found.number) == (7, 6)


def test_one_way_is_drawn_once_and_the_others_are_named(sql: Sql) -> None:
    identity(sql, "r", "administrator", "role")
    grant(sql, "g", "r", name="Everybody")
    for number in range(9):
        identity(sql, f"u{number}", "escalates_to_administrator", path=f"u{number}|m")
        path(sql, f"u{number}", "r")
    identity(sql, "v", "escalates_to_administrator", path="v|m", hops=2)
    path(sql, "v", "r", hops=2)
    identity(sql, "w", "escalates", path="another")  # its level rests on another path
    path(sql, "w", "r")
    found = reach(sql, Names(sql))
    assert (found.ways, found.paths) == (2, 11)
    first, second = found.drawn
    assert first.title == "u0 can become administrator in 1 step"
    assert first.others == ["u1", "u2", "u3", "u4", "u5"]
    assert first.more == 9 - 1 - CAP_NAMED
    assert [step.text for step in first.steps] == ["r trusts u0"]
    assert first.steps[0].allows == ["sts:AssumeRole on * by inline policy Everybody of role r, statement 1"]
    assert first.weakest == "take sts:AssumeRole out of statement 1 of inline policy Everybody of role r"
    assert (second.title, second.others, second.more) == ("v can become administrator in 2 steps", [], 0)
    page = section(found)
    assert "The same way is open to u1, u2, u3, u4, u5 and 3 more." in page
    assert "Each way is drawn once, the worst first. All 11 rows stand in" in page


def test_to_itself_is_one_way_whoever_it_is(sql: Sql) -> None:
    for key in ("u", "v"):
        identity(sql, key, "escalates_to_administrator", path=f"{key}|m")
        path(sql, key, key)
    found = reach(sql, Names(sql))
    assert (found.ways, found.drawn[0].others) == (1, ["v"])


def test_above_the_caps_the_page_says_how_many_there_are(sql: Sql) -> None:
    for number in range(CAP_PEOPLE + 20):
        key = f"u{number:03}"
        identity(sql, key, "escalates_to_administrator", path=f"{key}|m")
        path(sql, key, f"r{number}")
    found = reach(sql, Names(sql))
    assert (len(found.people), found.number) == (CAP_PEOPLE, CAP_PEOPLE + 20)
    assert (len(found.drawn), found.ways) == (CAP_DRAWN, CAP_PEOPLE + 20)
    page = section(found)
    assert f"The first {CAP_PEOPLE} of {CAP_PEOPLE + 20} identities" in page
    assert f"{CAP_DRAWN} of {CAP_PEOPLE + 20} different ways are drawn, the worst first" in page
    assert page.count("<figure") == page.count("<svg") == CAP_DRAWN


def test_a_provider_with_many_ways_does_not_hide_another(sql: Sql) -> None:
    fill(sql, "scope", [{"key": "b", "provider": "gcp", "kind": "project", "native_id": "b", "name": "lab"}])
    for number in range(CAP_DRAWN + 3):
        path(sql, f"u{number:02}", f"r{number:02}")
        identity(sql, f"u{number:02}", "escalates_to_administrator", path=f"u{number:02}|m")
    for number in range(2):
        path(sql, f"v{number}", f"s{number}", scope="b", confidence="possible", grade="needs_resource")
        identity(sql, f"v{number}", "escalates_to_administrator", path=f"v{number}|m")
    found = reach(sql, Names(sql))
    assert (found.ways, found.providers) == (CAP_DRAWN + 5, 2)
    assert [way.title[:3].strip() for way in found.drawn] == [*(f"u{n:02}" for n in range(CAP_DRAWN - 2)), "v0", "v1"]
    page = section(found)
    assert f"{CAP_DRAWN} of {CAP_DRAWN + 5} different ways are drawn, one provider after the other, of each" in page
    assert len(set(re.findall(r'id="(way-\d+)', page))) == CAP_DRAWN


def test_places_are_dealt_out_in_turn() -> None:
    assert shares([20, 1, 3], 10) == [6, 1, 3]
    assert shares([2, 1], 10) == [2, 1]
    assert shares([5, 5, 5], 4) == [2, 1, 1]
    assert shares([], 10) == []


def test_where_nobody_was_judged_nobody_is_said_to_be_harmless(sql: Sql) -> None:
    fill(sql, "identity", [{"key": "u", "scope": "a", "kind": "user", "name": "u"}])
    page = section(reach(sql, Names(sql)))
    assert "Could not be determined" in page
    assert "nobody can be said to be, or not to be, an administrator" in page
    assert "<table" not in page


def test_what_was_not_read_is_said_before_anything_else(sql: Sql) -> None:
    identity(sql, "u", "read")
    fill(sql, "need", [{"scope": "a", "need": "privilege", "complete": 0}, {"scope": "a", "need": "x", "complete": 0}])
    found = reach(sql, Names(sql))
    assert found.unread == ["prod"]
    page = section(found)
    assert "Not everything that decides about rights was read in prod." in page
    assert page.index("Not everything") < page.index("<table")
    assert "None, as far as the policies read can tell." in page


def test_hostile_names_stay_text(sql: Sql) -> None:
    identity(sql, "u", "escalates_to_administrator", path="u|m", name=EVIL)
    identity(sql, "r", "administrator", "role", name=EVIL + "\u202e")
    grant(sql, "g", "u", name=EVIL)
    path(sql, "u", "r")
    page = section(reach(sql, Names(sql)))
    assert "<img" not in page
    assert "\u202e" not in page
    (picture,) = re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL)
    root = ET.fromstring(picture)
    assert root.findtext("title") == f"{EVIL} can become administrator in 1 step"
    labels = (root.get("aria-labelledby") or "").split()
    assert [node.get("id") for node in root.iter() if node.get("id")] == labels


def test_ids_of_drawings_differ(sql: Sql) -> None:
    for number in range(4):
        identity(sql, f"u{number}", "escalates_to_administrator", path=f"u{number}|m")
        path(sql, f"u{number}", f"r{number}")
    ids = re.findall(r' id="([^"]+)"', section(reach(sql, Names(sql))))
    assert len(ids) == len(set(ids))

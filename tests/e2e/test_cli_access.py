"""nhiscan access over a stored scan of a provider of somebody else: its connector and its analyzer are installed.

What the commands say of AWS rests on its analyzer, which has tests of its own.
"""

import csv
import io
import json
import os
import pty
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from .conftest import PROGRAM, Done, Program
from .keep import ENTRIES, ESTATE, EVIL, MUTE, install

Ask = Callable[..., Done]


@pytest.fixture
def ask(program: Program, keep: Path) -> Ask:
    """Run an access command on the stored inventory."""
    program.variables |= {"PYTHONPATH": str(keep / "plugins"), "NHISCAN_DB": str(keep / "inventory.db")}

    def run(*arguments: str, **variables: str) -> Done:
        return program("access", *arguments, **variables)

    return run


# --- explain ---


def test_an_explanation_names_level_ways_and_what_breaks_them(ask: Ask) -> None:
    done = ask("explain", "runner")
    assert done.code == 0, done.err
    assert done.out.splitlines()[:8] == [
        "user runner (keep:one:user/runner) in one",
        "  Level:          can become administrator in 2 steps; proven",
        "  Own rights:     read on vault",
        "  Owner:          none known; a machine",
        "",
        "Ways to more than it has: 1",
        "  1. administrator: runner > deployer > admin (exploitable now, proven)",
        "     1.1 runner may become deployer",
    ]
    assert "     to break it: take keep:become out of statement 1 of inline policy deploy of user runner\n" in done.out
    assert "Can become: 2 identities\n  - role admin (keep:one:role/admin) in one\n  - role deployer (" in done.out
    assert "Who can become it: 1 identity\n" in done.out
    assert "--right-sized" in done.out
    assert done.err == ""


def test_what_is_held_back_is_named_with_what_holds_it(ask: Ask) -> None:
    done = ask("explain", "held")
    assert "  Level:          read; proven\n" in done.out
    assert "  Held back:      administrator, by inline policy guard of role held, statement 1\n" in done.out
    assert "Would do, but is held back: 1\n" in done.out
    assert "Ways to more" not in done.out


def test_an_explanation_as_json(ask: Ask) -> None:
    found = ask("explain", "runner", "--format", "json").json
    assert found["principal"]["key"] == "keep/account/one/user/U1"
    assert (found["principal"]["planned"], found["principal"]["confirmed"], found["notes"]) == (True, True, [])
    assert found["scan"]["number"] == 2
    assert found["privilege"]["level"] == "escalates_to_administrator"
    assert found["privilege"]["services"] == {"read": ["vault"]}
    (path,) = found["paths"]
    assert [(step["from"]["name"], step["to"]["name"]) for step in path["steps"]] == [
        ("runner", "deployer"),
        ("deployer", "admin"),
    ]
    (allow,) = path["steps"][0]["allows"]
    assert (allow["action"], allow["policy"], allow["holder_name"], allow["statement"]) == (
        "keep:become", "deploy", "runner", "1",
    )  # fmt: skip
    assert path["weakest"]["policy"] == "deploy"
    assert found["reaches"]["count"] == 2
    assert [one["name"] for one in found["reaches"]["identities"]] == ["deployer", "admin"]
    assert [one["name"] for one in found["reached_by"]["identities"]] == [EVIL]
    assert found["right_sized"] == {"allow": ["vault:look"]}
    held = ask("explain", "held", "--format", "json").json
    assert held["privilege"]["limited_by"] == ["inline policy guard of role held, statement 1"]
    assert held["access"][0]["effect"] == "denied"
    assert [one["principal"] for one in ask("explain", "admin", "--format", "json").json["trust"]] == [
        "keep:one:role/deployer"
    ]


@pytest.mark.checkout
def test_every_member_of_the_documents_is_documented(ask: Ask) -> None:
    text = (Path(__file__).parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
    for command in (
        ("explain", "held"),
        ("explain", "admin"),
        ("explain", "runner"),
        ("can", "deployer", "vault:open"),
        ("who-can", "vault:open"),
    ):
        for name in members(ask(*command, "--format", "json").json):
            assert f"`{name}`" in text, (command, name)


def members(value: Any, inside: str = "") -> set[str]:
    """The names of all members, but for those of a scan, which docs/cli.md shares, and of a provider's own objects."""
    if isinstance(value, dict):
        own = inside not in ("scan", "services", "right_sized", "conditions")
        found = set(value) if own else set()
        return found.union(*(members(inner, name) for name, inner in value.items() if own))
    return set().union(*(members(inner, inside) for inner in value)) if isinstance(value, list) else set()


def test_a_right_sized_policy_is_a_file(ask: Ask, tmp_path: Path) -> None:
    done = ask("explain", "runner", "--right-sized", "-o", str(tmp_path / "policy.json"))
    assert (done.code, done.out) == (0, "")
    assert json.loads((tmp_path / "policy.json").read_text()) == {"allow": ["vault:look"]}
    assert ask("explain", "runner", "--right-sized").json == {"allow": ["vault:look"]}


def test_without_data_on_use_there_is_no_right_sized_policy(ask: Ask) -> None:
    done = ask("explain", "deployer", "--right-sized")
    assert (done.code, done.out) == (3, "")
    assert "no data on which services deployer has used" in done.err
    assert ask("explain", "runner", "--right-sized", "--format", "svg").code == 2


def test_ways_are_drawn(ask: Ask) -> None:
    done = ask("explain", "runner", "--format", "svg")
    root = ET.fromstring(done.out)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    shown = [node.text for node in root.iter("{http://www.w3.org/2000/svg}text")]
    assert [text for text in shown if text in ("runner", "deployer", "admin")] == ["runner", "deployer", "admin"]
    graph = ask("explain", "runner", "--format", "dot").out
    assert graph.startswith("digraph access {\n")
    assert "  n0 -> n1 [" in graph
    assert "  n1 -> n2 [" in graph
    assert 'label="admin\\nrole, one"' in graph
    nothing = ask("explain", "admin", "--format", "svg")
    assert "No path from admin" in nothing.out
    ET.fromstring(nothing.out)


# --- can, who-can ---


def test_a_question_is_answered_with_the_statements_that_decide(ask: Ask) -> None:
    allowed = ask("can", "runner", "vault:look")
    assert (allowed.code, allowed.err) == (0, "")
    assert allowed.out.splitlines()[0] == "allowed: user runner (keep:one:user/runner) in one, vault:look on *"
    assert "  Allowed by:     statement 1 of inline policy deploy of user runner\n" in allowed.out
    denied = ask("can", "held", "vault:look", "gold")
    assert denied.code == 0
    assert denied.out.startswith("denied: role held (keep:one:role/held) in one, vault:look on gold\n")
    assert "  Denied by:      statement 1 of inline policy guard of role held\n" in denied.out
    missing = ask("can", "runner", "vault:open")
    assert "  Not allowed by: its own policy, where no statement allows it\n" in missing.out
    depends = ask("can", "deployer", "vault:open").out
    assert depends.startswith("conditional: ")
    assert "under a condition on clock" in depends
    assert "it hangs on a condition that only a request can decide" in depends


def test_an_answer_as_json(ask: Ask) -> None:
    found = ask("can", "deployer", "vault:open", "--format", "json").json
    assert (found["action"], found["resource"], found["verdict"]) == ("vault:open", "*", "conditional")
    assert found["reasons"] == ["condition"]
    (statement,) = found["statements"]
    assert (statement["layer"], statement["effect"], statement["policy"], statement["statement"]) == (
        "identity", "allow", "chain", "1",
    )  # fmt: skip
    assert statement["conditions"] == ["clock"]


@pytest.mark.parametrize("action", ["*", "vault:*", "vault:ope?", " ", ""])
def test_a_pattern_is_no_question(ask: Ask, action: str) -> None:
    for command in (("can", "runner", action), ("who-can", action)):
        done = ask(*command)
        assert (done.code, done.out) == (2, "")
        assert "is no action: ask about one" in done.err


def test_who_can_lists_everybody_who_can(ask: Ask) -> None:
    whole = ask("who-can", "vault:open", "--format", "json")
    assert whole.code == 0, whole.err
    rows = whole.json["identities"]
    assert [(row["name"], row["verdict"]) for row in rows] == [("deployer", "conditional"), ("admin", "allowed")]
    lines = ask("who-can", "vault:open", "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    cells = list(csv.DictReader(io.StringIO(ask("who-can", "vault:open", "--format", "csv").out, newline="")))
    assert [row["name"] for row in cells] == ["deployer", "admin"]
    table = ask("who-can", "vault:open").out.splitlines()
    assert table[0].split() == ["verdict", "in", "kind", "name", "through"]
    assert len(table) == 3
    assert ask("who-can", "vault:open", "--scope", "one", "--format", "json").json["identities"] == rows
    assert ask("who-can", "no:such", "--format", "json").json["identities"] == [
        row | {"explanation": "A policy allows no:such."} for row in rows if row["name"] == "admin"
    ]


# --- whom a word means ---


@pytest.mark.parametrize("word", ["keep/account/one/user/U1", "keep:one:user/runner", "U1", "runner"])
def test_an_identity_is_found_by_each_of_its_names(ask: Ask, word: str) -> None:
    found = ask("can", word, "vault:look", "--format", "json").json
    assert found["principal"]["key"] == "keep/account/one/user/U1"


def test_a_word_that_several_have_names_them(ask: Ask) -> None:
    done = ask("explain", "twin")
    assert (done.code, done.out) == (2, "")
    assert "'twin' may mean 2 identities" in done.err
    assert "  keep/account/one/user/U3: user keep:one:user/twin in one\n" in done.err
    assert "  keep/account/two/user/U9: user keep:two:user/twin in two\n" in done.err
    assert ask("explain", "twin", "--scope", "one", "--format", "json").json["principal"]["native_id"] == "U3"
    broken = ask("explain", "twin", "--format", "json")
    assert broken.json["error"]["exit_code"] == 2


def test_a_word_that_nobody_has_names_the_nearest(ask: Ask) -> None:
    done = ask("can", "ADMIN", "vault:open")
    assert (done.code, done.out) == (2, "")
    assert "knows no identity 'ADMIN': did you mean 'Admin' or 'admin'?" in done.err
    assert "did you mean 'runner'?" in ask("explain", "runer").err
    assert ask("explain", "zzzzzzzz").err == "nhiscan: scan 2 knows no identity 'zzzzzzzz'\n"
    assert ask("explain", "x" * 5_000).code == 2


def test_names_of_strangers_are_shown_and_not_obeyed(ask: Ask) -> None:
    for command in (("explain", "U2"), ("can", "U2", EVIL), ("explain", "U2", "--format", "svg")):
        done = ask(*command)
        assert done.code == 0, done.err
        assert "\x1b" not in done.out + done.err
        assert "\u202e" not in done.out + done.err
    assert "evil<U+202E>[red]<U+001B>[2J<script>" in ask("explain", "U2").out
    assert ask("explain", "U2", "--format", "json").json["principal"]["name"] == EVIL
    unknown = ask("explain", "no\x1b[2Jbody")
    assert "\x1b" not in unknown.err


# --- what is not sure ---


def test_what_the_scan_did_not_plan_is_the_last_known_state(ask: Ask) -> None:
    done = ask("explain", "U9")
    assert done.code == 0
    assert "scan 2 did not plan this scope, so this is the last known state; scan 1 was the last that did" in done.out
    answer = ask("can", "U9", "vault:open", "--format", "json").json
    assert (answer["verdict"], answer["statements"]) == ("unknown", [])
    assert answer["principal"]["planned"] is False
    assert "--scan 1" in answer["notes"][0]
    then = ask("can", "U9", "vault:open", "--scan", "1", "--format", "json").json
    assert (then["verdict"], then["notes"], then["scan"]["number"]) == ("denied", [], 1)
    drawn = ask("explain", "U9", "--format", "svg")
    assert "warning: twin: scan 2 did not plan this scope" in drawn.err


def test_a_scan_that_is_not_there(ask: Ask) -> None:
    assert ask("explain", "runner", "--scan", "9").code == 2
    assert ask("who-can", "x:y", "--db", "nowhere.db").code == 2


def test_gaps_stand_beside_every_answer(program: Program, keep: Path) -> None:
    program.variables["PYTHONPATH"] = str(keep / "plugins")
    estate = {"one": {**ESTATE["one"], "broken": True}}
    program.write("estate.json", json.dumps({"one": ESTATE["one"]}))
    assert program("scan", "keep", "--file", "estate.json").code == 0
    estate["one"]["identities"] = estate["one"]["identities"][:2]
    program.write("estate.json", json.dumps(estate))
    assert program("scan", "keep", "--file", "estate.json").code == 3
    answer = program("access", "can", "runner", "vault:look", "--format", "json").json
    assert answer["verdict"] == "allowed"
    assert "not all was read that decides" in answer["notes"][0]
    lost = program("access", "can", "admin", "vault:look", "--format", "json").json
    assert (lost["verdict"], lost["principal"]["confirmed"]) == ("unknown", False)
    assert "could not confirm" in lost["notes"][0]
    assert "could not confirm" in program("access", "explain", "admin").out
    who = program("access", "who-can", "vault:look")
    assert who.code == 0
    assert "may be able to do it all the same" in who.err
    assert "admin" not in who.out


def test_a_provider_that_answers_no_questions(program: Program, tmp_path: Path) -> None:
    install(tmp_path / "plugins", ENTRIES + MUTE)
    program.variables["PYTHONPATH"] = str(tmp_path / "plugins")
    program.write("estate.json", json.dumps(ESTATE))
    assert program("scan", "keep", "--file", "estate.json").code == 0
    for command in (("can", "runner", "vault:look"), ("who-can", "vault:look")):
        done = program("access", *command)
        assert (done.code, done.out) == (2, "")
        assert "no analyzer that answers questions is installed for keep" in done.err
    known = program("access", "explain", "runner", "--format", "json").json
    assert known["privilege"]["level"] == "escalates_to_administrator"
    assert known["reaches"] == {"count": 2, "identities": None}
    assert "Can become: 2 identities\n" in program("access", "explain", "runner").out
    install(tmp_path / "plugins", ENTRIES)
    bare = program("access", "can", "runner", "vault:look")
    assert bare.code == 2


def test_lines_fit_a_narrow_terminal(keep: Path) -> None:
    """On a terminal prose is wrapped at its width; ids are never torn."""
    reader, writer = pty.openpty()
    assert PROGRAM is not None
    variables = {"HOME": str(keep / "home"), "PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "50"}
    variables |= {"PYTHONPATH": str(keep / "plugins"), "NHISCAN_DB": str(keep / "inventory.db"), "NO_COLOR": "1"}
    with subprocess.Popen([PROGRAM, "access", "explain", "runner"], stdout=writer, env=variables) as running:
        os.close(writer)
        out = b""
        while True:
            try:
                block = os.read(reader, 65536)
            except OSError:  # Linux says so when the other end is closed
                break
            if not block:
                break
            out += block
        os.close(reader)
    assert running.returncode == 0
    lines = out.decode().splitlines()
    assert all(len(line) <= 50 or " " not in line.strip() for line in lines)
    assert "(keep:one:user/runner)" in out.decode()
    assert "\x1b" not in out.decode()


@pytest.mark.postgres
def test_a_postgresql_inventory_gives_the_same_answers(ask: Ask, program: Program, postgres_database: str) -> None:
    questions = (
        ("explain", "U1"), ("explain", "held"), ("explain", "U9"), ("can", "deployer", "vault:open"),
        ("who-can", "vault:open"),
    )  # fmt: skip
    expected = [ask(*question, "--format", "json").json for question in questions]
    drawn = ask("explain", "U2", "--format", "svg").out
    ambiguous = ask("explain", "twin").err
    program.variables["NHISCAN_DB"] = postgres_database
    program.write("estate.json", json.dumps(ESTATE))
    for account in ((), ("--account", "one")):
        assert program("scan", "keep", "--file", "estate.json", *account).code == 0
    for question, answer in zip(questions, expected, strict=True):
        done = ask(*question, "--format", "json")
        assert done.code == 0, done.err
        assert done.json | {"scan": None} == answer | {"scan": None}
    assert ask("explain", "U2", "--format", "svg").out == drawn
    assert ask("explain", "twin").err == ambiguous
    assert ask("explain", "nobody").code == 2
    assert program("report", "--out", "evidence").code == 0
    assert program("verify", "evidence").code == 0


def test_what_a_package_says_of_reach_is_worked_out_again(program: Program, keep: Path) -> None:
    program.variables |= {"PYTHONPATH": str(keep / "plugins"), "NHISCAN_DB": str(keep / "inventory.db")}
    assert program("report", "--out", "evidence").code == 0
    held = program("verify", "evidence")
    assert held.code == 0, held.out
    for name, change in (
        ("access.csv", ("escalates_to_administrator", "read")),
        ("escalation-paths.jsonl", ("runner > deployer > admin", "runner > deployer")),
    ):
        path = program.folder / "evidence" / "data" / "03-population" / name
        text = path.read_text(encoding="utf-8")
        assert change[0] in text
        path.write_text(text.replace(*change), encoding="utf-8")
        broken = program("verify", "evidence")
        assert broken.code == 6
        assert f"data/03-population/{name}, line " in broken.out
        path.write_text(text, encoding="utf-8")

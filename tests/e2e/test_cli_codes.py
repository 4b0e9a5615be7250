"""One run of the program for each exit code and each situation in which it is given."""

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from nhiscan_aws.simulated import Account, Key, PasswordPolicy, Role, SimulatedAws, Use, User, World, trust

DAY = 86_400
HOME, AWAY = "510000000001", "510000000002"
DETAILS = "iam:GetAccountAuthorizationDetails"
BOTH = ("--account", HOME, "--account", AWAY, "--role-name", "audit")

Start = Callable[[World], SimulatedAws]


def world(now: int) -> World:
    """Two accounts with a role to read them; an old key in the first, nothing wrong but the trust in the second."""
    audit = Role("audit", now - 10 * DAY, trust(HOME), tags={"owner": "a@example.com"}, used=Use(now - DAY))
    clerk = User("clerk", now - 400 * DAY, tags={"owner": "a@example.com"}, keys=(Key(now - 300 * DAY, used=Use(now)),))
    good = PasswordPolicy()
    return World(
        (
            Account(HOME, now - 500 * DAY, users=(clerk,), roles=(audit,), password_policy=good),
            Account(AWAY, now - 500 * DAY, roles=(audit,), password_policy=good),
        )
    )


@pytest.fixture
def aws(cloud: Start, now: int) -> SimulatedAws:
    return cloud(world(now))


# --- 0 and 1 ---


def test_everything_read_is_0_whatever_was_found(program: Any, aws: SimulatedAws) -> None:
    done = program("scan", "aws", "--format", "json")
    assert done.code == 0, done.err
    found = done.json
    assert found["scan"]["complete"] is True
    assert found["scan"]["scopes"] == [f"aws/account/aws:{HOME}"]
    assert found["counts"]["credentials"] == 1
    keys = [row for row in found["findings"] if row["rule"] == "access-key-not-rotated"]
    assert [row["severity"] for row in keys] == ["high"]
    row = keys[0]
    assert row["subject"].startswith(f"aws/account/aws:{HOME}/access_key/AKIA")
    key_id = row["subject"].rpartition("/")[2]
    assert key_id in row["message"]
    assert any(f"--access-key-id {key_id}" in command for command in row["commands"])
    assert all(row[name] for name in ("why", "remediation", "proof", "opened_at", "fingerprint", "controls"))
    for words in ("1 of 1 scope complete", "1 credential,", "high", "0 gaps", "scan 1", "run ", "inventory.db"):
        assert words in done.last


def test_findings_at_or_above_the_threshold_are_1_and_those_below_are_not(program: Any, aws: SimulatedAws) -> None:
    assert program("scan", "aws", "--fail-on", "high").code == 1
    assert program("findings", "--fail-on", "medium").code == 1
    assert program("findings", "--fail-on", "critical").code == 0
    assert program("findings", "--fail-on", "high", "--rule", "root-used").code == 0
    assert program("evaluate", "--fail-on", "critical").code == 0
    assert program("evaluate", NHISCAN_FAIL_ON="high").code == 1
    program.write("nhiscan.toml", "[scan]\nfail_on = 'high'\n")
    assert program("findings").code == 1
    assert program("findings", "--fail-on", "none").code == 0


# --- 2: wrong before anything is called ---


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "Usage: nhiscan"),
        ("scna", "Did you mean 'scan'?"),
        ("scan aws --no-such-option", "No such option"),
        (
            "scan",
            "name a connector (installed: aws, azure, gcp), or give the configuration a [connectors.<name>] table",
        ),
        ("connectors check", "name a connector (installed: aws, azure, gcp), or give the configuration"),
        ("scan awz", "unknown connector 'awz': did you mean 'aws'?"),
        ("scan aws --account 12", "12 digits are expected"),
        ("scan aws --roster nobody.csv", "nobody.csv: no such file or folder (named by --roster)"),
        ("scan aws --rules nowhere", "nowhere: no such file or folder (named by --rules)"),
        ("scan aws --config nowhere.toml", "nowhere.toml: no such file (named by --config)"),
        ("scan aws --executor dask:x", "is not an executor"),
        ("scan aws --fail-on worst", "'worst' is not one of"),
        ("scan aws --db nowhere/x.db", "the folder of the inventory"),
        ("scan aws -o nowhere/x.json", "the folder of nowhere/x.json does not exist"),
        ("scan aws --format json -o nowhere/x.json", "the folder of nowhere/x.json does not exist"),
        ("scan aws --format sarif -o nowhere/x.json", "the folder of nowhere/x.json does not exist"),
        ("scan aws --db mysql://user:secret@host/x", "a SQLite file or a postgresql:// URL, not mysql://..."),
        ("inventory", "name one of the commands above"),
        ("findings", "there is no inventory at"),
        ("inventory credentials --db other.db", "there is no inventory at"),
        ("report --out x", "there is no inventory at"),
        ("db upgrade", "there is no inventory at"),
        ("report --out x --sign-key nokey", "nokey: no such file or folder (named by --sign-key)"),
        ("verify nowhere", "nowhere is no folder"),
        ("verify /dev/null", "/dev/null is no folder and no zip"),
        ("rules show access-key-not-rotate", "did you mean 'access-key-not-rotated'?"),
        ("connectors permissions azw", "unknown connector 'azw'"),
    ],
)
def test_wrong_usage_is_2(program: Any, arguments: str, words: str) -> None:
    done = program(*arguments.split())
    assert done.code == 2
    assert words in done.err
    assert done.out == ""
    assert "Traceback" not in done.err


def test_nothing_is_called_when_something_is_wrong_and_all_of_it_is_named(program: Any, aws: SimulatedAws) -> None:
    program.write("bad.toml", "id = 3\n")
    file = program.write(
        "nhiscan.toml",
        "[scann]\n[connectors.aws]\nrolename = 'x'\n[rules]\npaths = ['bad.toml']\n[registers]\npeople = 'none.csv'\n",
    )
    done = program("scan", "aws", NHISCAN_AWS_NO_KEY_IDS="perhaps")
    assert done.code == 2
    for words in (
        f"{file}:1: unknown key 'scann': did you mean 'scan'?",
        f"{file}:3: unknown key 'connectors.aws.rolename': did you mean 'role-name'?",
        f"{file}:7: registers.people: no such file or folder",
        "NHISCAN_AWS_NO_KEY_IDS: must be true or false, not 'perhaps'",
        "bad.toml:1: ",
    ):
        assert words in done.err
    assert aws.calls.of() == 0


def test_parameters_of_unknown_rules_are_2(program: Any) -> None:
    file = program.write(
        "nhiscan.toml", "[rules.parameters.access-key-not-rotatet]\nx = 1\n[rules.parameters.root-used]\nage = 1\n"
    )
    done = program("config", "check")
    assert done.code == 2
    assert f"{file}:1: unknown rule 'access-key-not-rotatet': did you mean 'access-key-not-rotated'?" in done.out
    assert f"{file}:4: unknown parameter 'age' of rule root-used" in done.out


@pytest.mark.parametrize(
    ("module", "arguments", "extra", "words"),
    [
        ("boto3", ["scan", "aws"], "[aws]", "the aws connector needs boto3: install the extra [aws]: pip install "),
        (
            "psycopg",
            ["findings", "--db", "postgresql://x@127.0.0.1/y"],
            "[postgres]",
            "a PostgreSQL inventory needs psycopg: install the extra [postgres]: pip install ",
        ),
    ],
)
def test_a_missing_extra_is_2_with_the_command_that_installs_it(
    program: Any, module: str, arguments: list[str], extra: str, words: str
) -> None:
    hidden = f"import sys; sys.modules[{module!r}] = None; sys.argv = ['nhiscan', *{arguments!r}]"
    code = f"{hidden}; import nhiscan.cli; nhiscan.cli.run()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=program.environ(), cwd=program.folder, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert words in done.stderr
    assert extra in done.stderr.rpartition("pip install")[2]


def test_what_a_variable_names_must_be_there_too(program: Any, aws: SimulatedAws) -> None:
    assert "none.toml: no such file (named by NHISCAN_CONFIG)" in program("findings", NHISCAN_CONFIG="none.toml").err
    done = program("scan", "aws", NHISCAN_ROSTER="none.csv", NHISCAN_RULES="here:there")
    assert done.code == 2
    for words in (
        "none.csv: no such file or folder (named by NHISCAN_ROSTER)",
        "here: no such file or folder (named by NHISCAN_RULES)",
        "there: no such file or folder (named by NHISCAN_RULES)",
    ):
        assert words in done.err
    assert aws.calls.of() == 0


def test_an_unknown_variable_is_only_a_warning(program: Any) -> None:
    done = program("rules", "list", NHISCAN_FAILON="high", NHISCAN_AWS_ROLENAME="x")
    assert done.code == 0
    assert "NHISCAN_FAILON means nothing: did you mean 'NHISCAN_FAIL_ON'?" in done.err
    assert "NHISCAN_AWS_ROLENAME means nothing: did you mean 'NHISCAN_AWS_ROLE_NAME'?" in done.err


# --- 3 and 4: what could not be read ---


def test_one_account_that_cannot_be_read_is_3_and_its_absence_is_told(program: Any, aws: SimulatedAws) -> None:
    aws.faults.deny("iam:*", account=AWAY)
    done = program("scan", "aws", *BOTH, "--format", "json", "--fail-on", "high")
    assert done.code == 3
    found = done.json
    assert found["scan"]["complete"] is False
    assert {gap["scope"] for gap in found["scan"]["gaps"]} == {f"aws/account/aws:{AWAY}"}
    assert all(gap["state"] != "complete" for gap in found["scan"]["gaps"])
    assert "iam:GetAccountAuthorizationDetails" in done.err
    assert "the permissions that a scan needs: nhiscan connectors permissions aws" in done.err
    assert "1 of 2 scopes complete" in done.last
    gaps = [row for row in found["findings"] if row["rule"] == "scan-coverage-gap"]
    assert {row["scope"] for row in gaps} == {f"aws/account/aws:{AWAY}"}


@pytest.mark.parametrize(("fail_on", "code"), [("none", 0), ("high", 1)])
def test_allow_partial_turns_3_into_0_or_1(program: Any, aws: SimulatedAws, fail_on: str, code: int) -> None:
    aws.faults.deny("iam:*", account=AWAY)
    done = program("scan", "aws", *BOTH, "--allow-partial", "--fail-on", fail_on)
    assert done.code == code
    assert "not proven complete (accepted by --allow-partial)" in done.err


def test_counts_that_do_not_agree_are_3(program: Any, cloud: Start, now: int) -> None:
    cloud(World((Account(HOME, now - 500 * DAY, password_policy=PasswordPolicy(), summary_extra={"Users": 2}),)))
    done = program("scan", "aws", "--format", "json")
    assert done.code == 3
    assert done.json["scan"]["gaps"] == []
    assert [row["what"] for row in done.json["scan"]["differences"]] == ["users"]
    assert "users do not agree" in done.err


def test_a_denied_call_with_a_complete_fallback_is_0(program: Any, aws: SimulatedAws) -> None:
    aws.faults.deny(DETAILS)
    done = program("scan", "aws", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["scan"]["gaps"] == []


@pytest.mark.parametrize("more", [(), ("--allow-partial",)])
def test_no_credentials_are_4_with_the_remedy(program: Any, more: tuple[str, ...]) -> None:
    done = program("scan", "aws", "--format", "json", *more)
    assert done.code == 4
    assert "no AWS credentials were found" in done.err
    assert "AWS_PROFILE" in done.err
    assert done.json["error"]["exit_code"] == 4
    assert "AWS_PROFILE" in done.json["error"]["message"]
    assert program("findings").code == 2, "nothing was stored"


def test_a_role_that_nobody_may_assume_is_told_once(program: Any, aws: SimulatedAws) -> None:
    aws.faults.deny("sts:AssumeRole")
    done = program("scan", "aws", *BOTH)
    assert done.code == 3
    (line,) = [line for line in done.err.splitlines() if "sts:AssumeRole is missing" in line]
    assert line.startswith(f"nhiscan: aws/account/aws:{AWAY}: iam.access-keys, iam.account-authorization-details, ")


def test_every_account_refused_is_4_also_with_allow_partial(program: Any, aws: SimulatedAws) -> None:
    aws.faults.deny("iam:*")
    aws.faults.deny("organizations:*")
    done = program("scan", "aws", *BOTH, "--allow-partial")
    assert done.code == 4
    assert "nothing could be read" in done.err


def test_an_inventory_that_cannot_be_used_is_4(program: Any, aws: SimulatedAws) -> None:
    program.write("inventory.db", "this is no database, but somebody's diary" * 100)
    done = program("scan", "aws", "--format", "json")
    assert done.code == 4
    assert "is not an SQLite database" in done.json["error"]["message"]
    assert program("scan", "aws", "--db", "postgresql://user:secret@127.0.0.1:1/nhiscan").code == 4


def test_a_full_disk_is_4(program: Any, aws: SimulatedAws) -> None:
    """The kernel lets the program write no file above 150 kB; it says so as a full disk would."""
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000)); "
    code = f"{limit}import sys; sys.argv = ['nhiscan', 'scan', 'aws']; import nhiscan.cli; nhiscan.cli.run()"
    done = subprocess.run(
        [sys.executable, "-c", code], env=program.environ(), cwd=program.folder, capture_output=True, text=True
    )
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr


MINI = """
from nhiscan.connector import Connector, Failure, NoAccess, Option, Source
from nhiscan.model import Identity, Scope

SCOPE = Scope("mini/tenant/one", "mini", "tenant", "one", "One")

def users(client, read):
    yield Identity(SCOPE.key + "/user/1", SCOPE.key, "user", "1", "robot", state="active")

class Session:
    def __init__(self, settings): self.settings = settings
    def caller(self): return {"principal": "mini"}
    def scopes(self): return [SCOPE]
    def enter(self, scope): return self
    def close(self): pass

def start(settings, context):
    if settings["mood"] == "closed":
        raise NoAccess("mini is closed", "Come back tomorrow")
    return Session(settings)

def sources(settings):
    if settings["mood"] == "broken":
        raise ZeroDivisionError("a bug")
    return (Source("users", users, lists=frozenset({"identity:user"})),)

CONNECTOR = Connector(
    "mini", "A third party's", (Option("mood", "how it is today"), Option("account", "as of aws", repeatable=True)),
    sources, start, lambda error: Failure("failed", message=str(error)), lambda settings: "none",
)
"""


@pytest.fixture
def mini(program: Any) -> Mapping[str, str]:
    """A connector of a third party, installed beside the product and found by its entry point."""
    program.write("site/mini_connector.py", MINI)
    program.write("site/mini-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: mini\nVersion: 1.0\n")
    program.write("site/mini-1.0.dist-info/entry_points.txt", "[nhiscan.connectors]\nmini = mini_connector:CONNECTOR\n")
    program.variables["PYTHONPATH"] = str(program.folder / "site")
    return program.variables  # type: ignore[no-any-return]


def test_one_of_two_providers_without_access_is_3(program: Any, mini: Mapping[str, str]) -> None:
    done = program("scan", "aws", "mini", "--format", "json")
    assert done.code == 3
    assert "no AWS credentials were found" in done.err
    assert done.json["scan"]["scopes"] == ["mini/tenant/one"]
    assert [gap["scope"] for gap in done.json["scan"]["gaps"]] == ["aws/session"]
    assert "1 of 2 scopes complete" in done.last
    assert [row["rule"] for row in done.json["findings"] if row["scope"] == "aws/session"] == ["scan-coverage-gap"]


def test_a_connector_of_a_third_party_brings_its_options(program: Any, mini: Mapping[str, str]) -> None:
    assert "--mini-mood" in program("scan", "--help").out
    assert program("scan", "mini", "--mood", "closed").code == 4
    assert "mini is closed" in program("scan", "mini", NHISCAN_MINI_MOOD="closed").err
    done = program("scan", "aws", "mini", "--account", HOME)
    assert done.code == 2
    assert "write --aws-account or --mini-account" in done.err
    program.write("nhiscan.toml", "[connectors.mini]\nmood = 'closed'\n")
    assert "mini is closed" in program("scan").err
    assert program("scan", "--mini-mood", "open").code == 0


def test_what_was_not_foreseen_is_4_and_shows_its_way_on_request(program: Any, mini: Mapping[str, str]) -> None:
    done = program("scan", "mini", "--mood", "broken", "--format", "json")
    assert done.code == 4
    assert "ZeroDivisionError: a bug (-v shows the traceback)" in done.json["error"]["message"]
    assert "Traceback" not in done.err
    assert "Traceback" in program("scan", "mini", "--mood", "broken", "-v").err


# --- 4 by signal, 5 ---


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_scan_is_4_and_stores_nothing(program: Any, aws: SimulatedAws, number: signal.Signals) -> None:
    assert program("scan", "aws").code == 0
    aws.faults.delay(DETAILS, 3)
    with program.start("scan", "aws", "--format", "json") as running:
        until(running, "reading 1 scope")
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
    assert running.returncode == 4, err
    assert "interrupted" in err
    assert json.loads(out)["error"]["exit_code"] == 4
    aws.faults.clear()
    done = program("scan", "aws", "--format", "json")
    assert done.code == 0
    assert done.json["scan"]["number"] == 2, "the killed run left no scan"


def test_a_held_lock_is_5_and_a_killed_run_holds_none(program: Any, aws: SimulatedAws) -> None:
    assert program("scan", "aws").code == 0
    before = program("inventory", "credentials", "--format", "json").json
    aws.faults.delay(DETAILS, 60)
    with program.start("scan", "aws") as running:
        until(running, "reading 1 scope")
        done = program("scan", "aws", "--format", "json")
        assert done.code == 5
        for words in (f"aws/account/aws:{HOME}", "host ", "started 20"):
            assert words in done.err
        assert done.json["error"]["exit_code"] == 5
        running.kill()
    assert program("inventory", "credentials", "--format", "json").json == before
    aws.faults.clear()
    done = program("scan", "aws", "--format", "json")
    assert done.code == 0, done.err
    assert done.json["scan"]["number"] == 2


def until(running: Any, words: str) -> None:
    """Read standard error up to a line."""
    for line in running.stderr:
        if words in line:
            return
    raise AssertionError(f"{words!r} was never said")


# --- 6 ---


def test_a_package_is_written_and_checked_and_an_edited_one_is_6(program: Any, aws: SimulatedAws) -> None:
    assert program("scan", "aws").code == 0
    done = program("report", "--out", "evidence")
    assert done.code == 0, done.err
    assert "A signing key was made" in done.err
    assert done.out == ""
    good = program("verify", "evidence", "--format", "json")
    assert good.code == 0, good.err
    assert good.json["ok"] is True
    assert "signer not checked" in good.err
    signers = [line for line in done.err.splitlines() if "namespaces=" in line]
    program.write("signers", signers[0] + "\n")
    assert program("verify", "evidence", "--allowed-signers", "signers", "--format", "json").json["signer_checked"]
    shutil.make_archive(str(program.folder / "sent"), "zip", program.folder, "evidence")
    assert program("verify", "sent.zip", "--allowed-signers", "signers").code == 0
    (population,) = (program.folder / "evidence" / "data").glob("03-population/inventory/credential.jsonl")
    population.write_text(population.read_text().replace('"active"', '"inactive"'))
    bad = program("verify", "evidence")
    assert bad.code == 6
    assert "03-population/inventory/credential.jsonl" in bad.out
    assert "FAILED" in bad.out
    assert program("report", "--out", "evidence").code == 2, "a folder that is there is not overwritten"


def test_a_report_over_gaps_is_3_unless_they_are_accepted(program: Any, aws: SimulatedAws) -> None:
    aws.faults.deny("iam:*", account=AWAY)
    assert program("scan", "aws", *BOTH, "--allow-partial").code == 0
    done = program("report", "--out", "one")
    assert done.code == 3
    assert "not proven complete" in done.err
    assert program("report", "--out", "two", "--allow-partial").code == 0
    assert program("verify", "one").code == 0


def test_a_report_refuses_with_2_when_rules_have_changed_until_they_are_evaluated(
    program: Any, aws: SimulatedAws
) -> None:
    assert program("scan", "aws").code == 0
    program.write("nhiscan.toml", "[rules.parameters.access-key-not-rotated]\nmax_age_days = 9999\n")
    done = program("report", "--out", "evidence")
    assert done.code == 2
    assert "nhiscan evaluate --scan 1" in done.err
    assert not (program.folder / "evidence").exists()
    assert "nhiscan evaluate --scan 1" in program("findings").err
    judged = program("evaluate", "--format", "json")
    assert judged.code == 0, judged.err
    assert "access-key-not-rotated" not in {row["rule"] for row in judged.json["findings"]}
    assert program("report", "--out", "evidence").code == 0
    assert program("verify", "evidence").code == 0


def test_a_folder_for_the_key_that_cannot_be_written_is_2(program: Any, aws: SimulatedAws) -> None:
    assert program("scan", "aws").code == 0
    blocked: Path = program.write("home/file", "in the way")
    done = program("report", "--out", "evidence", XDG_CONFIG_HOME=str(blocked))
    assert done.code == 2
    assert "--sign-key" in done.err

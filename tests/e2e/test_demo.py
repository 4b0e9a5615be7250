"""``nhiscan demo``: the same bytes on every run, nothing but the loopback, an example of every finding."""

import csv
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from textwrap import dedent

import pytest

import nhiscan.demo
from nhiscan import data
from nhiscan.connector import Connector
from nhiscan.demo import DemoOutcome, DemoProblem
from nhiscan.demo.running import SEED
from nhiscan.plugins import connectors, simulations
from nhiscan.rule import load
from nhiscan.testing.canaries import Canaries
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import DEMO, NOW
from nhiscan.verify import verify
from nhiscan_azure.simulated import demo_expected as azure_expected
from nhiscan_azure.simulated.demo_parts import ACQUIRED
from nhiscan_gcp.simulated.demo_expected import EXPECTED, WELL_KEPT

RUN = dedent(
    """
    import sys
    from pathlib import Path

    reached = set()

    def watch(event, args):
        if event in ("socket.connect", "socket.sendto"):
            reached.add(str(args[1][0] if isinstance(args[1], tuple) else args[1]))
        elif event == "socket.bind" and args[1][0] != "::1":  # urllib3 tries whether there is IPv6
            reached.add(str(args[1][0]))
        elif event == "socket.getaddrinfo":
            reached.add(str(args[0]))

    sys.addaudithook(watch)
    import nhiscan.demo

    nhiscan.demo.run(Path(sys.argv[1]), say=print, threads=int(sys.argv[2]))
    print(sorted(reached), file=sys.stderr)
    """
)


def demo(folder: Path, threads: int = 16, **variables: str) -> tuple[str, str]:
    """A run in a process of its own: standard output, and the addresses reached."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", RUN, str(folder), str(threads)],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr.splitlines()[-1]


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo") / "nhiscan-demo"


@pytest.fixture(scope="module")
def outcome(folder: Path) -> DemoOutcome:
    lines: list[str] = []
    done = nhiscan.demo.run(folder, say=lines.append)
    assert tuple(lines) == done.lines
    return done


def test_runs_give_the_same_bytes_with_another_zone_hash_seed_thread_count_and_a_misleading_environment(
    tmp_path: Path, outcome: DemoOutcome, folder: Path
) -> None:
    aws = tmp_path / "home" / ".aws"
    aws.mkdir(parents=True)
    (aws / "config").write_text("[default]\nregion = eu-west-3\nendpoint_url = http://192.0.2.1\nsso_session = x\n")
    (aws / "credentials").write_text("[default]\naws_access_key_id = AKIAREALREALREALREAL\naws_secret_access_key = x\n")
    misleading = {
        "HOME": str(tmp_path / "home"),
        "AWS_PROFILE": "nobody",
        "AWS_ENDPOINT_URL": "http://192.0.2.1",
        "AWS_ENDPOINT_URL_IAM": "http://192.0.2.1",
        "AWS_WEB_IDENTITY_TOKEN_FILE": "/nowhere",
        "AWS_CA_BUNDLE": "/nowhere",
        "HTTP_PROXY": "http://192.0.2.1:3128",
        "HTTPS_PROXY": "http://192.0.2.1:3128",
        "http_proxy": "http://192.0.2.1:3128",
        "MOTO_ACCOUNT_ID": "123456789012",
        "GOOGLE_APPLICATION_CREDENTIALS": "/nowhere",
        "GOOGLE_CLOUD_QUOTA_PROJECT": "somebody-elses",
        "CLOUDSDK_CONFIG": str(tmp_path / "home"),
        "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH": "/nowhere",
        "REQUESTS_CA_BUNDLE": "/nowhere",
        "grpc_proxy": "http://192.0.2.1:3128",
        "AZURE_TENANT_ID": "00000000-0000-0000-0000-000000000001",
        "AZURE_CLIENT_ID": "00000000-0000-0000-0000-000000000002",
        "AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere",
        "AZURE_AUTHORITY_HOST": "https://192.0.2.1",
        "IDENTITY_ENDPOINT": "http://192.0.2.1",
        "MSI_ENDPOINT": "http://192.0.2.1",
    }
    first, second = tmp_path / "one" / "out", tmp_path / "two" / "out"

    said, reached = demo(first, 1, TZ="Asia/Kathmandu", PYTHONHASHSEED="1", LC_ALL="C", COLUMNS="40")
    again, reached_again = demo(second, 16, TZ="America/St_Johns", PYTHONHASHSEED="4711", NO_COLOR="1", **misleading)

    assert digests(first) == digests(second) == digests(folder)
    assert said.replace(str(first), "") == again.replace(str(second), "")
    assert tuple(said.replace(str(first), str(folder)).splitlines()) == outcome.lines
    assert reached == reached_again == "['127.0.0.1']"


def test_only_two_names_are_written(outcome: DemoOutcome, folder: Path) -> None:
    assert outcome.package.path == folder / "evidence"
    assert sorted(path.name for path in folder.iterdir()) == ["allowed_signers", "evidence"]


def test_a_second_run_replaces_what_the_first_wrote_and_nothing_else(outcome: DemoOutcome, folder: Path) -> None:
    before = digests(folder)
    (folder / "notes.txt").write_text("mine")
    outcome.package.report.write_text("edited")
    (folder / "allowed_signers").write_text("nhiscan-demo-key old line\n")
    surroundings = dict(os.environ)
    try:
        nhiscan.demo.run(folder, say=_nothing)
        assert dict(os.environ) == surroundings
        assert (folder / "notes.txt").read_text() == "mine"
        (folder / "notes.txt").unlink()
        assert digests(folder) == before
    finally:
        (folder / "notes.txt").unlink(missing_ok=True)


@pytest.mark.parametrize("name", ["evidence/thesis.txt", "evidence", "allowed_signers"])
def test_what_the_demo_did_not_write_is_not_touched(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("somebody else's")

    with pytest.raises(DemoProblem, match=name.partition("/")[0]):
        nhiscan.demo.run(tmp_path, say=_nothing)

    assert digests(tmp_path) == {name: hashlib.sha256(b"somebody else's").hexdigest()}


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoProblem, match=r"cannot make the folder .*: Not a directory"):
        nhiscan.demo.run(tmp_path / "file" / "demo", say=_nothing)


def test_a_file_added_to_the_package_is_not_thrown_away(tmp_path: Path, outcome: DemoOutcome, folder: Path) -> None:
    assert outcome.package.path.is_dir()
    shutil.copytree(folder / "evidence", tmp_path / "evidence")
    (tmp_path / "evidence" / "my-notes.txt").write_text("mine")

    with pytest.raises(DemoProblem):
        nhiscan.demo.run(tmp_path, say=_nothing)

    assert (tmp_path / "evidence" / "my-notes.txt").read_text() == "mine"


def test_every_rule_that_ships_fails_at_least_once(outcome: DemoOutcome) -> None:
    assert outcome.scan.result is not None
    failed: Counter[str] = Counter()
    for count in outcome.scan.result.counts:
        failed[count.rule] += count.failed
    assert [rule.id for rule in load([data.folder("rules")]) if not failed[rule.id]] == []


def test_google_cloud_shows_what_was_planted_in_it_and_nothing_about_the_account_that_is_well_kept(
    outcome: DemoOutcome,
) -> None:
    found = _deviations(outcome, "gcp")
    assert {rule: sorted(found.get(rule, ())) for rule in EXPECTED} == {
        rule: sorted(names) for rule, names in EXPECTED.items()
    }
    assert {rule for rule, names in found.items() if any(WELL_KEPT in name for name in names)} == set()


def test_azure_shows_what_was_planted_in_it_and_nothing_about_the_application_that_is_well_kept(
    outcome: DemoOutcome,
) -> None:
    found = _deviations(outcome, "azure")
    assert {rule: sorted(found.get(rule, ())) for rule in azure_expected.EXPECTED} == {
        rule: sorted(names) for rule, names in azure_expected.EXPECTED.items()
    }
    assert [rule for rule, name in azure_expected.AMONG.items() if name not in found[rule]] == []
    about = {rule for rule, names in found.items() if azure_expected.WELL_KEPT in names}
    assert about == set()
    secrets = {rule: names for rule, names in found.items() if rule.startswith("app-")}
    assert len(secrets) > 3
    assert [name for names in secrets.values() for name in names if azure_expected.SINGLE_SIGN_ON in name] == []


def _deviations(outcome: DemoOutcome, cloud: str) -> dict[str, list[str]]:
    """Rule -> names of the subjects that failed it in the scopes of a cloud."""
    found: dict[str, list[str]] = {}
    with (outcome.package.path / "data" / "05-tests" / "deviations.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["scope"].startswith(f"{cloud}/"):
                found.setdefault(row["rule"], []).append(_called(row["subject_name"]))
    return found


def test_page_one_tells_each_cloud_apart(outcome: DemoOutcome) -> None:
    text = outcome.package.report.read_text(encoding="utf-8")
    table = re.search(r'<table id="providers">.*?<tbody>(.*?)</tbody>', text, re.DOTALL)
    assert table is not None
    rows = {row[0]: list(map(int, row[1:])) for row in re.findall(_PROVIDER, table[1])}
    assert list(rows) == ["Amazon Web Services", "Google Cloud", "Microsoft Entra ID and Azure"]
    assert rows["Microsoft Entra ID and Azure"][2] == 67
    assert rows["Google Cloud"][2] == 31
    complete = sum(row.state in ("complete", "replaced") for row in outcome.scan.coverage)
    assert sum(complete for complete, *_ in rows.values()) == complete - 1  # the roster is no cloud
    assert sum(planned for _, planned, *_ in rows.values()) == len(outcome.scan.coverage) - 1
    for title, (_, _, identities, credentials, failed, _) in rows.items():
        said = f"{identities} identities, {credentials} credentials, {failed} deviations"
        assert any(line.startswith(f"  {title}: ") and line.endswith(said) for line in outcome.lines)


_NUMBER = r'<td class="number">(\d+)</td>'
_PROVIDER = r'<tr><th scope="row">([^<]*)<br>.*?</th><td class="number">(\d+) of (\d+)</td>' + _NUMBER * 4 + "</tr>"


def _called(name: str) -> str:
    """A key by its account, whose own name is made up by the cloud; accounts and pools without what all share."""
    name = re.sub(r"^[0-9a-f]{40} of ", "", name)
    name = re.sub(r"^GOOG1E[0-9A-F]+ of ", "HMAC key of ", name)
    name = re.sub(r"principalSet://iam\.googleapis\.com/\S+/workloadIdentityPools/", "", name)
    return name.replace(".iam.gserviceaccount.com", "")


def test_coverage_shows_what_was_read_what_was_replaced_and_what_was_denied(outcome: DemoOutcome) -> None:
    states = {(row.scope.rpartition(":")[2], row.source): row.state for row in outcome.scan.coverage}
    assert {key: state for key, state in states.items() if state != "complete"} == {
        ("777788889999", "iam.account-authorization-details"): "replaced",
        ("777788889999", "iam.credential-report"): "denied",
        ("777788889999", "iam.access-keys"): "replaced",
        ("gcp/project/quickparcel-erp", "iam.key-states"): "denied",
        ("gcp/project/quickparcel-erp", "policyanalyzer.account-activities"): "failed",
        ("gcp/project/quickparcel-erp", "policyanalyzer.key-activities"): "failed",
        (f"azure/subscription/{ACQUIRED}", "keyvault.keys"): "denied",
        (f"azure/subscription/{ACQUIRED}", "keyvault.secrets"): "denied",
        (f"azure/subscription/{ACQUIRED}", "resourcegraph.resources"): "replaced",
    }
    assert [(pair.what, pair.count_b - pair.count_a) for pair in outcome.scan.tie_outs] == [("groups", 1)]


def test_the_lines_say_what_was_found_what_is_missing_and_which_file_to_open(
    outcome: DemoOutcome, folder: Path
) -> None:
    text = "\n".join(outcome.lines)
    assert len(outcome.lines) <= 14 + 3 * len(simulations())
    assert "  Amazon Web Services: 3 accounts in an organisation; 93 identities, " in text
    assert "  Google Cloud: 5 projects in an organisation; 31 identities, " in text
    assert "  Microsoft Entra ID and Azure: 3 subscriptions in a tenant; 67 identities, " in text
    assert "--allow-partial" in text
    assert "777788889999: iam.credential-report was denied, iam:GenerateCredentialReport is missing" in text
    assert "Quickparcel: keyvault.secrets was denied, Microsoft.KeyVault/vaults/secrets/read is missing" in text
    assert "Quickparcel ERP: iam.key-states was denied, iam.serviceAccountKeys.list is missing" in text
    assert outcome.lines[-1] == f"Open first: {folder / 'evidence' / 'data' / '01-report' / 'report.html'}"
    assert outcome.package.report.is_file()


def test_the_package_holds_under_verification_and_says_that_the_key_is_for_demonstrations(
    outcome: DemoOutcome, folder: Path
) -> None:
    checked = verify(outcome.package.path, folder / "allowed_signers", now=NOW)
    assert checked.ok, checked
    assert "nhiscan-demo-key" in (folder / "allowed_signers").read_text()
    assert "demonstration" in (folder / "evidence" / "VERIFY.txt").read_text()


def test_the_package_does_not_know_where_it_was_made(outcome: DemoOutcome) -> None:
    del_ports = [
        path for path in outcome.package.path.rglob("*") if path.is_file() and b"127.0.0.1:" in path.read_bytes()
    ]
    assert del_ports == []
    endpoints = {
        json.loads(line)["endpoint"]
        for line in (outcome.package.path / "data" / "04-collection" / "transcript.jsonl").read_text().splitlines()
    }
    assert endpoints == {"http://127.0.0.1", "https://127.0.0.1", "file://"}


def test_no_secret_of_the_simulated_cloud_stands_in_the_package(outcome: DemoOutcome) -> None:
    canaries = Canaries(0)
    seen = 0
    for name, simulation in simulations().items():
        with simulation.demo(DEMO, SimulatedClock(NOW), SEED, Path(name)) as running:
            for secret in running.canaries:
                canaries.watch(f"{name} {seen}", secret)
                seen += 1
    assert seen > 30
    assert canaries.in_files([outcome.package.path]) == {}


def test_the_connector_of_the_demo_is_the_one_that_is_installed() -> None:
    assert isinstance(connectors()[simulations()["aws"].connector], Connector)


def test_the_simulation_can_be_looked_at_without_starting_it() -> None:
    code = "import sys, nhiscan_aws.simulated as s; print(s.SIMULATION.name, {'moto', 'boto3'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["aws", "set()"]


def _nothing(line: str) -> None:
    assert line

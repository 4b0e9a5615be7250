"""Google Cloud through the command line: a process of its own against a simulated cloud."""

import time
from collections.abc import Iterator

import pytest

from nhiscan.testing.clock import SimulatedClock
from nhiscan_gcp.simulated import SimulatedGcp
from nhiscan_gcp.simulated.example import LAB, ORGANIZATION, SHOP, example

from .conftest import Done, Program


@pytest.fixture
def cloud() -> Iterator[SimulatedGcp]:
    """As of now: the program looks at the real clock."""
    now = int(time.time())
    with SimulatedGcp(example(now), clock=SimulatedClock(now + 300)) as running:
        yield running


@pytest.fixture
def gcp(program: Program, cloud: SimulatedGcp) -> Program:
    program.variables.update(cloud.environment)
    program.variables["NHISCAN_GCP_ENDPOINT"] = ",".join(cloud.endpoints)
    return program


def test_an_organisation_is_scanned_and_read_back(gcp: Program, cloud: SimulatedGcp) -> None:
    done = gcp("scan", "gcp")
    assert done.code == 0, done.err
    assert "0 gaps" in done.last
    credentials = gcp("inventory", "credentials", "--format", "json").json["credentials"]
    exposed = [row["scope"] for row in credentials if row["exposed"]]
    assert exposed == [f"gcp/project/{SHOP}"]
    identities = gcp("inventory", "identities", "--format", "json").json["identities"]
    assert f"deploy@{SHOP}.iam.gserviceaccount.com" in {row["name"] for row in identities}
    assert cloud.canaries.in_files([gcp.folder]) == {}
    assert cloud.canaries.in_bytes((done.out + done.err).encode()) == []


def test_an_account_whose_name_is_all_that_names_it_is_called_once(gcp: Program) -> None:
    assert gcp("scan", "gcp", "--project", SHOP).code == 0
    email = f"deploy@{SHOP}.iam.gserviceaccount.com"
    done = gcp("access", "explain", email)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0] == f"service account {email} in Shop"


def test_a_denied_organisation_is_incomplete(gcp: Program, cloud: SimulatedGcp) -> None:
    cloud.faults.deny("cloudasset.*")
    cloud.faults.deny("iam.serviceAccounts.list", account=LAB)
    done = gcp("scan", "gcp")
    assert done.code == 3, done.err
    assert "iam.serviceAccounts.list" in done.out + done.err


def gaps(done: Done) -> dict[tuple[str, str], str]:
    """(scope, source) -> state of what a scan with --format json could not read."""
    return {(gap["scope"], gap["source"]): gap["state"] for gap in done.json["scan"]["gaps"]}


def test_an_organisation_that_cannot_be_seen_is_no_empty_one(gcp: Program, cloud: SimulatedGcp) -> None:
    cloud.faults.deny("resourcemanager.*")
    cloud.faults.deny("cloudasset.*")
    named = gcp("scan", "gcp", "--gcp-organization", ORGANIZATION, "--format", "json")
    assert named.code == 3, named.err
    found = gaps(named)
    assert {scope for scope, _ in found} == {f"gcp/organization/{ORGANIZATION}"}
    assert found[f"gcp/organization/{ORGANIZATION}", "cloudasset.service-accounts"] == "denied"
    anything = gcp("scan", "gcp")
    assert anything.code == 4, anything.err
    assert "sees no project" in anything.err


def test_half_an_organisation_denied_is_told_project_by_project(gcp: Program, cloud: SimulatedGcp) -> None:
    assert gcp("scan", "gcp").code == 0
    before = gcp("inventory", "credentials", "--format", "json").json["credentials"]
    cloud.faults.deny("storage.hmacKeys.list", account=SHOP)
    cloud.faults.deny("iam.serviceAccountKeys.list", account=LAB)
    done = gcp("scan", "gcp", "--format", "json")
    assert done.code == 3, done.err
    assert gaps(done) == {
        (f"gcp/project/{SHOP}", "storage.hmac-keys"): "denied",
        (f"gcp/project/{LAB}", "iam.key-states"): "denied",
    }
    after = gcp("inventory", "credentials", "--format", "json").json["credentials"]
    assert {row["key"] for row in after} == {row["key"] for row in before}, "what could not be read is not gone"


def test_what_is_asked_for_on_demand_and_denied_is_a_gap(gcp: Program, cloud: SimulatedGcp) -> None:
    for permission in ("recommender.*", "monitoring.*", "logging.*"):
        cloud.faults.deny(permission, account=SHOP)
    assert gcp("scan", "gcp").code == 0, "nobody asked"
    done = gcp("scan", "gcp", "--insights", "--monitoring", "--creators", "--format", "json")
    assert done.code == 3, done.err
    found = gaps(done)
    assert found.pop((f"gcp/organization/{ORGANIZATION}", "logging.creations")), "one question for all"
    named = {source for _, source in found if not source.startswith("logging.")}
    assert named == {
        "recommender.account-insights",
        "recommender.policy-insights",
        "monitoring.api-key-use",
        "monitoring.account-use",
    }
    assert (f"gcp/project/{SHOP}", "logging.creations-of-project") in found
    assert {scope for scope, _ in found} == {f"gcp/project/{SHOP}"}
    assert set(found.values()) == {"denied"}


def test_one_project_is_scanned_by_itself(gcp: Program, cloud: SimulatedGcp) -> None:
    done = gcp("scan", "gcp", "--project", SHOP, "--insights", "--monitoring", "--creators", "--account-activity")
    assert done.code == 0, done.err
    assert cloud.calls.of("cloudresourcemanager.projects.search") == 0
    assert cloud.canaries.in_files([gcp.folder]) == {}


def test_the_role_is_printed(program: Program) -> None:
    done = program("connectors", "permissions", "gcp")
    assert done.code == 0, done.err
    assert "- cloudasset.assets.listResource" in done.out
    assert "gcloud iam roles create nhiscan" in done.out


def test_without_credentials_the_scan_says_what_to_do(program: Program) -> None:
    done = program("scan", "gcp", NO_GCE_CHECK="True", CLOUDSDK_CONFIG=str(program.folder / "nothing"))
    assert done.code == 4, done.err
    assert "gcloud auth application-default login" in done.out + done.err

"""Google Cloud through the command line: a process of its own against a simulated cloud."""

import time
from collections.abc import Iterator

import pytest

from nhiscan.testing.clock import SimulatedClock
from nhiscan_gcp.simulated import SimulatedGcp
from nhiscan_gcp.simulated.example import LAB, SHOP, example

from .conftest import Program


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


def test_a_denied_organisation_is_incomplete(gcp: Program, cloud: SimulatedGcp) -> None:
    cloud.faults.deny("cloudasset.*")
    cloud.faults.deny("iam.serviceAccounts.list", account=LAB)
    done = gcp("scan", "gcp")
    assert done.code == 3, done.err
    assert "iam.serviceAccounts.list" in done.out + done.err


def test_the_role_is_printed(program: Program) -> None:
    done = program("connectors", "permissions", "gcp")
    assert done.code == 0, done.err
    assert "- cloudasset.assets.listResource" in done.out
    assert "gcloud iam roles create nhiscan" in done.out


def test_without_credentials_the_scan_says_what_to_do(program: Program) -> None:
    done = program("scan", "gcp", NO_GCE_CHECK="True", CLOUDSDK_CONFIG=str(program.folder / "nothing"))
    assert done.code == 4, done.err
    assert "gcloud auth application-default login" in done.out + done.err

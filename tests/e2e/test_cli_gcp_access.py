"""What accounts of Google Cloud can do and become, through the command line; and a package that recomputes it."""

import csv
import time
from pathlib import Path

import pytest

from nhiscan.testing.clock import SimulatedClock
from nhiscan_gcp.simulated import SimulatedGcp
from nhiscan_gcp.simulated.example import LAB, SHOP, example

from .conftest import Program

DEPLOY, CI = (f"{name}@{project}.iam.gserviceaccount.com" for name, project in (("deploy", SHOP), ("ci", LAB)))


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Program:
    """The example, scanned once. As of now: the program looks at the real clock."""
    now = int(time.time())
    folder = tmp_path_factory.mktemp("gcp")
    with SimulatedGcp(example(now), clock=SimulatedClock(now + 300)) as cloud:
        program = Program(folder, {"NHISCAN_DB": str(folder / "inventory.db")} | dict(cloud.environment))
        program.variables["NHISCAN_GCP_ENDPOINT"] = ",".join(cloud.endpoints)
        done = program("scan", "gcp")
        assert done.code == 0, done.err
    return Program(folder, {"NHISCAN_DB": str(folder / "inventory.db")})


def test_an_account_is_explained(scanned: Program) -> None:
    found = scanned("access", "explain", CI, "--format", "json").json
    assert found["privilege"]["level"] == "escalates_to_administrator"
    assert "deny-policy-unread" in found["privilege"]["reasons"]
    paths = {path["method"]: path for path in found["paths"]}
    (step,) = paths["gcp-get-access-token"]["steps"]
    assert (step["to"]["name"], step["category"]) == (DEPLOY, "assume_role")
    assert step["allows"][0]["policy"] == "roles/iam.serviceAccountTokenCreator"
    assert step["allows"][0]["grant_kind"] == "role_binding"
    assert paths["gcp-get-access-token"]["weakest"]["action"] == "iam.serviceAccounts.getAccessToken"
    assert DEPLOY in {one["name"] for one in found["reaches"]["identities"]}
    assert found["right_sized"] is None


def test_an_explanation_for_people(scanned: Program) -> None:
    done = scanned("access", "explain", CI)
    assert done.code == 0, done.err
    assert f"service account {CI}" in done.out
    assert "can become administrator in 1 step" in done.out
    assert f"administrator: {CI} > {DEPLOY} (exploitable now, conditional)" in done.out
    assert (
        "take iam.serviceAccounts.getAccessToken out of role binding roles/iam.serviceAccountTokenCreator" in done.out
    )


def test_who_may_become_an_account(scanned: Program) -> None:
    found = scanned("access", "explain", DEPLOY, "--format", "json").json
    assert found["privilege"]["level"] == "administrator"
    doors = {row["principal"]: row for row in found["trust"]}
    assert doors[f"serviceAccount:{CI}"]["external"]
    assert doors["user:ann@example.com"]["principal_kind"] == "identity"
    federated = next(row for row in found["trust"] if row["principal_kind"] == "federated")
    assert federated["subject"] == "attribute.repository/shop/web"


def test_single_questions(scanned: Program) -> None:
    can = scanned(
        "access", "can", DEPLOY, "resourcemanager.projects.setIamPolicy", f"projects/{LAB}", "--format", "json"
    )
    assert can.json["verdict"] == "conditional"
    assert can.json["statements"][0]["policy"] == "roles/owner"
    cannot = scanned(
        "access", "can", CI, "resourcemanager.projects.setIamPolicy", f"projects/{LAB}", "--format", "json"
    )
    assert cannot.json["verdict"] == "denied"
    who = scanned("access", "who-can", "resourcemanager.projects.setIamPolicy", f"projects/{LAB}", "--format", "json")
    assert [one["name"] for one in who.json["identities"]] == [DEPLOY]


def test_a_package_follows(scanned: Program) -> None:
    assert scanned("report", "--out", "evidence").code in (0, 1)
    held = scanned("verify", "evidence")
    assert held.code == 0, held.out + held.err
    assert "access, escalation, privilege and trust follow" in held.out
    with (Path(scanned.folder) / "evidence/data/03-population/escalation-paths.csv").open(encoding="utf-8") as lines:
        rows = list(csv.reader(lines))
    assert any(CI in " ".join(row) for row in rows[1:])

"""Rights in Azure through the command line: a process of its own against a simulated tenant, to a package and back."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from nhiscan.testing.clock import SimulatedClock
from nhiscan_azure.simulated import Application, Assignment, Granted, ServicePrincipal, SimulatedAzure, User, World
from nhiscan_azure.simulated.example import example

from .conftest import Program


def world(now: int) -> World:
    """The example, with an owner of an application that gives itself the tenant."""
    found = example(now)
    principal = ServicePrincipal(granted=(Granted("RoleManagement.ReadWrite.Directory"),))
    tool = Application("identity-tool", now, owners=("bea",), principal=principal)
    people = found.directory
    directory = replace(people, users=(*people.users, User("bea")), applications=(*people.applications, tool))
    return replace(found, directory=directory, root=(*found.root, Assignment("identity-tool", "Reader", now)))


@pytest.fixture
def azure(program: Program) -> Iterator[Program]:
    """Scanned, as of now: the program looks at the real clock."""
    now = int(time.time())
    with SimulatedAzure(world(now), clock=SimulatedClock(now)) as cloud:
        program.variables.update(cloud.environment)
        program.variables["NHISCAN_AZURE_ENDPOINT"] = ",".join(cloud.endpoints)
        done = program("scan", "azure")
        assert done.code in (0, 1), done.err
        yield program


def test_rights_are_told_asked_for_packed_and_recomputed(azure: Program) -> None:
    told = azure("access", "explain", "bea@example.com")
    assert told.code == 0, told.err
    assert "can become administrator in 2 steps; proven" in told.out
    assert "administrator: bea@example.com > identity-tool > itself" in told.out
    assert "owner by the ownership of application identity-tool" in told.out
    assert "take RoleManagement.ReadWrite.Directory away from service principal identity-tool" in told.out

    asked = azure("access", "can", "identity-tool", "graph:rolemanagement.readwrite.directory")
    assert asked.code == 2  # the application and its principal have one name
    names = azure("inventory", "identities", "--format", "json").json["identities"]
    (principal,) = (
        one["key"] for one in names if one["name"] == "identity-tool" and one["kind"] == "service_principal"
    )
    asked = azure("access", "can", principal, "graph:rolemanagement.readwrite.directory", "--format", "json")
    assert (asked.code, asked.json["verdict"]) == (0, "allowed")
    asked = azure("access", "can", principal, "Microsoft.Compute/virtualMachines/runCommand/action", "--format", "json")
    assert asked.json["verdict"] == "denied"
    listed = azure("access", "who-can", "microsoft.directory/applications/credentials/update", "--format", "json")
    assert "old-style" in {one["name"] for one in listed.json["identities"]}

    packed = azure("report", "--out", "evidence")
    assert packed.code == 0, packed.err
    verified = azure("verify", "evidence")
    assert verified.code == 0, verified.out + verified.err

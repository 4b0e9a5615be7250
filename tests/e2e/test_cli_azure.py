"""Entra ID and Azure through the command line: a process of its own against a simulated tenant."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock
from nhiscan_azure.simulated import SimulatedAzure, World, withdraw
from nhiscan_azure.simulated.example import LIVE, TENANT, example

from .conftest import Program

Start = Callable[..., SimulatedAzure]


@pytest.fixture
def start(program: Program) -> Iterator[Start]:
    """Starts a tenant as of now, and has the program sign in to it."""
    with ExitStack() as stack:

        def starting(change: Callable[[World], World] = lambda world: world, **options: Any) -> SimulatedAzure:
            now = int(time.time())
            cloud = SimulatedAzure(change(example(now)), clock=SimulatedClock(now + 300), **options)
            stack.enter_context(cloud)
            program.variables.update(cloud.environment)
            program.variables["NHISCAN_AZURE_ENDPOINT"] = ",".join(cloud.endpoints)
            return cloud

        yield starting


def without_licence(world: World) -> World:
    return replace(world, directory=replace(world.directory, premium=0))


def test_a_tenant_is_scanned_and_read_back(program: Program, start: Start) -> None:
    cloud = start()
    done = program("scan", "azure")
    assert done.code == 0, done.err
    assert "0 gaps" in done.last
    credentials = program("inventory", "credentials", "--format", "json").json["credentials"]
    kinds = {row["kind"] for row in credentials}
    assert {"client_secret", "client_certificate", "federated_credential", "storage_key", "stored_secret"} <= kinds
    identities = program("inventory", "identities", "--format", "json").json["identities"]
    assert {row["kind"] for row in identities} >= {"application", "service_principal", "managed_identity", "user"}
    assert cloud.canaries.in_files([program.folder]) == {}
    assert cloud.canaries.in_bytes((done.out + done.err).encode()) == []


@pytest.mark.parametrize("sign_in", ["certificate", "federated"])
def test_without_a_secret(program: Program, start: Start, sign_in: str) -> None:
    start(sign_in=sign_in)
    done = program("scan", "azure", "--directory-only")
    assert done.code == 0, done.err


def test_a_denied_tenant_is_incomplete_and_names_what_is_missing(program: Program, start: Start) -> None:
    cloud = start()
    withdraw(cloud.faults, ("Policy.Read.All",))
    cloud.faults.deny("Microsoft.KeyVault/vaults/secrets/read", account=LIVE)
    done = program("scan", "azure")
    assert done.code == 3, done.err
    told = done.out + done.err
    assert "Policy.Read.All" in told
    assert "Microsoft.KeyVault/vaults/secrets/read" in told


def test_an_unlicensed_tenant_is_incomplete_and_calls_nobody_unused(program: Program, start: Start) -> None:
    start(without_licence)
    done = program("scan", "azure", "--directory-only")
    assert done.code == 3, done.err
    assert "no licence" in done.out + done.err
    credentials = program("inventory", "credentials", "--format", "json").json["credentials"]
    secrets = [row for row in credentials if row["kind"] == "client_secret"]
    assert secrets
    assert all(row["used_at"] is None and row["known_since"] is None for row in secrets)
    options = ("--no-sign-in-activity", "--no-eligible-assignments")
    assert program("scan", "azure", "--directory-only", *options).code == 0


def test_a_throttled_tenant_is_read_all_the_same(program: Program, start: Start) -> None:
    cloud = start(retry_after="0.5")
    cloud.faults.fail("graph.applications.list", times=2, status=429)
    cloud.faults.fail("graph.applications.owners", times=2, status=429)
    done = program("scan", "azure", "--directory-only")
    assert done.code == 0, done.err
    assert cloud.gateway.inner.of("graph.applications.owners") > 2


def test_settings_come_from_the_file_too(program: Program, start: Start) -> None:
    start()
    table = {"tenant": TENANT, "directory-only": True}
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    program.write("nhiscan.toml", "\n".join(["[connectors.azure]", *lines, ""]))
    done = program("scan", "azure", "--format", "json")
    assert done.code == 0, done.err
    scopes = program("inventory", "identities", "--format", "json").json["identities"]
    assert {row["scope"] for row in scopes} == {f"azure/tenant/{TENANT}"}


def test_permissions_are_printed(program: Program) -> None:
    done = program("connectors", "permissions", "azure")
    assert done.code == 0, done.err
    assert "# Application.Read.All" in done.out
    assert "9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30=Role" in done.out
    assert "az role definition create" in done.out
    assert "listKeys" not in done.out


def test_without_credentials_the_scan_says_what_to_do(program: Program) -> None:
    done = program("scan", "azure", AZURE_TOKEN_CREDENTIALS="EnvironmentCredential")
    assert done.code == 4, done.err
    assert "az login" in done.out + done.err

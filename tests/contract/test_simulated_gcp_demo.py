"""The Google Cloud of the demo: answers that Google could give, and names that fit each other."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nhiscan.inventory import open_inventory
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import DEMO, NOW
from nhiscan.testing.contract import Bench, Contract
from nhiscan.testing.environment import environment
from nhiscan_gcp import CONNECTOR
from nhiscan_gcp.simulated import Binding, SimulatedGcp
from nhiscan_gcp.simulated.demo_world import demo_world

Gate = Callable[[Any, dict[str, Any]], None]


def test_the_demo_answers_as_google_would_and_only_what_is_switched_off_cannot_be_read(
    gcp_gate: Gate, tmp_path: Path
) -> None:
    settings = {"account-activity": True}
    with SimulatedGcp(demo_world(DEMO, NOW), clock=SimulatedClock(NOW), settings=settings) as cloud:
        cloud.gateway.gate = gcp_gate
        with environment(cloud.environment, remove=cloud.remove):
            contract = Contract(connector=CONNECTOR, simulation=lambda: cloud)
            bench = Bench(contract, cloud, open_inventory(str(tmp_path / "nhiscan.db")), tmp_path)
            outcome = bench.scan()
    unread = {(row.scope, row.source, row.code) for row in outcome.coverage if row.state != "complete"}
    assert unread == {
        ("gcp/project/quickparcel-erp", "policyanalyzer.account-activities", "SERVICE_DISABLED"),
        ("gcp/project/quickparcel-erp", "policyanalyzer.key-activities", "SERVICE_DISABLED"),
    }
    assert outcome.tie_outs == ()


def test_every_account_that_is_named_in_a_binding_exists_or_is_somebody_elses() -> None:
    world = demo_world(DEMO, NOW)
    bindings: list[Binding] = [*(world.organization.bindings if world.organization else ())]
    for folder in world.folders:
        bindings += folder.bindings
    accounts = set()
    for project in world.projects:
        bindings += project.bindings
        for account in project.accounts:
            accounts.add(account.email or f"{account.name}@{project.id}.iam.gserviceaccount.com")
            bindings += account.bindings
    named = {
        member.removeprefix("serviceAccount:")
        for binding in bindings
        for member in binding.members
        if member.startswith("serviceAccount:")
    }
    assert named - accounts == {"reader@route-analytics.iam.gserviceaccount.com"}
    predefined = {role.id for role in world.roles}
    assert {binding.role for binding in bindings if binding.role.startswith("roles/")} <= predefined

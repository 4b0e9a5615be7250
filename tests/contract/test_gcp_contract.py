"""The connector contract, for Google Cloud: an organisation, and one project without anything above it."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import ConnectorContract, Contract
from nhiscan_gcp import CONNECTOR
from nhiscan_gcp.simulated import SimulatedGcp, World
from nhiscan_gcp.simulated.example import BARE, SHOP, example

NOW = at("2026-11-02T09:00:00")
Gate = Callable[[Any, dict[str, Any]], None]


def world() -> World:
    """Without the project that holds nothing: where nothing is asked, nothing is denied."""
    found = example(NOW)
    return replace(found, projects=tuple(project for project in found.projects if project.id != BARE))


def simulation(gate: Gate, **settings: Any) -> Callable[[], AbstractContextManager[SimulatedGcp]]:
    @contextmanager
    def start() -> Iterator[SimulatedGcp]:
        with SimulatedGcp(world(), clock=SimulatedClock(NOW), settings=settings) as cloud:
            cloud.gateway.gate = gate
            yield cloud

    return start


class TestOrganization(ConnectorContract):
    @pytest.fixture
    def contract(self, gcp_gate: Gate) -> Contract:
        # three searches and the predefined roles; six lists of assets and three searches of them; HMAC keys and last
        # use of three projects; four constraints on each of them and the organisation; states of three accounts' keys;
        # the audit logs of all three in one question
        budget = 3 + 1 + 6 + 3 + 3 + 3 + 4 * 4 + 3 + 1
        return Contract(connector=CONNECTOR, simulation=simulation(gcp_gate, creators=True), budget=budget)


class TestProject(ConnectorContract):
    @pytest.fixture
    def contract(self, gcp_gate: Gate) -> Contract:
        # the project and the predefined roles; accounts, keys of two, API keys, pools and providers, roles, policies of
        # the project and two accounts, creation times, workloads and the one account of another project that they name,
        # last use, HMAC keys, four constraints, key states, last use of accounts; insights of accounts and policies,
        # use of API keys, the audit log
        budget = 2 + 1 + 2 + 1 + 2 + 1 + 3 + 1 + 1 + 1 + 1 + 4 + 1 + 1 + 2 + 1 + 1
        wanted = ("account-activity", "insights", "monitoring", "creators")
        return Contract(
            connector=CONNECTOR,
            simulation=simulation(gcp_gate, project=(SHOP,), **dict.fromkeys(wanted, True)),
            budget=budget,
        )

"""The connector contract, for what Resource Manager and Resource Graph tell: a tenant without its directory."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import ConnectorContract, Contract
from nhiscan_azure import CONNECTOR
from nhiscan_azure.simulated import Assignment, SimulatedAzure, World
from nhiscan_azure.simulated.example import LIVE, example

NOW = at("2026-11-02T09:00:00")


def world() -> World:
    """One subscription with something of everything, below a management group, and one assignment above all."""
    found = example(NOW)
    live = next(one for one in found.subscriptions if one.id == LIVE)
    groups = tuple(group for group in live.groups if group.resources)
    return replace(
        found,
        management_groups=tuple(replace(one, parent=None) for one in found.management_groups if one.name == "platform"),
        subscriptions=(replace(live, parent="platform", groups=groups),),
        elevated=(Assignment("ann", "User Access Administrator", NOW - 1000),),
    )


Gate = Callable[[Any], None]


def simulation(gate: Gate) -> Callable[[], AbstractContextManager[SimulatedAzure]]:
    @contextmanager
    def start() -> Iterator[SimulatedAzure]:
        with SimulatedAzure(world(), clock=SimulatedClock(NOW), settings={"no-directory": True}) as cloud:
            cloud.gateway.gate = gate
            yield cloud

    return start


class TestResources(ConnectorContract):
    @pytest.fixture
    def contract(self, azure_gate: Gate) -> Contract:
        # five queries and what is below the root; what may be read in three scopes; four lists of roles in each: active
        # and eligible assignments, deny assignments, role assignments; those of the tenant; one identity and one vault
        budget = 5 + 1 + 3 + 4 * 3 + 1 + 1 + 2
        return Contract(connector=CONNECTOR, simulation=simulation(azure_gate), budget=budget)

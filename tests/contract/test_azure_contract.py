"""The connector contract, for Entra ID and Azure."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import ConnectorContract, Contract
from nhiscan.testing.faults import Faults
from nhiscan_azure import CONNECTOR
from nhiscan_azure.simulated import GRAPH_PERMISSIONS, Caller, SimulatedAzure, World, withdraw
from nhiscan_azure.simulated.example import example

NOW = at("2026-11-02T09:00:00")
Gate = Callable[[Any], None]


def world() -> World:
    return replace(example(NOW), caller=Caller(graph=(*GRAPH_PERMISSIONS, "AgentIdentity.Read.All")))


def simulation(gate: Gate, **settings: Any) -> Callable[[], AbstractContextManager[SimulatedAzure]]:
    @contextmanager
    def start() -> Iterator[SimulatedAzure]:
        with SimulatedAzure(world(), clock=SimulatedClock(NOW), settings=settings) as cloud:
            cloud.gateway.gate = gate
            yield cloud

    return start


def deny(faults: Faults, permissions: Iterable[str]) -> None:
    """A permission of Graph with all others that would do as well; an action of Resource Manager by its name."""
    withdraw(faults, permissions)


class TestDirectory(ConnectorContract):
    @pytest.fixture
    def contract(self, azure_gate: Gate) -> Contract:
        # the organisation; both lists and their counts; one batch each for federated credentials, owners and app roles,
        # and the list of Graph's own; consents, three lists of roles, the privileged ones; ids twice, members, users;
        # two policies; leave dates; two reports; agents
        budget = 1 + 4 + 1 + 1 + 2 + 1 + 3 + 1 + 4 + 2 + 1 + 2 + 1
        settings = {"directory-only": True, "agent-identities": True}
        return Contract(connector=CONNECTOR, simulation=simulation(azure_gate, **settings), budget=budget, deny=deny)

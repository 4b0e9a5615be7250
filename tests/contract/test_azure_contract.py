"""The connector contract, for Entra ID and Azure."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import Any

import pytest

from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.contract import Bench, ConnectorContract, Contract
from nhiscan.testing.faults import Faults
from nhiscan_azure import CONNECTOR
from nhiscan_azure.simulated import GRAPH_PERMISSIONS, Caller, SimulatedAzure, World, withdraw
from nhiscan_azure.simulated.example import LIVE, example

NOW = at("2026-11-02T09:00:00")
Gate = Callable[[Any], None]


def world() -> World:
    return replace(example(NOW), caller=Caller(graph=(*GRAPH_PERMISSIONS, "AgentIdentity.Read.All")))


def narrow() -> World:
    """With the one subscription that has something of everything: where nothing is asked, nothing is denied."""
    found = world()
    live = next(one for one in found.subscriptions if one.id == LIVE)
    return replace(found, subscriptions=(live,))


def simulation(
    gate: Gate, made: Callable[[], World] = world, **settings: Any
) -> Callable[[], AbstractContextManager[SimulatedAzure]]:
    @contextmanager
    def start() -> Iterator[SimulatedAzure]:
        with SimulatedAzure(made(), clock=SimulatedClock(NOW), settings=settings) as cloud:
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
        settings: dict[str, Any] = {"directory-only": True, "agent-identities": True}
        return Contract(connector=CONNECTOR, simulation=simulation(azure_gate, **settings), budget=budget, deny=deny)


class TestTenant(ConnectorContract):
    """Both together: who holds roles of Azure is looked up in the directory."""

    @pytest.fixture
    def contract(self, azure_gate: Gate) -> Contract:
        return Contract(connector=CONNECTOR, simulation=simulation(azure_gate, narrow), deny=deny, calls=(2, 20, 40))

    def test_a_denied_source_is_a_gap_and_ends_nothing(
        self, benches: Callable[[], AbstractContextManager[Bench]]
    ) -> None:
        """Each source is denied in the suites of the two halves; here what one half does to the other."""
        for permission in ("Microsoft.ResourceGraph/resources/read", "Microsoft.Authorization/roleAssignments/read"):
            with benches() as bench:
                bench.scan()
                bench.contract.deny(bench.cloud.faults, (permission,))
                outcome = bench.scan()
                rows = {row.state for row in outcome.coverage if row.source == "graph.principals"}
                assert rows <= {"partial", "failed"}, f"{permission}: who holds roles of Azure is not all known"
                assert outcome.incomplete
                assert bench.keys(outcome.number or 1) == bench.keys(1), f"{permission} denied: rows ended or appeared"

"""The tenant of the demo: answers that Microsoft could give, and little that cannot be read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from nhiscan.inventory import open_inventory
from nhiscan.testing.clock import SimulatedClock
from nhiscan.testing.company import DEMO, NOW
from nhiscan.testing.contract import Bench, Contract
from nhiscan.testing.environment import environment
from nhiscan_azure import CONNECTOR
from nhiscan_azure.simulated.demo_parts import ACQUIRED
from nhiscan_azure.simulated.demo_world import demo

Gate = Callable[[Any], None]


def test_the_demo_answers_as_microsoft_would_and_only_what_is_denied_cannot_be_read(
    azure_gate: Gate, tmp_path: Path
) -> None:
    with demo(DEMO, SimulatedClock(NOW), 1) as cloud, environment(cloud.environment, remove=cloud.remove):
        cloud.gateway.gate = azure_gate
        contract = Contract(connector=CONNECTOR, simulation=lambda: cloud)
        bench = Bench(contract, cloud, open_inventory(str(tmp_path / "nhiscan.db")), tmp_path)
        outcome = bench.scan()
        secrets = len(list(cloud.canaries))
        assert cloud.canaries.in_files([tmp_path]) == {}
    unread = {(row.scope, row.source, row.permission) for row in outcome.coverage if row.state == "denied"}
    assert unread == {
        (f"azure/subscription/{ACQUIRED}", f"keyvault.{kind}", f"Microsoft.KeyVault/vaults/{kind}/read")
        for kind in ("keys", "secrets")
    }
    assert {row.state for row in outcome.coverage} == {"complete", "denied", "replaced"}
    assert outcome.tie_outs == ()
    assert secrets > 20
    kinds = {row["kind"] for row in bench.rows("credential", 1).values()}
    assert kinds == {
        *("client_secret", "client_certificate", "token_certificate", "system_managed_key", "federated_credential"),
        *("storage_key", "local_key", "stored_secret", "stored_key"),
    }

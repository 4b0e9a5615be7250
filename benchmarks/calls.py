"""How many AWS calls a scan of one account costs, with and without the credential report.

    python benchmarks/calls.py [USERS ...]

Reads a simulated account (three keys for four users, a role for five) over the loopback with the real connector.
Wall time includes the simulation, which shares the process.
"""

import sys
import tempfile
import time
from math import ceil
from pathlib import Path

from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan_aws import CONNECTOR
from nhiscan_aws.simulated import ALLOW_ALL, Account, Key, ManagedPolicy, Role, SimulatedAws, Use, User, World, trust

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
ACCOUNT = "900000000001"


def world(users: int) -> World:
    made = NOW - 400 * DAY
    return World(
        (
            Account(
                ACCOUNT,
                made,
                users=tuple(
                    User(f"u{n:06d}", made, keys=(Key(made + n, used=Use(NOW - 9 * DAY)),) if n % 4 else ())
                    for n in range(users)
                ),
                roles=tuple(Role(f"r{n:06d}", made, trust(service="ec2.amazonaws.com")) for n in range(users // 5)),
                policies=(ManagedPolicy("own", made, (ALLOW_ALL,)),),
            ),
        )
    )


def measure(users: int, *, report: bool) -> tuple[int, float]:
    """(calls, wall seconds) of one scan."""
    with (
        tempfile.TemporaryDirectory() as folder,
        SimulatedAws(world(users), clock=SimulatedClock(NOW)) as aws,
        environment(aws.environment, remove=aws.remove),
    ):
        if not report:
            aws.faults.deny("iam:GenerateCredentialReport")
        inventory = open_inventory(str(Path(folder) / "nhiscan.db"))
        start = time.perf_counter()
        scan(
            inventory,
            [(CONNECTOR, {})],
            finish=lambda finishing: finishing.number,
            clock=aws.clock,
            sleep=lambda _: None,
            run_id=lambda: "benchmark",
            host="benchmark",
        )
        return aws.calls.of(), time.perf_counter() - start


def main() -> int:
    sizes = [int(size) for size in sys.argv[1:]] or [100, 1000, 4000]
    print(f"{'users':>7} {'budget':>7} {'calls':>7} {'wall s':>7}   without the report: {'calls':>7} {'wall s':>7}")
    over = False
    for users in sizes:
        keys = users - ceil(users / 4)
        budget = ceil((users + users // 5 + 1) / 1000) + 2 + keys + 7
        calls, wall = measure(users, report=True)
        single, single_wall = measure(users, report=False)
        over |= calls > budget
        print(f"{users:>7} {budget:>7} {calls:>7} {wall:>7.1f}   {'':19} {single:>7} {single_wall:>7.1f}")
    return int(over)


if __name__ == "__main__":
    sys.exit(main())

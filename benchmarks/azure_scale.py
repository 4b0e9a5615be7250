"""What memory a scan of a great tenant takes: applications, their principals, secrets, owners and permissions.

    python benchmarks/azure_scale.py [APPLICATIONS ...]

The simulated tenant runs in a process of its own, over TLS on the loopback. Each size is scanned by a fresh process
through the real connector and runner into an SQLite inventory; its peak memory is printed, nothing of the simulation in
it. Without arguments: 2,000 and 20,000 applications. Rules are not judged.
"""

import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from nhiscan.collect import scan
from nhiscan.inventory import open_inventory
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
USERS = 400
VENDOR = "9f8e7d6c-0000-4000-a000-000000000009"


def serve(applications: int, pipe: Connection) -> None:
    """Simulate a tenant until told to stop: two secrets and a certificate an application, and half as many vendors."""
    from nhiscan_azure.simulated import (
        Application,
        Certificate,
        Directory,
        Federated,
        Granted,
        Secret,
        ServicePrincipal,
        SimulatedAzure,
        User,
        World,
    )

    world = World(
        Directory(
            users=tuple(User(f"u{one}", created_at=NOW - 900 * DAY) for one in range(USERS)),
            applications=tuple(
                Application(
                    f"app-{one:06d}",
                    NOW - 700 * DAY,
                    secrets=(
                        Secret(NOW - 600 * DAY, NOW + 100 * DAY, "first", used_at=NOW - 9 * DAY),
                        Secret(NOW - 60 * DAY, NOW + 300 * DAY, "second"),
                    ),
                    certificates=(Certificate(NOW - 90 * DAY, NOW + 275 * DAY, f"CN=app-{one:06d}"),),
                    federated=(Federated("main", "https://i.example", f"repo:{one}"),) if one % 5 == 0 else (),
                    owners=(f"u{one % USERS}",),
                    principal=ServicePrincipal(granted=(Granted("User.Read.All"),) if one % 10 == 0 else ()),
                )
                for one in range(applications)
            ),
            principals=tuple(ServicePrincipal(f"vendor-{one:06d}", tenant=VENDOR) for one in range(applications // 2)),
        )
    )
    with SimulatedAzure(world, clock=SimulatedClock(NOW), quotas=False) as cloud:
        pipe.send((dict(cloud.environment), cloud.remove, dict(cloud.settings)))
        pipe.recv()
        pipe.send(cloud.calls.of())


class Watched:
    """The clock of a scan. It is asked for the last time when all is read: ``peak`` is the most memory until then."""

    def __init__(self, clock: SimulatedClock) -> None:
        self._clock = clock
        self.peak = 0.0

    def __call__(self) -> int:
        self.peak = memory()
        return self._clock()


def memory() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(applications: int) -> dict[str, float]:
    """Scan once, in this process."""
    from nhiscan_azure import CONNECTOR

    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    server = context.Process(target=serve, args=(applications, there))
    server.start()
    variables, remove, settings = here.recv()
    clock = Watched(SimulatedClock(NOW))
    with tempfile.TemporaryDirectory() as folder, environment(variables, remove=remove):
        inventory = open_inventory(str(Path(folder) / "nhiscan.db"))
        before = memory()
        wall, cpu = time.perf_counter(), time.process_time()
        outcome = scan(
            inventory,
            [(CONNECTOR, {**settings, "directory-only": True})],
            finish=lambda finishing: finishing.number,
            clock=clock,
            sleep=lambda _: None,
            run_id=lambda: "benchmark",
            host="benchmark",
        )
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        here.send("stop")
        calls = here.recv()
        server.join()
        if outcome.incomplete or outcome.info is None:
            print("\n".join(str(gap) for gap in outcome.gaps), file=sys.stderr)
            raise SystemExit(1)
    return {
        "applications": applications,
        "calls": calls,
        "records": sum(row.records for row in outcome.coverage),
        "wall": wall,
        "cpu": cpu,
        "before": before,
        "reading": clock.peak,
        "peak": memory(),
    }


def main() -> int:
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(int(sys.argv[2]))))
        return 0
    sizes = [int(size) for size in sys.argv[1:]] or [2_000, 20_000]
    print(f"load average {os.getloadavg()[0]:.1f}")
    names = ("applications", "records", "calls", "wall s", "CPU-s", "start MB", "reading MB", "peak MB")
    print("".join(f"{name:>13}" for name in names))
    for size in sizes:
        done = subprocess.run(
            [sys.executable, __file__, "--one", str(size)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(done.stderr, file=sys.stderr)
            return 1
        got = json.loads(done.stdout)
        figures = (got["wall"], got["cpu"], got["before"], got["reading"], got["peak"])
        print(f"{size:>13,}{got['records']:>13,}{got['calls']:>13,}" + "".join(f"{one:>13.0f}" for one in figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""What a scan of a great Google Cloud organisation takes: memory, calls and time by number of projects.

    python benchmarks/gcp_scale.py [--accounts 20] [--threads 8] [--option NAME ...] [PROJECTS ...]

The simulated cloud runs in a process of its own, and so does each scan, with the real connector over the loopback into
an SQLite inventory: peak memory, until all is read and until all is stored, is the product's own. Wall time is that of
both on the same machine. Every account has a system-managed key, one of each project a user-managed one and a binding,
every tenth project an API key, and every project a virtual machine. ``--option`` switches on an option of the connector
("creators").
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nhiscan.collect import Progress, scan
from nhiscan.inventory import open_inventory
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan_gcp import CONNECTOR
from nhiscan_gcp.simulated import (
    ApiKey,
    Binding,
    Key,
    Organization,
    Project,
    Role,
    ServiceAccount,
    SimulatedGcp,
    Workload,
    World,
)

NOW = at("2026-11-02T09:00:00")
DAY = 86_400
TABLES = ("scope", "identity", "credential", "access_grant", "relation")


def world(projects: int, accounts: int) -> World:
    """The organisation, all of it in one folder of nothing else."""
    made = NOW - 100 * DAY
    system = Key(NOW - 5 * DAY, valid_before=NOW + 9 * DAY, user_managed=False)

    def account(number: int) -> ServiceAccount:
        if number:
            return ServiceAccount(f"account-{number:02}", made, keys=(system,))
        key = Key(made, used_at=NOW - 3 * DAY, created_by="user:ann@example.com")
        bound = (Binding("roles/viewer", ("user:ann@example.com",)),)
        return ServiceAccount("account-00", made, keys=(system, key), bindings=bound)

    def project(number: int) -> Project:
        name = f"project-{number:05}"
        member = f"serviceAccount:account-00@{name}.iam.gserviceaccount.com"
        return Project(
            name,
            made,
            accounts=tuple(account(one) for one in range(accounts)),
            api_keys=() if number % 10 else (ApiKey("maps", made),),
            bindings=(Binding("roles/viewer", ("user:ann@example.com", member)),),
            workloads=(Workload("web", "instance", member.partition(":")[2]),),
        )

    roles = (Role("roles/viewer", ("resourcemanager.projects.get",), "Viewer"),)
    return World(
        tuple(map(project, range(projects))), organization=Organization("240000000001", "example.com"), roles=roles
    )


def serve(projects: int, accounts: int) -> None:
    """The simulation: says where it is in one line, and how often it was called once its input ends."""
    with SimulatedGcp(world(projects, accounts), clock=SimulatedClock(NOW)) as cloud:
        print(json.dumps({"environment": dict(cloud.environment), "endpoints": cloud.endpoints}), flush=True)
        sys.stdin.read()
        print(json.dumps({"calls": cloud.calls.of()}), flush=True)


def read(endpoints: tuple[str, ...], options: tuple[str, ...], threads: int) -> None:
    """One scan: says what it found and what it took in one line."""
    settings: Mapping[str, Any] = {"endpoint": endpoints, **dict.fromkeys(options, True)}
    peaks: dict[str, float] = {}  # the first event of each kind -> memory by then

    def note(said: Progress) -> None:
        peaks.setdefault(said.event, peak())

    with tempfile.TemporaryDirectory() as folder:
        inventory = open_inventory(str(Path(folder) / "nhiscan.db"))
        start = time.perf_counter()
        outcome = scan(
            inventory,
            [(CONNECTOR, settings)],
            finish=lambda finishing: finishing.number,
            clock=lambda: NOW,
            sleep=time.sleep,
            run_id=lambda: "benchmark",
            executor_name=f"threads:{threads}",
            progress=note,
            host="benchmark",
        )
        wall = time.perf_counter() - start
        with inventory.bound(1) as bound:
            rows = {table: bound.sql.one(f"SELECT count(*) FROM {table}") for table in TABLES}
    found: dict[str, Any] = {table: int(row[0]) for table, row in rows.items() if row}
    used = resource.getrusage(resource.RUSAGE_SELF)
    found |= {"gaps": len(list(outcome.gaps)), "wall": wall, "cpu": used.ru_utime + used.ru_stime}
    print(json.dumps({**found, "reading": peaks["storing"], "peak": peak()}))


def peak() -> float:
    """Most memory this process ever had, in megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(projects: int, arguments: argparse.Namespace) -> dict[str, Any]:
    """One scan of one organisation, both in processes of their own."""
    own = [sys.executable, __file__, "--accounts", str(arguments.accounts), "--threads", str(arguments.threads)]
    own += [f"--option={option}" for option in arguments.option]
    with subprocess.Popen(
        [*own, "--part", "serve", str(projects)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as cloud:
        assert cloud.stdin is not None
        assert cloud.stdout is not None
        told = json.loads(cloud.stdout.readline())
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "CLOUDSDK_"))
        }
        done = subprocess.run(
            [*own, "--part", "read", *told["endpoints"]],
            env=environment | told["environment"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        cloud.stdin.close()
        return {**json.loads(done.stdout), **json.loads(cloud.stdout.readline())}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=20)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--part", choices=("serve", "read"), help=argparse.SUPPRESS)
    parser.add_argument("sizes", nargs="*", default=["200", "2000"])
    arguments = parser.parse_args()
    if arguments.part == "serve":
        serve(int(arguments.sizes[0]), arguments.accounts)
        return 0
    if arguments.part == "read":
        read(tuple(arguments.sizes), tuple(arguments.option), arguments.threads)
        return 0
    heads = (
        "projects",
        "identity",
        "credential",
        "relation",
        "calls",
        "gaps",
        "wall s",
        "CPU s",
        "reading MB",
        "peak MB",
    )
    print(" ".join(f"{head:>10}" for head in heads), flush=True)
    for size in map(int, arguments.sizes):
        found = measure(size, arguments)
        counts = [size, *(found[name] for name in ("identity", "credential", "relation", "calls", "gaps"))]
        costs = [round(found[name]) for name in ("wall", "cpu", "reading", "peak")]
        print(" ".join(f"{value:>10,}" for value in (*counts, *costs)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

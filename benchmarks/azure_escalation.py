"""What the analysis of Azure and Entra costs.

    python benchmarks/azure_escalation.py                   50,000 principals in one tenant
    python benchmarks/azure_escalation.py --principals N    another size, for the growth of the cost

Records are made in memory; making them is the benchmark's own work and not counted, but their memory is. A subscription
has 1,000 principals: 400 managed identities of machines and apps in 40 groups of resources, 300 applications that
deploy into them, 50 of vendors, and 250 users, of whom some own applications. Identities hold chains from group to
group; every 20th chain ends at an owner of the subscription. One in a hundred applications changes any application, one
in three hundred gives roles of the directory. Ten subscriptions share a management group, and every subscription has
custom roles of its own.
"""

import argparse
import resource
import time
from collections import Counter
from collections.abc import Callable
from typing import TypeVar

from nhiscan_azure.analyzer.access import effective_access
from nhiscan_azure.analyzer.escalation.search import Search
from nhiscan_azure.analyzer.estate import Estate
from nhiscan_azure.analyzer.privilege import privileges
from nhiscan_azure.analyzer.trust import trusts
from nhiscan_azure.sketch import CONTRIBUTOR, OWNER, READER, Sketch, block

PER_SUBSCRIPTION = 1_000
GROUPS = 40
HOSTS = 10  # in a group of resources
T = TypeVar("T")


def subscription(sketch: Sketch, number: int, above: str) -> None:
    place = f"/subscriptions/90000000-0000-0000-0000-{number:012d}"
    sketch.subscription(place, above)
    run = sketch.role(f"run-{number}", block("Microsoft.Compute/virtualMachines/runCommand/action", "*/read"))
    deploy = sketch.role(f"deploy-{number}", block("Microsoft.Web/*", less=["Microsoft.Web/sites/delete"]))
    data = sketch.role(f"data-{number}", block(data=[f"Microsoft.Storage/*/{'read' if number % 2 else 'write'}"]))
    team = [sketch.group(f"team-{number}-{one}") for one in range(20)]
    for one, group in enumerate(team):
        sketch.assign(group, data, f"{place}/resourcegroups/g{one}")
    for group_number in range(GROUPS):
        group = f"{place}/resourcegroups/g{group_number}"
        following = f"{place}/resourcegroups/g{(group_number + 1) % GROUPS}"
        for host in range(HOSTS):
            kind = "compute/virtualmachines" if host % 2 else "web/sites"
            made = f"{group}/providers/microsoft.{kind}/h{host}"
            if host % 5 == 4:
                shared = f"{group}/providers/microsoft.managedidentity/userassignedidentities/i{host}"
                identity = sketch.user_identity(shared, made)
            else:
                identity = sketch.system_identity(made)
            sketch.assign(identity, READER, made)
            if host < 2 and group_number % 5 != 4:
                sketch.assign(identity, run if host else deploy, following)
            elif host == 0 and group_number == 39 and number % 2:
                sketch.assign(identity, OWNER, place)
    for one in range(300):
        application, principal = sketch.application(f"app-{number}-{one}")
        sketch.assign(principal, (run, deploy, data)[one % 3], f"{place}/resourcegroups/g{one % GROUPS}")
        if one % 100 == 0:
            sketch.permission(principal, "Application.ReadWrite.All", "1bfefb4e-e0b5-418b-a88f-73c46d2cc8e9")
        elif one == 1:
            sketch.permission(principal, "RoleManagement.ReadWrite.Directory", "9e3f62cf-ca93-4989-b6ce-bf83c28f9fe8")
        elif one % 50 == 2:
            sketch.assign(principal, CONTRIBUTOR, place)
        if one < 200:
            sketch.owns(sketch.user(f"owner-{number}-{one}"), application)
        sketch.relation("member_of", principal, team[one % 20])
    for one in range(50):
        sketch.relation("member_of", sketch.user(f"user-{number}-{one}"), team[one % 20])
        sketch.assign(sketch.vendor(f"vendor-{number}-{one}"), READER, f"{place}/resourcegroups/g{one % GROUPS}")


def measured(what: str, work: Callable[[], T]) -> T:
    cpu = time.process_time()
    found = work()
    print(f"{what}: {time.process_time() - cpu:.2f} CPU-s, peak {memory()} MB")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--principals", type=int, default=50_000)
    arguments = parser.parse_args()
    sketch = Sketch()
    for number in range(1, max(1, arguments.principals // PER_SUBSCRIPTION) + 1):
        if number % 10 == 1:
            sketch.management_group(f"group-{number // 10}")
        subscription(sketch, number, f"group-{(number - 1) // 10}")
    print(f"memory of the records: {memory()} MB")
    start = time.process_time()
    estate = measured("reading the estate, rights of every principal", lambda: Estate(sketch.records))
    search = measured("ways, graph, who becomes whom", lambda: Search(estate))
    rows = measured("ways as rows", lambda: Counter(row.hops for row in search.paths()))
    access = measured("rows of access", lambda: sum(1 for _ in effective_access(estate)))
    doors = measured("rows of trust", lambda: sum(1 for _ in trusts(estate)))
    measured("privilege of every principal", lambda: sum(1 for _ in privileges(estate, search)))
    print(f"all of it: {time.process_time() - start:.2f} CPU-s, peak memory {memory()} MB")
    print(
        f"{len(estate.principals)} principals, {rows.total()} ways of up to {max(rows)} hops, {access} rows of access,"
        f" {doors} of trust"
    )


def memory() -> int:
    """The most memory the process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()

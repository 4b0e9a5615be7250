"""What the analysis of Google Cloud costs.

    python benchmarks/gcp_access.py                          10,000 accounts against all sets
    python benchmarks/gcp_access.py --chains                 50,000 accounts with chains over several projects
    python benchmarks/gcp_access.py --chains --accounts N    another size, for the growth of the cost

Records are made in memory; making them is the benchmark's own work and not counted, but their memory is. Projects hold
20 accounts, folders 50 projects. Without ``--chains`` every account holds some set, a third of them in its whole
project and one in twenty in its folder. With it accounts get tokens of the next one of their project, the last of a
project of one in the next project, and the agents and default accounts that every project has are there, too.
"""

import argparse
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TypeVar

from nhiscan.model import Derived, EffectiveAccess, Trust
from nhiscan_gcp.analyzer import escalation
from nhiscan_gcp.analyzer.access import effective_access
from nhiscan_gcp.analyzer.escalation.sets import sets
from nhiscan_gcp.analyzer.estate import Estate
from nhiscan_gcp.analyzer.holding import holdings_of
from nhiscan_gcp.analyzer.privilege import Privileges
from nhiscan_gcp.analyzer.trust import trusts
from nhiscan_gcp.sketch import TOP, Sketch

PER_PROJECT = 20
PER_FOLDER = 50
T = TypeVar("T")

SERVICES = ("compute", "storage", "pubsub", "bigquery", "run", "logging")
VERBS = ("get", "list", "create", "delete", "update", "getIamPolicy")
BASIC = [f"{service}.things{number}.{verb}" for service in SERVICES for number in range(150) for verb in VERBS]
OWNER = [
    "compute.instances.create", "iam.serviceAccountKeys.create", "iam.serviceAccounts.actAs",
    "resourcemanager.projects.delete", "resourcemanager.projects.setIamPolicy", "storage.buckets.delete",
]  # fmt: skip


def projects_of(sketch: Sketch, accounts: int) -> list[tuple[str, str, list[str]]]:
    """(name, folder, keys of accounts) of each project."""
    found = []
    folder = TOP
    for number in range(accounts // PER_PROJECT):
        if number % PER_FOLDER == 0:
            folder = sketch.folder(str(1 + number // PER_FOLDER))
        name = f"project-{number}"
        sketch.project(name, folder)
        sketch.account(f"{10_000_000 + number}-compute@developer.gserviceaccount.com", name)
        keys = [sketch.account(f"account-{place}", name) for place in range(PER_PROJECT - 1)]
        found.append((name, folder, keys))
    return found


def roles(sketch: Sketch) -> None:
    sketch.role("roles/owner", [*OWNER, *BASIC])
    sketch.role("roles/editor", [*BASIC, *OWNER[:3]])
    sketch.role("roles/viewer", [name for name in BASIC if name.endswith(("get", "list"))])
    sketch.role("roles/token", ["iam.serviceAccounts.getAccessToken", "iam.serviceAccounts.signBlob"])
    sketch.role("roles/organization", ["resourcemanager.organizations.setIamPolicy"])
    for one in sets():
        sketch.role(f"roles/{one.id}", [need.permission for need in one.all_of])


def with_sets(sketch: Sketch, accounts: int) -> None:
    every = sets()
    for number, (name, folder, keys) in enumerate(projects_of(sketch, accounts)):
        sketch.bind(keys[0], "roles/owner", f"gcp/project/project-{max(number - 1, 0)}")
        for place, key in enumerate(keys):
            one = every[(number * PER_PROJECT + place) % len(every)]
            where = f"gcp/project/{name}" if place % 3 == 0 else keys[(place + 1) % len(keys)]
            sketch.bind(key, f"roles/{one.id}", folder if place == 1 else where)
            sketch.bind(key, "roles/viewer", f"gcp/project/{name}", "request.time < timestamp('2040-01-01T00:00:00Z')")


def with_chains(sketch: Sketch, accounts: int) -> None:
    made = projects_of(sketch, accounts)
    for number, (name, folder, keys) in enumerate(made):
        home = f"gcp/project/{name}"
        agent = f"serviceAccount:{10_000_000 + number}@cloudservices.gserviceaccount.com"
        sketch.bind(agent, "roles/editor", home)
        sketch.bind("group:staff@example.com", "roles/editor", home)
        sketch.bind(f"user:owner-{number}@example.com", "roles/owner", home)
        for place, key in enumerate(keys):
            if place % 5 != 4:
                sketch.bind(key, "roles/token", keys[(place + 1) % len(keys)])
            elif place == 4:
                sketch.bind(key, "roles/token", made[(number + 1) % len(made)][2][0] if number % 4 else keys[5])
            sketch.bind(key, "roles/viewer", home)
        sketch.bind(keys[9], "roles/editor", home)
        sketch.bind(keys[14], "roles/owner", home)
        if number % 200 == 0:
            sketch.bind(keys[14], "roles/organization", TOP)
        if number % 20 == 0:
            sketch.bind(keys[10], "roles/editor", folder)
        if number % 100 == 0:
            sketch.bind(keys[11], "roles/token", TOP)


def measured(what: str, work: Callable[[], T]) -> T:
    cpu = time.process_time()
    found = work()
    print(f"{what}: {time.process_time() - cpu:.2f} CPU-s, peak {memory()} MB", flush=True)
    return found


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", action="store_true")
    parser.add_argument("--accounts", type=int)
    arguments = parser.parse_args()
    accounts = arguments.accounts or (50_000 if arguments.chains else 10_000)
    sketch = Sketch()
    roles(sketch)
    (with_chains if arguments.chains else with_sets)(sketch, accounts)
    print(f"memory of the records: {memory()} MB")
    counts: Counter[str] = Counter()

    def count(rows: Iterable[Derived]) -> None:
        counts.update(type(row).__name__ for row in rows)

    start = time.process_time()
    estate = measured("reading the estate", lambda: Estate(sketch.records))
    holdings = measured("what everybody holds", lambda: holdings_of(estate))
    found = measured("ways, graph, who becomes whom", lambda: escalation.find(estate, holdings))
    measured("rows of access", lambda: count(effective_access(estate, holdings.values())))
    measured("rows of trust", lambda: count(trusts(estate)))
    hops = measured("rows of ways", lambda: Counter(row.hops if row.method == "chain" else 1 for row in found.paths()))
    measured("rows of privilege", lambda: count(Privileges(estate, holdings, found).rows()))
    print(f"all of it: {time.process_time() - start:.2f} CPU-s, peak memory {memory()} MB")
    chains = hops.total() - hops[1]
    print(f"{counts['Privilege']} accounts, {hops.total()} rows of ways, {chains} chains of up to {max(hops)} hops")
    print(f"{counts[EffectiveAccess.__name__]} rows of access, {counts[Trust.__name__]} of trust")


if __name__ == "__main__":
    main()

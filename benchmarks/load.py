"""How quickly the inventory takes in an estate, and what history costs.

    python benchmarks/load.py                      1,000,000 credentials of 250,000 identities into SQLite
    python benchmarks/load.py --db postgresql://…  the same into an empty PostgreSQL database
    python benchmarks/load.py --scans 365 --credentials 10000 --identities 5000

Everything goes through the inventory's own writer: `put`, `merge` and `bind`, history columns and last use included.
CPU seconds are those of this process (a PostgreSQL server's are not in them); wall seconds are printed beside them.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nhiscan.inventory import Finishing, Inventory, Plan, open_inventory
from nhiscan.model import Coverage, Need, Scope

DAY = 86_400
START = 1_700_000_000
ACCOUNTS = 100
SCOPES = [
    Scope(f"aws/account/aws:{n:012d}", "aws", "account", f"aws:{n:012d}", f"account {n}") for n in range(ACCOUNTS)
]


def mixed(number: int, salt: int = 0) -> int:
    """A number that looks random and is the same on every run."""
    value = ((number + salt * 7_919) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    return ((value ^ (value >> 29)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF) >> 20


def identities(count: int, changed: Callable[[int], int]) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        scope = SCOPES[number * ACCOUNTS // count].key
        native = f"AIDA{number:016d}"
        arn = f"arn:aws:iam::{scope[-12:]}:user/svc-{number}"
        made = START - mixed(number) % (900 * DAY)
        tags = f'{{"owner":"team-{changed(number)}@example.com"}}'
        yield (
            f"{scope}/user/{native}", scope, "user", native, f"svc-{number}", arn, "/", "active", made, None, tags,
            0, 0, 0, None, None, None, None, None, None, None, None, "iam.account-authorization-details",
        )  # fmt: skip


def credentials(count: int, of: int, changed: Callable[[int], int], scan: int) -> Iterator[tuple[Any, ...]]:
    """Sorted by key, spread at random over the identities of an account. Half of them were used once; of these, those
    that have changed are used every day from then on, so that last use costs a narrow row a day."""
    each, owners = count // ACCOUNTS, of // ACCOUNTS
    for number in range(count):
        account = min(number // max(each, 1), ACCOUNTS - 1)
        scope = SCOPES[account].key
        owner = (account * owners) + mixed(number) % max(owners, 1)
        made = START - mixed(number, 1) % (900 * DAY)
        used = None if number % 2 else START - mixed(number, 2) % (300 * DAY) + (changed(number) and scan * DAY)
        yield (
            f"{scope}/access_key/AKIA{number:016d}", scope, "access_key", f"AKIA{number:016d}", f"AKIA{number:016d}",
            f"{scope}/user/AIDA{owner:016d}", "inactive" if changed(number) % 2 else "active", made, made, None, 1,
            None, None, None, None, None, None, used, 1_430_000_000, None, "iam.credential-report",
        )  # fmt: skip


def scan(inventory: Inventory, number: int, put: Callable[[Finishing], None], *, bind: bool = True) -> None:
    run = inventory.start(Plan(f"run-{number}", START + number * DAY, "0", ("aws",), "{}", "-", "{}", "here", 1))
    sources = ("iam.account-authorization-details", "iam.credential-report")
    run.plan_scopes(SCOPES, [(scope.key, source) for scope in SCOPES for source in sources])
    with run.finish(START + number * DAY + 600) as finishing:
        put(finishing)
        ended = START + number * DAY + 500
        finishing.coverage(
            Coverage(f"{scope.key}|{source}", scope.key, source, "complete", ended_at=ended)
            for scope in SCOPES
            for source in sources
        )
        finishing.needs(
            Need(scope.key, need, 1, 1) for scope in SCOPES for need in ("identity:user", "credential:access_key")
        )
        step("merge", finishing.merge)
        if bind:
            step("bind", finishing.bind)


QUIET = False


def step(name: str, work: Callable[[], object]) -> None:
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    if not QUIET:
        print(f"    {name:<12}{time.process_time() - cpu:8.2f} CPU-s {time.perf_counter() - wall:8.2f} s")


def ranged(inventory: Inventory) -> tuple[int, int]:
    """Rows in the ranged tables of records, and in the narrow table of last use."""
    with inventory.bound(1) as bound:
        counts = [
            bound.sql.one(f"SELECT count(*) FROM {table}")
            for table in ("identity_range", "credential_range", "last_use")
        ]
    identity, credential, last_use = (int(row[0]) if row else 0 for row in counts)
    return identity + credential, last_use


def main() -> None:
    global QUIET  # noqa: PLW0603
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credentials", type=int, default=1_000_000)
    parser.add_argument("--identities", type=int, default=250_000)
    parser.add_argument(
        "--scans", type=int, default=2, help="the first loads everything, each further one changes 1 %%"
    )
    parser.add_argument("--db", help="path or URL; else a file in a temporary folder")
    arguments = parser.parse_args()
    QUIET = arguments.scans > 5
    with tempfile.TemporaryDirectory() as folder:
        inventory = open_inventory(arguments.db or str(Path(folder) / "load.db"))
        cpu = time.process_time()
        for _ in identities(arguments.identities, lambda _n: 0):
            pass
        for _ in credentials(arguments.credentials, arguments.identities, lambda _n: 0, 0):
            pass
        print(f"making the rows alone: {time.process_time() - cpu:.2f} CPU-s (part of every load below)")
        for number in range(1, arguments.scans + 1):

            def changed(row: int, upto: int = number) -> int:
                """How often a row has changed up to this scan: each is due once in 100 scans."""
                return (upto - 1 + mixed(row, 3) % 100) // 100

            def put(finishing: Finishing, number: int = number, changed: Callable[[int], int] = changed) -> None:
                step("identities", lambda: finishing.put("identity", identities(arguments.identities, changed)))
                rows = credentials(arguments.credentials, arguments.identities, changed, number)
                step("credentials", lambda: finishing.put("credential", rows))

            cpu, wall = time.process_time(), time.perf_counter()
            scan(inventory, number, put, bind=not QUIET)
            if not QUIET:
                print(
                    f"scan {number}: {time.process_time() - cpu:.2f} CPU-s, {time.perf_counter() - wall:.2f} s,"
                    f" peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB"
                )
        rows, uses = ranged(inventory)
        total = arguments.credentials + arguments.identities
        print(f"{arguments.scans} scans of {total} records: {rows} ranged rows, {uses} rows of last use")
        share = (rows - total) / total / max(arguments.scans - 1, 1)
        print(f"    beyond the first scan: {rows - total} rows, {share:.2%} a scan")
        print(f"    peak RSS {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


if __name__ == "__main__":
    main()

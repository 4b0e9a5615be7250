"""How much CPU time the rules take over a large estate, and the upkeep of their results and findings.

    python benchmarks/rules.py                                  1,000,000 credentials of 250,000 identities, SQLite
    python benchmarks/rules.py --credentials 100000 --identities 50000
    python benchmarks/rules.py --rule access-key-unused         one rule
    python benchmarks/rules.py --rules DIR                      other rule files

The views are filled as temporary tables with their primary keys, as a scan binds them. A figure of a rule holds
everything that the engine does for it: the SELECT, refusal of subjects that come twice, counts by scope and status, the
digest, and the rows that did not pass. Numbering the population is a figure of its own and part of the total.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from nhiscan import data
from nhiscan.evaluate import OPEN, evaluate, keep
from nhiscan.inventory import Sql, open_inventory
from nhiscan.inventory.views import VIEWS, ddl
from nhiscan.rule import Rule, load

DAY = 86_400
AS_OF = 1_767_225_600
ACCOUNTS = [f"aws/account/aws:{number:012d}" for number in range(100)]
Row = tuple[str | int | None, ...]


def mixed(number: int, salt: int) -> int:
    """A number that looks random and is the same on every run."""
    value = ((number + salt * 7_919) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    return ((value ^ (value >> 29)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF) >> 20


IDENTITY = [
    "key",
    "scope",
    "kind",
    "native_id",
    "name",
    "arn",
    "path",
    "state",
    "created_at",
    "tags",
    "provider_managed",
    "console_access",
    "mfa",
    "used_at",
    "known_since",
    "source",
    "planned",
    "confirmed",
    "first_seen_at",
    "data_time",
    "nature",
    "nature_reason",
    "nature_confidence",
]
CREDENTIAL = [
    "key",
    "scope",
    "kind",
    "native_id",
    "name",
    "identity",
    "state",
    "created_at",
    "changed_at",
    "used_at",
    "known_since",
    "source",
    "planned",
    "confirmed",
    "first_seen_at",
    "data_time",
]


def in_order(count: int) -> list[int]:
    """Roles before users, account by account: a scan's own rows come in the order of their keys."""
    return sorted(range(count), key=lambda n: (n * len(ACCOUNTS) // count, n % 10 > 0, n))


def identities(count: int) -> Iterator[Row]:
    """Nine users to a role; one user in ten has a console password, one in fifty of those no MFA. By key."""
    for number in in_order(count):
        scope = ACCOUNTS[number * len(ACCOUNTS) // count]
        kind = "user" if number % 10 else "role"
        console = int(kind == "user" and mixed(number, 1) % 10 == 0)
        yield (
            f"{scope}/{kind}/AIDA{number:016d}", scope, kind, f"AIDA{number:016d}", f"svc-{number}",
            f"arn:aws:iam::{scope[-12:]}:{kind}/svc-{number}", "/", "active", AS_OF - mixed(number, 2) % (900 * DAY),
            f'{{"owner":"team-{number % 5000}@example.com"}}', 0, console, int(mixed(number, 3) % 50 > 0),
            AS_OF - mixed(number, 4) % (120 * DAY), AS_OF - 400 * DAY, "iam.account-authorization-details", 1, 1,
            AS_OF - 900 * DAY, AS_OF, "person" if console else "machine", "no password", "proven",
        )  # fmt: skip


def credentials(count: int, of: int) -> Iterator[Row]:
    """Access keys of random identities of their account, one in eight inactive, most in use, a third beyond 90 days."""
    each, owners = count // len(ACCOUNTS), of // len(ACCOUNTS)
    for number in range(count):
        account = min(number // max(each, 1), len(ACCOUNTS) - 1)
        scope = ACCOUNTS[account]
        owner = account * owners + mixed(number, 5) % max(owners, 1)
        made = AS_OF - mixed(number, 6) % (135 * DAY)
        used = AS_OF - mixed(number, 7) % (100 * DAY) if number % 20 else None
        yield (
            f"{scope}/access_key/AKIA{number:016d}", scope, "access_key", f"AKIA{number:016d}", f"AKIA{number:016d}",
            f"{scope}/{'user' if owner % 10 else 'role'}/AIDA{owner:016d}",
            "inactive" if mixed(number, 8) % 8 == 0 else "active", made, made, used, 1_430_000_000,
            "iam.access-keys", 1, 1, AS_OF - 900 * DAY, AS_OF,
        )  # fmt: skip


CAPABILITIES = (
    ("service_administrator", "write", "s3", "s3:*"),
    ("exclusion", "write", "*", "not:iam:*"),
    ("pass_role", "write", "iam", "iam:passrole"),
    ("assume_role", "write", "sts", "sts:assumerole"),
    ("permissions_management", "permissions_management", "s3", "s3:putbucketpolicy"),
    ("credential_creation", "write", "iam", "iam:createaccesskey"),
    ("credential_exposure", "write", "ec2", "ec2:getpassworddata"),
    ("secret_read", "read", "ssm", "ssm:getparameter"),
    ("guardrail_removal", "write", "logs", "logs:deleteloggroup"),
)


def principal(number: int, count: int) -> str:
    return f"{ACCOUNTS[number * len(ACCOUNTS) // count]}/{'user' if number % 10 else 'role'}/AIDA{number:016d}"


def access(count: int) -> Iterator[Row]:
    """Every identity reads and writes, one in a hundred is an administrator, one in ten has one capability more."""
    for number in in_order(count):
        key = principal(number, count)
        rows = [("level", "read", "ec2,s3", "s3:getobject"), ("level", "write", "s3", "s3:putobject")]
        if number % 100 == 0:
            rows.append(("administrator", "administrator", "*", "*"))
        elif number % 10 == 1:
            rows.append(CAPABILITIES[mixed(number, 9) % len(CAPABILITIES)])
        for capability, level, service, action in sorted(rows):
            yield (
                f"{key}|{capability}|{level}", key.rsplit("/", 2)[0], key, capability, level, service, action, 1, "*",
                1, "allowed", f"{key}|inline_policy|p", "1", 0, "conditional" if number % 3 else "proven",
                "scp-unread" if number % 3 else None, 1, 1, AS_OF,
            )  # fmt: skip


def privileges(count: int) -> Iterator[Row]:
    """One row an identity: one in a hundred an administrator, two more of them that can become one."""
    for number in in_order(count):
        key = principal(number, count)
        level = {0: "administrator", 1: "escalates_to_administrator", 2: "escalates_to_administrator"}.get(number % 100)
        path = f"{key}|iam-put-user-policy" if number % 100 in (1, 2) else None
        yield (
            key, key.rsplit("/", 2)[0], level or "write", level or "write", "allowed", path, 1 if path else None,
            number % 7, number % 13, "{}", 0, "conditional" if number % 3 else "proven",
            "scp-unread" if number % 3 else None, 1, 1, AS_OF,
        )  # fmt: skip


def paths(count: int) -> Iterator[Row]:
    for number in in_order(count):
        if number % 100 in (1, 2):
            key = principal(number, count)
            for method in ("iam-put-user-policy", "lambda-create-function"):
                yield (
                    f"{key}|{method}", key.rsplit("/", 2)[0], key, key, method, "self_escalation", "administrator",
                    "exploitable_now", 1, 1, "[]", "iam:putuserpolicy", f"{key}|inline_policy|p", "1", 0, "proven",
                    1, 1, AS_OF,
                )  # fmt: skip


def grants(count: int) -> Iterator[Row]:
    """Two policies an identity."""
    for number in in_order(count):
        key = principal(number, count)
        for kind, name in (("attached_policy", "q"), ("inline_policy", "p")):
            yield f"{key}|{kind}|{name}", key.rsplit("/", 2)[0], kind, key, name, 1, 1, AS_OF


def trusts(count: int) -> Iterator[Row]:
    """A service and another account for each role."""
    for number in in_order(count):
        key = principal(number, count)
        for kind, who, external in DOORS if number % 10 == 0 else ():
            yield (
                f"{key}|1|{kind}|{who}", key.rsplit("/", 2)[0], key, kind, who, external, 0, 0, "1", 0, 0, 0, "proven",
                1, 1, AS_OF,
            )  # fmt: skip


DOORS = (("account", "999900001111", 1), ("service", "lambda.amazonaws.com", 0))
_SEEN = ("planned", "confirmed", "first_seen_at")
DERIVED: Mapping[str, tuple[str, Callable[[int], Iterator[Row]]]] = {
    "effective_access": (
        (
            "key scope principal capability level service action actions resource everywhere effect via statement"
            " conditional confidence reason"
        ),
        access,
    ),
    "privilege": (
        "key scope level granted effect path hops reaches reached_by services conditional confidence reason",
        privileges,
    ),
    "escalation_path": (
        (
            "key scope principal target method category outcome grade hops targets steps action via statement"
            " conditional confidence"
        ),
        paths,
    ),
    "access_grant": ("key scope kind principal name", grants),
    "trust": (
        (
            "key scope identity principal_kind principal external external_id conditional statement organization"
            " source_guard audience confidence"
        ),
        trusts,
    ),
}
"""View -> (columns, rows for so many identities)."""


OWNER = [
    "key",
    "scope",
    "value",
    "method",
    "person",
    "resolution",
    "planned",
    "confirmed",
    "first_seen_at",
]


def owners(count: int) -> Iterator[Row]:
    for number in range(count):
        if number % 20:
            scope, person = (
                ACCOUNTS[number * len(ACCOUNTS) // count],
                f"register/register/people/person/{number % 5000}",
            )
            key = f"{scope}/{'user' if number % 10 else 'role'}/AIDA{number:016d}"
            yield key, scope, f"team-{number % 5000}@example.com", "tag:owner", person, "person", 1, 1, AS_OF


def fill(sql: Sql, credential_count: int, identity_count: int) -> None:
    for view in VIEWS:
        sql.create(ddl(view, temporary=True))
    register = "register/register/people"
    scopes: list[Row] = [(key, "aws", "account", key.rpartition("/")[2], 1) for key in ACCOUNTS]
    scopes.append((register, "register", "register", "people", 1))
    sql.temp_insert("scope", ("key", "provider", "kind", "native_id", "planned"), scopes)
    sql.temp_insert("identity", IDENTITY, identities(identity_count))
    sql.temp_insert("credential", CREDENTIAL, credentials(credential_count, identity_count))
    for view, (columns, rows_of) in DERIVED.items():
        sql.temp_insert(view, [*columns.split(), *_SEEN], rows_of(identity_count))
    sql.temp_insert("owner", OWNER, owners(identity_count))
    people: list[Row] = [
        (f"{register}/person/{n}", register, str(n), f"team-{n}@example.com", "active" if n % 50 else "left",
         None if n % 50 else AS_OF - n * DAY, 1, 1) for n in range(5000)
    ]  # fmt: skip
    sql.temp_insert(
        "person", ("key", "scope", "person_id", "email", "status", "end_date", "planned", "confirmed"), people
    )
    needs = ("credential:access_key", "credential:access_key.used_at", "identity:user", "identity:role")
    rows: list[Row] = [(key, need, 1, 1, 1) for key in ACCOUNTS for need in needs]
    rows.append((register, "person", 1, 1, 1))
    sql.temp_insert("need", ("scope", "need", "complete", "lists", "planned"), sorted(rows, key=str))


class Stopwatch:
    """CPU seconds of this process between one call and the next."""

    def __init__(self) -> None:
        self._since = time.process_time()
        self.total = 0.0

    def __call__(self, label: str) -> float:
        spent = time.process_time() - self._since
        self.total += spent
        print(f"{spent:8.2f} s  {label}", flush=True)
        self._since = time.process_time()
        return spent


def judge(sql: Sql, rules: Sequence[Rule], settle: str | None) -> tuple[float, float]:
    """Evaluates rule by rule, so that each has its figure. Gives the total and the largest of one rule."""
    watch = Stopwatch()
    labels = ["preparation"]
    figures: list[float] = []

    def step(what: str) -> None:
        figures.append(watch(labels[0]))
        labels[0] = what

    evaluation = evaluate(sql, rules, {}, AS_OF, settle=settle, progress=step)
    figures.append(watch(labels[0]))
    judged = sum(count.population for count in evaluation.counts)
    failed, unknown = sum(c.failed for c in evaluation.counts), sum(c.unknown for c in evaluation.counts)
    print(f"{watch.total:8.2f} s  all rules: {judged:,} judgements, {failed:,} failed, {unknown:,} unknown")
    for number in (1, 2):
        watch = Stopwatch()
        sql.run("INSERT INTO scan (number, run, started_at, ended_at) VALUES (:n, :run, :at, :at)",
                {"n": number, "run": f"r{number}", "at": AS_OF})  # fmt: skip
        kept = keep(sql, number, evaluation, rules, {})
        watch(f"upkeep of results and findings, scan {number}: {kept}")
    return sum(figures), max(figures)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--credentials", type=int, default=1_000_000)
    parser.add_argument("--identities", type=int, default=250_000)
    parser.add_argument("--rules", type=Path)
    parser.add_argument("--rule", action="append", default=[])
    options = parser.parse_args()
    rules = [
        rule for rule in load([options.rules or data.folder("rules")]) if not options.rule or rule.id in options.rule
    ]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "inventory.db"
        with open_inventory(str(place)).database.connection() as sql:
            sql.run("PRAGMA foreign_keys = OFF")  # the ranges of these subjects are not there
            sql.run("BEGIN")  # as a scan has it
            watch = Stopwatch()
            fill(sql, options.credentials, options.identities)
            watch(f"fill {options.credentials:,} credentials of {options.identities:,} identities")
            total, largest = judge(sql, rules, OPEN)
            sql.run("COMMIT")
        print(f"{total:8.2f} s  total, {largest:.2f} s the largest; limit 25 and 4")
        print(f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:8d} MB resident at most; limit 400")
        print(f"{place.stat().st_size // 2**20:8d} MB of results and findings in the file")


if __name__ == "__main__":
    main()

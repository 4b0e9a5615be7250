"""What the search for ways to more rights costs.

    python benchmarks/escalation.py                          10,000 principals against all sets
    python benchmarks/escalation.py --chains                 50,000 principals with chains over several accounts
    python benchmarks/escalation.py --chains --principals N  another size, for the growth of the cost

Records are made in memory; making them is the benchmark's own work and not counted, but their memory is. Without
``--chains`` every principal holds some set on something. With it accounts of 1,000 principals hold chains of five
roles, some of which go on in the next account, roles for services, groups that assume roles by a pattern, and
administrators.
"""

import argparse
import json
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

from nhiscan.model import Alias, Grant, Identity, Relation, Scope, Setting
from nhiscan.testing.records import MemoryRecords
from nhiscan_aws.analyzer import escalation
from nhiscan_aws.analyzer.escalation.sets import sets
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.reference import reference

AS_OF = 1_790_000_000
PER_ACCOUNT = 1_000
T = TypeVar("T")


def mixed(number: int, salt: int) -> int:
    """A number that looks random and is the same on every run."""
    value = ((number + salt * 7_919) * 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
    return ((value ^ (value >> 29)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF) >> 20


class Making:
    """Records in the making."""

    def __init__(self, text: str) -> None:
        self.records = MemoryRecords(AS_OF, text)
        self._count = 0

    def account(self, number: str) -> str:
        key = f"aws/account/aws:{number}"
        self.records.add(Scope(key, "aws", "account", f"aws:{number}"))
        self.records.add(Setting(f"{key}|organization.member", key, "organization.member", 0))
        return key

    def identity(self, scope: str, kind: str, name: str, trust: Any = None, policies: Sequence[Any] = ()) -> str:
        self._count += 1
        native = f"{kind[:1].upper()}{self._count:016d}"
        key = f"{scope}/{kind}/{native}"
        number = scope.rpartition(":")[2]
        digest = None if trust is None else self.keep(trust)
        arn = f"arn:aws:iam::{number}:{kind}/{name}"
        self.records.add(
            Identity(key, scope, kind, native, name, arn=arn, path="/", tags="{}", mfa=0, trust_document=digest)
        )
        for place, policy in enumerate(policies):
            grant = f"{key}|inline_policy|p{place}"
            self.records.add(Grant(grant, scope, "inline_policy", key, f"p{place}", document=self.keep(policy)))
        return key

    def keep(self, document: Any) -> str:
        return self.records.keep(json.dumps(document))

    def member(self, user: str, group: str, scope: str) -> None:
        self.records.add(Relation(f"member_of|{user}|{group}", scope, "member_of", user, group))

    def profile(self, role: str, scope: str, name: str) -> None:
        arn = f"arn:aws:iam::{scope.rpartition(':')[2]}:instance-profile/{name}"
        self.records.add(Alias(f"{role}|instance_profile|{arn}", scope, role, "instance_profile", arn))


def policy(*statements: tuple[Any, Any]) -> dict[str, Any]:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": on} for action, on in statements],
    }


def trust(principal: dict[str, Any]) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def with_sets(making: Making, principals: int) -> None:
    """Users with a set each, of which a third may do it on anything, and everyday rights besides."""
    every = sets()
    for first in range(0, principals, PER_ACCOUNT):
        number = f"{first // PER_ACCOUNT + 1:012d}"
        scope = making.account(number)
        roles_for_services(making, scope, number)
        for place in range(first, min(first + PER_ACCOUNT, principals)):
            one = every[place % len(every)]
            actions = [need.action for need in one.all_of]
            target = f"target-{place % 40}*"
            on = [f"arn:aws:iam::{number}:{kind}/{target}" for kind in ("group", "policy", "role", "user")]
            if mixed(place, 1) % 3 == 0:
                on = ["*"]
            iam = [action for action in actions if action.startswith(("iam:", "sts:"))]
            others = [action for action in actions if action not in iam]
            statements: list[tuple[Any, Any]] = [
                (["s3:Get*", "s3:List*"], f"arn:aws:s3:::app-{place}/*"),
                (f"dynamodb:{'GQS'[place % 3]}*", f"arn:aws:dynamodb:eu-central-1:{number}:table/app-{place}"),
            ]
            statements += [(iam, on)] if iam else []
            statements += [(others, "*")] if others else []
            making.identity(scope, "user", f"user-{place}", policies=[policy(*statements)])


def roles_for_services(making: Making, scope: str, number: str) -> None:
    principals = sorted({principal for one in sets() if one.service for principal in one.service.trusted})
    for place, principal in enumerate(principals * 3):
        rights = policy(("*", "*")) if place % 20 == 0 else policy((["s3:*", "sqs:*", "kms:Decrypt"], "*"))
        role = making.identity(scope, "role", f"target-{place}-{principal}", trust({"Service": principal}), [rights])
        making.profile(role, scope, f"target-{place}")
    making.identity(scope, "role", "break-glass", trust({"AWS": f"arn:aws:iam::{number}:root"}), [policy(("*", "*"))])


def with_chains(making: Making, principals: int) -> None:
    """Accounts of 1,000 principals each."""
    accounts = max(1, principals // PER_ACCOUNT)
    for account in range(accounts):
        number, following = f"{account + 1:012d}", f"{(account + 1) % accounts + 1:012d}"
        scope = making.account(number)
        root = trust({"AWS": f"arn:aws:iam::{number}:root"})
        roles_for_services(making, scope, number)
        left = (
            PER_ACCOUNT - 3 * len({principal for one in sets() if one.service for principal in one.service.trusted}) - 1
        )
        groups = [
            making.identity(
                scope, "group", f"team-{team}", policies=[policy(("sts:AssumeRole", arn(number, f"team-{team}-*")))]
            )
            for team in range(20)
        ]
        roles = left // 2
        for place in range(roles):
            rights = chained(place, number, following)
            who = root if place % 5 else trust({"AWS": [f"arn:aws:iam::{number}:root", previous(account, accounts)]})
            making.identity(scope, "role", f"team-{place % 20}-{place}", who, [policy(*rights)])
        for place in range(left - roles):
            user = making.identity(scope, "user", f"user-{place}", policies=[policy(*everyday(account, place, number))])
            making.member(user, groups[place % 20], scope)


def previous(account: int, accounts: int) -> str:
    return f"arn:aws:iam::{(account - 1) % accounts + 1:012d}:root"


def arn(number: str, name: str) -> str:
    return f"arn:aws:iam::{number}:role/{name}"


def chained(place: int, number: str, following: str) -> Iterator[tuple[Any, Any]]:
    """Each role may assume the next one of its five; every 40th chain ends at an administrator."""
    yield [f"s3:{'GPL'[place % 3]}*", "logs:*"], f"arn:aws:s3:::bucket-{place}*"
    if place % 5 != 4:
        yield "sts:AssumeRole", arn(number, f"team-{(place + 1) % 20}-{place + 1}")
    elif place // 5 % 3 == 0:
        yield "sts:AssumeRole", arn(following, f"team-{(place // 5 * 5 + 5) % 20}-{place // 5 * 5 + 5}")
    elif place // 5 % 40 == 1:
        yield "sts:AssumeRole", arn(number, "break-glass")
    elif place // 5 % 40 == 2:
        yield ["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], "*"


def everyday(account: int, place: int, number: str) -> Iterator[tuple[Any, Any]]:
    yield ["ec2:Describe*", f"s3:{'GPL'[place % 3]}*"], f"arn:aws:s3:::home-{account}-{place}/*"
    if place % 100 == 0:
        yield "*", "*"
    elif place % 50 == 1:
        yield ["ssm:*", "ecs:*", "lambda:*", "codebuild:*"], "*"
    elif place % 50 == 2:
        yield "iam:CreateAccessKey", f"arn:aws:iam::{number}:user/user-{place + 1}*"


def measured(what: str, work: Callable[[], T]) -> T:
    cpu = time.process_time()
    found = work()
    print(f"{what}: {time.process_time() - cpu:.2f} CPU-s, peak {memory()} MB")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chains", action="store_true")
    parser.add_argument("--principals", type=int)
    arguments = parser.parse_args()
    principals = arguments.principals or (50_000 if arguments.chains else 10_000)
    making = Making(reference().text)
    (with_chains if arguments.chains else with_sets)(making, principals)
    print(f"memory of the records: {memory()} MB")
    start = time.process_time()
    estate = measured("reading the estate", lambda: Estate(making.records))
    measured("rights of every principal", lambda: [principal.power for principal in estate.principals.values()])
    found = measured("ways, graph, who becomes whom", lambda: escalation.find(estate))
    rows = measured("rows", lambda: Counter(row.hops if row.method == "chain" else 1 for row in found.paths()))
    measured("reach of every principal", lambda: [found.reach(key) for key in estate.principals])
    print(f"all of it: {time.process_time() - start:.2f} CPU-s, peak memory {memory()} MB")
    chains = rows.total() - rows[1]
    print(f"{len(estate.principals)} principals, {rows.total()} rows, {chains} chains of up to {max(rows)} hops")


def memory() -> int:
    """The most memory the process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main()

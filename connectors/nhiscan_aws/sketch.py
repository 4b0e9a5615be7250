"""Sketch an AWS estate in memory, for tests and benchmarks of the analyzer: `Sketch` makes the records.

Accounts belong to no organisation until one is made. Names stand for identities: the ids are made up, in order.
"""

import json
from collections.abc import Mapping
from typing import Any

from nhiscan.model import AccessUse, Grant, Identity, Policy, Relation, Scope, Setting
from nhiscan.testing.records import MemoryRecords
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.principal import Principal

AS_OF = 1_790_000_000  # 2026-09-21T13:33:20Z
ACCOUNT = "111111111111"
ORGANIZATION = "aws/organization/aws:o-exampleorg1"
ROOT = "aws/organizational_unit/aws:r-abcd"


def policy(*statements: Any, version: str | None = "2012-10-17") -> str:
    document: dict[str, Any] = {"Statement": list(statements)}
    if version is not None:
        document["Version"] = version
    return json.dumps(document)


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal: Any, action: Any = "sts:AssumeRole", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action, **more}


class Sketch:
    """An estate in the making."""

    def __init__(self, reference: str | None) -> None:
        """``reference``: the action data, as `nhiscan_aws.analyzer.reference.reference` gives it."""
        self.records = MemoryRecords(AS_OF, reference)
        self._numbers = 0

    def account(self, number: str = ACCOUNT, *, organization: bool | None = False, unit: str | None = None) -> str:
        """``organization``: whether it is a member (None: that was not read); ``unit``: key of the scope above it."""
        key = f"aws/account/aws:{number}"
        parent = unit or (ROOT if organization else None)
        self.records.add(Scope(key, "aws", "account", f"aws:{number}", parent=parent))
        if organization is None:
            self.records.gap(key, "setting:organization")
        else:
            self._setting(key, "organization.member", number=int(organization))
        if organization:
            self._setting(key, "organization.id", text="o-exampleorg1")
            self._setting(key, "organization.management_account", text="999999999999")
        return key

    def organization(self) -> None:
        self.records.add(
            Scope(ORGANIZATION, "aws", "organization", "aws:o-exampleorg1"),
            Scope(ROOT, "aws", "organizational_unit", "aws:r-abcd", parent=ORGANIZATION),
        )

    def unit(self, name: str, above: str = ROOT) -> str:
        key = f"aws/organizational_unit/aws:{name}"
        self.records.add(Scope(key, "aws", "organizational_unit", f"aws:{name}", parent=above))
        return key

    def guardrail(self, scope: str, name: str, text: str | None, kind: str = "service_control_policy") -> str:
        """A policy of the organisation, attached to a scope."""
        key = f"{scope}|{kind}|{name}"
        digest = None if text is None else self.records.keep(text)
        known = f"{ORGANIZATION}/{kind}/{name}"
        self.records.add(
            Policy(known, ORGANIZATION, kind, name, name, document=digest),
            Grant(key, ORGANIZATION, kind, scope, name, policy=known, document=digest),
        )
        return key

    def _setting(self, scope: str, name: str, number: int | None = None, text: str | None = None) -> None:
        self.records.add(Setting(f"{scope}|{name}", scope, name, number, text))

    def identity(
        self,
        kind: str,
        name: str,
        account: str = ACCOUNT,
        *,
        path: str = "/",
        trusts: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> str:
        scope = f"aws/account/aws:{account}"
        if not any(known.key == scope for known in self.records.scopes()):
            self.account(account)
        self._numbers += 1
        native = {"user": "AIDA", "role": "AROA", "group": "AGPA"}.get(kind, "X") + f"{self._numbers:017d}"
        key = f"{scope}/{kind}/{native}"
        digest = None if trusts is None else self.records.keep(trusts)
        self.records.add(
            Identity(
                key,
                scope,
                kind,
                native,
                name,
                arn=f"arn:aws:iam::{account}:{kind}{path}{name}",
                path=path,
                tags=json.dumps(dict(tags or {}), sort_keys=True),
                trust_document=digest,
            )
        )
        return key

    def user(self, name: str = "user", *texts: str, **more: Any) -> str:
        return self._with(self.identity("user", name, **more), texts)

    def group(self, name: str = "group", *texts: str, **more: Any) -> str:
        return self._with(self.identity("group", name, **more), texts)

    def role(self, name: str = "role", *texts: str, **more: Any) -> str:
        more.setdefault("trusts", policy(trust({"Service": "ec2.amazonaws.com"})))
        return self._with(self.identity("role", name, **more), texts)

    def _with(self, key: str, texts: tuple[str, ...]) -> str:
        for number, text in enumerate(texts):
            self.inline(key, f"p{number}", text)
        return key

    def inline(self, principal: str, name: str, text: str | None, kind: str = "inline_policy") -> str:
        scope = principal.rsplit("/", 2)[0]
        key = f"{principal}|{kind}|{name}"
        digest = None if text is None else self.records.keep(text)
        self.records.add(Grant(key, scope, kind, principal, name, document=digest))
        return key

    def attach(self, principal: str, name: str, text: str | None, kind: str = "attached_policy") -> str:
        """A customer policy, attached (or, by its kind, set as boundary)."""
        scope = principal.rsplit("/", 2)[0]
        account = scope.rpartition(":")[2]
        native = f"ANPA{name}"
        digest = None if text is None else self.records.keep(text)
        known = Policy(
            f"{scope}/customer_policy/{native}",
            scope,
            "customer_policy",
            native,
            name,
            arn=f"arn:aws:iam::{account}:policy/{name}",
            document=digest,
        )
        key = f"{principal}|{kind}|{native}"
        self.records.add(known, Grant(key, scope, kind, principal, name, policy=known.key))
        return key

    def bound(self, principal: str, text: str | None, name: str = "boundary") -> str:
        return self.attach(principal, name, text, "permissions_boundary")

    def join(self, user: str, group: str) -> None:
        self.records.add(Relation(f"member_of|{user}|{group}", user.rsplit("/", 2)[0], "member_of", user, group))

    def used(self, identity: str, service: str, action: str | None = None, at: int | None = AS_OF) -> None:
        """Service last accessed data: ``at`` None: not used in the 400 days that AWS looks back."""
        key = f"{identity}|{service}" + (f"|{action}" if action else "")
        scope = identity.rsplit("/", 2)[0]
        self.records.add(AccessUse(key, scope, identity, service, action, at, None, 400))

    def estate(self) -> Estate:
        return Estate(self.records)

    def principal(self, key: str) -> Principal:
        return self.estate().principals[key]

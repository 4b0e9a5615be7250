"""A small estate in the views of an inventory: who holds what, and two ways to more."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from nhiscan.access.names import Names
from nhiscan.access.paths import Path, paths
from nhiscan.inventory.sql import Sql, empty_sql, fill

HOSTILE = (
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)> & 'quoted'",
    "]]></desc></svg><!--",
    "evil\u202etxt\x1b[31m\x00\ufffe\uffff\ud800",
    'back\\slash\\N \\"quote\\" \\',
    "&lt;b&gt; &amp;",
    "{{ 7*7 }}\nline\tbreak\u2028",
    "名前" * 60,
    "W" * 600,
    "e\u0301" * 200,
)
ARN = "arn:aws:iam::111122223333:"


def hop(source: str, target: str | None, method: str, *actions: str, **more: Any) -> dict[str, Any]:
    allows = [
        {
            "action": action,
            "resource": "*",
            "grant": "g1",
            "statement": "Deploy",
            "conditions": more.get("conditions", []),
        }
        for action in actions
    ]
    step = {"from": source, "to": target, "method": method, "category": more.get("category", "assume_role")}
    return {**step, "allows": allows, "needs": more.get("needs"), "why": more.get("why")}


def row(**more: Any) -> dict[str, Any]:
    """A row of ``escalation_path``; ``steps`` may be given as objects."""
    steps = more.get("steps", [])
    return {
        "key": "u1|chain", "scope": "a", "principal": "u1", "target": "r2", "method": "chain", "category": "chain",
        "outcome": "administrator", "grade": "exploitable_now", "hops": 2, "targets": 1, "action": "sts:AssumeRole",
        "via": "g1", "statement": "Deploy", "conditional": 0, "confidence": "proven", "first_seen_at": 0,
        **more, "steps": steps if isinstance(steps, str) else json.dumps(steps),
    }  # fmt: skip


CHAIN = row(
    steps=[
        hop("u1", "r1", "sts-assume-role", "sts:AssumeRole", why="the role deployer trusts ci-runner"),
        hop(
            "r1", "r2", "iam-passrole-lambda", "iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction",
            "lambda:AddPermission", category="new_passrole", conditions=["aws:SourceIp"], needs="nothing that is there",
        ),
    ]
)  # fmt: skip
ITSELF = row(
    key="u1|iam-attach-user-policy", target="u1", method="iam-attach-user-policy", category="self_escalation", hops=1,
    grade="conditional", confidence="conditional", reason="condition,scp-unread", conditions='["aws:SourceIp"]',
    action="iam:AttachUserPolicy",
    steps=[hop("u1", "u1", "iam-attach-user-policy", "iam:AttachUserPolicy", category="self_escalation")],
)  # fmt: skip
NOWHERE = row(
    key="u1|ssm-sendcommand", target=None, method="ssm-sendcommand", category="existing_passrole", hops=1,
    outcome="more", grade="needs_resource", confidence="possible", reason="resource-unread", via=None, statement=None,
    action="ssm:SendCommand", needs="an instance that runs as a role",
    steps=[hop("u1", None, "ssm-sendcommand", "ssm:SendCommand", category="existing_passrole")],
)  # fmt: skip


@pytest.fixture
def sql() -> Iterator[Sql]:
    made = empty_sql()
    fill(made, "scope", [{"key": "a", "provider": "aws", "kind": "account", "native_id": "aws:1", "name": "acme-prod"}])
    fill(
        made,
        "identity",
        [
            _identity("u1", "user", "ci-runner"),
            _identity("r1", "role", "deployer"),
            _identity("r2", "role", "admin"),
            _identity("gr", "group", "Readers"),
        ],
    )
    fill(made, "policy", [{"key": "p1", "scope": "a", "kind": "customer_policy", "name": "Deploy", "arn": "arn:p1"}])
    fill(
        made,
        "access_grant",
        [
            {"key": "g1", "scope": "a", "kind": "attached_policy", "principal": "u1", "name": "Deploy", "policy": "p1"},
            {"key": "g2", "scope": "a", "kind": "inline_policy", "principal": "gr", "name": "read"},
            {"key": "u1|permissions_boundary|x", "scope": "a", "kind": "permissions_boundary", "principal": "u1",
             "name": "Guard"},
            {"key": "a|service_control_policy|p-1", "scope": "a", "kind": "service_control_policy", "principal": "a",
             "name": "NoUsers"},
        ],
    )  # fmt: skip
    yield made
    made.close()


def _identity(key: str, kind: str, name: str) -> dict[str, Any]:
    return {
        "key": key,
        "scope": "a",
        "kind": kind,
        "native_id": key.upper(),
        "name": name,
        "arn": f"{ARN}{kind}/{name}",
    }


@pytest.fixture
def names(sql: Sql) -> Names:
    return Names(sql)


def read(sql: Sql, names: Names, *rows: Mapping[str, Any]) -> list[Path]:
    """The paths of these rows, in the order given."""
    fill(sql, "escalation_path", rows)
    found = {way.row.key: way for way in paths(sql, names, "1 = 1", {})}
    sql.run("DELETE FROM escalation_path")
    return [found[one["key"]] for one in rows]

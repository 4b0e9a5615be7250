"""A connector and an analyzer of somebody else: Keep, a cloud whose estate is one file and whose policies are lists.

A policy document names actions: ``{"allow": ["*"], "deny": ["vault:open"], "become": ["R1"]}``. ``if`` names a
condition for an action, and ``used`` what the identity has used. An identity that is allowed ``*`` is an administrator;
``become`` names the identities that it can become.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from nhiscan.analyzer import Access, Analyzer, Deciding, Decision, Records
from nhiscan.connector import Connector, Context, Failure, Option, Reader, Settings, Source
from nhiscan.model import (
    Alias,
    Derived,
    Document,
    EffectiveAccess,
    EscalationPath,
    Grant,
    Identity,
    Privilege,
    Record,
    Scope,
    Trust,
)

# --- the connector ---


class Refused(Exception):
    pass


class Door:
    def __init__(self, scope: Scope, estate: Mapping[str, Any]) -> None:
        self.scope = scope
        self.estate = estate

    def close(self) -> None:
        pass


class Session:
    def __init__(self, settings: Settings) -> None:
        self._accounts: dict[str, Any] = json.loads(Path(settings["file"]).read_text(encoding="utf-8"))
        self._only: Sequence[str] = settings["account"] or sorted(self._accounts)

    def caller(self) -> Mapping[str, str]:
        return {"principal": "porter"}

    def scopes(self) -> list[Scope]:
        return [Scope(f"keep/account/{name}", "keep", "account", name, name, None, "active") for name in self._only]

    def enter(self, scope: Scope) -> Door:
        return Door(scope, self._accounts[scope.native_id])

    def close(self) -> None:
        pass


def _everybody(door: Door, _: Reader) -> Iterator[Record]:
    for one in door.estate["identities"]:
        key = f"{door.scope.key}/{one['kind']}/{one['id']}"
        arn = f"keep:{door.scope.native_id}:{one['kind']}/{one['name']}"
        yield Identity(key, door.scope.key, one["kind"], one["id"], one["name"], arn, tags="{}", source="keep.all")
        yield Alias(f"{key}|arn|{arn}", door.scope.key, key, "arn", arn, "keep.all")
        for name, policy in sorted(one.get("policies", {}).items()):
            text = json.dumps(policy, sort_keys=True)
            digest = hashlib.sha256(text.encode()).hexdigest()
            yield Document(digest, "policy", text)
            yield Grant(
                f"{key}|inline_policy|{name}", door.scope.key, "inline_policy", key, name, document=digest,
                source="keep.all",
            )  # fmt: skip
    if door.estate.get("broken"):
        raise Refused


_ALL = Source(
    "keep.all",
    _everybody,
    lists=frozenset({"identity:user", "identity:role", "alias", "access_grant:inline_policy"}),
)

CONNECTOR = Connector(
    "keep",
    "Keep",
    (Option("file", "The estate.", kind="path"), Option("account", "Only this account.", repeatable=True)),
    lambda _: (_ALL,),
    lambda settings, _: Session(settings),
    lambda _: Failure("failed", message="refused"),
    lambda _: "all",
)


def _unused(_: Context) -> None:  # a connector is given one; this one makes no calls
    pass


# --- the analyzer ---


class Estate:
    """What `nhiscan.analyzer.Access` promises."""

    def __init__(self, records: Records) -> None:
        self.identities: dict[str, Identity] = {}
        self.policies: dict[str, list[tuple[Grant, dict[str, Any]]]] = {}
        for scope in records.scopes():
            for identity in records.identities(scope.key):
                self.identities[identity.key] = identity
                self.policies[identity.key] = []
            for grant in records.grants(scope.key):
                document = records.document(grant.document or "")
                if document and grant.principal in self.policies:
                    self.policies[grant.principal].append((grant, json.loads(document.text)))
        self._by_id = {one.native_id: key for key, one in self.identities.items()}

    def decide(self, principal: str, action: str, resource: str) -> Decision:
        found: list[Deciding] = []
        conditions: list[str] = []
        for grant, policy in self.policies[principal]:
            for effect in ("deny", "allow"):
                for place, pattern in enumerate(policy.get(effect, ()), start=1):
                    if pattern in ("*", action):
                        keys = (policy["if"][pattern],) if pattern in policy.get("if", {}) else ()
                        conditions += keys
                        found.append(Deciding("identity", effect, grant.key, grant.name, str(place), keys))
        if any(one.effect == "deny" for one in found):
            return Decision("denied", tuple(found), (), f"A policy denies {action} on {resource}.")
        if not found:
            return Decision(
                "denied", (Deciding("identity", "no-allow", principal, "", ""),), (), "No policy allows it."
            )
        verdict = "conditional" if conditions else "allowed"
        return Decision(verdict, tuple(found), ("condition",) if conditions else (), f"A policy allows {action}.")

    def who_can(self, action: str, resource: str) -> Iterator[tuple[str, Decision]]:
        for key in sorted(self.identities):
            decision = self.decide(key, action, resource)
            if decision.verdict in ("allowed", "conditional"):
                yield key, decision

    def reaches(self, principal: str) -> Sequence[str]:
        return sorted(set(self._routes(principal)) - {principal})

    def reached_by(self, identity: str) -> Sequence[str]:
        return [key for key in sorted(self.identities) if identity in self.reaches(key)]

    def right_sized(self, principal: str) -> str | None:
        used = [policy["used"] for _, policy in self.policies[principal] if "used" in policy]
        return json.dumps({"allow": sorted(used[0])}) if used else None

    def _routes(self, principal: str) -> dict[str, list[tuple[str, Grant, str]]]:
        """Whom it can become -> the hops there, the fewest: (from, grant, to)."""
        routes: dict[str, list[tuple[str, Grant, str]]] = {principal: []}
        todo = [principal]
        while todo:
            here = todo.pop(0)
            for grant, policy in self.policies[here]:
                for name in policy.get("become", ()):
                    there = self._by_id.get(name)
                    if there is not None and there not in routes:
                        routes[there] = [*routes[here], (here, grant, there)]
                        todo.append(there)
        return routes

    def rows(self) -> Iterator[Derived]:
        for key, identity in sorted(self.identities.items()):
            policies = self.policies[key]
            admin = [grant for grant, policy in policies if "*" in policy.get("allow", ())]
            held = [grant for grant, policy in policies if "*" in policy.get("deny", ())]
            for grant in admin:
                yield EffectiveAccess(
                    f"{grant.key}|*", identity.scope, key, "administrator", "administrator", "*", "*", 99, "*", 1,
                    "denied" if held else "allowed", grant.key, "1",
                    limited_by=json.dumps([f"identity|{held[0].key}|1"]) if held else None, confidence="proven",
                )  # fmt: skip
            best: str | None = None
            far: int | None = None
            for there, hops in sorted(self._routes(key).items(), key=lambda route: (len(route[1]), route[0])):
                if best is None and hops and self._is_administrator(there):
                    best, far = f"{key}|chain", len(hops)
                    yield _path(best, identity, there, hops, self.identities)
            level = "administrator" if admin and not held else "escalates_to_administrator" if best else "read"
            effect = "denied" if admin and held else "allowed"
            yield Privilege(
                key, identity.scope, level, "administrator" if admin else "read", effect,
                best, far, len(self.reaches(key)), len(self.reached_by(key)),
                json.dumps({level: ["*"]} if admin and not held else {"read": ["vault"]}),
                limited_by=json.dumps([f"identity|{held[0].key}|1"]) if admin and held else None, confidence="proven",
            )  # fmt: skip
            for grant, policy in policies:
                for name in policy.get("become", ()):
                    if known := self._by_id.get(name):
                        yield Trust(
                            f"{known}|{key}|{grant.name}", self.identities[known].scope, known, "identity",
                            identity.arn or "", identity.scope, 0, 0, 0, None, "1", confidence="proven",
                        )  # fmt: skip

    def _is_administrator(self, key: str) -> bool:
        lists = [policy for _, policy in self.policies[key]]
        return any("*" in one.get("allow", ()) for one in lists) and not any(
            "*" in one.get("deny", ()) for one in lists
        )


def _path(
    key: str,
    principal: Identity,
    target: str,
    hops: Sequence[tuple[str, Grant, str]],
    identities: Mapping[str, Identity],
) -> EscalationPath:
    steps = [
        {
            "from": here,
            "to": there,
            "method": "keep-become",
            "category": "assume_role",
            "allows": [
                {"action": "keep:become", "resource": there, "grant": grant.key, "statement": "1", "conditions": []}
            ],
            "needs": None,
            "why": f"{identities[here].name} may become {identities[there].name}",
        }
        for here, grant, there in hops
    ]
    return EscalationPath(
        key, principal.scope, principal.key, target, "chain", "chain", "administrator", "exploitable_now", len(hops), 1,
        json.dumps(steps), "keep:become", hops[0][1].key, "1", confidence="proven",
    )  # fmt: skip


def _derive(records: Records) -> Iterator[Derived]:
    return Estate(records).rows()


def _open(records: Records) -> Access:
    return Estate(records)


ANALYZER = Analyzer(
    "keep",
    reads=frozenset({"identity:user", "identity:role", "access_grant:inline_policy"}),
    gives=frozenset({"effective_access", "escalation_path", "privilege", "trust"}),
    derive=_derive,
    open=_open,
)
MUTE = Analyzer("keep", ANALYZER.reads, ANALYZER.gives, _derive)
"""The same, but for questions."""

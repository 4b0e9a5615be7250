"""Roles: what a binding gives, by the definitions that the scan stored."""

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nhiscan.analyzer import Records
from nhiscan.model import Grant, Policy
from nhiscan_gcp.analyzer.permissions import Table

DISABLED = "DISABLED"
"""Launch stage of a role that is switched off. Source: "Disabling a custom role"."""


class Role(NamedTuple):
    """A role that is bound somewhere."""

    name: str
    policy: str | None  # key of its Policy
    custom: bool
    mask: int  # its permissions
    reason: str | None = None  # ACCESS_REASONS: why nobody knows what it holds; None: it is known


class Roles:
    """The roles of all planned scopes. A custom role that is deleted or disabled holds nothing."""

    def __init__(self, records: Records, scopes: Iterable[str]) -> None:
        self._complete: dict[str, bool] = {}
        self._records = records
        self._held: dict[str, frozenset[str] | None] = {}  # digest -> permissions; None: it cannot be read
        self._policies: dict[str, Policy] = {}
        self._planned = frozenset(scopes)
        for scope in sorted(self._planned):
            for policy in records.policies(scope):
                self._policies[policy.key] = policy
                if policy.document is not None and policy.document not in self._held:
                    self._held[policy.document] = _permissions(records, policy.document)
        self.table = Table(name for held in self._held.values() for name in held or ())
        self._masks: Mapping[str, int | None] = {
            digest: None if held is None else self.table.mask(held) for digest, held in self._held.items()
        }
        self._roles: dict[tuple[str | None, str], Role] = {}

    def of(self, grant: Grant) -> Role:
        """The role that a grant gives."""
        found = self._roles.get((grant.policy, grant.name))
        if found is None:
            found = self._roles[(grant.policy, grant.name)] = self._role(grant)
        return found

    def _role(self, grant: Grant) -> Role:
        custom = not grant.name.startswith("roles/")
        policy = self._policies.get(grant.policy or "")
        if policy is None:
            gone = custom and self._all_read(_home(grant.name))
            return Role(grant.name, grant.policy, custom, 0, None if gone else "document-unread")
        if policy.document is None:
            return Role(grant.name, policy.key, custom, 0, "document-unread")
        mask = self._masks[policy.document]
        if mask is None:
            text = self._records.document(policy.document)
            return Role(grant.name, policy.key, custom, 0, "document-unread" if text is None else "document-unreadable")
        return Role(grant.name, policy.key, custom, mask)

    def _all_read(self, scope: str) -> bool:
        """Whether all custom roles of a scope are known, so that one that is not among them is gone."""
        if scope not in self._complete:
            read = scope in self._planned and self._records.complete(scope, "policy:role_definition")
            self._complete[scope] = read
        return self._complete[scope]


def _home(role: str) -> str:
    """Key of the scope in which a custom role was made."""
    kind, _, rest = role.partition("/")
    owner = rest.partition("/roles/")[0]
    return f"gcp/{kind.removesuffix('s')}/{owner}"


def _permissions(records: Records, digest: str) -> frozenset[str] | None:
    document = records.document(digest)
    if document is None:
        return None
    try:
        found = json.loads(document.text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("includedPermissions"), list):
        return None
    if found.get("stage") == DISABLED:
        return frozenset()
    return frozenset(one for one in found["includedPermissions"] if isinstance(one, str))

"""What an account has above it: the organisation, its units, and their policies.

Source: AWS Organizations User Guide, "SCP evaluation" (an allow is needed at the root, at each unit and at the
account), "SCP effects on permissions" and "Resource control policies" (neither touches the management account, nor
service-linked roles).
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from nhiscan.analyzer import Records
from nhiscan.model import Grant, Scope, Setting
from nhiscan_aws.analyzer.facts import NOT_KNOWN, Membership

SCP = "service_control_policy"
RCP = "resource_control_policy"
UNREAD = "scp-unread"
_MOST_LEVELS = 20


class Standing(NamedTuple):
    """An account within its organisation."""

    membership: Membership
    exempt: bool  # no policy of the organisation touches it: it is in none, or it is the management account
    known: bool  # whether `exempt` is known
    levels: tuple[str, ...]  # keys of the scopes from the account up to the root; () where they are not known


class Guardrails:
    """Policies of the organisations, by the scope they are attached to."""

    def __init__(self, records: Records, scopes: Mapping[str, Scope]) -> None:
        self._scopes = scopes
        self._grants: dict[str, dict[str, list[Grant]]] = {SCP: {}, RCP: {}}
        self._read: dict[tuple[str, str], bool] = {}
        self._used: set[tuple[str, str]] = set()
        for scope in scopes.values():
            if scope.kind != "organization":
                continue
            for kind in (SCP, RCP):
                self._read[(scope.key, kind)] = records.complete(scope.key, f"access_grant:{kind}")
            for grant in records.grants(scope.key):
                if grant.kind in self._grants:
                    self._grants[grant.kind].setdefault(grant.principal, []).append(grant)
                    self._used.add((scope.key, grant.kind))

    def grants(self) -> Sequence[Grant]:
        return [grant for by_scope in self._grants.values() for some in by_scope.values() for grant in some]

    def levels(self, standing: Standing, kind: str) -> list[list[Grant]] | None:
        """The policies of one kind at each level; [] where none apply; None where they were not read."""
        if standing.exempt and standing.known:
            return []
        if not standing.known or not standing.levels:
            return None
        organization = self._organization(standing.levels[-1])
        if organization is None or not self._read.get((organization, kind), False):
            return None
        if (organization, kind) not in self._used:
            return []  # the kind is not switched on
        return [sorted(self._grants[kind].get(level, ()), key=lambda grant: grant.key) for level in standing.levels]

    def standing(self, records: Records, account: Scope, settings: Sequence[Setting]) -> Standing:
        """Where an account stands."""
        known = {setting.name: setting for setting in settings if setting.name.startswith("organization.")}
        member = known["organization.member"].number if "organization.member" in known else None
        if member is None or not records.complete(account.key, "setting:organization"):
            return Standing(NOT_KNOWN, exempt=False, known=False, levels=())
        if not member:
            return Standing(Membership((), ()), exempt=True, known=True, levels=())
        number = account.native_id.partition(":")[2]
        manager = known["organization.management_account"].text if "organization.management_account" in known else None
        name = known["organization.id"].text if "organization.id" in known else None
        levels = self._levels(account)
        path = None
        if name and levels:
            above = [self._scopes[level].native_id.partition(":")[2] for level in reversed(levels[1:])]
            path = ("/".join([name, *above]) + "/",)
        membership = Membership((name,) if name else None, path)
        return Standing(membership, exempt=manager == number, known=True, levels=levels)

    def _levels(self, account: Scope) -> tuple[str, ...]:
        """From the account up to the root; () where a link is missing."""
        found = [account.key]
        scope = account
        while scope.parent is not None and len(found) < _MOST_LEVELS:
            above = self._scopes.get(scope.parent)
            if above is None:
                return ()
            if above.kind == "organization":
                return tuple(found) if len(found) > 1 else ()
            found.append(above.key)
            scope = above
        return ()

    def _organization(self, root: str) -> str | None:
        scope = self._scopes.get(root)
        return None if scope is None else scope.parent

"""What ``nhiscan access`` asks: can this principal do that, who can, what can it become."""

from collections.abc import Iterator, Sequence

from nhiscan.analyzer import Deciding, Decision
from nhiscan_azure.analyzer import patterns
from nhiscan_azure.analyzer.escalation.search import Search
from nhiscan_azure.analyzer.estate import Estate, Principal
from nhiscan_azure.analyzer.verdict import Answer, check

_BLIND = frozenset({"document-unread", "document-unreadable", "grants-unread", "membership-unread"})
_WORDS = {
    "condition": "a condition decides",
    "unknown-action": "no role definition names the action",
    "eligible": "it has to activate the role first",
    "delegated": "only for a user who signs in, and within that user's rights",
    "deny-policy-unread": "the deny assignments were not read",
    "document-unread": "a role definition was not read",
    "document-unreadable": "a role definition cannot be read",
    "grants-unread": "not all assignments were read",
    "membership-unread": "the members of groups were not read",
}


class Questions:
    """Implements `nhiscan.analyzer.Access`. An application is asked about as its principal."""

    def __init__(self, estate: Estate, search: Search) -> None:
        self.estate = estate
        self._search = search

    def decide(self, principal: str, action: str, resource: str) -> Decision:
        """Can the identity with the key ``principal`` do ``action`` on ``resource`` ("*": on something)?

        Actions are compared without case. ``graph:NAME`` is an application permission of Microsoft Graph,
        ``microsoft.directory/...`` an action of the directory, everything else one of Resource Manager.
        """
        asking = self._principal(principal)
        if asking is None:
            return Decision("unknown", (), (), f"nothing is known of what {principal} may do")
        return self._decide(asking, action, resource)

    def who_can(self, action: str, resource: str) -> Iterator[tuple[str, Decision]]:
        """Every principal for which `decide` says allowed or conditional, sorted by key."""
        for key, principal in self.estate.principals.items():
            if principal.held:
                decision = self._decide(principal, action, resource)
                if decision.verdict in ("allowed", "conditional"):
                    yield key, decision

    def reaches(self, principal: str) -> Sequence[str]:
        return self._search.reaches(self._key(principal))

    def reached_by(self, identity: str) -> Sequence[str]:
        return self._search.reached_by(self._key(identity))

    def right_sized(self, principal: str) -> str | None:  # noqa: ARG002
        """None: no source tells which actions a principal of Azure has used."""
        return None

    def _key(self, key: str) -> str:
        found = self._principal(key)
        return key if found is None else found.key

    def _principal(self, key: str) -> Principal | None:
        principals = self.estate.principals
        known = principals.get(key) or self.estate.groups.get(key)
        for one in self.estate.principals_of.get(key, ()) if known is None else ():
            known = known or principals.get(one)
        return known

    def _decide(self, principal: Principal, action: str, resource: str) -> Decision:
        answer = check(self.estate, principal, action, resource)
        reasons = set(answer.reasons)
        gaps = set(self.estate.gaps(principal))
        over_directory = patterns.over_directory(action) or action.lower().startswith(patterns.GRAPH)
        if not over_directory and not self.estate.heard_of(action.lower()):
            reasons.add("unknown-action")
        if answer.state == "denied":
            reasons |= gaps & _BLIND
            verdict = "unknown" if reasons & _BLIND and not answer.denies else "denied"
        else:
            if not over_directory:
                reasons |= gaps & {"deny-policy-unread"}
            verdict = "conditional" if reasons else "allowed"
        return Decision(
            verdict,
            tuple(self._deciding(principal, answer)),
            tuple(sorted(reasons)),
            _sentence(principal, action, resource, verdict, answer, reasons),
        )

    def _deciding(self, principal: Principal, answer: Answer) -> Iterator[Deciding]:
        for allow in answer.allows:
            grant = allow.held.grant
            layer = "identity" if grant.principal == principal.key else "group"
            name = allow.held.role.name
            yield Deciding(layer, "allow", grant.key, name, allow.statement, allow.conditions)
        for deny in answer.denies:
            yield Deciding("deny_assignment", "deny", deny.grant.key, deny.grant.name, "")
        if not answer.allows and not answer.denies:
            yield Deciding("identity", "no-allow", "no role assignment or permission allows it", "", "")


def _sentence(principal: Principal, action: str, resource: str, verdict: str, answer: Answer, reasons: set[str]) -> str:
    on = "something" if resource == "*" else resource
    name = principal.identity.name
    why = "; ".join(_WORDS.get(reason, reason) for reason in sorted(reasons))
    if answer.conditions and reasons:
        why += f" ({', '.join(answer.conditions)})"
    if verdict == "allowed":
        return f"{name} can do {action} on {on}."
    if verdict == "conditional":
        return f"{name} can do {action} on {on} as far as is known: {why}."
    if verdict == "unknown":
        return f"Whether {name} can do {action} on {on} is not known: {why}."
    by = "a deny assignment takes it away" if answer.denies else "no role or permission that it holds allows it"
    return f"{name} cannot do {action} on {on}: {by}{'; ' + why if why else ''}."

"""Answers to "can it do this" and "who can", with the bindings that decide."""

from collections.abc import Iterator, Mapping, Sequence

from nhiscan.analyzer import Deciding, Decision
from nhiscan.doubts import reasons as in_words
from nhiscan_gcp.analyzer.conditions import NO, Facts
from nhiscan_gcp.analyzer.escalation.search import Search
from nhiscan_gcp.analyzer.estate import UNREAD, Answer, Estate, Principal, Target
from nhiscan_gcp.analyzer.holding import Holding
from nhiscan_gcp.analyzer.permissions import service_of
from nhiscan_gcp.analyzer.rightsize import right_sized

_BLIND = frozenset({"document-unread", "document-unreadable", "grants-unread"})
_ACCOUNTS = "/serviceAccounts/"


class Questions:
    """Implements `nhiscan.analyzer.Access`."""

    def __init__(self, estate: Estate, holdings: Mapping[str, Holding], ways: Search) -> None:
        self.estate = estate
        self._holdings = holdings
        self._ways = ways

    def decide(self, principal: str, action: str, resource: str) -> Decision:
        """Can the identity with the key ``principal`` do ``action`` on ``resource`` ("*": somewhere)?

        ``resource``: a project, folder, organisation or account in Google's words or by key, or the name of something
        in a project.
        """
        asking = self.estate.principals.get(principal)
        if asking is None:
            return Decision("unknown", (), (), f"nothing is known of what {principal} may do")
        return self._decide(asking, action, resource)

    def who_can(self, action: str, resource: str) -> Iterator[tuple[str, Decision]]:
        """Every account and pool for which `decide` says allowed or conditional, sorted by key."""
        bit = self.estate.table.bit(action)
        for key in sorted(self._holdings):
            holding = self._holdings[key]
            if holding.principal.kind != "agent" and bit & holding.possible:
                decision = self._decide(holding.principal, action, resource)
                if decision.verdict in ("allowed", "conditional"):
                    yield key, decision

    def reaches(self, principal: str) -> Sequence[str]:
        return self._ways.reaches(principal)

    def reached_by(self, identity: str) -> Sequence[str]:
        return self._ways.reached_by(identity)

    def right_sized(self, principal: str) -> str | None:
        asking = self.estate.principals.get(principal)
        return None if asking is None else right_sized(self.estate, asking)

    def _decide(self, principal: Principal, action: str, resource: str) -> Decision:
        answer = max(
            (self.estate.check(principal, action, target) for target in self._targets(principal, action, resource)),
            key=lambda one: one.answer,
            default=Answer(NO),
        )
        reasons = set(answer.reasons)
        if answer.answer == NO:
            reasons.update(self.estate.gaps(principal))
            if principal.kind == "service_account" and self._groups_may(action, resource):
                reasons.add("membership-unread")
            verdict = "unknown" if reasons else "denied"
        else:
            reasons.add(UNREAD)
            verdict = "conditional"  # a deny policy may take it away
        if not self.estate.table.bit(action):
            reasons.add("unknown-action")
        statements = [
            Deciding(
                "identity",
                "allow",
                allow.binding.grant.key,
                allow.binding.role.name,
                "",
                tuple(sorted(allow.outcome.keys)),
            )
            for allow in answer.allows
        ]
        if not statements:
            statements = [Deciding("identity", "no-allow", "no binding gives it", "", "")]
        return Decision(
            verdict, tuple(statements), tuple(sorted(reasons)), _sentence(principal, action, resource, verdict, reasons)
        )

    def _groups_may(self, action: str, resource: str) -> bool:
        bit = self.estate.table.bit(action)
        given = [one for group in self.estate.groups for one in group.bindings]
        some = [one for one in given if one.role.mask & bit or one.role.reason is not None]
        chains = [target.chain for target in self._named(resource)] if resource != "*" else None
        return any(chains is None or any(one.place in chain for chain in chains) for one in some)

    def _targets(self, principal: Principal, action: str, resource: str) -> list[Target]:
        if resource != "*":
            return self._named(resource)
        facts = self.estate.any_new(service_of(action))
        if action.startswith("iam.serviceAccount"):
            facts = self.estate.any_account
        return [Target((place,), facts) for place in dict.fromkeys(one.place for one in principal.all)]

    def _named(self, resource: str) -> list[Target]:
        """What a text names: a place, or something that lies in the project it begins with."""
        if resource in self.estate.accounts or resource in self.estate.tree.nodes:
            return [self.estate.target(resource)]
        name = resource.removeprefix("//").partition("googleapis.com/")[2] or resource.removeprefix("//")
        if _ACCOUNTS in name or name in self.estate.emails:
            account = name.rpartition(_ACCOUNTS)[2] if _ACCOUNTS in name else name
            known = self.estate.emails.get(account)
            known = known or next((key for key in self.estate.accounts if key.endswith(f"/{account}")), None)
            return [self.estate.target(known)] if known else []
        for key, node in self.estate.tree.nodes.items():
            if name == node.resource:
                return [self.estate.target(key)]
        kind, _, rest = name.partition("/")
        project = self.estate.numbers.get(rest.partition("/")[0]) if kind == "projects" else None
        if project is not None:
            facts = Facts(self.estate.records.as_of, name=frozenset({name}))
            return [Target(self.estate.tree.nodes[project].chain, facts)]
        return []


def _sentence(principal: Principal, action: str, resource: str, verdict: str, reasons: set[str]) -> str:
    on = "some resource" if resource == "*" else resource
    why = in_words(sorted(reasons))
    if verdict == "conditional":
        return f"{principal.name} can do {action} on {on} as far as is known: {why}."
    if verdict == "unknown":
        return f"Whether {principal.name} can do {action} on {on} is not known: {why}."
    return f"{principal.name} cannot do {action} on {on}: no binding gives it{'; ' + why if why else ''}."

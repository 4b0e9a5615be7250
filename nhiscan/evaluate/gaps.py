"""Which scopes of a scan cannot be judged by a rule, because something that it needs was not read completely."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from nhiscan.rule import Need, Rule


class PlannedScope(NamedTuple):
    """A scope of the plan: key, kind (of `nhiscan.model.SCOPE_KINDS`) and name of its connector."""

    key: str
    kind: str
    provider: str


class NeedRow(NamedTuple):
    """A row of the view ``need``: is this kind or fact completely known in this scope?"""

    scope: str
    need: Need
    complete: bool


def gaps(rule: Rule, scopes: Iterable[PlannedScope], needs: Iterable[NeedRow]) -> Mapping[str, str]:
    """Scope -> reason code of the engine, for each planned scope in which the rule's needs are not met.

    A need is judged in a scope by the rows that say something about it. A scope without such rows has nothing of that
    sort, which is no gap. ``person`` is needed everywhere at once: the roster must be there and be complete, or no
    scope but the registers themselves can be judged. Scopes of providers that the rule is not about have no gap: they
    are not judged at all.
    """
    scopes = tuple(scopes)
    wanted = [Need.parse(text) for text in rule.needs]
    relevant = [row for row in needs if any(need.covers(row.need) for need in wanted)]
    found = {row.scope: "coverage" for row in relevant if not row.complete}
    if any(need.table == "person" for need in wanted):
        people = [row for row in relevant if row.need.table == "person"]
        if not people or not all(row.complete for row in people):
            registered = people or any(scope.kind == "register" for scope in scopes)
            reason = "roster-incomplete" if registered else "no-roster"
            found = {scope.key: reason for scope in scopes if scope.kind != "register"} | found
    planned = {scope.key for scope in scopes if rule.applies(scope.provider)}
    return {scope: reason for scope, reason in sorted(found.items()) if scope in planned}

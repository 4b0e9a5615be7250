"""A policy with what a principal has used and nothing that it does not have.

Statements are taken from the policies it has, with their resources and conditions; their actions are cut down to the
services that were used within the tracking period, less the actions that AWS tracks there and saw no use of. Every Deny
stays. Source of what is tracked: IAM User Guide, "IAM action last accessed information services and actions".
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.actions import ActionTable
from nhiscan_aws.analyzer.documents import Rule
from nhiscan_aws.analyzer.estate import Estate
from nhiscan_aws.analyzer.layers import Held
from nhiscan_aws.analyzer.principal import Principal
from nhiscan_aws.analyzer.statements import VARIABLES_SINCE, Statement, read

_NOTHING = {"Effect": "Deny", "Action": "*", "Resource": "*"}


def right_sized(estate: Estate, principal: Principal) -> str | None:
    """The policy as JSON; None where nothing is known of use. One that denies everything: nothing was used."""
    uses = [use for use in estate.records.uses(principal.scope) if use.identity == principal.key]
    if not uses:
        return None
    table = estate.table
    used = {use.service for use in uses if use.used_at is not None}
    kept = 0
    for service in used:
        kept |= table.mask(f"{service}:*")
    for use in uses:
        if use.action is not None and use.used_at is None:
            kept &= ~table.bit(use.action)
    kept &= principal.possible
    allowed: list[dict[str, Any]] = []
    denied: list[dict[str, Any]] = []
    for held, document in zip(principal.policies, principal.layer.documents, strict=True):
        conditions = _conditions(estate, held)
        for rule in document.rules if document is not None else ():
            found = conditions.get(rule.number, {})
            if not rule.allow:
                written = [_spelled(pattern, table) for pattern in rule.patterns]
                denied.append(_statement(rule, written, found, negated=rule.excepted))
            elif actions := tuple(_kept(rule, kept, principal.granted & ~kept, used, table)):
                allowed.append(_statement(rule, actions, found, negated=False))
    statements = _once(allowed) + _once(denied) if allowed else [_NOTHING]
    return json.dumps({"Version": VARIABLES_SINCE, "Statement": statements}, separators=(",", ":"))


def _kept(rule: Rule, kept: int, dropped: int, used: set[str], table: ActionTable) -> Iterator[str]:
    """Action patterns for what is kept of a statement: as written, where nothing of it is dropped, else by name."""
    granted = table.together(rule.patterns)
    if rule.excepted:
        granted = table.everything & ~granted
    rest = granted & kept
    found: set[str] = set()
    for service in sorted(used):
        whole = table.mask(f"{service}:*")
        named = any(patterns.covers(one, f"{service}:*") for one in rule.patterns)
        if rule.excepted:
            named = whole & ~granted == 0 and not whole & table.unknown
        if named and granted & kept & whole and not whole & dropped:
            found.add(f"{service}:*")
            rest &= ~whole
    for pattern in rule.patterns if not rule.excepted else ():
        mask = table.mask(pattern)
        if mask & rest and not mask & dropped:
            found.add(_spelled(pattern, table))
            rest &= ~mask
    # What an unknown pattern stands for may reach into what NotAction leaves out.
    found.update(name for name in table.names(rest) if not rule.excepted or not patterns.has_wildcard(name))
    return iter(sorted(found))


def _spelled(pattern: str, table: ActionTable) -> str:
    """A pattern, read without regard to case, in the letters that AWS uses: ``s3:get*`` is ``s3:Get*``."""
    fixed, star, rest = pattern.partition("*")
    names = table.names(table.mask(pattern))
    if not names or "?" in fixed or rest or any(name[: len(fixed)] != names[0][: len(fixed)] for name in names):
        return pattern
    return names[0][: len(fixed)] + star


def _conditions(estate: Estate, held: Held) -> dict[int, Mapping[str, Any]]:
    """The condition blocks of a policy as written, by the number of their statement."""
    document = estate.records.document(held.digest) if held.digest else None
    statements = read(document.text) if document is not None else ()
    return {one.number: one.conditions for one in statements if isinstance(one, Statement)}


def _statement(rule: Rule, actions: Sequence[str], conditions: Mapping[str, Any], *, negated: bool) -> dict[str, Any]:
    resources = [
        _written(one if isinstance(one, str) else one.text, variables=rule.variables) for one in rule.resources
    ]
    statement: dict[str, Any] = {
        "Effect": "Allow" if rule.allow else "Deny",
        "NotAction" if negated else "Action": list(actions),
        "NotResource" if rule.spared else "Resource": resources,
    }
    if conditions:
        statement["Condition"] = _condition(conditions, variables=rule.variables)
    return statement


def _written(text: str, *, variables: bool) -> str:
    """A text as it has to stand in a policy of the present version: there ``${`` begins a variable."""
    if not variables:
        return text.replace("${", "${$}{")
    return text.replace(patterns.escaped("*"), "${*}").replace(patterns.escaped("?"), "${?}")


def _condition(value: Any, *, variables: bool) -> Any:
    if isinstance(value, dict):
        return {key: _condition(one, variables=variables) for key, one in value.items()}
    if isinstance(value, list):
        return [_condition(one, variables=variables) for one in value]
    return value.replace("${", "${$}{") if isinstance(value, str) and not variables else value


def _once(statements: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Each statement once, in their order."""
    return list({json.dumps(one, sort_keys=True): one for one in statements}.values())

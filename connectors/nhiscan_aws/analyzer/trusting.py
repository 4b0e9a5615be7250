"""Trust documents: whom they let in, and under which conditions.

Source: IAM User Guide, "AWS JSON policy elements: Principal" and "Policy evaluation logic". An account stands for all
of its principals, whose own policies then have to allow it, too; a principal that is named, or anybody (``*``), needs
nothing more within the same account. A unique id stands where a principal was deleted.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from nhiscan_aws.analyzer import patterns
from nhiscan_aws.analyzer.conditions import HOLDS, MAYBE, NO, YES, BadCondition, Outcome, Test, compiled, evaluate
from nhiscan_aws.analyzer.facts import Facts
from nhiscan_aws.analyzer.statements import Statement, Unreadable, read

ASSUME = "sts:assumerole"
BECOMING = (ASSUME, "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
TAGGING = "sts:tagsession"

_ACCOUNT = re.compile(r"[0-9]{12}")
_UNIQUE_ID = re.compile(r"A[A-Z0-9]{3}[A-Z0-9]{12,125}")  # AIDA..., AROA...
_SESSION = re.compile(r"arn:[^:]*:sts::([0-9]{12}):assumed-role/([^/]+)/(.+)", re.DOTALL)


class Door(NamedTuple):
    """One principal that an Allow statement of a trust document names."""

    kind: str  # TRUST_PRINCIPAL_KINDS
    value: str  # account id, ARN, service name, provider ARN, "*"; "not:..." for NotPrincipal
    statement: str  # Sid, or its number
    number: int  # of the statement, from 1
    actions: tuple[str, ...]  # those of BECOMING that it lets in
    conditions: tuple[str, ...]  # condition keys, as written, sorted


class Who(NamedTuple):
    """Somebody who asks to be let in."""

    kind: str  # "identity" | "service" | "federated"
    value: str  # ARN, service principal, ARN or host name of the provider
    account: str = ""  # of an identity
    native_id: str = ""  # of an identity
    role: str = ""  # name of a role, without its path


class Entry(NamedTuple):
    """What a trust document says to somebody."""

    named: Outcome  # the answer of the statements that name the principal itself, or anybody
    boundary: bool  # `named` holds only as far as its permissions boundary goes
    delegated: Outcome  # the answer of the statements that name its account
    denied: Outcome
    by: tuple["TrustRule", ...]  # the Allow statements that let it in
    against: tuple["TrustRule", ...]  # the Deny statements that may not


class TrustRule:
    """One statement of a trust document."""

    __slots__ = ("statement", "tests")

    def __init__(self, statement: Statement, tests: tuple[Test, ...]) -> None:
        self.statement = statement
        self.tests = tests

    def lets_in(self, action: str) -> bool:
        statement = self.statement
        if statement.not_actions is not None:
            return not patterns.any_matches(statement.not_actions, action)
        return patterns.any_matches(statement.actions or (), action)

    @property
    def actions(self) -> tuple[str, ...]:
        return tuple(action for action in BECOMING if self.lets_in(action))

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(sorted({test.written for test in self.tests}))


class Trust:
    """A trust document."""

    __slots__ = ("rules", "unreadable")

    def __init__(self, rules: tuple[TrustRule, ...], unreadable: tuple[Unreadable, ...]) -> None:
        self.rules = rules
        self.unreadable = unreadable

    @property
    def tags_sessions(self) -> bool:
        """Whether somebody may bring tags when becoming the role."""
        return bool(self.unreadable) or any(rule.statement.allow and rule.lets_in(TAGGING) for rule in self.rules)

    def doors(self) -> Iterator[tuple[Door, TrustRule]]:
        """Who is let in, in the order of the statements."""
        for rule in self.rules:
            if not rule.statement.allow or not rule.actions:
                continue
            statement = rule.statement
            seen: dict[tuple[str, str], None] = {}
            if statement.not_principals is not None:
                named = ",".join(value for _, value in statement.not_principals)
                seen[("anybody", f"not:{named}")] = None
            for written, value in statement.principals or ():
                seen[kind_of(written, value)] = None
            for kind, value in seen:
                yield Door(kind, value, statement.name, statement.number, rule.actions, rule.keys), rule

    def entry(self, who: Who, action: str, facts: Facts) -> Entry:
        """What it says to somebody who asks for ``action``."""
        named = delegated = denied = Outcome(NO)
        unbounded = False
        by: list[TrustRule] = []
        against: list[TrustRule] = []
        for rule in self.rules:
            if not rule.lets_in(action):
                continue
            how = _meant(rule.statement, who)
            if how is None:
                continue
            outcome = evaluate(rule.tests, facts) if rule.tests else HOLDS
            if how.session:
                outcome = _also(outcome, Outcome(MAYBE, ("sts:RoleSessionName",)))
            if outcome.answer == NO:
                continue
            if not rule.statement.allow:
                denied = _either(denied, outcome)
                against.append(rule)
            elif how.account:
                delegated = _either(delegated, outcome)
                by.append(rule)
            else:
                named = _either(named, outcome)
                unbounded = unbounded or how.unbounded
                by.append(rule)
        return Entry(named, not unbounded, delegated, denied, tuple(by), tuple(against))


class _How(NamedTuple):
    account: bool = False  # by its account
    session: bool = False  # by one session of a role
    unbounded: bool = False  # no boundary holds it back: a user or session by name, or anybody


def _meant(statement: Statement, who: Who) -> _How | None:
    """How a statement means somebody; None where it does not."""
    if statement.not_principals is not None:
        spared = any(_one(written, value, who) for written, value in statement.not_principals)
        return None if spared else _How(unbounded=True)
    ways = [way for written, value in statement.principals or () if (way := _one(written, value, who))]
    if not ways:
        return None
    direct = [way for way in ways if not way.account and not way.session]
    return max(direct, key=lambda way: way.unbounded) if direct else max(ways, key=lambda way: way.account)


def _one(written: str, value: str, who: Who) -> _How | None:
    kind, named = kind_of(written, value)
    if kind == "anybody":
        return _How(unbounded=True)
    if who.kind != "identity":
        return _How(unbounded=True) if (kind, named) == (who.kind, who.value) else None
    if kind == "account":
        return _How(account=True) if named == who.account else None
    if named in (who.value, who.native_id):
        return _How(unbounded=not who.role)
    session = _SESSION.fullmatch(named)
    if session and who.role and session.group(1, 2) == (who.account, who.role):
        return _How(session=True, unbounded=True)
    return None


def kind_of(written: str, value: str) -> tuple[str, str]:
    """(TRUST_PRINCIPAL_KINDS, the principal) of an entry of a Principal element."""
    kind = written.lower()
    if kind in ("service", "federated"):
        return kind, value
    if patterns.covers_all_resources(value):
        return "anybody", "*"
    if kind != "aws":
        return "identity", value  # CanonicalUser, or whatever comes
    if _ACCOUNT.fullmatch(value):
        return "account", value
    if _UNIQUE_ID.fullmatch(value):
        return "deleted", value
    if value.endswith(":root") and home(value) is not None:
        return "account", value.split(":")[4]
    return "identity", value


def home(arn: str) -> str | None:
    """Key of the account scope that an ARN names."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn" or not _ACCOUNT.fullmatch(parts[4]):
        return None
    return f"aws/account/{parts[1]}:{parts[4]}"


def _either(one: Outcome, other: Outcome) -> Outcome:
    if one.answer != other.answer:
        return max(one, other, key=lambda outcome: outcome.answer)
    if one.answer != MAYBE:
        return one
    return Outcome(MAYBE, tuple(sorted({*one.keys, *other.keys})), one.strange or other.strange)


def _also(one: Outcome, other: Outcome) -> Outcome:
    if NO in (one.answer, other.answer):
        return Outcome(NO)
    if one.answer == other.answer == YES:
        return HOLDS
    return Outcome(MAYBE, tuple(sorted({*one.keys, *other.keys})), one.strange or other.strange)


def trust_of(text: str) -> Trust:
    """A trust document, read."""
    rules: list[TrustRule] = []
    unreadable: list[Unreadable] = []
    for statement in read(text):
        if isinstance(statement, Unreadable):
            unreadable.append(statement)
        elif not statement.principals and not statement.not_principals:
            unreadable.append(Unreadable(str(statement.number), "the statement names no principal"))
        else:
            try:
                rules.append(TrustRule(statement, compiled(statement.conditions, variables=statement.variables)))
            except BadCondition as error:
                unreadable.append(Unreadable(str(statement.number), str(error)))
    return Trust(tuple(rules), tuple(unreadable))

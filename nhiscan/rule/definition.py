"""A rule as data: what one rule file says, checked. Frozen and picklable."""

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nhiscan.rule.portable import tokens

ENGINE_FACTS = ("subject", "scope", "scope_id", "scope_name", "as_of")
"""Facts that the engine adds to those of a rule's SELECT. ``scope_id`` is the provider's id of the scope without the
partition (``aws:123456789012`` gives ``123456789012``), ``as_of`` the start of the scan (epoch seconds UTC)."""

VERDICT_COLUMNS = ("subject", "status", "reason", "confidence", "severity")
"""Columns of a rule's SELECT with a meaning of their own; the first two must be there, all others are facts."""

ENGINE_REASONS: Mapping[str, str] = {
    "coverage": "What this rule needs could not be read completely in this scope.",
    "unconfirmed": "This scan could not confirm that the record still exists as last seen.",
    "no-roster": "No people roster was part of the scan.",
    "roster-incomplete": "The people roster could not be read completely.",
}
"""Reason codes that the engine gives to ``unknown``, never a rule. Code -> sentence for the reader."""

ANY_PROVIDER = "any"
"""The name under which a remedy stands that holds at every provider."""
STRENGTHS = ("direct", "supporting", "weak")
CONTROL_STATUSES = ("proposed", "reviewed")
RULE_STATUSES = ("experimental", "test", "stable")


class Problem(NamedTuple):
    """Something wrong in a rule file. ``line`` counts from 1."""

    path: Path
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


class RuleErrors(Exception):
    """All problems of all rule files read, in the order of files and lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (str(problem.path), problem.line)))
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


class ParameterError(Exception):
    """A setting for a rule's parameter that cannot be used. ``rule`` and ``parameter`` name it."""

    def __init__(self, rule: str, parameter: str, message: str) -> None:
        super().__init__(rule, parameter, message)
        self.rule, self.parameter, self.message = rule, parameter, message

    def __str__(self) -> str:
        return f"rule {self.rule}, parameter {self.parameter}: {self.message}"


class Control(NamedTuple):
    """What the rule says something about: ``framework@version#item``."""

    ref: str  # "TSC@2017#CC6.1"
    strength: str  # STRENGTHS
    status: str  # CONTROL_STATUSES
    why: str

    @property
    def framework(self) -> str:
        return self.ref.split("#", 1)[0]

    @property
    def item(self) -> str:
        return self.ref.split("#", 1)[1]


class Param(NamedTuple):
    """A threshold. Whole numbers from 0."""

    default: int
    unit: str  # "days", "seconds", "characters" ...
    about: str


class Remediation(NamedTuple):
    """How to put it right at one provider ("any": at all of them)."""

    text: str
    commands: tuple[str, ...]  # templates; each fact is quoted for a POSIX shell
    proof: str  # what would show that it was done


class Expected(NamedTuple):
    """What an example expects of one subject. None: not compared."""

    status: str
    reason: str | None = None
    severity: str | None = None
    confidence: str | None = None


class Need(NamedTuple):
    """A kind or a fact that must be completely known: ``table[:kind][.fact]``."""

    table: str
    kind: str | None = None
    fact: str | None = None

    @classmethod
    def parse(cls, text: str) -> "Need":
        head, _, fact = text.partition(".")
        table, _, kind = head.partition(":")
        return cls(table, kind or None, fact or None)

    def covers(self, other: "Need") -> bool:
        """True where a row of table `need` (other) says something about this need."""
        return (
            self.table == other.table
            and self.fact == other.fact
            and (self.kind is None or other.kind is None or self.kind == other.kind)
        )


@dataclass(frozen=True)
class Example:
    """A tiny inventory with the expected outcome of each subject."""

    name: str
    as_of: int
    params: Mapping[str, int]
    expect: Mapping[str, Expected]  # subject -> outcome
    tables: Mapping[str, tuple[Mapping[str, str | int], ...]]  # view -> rows; columns left out are null


@dataclass(frozen=True)
class Rule:
    """One rule file, valid and compiled."""

    id: str
    title: str
    severity: str
    status: str
    subject: str  # the view whose keys it returns
    providers: tuple[str, ...]  # those whose scopes it judges; empty: every provider
    needs: tuple[str, ...]
    fail_stands: bool
    always_known: bool  # needs nothing and never gives unknown
    controls: tuple[Control, ...]
    rationale: str
    remediation: Mapping[str, Remediation]  # provider or "any" -> how
    false_positives: tuple[str, ...]
    references: tuple[str, ...]
    params: Mapping[str, Param]
    reasons: Mapping[str, str]
    message: str
    sql: str
    examples: tuple[Example, ...]
    facts: tuple[str, ...]  # fact columns of the SELECT, in order
    columns: tuple[str, ...]  # all columns of the SELECT, in order
    text: str
    sha256: str  # of the file's bytes
    path: Path

    def applies(self, provider: str) -> bool:
        """Whether scopes of this provider are judged. Those of others are out of the rule's scope: no row, no gap."""
        return not self.providers or provider in self.providers

    def parameters(self, overrides: Mapping[str, object] | None = None) -> dict[str, int]:
        """Every parameter with its value, defaults first. Raises ParameterError."""
        values = {name: param.default for name, param in self.params.items()}
        for name, value in (overrides or {}).items():
            if name not in values:
                known = f"; nearest: {nearest_word(name, values)}" if values else "; this rule has none"
                raise ParameterError(self.id, name, f"no such parameter{known}")
            if not whole(value):
                raise ParameterError(self.id, name, f"{value!r} is not a whole number from 0 to {MAXIMUM}")
            assert isinstance(value, int)
            values[name] = value
        return values

    def bindings(self, parameters: Mapping[str, int], as_of: int) -> dict[str, int]:
        """The values that the SQL names: of its parameters, and ``as_of`` where it is used."""
        named = {token.text[1:] for token in tokens(self.sql) if token.kind == "param"}
        return {name: value for name, value in {**parameters, "as_of": as_of}.items() if name in named}

    def reason_text(self, code: str | None) -> str | None:
        """The sentence for a reason code of this rule or of the engine."""
        return None if code is None else self.reasons.get(code) or ENGINE_REASONS.get(code)


def rules_digest(rules: Iterable[Rule], parameters: Mapping[str, Mapping[str, int]]) -> str:
    """SHA-256 (hex) of the rules as run: id, file digest and the value of every parameter. Order does not matter.

    ``parameters`` as for `nhiscan.evaluate.evaluate`: by rule id; a rule left out has its defaults.
    """
    run = {rule.id: [rule.sha256, dict(parameters.get(rule.id) or rule.parameters())] for rule in rules}
    return hashlib.sha256(json.dumps(run, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


MAXIMUM = 2**31 - 1
"""Largest value of a parameter: days times 86400 still fits in 64 bits."""


def whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAXIMUM


def nearest_word(word: str, known: Iterable[str]) -> str:
    """The known word that is most like another one. ``known`` must not be empty."""
    return max(known, key=lambda other: (difflib.SequenceMatcher(None, word, other).ratio(), other))


IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")

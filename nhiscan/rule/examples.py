"""Runs the worked examples of rules, and shows that a wrong CASE in a rule would be noticed."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from nhiscan import model
from nhiscan.inventory.views import KEYS
from nhiscan.positions import nearest, positions
from nhiscan.rule.definition import Example, Problem, Rule, RuleErrors
from nhiscan.rule.loading import load
from nhiscan.rule.portable import tokens
from nhiscan.rule.sandbox import Database, Sandbox, SqlRefused

_OPTIONAL = ("reason", "severity", "confidence")


def check(paths: Sequence[Path]) -> list[Problem]:
    """All that is wrong with rule files: form, SQL and examples (run in memory). Empty when all is well.

    Where a file does not load, the examples of the other files are run all the same.
    """
    problems: list[Problem] = []
    try:
        rules = load(paths)
    except RuleErrors as errors:
        problems.extend(errors.problems)
        bad = {problem.path for problem in problems}
        files = [file for path in paths for file in (sorted(path.rglob("*.toml")) if path.is_dir() else [path])]
        rules = [rule for file in files if file not in bad for rule in load([file])]
    sandbox = Sandbox()
    try:
        for rule in rules:
            problems.extend(run_examples(rule, sandbox))
    finally:
        sandbox.close()
    return sorted(problems, key=lambda problem: (str(problem.path), problem.line))


def run_examples(rule: Rule, database: Database) -> list[Problem]:
    """What the rule's examples expect and do not get. ``database`` holds the views as empty tables, and is left so."""
    problems: list[Problem] = []
    for index, example in enumerate(rule.examples):
        messages = run_example(rule, example, database)
        if messages:
            line = nearest(positions(rule.text), ("examples", index))
            problems.extend(Problem(rule.path, line, f"example {example.name!r}: {text}") for text in messages)
    return problems


def run_example(rule: Rule, example: Example, database: Database) -> list[str]:
    """The same for one example. Only subjects in planned scopes are compared, as in a scan."""
    try:
        for view, rows in example.tables.items():
            for number, row in enumerate(rows):
                missing = [column for column in KEYS[view] if column not in row]
                if missing:
                    return [f"row {number + 1} of {view} has no {missing[0]}"]
                names = ", ".join(row)
                values = ", ".join(f":{name}" for name in row)
                database.run(f"INSERT INTO {view} ({names}) VALUES ({values})", row)
        return list(_compare(rule, example, database))
    except SqlRefused as error:
        return [str(error)]
    finally:
        for view in example.tables:
            database.run(f"DELETE FROM {view}")


def _compare(rule: Rule, example: Example, database: Database) -> Iterator[str]:
    population = {
        key: planned for key, planned in database.rows(f"SELECT key, planned FROM {rule.subject}") if key is not None
    }
    parameters = {**rule.parameters(), **example.params}
    seen: set[str] = set()
    for row in database.rows(rule.sql, bindings(rule, parameters, example.as_of)):
        facts = dict(zip(rule.columns, row, strict=True))
        subject, status = facts["subject"], facts["status"]
        if subject not in population:
            yield f"{subject!r} is no key of {rule.subject}"
        elif subject in seen:
            yield f"{subject} is returned twice"
        elif status not in model.STATUSES:
            yield f"{subject} has the status {status!r}"
        elif facts.get("reason") is not None and facts["reason"] not in rule.reasons:
            yield f"{subject} has the reason {facts['reason']!r}, which is not declared"
        elif population[subject] == 1:
            yield from _differences(rule, example, subject, facts)
        seen.add(subject)
    yield from (f"{subject} is expected and not returned" for subject in example.expect if subject not in seen)


def _differences(rule: Rule, example: Example, subject: str, facts: dict[str, object]) -> Iterator[str]:
    expected = example.expect.get(subject)
    if expected is None:
        yield f"{subject} is returned ({facts['status']}) and not expected"
        return
    if expected.status != facts["status"]:
        reason = f" ({facts['reason']})" if facts.get("reason") else ""
        yield f"{subject} gives {facts['status']}{reason}, expected {expected.status}"
    given = {
        **facts,
        "severity": facts.get("severity") or rule.severity,
        "confidence": facts.get("confidence") or "proven",
    }
    for name in _OPTIONAL:
        wanted = getattr(expected, name)
        if wanted is not None and given.get(name) != wanted:
            yield f"{subject} gives the {name} {given.get(name)}, expected {wanted}"


def bindings(rule: Rule, parameters: dict[str, int], as_of: int) -> dict[str, int]:
    """The values that the rule's SQL names: its parameters, and ``as_of`` where it is used."""
    named = {token.text[1:] for token in tokens(rule.sql) if token.kind == "param"}
    return {name: value for name, value in {**parameters, "as_of": as_of}.items() if name in named}


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """The rule with one outcome changed: (what was changed, changed rule), one for each literal that gives an outcome.

    Literals after THEN and ELSE, or before ``AS status`` (reason, severity, confidence), are exchanged for another of
    their sort; reasons for one that is not declared. The examples of a good rule fail for every mutant.
    """
    found = tokens(rule.sql)
    for position, token in enumerate(found):
        if token.kind != "text":
            continue
        before = found[position - 1].text if position else ""
        after = [other.text for other in found[position + 1 : position + 3]]
        named = after[1] if after[:1] == ["as"] and len(after) > 1 else ""
        if before not in ("then", "else") and named not in ("status", *_OPTIONAL):
            continue
        value = token.text[1:-1]
        other = _other(rule, value)
        if other is None:
            continue
        line = rule.sql.count("\n", 0, token.offset) + 1
        changed = f"{rule.sql[: token.offset]}'{other}'{rule.sql[token.offset + len(token.text) :]}"
        yield f"line {line} of the SQL: {value!r} -> {other!r}", replace(rule, sql=changed)


def _other(rule: Rule, value: str) -> str | None:
    if value in model.STATUSES:
        return "pass" if value != "pass" else "fail"
    if value in rule.reasons:
        return next((code for code in rule.reasons if code != value), f"not-{value}")
    if value in model.SEVERITIES:
        return "info" if value != "info" else "critical"
    if value in model.CONFIDENCES:
        return "possible" if value != "possible" else "proven"
    return None


def surviving(rule: Rule, database: Database) -> list[str]:
    """The mutants that no example notices: what the examples do not show. Empty for a good rule."""
    return [what for what, mutant in mutants(rule) if not run_examples(mutant, database)]

"""Runs the worked examples of rules through the engine, and shows that a wrong CASE in a rule would be noticed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from nhiscan import model
from nhiscan.evaluate.engine import RuleFailed, evaluate
from nhiscan.inventory import Sql, empty_sql
from nhiscan.inventory.views import KEYS, VIEWS
from nhiscan.positions import nearest, positions
from nhiscan.rule import Example, Expected, Problem, Rule, RuleErrors, Sandbox, SqlRefused, load
from nhiscan.rule.portable import tokens

Row = Mapping[str, str | int]
_OUTCOME = Expected._fields


def check(paths: Sequence[Path]) -> list[Problem]:
    """All that is wrong with rule files: form, SQL and examples. Empty when all is well.

    Where a file does not load, the examples of the other files are run all the same. Each SELECT runs under a limit of
    work first, as a rule file may be a stranger's.
    """
    problems: list[Problem] = []
    try:
        rules = load(paths)
    except RuleErrors as errors:
        problems.extend(errors.problems)
        bad = {problem.path for problem in problems}
        files = [file for path in paths for file in (sorted(path.rglob("*.toml")) if path.is_dir() else [path])]
        rules = [rule for file in files if file not in bad for rule in load([file])]
    sql = empty_sql()
    sandbox = Sandbox()
    try:
        for rule in rules:
            problems.extend(_limited(rule, sandbox) or run_examples(rule, sql))
    finally:
        sandbox.close()
        sql.close()
    return sorted(problems, key=lambda problem: (str(problem.path), problem.line))


def _limited(rule: Rule, sandbox: Sandbox) -> list[Problem]:
    for example in rule.examples:
        tables = _tables(rule, example)
        try:
            for view, rows in tables.items():
                for row in rows:
                    names = ", ".join(f":{name}" for name in row)
                    sandbox.run(f"INSERT INTO {view} ({', '.join(row)}) VALUES ({names})", row)
            sandbox.rows(rule.sql, rule.bindings({**rule.parameters(), **example.params}, example.as_of))
        except SqlRefused as error:
            return [_problem(rule, example, str(error))]
        finally:
            for view in tables:
                sandbox.run(f"DELETE FROM {view}")
    return []


def run_examples(rule: Rule, sql: Sql) -> list[Problem]:
    """What the rule's examples expect and do not get. ``sql`` holds the views as empty tables, and is left so."""
    return [_problem(rule, example, text) for example in rule.examples for text in run_example(rule, example, sql)]


def _problem(rule: Rule, example: Example, text: str) -> Problem:
    index = rule.examples.index(example)
    return Problem(rule.path, nearest(positions(rule.text), ("examples", index)), f"example {example.name!r}: {text}")


def run_example(rule: Rule, example: Example, sql: Sql) -> list[str]:
    """The same for one example, judged by the engine: what the rows of ``need`` and ``confirmed`` say counts too.

    An example without rows of ``need`` has no gap. Scopes that rows live in and that are not listed are planned ones,
    of the first of the rule's providers.
    """
    tables = _tables(rule, example)
    for view, rows in tables.items():
        if missing := [column for row in rows for column in KEYS[view] if column not in row]:
            return [f"a row of {view} has no {missing[0]}"]
        keys = [tuple(row[column] for column in KEYS[view]) for row in rows]
        if len(set(keys)) < len(keys):
            return [f"two rows of {view} have the same key"]
    if rule.subject != "scope":
        subjects = {row["key"] for row in tables.get(rule.subject, ())}
        if both := sorted(str(row["key"]) for row in tables["scope"] if row["key"] in subjects):
            return [f"{both[0]} is the key of a scope and of a row of {rule.subject}"]
    try:
        for view, rows in tables.items():
            names = [column.name for column in VIEWS[view]]
            sql.temp_insert(view, names, [[row.get(name) for name in names] for row in rows])
        parameters = {rule.id: {**rule.parameters(), **example.params}}
        everything = f"SELECT '{rule.id}' AS rule, key AS subject FROM {rule.subject}"
        evaluate(sql, [rule], parameters, example.as_of, settle=everything)
        return list(_compare(rule, example, sql))
    except RuleFailed as error:
        return [error.message]
    finally:
        for view in tables:
            sql.run(f"DELETE FROM {view}")


def _tables(rule: Rule, example: Example) -> dict[str, list[Row]]:
    tables: dict[str, list[Row]] = {view: list(rows) for view, rows in example.tables.items()}
    listed = {row.get("key") for row in tables.get("scope", ())}
    provider = rule.providers[0] if rule.providers else "aws"
    lived_in = {str(row["scope"]) for rows in tables.values() for row in rows if "scope" in row}
    scopes: list[Row] = [
        {"key": key, "provider": provider, "kind": "account", "native_id": key, "planned": 1}
        for key in sorted(lived_in - listed)
    ]
    tables["scope"] = [*tables.get("scope", ()), *scopes]
    if "need" not in tables and any(need.startswith("person") for need in rule.needs) and tables["scope"]:
        first = str(tables["scope"][0]["key"])
        tables["need"] = [{"scope": first, "need": "person", "complete": 1, "lists": 1, "planned": 1}]
    return tables


def _compare(rule: Rule, example: Example, sql: Sql) -> Iterator[str]:
    columns = ", ".join(("subject", *_OUTCOME))
    given = {
        subject: Expected._make(outcome)
        for table in ("settled", "verdict")
        for subject, *outcome in sql.rows(f"SELECT {columns} FROM {table}")
    }
    for subject, outcome in sorted(given.items()):
        expected = example.expect.get(subject)
        if expected is None:
            yield f"{subject} gives {outcome.status} and is not expected"
            continue
        full = outcome._replace(
            severity=outcome.severity or rule.severity, confidence=outcome.confidence or model.CONFIDENCES[0]
        )
        for name in _OUTCOME:
            wanted, got = getattr(expected, name), getattr(full, name)
            if wanted is not None and got != wanted:
                yield f"{subject} gives the {name} {got}, expected {wanted}"
    yield from (f"{subject} is expected and not returned" for subject in example.expect if subject not in given)


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
        if before not in ("then", "else") and named not in _OUTCOME:
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


def surviving(rule: Rule, sql: Sql) -> list[str]:
    """The mutants that no example notices: what the examples do not show. Empty for a good rule."""
    return [what for what, mutant in mutants(rule) if not run_examples(mutant, sql)]

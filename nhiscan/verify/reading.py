"""Reads what a package says its population was into a temporary SQLite. Every line is judged; none is trusted.

Errors are `Unreadable` with the file, the line and the reason. Sizes are capped so that a small package cannot fill the
memory.
"""

import csv
import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_type_hints

from nhiscan.analysis import DERIVED
from nhiscan.findings import Finding
from nhiscan.inventory import Sql, SqlError
from nhiscan.inventory.views import KEYS, VIEWS, ddl
from nhiscan.model import TABLES, Coverage, Document, Need
from nhiscan.report import payload
from nhiscan.report.material import FORMAT, Calls, Cover, ScanFacts, canonical
from nhiscan.report.population import DOCUMENTS, read_above
from nhiscan.report.results import FINDING_COLUMNS, finding_of
from nhiscan.report.tables import ESCAPED, epoch
from nhiscan.rule import ParameterError, Rule, RuleErrors, load
from nhiscan.text import csv_plain
from nhiscan.transcript import digest, in_order
from nhiscan.verify.integrity import lines_of, read_tag
from nhiscan.verify.outcome import Unreadable

REFERENCE_CAP = 64 << 20  # bytes
LINE_CAP = 32 << 20  # bytes of one line of a JSONL file
JSON_CAP = 64 << 20
RULE_CAP = 1 << 20
RULES_CAP = 2_000
DOTS_CAP = 1_000  # in one line of a rule
FINDINGS = "06-lifecycle/findings.csv"
FINDING_TABLE = "nhiscan_finding"
_DOCUMENT_TABLE = "nhiscan_document"
_INT = range(-(2**63), 2**63)
_written = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_TRUTHS = frozenset({"planned", "confirmed", "complete", "lists"})


def temporary() -> Sql:
    """An empty database on disk that vanishes when it is closed, with every view as a table."""
    raw = sqlite3.connect("", isolation_level=None)
    raw.execute("PRAGMA journal_mode = OFF")
    raw.execute("PRAGMA synchronous = OFF")
    raw.execute("PRAGMA temp_store = FILE")
    raw.execute("PRAGMA trusted_schema = OFF")
    if hasattr(raw, "setlimit"):
        raw.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LINE_CAP * 2)
    sql = Sql(raw, "sqlite")
    for name in VIEWS:
        sql.create(ddl(name, temporary=False))
    sql.create(f"CREATE TABLE {_DOCUMENT_TABLE} (digest TEXT PRIMARY KEY, kind TEXT, text TEXT)")
    columns = ", ".join(f"{name} TEXT" for name in ("fingerprint", "rule", "subject", "scope", "state"))
    sql.create(f"CREATE TABLE {FINDING_TABLE} ({columns}, PRIMARY KEY (rule, subject))")
    return sql


class Package:
    """The folder of a package, read file by file. Names are those below ``data/``."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def json(self, name: str) -> dict[str, Any]:
        """A JSON object, written as a package writes it. Raises Unreadable."""
        text = read_tag(self.root, f"data/{name}", JSON_CAP)
        if text is None:
            raise Unreadable(f"data/{name}: is missing, too large, or no UTF-8 text")
        try:
            found = json.loads(text)
            again = canonical(found)
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"data/{name}{_at(error)}: is no JSON: {_short(error)}") from error
        if not isinstance(found, dict):
            raise Unreadable(f"data/{name}: is no JSON object")
        if again != text:
            raise Unreadable(f"data/{name}: is not written as a package writes it (order, a key twice, blanks)")
        return found

    def lines(self, name: str, columns: Sequence[str], what: str) -> Iterator[tuple[int, dict[str, Any]]]:
        """The objects of a JSONL file with their line numbers; each has these columns in this order. Raises Unreadable.

        ``what`` names a line in messages.
        """
        number = 0
        wanted = list(columns)
        try:
            for number, line in lines_of(self.root, f"data/{name}", LINE_CAP):
                found = json.loads(line)
                if not isinstance(found, dict):
                    raise Unreadable(f"data/{name}, line {number}: is no JSON object")
                if list(found) != wanted:
                    raise Unreadable(f"data/{name}, line {number}: has not the columns of {what}, in their order")
                if _written(found) != line.decode():
                    message = "is not written as a package writes it (a key twice, blanks, other line ends)"
                    raise Unreadable(f"data/{name}, line {number}: {message}")
                yield number, found
            if number and not self._ends(f"data/{name}"):
                raise Unreadable(f"data/{name}, line {number}: the last line is cut off")
        except OSError as error:
            raise Unreadable(f"data/{name}: cannot be read: {error.strerror}") from error
        except (ValueError, RecursionError) as error:
            raise Unreadable(f"data/{name}, line {number or 1}: is no JSON: {_short(error)}") from error

    def _ends(self, name: str) -> bool:
        """Does the last line of a file have its line feed?"""
        with (self.root / name).open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read() == b"\n"


def read_scope(package: Package) -> tuple[str, Cover, ScanFacts, list[str], str]:
    """``scope.json``: package id, cover, scan, rules not run, version that wrote it. Raises Unreadable."""
    found = package.json(payload.SCOPE)
    if found.get("format") != FORMAT:
        raise Unreadable(
            f"data/{payload.SCOPE}: has the format {found.get('format')!r}; this nhiscan reads format {FORMAT}"
        )
    try:
        scan, cover = found["scan"], found["cover"]
        facts = ScanFacts(
            number=_whole(scan["number"]),
            run=_text(scan["run"]),
            started_at=epoch(_text(scan["started"])),
            ended_at=epoch(_text(scan["ended"])),
            version=_text(found["nhiscan"]),
            connectors=tuple(_text(name) for name in found["connectors"]),
            rules_sha256=_text(found["rules_sha256"]),
        )
        stated = Cover(*(_maybe(cover[name]) for name in Cover._fields))
        untested = [_text(rule) for rule in found["rules_not_run"]]
        return _text(found["package"]), stated, facts, untested, _text(found["written_by"])
    except (KeyError, TypeError, ValueError) as error:
        raise Unreadable(
            f"data/{payload.SCOPE}: lacks a value or has one of the wrong kind: {_short(error)}"
        ) from error


def read_rules(package: Package, names: Iterable[str]) -> tuple[list[Rule], dict[str, dict[str, int]]]:
    """The rules as run, checked like any stranger's rules, and every parameter in force. Raises Unreadable."""
    paths = [package.root / "data" / name for name in sorted(names)]
    if len(paths) > RULES_CAP:
        raise Unreadable(f"data/05-tests/rules: holds more than {RULES_CAP} rules")
    for path in paths:
        if path.stat().st_size > RULE_CAP:
            raise Unreadable(f"data/05-tests/rules/{path.name}: is larger than {RULE_CAP} bytes")
        _plain_enough(path)
    try:
        rules = load(paths) if paths else []
    except RuleErrors as error:
        lines = (
            f"data/05-tests/rules/{problem.path.name}, line {problem.line}: {problem.message}"
            for problem in error.problems
        )
        raise Unreadable("; ".join(lines)) from error
    for rule in rules:
        if rule.path.name != f"{rule.id}.toml":
            raise Unreadable(f"data/05-tests/rules/{rule.path.name}: holds the rule {rule.id}")
    stated = package.json(payload.PARAMETERS)
    known = {rule.id for rule in rules}
    if set(stated) != known:
        odd = min(set(stated) ^ known)
        raise Unreadable(f"data/{payload.PARAMETERS}: names other rules than those packaged ({odd})")
    parameters: dict[str, dict[str, int]] = {}
    for rule in rules:
        given = stated[rule.id]
        if not isinstance(given, dict) or set(given) != set(rule.params):
            raise Unreadable(f"data/{payload.PARAMETERS}: rule {rule.id}: other parameters than the rule declares")
        try:
            parameters[rule.id] = rule.parameters({name: entry["value"] for name, entry in given.items()})
        except (KeyError, TypeError) as error:
            raise Unreadable(f"data/{payload.PARAMETERS}: rule {rule.id}: a parameter has no value") from error
        except ParameterError as error:
            raise Unreadable(f"data/{payload.PARAMETERS}: {error}") from error
    return rules, parameters


def _plain_enough(path: Path) -> None:
    """Refuse a line whose dots could be those of a key of a thousand parts: reading such a key takes hours."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise Unreadable(f"data/05-tests/rules/{path.name}: cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if line.count(b".") > DOTS_CAP:
            raise Unreadable(f"data/05-tests/rules/{path.name}, line {number}: holds more than {DOTS_CAP} dots")


def read_inventory(package: Package, sql: Sql) -> dict[str, int]:
    """Load every table that the rules saw. Gives the number of rows by file. Raises Unreadable."""
    numbers: dict[str, int] = {}
    for view, columns in VIEWS.items():
        file = payload.inventory_file(view)
        place = [0]  # the line being read
        sql.run("BEGIN")
        try:
            sql.temp_insert(view, [column.name for column in columns], _rows(package, view, place))
        except SqlError as error:
            raise Unreadable(f"data/{file}, line {place[0]}: {error}") from error
        sql.run("COMMIT")
        numbers[file] = place[0]
    sql.run("ANALYZE")
    return numbers


def _rows(package: Package, view: str, place: list[int]) -> Iterator[tuple[Any, ...]]:
    """The rows of a table, each value judged by its column. Keeps ``place`` at the line being read."""
    file = payload.inventory_file(view)
    wanted = {column.name: column.type for column in VIEWS[view]}
    must = _required(view)
    before: tuple[str, ...] = ()
    for number, row in package.lines(file, tuple(wanted), f"the table {view}"):
        place[0] = number
        for column, type_ in wanted.items():
            value = row[column]
            if value is None:
                good = column not in must
            elif column in _TRUTHS:
                good = type(value) is int and value in (0, 1)
            elif type_ == "integer":
                good = type(value) is int and value in _INT
            else:
                good = _is_text(value)
            if not good:
                raise Unreadable(f"data/{file}, line {number}: {column} is no {type_} that it may be")
        key = tuple(row[name] for name in KEYS[view])
        if key <= before:
            raise Unreadable(f"data/{file}, line {number}: {' '.join(key)} is out of order, or there twice")
        before = key
        yield tuple(row[column] for column in wanted)


def _required(view: str) -> frozenset[str]:
    """Columns that are never null: those that the record says so of, and the state that the inventory adds."""
    record = {**TABLES, "coverage": Coverage, "need": Need}[view]
    hints = get_type_hints(record).items()
    return frozenset({name for name, hint in hints if not isinstance(hint, UnionType)} | {"planned", "confirmed"})


_DERIVED = ", ".join(f"'{name}'" for name in DERIVED)
_GAPS_WITHOUT_NEED = f"""SELECT c.scope, c.source, c.state FROM coverage c JOIN scope s ON s.key = c.scope
WHERE c.planned = 1 AND c.state NOT IN ('complete', 'replaced')
AND NOT EXISTS (SELECT 1 FROM need n WHERE n.scope = c.scope AND n.complete = 0 AND n.need NOT IN ({_DERIVED}))
AND NOT EXISTS (SELECT 1 FROM need n JOIN coverage g ON g.scope = n.scope AND g.state = 'complete'
    WHERE n.scope = c.scope AND n.complete = 1
    AND n.reason || ';' LIKE 'given by ' || g.source || ';% ' || c.source || ' ' || c.state || ';%')
AND NOT EXISTS (SELECT 1 FROM coverage r WHERE r.scope = c.scope AND r.state = 'replaced')
ORDER BY 1, 2 LIMIT 3"""
"""Gaps that no kind and no fact suffers from, and that no other source is said to have made up for. A second fallback
that gave everything may leave such a row behind."""


def misplaced(sql: Sql) -> list[str]:
    """Rows that claim to be in the plan, or out of it, against what their scope says; by file, a few of them."""
    found = []
    for view in VIEWS:
        if view == "scope":
            continue
        key = " || ' ' || ".join(f"t.{name}" for name in KEYS[view])
        rows = sql.rows(
            f"SELECT {key} FROM {view} t JOIN scope s ON s.key = t.scope WHERE t.planned <> s.planned"
            " ORDER BY 1 LIMIT 3"
        )
        found += [f"data/{payload.inventory_file(view)}: {row} is not in the plan as its scope is" for (row,) in rows]
        if view != "coverage":  # a connector whose scopes could not be named has a coverage row all the same
            rows = sql.rows(
                f"SELECT {key} FROM {view} t LEFT JOIN scope s ON s.key = t.scope WHERE s.key IS NULL"
                " ORDER BY 1 LIMIT 3"
            )
            found += [f"data/{payload.inventory_file(view)}: {row} lives in no scope of the package" for (row,) in rows]
    rows = sql.rows(_GAPS_WITHOUT_NEED)
    found += [
        f"data/{payload.inventory_file('need')}: says that {scope} was read completely; {source} of it ended {state}"
        for scope, source, state in rows
    ]
    return found


def read_documents(package: Package, sql: Sql) -> int:
    """Load the policy documents; each must have the digest it is filed under. Raises Unreadable."""
    rows = []
    number = 0
    before = ""
    for number, row in package.lines(payload.DOCUMENTS, payload.DOCUMENT_COLUMNS, "a document"):
        if not all(map(_is_text, row.values())):
            raise Unreadable(f"data/{payload.DOCUMENTS}, line {number}: is no document")
        if hashlib.sha256(row["text"].encode()).hexdigest() != row["digest"]:
            raise Unreadable(f"data/{payload.DOCUMENTS}, line {number}: the text does not have the digest stated")
        if row["digest"] <= before:
            raise Unreadable(f"data/{payload.DOCUMENTS}, line {number}: is out of order, or there twice")
        before = row["digest"]
        rows.append(tuple(row[name] for name in payload.DOCUMENT_COLUMNS))
        if len(rows) == 500:
            _put_documents(sql, rows, number)
            rows.clear()
    _put_documents(sql, rows, number)
    return number


def read_references(package: Package, listed: Mapping[str, str], caller: Mapping[str, Any]) -> dict[str, str]:
    """The data that analyzers worked with besides the population: provider -> text. Raises Unreadable.

    Each text must have the digest that the scan recorded, and each that was recorded must be there.
    """
    stated = caller.get("references", {})
    if not isinstance(stated, dict) or not all(isinstance(entry, dict) for entry in stated.values()):
        raise Unreadable(f"data/{payload.CALLER}: references is not as a package writes it")
    names = {f"data/{payload.reference_file(provider)}": provider for provider in stated}
    for name in listed:
        if name.startswith(f"data/{payload.REFERENCES}/") and name not in names:
            raise Unreadable(f"{name}: the scan recorded no such reference data")
    found: dict[str, str] = {}
    for name, provider in sorted(names.items()):
        text = read_tag(package.root, name, REFERENCE_CAP) if name in listed else None
        if text is None:
            raise Unreadable(f"{name}: is missing, too large, or no UTF-8 text")
        if hashlib.sha256(text.encode()).hexdigest() != stated[provider].get("digest"):
            raise Unreadable(f"{name}: is not the reference data that the scan recorded")
        found[provider] = text
    return found


def _put_documents(sql: Sql, rows: list[tuple[Any, ...]], number: int) -> None:
    try:
        sql.temp_insert(_DOCUMENT_TABLE, payload.DOCUMENT_COLUMNS, rows)
    except SqlError as error:
        raise Unreadable(f"data/{payload.DOCUMENTS}, up to line {number}: {error}") from error


def document(sql: Sql, wanted: str) -> Document | None:
    """A packaged policy document by its digest."""
    row = sql.one(f"SELECT digest, kind, text FROM {_DOCUMENT_TABLE} WHERE digest = :digest", {"digest": wanted})
    return None if row is None else Document(*row)


def read_calls(package: Package, caller: Mapping[str, Any], sql: Sql, calls: Calls) -> None:
    """Count the calls, and hold each list of calls against the digest that the scan recorded. Raises Unreadable."""
    recorded = {
        (scope, source): (number, sha256)
        for scope, source, number, sha256 in sql.rows("SELECT scope, source, calls, transcript_sha256 FROM coverage")
    }
    sessions = caller.get("sessions")
    for place, entry in sessions.items() if isinstance(sessions, dict) else ():
        if isinstance(entry, dict):
            scope, _, source = str(place).rpartition("|")
            recorded[scope, source] = (entry.get("calls"), entry.get("sha256"))
    above = read_above(sql)
    for (scope, source), (number_of, sha256) in sorted(recorded.items()):
        if not number_of and sha256 not in (None, digest([])) and (scope, source) not in above:
            message = f"says that {source} read {scope} with calls that no scope above it made"
            raise Unreadable(f"data/{payload.inventory_file('coverage')}: {message}")
    current: tuple[str, str] | None = None
    listed: list[Any] = []
    seen: set[tuple[str, str]] = set()

    def close() -> None:
        if current is None:
            return
        number, sha256 = recorded.get(current, (None, None))
        if (len(listed), digest(listed)) != (number, sha256) or in_order(listed) != listed:
            raise Unreadable(
                f"data/{payload.TRANSCRIPT}: the calls of {current[1]} in {current[0]} are not those that were recorded"
            )

    for number, row in package.lines(payload.TRANSCRIPT, payload.CALL_COLUMNS, "a call"):
        try:
            place = (_text(row["scope"]), _text(row["source"]))
            call = payload.call_of(row)
            if payload.call_row(number, *place, call) != tuple(row.values()):
                raise ValueError("it is not written as a package writes it")
            calls.add(row)
        except (KeyError, TypeError, ValueError) as error:
            raise Unreadable(f"data/{payload.TRANSCRIPT}, line {number}: is no call: {_short(error)}") from error
        if place != current:
            close()
            if place in seen or (current is not None and place < current):
                raise Unreadable(f"data/{payload.TRANSCRIPT}, line {number}: is out of order")
            seen.add(place)
            current, listed = place, []
        listed.append(call)
    close()
    if calls.kept:
        for (scope, source), (number_of, _) in sorted(recorded.items()):
            if number_of and (scope, source) not in seen:
                raise Unreadable(f"data/{payload.TRANSCRIPT}: the calls of {source} in {scope} are missing")


def read_csv(package: Package, name: str, columns: Sequence[str]) -> Iterator[dict[str, str]]:
    """The rows of a CSV file with their protection taken off. Raises Unreadable."""
    number = 1
    try:
        with (package.root / "data" / name).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if reader.fieldnames is None or tuple(reader.fieldnames) != (*columns, ESCAPED):
                raise Unreadable(f"data/{name}, line 1: has other columns than the table")
            for row in reader:
                number = reader.line_num
                if None in row or None in row.values():
                    raise Unreadable(f"data/{name}, line {number}: has another number of cells than the table")
                yield {column: csv_plain(cell) for column, cell in row.items()}
    except (OSError, csv.Error, UnicodeDecodeError) as error:
        raise Unreadable(f"data/{name}, line {number}: cannot be read: {_short(error)}") from error


def read_findings(package: Package) -> Iterator[Finding]:
    """The rows of findings.csv. Raises Unreadable."""
    before = ("", "")
    for number, row in enumerate(read_csv(package, FINDINGS, FINDING_COLUMNS), 2):
        try:
            finding = finding_of(row)
        except (KeyError, ValueError) as error:
            raise Unreadable(f"data/{FINDINGS}, row {number}: is no finding: {_short(error)}") from error
        if (finding.rule, finding.subject) <= before:
            raise Unreadable(f"data/{FINDINGS}, row {number}: is out of order, or there twice")
        before = (finding.rule, finding.subject)
        yield finding


def load_findings(package: Package, sql: Sql) -> None:
    """Put the findings where SQL can join to them. Raises Unreadable."""
    columns = ("fingerprint", "rule", "subject", "scope", "state")
    try:
        sql.temp_insert(
            FINDING_TABLE,
            columns,
            (tuple(getattr(finding, name) for name in columns) for finding in read_findings(package)),
        )
    except SqlError as error:
        raise Unreadable(f"data/{FINDINGS}: {error}") from error


def missing_documents(sql: Sql) -> list[str]:
    """Digests that the population refers to and no packaged document has."""
    rows = sql.rows(f"SELECT digest FROM ({DOCUMENTS}) WHERE digest NOT IN (SELECT digest FROM {_DOCUMENT_TABLE})")
    return sorted(digest for (digest,) in rows)


def idle_documents(sql: Sql) -> list[str]:
    """Digests of packaged documents that the population does not refer to."""
    rows = sql.rows(f"SELECT digest FROM {_DOCUMENT_TABLE} WHERE digest NOT IN (SELECT digest FROM ({DOCUMENTS}))")
    return sorted(digest for (digest,) in rows)


def _is_text(value: object) -> bool:
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def _maybe(value: object) -> str | None:
    return None if value is None else _text(value)


def _whole(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is no whole number")
    return value


def _at(error: BaseException) -> str:
    return f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""


def _short(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, KeyError):
        return f"{error.args[0]!r} is missing"
    return (str(error).splitlines() or [type(error).__name__])[0][:200]

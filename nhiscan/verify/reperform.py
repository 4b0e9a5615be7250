"""Performs the tests again: from the packaged population alone, and compares every file that follows from it."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from nhiscan import __version__
from nhiscan.analysis import DERIVED, OWNER_TAGS, AnalyzerError, derived_needs, derived_rows
from nhiscan.analyzer import Analyzer
from nhiscan.evaluate import RuleFailed, evaluate
from nhiscan.findings import RuleCount, results
from nhiscan.inventory import Sql, SqlError
from nhiscan.inventory.views import VIEWS, columns_of
from nhiscan.model import TABLES
from nhiscan.report import bag, payload
from nhiscan.report.judged import rule_file
from nhiscan.report.material import Calls, Material
from nhiscan.report.results import fingerprint
from nhiscan.report.tables import Files
from nhiscan.rule import Rule
from nhiscan.rule.definition import rules_digest
from nhiscan.text import visible
from nhiscan.verify import reading
from nhiscan.verify.integrity import lines_of
from nhiscan.verify.outcome import Check, Unreadable
from nhiscan.verify.reading import LINE_CAP, Package

POPULATION, DERIVATION, CALLS, TESTS, FINDINGS = "population", "derived facts", "calls", "tests", "findings"
PAGES = (payload.REPORT, payload.README)
_STEPS_EVERY = 100_000
_STEPS_BASE = 2_000_000_000
_STEPS_A_ROW = 5_000
"""Instructions of SQLite's machine that re-performing may take: a rule that does not come to an end is stopped."""
_SHOWN = 5
_HOSTILE = (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError, IndexError)


def reperform(
    root: Path, listed: Mapping[str, str], analyzers: Mapping[str, Analyzer], progress: Callable[[str], None]
) -> Iterator[Check]:
    """Every check beyond bytes and signature. ``listed``: what the payload manifest lists, path -> SHA-256."""
    package = Package(root)
    sql = reading.temporary()
    folder = Path(tempfile.mkdtemp(prefix="nhiscan-verify-"))
    try:
        yield from _reperform(package, listed, analyzers, sql, folder, progress)
    except Unreadable as error:
        yield Check(TESTS, ok=False, message=f"{error}; the tests cannot be performed again")
    except (RuleFailed, SqlError) as error:
        yield Check(TESTS, ok=False, message=f"the tests cannot be performed again: {error}")
    except _HOSTILE as error:
        # every value has the type of its column; what no scan leaves empty or so large may still be that here
        message = f"the packaged rows hold what no scan gives: {type(error).__name__}: {error}"
        yield Check(TESTS, ok=False, message=message)
    finally:
        sql.close()
        shutil.rmtree(folder)


def _reperform(
    package: Package,
    listed: Mapping[str, str],
    analyzers: Mapping[str, Analyzer],
    sql: Sql,
    folder: Path,
    progress: Callable[[str], None],
) -> Iterator[Check]:
    progress("reading the packaged population")
    name, cover, scan, untested, writer = reading.read_scope(package)
    rule_names = [entry.removeprefix("data/") for entry in listed if entry.startswith("data/05-tests/rules/")]
    rules, parameters = reading.read_rules(package, rule_names)
    rows = reading.read_inventory(package, sql)
    yield Check(POPULATION, ok=True, message=f"{sum(rows.values())} rows of the inventory read")
    for message in reading.misplaced(sql):
        yield Check(POPULATION, ok=False, message=message)
    if rules_digest(rules, parameters) != scan.rules_sha256:
        message = f"data/{payload.SCOPE}: rules_sha256 is not that of the packaged rules and parameters"
        yield Check(TESTS, ok=False, message=message)
    _limit(sql, sum(rows.values()), len(rules))
    caller = package.json(payload.CALLER)
    documents, checks = _documents(package, sql)
    yield from checks
    references = reading.read_references(package, listed, caller)
    progress("deriving facts again")
    yield from _derived(sql, caller, scan.started_at, analyzers, references)
    calls = Calls()
    try:
        reading.read_calls(package, caller, sql, calls)
        said = f"{calls.number} calls have the digests that the scan recorded"
        if not calls.kept:
            said = "note: no calls are kept; the package says so, and nothing shows how its population was read"
        yield Check(CALLS, ok=True, message=said)
    except Unreadable as error:
        yield Check(CALLS, ok=False, message=str(error))
    progress("running the packaged rules")
    evaluation = evaluate(sql, rules, parameters, scan.started_at, progress=progress)
    yield from _findings(package, sql, listed)
    material = Material(
        sql=sql,
        package=name,
        cover=cover,
        scan=scan,
        rules=rules,
        parameters=parameters,
        counts=[RuleCount._make(count[:8]) for count in evaluation.counts],
        results=lambda: results(sql, rules, parameters, scan.started_at),
        findings=lambda: reading.read_findings(package),
        calls=calls,
        caller=caller,
        inputs=_inputs(package),
        untested=untested,
        written_by=writer,
        references=references,
    )
    again = bag.Payload(folder / "again")
    progress("writing every table again")
    files = Files(again)
    files.rows |= {**rows, payload.DOCUMENTS: documents, payload.TRANSCRIPT: calls.number}
    payload.write_derived(material, files)
    yield from _compare(package, listed, again, rules, references, same_version=writer == __version__)


def _limit(sql: Sql, rows: int, rules: int) -> None:
    """Stop a rule that does not come to an end. A limit on work, not on time: the answer is the same everywhere."""
    left = [_STEPS_BASE + _STEPS_A_ROW * rows * max(rules, 1)]

    def step() -> int:
        left[0] -= _STEPS_EVERY
        return int(left[0] < 0)

    sql.raw.set_progress_handler(step, _STEPS_EVERY)


def _documents(package: Package, sql: Sql) -> tuple[int, list[Check]]:
    try:
        number = reading.read_documents(package, sql)
    except Unreadable as error:
        return 0, [Check(POPULATION, ok=False, message=str(error))]
    missing = reading.missing_documents(sql)
    if missing:
        message = f"data/{payload.DOCUMENTS}: lacks the document {missing[0]}"
        return number, [Check(POPULATION, ok=False, message=message)]
    idle = reading.idle_documents(sql)
    if idle:
        message = f"data/{payload.DOCUMENTS}: holds the document {idle[0]}, to which nothing refers"
        return number, [Check(POPULATION, ok=False, message=message)]
    message = f"{number} policy documents have the digest they are filed under"
    return number, [Check(POPULATION, ok=True, message=message)]


def _derived(
    sql: Sql,
    caller: Mapping[str, Any],
    as_of: int,
    analyzers: Mapping[str, Analyzer],
    references: Mapping[str, str],
) -> Iterator[Check]:
    """Owners, machine or person, access, privilege, trust: worked out again and compared row by row.

    Analyzers work with the reference data of the package, never with what is installed here.
    """
    tags = caller.get("owner_tags", list(OWNER_TAGS))
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        yield Check(DERIVATION, ok=False, message=f"data/{payload.CALLER}: owner_tags is no list of texts")
        return
    planned = {provider for (provider,) in sql.rows("SELECT DISTINCT provider FROM scope WHERE planned = 1")}
    for provider in sorted(planned & analyzers.keys() - references.keys()):
        if analyzers[provider].reference is not None:
            message = f"data/{payload.CALLER}: names no reference data of {provider}, without which nothing follows"
            yield Check(DERIVATION, ok=False, message=message)
            return
    for table in DERIVED:
        columns = ", ".join(f"{name} {'BIGINT' if type_ == 'integer' else 'TEXT'}" for name, type_ in _columns(table))
        sql.create(f"CREATE TABLE {_again(table)} ({columns})")
    try:
        held: dict[str, list[tuple[Any, ...]]] = {}
        documents = partial(reading.document, sql)
        for table, row in derived_rows(sql, documents, analyzers, tags, as_of, references):
            rows = held.setdefault(table, [])
            rows.append(tuple(row))
            if len(rows) == 5_000:
                _put(sql, table, rows)
                rows.clear()
        for table, rows in held.items():
            _put(sql, table, rows)
        needs = {(need.scope, need.need): need.complete for need in derived_needs(sql, analyzers)}
    except (AnalyzerError, *_HOSTILE) as error:
        # hostile tags and documents may break what reads them; that is an answer too
        yield Check(DERIVATION, ok=False, message=f"cannot be worked out from the packaged rows: {error}")
        return
    wrong = list(_differences(sql))
    packaged = sql.rows("SELECT scope, need, complete FROM need WHERE planned = 1 ORDER BY scope, need")
    for scope, need, complete in packaged:
        if need in DERIVED and needs.get((scope, need)) != complete:
            wrong.append(f"data/03-population/inventory/need.jsonl: {need} in {scope} is not as complete as stated")
    for message in wrong[:_SHOWN]:
        yield Check(DERIVATION, ok=False, message=message)
    if len(wrong) > _SHOWN:
        yield Check(DERIVATION, ok=False, message=f"and {len(wrong) - _SHOWN} more rows do not follow")
    if not wrong:
        yield Check(
            DERIVATION, ok=True, message="owners, classification, access, escalation, privilege and trust follow"
        )


def _again(table: str) -> str:
    return f"nhiscan_again_{table}"


def _columns(table: str) -> list[tuple[str, str]]:
    return [(column.name, column.type) for column in columns_of(TABLES[table])]


def _put(sql: Sql, table: str, rows: list[tuple[Any, ...]]) -> None:
    sql.temp_insert(_again(table), [name for name, _ in _columns(table)], rows)


def _differences(sql: Sql) -> Iterator[str]:
    """What is packaged and does not follow, and what follows and is not packaged."""
    for table in DERIVED:
        names = [name for name, _ in _columns(table)]
        if table == "classification":
            file, names = "identity", ["key", "scope", "nature", "nature_reason", "nature_confidence"]
            again = f"SELECT key, scope, nature, reason, confidence FROM {_again(table)}"
        else:
            file, again = table, f"SELECT {', '.join(names)} FROM {_again(table)}"
        packaged = f"SELECT {', '.join(names)} FROM {file} WHERE planned = 1 AND confirmed = 1"
        for one, other, words in (
            (packaged, again, "does not follow from the population"),
            (again, packaged, "is missing or changed"),
        ):
            for row in sql.rows(f"{one} EXCEPT {other} ORDER BY 1"):
                yield f"data/03-population/inventory/{file}.jsonl: {table} of {row[0]} {words}"


def _findings(package: Package, sql: Sql, listed: Mapping[str, str]) -> Iterator[Check]:
    """findings.csv: its fingerprints, and that every deviation of this scan is an open finding in it."""
    if f"data/{reading.FINDINGS}" not in listed:
        yield Check(FINDINGS, ok=False, message=f"data/{reading.FINDINGS}: is missing")
        return
    wrong: list[str] = []
    try:
        reading.load_findings(package, sql)
        for rule, subject, stated in sql.rows(f"SELECT rule, subject, fingerprint FROM {reading.FINDING_TABLE}"):
            if fingerprint(rule, subject) != stated:
                wrong.append(f"data/{reading.FINDINGS}: the fingerprint of {rule}, {subject} is not that of the two")
    except Unreadable as error:
        wrong.append(str(error))
    # a scope that could not be listed opens and closes nothing: its own row among the verdicts says so
    for rule, subject in sql.rows(
        f"""SELECT v.rule, v.subject FROM verdict v
        LEFT JOIN {reading.FINDING_TABLE} f ON f.rule = v.rule AND f.subject = v.subject AND f.state = 'open'
        WHERE v.status = 'fail' AND f.rule IS NULL
        AND NOT EXISTS (SELECT 1 FROM verdict g WHERE g.rule = v.rule AND g.subject = v.scope AND g.status = 'unknown')
        ORDER BY 1, 2"""
    ):
        wrong.append(f"data/{reading.FINDINGS}: {rule} fails for {subject}, and no open finding says so")
    for message in wrong[:_SHOWN]:
        yield Check(FINDINGS, ok=False, message=message)
    if not wrong:
        yield Check(FINDINGS, ok=True, message="every deviation is an open finding")


def _inputs(package: Package) -> list[dict[str, Any]]:
    return [
        {**row, "rows": int(row["rows"]) if str(row["rows"]).isdigit() else row["rows"] or None}
        for row in reading.read_csv(package, payload.INPUTS, payload.INPUT_COLUMNS)
    ]


def _compare(
    package: Package,
    listed: Mapping[str, str],
    again: bag.Payload,
    rules: list[Rule],
    references: Mapping[str, str],
    *,
    same_version: bool,
) -> Iterator[Check]:
    """Every file that follows from the population, against the packaged one, byte for byte."""
    sources = {f"data/{payload.inventory_file(name)}" for name in VIEWS}
    sources |= {f"data/{name}" for name in (payload.DOCUMENTS, payload.TRANSCRIPT, payload.CALLER)}
    sources |= {f"data/{rule_file(rule)}" for rule in rules}
    sources |= {f"data/{payload.reference_file(provider)}" for provider in references}
    pages = {f"data/{name}" for name in PAGES}
    wrong = 0
    for name in sorted(set(listed) - sources - set(again.files)):
        wrong += 1
        yield Check(TESTS, ok=False, message=f"{name}: is no file of a package of this format")
    for name in sorted(again.files):
        try:
            found = bag.digest_of(package.root / name)
        except OSError:
            wrong += 1
            yield Check(
                TESTS, ok=False, message=f"{name}: is missing; the population gives {again.files[name].size} bytes"
            )
            continue
        if found == again.files[name]:
            continue
        if name in pages and not same_version:
            yield from _page_numbers(package, name, again)
            continue
        wrong += 1
        yield Check(TESTS, ok=False, message=_first_difference(package.root / name, again.root / name, name))
    if not wrong:
        yield Check(
            TESTS, ok=True, message=f"{len(rules)} rules run again; {len(again.files)} files follow, byte for byte"
        )


_NUMBER = re.compile(rb'data-(?:count="\w+"|complete)[^>]{0,20}>\s*([0-9,]+)|data-complete="([01])"')


def _page_numbers(package: Package, name: str, again: bag.Payload) -> Iterator[Check]:
    """A page written by another version may look different; its numbers must be the same."""

    def numbers(path: Path) -> list[tuple[bytes, ...]]:
        return _NUMBER.findall(path.read_bytes())

    same = numbers(package.root / name) == numbers(again.root / name)
    said = "its numbers follow" if same else "its numbers do not follow from the population"
    yield Check(TESTS, ok=same, message=f"{name}: was written by another version of nhiscan; {said}")


def _first_difference(packaged: Path, again: Path, name: str) -> str:
    """Names the first line in which two files differ."""
    try:
        pairs = zip_longest(
            lines_of(packaged.parent, packaged.name, LINE_CAP), lines_of(again.parent, again.name, LINE_CAP)
        )
        for mine, theirs in pairs:
            one, two = mine[1] if mine else None, theirs[1] if theirs else None
            if one != two:
                number = (mine or theirs or (0, b""))[0]
                return f"{name}, line {number}: says {_quote(one)}; performing the tests again gives {_quote(two)}"
    except (OSError, ValueError) as error:
        return f"{name}: does not follow from the population ({error})"
    return f"{name}: does not follow from the population"


def _quote(line: bytes | None) -> str:
    if line is None:
        return "nothing"
    text = visible(line.decode(errors="replace"))
    return f"«{text[:160]}…»" if len(text) > 160 else f"«{text}»"

"""Runs rules inside the database: one statement a rule, and rows never travel through Python.

The rule's SELECT is wrapped as INSERT ... SELECT into a work table keyed by the number of the subject. There the engine
counts by status, refuses a subject that comes twice, writes ``unknown`` where the scan could not read what the rule
needs, and takes a digest. What did not pass goes on to the temporary table ``verdict``.
"""

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from nhiscan import model
from nhiscan.evaluate.gaps import NeedRow, PlannedScope, gaps
from nhiscan.evaluate.origin import NUMBER, with_rowid
from nhiscan.evaluate.population import Population, Scoped, population
from nhiscan.inventory import Sql, SqlError
from nhiscan.rule import ENGINE_REASONS, Need, Rule

WORK = "nhiscan_work"
_INDEX = "nhiscan_credential_identity"
_BITS = 10
_CHUNK = 1000
"""Subjects counted and hashed at a time: fewer than 2 to the power of _BITS, see _CODES."""
_PASS, _FAIL, _SKIP, _UNKNOWN, _WRONG, _TWICE = (1 << shift * _BITS for shift in range(6))
_CODES = dict(zip(model.STATUSES, (_PASS, _FAIL, _SKIP, _UNKNOWN), strict=True))
"""A status is the weight of its counter: the sum over a chunk holds six counts of ten bits, in one pass."""
_EVERY = 100_000  # instructions of SQLite's machine between two looks at what is left
_TEMP_CACHE = 64 * 1024  # KiB of SQLite's page cache for temporary tables


class RuleFailed(Exception):
    """A rule that cannot be answered: its SQL errors, or returns what a rule may not return. Fails the run (exit 4)."""

    def __init__(self, rule: str, path: Path, message: str) -> None:
        super().__init__(rule, path, message)
        self.rule, self.path, self.message = rule, path, message

    def __str__(self) -> str:
        return f"rule {self.rule} ({self.path}): {self.message}"


class Count(NamedTuple):
    """What one rule gave in one planned scope. ``population`` is the sum of the four, the scope's own row included."""

    rule: str
    scope: str
    population: int
    passed: int
    failed: int
    skipped: int
    unknown: int
    sha256: str  # of the lines "subject TAB status LF", sorted by subject
    gap: str | None  # reason code of the engine where the rule's needs were not met, else None


@dataclass(frozen=True)
class Evaluation:
    """Counts of every (rule, planned scope of one of its providers), sorted.

    What did not pass lies in the temporary table ``verdict``.
    """

    as_of: int
    counts: tuple[Count, ...]


def evaluate(
    sql: Sql,
    rules: Sequence[Rule],
    parameters: Mapping[str, Mapping[str, int]],
    as_of: int,
    *,
    settle: str | None = None,
    steps: int | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Judge the planned scopes by every rule, over the views that ``sql`` shows by name.

    ``parameters`` holds the settings of each rule by id (all of them, as `Rule.parameters` gives them; a rule left out
    takes its defaults), ``as_of`` the start of the scan (epoch seconds UTC). Fills the temporary table
    ``verdict (rule, subject, scope, status, reason, confidence, severity)`` with what is neither pass nor skip, and
    ``settled`` (the same without scope) with the pass and skip among those that ``settle`` asks for: a SELECT of
    rule and subject. ``steps`` is the most instructions of SQLite's machine that one SELECT may take, for rules of
    strangers. ``progress`` hears what comes next, in words. Raises RuleFailed.
    """
    planned = "SELECT key, kind, provider FROM scope WHERE planned = 1 ORDER BY key"
    scopes = tuple(PlannedScope(*row) for row in sql.rows(planned))
    needs = tuple(
        NeedRow(scope, Need.parse(need), complete == 1)
        for scope, need, complete in sql.rows("SELECT scope, need, complete FROM need WHERE planned = 1")
    )
    _prepare(sql)
    indexed = _index(sql)
    counts: list[Count] = []
    by_subject = sorted(rules, key=lambda rule: (rule.subject, rule.id))
    current: Population | None = None
    for rule in by_subject:
        if current is None or current.view != rule.subject:
            if current is not None:
                current.drop(sql)
            progress(f"population {rule.subject}")
            current = population(sql, rule.subject, [scope.key for scope in scopes])
        progress(f"rule {rule.id}")
        values = rule.bindings(parameters.get(rule.id) or rule.parameters(), as_of)
        others = frozenset(scope.key for scope in scopes if not rule.applies(scope.provider))
        counts.extend(_Judgement(sql, rule, current, values, steps).judge(gaps(rule, scopes, needs), others))
        if settle:
            _settle(sql, rule, current, settle)
    if current is not None:
        current.drop(sql)
    if indexed:
        sql.run(f"DROP INDEX temp.{_INDEX}")
    if sql.dialect == "sqlite":
        sql.run("PRAGMA case_sensitive_like = OFF")
    else:
        sql.run("ANALYZE verdict")
    return Evaluation(as_of, tuple(sorted(counts)))


def _prepare(sql: Sql) -> None:
    if sql.dialect == "sqlite":
        sql.run(f"PRAGMA temp.cache_size = -{_TEMP_CACHE}")
        sql.run("PRAGMA case_sensitive_like = ON")  # LIKE as PostgreSQL reads it
    number = "INTEGER PRIMARY KEY" if sql.dialect == "sqlite" else "BIGINT"
    for table in ("verdict", "settled", WORK):
        sql.run(f"DROP TABLE IF EXISTS {table}")
    sql.create(f"CREATE TEMP TABLE {WORK} (n {number}, status BIGINT, reason TEXT, confidence TEXT, severity TEXT)")
    if sql.dialect != "sqlite":
        sql.run(f"CREATE INDEX {WORK}_n ON {WORK} (n)")
    plain = " WITHOUT ROWID" if sql.dialect == "sqlite" else ""
    sql.create(
        "CREATE TEMP TABLE verdict (rule TEXT, subject TEXT, scope TEXT, status TEXT, reason TEXT, confidence TEXT,"
        f" severity TEXT, PRIMARY KEY (rule, subject)){plain}"
    )
    sql.create(
        "CREATE TEMP TABLE settled (rule TEXT, subject TEXT, status TEXT, reason TEXT, confidence TEXT, severity TEXT,"
        f" PRIMARY KEY (rule, subject)){plain}"
    )


def _index(sql: Sql) -> bool:
    """Credentials by identity, for the rules that count them: without it SQLite sorts them anew for every such rule.

    Only where the view is a temporary table of SQLite: PostgreSQL hashes, and other tables are not ours to change.
    """
    if sql.dialect != "sqlite":
        return False
    if not sql.one("SELECT 1 FROM sqlite_temp_master WHERE type = 'table' AND name = 'credential'"):
        return False
    sql.run(f"DROP INDEX IF EXISTS temp.{_INDEX}")
    sql.run(f"CREATE INDEX temp.{_INDEX} ON credential (identity, kind, state, created_at, used_at, known_since)")
    return True


@contextmanager
def _limited(sql: Sql, steps: int | None) -> Iterator[None]:
    """Lets SQLite stop what takes more instructions than this. PostgreSQL has its statement_timeout."""
    if steps is None or sql.dialect != "sqlite":
        yield
        return
    left = [steps // _EVERY]

    def spent() -> int:
        left[0] -= 1
        return int(left[0] < 0)

    sql.raw.set_progress_handler(spent, _EVERY)
    try:
        yield
    finally:
        sql.raw.set_progress_handler(None, 0)


def _settle(sql: Sql, rule: Rule, people: Population, asked: str) -> None:
    join, number = people.numbered("f.subject")
    sql.run(
        f"INSERT INTO settled SELECT f.rule, f.subject, CASE w.status WHEN {_PASS} THEN 'pass' ELSE 'skip' END,"
        f" w.reason, w.confidence, w.severity FROM ({asked}) AS f"
        f" JOIN {join} JOIN {WORK} w ON w.n = {number}"
        f" WHERE f.rule = :rule AND w.status IN ({_PASS}, {_SKIP})",
        {"rule": rule.id},
    )


class _Judgement:
    """One rule over one population."""

    def __init__(self, sql: Sql, rule: Rule, people: Population, values: Mapping[str, int], steps: int | None) -> None:
        self._sql, self._rule, self._population, self._values, self._steps = sql, rule, people, values, steps

    def judge(self, gap_of: Mapping[str, str], others: Collection[str]) -> Iterable[Count]:
        """The counts, by scope. ``others`` are the scopes that the rule is not about. What it gives there is dropped.

        A scope whose provider is not known, because not even its name could be read, is not among them.
        """
        self._sql.run(f"DELETE FROM {WORK}" if self._sql.dialect == "sqlite" else f"TRUNCATE {WORK}")
        try:
            with _limited(self._sql, self._steps):
                self._select()
        except SqlError as error:
            raise self._failed(f"the database refuses it: {error}") from error
        judged = [scoped for scoped in self._population.scopes if scoped.scope not in others]
        self._drop(scoped for scoped in self._population.scopes if scoped.scope in others)
        self._unconfirmed()
        for scoped in judged:
            if scoped.scope in gap_of:
                self._gap(scoped, gap_of[scoped.scope])
        counts = [self._count(scoped, gap_of.get(scoped.scope)) for scoped in judged]
        self._verdicts()
        return counts

    def _failed(self, message: str) -> RuleFailed:
        return RuleFailed(self._rule.id, self._rule.path, message)

    # --- the rule's own statement ---

    def _select(self) -> None:
        given = self._rule.columns
        cases = " ".join(f"WHEN '{status}' THEN {code}" for status, code in _CODES.items())
        columns = ", ".join(f"v.{name}" if name in given else "NULL" for name in ("reason", "confidence", "severity"))
        view, people = self._rule.subject, self._population
        join, number = people.numbered("v.subject")
        text = with_rowid(self._rule.sql, view) if people.ordered else None
        if text is not None:
            source, number = f"({text}\n) AS v WHERE TRUE", f"v.{NUMBER}"
        else:
            # A subject without number is no key of the view (number 0, refused below), or lives in a scope not planned.
            source = f"({self._rule.sql}\n) AS v LEFT JOIN {join} WHERE {number} IS NOT NULL"
            source += f" OR NOT EXISTS (SELECT 1 FROM {view} x WHERE x.key = v.subject)"
        # SQLite marks a number that comes twice; PostgreSQL has no such clause and is asked afterwards.
        twice = f" ON CONFLICT (n) DO UPDATE SET status = {_TWICE}" if self._sql.dialect == "sqlite" else ""
        self._sql.run(
            f"INSERT INTO {WORK} (n, status, reason, confidence, severity)"
            f" SELECT coalesce({number}, 0), CASE v.status {cases} ELSE {_WRONG} END, {columns} FROM {source}{twice}",
            self._values,
        )
        own = set() if view == "scope" else {scoped.own for scoped in self._population.scopes if scoped.own}
        strangers = [0, *own]
        for start in range(0, len(strangers), _CHUNK):
            listed = ", ".join(str(n) for n in strangers[start : start + _CHUNK])
            if self._sql.one(f"SELECT n FROM {WORK} WHERE n IN ({listed})"):
                raise self._failed(self._stranger())
        if self._sql.dialect != "sqlite":
            again = self._sql.one(f"SELECT n FROM {WORK} GROUP BY n HAVING count(*) > 1 ORDER BY n")
            if again:
                raise self._failed(f"returns the subject {self._key(again[0])!r} twice")

    def _stranger(self) -> str:
        found = self._sql.one(
            f"SELECT v.subject FROM ({self._rule.sql}\n) AS v WHERE v.subject IS NULL"
            f" OR NOT EXISTS (SELECT 1 FROM {self._rule.subject} x WHERE x.key = v.subject) ORDER BY 1",
            self._values,
        )
        if found is None or found[0] is None:
            return "returns a row without subject"
        return f"returns the subject {found[0]!r}, which is no key of {self._rule.subject}"

    def _key(self, number: int) -> str:
        row = self._sql.one(f"SELECT key FROM {self._population.table} WHERE n = :n", {"n": number})
        return str(row[0]) if row else ""

    # --- scopes of other providers ---

    def _drop(self, scopes: Iterable[Scoped]) -> None:
        """Take the rows of these scopes out. Numbers in a row go at once: a provider has thousands of scopes."""
        merged: list[tuple[int, int]] = []
        for first, last in sorted(run for scoped in scopes for run in scoped.runs):
            if merged and first == merged[-1][1] + 1:
                merged[-1] = (merged[-1][0], last)
            else:
                merged.append((first, last))
        for first, last in merged:
            self._sql.run(f"DELETE FROM {WORK} WHERE n BETWEEN {first} AND {last}")

    # --- what the scan could not read ---

    def _unconfirmed(self) -> None:
        if self._population.unconfirmed:
            self._unknown(
                "unconfirmed",
                f"n IN (SELECT n FROM {self._population.unconfirmed}) AND status IN ({_PASS}, {_SKIP}, {_FAIL})",
            )

    def _gap(self, scoped: Scoped, reason: str) -> None:
        over = f"{_PASS}, {_SKIP}" if self._rule.fail_stands else f"{_PASS}, {_SKIP}, {_FAIL}"
        for first, last in scoped.runs:
            self._unknown(reason, f"n BETWEEN {first} AND {last} AND status IN ({over})")
        if scoped.own and self._sql.one(f"SELECT 1 FROM {WORK} WHERE n = {scoped.own}") is None:
            self._sql.run(
                f"INSERT INTO {WORK} (n, status, reason) VALUES ({scoped.own}, {_UNKNOWN}, :reason)", {"reason": reason}
            )

    def _unknown(self, reason: str, where: str) -> None:
        self._sql.run(
            f"UPDATE {WORK} SET status = {_UNKNOWN}, reason = :reason, confidence = NULL, severity = NULL"
            f" WHERE {where}",
            {"reason": reason},
        )

    # --- counting ---

    def _count(self, scoped: Scoped, gap: str | None) -> Count:
        digest = hashlib.sha256()
        totals = [0] * 6
        cases = " ".join(f"WHEN {code} THEN '\t{status}\n'" for status, code in _CODES.items())
        tail = f"CASE w.status {cases} ELSE '' END"
        # SQLite walks a span of an INTEGER PRIMARY KEY from its beginning to its end, and a bare column beside min() is
        # of the row with the least. The keys stand where separators do: that spares a new text for each row.
        lines = (
            f"p.key, group_concat({tail}, p.key)"
            if self._sql.dialect == "sqlite"
            else f"'', string_agg(p.key || {tail}, '' ORDER BY w.n)"
        )
        statement = (
            f"SELECT {lines}, sum(w.status), min(w.n) FROM {WORK} w CROSS JOIN {self._population.table} p"
            " WHERE p.n = w.n AND w.n BETWEEN :first AND :last"
        )
        for start, end in scoped.runs:
            for first in range(start, end + 1, _CHUNK):
                row = self._sql.one(statement, {"first": first, "last": min(first + _CHUNK - 1, end)})
                if row and row[1] is not None:
                    digest.update(row[0].encode())
                    digest.update(row[1].encode())
                    weights = int(row[2])
                    totals = [total + (weights >> n * _BITS & (1 << _BITS) - 1) for n, total in enumerate(totals)]
        passed, failed, skipped, unknown, wrong, twice = totals
        if wrong or twice:
            raise self._failed(self._wrong(_TWICE if twice else _WRONG))
        number = passed + failed + skipped + unknown
        return Count(self._rule.id, scoped.scope, number, passed, failed, skipped, unknown, digest.hexdigest(), gap)

    def _wrong(self, code: int) -> str:
        row = self._sql.one(
            f"SELECT p.key FROM {WORK} w JOIN {self._population.table} p ON p.n = w.n"
            f" WHERE w.status = {code} ORDER BY w.n"
        )
        key = str(row[0]) if row else ""
        if code == _TWICE:
            return f"returns the subject {key!r} twice"
        status = self._sql.one(
            f"SELECT v.status FROM ({self._rule.sql}\n) AS v WHERE v.subject = :nhiscan_key",
            {**self._values, "nhiscan_key": key},
        )
        return (
            f"gives {key!r} the status {status[0] if status else None!r}, which is none of {', '.join(model.STATUSES)}"
        )

    # --- what did not pass ---

    def _verdicts(self) -> None:
        rule = self._rule
        self._sql.run(
            "INSERT INTO verdict (rule, subject, scope, status, reason, confidence, severity)"
            f" SELECT :rule, p.key, p.scope, CASE w.status WHEN {_FAIL} THEN 'fail' ELSE 'unknown' END, w.reason,"
            " coalesce(w.confidence, 'proven'), coalesce(w.severity, :severity)"
            f" FROM {WORK} w CROSS JOIN {self._population.table} p"
            f" WHERE p.n = w.n AND w.status IN ({_FAIL}, {_UNKNOWN}) ORDER BY w.n",
            {"rule": rule.id, "severity": rule.severity},
        )
        known: Mapping[str, set[str | None]] = {
            "reason": {None, *rule.reasons, *ENGINE_REASONS},
            "confidence": {*model.CONFIDENCES},
            "severity": {*model.SEVERITIES},
        }
        for column, values in known.items():
            if column not in rule.columns:
                continue
            for (value,) in self._sql.rows(
                f"SELECT DISTINCT {column} FROM verdict WHERE rule = :rule", {"rule": rule.id}
            ):
                if value not in values:
                    raise self._failed(f"gives the {column} {value!r}, which is not declared")

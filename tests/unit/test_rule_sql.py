"""The SQL of rule files: what is refused, at which line; and what is let through."""

from pathlib import Path

import pytest

from nhiscan.rule import Problem, RuleErrors, load

HEAD = """\
id = "sample"
title = "A sample"
severity = "low"
status = "test"
subject = "credential"
needs = ["credential"]
rationale = "Because."
false_positives = ["None."]
message = "It failed."
sql = '''
"""
TAIL = """
'''
[[controls]]
ref = "TSC@2017#CC6.1"
strength = "weak"
status = "proposed"
why = "x"
[params.days]
default = 90
unit = "days"
about = "x"
[remediation.any]
text = "x"
proof = "x"
[[examples]]
name = "x"
as_of = 2026-01-01
credential = [{ key = "a", name = "x" }, { key = "b", name = "fail" }, { key = "c" }]
expect = { a = "pass", b = "fail", c = "unknown" }
"""
FIRST = HEAD.count("\n") + 1


def problems(folder: Path, sql: str) -> tuple[Problem, ...]:
    path = folder / "sample.toml"
    path.write_text(HEAD + sql + TAIL, encoding="utf-8")
    try:
        load([path])
    except RuleErrors as errors:
        return errors.problems
    return ()


def status(condition: str) -> str:
    """A SELECT with a condition in its third line."""
    case = f"CASE WHEN :days > 0 AND\n  {condition}\n  THEN 'pass' ELSE 'fail' END AS status"
    return f"SELECT c.key AS subject,\n  {case}\nFROM credential c"


PASSING = [
    "c.name LIKE 'svc-%'",
    "c.name LIKE 'svc!_%' ESCAPE '!'",
    "c.name IS NOT NULL",
    "c.name IS DISTINCT FROM c.service",
    "c.created_at BETWEEN 1 AND :as_of",
    "NOT EXISTS (SELECT 1 FROM identity i WHERE i.key = c.identity)",
    "c.kind IN ('password', 'access_key')",
    "c.kind IN (SELECT kind FROM credential)",
    "CASE c.slot WHEN 1 THEN 1 WHEN 2 THEN 0 END = 1",
    "(c.slot = 1 OR c.slot = 2)",
    "c.slot / 2 = 1 AND c.slot % nullif(c.slot, 0) = 0",
    "(SELECT count(*) FROM credential d WHERE d.identity = c.identity) > 1",
    "(SELECT d.key FROM credential d ORDER BY d.created_at DESC NULLS LAST, d.key LIMIT 1) = c.key",
    "(SELECT max(d.created_at) FROM credential d) > 0",
    "coalesce(length(substr(replace(trim(upper(c.name)), 'A', ''), 1, 2)), 0) > 0 -- a remark; with 'quotes'",
    "/* more */ c.name || 'x' <> 'it''s'",
    "CAST(c.slot AS TEXT) = '1'",
]


@pytest.mark.parametrize("condition", PASSING)
def test_portable_sql_passes(tmp_path: Path, condition: str) -> None:
    assert problems(tmp_path, status(condition)) == ()


WHOLE = {
    "with": """WITH old AS (SELECT d.key, count(*) AS n FROM credential d GROUP BY d.key)
SELECT c.key AS subject, CASE WHEN o.n > :days THEN 'pass' ELSE 'fail' END AS status
FROM credential c LEFT JOIN old o ON o.key = c.key""",
    "recursive": """WITH RECURSIVE up(key, n) AS (
  SELECT s.key, 0 FROM scope s UNION ALL SELECT s.key, u.n + 1 FROM scope s JOIN up u ON u.key = s.parent WHERE u.n < 9
)
SELECT c.key AS subject, CASE WHEN (SELECT count(*) FROM up) > :days THEN 'pass' ELSE 'fail' END AS status
FROM credential c""",
    "window": """SELECT x.key AS subject, CASE WHEN x.place > :days THEN 'pass' ELSE 'fail' END AS status FROM (
  SELECT c.key, row_number() OVER (PARTITION BY c.identity ORDER BY c.created_at NULLS FIRST, c.key) AS place
  FROM credential c) AS x""",
    "groups": """SELECT c.key AS subject, CASE WHEN count(i.key) > :days THEN 'pass' ELSE 'fail' END AS status, c.name
FROM credential c LEFT JOIN identity i ON i.key = c.identity GROUP BY c.key, c.name HAVING count(*) > 0""",
    "union": """SELECT key AS subject, 'pass' AS status FROM credential WHERE created_at > :days
UNION ALL SELECT key, 'fail' FROM credential WHERE NOT created_at > :days""",
}


@pytest.mark.parametrize("sql", WHOLE.values(), ids=WHOLE)
def test_whole_statements_pass(tmp_path: Path, sql: str) -> None:
    assert problems(tmp_path, sql) == ()


CONDITIONS = {
    'c.name = "svc"': "quotes a name in one database",
    "c.name = `svc`": "quotes a name in one database",
    "c.name = 'x'; SELECT 1": "leave out the semicolon",
    "c.name = ?": "parameters are named",
    "c.name = @x": "parameters are named",
    "c.slot = 1.5": "whole decimal numbers",
    "c.slot = 0x10": "whole decimal numbers",
    "c.slot == 1": "write = instead of ==",
    "c.slot & 1 = 1": "unexpected character '&'",
    "c.name = E'x'": "e'...' is not a plain text",
    "c.name GLOB 'x*'": "GLOB exists in SQLite only",
    "c.name REGEXP 'x'": "REGEXP exists in SQLite only",
    "c.rowid > 1": "credential.ROWID is not a column",
    "rowid > 1": "rowid exists in SQLite only",
    "c.name = 'x' COLLATE NOCASE": "COLLATE differs",
    "c.name IS c.service": "IS takes NULL",
    "c.slot IS 1": "IS takes NULL",
    "c.slot = TRUE": "there are no truth values",
    "c.name LIKE c.service": "LIKE takes a literal pattern",
    r"c.name LIKE 'a\_%'": "LIKE takes a literal pattern",
    "c.name IN identity": "IN takes a list",
    "max(c.slot, 1) = 1": "max of several values",
    "substr(c.name, 0) = 'x'": "substr counts from 1",
    "substr(c.name, -1) = 'x'": "substr counts from 1",
    "CAST(c.name AS INTEGER) = 1": "CAST only to TEXT",
    "c.slot / :days = 1": "databases differ on division by zero",
    "c.slot % c.slot = 1": "databases differ on division by zero",
    "c.confirmed": "compare it, as in x = 1",
    "NOT c.confirmed": "compare it, as in x = 1",
    "(c.slot = 1 OR planned)": "compare it, as in x = 1",
    "1": "compare it, as in x = 1",
    "c.created_at < current_timestamp": "a rule reads no clock",
    "c.created_at < strftime('%s', 'now')": "function strftime is not allowed",
    "c.created_at < unixepoch()": "function unixepoch is not allowed",
    "random() = 1": "function random is not allowed",
    "load_extension('x') = 1": "function load_extension is not allowed",
    "readfile('/etc/passwd') = 'x'": "no such function: readfile",
    "length(hex(c.name)) = 1": "function hex is not allowed",
    "instr(c.name, 'x') = 1": "function instr is not allowed",
    "c.nmae = 'x'": "no such column: c.nmae",
    "(SELECT count(*) FROM sqlite_master) > 0": "table sqlite_master is not part",
    "(SELECT sql FROM sqlite_schema) = 'x'": "table sqlite_master is not part",
    "(SELECT count(*) FROM pragma_table_info('identity')) > 0": "pragma_table_info(...) is no table",
    "(SELECT count(*) FROM identity_range) > 0": "no such table: identity_range",
    "(SELECT d.key FROM credential d ORDER BY d.created_at LIMIT 1) = 'x'": "say where nulls come",
    "(SELECT n FROM (SELECT 1 AS n)) = 1": "a SELECT in FROM needs a name",
    ":undeclared = 1": ":undeclared is not declared",
    "c.slot = )": "syntax error",
}


@pytest.mark.parametrize("condition", CONDITIONS)
def test_refused_with_the_line(tmp_path: Path, condition: str) -> None:
    found = problems(tmp_path, status(condition))
    matching = [problem for problem in found if CONDITIONS[condition] in problem.message]
    assert matching, found
    aliased = "ROWID" in matching[0].message or "sqlite_master" in matching[0].message  # under another name
    assert matching[0].line == (FIRST if aliased and "sqlite_master" not in condition else FIRST + 2), matching


STATEMENTS = {
    "DELETE FROM credential": (0, "a rule is one SELECT"),
    "PRAGMA user_version": (0, "a rule is one SELECT"),
    "ATTACH 'x' AS y": (0, "a rule is one SELECT"),
    "VALUES (1)": (0, "a rule is one SELECT"),
    "WITH x AS (SELECT 1 AS n) DELETE FROM credential": (0, "a rule only reads"),
    "WITH x AS (SELECT 1 AS n)\nINSERT INTO credential (key) SELECT 'x'": (1, "a rule only reads"),
    "SELECT key AS subject, 'fail' AS status FROM credential\nORDER BY 1": (1, "ORDER BY at the outer level"),
    "SELECT key AS subject, 'fail' AS status FROM credential\nLIMIT 5": (1, "LIMIT at the outer level"),
    "SELECT key, 'fail' AS status FROM credential": (-1, "no column subject"),
    "SELECT key AS subject, 'fail' FROM credential": (-1, "no column status"),
    "SELECT key AS subject, 'fail' AS status, name, service AS name FROM credential": (
        -1,
        "two columns are named name",
    ),
    "SELECT key AS subject, 'fail' AS status, slot + 1 FROM credential": (-1, "needs a plain name"),
    "SELECT key AS subject, 'fail' AS status, 1 AS days FROM credential": (-1, "the name of a parameter"),
    "SELECT key AS subject, 'fail' AS status, scope FROM credential": (-1, "the name of a fact of the engine"),
    "SELECT identity AS subject, 'fail' AS status,\n  name FROM credential GROUP BY identity": (
        1,
        "name is neither grouped",
    ),
    "SELECT c.key AS subject, 'fail' AS status\nFROM credential c, nowhere": (
        1,
        "no such table",
    ),
    "-- nothing": (0, "the SQL is empty"),
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)\n"
    "SELECT 'x' AS subject, 'fail' AS status WHERE (SELECT count(*) FROM n) > 0": (
        0,
        "does not come to an end",
    ),
}


@pytest.mark.parametrize("sql", STATEMENTS)
def test_statements_refused_with_the_line(tmp_path: Path, sql: str) -> None:
    below, message = STATEMENTS[sql]
    matching = [problem for problem in problems(tmp_path, sql) if message in problem.message]
    assert [problem.line for problem in matching][:1] == [FIRST + below], problems(tmp_path, sql)


def test_a_text_without_end_is_refused(tmp_path: Path) -> None:
    (problem,) = problems(tmp_path, status("c.name = 'x"))
    assert problem.message == "text without its closing quote"


def test_all_faults_of_one_statement_come_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, status("c.name IS c.service\n  AND c.slot = TRUE"))
    assert [problem.line for problem in found] == [FIRST + 2, FIRST + 3]

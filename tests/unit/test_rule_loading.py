"""Rule files: what is refused, with file and line, and all of it at once."""

import pickle
from pathlib import Path

import pytest

from nhiscan.rule import ParameterError, Problem, Rule, RuleErrors, load, rules_digest

GOOD = """\
id = "sample-rule"
title = "A sample"
severity = "high"
status = "stable"
subject = "credential"
needs = ["credential:access_key"]
fail_stands = true
rationale = "Because."
false_positives = ["None that we know."]
references = ["https://example.com/"]
message = "{name} was made on {created_at:date}, more than {max_age_days} days before {as_of:date}."
sql = '''
SELECT c.key AS subject,
       CASE WHEN c.created_at IS NULL THEN 'unknown'
            WHEN c.created_at >= :as_of - :max_age_days * 86400 THEN 'pass'
            ELSE 'fail' END AS status,
       CASE WHEN c.created_at IS NULL THEN 'no-time' END AS reason,
       c.name, c.created_at
FROM credential c
'''

[[controls]]
ref = "TSC@2017#CC6.1"
strength = "direct"
status = "proposed"
why = "It shows the age."

[params.max_age_days]
default = 90
unit = "days"
about = "The greatest age."

[reasons]
no-time = "no creation time was delivered"

[remediation.aws]
text = "Replace it."
commands = ["aws iam delete-access-key --access-key-id {name}"]
proof = "{name} is gone."

[[examples]]
name = "all of it"
as_of = 2026-01-01T00:00:00Z
credential = [
  { key = "a", name = "A", created_at = "2025-12-31" },
  { key = "b", name = "B", created_at = 2025-01-01 },
  { key = "c", name = "C" },
]

[examples.expect]
a = "pass"
b = "fail"
c = { status = "unknown", reason = "no-time" }
"""


def write(folder: Path, text: str = GOOD, name: str = "sample-rule.toml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> tuple[Problem, ...]:
    with pytest.raises(RuleErrors) as caught:
        load([path])
    return caught.value.problems


def line_of(text: str, part: str) -> int:
    return text.count("\n", 0, text.index(part)) + 1


def test_a_good_file_becomes_a_rule(tmp_path: Path) -> None:
    (rule,) = load([write(tmp_path)])
    assert rule.id == "sample-rule"
    assert rule.facts == ("name", "created_at")
    assert rule.columns == ("subject", "status", "reason", "name", "created_at")
    assert rule.parameters() == {"max_age_days": 90}
    assert rule.controls[0].framework == "TSC@2017"
    assert rule.controls[0].item == "CC6.1"
    assert rule.examples[0].as_of == 1_767_225_600
    assert rule.examples[0].tables["credential"][1] == {
        "scope": "s",
        "planned": 1,
        "confirmed": 1,
        "key": "b",
        "name": "B",
        "created_at": 1_735_689_600,
    }
    assert rule.reason_text("no-time") == "no creation time was delivered"
    assert rule.reason_text("coverage") == "What this rule needs could not be read completely in this scope."
    assert rule.bindings({"max_age_days": 5}, 7) == {"max_age_days": 5, "as_of": 7}
    assert pickle.loads(pickle.dumps(rule)) == rule


def test_a_rule_may_be_about_some_providers(tmp_path: Path) -> None:
    (everywhere,) = load([write(tmp_path)])
    assert everywhere.providers == ()
    assert everywhere.applies("aws")
    assert everywhere.applies("acme")
    (rule,) = load(
        [
            write(
                tmp_path,
                GOOD.replace("subject =", 'providers = ["aws", "acme-cloud"]\nsubject =').replace(
                    "remediation.aws", "remediation.any"
                ),
            )
        ]
    )
    assert rule.providers == ("aws", "acme-cloud")
    assert rule.applies("acme-cloud")
    assert not rule.applies("acme")


CHANGES = {
    "unknown key": ("rationale =", 'ratoinale = "x"\nrationale =', "ratoinale =", "nearest: rationale"),
    "nested unknown key": ('why = "It', 'whi = "x"\nwhy = "It', "whi =", "nearest: why"),
    "example column": ('name = "C" }', 'nmae = "C" }', "credential = [", "nearest: name"),
    "empty title": ('title = "A sample"', 'title = " "', "title =", "title must be a text that is not empty"),
    "missing title": ('title = "A sample"\n', "", "id =", "title must be a text"),
    "severity": ('"high"', '"hgh"', "severity =", "nearest: high"),
    "status": ('"stable"', '"done"', "status =", "none of experimental, test, stable"),
    "subject": ('subject = "credential"', 'subject = "need"', "subject =", "subject 'need'"),
    "id": ('"sample-rule"', '"Sample Rule"', "id =", "lower-case words"),
    "file name": ('"sample-rule"', '"other-rule"', "id =", "must be named other-rule.toml"),
    "need table": ('["credential:access_key"]', '["credental"]', "needs =", "nearest: credential"),
    "need kind": ("credential:access_key", "credential:acess_key", "needs =", "nearest: access_key"),
    "need fact": ("credential:access_key", "credential.used", "needs =", "nearest: used_at"),
    "no needs": ('needs = ["credential:access_key"]\n', "", "id =", "needs must be a list"),
    "flag": ("fail_stands = true", "fail_stands = 1", "fail_stands", "true or false"),
    "false positives": ('["None that we know."]', "[]", "false_positives", "at least one"),
    "control form": ("TSC@2017#CC6.1", "CC6.1", "ref =", "framework@version#item"),
    "control framework": ("TSC@2017#CC6.1", "CIS@7.0#1.1", "[[controls]]", "TSC@2017"),
    "strength": ('"direct"', '"strong"', "strength =", "none of direct, supporting, weak"),
    "default": ("default = 90", "default = -1", "default =", "whole number"),
    "fractional default": ("default = 90", "default = 1.5", "default =", "whole number"),
    "engine's reason": ("no-time =", 'coverage = "x"\nno-time =', "coverage =", "the engine's own"),
    "reason not given": ("no-time =", 'other = "x"\nno-time =', "other =", "not given by the SQL"),
    "placeholder": ("{name} was", "{nmae} was", "message =", "nearest: name"),
    "placeholder style": ("{created_at:date}", "{created_at:day}", "message =", "unknown style 'day'"),
    "attribute": ("{name} was", "{name.__class__} was", "message =", "is not {fact}"),
    "conversion": ("{name} was", "{name!r} was", "message =", "is not {fact}"),
    "brace": ("{name} was", "{name was", "message =", "expected"),
    "command placeholder": ("-id {name}", "-id {id}", "commands =", "{id} is no column"),
    "proof placeholder": ("{name} is gone", "{nam} is gone", "proof =", "{nam} is no column"),
    "providers form": (
        'subject = "cred',
        'providers = ["aws", "Big Cloud"]\nsubject = "cred',
        "providers =",
        "no name of a conn",
    ),
    "provider twice": ('subject = "cred', 'providers = ["aws", "aws"]\nsubject = "cred', "providers =", "stands twice"),
    "no provider": ('subject = "cred', 'providers = []\nsubject = "cred', "providers =", "at least one"),
    "one provider": ('subject = "cred', 'providers = "aws"\nsubject = "cred', "providers =", "a list of texts"),
    "remedy of another": (
        'subject = "credential"',
        'providers = ["gcp"]\nsubject = "credential"',
        "[remediation.aws]",
        "'aws' is none of the rule's providers",
    ),
    "provider without remedy": (
        'subject = "credential"',
        'providers = ["aws", "gcp"]\nsubject = "credential"',
        "providers =",
        "no remediation for provider gcp, and none for any",
    ),
    "no remediation": ("[remediation.aws]", "[reasons.aws]", "id =", "at least one provider"),
    "as_of": ("2026-01-01T00:00:00Z", '"yesterday"', "as_of =", "must be a time"),
    "text column": ('name = "A"', "name = 1", "credential = [", "credential.name must be a text"),
    "integer column": (
        "created_at = 2025-01-01",
        'created_at = "soon"',
        "credential = [",
        "must be a whole number or a",
    ),
    "expected status": ('a = "pass"', 'a = "ok"', "a =", "none of pass, fail, skip, unknown"),
    "expected reason": ('reason = "no-time"', 'reason = "no-tme"', "c =", "nearest: no-time"),
    "unknown parameter of an example": (
        "credential = [",
        "params = { days = 1 }\ncredential = [",
        "params = {",
        "days",
    ),
    "no unknown": (
        'c = { status = "unknown", reason = "no-time" }\n',
        "",
        "[[examples]]",
        "no example expects unknown",
    ),
    "reason not shown": (', reason = "no-time" }', " }", "no-time =", "no example expects the reason no-time"),
    "unused parameter": (
        "[params.max_age_days]",
        '[params.more]\ndefault = 1\nunit = "days"\nabout = "x"\n[params.max_age_days]',
        "[params.more]",
        "not used by the SQL",
    ),
    "undeclared parameter": (
        ":max_age_days * 86400",
        ":max_age * 86400",
        "WHEN c.created_at >=",
        "nearest: max_age_days",
    ),
    "always known": ("fail_stands = true", "always_known = true", "always_known", "a rule with needs"),
}


@pytest.mark.parametrize(("old", "new", "at", "message"), CHANGES.values(), ids=CHANGES)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, at: str, message: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    path = write(tmp_path, text)
    found = [problem for problem in refused(path) if message in problem.message]
    assert [(problem.path, problem.line) for problem in found] == [(path, line_of(text, at))], refused(path)


def test_all_problems_of_all_files_come_at_once(tmp_path: Path) -> None:
    first = write(tmp_path, GOOD.replace('"high"', '"hgh"').replace("default = 90", "default = true"))
    second = write(tmp_path, "id = 'x'\nthis is no toml\n", "second.toml")
    third = tmp_path / "third.toml"
    third.write_bytes(b'id = "third"\ntitle = "\xff"\n')
    problems = refused(tmp_path)
    assert {(problem.path, problem.line) for problem in problems} == {
        (first, 3),
        (first, line_of(GOOD, "default =")),
        (second, 2),
        (third, 2),
    }
    shown = str(RuleErrors(problems)).splitlines()
    assert shown[0].startswith(f"{first}:3: severity 'hgh' is none of")
    assert pickle.loads(pickle.dumps(RuleErrors(problems))).problems == RuleErrors(problems).problems


def test_two_files_with_one_id_name_each_other(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = write(tmp_path / "a"), write(tmp_path / "b")
    problems = refused(tmp_path)
    assert {problem.path for problem in problems} == {one, other}
    assert any(str(other) in problem.message for problem in problems if problem.path == one)


def test_the_same_file_given_twice_is_one_rule(tmp_path: Path) -> None:
    path = write(tmp_path)
    assert len(load([path, tmp_path])) == 1


def test_missing_and_empty_places_are_problems(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RuleErrors) as caught:
        load([tmp_path / "nowhere", tmp_path / "empty"])
    assert [problem.message for problem in caught.value.problems] == [
        "no rule files (*.toml) in this folder",
        "no such file or folder",
    ]


def test_windows_line_ends_read_alike_and_digest_the_bytes(tmp_path: Path) -> None:
    path = tmp_path / "sample-rule.toml"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())
    (windows,) = load([path])
    (unix,) = load([write(tmp_path)])
    assert windows.sql == unix.sql
    assert windows.sha256 != unix.sha256


@pytest.fixture
def rule(tmp_path: Path) -> Rule:
    return load([write(tmp_path)])[0]


@pytest.mark.parametrize("value", [-1, 1.5, "9", True, None, 2**31])
def test_parameters_are_whole_numbers(rule: Rule, value: object) -> None:
    with pytest.raises(ParameterError, match=r"rule sample-rule, parameter max_age_days: .* is not a whole number"):
        rule.parameters({"max_age_days": value})


def test_an_unknown_parameter_names_the_nearest(rule: Rule) -> None:
    with pytest.raises(ParameterError, match="nearest: max_age_days"):
        rule.parameters({"max_age": 1})
    assert rule.parameters({"max_age_days": 0}) == {"max_age_days": 0}


def test_the_digest_of_the_rules_follows_files_and_parameters(rule: Rule, tmp_path: Path) -> None:
    default = rules_digest([rule], {})
    assert default == rules_digest([rule], {"sample-rule": {"max_age_days": 90}})
    assert default != rules_digest([rule], {"sample-rule": {"max_age_days": 91}})
    (changed,) = load([write(tmp_path, GOOD + "# a remark\n")])
    assert default != rules_digest([changed], {})


def test_sql_that_is_refused_is_the_one_thing_said(tmp_path: Path) -> None:
    (only,) = refused(write(tmp_path, GOOD.replace("FROM credential c", "FROM credntial c")))
    assert "credntial" in only.message

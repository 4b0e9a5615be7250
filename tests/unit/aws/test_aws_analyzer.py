"""The AWS analyzer on documents that are easily misread, and on documents that nobody should send."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.model import (
    ACCESS_CAPABILITIES,
    ACCESS_EFFECTS,
    ACCESS_LEVELS,
    ACCESS_REASONS,
    CONFIDENCES,
    ESCALATION_CATEGORIES,
    ESCALATION_GRADES,
    ESCALATION_OUTCOMES,
    PRIVILEGE_LEVELS,
    TRUST_PRINCIPAL_KINDS,
    TRUST_WIDTHS,
    Derived,
    EffectiveAccess,
    EscalationPath,
    Privilege,
    Trust,
)
from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.analyzer.patterns import covers, covers_all_resources, matches, meets
from nhiscan_aws.analyzer.statements import MAX_DOCUMENT, Unreadable, read
from nhiscan_aws.sketch import Sketch, allow, deny, policy, trust

BUCKET = "arn:aws:s3:::bucket"
ROLES = "arn:aws:iam::111111111111:role"


def derived(sketch: Sketch) -> list[Derived]:
    return list(ANALYZER.derive(sketch.records))


def access(sketch: Sketch) -> list[EffectiveAccess]:
    return [row for row in derived(sketch) if isinstance(row, EffectiveAccess)]


def granted(*statements: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def in_one_go(rows: Sequence[EffectiveAccess]) -> list[tuple[str, str, str, str, int]]:
    """The rows of what a statement grants as a whole."""
    wanted = ("administrator", "exclusion", "service_administrator", "pass_role", "assume_role")
    return [
        (row.capability, row.level, row.action, row.resource, row.everywhere)
        for row in rows
        if row.capability in wanted
    ]


ADMINISTRATOR = ("administrator", "administrator")
WHOLE = ("service_administrator", "permissions_management")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        # everything, in every spelling
        (allow("*"), [(*ADMINISTRATOR, "*", "*", 1)]),
        (allow("*:*"), [(*ADMINISTRATOR, "*:*", "*", 1)]),
        (allow(["*"], ["*"]), [(*ADMINISTRATOR, "*", "*", 1)]),
        (allow("*", "arn:aws:*:*:*:*"), [(*ADMINISTRATOR, "*", "arn:aws:*:*:*:*", 1)]),
        (allow("*", "**"), [(*ADMINISTRATOR, "*", "**", 1)]),
        (allow("*", BUCKET), []),
        (allow("*", f"{ROLES}/x"), []),
        # a whole service; its level is that of its most telling action
        (allow("S3:*"), [(*WHOLE, "s3:*", "*", 1)]),
        (allow("s3:?*"), [(*WHOLE, "s3:?*", "*", 1)]),
        (allow("s3:*", BUCKET), [(*WHOLE, "s3:*", BUCKET, 0)]),
        (allow("organizations:*"), [(*WHOLE, "organizations:*", "*", 1)]),
        (allow("sqs:*", "arn:aws:sqs:*:*:*"), [(*WHOLE, "sqs:*", "arn:aws:sqs:*:*:*", 1)]),
        # one identity acting as another
        (allow("iam:PassRole"), [("pass_role", "write", "iam:passrole", "*", 1)]),
        (allow("iam:Pass*"), [("pass_role", "write", "iam:pass*", "*", 1)]),
        (allow("iam:PassRole", f"{ROLES}/app-*"), [("pass_role", "write", "iam:passrole", f"{ROLES}/app-*", 0)]),
        (
            allow("sts:AssumeRole", "arn:aws:iam::*:role/*"),
            [("assume_role", "write", "sts:assumerole", "arn:aws:iam::*:role/*", 1)],
        ),
        (allow("sts:Assume*"), [("assume_role", "write", "sts:assume*", "*", 1)]),
        (allow("sts:AssumeRole", f"{ROLES}/deploy"), []),
        (allow("iam:PassRole", f"{ROLES}/task"), []),
        # nothing of the kind
        (allow(["s3:GetObject", "s3:Get*", "iam:Get*", "iam:List*", "sts:GetCallerIdentity"]), []),
        (deny(), []),
        # NotAction and NotResource
        (
            {"Effect": "Allow", "NotAction": ["organizations:*", "IAM:*", "account:*"], "Resource": "*"},
            [
                ("exclusion", "permissions_management", "not:account:*,iam:*,organizations:*", "*", 1),
                ("assume_role", "write", "not:account:*,iam:*,organizations:*", "*", 1),
            ],
        ),
        ({"Effect": "Allow", "NotAction": "*", "Resource": "*"}, []),
        (
            {"Effect": "Allow", "Action": "*", "NotResource": [BUCKET, "arn:aws:s3:::a"]},
            [(*ADMINISTRATOR, "*", f"not:arn:aws:s3:::a,{BUCKET}", 1)],
        ),
        ({"Effect": "Allow", "Action": "*", "NotResource": "*"}, []),
        # several of each
        (
            allow(["s3:*", "S3:*", "ec2:*"], [BUCKET, "*"]),
            [(*WHOLE, "ec2:*", "*", 1), (*WHOLE, "s3:*", "*", 1)],
        ),
    ],
)
def test_what_a_statement_grants_in_one_go(
    new_sketch: Callable[[], Sketch], statement: dict[str, Any], expected: list[tuple[str, str, str, str, int]]
) -> None:
    lower = {name.lower(): value for name, value in statement.items()}
    for text in (
        policy(statement),
        json.dumps({"Statement": statement}),  # one statement may stand without a list
        json.dumps({"statement": [lower]}),  # names of elements are read without regard to case
    ):
        sketch = new_sketch()
        sketch.user("u", text)
        rows = in_one_go(access(sketch))
        if expected[:1] == [row for row in expected if row[0] == "administrator"] and expected:
            rows = rows[:1]  # what an administrator may do besides goes without saying
        assert rows == expected


@pytest.mark.parametrize(
    ("excepted", "level"),
    [("s3:*", "administrator"), ("iam:Delete*", "administrator"), ("iam:*", "permissions_management")],
)
def test_everything_but_some_actions_is_an_administrator_where_it_can_give_itself_the_rest(
    sketch: Sketch, excepted: str, level: str
) -> None:
    sketch.user("u", policy({"Effect": "Allow", "NotAction": excepted, "Resource": "*"}))
    rows = access(sketch)
    (exclusion,) = [row for row in rows if row.capability == "exclusion"]
    assert (exclusion.level, exclusion.action) == (level, f"not:{excepted.lower()}")
    administrators = [row.action for row in rows if row.capability == "administrator"]
    assert administrators == ([f"not:{excepted.lower()}"] if level == "administrator" else [])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{no json", "the document is not JSON"),
        ("", "the document is not JSON"),
        ("[]", "the document is not a JSON object"),
        ("null", "the document is not a JSON object"),
        ("{}", "the document has no statements"),
        ('{"Statement": "x"}', "the document has no statements"),
        ('{"Statement": ["x"]}', "the statement is not a JSON object"),
        (policy({"Action": "*", "Resource": "*"}), "the statement has no effect"),
        (policy({"Effect": "Maybe", "Action": "*", "Resource": "*"}), "the statement has no effect"),
        (policy({"Effect": "Allow", "Resource": "*"}), "the statement needs one of Action and NotAction"),
        (policy(allow("*", NotAction="s3:*")), "the statement needs one of Action and NotAction"),
        (policy({"Effect": "Allow", "Action": "*"}), "the statement needs one of Resource and NotResource"),
        (policy(allow("*", NotResource="*")), "the statement needs one of Resource and NotResource"),
        (policy(allow(7)), "the element action is not text"),
        (policy(allow(["s3:*", {}])), "the element action is not text"),
        (policy(allow("*", ["*", None])), "the element resource is not text"),
        (policy(allow(["s3:Get\nObject"])), "the element action has a line break"),
        (policy(allow("*", "*" * 5_000)), "the element resource is longer than any can be"),
        (policy(allow("*", Condition="x")), "the condition cannot be read"),
        (policy(allow("*", Condition={"Bool": "x"})), "a condition operator has no keys"),
        (policy(allow("*", Condition={"Bool": {"x": {}}})), "a value of a condition is no text"),
        (policy(allow("*", Condition={"Bool": {"x": [[]]}})), "a value of a condition is no text"),
        (policy(allow("*", Condition={"Bool": {"x": ["y"] * 6_000}})), "a condition has more values than any can have"),
        (
            policy(allow("*", Condition={"Bool": {"x": "y" * 6_000}})),
            "a value of a condition is longer than any can be",
        ),
        ("[" * 60_000, "the document is not JSON"),
        ('{"a":' * 10_000 + "1" + "}" * 10_000, "the document is not JSON"),
        (policy(*[allow("s3:*")] * 1_001), "the document has more statements than any can have"),
        (policy(allow("*")) + " " * MAX_DOCUMENT, "the document is longer than any policy can be"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)
def test_what_cannot_be_read_is_unknown_and_never_nothing(sketch: Sketch, text: str, reason: str) -> None:
    key = sketch.user("u", text)
    (unreadable,) = [
        one for document in sketch.principal(key).layer.documents if document is not None for one in document.unreadable
    ]
    assert unreadable.reason == reason
    (row,) = access(sketch)
    assert (row.capability, row.level, row.confidence) == ("unknown", "unknown", "possible")
    assert (row.reason, row.statement) == ("document-unreadable", unreadable.statement)
    (privilege,) = [row for row in derived(sketch) if isinstance(row, Privilege)]
    assert (privilege.level, privilege.confidence) == ("unknown", "conditional")


def test_the_longest_policies_of_aws_are_read() -> None:
    """moto carries the managed policies of AWS; some are far longer than what a customer may write."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    managed = json.loads(aws_managed_policies_data)
    longest = sorted(managed, key=lambda name: -len(json.dumps(managed[name]["Document"])))[:20]
    assert len(json.dumps(managed[longest[0]]["Document"])) > 100_000
    for name in longest:
        statements = read(json.dumps(managed[name]["Document"]))
        assert [one.reason for one in statements if isinstance(one, Unreadable)] == [], name


def test_an_unreadable_statement_does_not_hide_the_others(sketch: Sketch) -> None:
    sketch.user("u", policy({"Effect": "Allow"}, allow("*", Sid="All")))
    rows = access(sketch)
    assert [(row.capability, row.statement) for row in rows[:2]] == [("unknown", "1"), ("administrator", "All")]
    assert rows[1].reason == "document-unreadable"
    assert rows[1].confidence == "conditional"


def test_a_condition_is_told(sketch: Sketch) -> None:
    sketch.user("u", policy(allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})))
    row = access(sketch)[0]
    assert (row.capability, row.effect) == ("administrator", "allowed")
    assert (row.conditional, row.conditions) == (1, '["aws:MultiFactorAuthPresent"]')
    assert (row.confidence, row.reason) == ("conditional", "condition")
    sketch.user("v", policy(allow("*", Condition={})))
    assert (access(sketch)[-13].conditional, access(sketch)[-13].confidence) == (0, "proven")


nested = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "Version",
                    "Statement",
                    "Effect",
                    "Action",
                    "NotAction",
                    "Resource",
                    "NotResource",
                    "Principal",
                    "Condition",
                    "StringLike",
                    "Null",
                    "DateLessThan",
                    "aws:CurrentTime",
                    "aws:PrincipalTag/${aws:username}",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)
statement = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(["*", "s3:*", "iam:PassRole", ["s3:Get*", "x"]]) | st.text(max_size=4),
        "Resource": st.sampled_from(["*", BUCKET, "arn:aws:s3:::${aws:username}", "arn", "${"])
        | st.text("*?a:$", max_size=6),
    },
    optional={
        "Condition": st.dictionaries(
            st.sampled_from(["StringLike", "Null", "DateLessThan", "IpAddress", "NumericEquals", "Nonsense", ":"]),
            st.dictionaries(st.sampled_from(["aws:CurrentTime", "aws:username", "x", ""]), nested, max_size=2),
            max_size=2,
        )
    },
)


@given(nested | st.builds(granted, statement, statement))
def test_no_document_makes_the_analyzer_fail(new_sketch: Callable[[], Sketch], value: Any) -> None:
    sketch = new_sketch()
    text = json.dumps(value)
    role = sketch.role("r", text, trusts=text)
    sketch.bound(role, text)
    for row in derived(sketch):
        checked(row)


@given(st.text(max_size=40))
def test_a_document_of_any_text_is_read_or_told(text: str) -> None:
    assert all(isinstance(one, Unreadable) or one.number >= 1 for one in read(text))


def checked(row: Derived) -> None:
    """Every word of a row is one of the vocabulary."""
    if isinstance(row, EffectiveAccess):
        assert row.capability in ACCESS_CAPABILITIES
        assert row.level in ACCESS_LEVELS
        assert row.effect in ACCESS_EFFECTS
    elif isinstance(row, Trust):
        assert row.principal_kind in TRUST_PRINCIPAL_KINDS
        assert row.width in (None, *TRUST_WIDTHS)
    elif isinstance(row, EscalationPath):
        assert row.category in ESCALATION_CATEGORIES
        assert row.outcome in ESCALATION_OUTCOMES
        assert row.grade in ESCALATION_GRADES
    else:
        assert isinstance(row, Privilege)
        assert row.level in PRIVILEGE_LEVELS
        assert row.granted in (*ACCESS_LEVELS, "none")
        assert row.effect in ACCESS_EFFECTS
    assert row.confidence in CONFIDENCES
    assert (row.confidence == "proven") is (row.reason is None)
    assert set((row.reason or "condition").split(",")) <= set(ACCESS_REASONS)


@pytest.mark.parametrize(
    "text",
    [
        policy(allow(["*?" * 1_000 + "x"] * 10, ["arn:aws:s3:::" + "*a" * 1_000] * 10)),
        policy(allow(["s3:" + "*a" * 2_000 + "b"], "*" * 4_000)),
        policy(allow([f"s3:x{number}" for number in range(2_500)], "*")),
        policy(allow("s3:*", [f"arn:aws:s3:::{number}*" for number in range(2_500)])),
        policy(*(deny("s3:*", f"arn:aws:s3:::{number}*?{number}") for number in range(700)), allow("s3:*")),
        policy(*({"Effect": "Deny", "Action": "*", "NotResource": f"*{number}*"} for number in range(700)), allow()),
        policy(*(allow("*", Condition={"StringLike": {"aws:username": "*a" * 2_000}}) for _ in range(12))),
        policy(allow("*", "arn:aws:s3:::" + "${aws:username}" * 200)),
        "*" * 1_000_000,
        json.dumps({"Statement": [{}] * 900}),
    ],
    ids=[
        "stars",
        "one star after the other",
        "actions",
        "resources",
        "denies",
        "spared",
        "conditions",
        "variables",
        "text",
        "statements",
    ],
)
def test_hostile_documents_are_answered_in_time(sketch: Sketch, text: str) -> None:
    started = time.process_time()
    user = sketch.user("u", text)
    sketch.bound(user, text)
    sketch.role("r", trusts=text)
    for row in derived(sketch):
        checked(row)
    assert time.process_time() - started < 30


def test_documents_with_odd_characters_are_read(sketch: Sketch) -> None:
    sketch.user("u\ud800", policy(allow("s3:*", "arn:aws:s3:::\ud800\x00\ue000*")))
    assert access(sketch)


# --- patterns ---


@given(st.text("abc*?", max_size=6), st.text("abc", max_size=6))
def test_patterns_match_like_a_plain_reading_of_the_rule(pattern: str, action: str) -> None:
    assert matches(pattern, action) is plain(pattern, action)


def plain(pattern: str, text: str) -> bool:
    if not pattern:
        return not text
    if pattern[0] == "*":
        return plain(pattern[1:], text) or (bool(text) and plain(pattern, text[1:]))
    return bool(text) and pattern[0] in ("?", text[0]) and plain(pattern[1:], text[1:])


@given(st.text("ab*?", max_size=5), st.text("ab*?", max_size=5), st.text("ab", max_size=8))
def test_what_covers_and_what_meets_agree_with_what_matches(one: str, other: str, text: str) -> None:
    if plain(one, text) and plain(other, text):
        assert meets(one, other)
        assert meets(other, one)
    if covers(one, other) and plain(other, text):
        assert plain(one, text)
    if not meets(one, other):
        assert not (plain(one, text) and plain(other, text))
    assert covers(one, one)


@pytest.mark.parametrize(
    ("one", "other", "meeting", "covering"),
    [
        ("*", "arn:aws:s3:::b", True, True),
        ("a*", "*b", True, False),
        ("a*b", "b*a", False, False),
        ("a*c", "a?c", True, True),
        ("a?c", "a*c", True, False),
        ("?", "*", True, False),
        ("*x*", "*y*", True, False),
        ("role/app-*", "role/*", True, False),
        ("role/*", "role/app-*", True, True),
        ("role/*", "user/*", False, False),
    ],
)
def test_two_patterns(one: str, other: str, meeting: bool, covering: bool) -> None:
    assert (meets(one, other), meets(other, one), covers(one, other)) == (meeting, meeting, covering)


@pytest.mark.parametrize("pattern", ["*?" * 40 + "x", "*a" * 40 + "b", "*:*" * 40 + "!"])
def test_a_pattern_full_of_stars_is_answered(pattern: str) -> None:
    """A regular expression that tries every way to share the text out among the stars would not come back."""
    assert not matches(pattern, "iam:" + "a" * 60)
    assert matches(pattern[:-1], "iam:" + ":" * 80 + "a" * 60)


@pytest.mark.parametrize(
    ("resource", "all_of_them"),
    [
        ("*", True),
        ("**", True),
        ("arn:*:*:*:*:*", True),
        ("arn:aws:*", True),
        ("arn:aws:*:*:*:*", True),
        ("", False),
        ("arn:aws:s3:::*", False),
        ("arn:aws:iam::*:role/*", False),
        ("arn:aws:::", False),
    ],
)
def test_resources_that_are_everything(resource: str, all_of_them: bool) -> None:
    assert covers_all_resources(resource) is all_of_them


# --- the analyzer as a whole ---


def test_roots_have_no_rows(sketch: Sketch) -> None:
    root = sketch.identity("root", "111111111111")
    sketch.inline(root, "all", policy(allow()))
    assert derived(sketch) == []


def test_the_analyzer_gives_what_it_declares_and_nothing_twice(sketch: Sketch) -> None:
    group = sketch.group("devs", policy(allow(["ec2:*", "iam:PassRole"])))
    for name in ("b", "a"):
        user = sketch.user(name, policy(allow(["s3:*", "iam:P*"], ["*", BUCKET]), deny("s3:Delete*")))
        sketch.join(user, group)
        sketch.role(name, policy(allow()), trusts=policy(trust({"AWS": ["222222222222", "*"], "Service": "a.b"})))
    rows = derived(sketch)
    keys = [(type(row), row.key) for row in rows]
    assert len(keys) == len(set(keys))
    assert {type(row) for row in rows} == {EffectiveAccess, EscalationPath, Trust, Privilege}
    principals = [row.principal for row in rows if isinstance(row, EffectiveAccess)]
    assert principals == sorted(principals)
    assert rows == derived(sketch)
    for row in rows:
        checked(row)


def test_without_action_data_everything_is_kept_and_nothing_is_proven() -> None:
    sketch = Sketch(None)
    user = sketch.user("u", policy(allow(["s3:GetObject", "iam:*"]), deny("s3:Put*")))
    principal = sketch.principal(user)
    assert principal.check("s3:GetObject", "arn:aws:s3:::b/x").state == "allowed"
    assert principal.check("s3:PutObject", "arn:aws:s3:::b/x").state == "denied"
    assert {row.reason for row in access(sketch)} == {"unknown-action"}
    assert "unknown" in {row.level for row in access(sketch)}

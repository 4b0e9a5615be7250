"""The first AWS analyzer on documents that are easily misread."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nhiscan.model import (
    ACCESS_LEVELS,
    TRUST_PRINCIPAL_KINDS,
    AccessUse,
    Alias,
    Credential,
    Document,
    EffectiveAccess,
    Grant,
    Identity,
    Policy,
    Relation,
    Scope,
    Setting,
    Trust,
)
from nhiscan_aws.analyzer import ANALYZER
from nhiscan_aws.analyzer.access import pieces
from nhiscan_aws.analyzer.patterns import covers_all_resources, matches
from nhiscan_aws.analyzer.statements import Unreadable, read
from nhiscan_aws.analyzer.trust import demands_external_id

SCOPE = "aws/account/aws:111111111111"


@dataclass
class Kept:
    """`Records` from lists."""

    people: list[Identity] = field(default_factory=list)
    granted: list[Grant] = field(default_factory=list)
    known: list[Policy] = field(default_factory=list)
    joined: list[Relation] = field(default_factory=list)
    texts: dict[str, str] = field(default_factory=dict)
    as_of: int = 0

    def scopes(self) -> Iterable[Scope]:
        return [Scope(SCOPE, "aws", "account", "aws:111111111111")]

    def identities(self, scope: str) -> Iterable[Identity]:
        return sorted(one for one in self.people if one.scope == scope)

    def grants(self, scope: str) -> Iterable[Grant]:
        return sorted((one for one in self.granted if one.scope == scope), key=lambda one: one.key)

    def policies(self, scope: str) -> Iterable[Policy]:
        return sorted((one for one in self.known if one.scope == scope), key=lambda one: one.key)

    def relations(self, scope: str) -> Iterable[Relation]:
        return [one for one in self.joined if one.scope == scope]

    def aliases(self, scope: str) -> Iterable[Alias]:
        return []

    def credentials(self, scope: str) -> Iterable[Credential]:
        return []

    def settings(self, scope: str) -> Iterable[Setting]:
        return []

    def uses(self, scope: str) -> Iterable[AccessUse]:
        return []

    def complete(self, scope: str, need: str) -> bool:
        return True

    def reference(self) -> str | None:
        return None

    def document(self, digest: str) -> Document | None:
        return Document(digest, "policy", self.texts[digest]) if digest in self.texts else None

    def identity(self, kind: str, name: str, trust: str | None = None) -> str:
        key = f"{SCOPE}/{kind}/{name}"
        self.people.append(Identity(key, SCOPE, kind, name, name, trust_document=trust))
        return key

    def inline(self, principal: str, name: str, text: str | None) -> str:
        key = f"{principal}|inline_policy|{name}"
        digest = None if text is None else f"digest of {text}"
        if text is not None and digest is not None:
            self.texts[digest] = text
        self.granted.append(Grant(key, SCOPE, "inline_policy", principal, name, document=digest))
        return key

    def access(self) -> list[EffectiveAccess]:
        return [row for row in ANALYZER.derive(self) if isinstance(row, EffectiveAccess)]

    def trusts(self) -> list[Trust]:
        return [row for row in ANALYZER.derive(self) if isinstance(row, Trust)]


def policy(*statements: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any = None, resource: Any = "*", **more: Any) -> dict[str, Any]:
    found = {"Effect": "Allow", **more}
    if action is not None:
        found["Action"] = action
    if resource is not None:
        found["Resource"] = resource
    return found


def short(text: str) -> list[tuple[str, str, str]]:
    return [(piece.level, piece.action, piece.resource) for piece in pieces(text)]


BUCKET = "arn:aws:s3:::bucket"


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        # everything, in every spelling
        (allow("*"), [("administrator", "*", "*")]),
        (allow("*:*"), [("administrator", "*:*", "*")]),
        (allow(["*"], ["*"]), [("administrator", "*", "*")]),
        (allow("*", "arn:aws:*:*:*:*"), [("administrator", "*", "arn:aws:*:*:*:*")]),
        (allow("*", "**"), [("administrator", "*", "**")]),
        (allow("*", BUCKET), [("write", "*", BUCKET)]),
        (
            allow("*", "arn:aws:iam::111111111111:role/x"),
            [("permissions_management", "*", "arn:aws:iam::111111111111:role/x")],
        ),
        # a whole service
        (allow("S3:*"), [("write", "s3:*", "*")]),
        (allow("s3:?*"), [("write", "s3:?*", "*")]),
        (allow("IAM:*"), [("permissions_management", "iam:*", "*")]),
        (allow("sts:*", "*"), [("permissions_management", "sts:*", "*")]),
        (allow("organizations:*"), [("permissions_management", "organizations:*", "*")]),
        # management of permissions
        (allow("iam:PutUserPolicy"), [("permissions_management", "iam:putuserpolicy", "*")]),
        (allow("iam:Put*Policy"), [("permissions_management", "iam:put*policy", "*")]),
        (allow("iam:?ttachRolePolicy"), [("permissions_management", "iam:?ttachrolepolicy", "*")]),
        (allow("organizations:AttachPolicy"), [("permissions_management", "organizations:attachpolicy", "*")]),
        # one identity acting as another
        (allow("iam:PassRole"), [("write", "iam:passrole", "*")]),
        (allow("iam:Pass*"), [("write", "iam:passrole", "*")]),
        (allow("iam:P*"), [("permissions_management", "iam:p*", "*"), ("write", "iam:passrole", "*")]),
        (
            allow("sts:AssumeRole", "arn:aws:iam::*:role/*"),
            [("write", "sts:assumerole", "arn:aws:iam::*:role/*")],
        ),
        (allow("sts:Assume*"), [("write", "sts:assumerole", "*")]),
        (allow("sts:AssumeRole", "arn:aws:iam::111111111111:role/deploy"), []),
        (allow("iam:PassRole", "arn:aws:iam::111111111111:role/task"), []),
        # nothing worth judging
        (allow(["s3:GetObject", "s3:Get*", "iam:Get*", "iam:List*", "sts:GetCallerIdentity"]), []),
        ({"Effect": "Deny", "Action": "*", "Resource": "*"}, []),
        # NotAction and NotResource
        (allow(NotAction="s3:*"), [("administrator", "not:s3:*", "*")]),
        (
            allow(NotAction=["organizations:*", "IAM:*", "account:*"]),
            [("write", "not:account:*,iam:*,organizations:*", "*")],
        ),
        (allow(NotAction="iam:Delete*"), [("administrator", "not:iam:delete*", "*")]),
        (allow(NotAction="*"), []),
        (allow(NotAction="s3:*", resource=BUCKET), [("write", "not:s3:*", BUCKET)]),
        (
            allow("*", None, NotResource=[BUCKET, "arn:aws:s3:::a"]),
            [("administrator", "*", f"not:arn:aws:s3:::a,{BUCKET}")],
        ),
        (allow("*", None, NotResource="*"), []),
        # several of each
        (
            allow(["s3:*", "S3:*", "ec2:*"], [BUCKET, "*"]),
            [("write", "ec2:*", "*"), ("write", "s3:*", "*"), ("write", "ec2:*", BUCKET), ("write", "s3:*", BUCKET)],
        ),
    ],
)
def test_what_a_statement_grants(statement: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert short(policy(statement)) == expected
    assert short(json.dumps({"Statement": statement})) == expected, "one statement may stand without a list"
    lower = {name.lower(): value for name, value in statement.items()}
    assert short(json.dumps({"statement": [lower]})) == expected, "names of elements are read without regard to case"


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
        (policy(allow("*", None)), "the statement needs one of Resource and NotResource"),
        (policy(allow("*", "*", NotResource="*")), "the statement needs one of Resource and NotResource"),
        (policy(allow(7)), "the element action is not text"),
        (policy(allow("*", Condition="x")), "the condition cannot be read"),
        ("[" * 100_000, "the document is not JSON"),
    ],
)
def test_what_cannot_be_read_is_unknown_and_never_nothing(text: str, reason: str) -> None:
    (piece,) = pieces(text)
    assert (piece.level, piece.action, piece.reason) == ("unknown", "unknown", reason)


def test_an_unreadable_statement_does_not_hide_the_others() -> None:
    text = policy({"Effect": "Allow"}, allow("*", Sid="All"))
    assert [(piece.level, piece.statement) for piece in pieces(text)] == [("unknown", "1"), ("administrator", "All")]


def test_a_condition_is_told() -> None:
    (piece,) = pieces(policy(allow("*", Condition={"Bool": {"aws:MultiFactorAuthPresent": "true"}})))
    assert piece.conditional == 1
    (piece,) = pieces(policy(allow("*", Condition={})))
    assert piece.conditional == 0


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["Statement", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "x"]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=12,
    )
)
def test_no_document_makes_the_reader_fail(value: Any) -> None:
    text = json.dumps(value)
    for piece in pieces(text):
        assert piece.level in ACCESS_LEVELS
    known = Kept(texts={"t": text})
    known.identity("role", "r", trust="t")
    for row in known.trusts():
        assert row.principal_kind in TRUST_PRINCIPAL_KINDS


@given(st.text(max_size=40))
def test_a_document_of_any_text_is_read_or_told(text: str) -> None:
    assert all(isinstance(one, Unreadable) or one.number >= 1 for one in read(text))


@given(st.text("abc*?", max_size=6), st.text("abc", max_size=6))
def test_patterns_match_like_a_plain_reading_of_the_rule(pattern: str, action: str) -> None:
    def plain(p: str, a: str) -> bool:
        if not p:
            return not a
        if p[0] == "*":
            return plain(p[1:], a) or (bool(a) and plain(p, a[1:]))
        return bool(a) and p[0] in ("?", a[0]) and plain(p[1:], a[1:])

    assert matches(pattern, action) is plain(pattern, action)


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


# --- principals ---


def test_users_have_what_their_groups_have_and_the_row_names_the_group() -> None:
    known = Kept()
    group, user = known.identity("group", "admins"), known.identity("user", "ann")
    known.identity("user", "bob")
    known.joined.append(Relation(f"member_of|{user}|{group}", SCOPE, "member_of", user, group))
    grant = known.inline(group, "all", policy(allow("*")))
    rows = known.access()
    assert [(row.principal, row.via, row.level) for row in rows] == [
        (group, grant, "administrator"),
        (user, grant, "administrator"),
    ]
    assert len({row.key for row in rows}) == 2
    assert {row.confidence for row in rows} == {"possible"}
    assert all("deny statements" in (row.reason or "") for row in rows)


def test_an_attached_policy_is_read_through_the_policy_where_the_grant_has_no_document() -> None:
    known = Kept(texts={"d": policy(allow("iam:*"))})
    role = known.identity("role", "r")
    key = f"{SCOPE}/customer_policy/ANPA1"
    known.known.append(Policy(key, SCOPE, "customer_policy", "ANPA1", "p", document="d"))
    known.granted.append(Grant(f"{role}|attached_policy|ANPA1", SCOPE, "attached_policy", role, "p", policy=key))
    (row,) = known.access()
    assert (row.level, row.service, row.action, row.statement) == ("permissions_management", "iam", "iam:*", "1")


@pytest.mark.parametrize("document", [None, "a digest that nobody kept"])
def test_a_policy_that_was_not_read_is_unknown(document: str | None) -> None:
    known = Kept()
    user = known.identity("user", "u")
    known.granted.append(Grant(f"{user}|attached_policy|x", SCOPE, "attached_policy", user, "x", document=document))
    (row,) = known.access()
    assert row.level == "unknown"
    assert (row.reason or "").startswith("the policy document was not read")


def test_a_boundary_grants_nothing_and_is_told() -> None:
    known = Kept(texts={"all": policy(allow("*"))})
    user = known.identity("user", "u")
    known.granted.append(
        Grant(f"{user}|permissions_boundary|b", SCOPE, "permissions_boundary", user, "b", document="all")
    )
    assert known.access() == []
    known.inline(user, "all", policy(allow("*")))
    (row,) = known.access()
    assert row.level == "administrator"
    assert "a permissions boundary stands" in (row.reason or "")


def test_roots_and_other_scopes_have_no_rows() -> None:
    known = Kept()
    root = known.identity("root", "111111111111")
    known.inline(root, "all", policy(allow("*")))
    assert known.access() == []


# --- trust ---

ASSUME: dict[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRole"}


def trusting(*statements: dict[str, Any]) -> list[Trust]:
    known = Kept(texts={"t": policy(*statements)})
    known.identity("role", "r", trust="t")
    known.identity("user", "without")
    return known.trusts()


@pytest.mark.parametrize(
    ("principal", "kind", "named", "home", "external"),
    [
        ("*", "anybody", "*", None, 1),
        ({"AWS": "*"}, "anybody", "*", None, 1),
        ({"AWS": "arn:aws:*:*:*:*"}, "anybody", "*", None, 1),
        ({"AWS": "111111111111"}, "account", "111111111111", SCOPE, 0),
        ({"AWS": "arn:aws:iam::111111111111:root"}, "account", "111111111111", SCOPE, 0),
        ({"AWS": "222222222222"}, "account", "222222222222", "aws/account/aws:222222222222", 1),
        ({"aws": "arn:aws:iam::222222222222:root"}, "account", "222222222222", "aws/account/aws:222222222222", 1),
        ({"AWS": "arn:aws:iam::111111111111:role/x"}, "identity", "arn:aws:iam::111111111111:role/x", SCOPE, 0),
        (
            {"AWS": "arn:aws-cn:iam::111111111111:user/x"},
            "identity",
            "arn:aws-cn:iam::111111111111:user/x",
            "aws/account/aws-cn:111111111111",
            1,
        ),
        (
            {"AWS": "arn:aws:sts::222222222222:assumed-role/x/y"},
            "identity",
            "arn:aws:sts::222222222222:assumed-role/x/y",
            "aws/account/aws:222222222222",
            1,
        ),
        ({"AWS": "AIDAEXAMPLEEXAMPLEXX"}, "deleted", "AIDAEXAMPLEEXAMPLEXX", None, 0),
        ({"AWS": "AROAEXAMPLEEXAMPLEXX"}, "deleted", "AROAEXAMPLEEXAMPLEXX", None, 0),
        ({"Service": "ec2.amazonaws.com"}, "service", "ec2.amazonaws.com", None, 0),
        (
            {"Federated": "arn:aws:iam::111111111111:oidc-provider/token.example"},
            "federated",
            "arn:aws:iam::111111111111:oidc-provider/token.example",
            SCOPE,
            0,
        ),
        ({"Federated": "cognito-identity.amazonaws.com"}, "federated", "cognito-identity.amazonaws.com", None, 1),
        ({"CanonicalUser": "79a59df900b949e5"}, "identity", "79a59df900b949e5", None, 1),
    ],
)
def test_who_is_trusted(principal: Any, kind: str, named: str, home: str | None, external: int) -> None:
    (row,) = trusting({**ASSUME, "Principal": principal})
    assert (row.principal_kind, row.principal, row.principal_scope, row.external) == (kind, named, home, external)
    assert (row.identity, row.conditional, row.conditions, row.external_id) == (f"{SCOPE}/role/r", 0, None, 0)
    assert row.confidence == "possible"


@pytest.mark.parametrize(
    ("action", "lets_in"),
    [
        ({"Action": "sts:AssumeRole"}, True),
        ({"Action": "STS:assumerole"}, True),
        ({"Action": ["sts:TagSession", "sts:AssumeRoleWithWebIdentity"]}, True),
        ({"Action": "sts:AssumeRoleWithSAML"}, True),
        ({"Action": "sts:*"}, True),
        ({"Action": "*"}, True),
        ({"NotAction": "sts:TagSession"}, True),
        ({"NotAction": "sts:*"}, False),
        ({"Action": ["sts:TagSession", "sts:SetSourceIdentity"]}, False),
    ],
)
def test_which_actions_let_somebody_in(action: dict[str, Any], lets_in: bool) -> None:
    rows = trusting({"Effect": "Allow", "Principal": {"AWS": "222222222222"}, **action})
    assert bool(rows) is lets_in


def test_not_principal_lets_everybody_else_in() -> None:
    (row,) = trusting({**ASSUME, "NotPrincipal": {"AWS": "arn:aws:iam::111111111111:root"}})
    assert (row.principal_kind, row.external) == ("anybody", 1)
    assert row.principal == "not:arn:aws:iam::111111111111:root"


def test_a_deny_is_noted_and_not_evaluated() -> None:
    deny = {"Effect": "Deny", "Action": "sts:AssumeRole", "Principal": "*"}
    (row,) = trusting({**ASSUME, "Principal": "*"}, deny)
    assert "Deny statement" in (row.reason or "")
    assert trusting(deny) == []


def test_one_account_in_two_spellings_is_one_row() -> None:
    both = ["222222222222", "arn:aws:iam::222222222222:root"]
    (row,) = trusting({**ASSUME, "Principal": {"AWS": both}})
    assert row.principal == "222222222222"


@pytest.mark.parametrize(
    "statement",
    [
        {**ASSUME},
        {**ASSUME, "Principal": {}},
        {**ASSUME, "Principal": "somebody"},
        {**ASSUME, "Principal": ["x"]},
        {**ASSUME, "Principal": {"AWS": 7}},
    ],
)
def test_a_trust_that_cannot_be_read_is_unknown_and_never_nobody(statement: dict[str, Any]) -> None:
    (row,) = trusting(statement)
    assert (row.principal_kind, row.external) == ("unknown", 0)


def test_a_trust_document_that_is_gone_is_unknown() -> None:
    known = Kept()
    known.identity("role", "r", trust="a digest that nobody kept")
    (row,) = known.trusts()
    assert (row.principal_kind, row.reason) == ("unknown", "the trust document was not read")


def test_a_role_whose_trust_document_was_not_delivered_is_unknown_and_not_without_trust() -> None:
    known = Kept()
    known.identity("role", "r")
    known.identity("user", "u")
    (row,) = known.trusts()
    assert (row.principal_kind, row.reason) == ("unknown", "the trust document was not read")


@pytest.mark.parametrize(
    ("conditions", "demanded"),
    [
        ({"StringEquals": {"sts:ExternalId": "x1"}}, True),
        ({"stringequals": {"STS:externalid": ["x1", "x2"]}}, True),
        ({"StringLike": {"sts:ExternalId": "x*"}}, True),
        ({"StringEqualsIgnoreCase": {"sts:ExternalId": "x1"}}, True),
        ({"ForAnyValue:StringEquals": {"sts:ExternalId": "x1"}}, True),
        ({"StringLike": {"sts:ExternalId": "*"}}, False),
        ({"StringLike": {"sts:ExternalId": ["x1", "*"]}}, False),
        ({"StringEquals": {"sts:ExternalId": []}}, False),
        ({"StringEqualsIfExists": {"sts:ExternalId": "x1"}}, False),
        ({"ForAllValues:StringEquals": {"sts:ExternalId": "x1"}}, False),
        ({"StringNotEquals": {"sts:ExternalId": "x1"}}, False),
        ({"Null": {"sts:ExternalId": "false"}}, False),
        ({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}, False),
        ({"StringEquals": "sts:ExternalId"}, False),
        ({}, False),
    ],
)
def test_when_an_external_id_is_demanded(conditions: dict[str, Any], demanded: bool) -> None:
    assert demands_external_id(conditions) is demanded
    rows = trusting({**ASSUME, "Principal": {"AWS": "222222222222"}, "Condition": conditions})
    assert [(row.external_id, row.conditional) for row in rows] == [(int(demanded), int(bool(conditions)))]
    assert rows[0].conditions == (json.dumps(conditions, sort_keys=True, separators=(",", ":")) if conditions else None)


def test_rows_have_keys_of_their_own_and_come_in_the_order_of_principals() -> None:
    known = Kept(texts={"t": policy({**ASSUME, "Principal": {"AWS": ["222222222222", "*"], "Service": "a.b"}})})
    for name in ("b", "a"):
        role = known.identity("role", name, trust="t")
        known.inline(role, "p", policy(allow(["*", "s3:*", "iam:P*"], ["*", BUCKET]), allow("*")))
    rows = list(ANALYZER.derive(known))
    keys = [row.key for row in rows]
    assert len(keys) == len(set(keys))
    principals = [row.principal for row in rows if isinstance(row, EffectiveAccess)]
    assert principals == sorted(principals)
    assert rows == list(ANALYZER.derive(known))

"""The declaration: read without the SDK, and consistent with itself."""

import json
import subprocess
import sys

import pytest

from nhiscan import model
from nhiscan.collect.order import in_order
from nhiscan.connector import Context, OptionError
from nhiscan_aws import CONNECTOR


def test_the_declaration_is_read_without_the_sdk() -> None:
    code = (
        "import sys; import nhiscan_aws, nhiscan_aws.analyzer; c = nhiscan_aws.CONNECTOR; c.sources({});"
        "c.permissions({});"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('boto3', 'botocore')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("settings", [{}, {"no-key-ids": True}, {"last-accessed": True}, {"organization": "no"}])
def test_sources_name_tables_and_fields_of_the_model(settings: dict[str, object]) -> None:
    sources = CONNECTOR.sources(settings)
    for source in sources:
        for name in source.lists | source.adds:
            table, _, rest = name.partition(":")
            assert table in model.TABLES
            fact = rest.partition(".")[2]
            assert not fact or fact in model.TABLES[table]._fields
    assert [source.id for source in in_order(sources)] == [source.id for source in sources]
    primary = [source for source in sources if source.fallback_for is None]
    listed = [(name, source.on) for source in primary for name in source.lists]
    assert len(listed) == len(set(listed)), "two sources list one kind"


def test_a_fallback_declares_nothing_that_its_primary_does_not() -> None:
    sources = {source.id: source for source in CONNECTOR.sources({})}
    for source in sources.values():
        if source.fallback_for is not None:
            primary = sources[source.fallback_for]
            assert source.lists <= primary.lists
            assert source.adds <= primary.adds


def test_the_policy_asks_for_reading_only() -> None:
    policy = json.loads(CONNECTOR.permissions({"last-accessed": True}))
    statements = {statement["Sid"]: statement for statement in policy["Statement"]}
    assert list(statements) == ["NhiscanRead", "NhiscanOrganization"]
    for statement in statements.values():
        assert statement["Effect"] == "Allow"
        assert statement["Action"] == sorted(set(statement["Action"]))
        words = ("Get", "List", "Describe", "Generate")
        assert all(action.split(":")[1].startswith(words) for action in statement["Action"])
    assert "iam:GetAccountAuthorizationDetails" in statements["NhiscanRead"]["Action"]
    assert "organizations:DescribeOrganization" in statements["NhiscanRead"]["Action"]
    assert "iam:GenerateServiceLastAccessedDetails" in statements["NhiscanRead"]["Action"]
    assert "organizations:ListParents" in statements["NhiscanOrganization"]["Action"]


def test_what_is_not_asked_for_needs_no_permission() -> None:
    policy = json.loads(CONNECTOR.permissions({"organization": "no"}))
    (statement,) = policy["Statement"]
    assert "organizations:DescribeOrganization" in statement["Action"]
    assert not any("LastAccessed" in action for action in statement["Action"])


def test_with_a_role_the_text_says_what_the_caller_needs() -> None:
    text = CONNECTOR.permissions({"role-name": "scan", "account": ("111111111111", "222222222222")})
    role, _, caller = text.partition("Permissions policy of the caller")
    assert '"sts:AssumeRole"' in caller
    assert '"arn:aws:iam::222222222222:role/scan"' in caller
    assert '"organizations:ListPolicies"' in caller
    assert '"organizations:DescribeOrganization"' in caller
    assert '"organizations:DescribeOrganization"' in role
    assert "organizations:ListPolicies" not in role
    assert "iam:GetLoginProfile" in role
    no = CONNECTOR.permissions({"role-name": "scan", "account": ("111111111111",), "organization": "no"})
    assert "NhiscanOrganization" not in no


@pytest.mark.parametrize(
    ("settings", "option"),
    [
        ({"account": ("12345",)}, "account"),
        ({"account": ("1234567890ab",)}, "account"),
        ({"account": ("111111111111", "222222222222")}, "account"),
        ({"external-id": "word"}, "external-id"),
        ({"role-name": "scan"}, "role-name"),
        ({"account": ("111111111111",), "role-name": "arn:aws:iam::111111111111:role/scan"}, "role-name"),
        ({"account": ("111111111111",), "role-name": "/scan"}, "role-name"),
        ({"account": ("111111111111",), "role-name": "scan", "external-id": "a b"}, "external-id"),
        ({"profile": "no-such-profile-anywhere"}, "profile"),
        ({"region": "not a region!"}, "region"),
        ({"organization": "maybe"}, "organization"),
    ],
)
def test_settings_that_cannot_work_are_refused_before_any_call(
    settings: dict[str, object], option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    context = Context(clock=lambda: 0, sleep=lambda _: None, note=lambda _: pytest.fail("a call was made"))
    with pytest.raises(OptionError) as caught:
        CONNECTOR.open(settings, context)
    assert caught.value.option == option

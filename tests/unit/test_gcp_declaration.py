"""The declaration of the Google Cloud connector: read without the SDK, and consistent with itself."""

import subprocess
import sys

import pytest

from nhiscan import model
from nhiscan.collect.order import in_order
from nhiscan.connector import Context, NoAccess, OptionError
from nhiscan_gcp import CONNECTOR
from nhiscan_gcp.endpoints import addresses, given
from nhiscan_gcp.hierarchy import Wanted

ALONE = {"project": ("shop-live",)}
ALL = dict.fromkeys(("account-activity", "insights", "monitoring", "creators"), True)


def test_the_declaration_is_read_without_the_sdk() -> None:
    code = (
        "import sys; import nhiscan_gcp; c = nhiscan_gcp.CONNECTOR; c.sources({}); c.permissions({});"
        "print(sorted(m for m in sys.modules if m.split('.')[0] in ('google', 'grpc', 'requests', 'urllib3')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "settings", [{}, ALONE, {"no-key-state": True, "account-activity": True}, ALL, {**ALONE, **ALL}]
)
def test_sources_name_tables_and_fields_of_the_model(settings: dict[str, object]) -> None:
    sources = CONNECTOR.sources(settings)
    for source in sources:
        for name in source.lists | source.adds:
            table, _, rest = name.partition(":")
            assert table in model.TABLES
            fact = rest.partition(".")[2]
            assert not fact or fact in model.TABLES[table]._fields
    assert [source.id for source in in_order(sources)] == [source.id for source in sources]
    listed = [name for source in sources if source.fallback_for is None for name in source.lists]
    assert len(listed) == len(set(listed)), "two sources list one kind"


def test_a_fallback_declares_what_its_primary_does() -> None:
    sources = {source.id: source for source in CONNECTOR.sources({})}
    for source in sources.values():
        if source.fallback_for is not None:
            primary = sources[source.fallback_for]
            assert (source.lists, source.adds) == (primary.lists, primary.adds)


def test_a_project_alone_has_no_listing_from_above() -> None:
    sources = CONNECTOR.sources(ALONE)
    assert not any(source.spans or source.on or source.fallback_for for source in sources)
    assert {source.id for source in sources} >= {"iam.service-accounts", "iam.policies", "cloudasset.creation-times"}
    above = {**ALONE, "organization": ("1",)}
    assert {source.id for source in CONNECTOR.sources(above)} == {source.id for source in CONNECTOR.sources({})}


def test_what_is_asked_for_is_in_the_role() -> None:
    asked = ("logging.logEntries.list", "monitoring.timeSeries.list", "recommender.iamPolicyInsights.list")
    apis = ("logging.googleapis.com", "monitoring.googleapis.com", "recommender.googleapis.com")
    plain, whole = CONNECTOR.permissions({}), CONNECTOR.permissions(ALL)
    assert not any(word in plain for word in (*asked, *apis))
    assert all(word in whole for word in (*asked, *apis, "recommender.iamServiceAccountInsights.list"))


@pytest.mark.parametrize("settings", [{}, ALONE, ALL])
def test_the_role_reads_and_nothing_else(settings: dict[str, object]) -> None:
    text = CONNECTOR.permissions(settings)
    asked = [line[2:] for line in text.splitlines() if line.startswith("- ")]
    assert asked == sorted(set(asked))
    verbs = ("get", "list", "getIamPolicy", "query", "listResource", "searchAllIamPolicies", "searchAllResources")
    assert all(name.rpartition(".")[2] in verbs for name in asked)
    assert "getKeyString" not in text
    assert ("gcloud organizations" in text) == (settings != ALONE)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("organization", ("example.com",)),
        ("folder", ("a",)),
        ("project", ("../x",)),
        ("project", ("Shop Live",)),
        ("quota-project", "a/b"),
        ("endpoint", ("cloudasset",)),
        ("endpoint", ("nothing=https://example.com",)),
        ("endpoint", ("storage=http://example.com",)),
        ("endpoint", ("storage=https://user@example.com",)),
        ("endpoint", ("storage=https://example.com:x",)),
        ("endpoint", ("storage=ftp://example.com",)),
        ("endpoint", ("iam-grpc=https://example.com",)),
    ],
)
def test_settings_that_cannot_work_are_refused(option: str, value: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    context = Context(clock=lambda: 0, sleep=lambda seconds: None, note=lambda call: None)
    with pytest.raises(OptionError) as caught:
        CONNECTOR.open({option: value}, context)
    assert caught.value.option == option


def test_without_credentials_there_is_no_access(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_GCE_CHECK", "True")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    context = Context(clock=lambda: 0, sleep=lambda seconds: None, note=lambda call: None)
    with pytest.raises(NoAccess, match="no Google Cloud credentials were found"):
        CONNECTOR.open({}, context)


def test_names_of_nodes_are_taken_with_and_without_their_kind() -> None:
    wanted = Wanted.of({"organization": ("organizations/12", "12"), "project": ("projects/shop", "example.com:shop")})
    assert wanted == Wanted(("12",), (), ("shop", "example.com:shop"))


def test_addresses_follow_the_universe_unless_they_are_named() -> None:
    named = given(("storage=https://storage.private.example.com/", "cloudasset=http://localhost:8080/x"))
    found = addresses(named, "example-universe.com")
    assert found["storage"] == "https://storage.private.example.com"
    assert found["cloudasset"] == "http://localhost:8080/x"
    assert found["apikeys"] == "https://apikeys.example-universe.com"
    assert found["iam-grpc"] == "iam.example-universe.com"

"""Which management groups and subscriptions there are, from answers of every sort over a socket."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from nhiscan.connector import Context
from nhiscan.model import Scope
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan.testing.server import LoopbackServer
from nhiscan.testing.tls import Authority
from nhiscan_azure import containers, keys
from nhiscan_azure.failures import Refused, Unseen
from nhiscan_azure.hierarchy import Tree, Wanted
from nhiscan_azure.pipeline import pipeline
from nhiscan_azure.resourcegraph import PATH, ResourceGraph
from nhiscan_azure.service import Service

ID, OTHER = "11111111-1111-4111-8111-111111111111", "99999999-9999-4999-8999-999999999999"
ONE, TWO = "22222222-2222-4222-8222-222222222222", "33333333-3333-4333-8333-333333333333"
T = keys.tenant(ID)
TENANT = Scope(T, "azure", "tenant", ID)
ROOT, SHOP, DEEP = (keys.management_group(name) for name in (ID, "shop", "deep"))
GROUPS = "/providers/Microsoft.Management/managementGroups"
ALL = Wanted(None, (), (), directory=False, resources=True)


class Tokens:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken("t", 4_102_444_800)


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[..., Tree]]:
    """The tree that answers give, by path; what is not there is refused. The query is under its path, too."""
    authority = Authority(tmp_path)
    clock = SimulatedClock(at("2026-11-02T09:00:00"))
    context = Context(clock=clock, sleep=lambda _: None, note=lambda _: None)

    @contextmanager
    def serving(answers: Mapping[str, Any]) -> Iterator[str]:
        def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            found = answers.get(environ["RAW_URI"].partition("?")[0])
            start("200 OK" if found is not None else "403 Forbidden", [("Content-Type", "application/json")])
            return [json.dumps(found if found is not None else {"error": {"code": "AuthorizationFailed"}}).encode()]

        with LoopbackServer(application, authority.server_context()) as running:
            yield running.url

    def reading(answers: Mapping[str, Any], wanted: Wanted = ALL) -> Tree:
        with serving(answers) as url:
            service = Service(url, pipeline(url, "arm", Tokens(), context))
            try:
                return containers.read(service, ResourceGraph(service, context), wanted, TENANT)
            finally:
                service.close()

    with environment({"REQUESTS_CA_BUNDLE": str(authority.bundle)}, remove=()):
        yield reading


def query(*rows: Mapping[str, Any]) -> dict[str, Any]:
    return {f"/{PATH}": {"data": list(rows), "totalRecords": len(rows), "count": len(rows), "resultTruncated": "false"}}


def group(name: str, parent: str | None = None, **more: Any) -> dict[str, Any]:
    details = {"parent": {"name": parent}} if parent else {}
    properties = {"displayName": name.title(), "tenantId": ID, "details": details, **more}
    kind = "microsoft.management/managementgroups"
    return {"id": f"{GROUPS}/{name}", "name": name, "type": kind, "properties": properties}


def subscription(guid: str, *chain: str, state: str = "Enabled", tenant: str = ID) -> dict[str, Any]:
    ancestors = [{"name": name} for name in chain]
    return {
        "id": f"/subscriptions/{guid}",
        "name": "n",
        "type": "microsoft.resources/subscriptions",
        "tenantId": tenant,
        "subscriptionId": guid.upper(),
        "properties": {"state": state, "managementGroupAncestorsChain": ancestors},
    }


def below(name: str, kind: str, parent: str) -> dict[str, Any]:
    return {"name": name, "type": kind, "properties": {"parent": {"id": f"{GROUPS}/{parent}"}}}


def parents(tree: Tree) -> dict[str, str | None]:
    return {key: scope.parent for key, scope in tree.scopes.items() if key != T}


def test_the_tree_of_a_query(read: Callable[..., Tree]) -> None:
    answers = query(group(ID), group("Shop", ID), group("deep", "SHOP"), subscription(ONE, "deep", "Shop", ID))
    answers[f"{GROUPS}/{ID}/descendants"] = {"value": [below(ONE, "/subscriptions", "deep")]}
    tree = read(answers)
    assert tree.problem is None
    assert parents(tree) == {ROOT: T, SHOP: ROOT, DEEP: SHOP, keys.subscription(ONE): DEEP}
    assert [scope.key for scope in containers.listed(tree)] == [ROOT, SHOP, DEEP, keys.subscription(ONE)]


def test_what_the_root_names_and_nobody_shows_is_planned(read: Callable[..., Tree]) -> None:
    answers = query(group(ID), subscription(ONE, ID))
    answers[f"{GROUPS}/{ID}/descendants"] = {
        "value": [
            below("hidden", "Microsoft.Management/managementGroups", ID),
            below(TWO, "/subscriptions", "hidden"),
            below(ONE, "/subscriptions", ID),
            below("no guid", "/subscriptions", ID),
            below("../x", "Microsoft.Management/managementGroups", ID),
            {},
        ]
    }
    tree = read(answers)
    hidden = keys.management_group("hidden")
    assert parents(tree) == {
        ROOT: T,
        hidden: ROOT,
        keys.subscription(TWO): hidden,
        keys.subscription(ONE): ROOT,
    }
    assert isinstance(tree.problem, Unseen)
    assert "and 1 more" in str(tree.problem)
    assert set(tree.seen) == {ROOT, keys.subscription(ONE)}


def test_a_group_that_is_named_and_not_seen_is_a_doubt(read: Callable[..., Tree]) -> None:
    tree = read(query(subscription(ONE, "deep", ID)))
    assert parents(tree) == {keys.subscription(ONE): T}
    assert isinstance(tree.problem, Unseen)
    assert tree.problem.permission == "Microsoft.Management/managementGroups/read"


def test_lists_stand_in_for_the_query(read: Callable[..., Tree]) -> None:
    """Without the root the groups that are below no other one tell what lies below them."""
    shown = [{"subscriptionId": ONE, "tenantId": ID, "displayName": "one", "state": "Disabled"}]
    shown.append({"subscriptionId": TWO, "tenantId": OTHER, "displayName": "of another tenant", "state": "Enabled"})
    tree = read(
        {
            "/subscriptions": {"value": shown},
            GROUPS: {"value": [group("shop"), group("deep"), group("a b"), group("foreign", tenantId=OTHER)]},
            f"{GROUPS}/shop/descendants": {
                "value": [
                    below("deep", "Microsoft.Management/managementGroups", "shop"),
                    below(ONE, "/subscriptions", "deep"),
                ]
            },
        }
    )
    assert tree.problem is None
    assert parents(tree) == {SHOP: T, DEEP: SHOP, keys.subscription(ONE): DEEP}
    assert tree.scopes[keys.subscription(ONE)].state == "suspended"


@pytest.mark.parametrize(
    ("answers", "problem"),
    [
        ({}, Refused),
        (query(), Unseen),
        (query({"id": "/x", "type": "microsoft.resources/subscriptions", "properties": "odd"}), Unseen),
        (query(subscription(ONE, tenant=OTHER)), Unseen),
        ({"/subscriptions": {"value": []}, GROUPS: {"value": []}}, Unseen),
    ],
)
def test_nothing_seen_is_never_nothing_there(
    read: Callable[..., Tree], answers: dict[str, Any], problem: type[Exception]
) -> None:
    tree = read(answers)
    assert isinstance(tree.problem, problem)
    assert set(tree.scopes) == {T}


def test_what_is_named_is_planned_whether_it_is_seen_or_not(read: Callable[..., Tree]) -> None:
    wanted = replace(ALL, subscriptions=(TWO,), groups=("gone",))
    tree = read(query(subscription(ONE)), wanted)
    assert parents(tree) == {keys.subscription(TWO): T, keys.management_group("gone"): T}
    assert {scope.state for key, scope in tree.scopes.items() if key != T} == {"unknown"}


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("Enabled", "active"),
        ("PastDue", "active"),
        ("Warned", "suspended"),
        ("Disabled", "suspended"),
        ("New", "unknown"),
    ],
)
def test_states(read: Callable[..., Tree], word: str, state: str) -> None:
    tree = read(query(subscription(ONE, state=word)))
    assert tree.scopes[keys.subscription(ONE)].state == state


def test_what_was_deleted_is_listed_and_not_planned(read: Callable[..., Tree]) -> None:
    tree = read(query(subscription(ONE, state="Deleted"), subscription(TWO)))
    assert keys.subscription(ONE) in tree.seen
    assert set(tree.scopes) == {T, keys.subscription(TWO)}


def test_the_directory_alone_asks_nothing(read: Callable[..., Tree]) -> None:
    tree = read({}, Wanted(None, (), (), directory=True, resources=False))
    assert (tree.problem, set(tree.scopes)) == (None, {T})

"""What logs, metrics and insights say, good and bad, as facts of records."""

from typing import Any

import pytest

from nhiscan.connector import BadAnswer, Context
from nhiscan.model import Scope
from nhiscan_gcp.hierarchy import Tree
from nhiscan_gcp.node import Node
from nhiscan_gcp.pace import Pace
from nhiscan_gcp.registry import Listed, Registry
from nhiscan_gcp.sources import creators, insights, metrics

DAY = 86_400
SHOP = "gcp/project/shop"
CREATED = "google.iam.admin.v1.CreateServiceAccount"


def node() -> Node:
    """A project with one account, and no way to ask anybody."""
    tree, registry = Tree(), Registry()
    tree.add("projects", {"name": "projects/7", "projectId": "shop"})
    listed = Listed()
    listed.put("ci@shop.iam.gserviceaccount.com", "12", f"{SHOP}/service_account/12")
    registry.put({SHOP: listed}, [SHOP])
    nobody: Any = None
    context = Context(clock=lambda: 0, sleep=lambda seconds: None, note=lambda call: None)
    return Node(
        Scope(SHOP, "gcp", "project", "shop"),
        "projects/shop",
        nobody,
        nobody,
        context,
        tree,
        registry,
        nobody,
        alone=False,
        read_time=0,
    )


def entry(method: str, response: Any = None, *, log: str = "projects/shop/logs/x", **payload: Any) -> dict[str, Any]:
    who = {"authenticationInfo": {"principalEmail": "ann@example.com"}}
    return {"logName": log, "protoPayload": {"methodName": method, "response": response, **who, **payload}}


@pytest.mark.parametrize(
    ("shown", "made"),
    [
        (entry(CREATED, {"unique_id": "99"}), "service_account/99"),
        (entry(CREATED, {"email": "ci@shop.iam.gserviceaccount.com"}), "service_account/12"),
        (entry(CREATED, {"email": "gone@shop.iam.gserviceaccount.com"}), None),
        ({**entry(CREATED), "resource": {"labels": {"unique_id": "5"}}}, "service_account/5"),
        (entry(f"{CREATED}Key", {"name": "projects/-/serviceAccounts/x/keys/k1"}), "service_account_key/k1"),
        (entry("google.iam.admin.v1.UploadServiceAccountKey", {}, resourceName="p/keys/k2"), "service_account_key/k2"),
        (entry("google.api.apikeys.v2.ApiKeys.CreateKey", {"uid": "u1"}), "api_key/u1"),
        (entry("google.api.apikeys.v2.ApiKeys.CreateKey", {}, resourceName="projects/7"), None),
        (entry("google.iam.admin.v1.DeleteServiceAccount", {"name": "x/keys/k1"}), None),
        (entry(CREATED, {"unique_id": "99"}, status={"code": 7}), None),
        (entry(CREATED, {"unique_id": "99"}, log="projects/other/logs/x"), None),
        (entry(CREATED, {"unique_id": "99"}, log="organizations/1/logs/x"), None),
        (entry(CREATED, {"unique_id": "99"}, authenticationInfo={}), None),
        (entry(CREATED, "odd"), None),
        ({"protoPayload": []}, None),
        ({}, None),
    ],
)
def test_what_an_entry_says_was_made(shown: dict[str, Any], made: str | None) -> None:
    found = creators._creation(node(), shown)
    assert found == (None if made is None else (f"{SHOP}/{made}", "user:ann@example.com"))


@pytest.mark.parametrize(
    ("email", "subject", "member"),
    [
        ("ann@example.com", None, "user:ann@example.com"),
        ("x@y.iam.gserviceaccount.com", "serviceAccount:x@y.iam.gserviceaccount.com", None),
        (None, "principal://iam.googleapis.com/p", "principal://iam.googleapis.com/p"),
        (None, None, ""),
    ],
)
def test_who_made_it(email: str | None, subject: str | None, member: str | None) -> None:
    assert (creators._member(email, subject) or "") == (subject if member is None else member)


def point(end: Any, **value: Any) -> dict[str, Any]:
    return {"interval": {"startTime": "1970-01-01T00:00:00Z", "endTime": end}, "value": value}


@pytest.mark.parametrize(
    ("shown", "day"),
    [
        (point("1970-01-03T00:00:00Z", int64Value="4"), DAY),
        (point("1970-01-03T00:00:00Z", doubleValue=0.5), DAY),
        (point("1970-01-03T00:00:00Z", int64Value="0"), None),
        (point("1970-01-03T00:00:00Z", doubleValue=0), None),
    ],
)
def test_the_day_of_a_point_in_which_something_was_counted(shown: Any, day: int | None) -> None:
    assert metrics._counted(shown) == day


@pytest.mark.parametrize(
    "shown",
    [None, "x", [], {}, point("soon", int64Value="1"), point("1970-01-03T00:00:00Z"), {"value": {"int64Value": "1"}},
     point("1970-01-03T00:00:00Z", int64Value="many"), point("1970-01-03T00:00:00Z", int64Value=None)],
)  # fmt: skip
def test_what_is_no_point_is_refused(shown: Any) -> None:
    with pytest.raises(BadAnswer):
        metrics._counted(shown)


def test_permissions_of_an_insight_are_read_in_either_form() -> None:
    shown = [{"permission": "storage.objects.get"}, "iam.roles.list", {"permission": 5}, None, "odd", {}]
    assert insights._permissions(shown) == ["storage.objects.get", "iam.roles.list"]
    assert insights._permissions("storage.objects.get") == []


def test_calls_keep_their_pace() -> None:
    waits: list[float] = []
    context = Context(clock=lambda: int(sum(waits)), sleep=waits.append, note=lambda call: None)
    pace = Pace(context, 2.0)
    for _ in range(4):
        pace.wait()
    assert waits == [2.0, 2.0, 2.0]

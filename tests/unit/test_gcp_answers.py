"""Answers of Google's APIs, good and bad: REST over a real socket, times, waits, errors in words."""

import json
import pickle
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials

from nhiscan.connector import BadAnswer, Context, InputNotRead, Redirected
from nhiscan.model import Call
from nhiscan.testing.server import LoopbackServer
from nhiscan_gcp import records
from nhiscan_gcp.classify import classify
from nhiscan_gcp.failures import NotCredible, Refused, Unreachable
from nhiscan_gcp.registry import default_of, home_of
from nhiscan_gcp.rest import Rest, refused
from nhiscan_gcp.retry import DEADLINE, pause
from nhiscan_gcp.sources import workloads

Answer = tuple[int, dict[str, str], bytes]


class Served:
    """A server that gives prepared answers, one after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.asked: list[str] = []
        self.calls: list[Call] = []
        self.waits: list[float] = []

    def application(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        self.asked.append(environ["RAW_URI"])
        code, headers, body = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        start_response(f"{code} x", list(headers.items()))
        return [body]

    def rest(self, url: str) -> Rest:
        context = Context(clock=lambda: int(sum(self.waits)), sleep=self.waits.append, note=self.calls.append)
        return Rest(AnonymousCredentials(), {"storage": url}, context, None)  # type: ignore[no-untyped-call]


@pytest.fixture
def served() -> Iterator[tuple[Served, Rest]]:
    server = Served()
    with LoopbackServer(server.application) as running:
        rest = server.rest(running.url)
        yield server, rest
        rest.close()


def body(value: Any) -> bytes:
    return json.dumps(value).encode()


def read(rest: Rest) -> list[Any]:
    return [item for page, _ in rest.pages("storage", "list", "x/y", "items", maxResults=7) for item in page]


def test_pages_are_followed_and_noted(served: tuple[Served, Rest]) -> None:
    server, rest = served
    server.answers = [
        (200, {}, body({"items": [{"a": 1}], "nextPageToken": "t&1"})),
        (200, {}, body({"nextPageToken": "t2"})),
        (200, {"X-GUploader-UploadID": "id-3"}, body({"items": [{"a": 2}]})),
    ]
    assert read(rest) == [{"a": 1}, {"a": 2}]
    assert server.asked == ["/x/y?maxResults=7", "/x/y?maxResults=7&pageToken=t%261", "/x/y?maxResults=7&pageToken=t2"]
    assert [(call.page, call.items, call.end_of_list) for call in server.calls] == [(1, 1, 0), (2, 0, 0), (3, 1, 1)]
    assert {call.parameters for call in server.calls} == {'{"maxResults":7,"path":"x/y"}'}
    assert server.calls[2].request_id == "id-3"
    assert server.calls[0].endpoint == "http://127.0.0.1"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[1]",
        b"null",
        b'{"items": 5}',
        b'{"items": [5]}',
        b'{"items": {"a": 1}}',
        b'{"items": [], "nextPageToken": 7}',
        b"[" * 200_000,
        b'{"a":' * 200_000,
        b"\xff\xfe",
    ],
)
def test_what_is_no_answer_is_refused(served: tuple[Served, Rest], answer: bytes) -> None:
    server, rest = served
    server.answers = [(200, {}, answer)]
    with pytest.raises(BadAnswer):
        read(rest)
    assert len(server.calls) == 1


def test_a_page_that_names_itself_as_the_next_ends_the_walk(served: tuple[Served, Rest]) -> None:
    server, rest = served
    server.answers = [(200, {}, body({"items": [], "nextPageToken": "again"}))]
    with pytest.raises(BadAnswer, match="next"):
        read(rest)
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_an_error(served: tuple[Served, Rest], status: int) -> None:
    server, rest = served
    server.answers = [(status, {"Location": "https://token-thief.example.com/x"}, b"")]
    with pytest.raises(Redirected, match=r"token-thief\.example\.com"):
        read(rest)
    assert server.calls[0].error == "Redirected"


@pytest.mark.parametrize("status", [400, 403, 404, 409])
def test_some_errors_are_not_tried_again(served: tuple[Served, Rest], status: int) -> None:
    server, rest = served
    server.answers = [(status, {}, body({"error": {"status": "X", "message": "no"}}))]
    with pytest.raises(Refused):
        read(rest)
    assert server.waits == []
    assert (server.calls[0].status, server.calls[0].error, server.calls[0].attempts) == (status, "X", 1)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_others_are_until_the_deadline(served: tuple[Served, Rest], status: int) -> None:
    server, rest = served
    server.answers = [(status, {}, b"")]
    with pytest.raises(Refused) as caught:
        read(rest)
    assert 60 < sum(server.waits) < DEADLINE + 1  # the clock tells whole seconds
    assert caught.value.attempts == len(server.asked) == server.calls[0].attempts
    assert len(server.calls) == 1


def test_a_wait_beyond_the_deadline_is_not_waited(served: tuple[Served, Rest]) -> None:
    server, rest = served
    server.answers = [(429, {"Retry-After": "86400"}, b"")]
    with pytest.raises(Refused):
        read(rest)
    assert server.waits == []


@pytest.mark.parametrize(
    ("asked", "seconds"),
    [("3", 3.0), ("1.5", 1.5), ("0", 0.5), ("-5", 0.5), ("Thu, 01 Jan 1970 00:01:10 GMT", 10.0)],
)
def test_what_the_server_asks_for_is_waited(asked: str, seconds: float) -> None:
    assert pause(asked, 1, 60) == seconds


@pytest.mark.parametrize("asked", [None, "", "soon", "nan", "inf", "1e400"])
def test_else_the_wait_doubles_up_to_thirty_seconds(asked: str | None) -> None:
    for attempt, longest in ((1, 1.0), (2, 2.0), (5, 16.0), (9, 30.0)):
        assert longest / 2 <= pause(asked, attempt, 60) <= longest


@pytest.mark.parametrize(
    ("value", "at"),
    [
        ("1970-01-01T00:01:00Z", 60),
        ("1970-01-01T00:01:00.123456789Z", 60),
        ("1970-01-01T01:01:00+01:00", 60),
        ("9999-12-31T23:59:59Z", records.NEVER),
        (77, 77),
        ("yesterday", None),
        ("", None),
        (None, None),
        (True, None),
        (1.5, None),
    ],
)
def test_times(value: Any, at: int | None) -> None:
    assert records.moment(value) == at


@pytest.mark.parametrize(
    ("shown", "told"),
    [
        ({}, 0),
        ({"disableReason": "SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED"}, 0),
        ({"disableReason": "SERVICE_ACCOUNT_KEY_DISABLE_REASON_EXPOSED"}, 1),
        ({"disableReason": "SERVICE_ACCOUNT_KEY_DISABLE_REASON_COMPROMISE_DETECTED"}, 1),
        ({"extendedStatus": [{"key": "SERVICE_ACCOUNT_KEY_EXTENDED_STATUS_KEY_EXPOSED", "value": "url"}]}, 1),
        ({"extendedStatus": "odd"}, 0),
        ({"extendedStatus": [None]}, 0),
    ],
)
def test_exposed_keys(shown: Any, told: int) -> None:
    assert records.exposed(shown) == told


def test_a_key_without_dates_or_type_is_kept_and_counts_as_kept_by_somebody() -> None:
    key = records.service_account_key("s", "i", {"name": "x/keys/k1", "privateKeyData": "secret"}, "source")
    assert (key.kind, key.native_id) == ("service_account_key", "k1")
    facts = (key.state, key.created_at, key.expires_at, key.never_expires, key.origin, key.exposed)
    assert facts == (None,) * 6
    assert "secret" not in repr(key)


@pytest.mark.parametrize(
    ("email", "home", "default"),
    [
        ("x@shop.iam.gserviceaccount.com", "shop", None),
        ("x@shop.example.com.iam.gserviceaccount.com", "example.com:shop", None),
        ("12-compute@developer.gserviceaccount.com", "12", "/default/compute/"),
        ("shop@appspot.gserviceaccount.com", "shop", "/default/appengine/"),
        ("shop.example.com@appspot.gserviceaccount.com", "example.com:shop", "/default/appengine/"),
        ("service-12@compute-system.iam.gserviceaccount.com", "compute-system", None),
        ("12@cloudservices.gserviceaccount.com", None, None),
        ("shop.svc.id.goog[a/b]", None, None),
        ("", None, None),
    ],
)
def test_where_an_account_lives(email: str, home: str | None, default: str | None) -> None:
    assert (home_of(email), default_of(email)) == (home, default)


@pytest.mark.parametrize(
    ("member", "unique_id"),
    [
        ("deleted:serviceAccount:x@shop.iam.gserviceaccount.com?uid=12", "12"),
        ("deleted:serviceAccount:x@shop.iam.gserviceaccount.com", None),
        ("deleted:serviceAccount:x@shop.iam.gserviceaccount.com?uid=../1", None),
        ("deleted:user:ann@example.com?uid=12", None),
        ("serviceAccount:x@shop.iam.gserviceaccount.com?uid=12", None),
        ("xdeleted:serviceAccount:x@y?uid=1", None),
        ("", None),
    ],
)
def test_deleted_accounts(member: str, unique_id: str | None) -> None:
    found = records.deleted_account("scope", member, "source")
    assert (found and found.native_id) == unique_id
    assert found is None or (found.arn, found.state) == (member, "deleted")


@pytest.mark.parametrize(("client", "told"), [("99", ["99"]), ("12", []), (None, []), (5, []), ("", [])])
def test_the_name_of_an_account_in_delegations_is_told_where_it_is_another(client: Any, told: list[str]) -> None:
    shown = {"uniqueId": "12", "email": "x@shop.iam.gserviceaccount.com", "oauth2ClientId": client}
    _, aliases = records.account("scope", shown, "source")
    assert [one.value for one in aliases if one.kind == "app_id"] == told


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        (
            "compute.googleapis.com/Instance",
            {"serviceAccounts": [{"email": "b"}, {"email": "a"}, {"email": "b"}]},
            "a b",
        ),
        ("compute.googleapis.com/Instance", {"serviceAccounts": "odd"}, ""),
        ("compute.googleapis.com/Instance", {"serviceAccounts": [None, {"email": 5}, {"email": ""}]}, ""),
        ("run.googleapis.com/Service", {}, "7-compute@developer.gserviceaccount.com"),
        ("run.googleapis.com/Service", {"spec": []}, "7-compute@developer.gserviceaccount.com"),
        ("cloudfunctions.googleapis.com/Function", {"serviceAccountEmail": "first"}, "first"),
        ("cloudfunctions.googleapis.com/Function", {"serviceConfig": {"serviceAccountEmail": "second"}}, "second"),
        ("appengine.googleapis.com/Version", {"serviceAccount": "x"}, "x"),
        ("appengine.googleapis.com/Version", {}, "shop.example.com@appspot.gserviceaccount.com"),
    ],
)
def test_whom_a_workload_runs_as(kind: str, data: Any, told: str) -> None:
    assert workloads._accounts(kind, data, "7", "example.com:shop") == told.split()


@pytest.mark.parametrize("policy", [None, [], "x", {"bindings": 5}, {"bindings": [5]}, {"bindings": [{"members": []}]}])
def test_what_is_no_policy_is_refused(policy: Any) -> None:
    with pytest.raises(BadAnswer):
        list(records.bindings(policy, "source"))


def test_a_binding_that_stands_twice_is_one() -> None:
    one = {"role": "roles/x", "members": ["a", "a"], "condition": {"title": "t", "expression": "e", "location": ""}}
    assert list(records.bindings({"bindings": [one, one]}, "s")) == [("roles/x", "a", '{"expression":"e","title":"t"}')]
    assert list(records.bindings({}, "s")) == []


def error(reason: str | None = None, permission: str | None = None, **more: Any) -> bytes:
    found: dict[str, Any] = {"code": 403, "status": "PERMISSION_DENIED", "message": "no", **more}
    if reason:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        metadata = {"permission": permission} if permission else {}
        found["details"] = [{"@type": kind, "reason": reason, "metadata": metadata}]
    return body({"error": found})


def test_errors_in_words() -> None:
    denied = classify(refused("op", 403, error("IAM_PERMISSION_DENIED", "iam.roles.list"), 1))
    assert (denied.state, denied.code, denied.permission) == ("denied", "PERMISSION_DENIED", "iam.roles.list")
    said = classify(refused("op", 403, error(message="Permission 'apikeys.keys.list' denied on resource 'x'"), 1))
    assert said.permission == "apikeys.keys.list"
    off = classify(refused("op", 403, error("SERVICE_DISABLED"), 1))
    assert (off.state, off.code, off.permission) == ("failed", "SERVICE_DISABLED", None)
    busy = classify(Refused("op", 429, "RESOURCE_EXHAUSTED", "quota", attempts=9))
    assert busy.message == "throttled, given up after 9 attempts: quota"
    stranger = classify(Refused("op", 401, "UNAUTHENTICATED", "token ya29.abc.def is bad"))
    assert stranger.message == "the credentials were not accepted"
    for odd in (b"", b"<html>", *(body({"error": one}) for one in ("x", {"details": 5}, {"details": [5]}))):
        assert classify(refused("op", 500, odd, 1)).state == "failed"


def test_no_token_gets_into_words() -> None:
    for text in ("ya29.a0-b_c.d", "x" * 200, "https://u:p@host.example.com:8080/y"):
        message = classify(ValueError(f"bad {text}")).message or ""
        assert "ya29" not in message
        assert "u:p" not in message
        assert ":8080" not in message
        assert "x" * 100 not in message


@pytest.mark.parametrize(
    "problem",
    [
        Refused("op", 403, "X", "no", "R", "p", 3),
        Unreachable("op", "Timeout", 4),
        Redirected("op", "host"),
        BadAnswer("op", "is none"),
        NotCredible("RefreshError"),
        InputNotRead("source"),
    ],
)
def test_failures_travel_between_processes(problem: Exception) -> None:
    again = pickle.loads(pickle.dumps(problem))
    assert (type(again), str(again), vars(again)) == (type(problem), str(problem), vars(problem))

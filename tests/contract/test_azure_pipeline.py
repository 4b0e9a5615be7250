"""The pipeline of the Azure connector against servers on the loopback: tokens, origins, patience, transcript."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from azure.core.credentials import AccessToken

from nhiscan.connector import BadAnswer, Context, Redirected
from nhiscan.model import Call
from nhiscan.testing.clock import SimulatedClock, at
from nhiscan.testing.environment import environment
from nhiscan.testing.server import ConnectionCut, LoopbackServer
from nhiscan.testing.tls import Authority
from nhiscan_azure.batch import Ask, lists
from nhiscan_azure.classify import classify
from nhiscan_azure.failures import ForeignOrigin, NotCredible, Refused, Unreachable
from nhiscan_azure.pipeline import pipeline
from nhiscan_azure.service import Service

Answer = tuple[int, dict[str, str], Any]
TOKEN = "canary-token"


class Tokens:
    """Hands out one token without asking anybody."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        return AccessToken(TOKEN, 4_102_444_800)


class NoTokens:
    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        from azure.core.exceptions import ClientAuthenticationError

        raise ClientAuthenticationError("AADSTS7000222: the secret is abc")


class Bench:
    """A service, what the server saw, what was noted, and how long was waited."""

    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.seen: list[dict[str, Any]] = []
        self.calls: list[Call] = []
        self.waits: list[float] = []
        self.clock = SimulatedClock(at("2026-11-02T09:00:00"))

    @property
    def context(self) -> Context:
        return Context(clock=self.clock, sleep=self.waits.append, note=self.calls.append, version="1")

    @contextmanager
    def server(self, answer: Callable[[int, dict[str, Any]], Answer]) -> Iterator[str]:
        def application(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
            self.seen.append(environ)
            status, headers, body = answer(len(self.seen), environ)
            start(f"{status} x", list(headers.items()))
            return [body if isinstance(body, bytes) else json.dumps(body).encode()]

        with LoopbackServer(application, self.authority.server_context()) as running:
            yield running.url

    @contextmanager
    def service(self, answer: Callable[[int, dict[str, Any]], Answer], tokens: Any = None) -> Iterator[Service]:
        with self.server(answer) as url:
            service = Service(url, pipeline(url, "graph", tokens or Tokens(), self.context))
            try:
                yield service
            finally:
                service.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    with environment({"REQUESTS_CA_BUNDLE": str(made.authority.bundle)}, remove=()):
        yield made


def test_pages_are_followed_and_noted(bench: Bench) -> None:
    link: list[str] = []

    def answer(number: int, environ: dict[str, Any]) -> Answer:
        page: dict[str, Any] = {"value": [{"id": str(number)}]}
        if number == 1:
            page["@odata.nextLink"] = f"https://127.0.0.1:{environ['SERVER_PORT']}/v1.0/things?$skiptoken=opaque"
            link.append(page["@odata.nextLink"])
        return 200, {"request-id": f"r{number}"}, page

    with bench.service(answer) as service:
        pages = [shown for shown, _ in service.pages("graph.things", "v1.0/things", {"$top": "999", "$select": "id"})]
    assert pages == [[{"id": "1"}], [{"id": "2"}]]
    assert [one["QUERY_STRING"] for one in bench.seen] == ["$top=999&$select=id", "$skiptoken=opaque"]
    assert {one["HTTP_AUTHORIZATION"] for one in bench.seen} == {f"Bearer {TOKEN}"}
    first, second = bench.calls
    assert (first.service, first.operation, first.page, first.items, first.end_of_list) == (
        "graph",
        "graph.things",
        1,
        1,
        0,
    )
    assert (second.page, second.end_of_list, second.status, second.attempts) == (2, 1, 200, 1)
    assert json.loads(first.parameters) == {"$select": "id", "$top": "999", "path": "/v1.0/things"}
    assert "opaque" not in second.parameters
    assert first.endpoint == "https://127.0.0.1"
    assert (first.request_id, len(first.response_sha256 or "")) == ("r1", 64)


def test_a_page_of_another_origin_is_not_asked(bench: Bench) -> None:
    strangers: list[dict[str, Any]] = []

    def stranger(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        strangers.append(environ)
        start("200 OK", [])
        return [b'{"value": []}']

    with LoopbackServer(stranger, bench.authority.server_context()) as other:
        page = {"value": [], "@odata.nextLink": f"{other.url}/v1.0/things?$skiptoken=x"}
        with bench.service(lambda number, environ: (200, {}, page)) as service:
            with pytest.raises(ForeignOrigin) as caught:
                list(service.pages("graph.things", "v1.0/things"))
            with pytest.raises(ForeignOrigin):
                list(service.pages("graph.things", "", link=f"{other.url}/x"))
    assert strangers == []
    failure = classify(caught.value)
    assert (failure.state, failure.code, failure.operation) == ("failed", "ForeignOrigin", "graph.things")
    assert "127.0.0.1" in str(failure.message)


def test_the_pin_refuses_before_the_token_is_added(bench: Bench) -> None:
    from azure.core.rest import HttpRequest

    with bench.service(lambda number, environ: (200, {}, {})) as service:
        with pytest.raises(ForeignOrigin):
            service._client.send_request(HttpRequest("GET", "https://127.0.0.1:1/x"))
        assert bench.seen == []
        assert bench.calls == []


def test_a_redirect_is_not_followed(bench: Bench) -> None:
    answer: Answer = (302, {"Location": "https://elsewhere.example/x"}, b"")
    with bench.service(lambda number, environ: answer) as service, pytest.raises(Redirected, match="redirect to else"):
        service.get("graph.thing", "v1.0/thing")
    assert len(bench.seen) == 1


@pytest.mark.parametrize("verb", ["get", "post"])
@pytest.mark.parametrize(
    ("headers", "waits"),
    [
        ({"Retry-After": "1.5"}, [1.5, 1.5]),
        ({}, [1.0, 2.0]),
        ({"x-ms-user-quota-resets-after": "00:00:05"}, [5.0, 5.0]),
    ],
)
def test_throttling_is_waited_out(bench: Bench, verb: str, headers: dict[str, str], waits: list[float]) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        return (200, {}, {"id": "1"}) if number > 2 else (429, headers, {"error": {"code": "TooManyRequests"}})

    with bench.service(answer) as service:
        got = service.get("x", "v1.0/x") if verb == "get" else service.post("x", "v1.0/x", {"ids": []})
    assert got == {"id": "1"}
    assert bench.waits == waits
    assert [(call.attempts, call.status) for call in bench.calls] == [(3, 200)]


def test_near_the_limit_it_goes_slower(bench: Bench) -> None:
    shares = ["0.9", "1.8", "high", None, "99"]

    def answer(number: int, environ: dict[str, Any]) -> Answer:
        share = shares[number - 1]
        return 200, {"x-ms-throttle-limit-percentage": share} if share else {}, {"id": "1"}

    with bench.service(answer) as service:
        for _ in shares:
            service.get("graph.thing", "v1.0/thing")
    assert bench.waits == [0.9, 1.8, 2.0]


def test_lasting_throttling_is_given_up(bench: Bench) -> None:
    answer: Answer = (429, {"Retry-After": "1"}, {})
    with bench.service(lambda number, environ: answer) as service, pytest.raises(Refused) as caught:
        service.get("graph.thing", "v1.0/thing")
    assert caught.value.attempts == len(bench.seen) == 9
    assert "throttled, given up after 9 attempts" in str(classify(caught.value).message)


def test_a_cut_connection_is_tried_again_and_then_a_gap(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        raise ConnectionCut

    with bench.service(answer) as service, pytest.raises(Unreachable) as caught:
        service.get("graph.thing", "v1.0/thing")
    assert classify(caught.value).state == "failed"
    assert sum(call.attempts for call in bench.calls) == len(bench.seen) > 1


@pytest.mark.parametrize("body", [b"", b"[]", b"<html>", b'{"value": 1}', b'{"value": [1]}'])
def test_answers_that_are_none(bench: Bench, body: bytes) -> None:
    with bench.service(lambda number, environ: (200, {}, body)) as service, pytest.raises(BadAnswer):
        list(service.pages("graph.things", "v1.0/things"))


def test_a_page_that_names_itself(bench: Bench) -> None:
    def answer(number: int, environ: dict[str, Any]) -> Answer:
        url = f"https://127.0.0.1:{environ['SERVER_PORT']}/v1.0/things"
        return 200, {}, {"value": [], "@odata.nextLink": url}

    with bench.service(answer) as service, pytest.raises(BadAnswer, match="names no page"):
        list(service.pages("graph.things", "v1.0/things"))
    assert len(bench.seen) == 1


def test_denied_and_unlicensed_are_two_things(bench: Bench) -> None:
    denied = {"error": {"code": "Authorization_RequestDenied", "message": "Insufficient privileges."}}
    code = "Authentication_RequestFromNonPremiumTenantOrB2CTenant"
    unlicensed = {"error": {"code": code, "message": "Neither tenant is B2C or tenant doesn't have premium license"}}
    answers = [denied, unlicensed]
    with bench.service(lambda number, environ: (403, {}, answers[number - 1])) as service:
        found = []
        for _ in answers:
            with pytest.raises(Refused) as caught:
                service.get("graph.report", "beta/reports/x")
            found.append(classify(caught.value))
    assert (found[0].state, found[0].code) == ("denied", "Authorization_RequestDenied")
    assert (found[1].state, found[1].code) == ("failed", code)
    assert "no licence" in str(found[1].message)
    assert [call.error for call in bench.calls] == ["Authorization_RequestDenied", code]


def test_without_a_token_nothing_is_asked_and_nothing_quoted(bench: Bench) -> None:
    with bench.service(lambda number, environ: (200, {}, {}), NoTokens()) as service, pytest.raises(NotCredible) as e:
        service.get("graph.thing", "v1.0/thing")
    assert "AADSTS" not in str(classify(e.value).message)
    assert bench.seen == []
    assert bench.calls == []


@pytest.mark.parametrize(
    "answer",
    [
        {"responses": []},
        {"responses": None},
        {"responses": [{"id": "x", "status": 200}]},
        {"responses": [{"id": "0", "status": "200"}]},
        {"responses": [7]},
        {"responses": [{"id": "0", "status": 200, "body": {"value": 7}}]},
        {"responses": [{"id": "0", "status": 200}]},
    ],
)
def test_batches_that_are_none(bench: Bench, answer: Any) -> None:
    asks = [Ask("a", "applications/a/owners")]
    with bench.service(lambda number, environ: (200, {}, answer)) as service, pytest.raises(BadAnswer):
        list(lists(service, bench.context, "graph.owners", asks))


def test_an_inner_answer_is_asked_again_alone_after_the_pause_it_names(bench: Bench) -> None:
    asked: list[list[str]] = []

    def answer(number: int, environ: dict[str, Any]) -> Answer:
        requests = json.loads(environ["wsgi.input"].read())["requests"]
        asked.append([one["url"] for one in requests])
        slow = {"status": 429, "headers": {"Retry-After": "2.128"}, "body": {"error": {"code": "TooManyRequests"}}}
        done = {"status": 200, "headers": {}, "body": {"value": [{"id": str(number)}]}}
        gone = {"status": 404, "headers": {}, "body": {"error": {"code": "Request_ResourceNotFound"}}}
        kinds = {"/a": done, "/b": slow if number < 3 else done, "/c": gone}
        return 200, {}, {"responses": [{"id": one["id"], **kinds[one["url"]]} for one in reversed(requests)]}

    with bench.service(answer) as service:
        found = list(lists(service, bench.context, "graph.owners", [Ask(one, one) for one in "abc"]))
    assert [(ask.name, items) for ask, items in found] == [("a", [{"id": "1"}]), ("b", [{"id": "3"}]), ("c", None)]
    assert asked == [["/a", "/b", "/c"], ["/b"], ["/b"]]
    assert bench.waits == [2.128, 2.128]
    assert [json.loads(call.parameters)["requests"] for call in bench.calls] == [3, 1, 1]


def test_an_inner_page_of_another_origin_is_not_asked(bench: Bench) -> None:
    body = {"value": [], "@odata.nextLink": "https://127.0.0.1:1/v1.0/next"}
    answer = {"responses": [{"id": "0", "status": 200, "headers": {}, "body": body}]}
    with bench.service(lambda number, environ: (200, {}, answer)) as service, pytest.raises(ForeignOrigin):
        list(lists(service, bench.context, "graph.owners", [Ask("a", "a")]))
    assert len(bench.seen) == 1

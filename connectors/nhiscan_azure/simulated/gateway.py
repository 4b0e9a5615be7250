"""The front doors: the login service, Azure Resource Manager with Resource Graph, and Microsoft Graph.

A call is counted under the name of its method (``graph.applications.list``, ``arm.roleAssignments``,
``arg.resources``), for its subscription or ("") for the tenant. A fault plan names a method, or what it needs: a
permission of Microsoft Graph (``Directory.Read.All``) or an action of Azure
(``Microsoft.Authorization/roleAssignments/read``). What stands in a batch is judged by itself and counted in
`Gateway.inner`: on the wire a batch is one call.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import CUT, DENY, THROTTLE, Attempt, Fault, Faults
from nhiscan.testing.server import ConnectionCut
from nhiscan_azure.simulated.answers import REASONS, Refusal, bad_request, bad_token, no_authorization, no_scope
from nhiscan_azure.simulated.arm import ARM_METHODS, ArmCall, check_version
from nhiscan_azure.simulated.azure import Azure
from nhiscan_azure.simulated.calling import Call
from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.graph import METHODS
from nhiscan_azure.simulated.graphquery import READ, ResourceGraph
from nhiscan_azure.simulated.ids import stamp
from nhiscan_azure.simulated.login import Login
from nhiscan_azure.simulated.odata import Options

Json = dict[str, Any]
StartResponse = Callable[..., Any]
_JSON = "application/json; charset=utf-8"
_GRAPH_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
BATCH = 20
REPORTS, REPORTS_WINDOW = 5, 10
"""Requests to the reports in so many seconds."""
QUERIES, QUERIES_WINDOW = 15, 5
"""Queries to Resource Graph in so many seconds."""
_ARG = "providers/microsoft.resourcegraph/resources"
_ARG_VERSIONS = ("2024-04-01", "2022-10-01", "2021-03-01", "2021-06-01-preview", "2020-04-01-preview", "2019-04-01")


@dataclass(frozen=True)
class Answered:
    """What a gate sees: who answers what, before it is sent. ``entity`` is the type of a Graph answer."""

    service: str  # "graph" | "arm" | "arg" | "login"
    action: str
    entity: str
    many: bool
    version: str
    body: Any


class _Window:
    """So many calls in so many seconds of the simulated clock."""

    def __init__(self, most: int, seconds: int, clock: Callable[[], int]) -> None:
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._times: deque[int] = deque()
        self._lock = threading.Lock()

    def take(self) -> tuple[int, int]:
        """(calls left after this one, seconds until more come); left is -1 where there was none for this one."""
        now = self._clock()
        with self._lock:
            while self._times and self._times[0] <= now - self._seconds:
                self._times.popleft()
            if len(self._times) >= self._most:
                return -1, self._times[0] + self._seconds - now
            self._times.append(now)
            return self._most - len(self._times), self._times[0] + self._seconds - now


class Gateway:
    """Three WSGI applications over one world: `login`, `arm` and `graph`.

    ``gate`` sees every answer before it is sent (a schema check, in tests). ``retry_after`` is that header where a call
    is throttled; None: no header.
    """

    def __init__(
        self,
        directory: Directory,
        azure: Azure,
        login: Login,
        calls: CallCounts,
        faults: Faults,
        clock: Callable[[], int],
        plant: Callable[[str], str],
        *,
        retry_after: str | None = "1",
        odd_dates: bool = True,
        quotas: bool = True,
    ) -> None:
        self._directory = directory
        self._azure = azure
        self._login = login
        self._calls = calls
        self._faults = faults
        login.granted = self._permissions
        self._clock = clock
        self._plant = plant
        self._odd_dates = odd_dates
        self._quotas = quotas
        self.retry_after = retry_after
        self.caller = login.client.object_id
        self.inner = CallCounts()
        """What was asked for inside batches."""
        self.gate: Callable[[Answered], None] | None = None
        self.foreign: str | None = None
        """Where next links lead instead of here, as a broken or hostile service would have them lead."""
        self.redirect: str | None = None
        """Where every call is sent, but for the login service."""
        self.arm_page: int = 100
        self.graph_page: int | None = None
        """The most that a page of Graph shows; None: what was asked for."""
        self.resource_graph = ResourceGraph(azure, self._may)
        self._reports = _Window(REPORTS, REPORTS_WINDOW, clock)
        self._queries = _Window(QUERIES, QUERIES_WINDOW, clock)

    # --- login ---

    def login(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """OpenID configuration and token endpoint."""
        path = unquote(str(environ["RAW_URI"]).partition("?")[0]).strip("/")
        tenant, _, rest = path.partition("/")
        body = environ["wsgi.input"].read()
        verb = environ["REQUEST_METHOD"]
        if verb == "GET" and rest == "v2.0/.well-known/openid-configuration":
            status, answer = self._login.document(tenant, _base(environ))
        elif verb == "POST" and rest == "oauth2/v2.0/token":
            status, answer = self._login.exchange(tenant, dict(parse_qsl(body.decode())), self._clock())
        else:
            status, answer = (
                404,
                {"error": "not_found", "error_description": f"{path} is not there.", "error_codes": []},
            )
        if status == 200:
            self._show(Answered("login", rest, "", many=False, version="", body=answer))
        else:
            self._show_error("login", answer)
        return _send(start_response, status, answer, {}, _JSON)

    # --- Resource Manager ---

    def arm(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Azure Resource Manager, with Resource Graph under its provider."""
        path = unquote(str(environ["RAW_URI"]).partition("?")[0]).strip("/")
        body = environ["wsgi.input"].read()
        if self.redirect:
            start_response("302 Found", [("Location", f"{self.redirect}/{path}")])
            return [b""]
        try:
            answer, headers = self._arm_answer(environ, path, body)
        except Refusal as refusal:
            self._show_error("arm", refusal.body())
            return _send(start_response, refusal.status, refusal.body(), refusal.headers, _JSON)
        return _send(start_response, 200, answer, headers, _JSON)

    def _arm_answer(self, environ: Mapping[str, Any], path: str, body: bytes) -> tuple[Json, Mapping[str, str]]:
        base = _base(environ)
        query = dict(parse_qsl(str(environ["QUERY_STRING"]), keep_blank_values=True))
        if path.lower() == _ARG and environ["REQUEST_METHOD"] == "POST":
            return self._arg_answer(environ, base, query, body)
        for method in ARM_METHODS:
            match = method.path.fullmatch(path)
            if match is not None and method.verb == environ["REQUEST_METHOD"]:
                break
        else:
            raise Refusal(404, "InvalidResourceType", f"The resource '{path}' could not be found.")
        found = match.groupdict()
        where = _subscription_of(path)
        self._calls.add(where, method.action)
        self._enter(environ, base, where, method.action)
        check_version(method.versions, query.get("api-version"))
        for name in query:
            if name not in ("api-version", "$skipToken", *method.known):
                raise Refusal(400, "InvalidQueryParameter", f"The query parameter '{name}' is not supported.")

        def allow(action: str, scope: str) -> None:
            if not self._may(action, scope):
                raise no_authorization(self._login.client.app_id, self.caller, action, scope)

        call = ArmCall(
            self._azure,
            method,
            found,
            query,
            base,
            path,
            allow,
            self._may,
            next_base=self.foreign,
            page=self.arm_page,
            plant=self._plant,
        )
        answer = method.answer(call)
        entity = f"{found.get('provider') or ''}/{found.get('type') or ''}".strip("/")
        self._show(Answered("arm", method.action, entity, "value" in answer, query["api-version"], answer))
        return answer, {"x-ms-ratelimit-remaining-subscription-reads": "11999"}

    def _arg_answer(
        self, environ: Mapping[str, Any], base: str, query: Mapping[str, str], body: bytes
    ) -> tuple[Json, Mapping[str, str]]:
        action = "arg.resources"
        self._calls.add("", action)
        self._enter(environ, base, "", action)
        check_version(_ARG_VERSIONS, query.get("api-version"))
        left, wait = self._queries.take() if self._quotas else (QUERIES, QUERIES_WINDOW)
        quota = {"x-ms-user-quota-remaining": str(max(left, 0)), "x-ms-user-quota-resets-after": f"00:00:{wait:02}"}
        if left < 0:
            raise Refusal(429, "RateLimiting", "Client application has been throttled and should not attempt to repeat "
                          "the request until an amount of time has elapsed.", quota)  # fmt: skip
        if self._faults.denies(Attempt("", READ, self.caller)):
            raise no_authorization(self._login.client.app_id, self.caller, READ, "/")
        answer, headers = self.resource_graph.answer(_object(body))
        self._show(Answered("arg", action, "", many=True, version=query["api-version"], body=answer))
        return answer, {**quota, **headers}

    def _may(self, action: str, scope: str) -> bool:
        """Whether the roles of the caller allow an action on a scope, and no fault plan denies it."""
        where = _subscription_of(scope.strip("/"))
        return self._azure.may(action, scope) and not self._faults.denies(Attempt(where, action, self.caller))

    # --- Microsoft Graph ---

    def graph(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Microsoft Graph: v1.0 with ``$batch``, and the reports of the beta."""
        path = unquote(str(environ["RAW_URI"]).partition("?")[0]).strip("/")
        body = environ["wsgi.input"].read()
        if self.redirect:
            start_response("302 Found", [("Location", f"{self.redirect}/{path}")])
            return [b""]
        version, _, rest = path.partition("/")
        base = f"{_base(environ)}/{version}"
        request = str(environ["RAW_URI"]) + body.decode("latin-1")
        headers: Mapping[str, str] = {}
        answer: Any
        try:
            if rest == "$batch" and environ["REQUEST_METHOD"] == "POST" and version in ("v1.0", "beta"):
                self._calls.add("", "graph.$batch")
                self._enter(environ, _base(environ), "", "graph.$batch", graph=True)
                answer = self._batch(_object(body), version, base)
                self._show(Answered("graph", "graph.$batch", "batch", many=False, version=version, body=answer))
            else:
                pairs = parse_qsl(str(environ["QUERY_STRING"]), keep_blank_values=True)
                eventual = str(environ.get("HTTP_CONSISTENCYLEVEL", "")).lower() == "eventual"
                verb = environ["REQUEST_METHOD"]
                answer, headers = self._asked(
                    verb, version, rest, pairs, body, base, eventual=eventual, environ=environ
                )
        except Refusal as refusal:
            error = self._graph_error(refusal, request)
            self._show_error("graph", error)
            return _send(start_response, refusal.status, error, refusal.headers, _JSON)
        if isinstance(answer, int):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(answer).encode()]
        return _send(start_response, 200, answer, headers, _GRAPH_JSON)

    def _asked(
        self,
        verb: str,
        version: str,
        path: str,
        pairs: list[tuple[str, str]],
        body: bytes,
        base: str,
        *,
        eventual: bool,
        environ: Mapping[str, Any] | None,
    ) -> tuple[Any, Mapping[str, str]]:
        """The answer to one request, from the wire (``environ``) or out of a batch (None)."""
        number = path.endswith("/$count")
        asked = path.removesuffix("/$count")
        for method in METHODS:
            match = method.path.fullmatch(asked)
            if match is not None and method.verb == verb and method.version == version:
                break
        else:
            raise bad_request(f"Resource not found for the segment '{path.rpartition('/')[2]}'.")
        if environ is None:
            self.inner.add("", method.action)
            self._judge(Attempt("", method.action, self.caller))
        else:
            self._calls.add("", method.action)
            self._enter(environ, base.rpartition("/")[0], "", method.action, graph=True)
        if method.style == "reports" and self._quotas:
            left, wait = self._reports.take()
            if left < 0:
                raise Refusal(429, "TooManyRequests", "Too many requests.", {"Retry-After": str(wait)})
        held = self._permissions()
        if not held & set(method.permissions):
            raise no_scope(method.permissions, method.style)
        if number and not eventual:
            raise Refusal(400, "Request_BadRequest", "$count is not currently supported.")
        call = Call(
            self._directory,
            method,
            match.groupdict(),
            Options(pairs, method.known, eventual=eventual),
            _object(body),
            base,
            path,
            self._clock(),
            held,
            next_base=f"{self.foreign}/{version}" if self.foreign else None,
            odd_dates=self._odd_dates,
            most=self.graph_page,
            everything=number,
        )
        answer = method.answer(call)
        if number:
            return len(answer["value"]), {}
        entity = match.groupdict().get("cast") or method.entity
        self._show(Answered("graph", method.action, entity, method.many, version, answer))
        return answer, {"x-ms-resource-unit": "1" if call.options.selected else "2"}

    def _permissions(self) -> frozenset[str]:
        """The permissions of Microsoft Graph that the caller was granted and that no fault plan denies."""
        return frozenset(
            one
            for one in self._directory.permissions_of(self.caller)
            if not self._faults.denies(Attempt("", one, self.caller))
        )

    def _batch(self, body: Json, version: str, base: str) -> Json:
        """The answers to up to twenty requests, in an order of its own."""
        requests = body.get("requests")
        if not isinstance(requests, list) or not requests:
            raise bad_request("Invalid batch payload format.")
        if len(requests) > BATCH:
            raise bad_request(f"Number of batch request steps exceeds the maximum value of {BATCH}.")
        seen: set[str] = set()
        found = []
        for one in requests:
            if not isinstance(one, dict) or not isinstance(one.get("id"), str) or not one["id"] or one["id"] in seen:
                raise bad_request("Each request of a batch needs an id of its own.")
            if not isinstance(one.get("url"), str) or not isinstance(one.get("method"), str):
                raise bad_request("Invalid batch payload format.")
            seen.add(one["id"])
            found.append(self._inside(one, version, base))
        return {"responses": found[1::2] + found[0::2][::-1]}

    def _inside(self, one: Json, version: str, base: str) -> Json:
        headers: Json = {"Content-Type": "application/json"}
        parts = urlsplit(str(one["url"]))
        try:
            if parts.scheme or parts.netloc:
                raise bad_request("The url of a request in a batch must be relative.")
            wanted = {str(name).lower(): str(value) for name, value in (one.get("headers") or {}).items()}
            answer, more = self._asked(
                str(one["method"]).upper(),
                version,
                unquote(parts.path).strip("/"),
                parse_qsl(parts.query, keep_blank_values=True),
                json.dumps(one["body"]).encode() if "body" in one else b"",
                base,
                eventual=wanted.get("consistencylevel", "").lower() == "eventual",
                environ=None,
            )
        except Refusal as refusal:
            body = self._graph_error(refusal, str(one["url"]))
            return {"id": one["id"], "status": refusal.status, "headers": {**headers, **refusal.headers}, "body": body}
        return {"id": one["id"], "status": 200, "headers": {**headers, **more}, "body": answer}

    def _graph_error(self, refusal: Refusal, request: str) -> Json:
        body = refusal.body()
        number = self._directory.ids.guid("request", request)
        body["error"]["innerError"] = {
            "date": stamp(self._clock()).removesuffix("Z"),
            "request-id": number,
            "client-request-id": number,
        }
        return body

    # --- both ---

    def _enter(
        self, environ: Mapping[str, Any], audience: str, where: str, action: str, *, graph: bool = False
    ) -> None:
        """Let in who has a token for this service, unless the fault plan has something against the call."""
        why = self._login.why_not(str(environ.get("HTTP_AUTHORIZATION", "")), audience, self._clock())
        if why is not None:
            code = "InvalidAuthenticationToken" if graph else "AuthenticationFailed"
            refusal = bad_token(why)
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Refusal(401, code, refusal.message, headers)
        self._judge(Attempt(where, action, self.caller))

    def _judge(self, attempt: Attempt) -> None:
        fault, wait = self._faults.judge(attempt)
        if wait:
            time.sleep(wait)
        if fault is not None:
            raise self._refusal(fault, attempt)

    def _refusal(self, fault: Fault, attempt: Attempt) -> Refusal:
        if fault.kind == CUT:
            raise ConnectionCut
        graph = attempt.action.startswith("graph.")
        patience = {"Retry-After": self.retry_after} if self.retry_after else {}
        if fault.kind == DENY:
            if graph:
                refusal = no_scope((), "directory")
            else:
                refusal = no_authorization(self._login.client.app_id, self.caller, attempt.action, attempt.account)
            return Refusal(fault.status or 403, fault.code or refusal.code, fault.message or refusal.message)
        if fault.kind == THROTTLE or fault.status == 429:
            code = fault.code or ("TooManyRequests" if graph else "RateLimiting")
            if attempt.action.startswith("arg."):
                patience = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:02"}
            return Refusal(429, code, fault.message or "Too many requests.", patience)
        status = fault.status or 503
        code = fault.code or {503: "ServiceUnavailable", 404: "Request_ResourceNotFound"}.get(status, "BadRequest")
        return Refusal(status, code, fault.message or "The service is currently unavailable.")

    def _show(self, answered: Answered) -> None:
        if self.gate is not None:
            self.gate(answered)

    def _show_error(self, service: str, body: Json) -> None:
        self._show(Answered(service, "", "error", many=False, version="", body=body))


def _base(environ: Mapping[str, Any]) -> str:
    return f"{environ['wsgi.url_scheme']}://{environ['HTTP_HOST']}"


def _subscription_of(path: str) -> str:
    parts = path.split("/")
    return parts[1].lower() if len(parts) > 1 and parts[0].lower() == "subscriptions" else ""


def _object(body: bytes) -> Json:
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise bad_request("Unable to read JSON request payload.") from None
    if not isinstance(found, dict):
        raise bad_request("Unable to read JSON request payload.")
    return found


def _send(
    start_response: StartResponse, status: int, answer: Json, headers: Mapping[str, str], kind: str
) -> Iterable[bytes]:
    lines = [("Content-Type", kind), *headers.items()]
    start_response(f"{status} {REASONS.get(status, 'Error')}", lines)
    return [json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()]

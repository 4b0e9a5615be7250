"""The front door of Microsoft Graph: v1.0 with batches, and the reports of the beta."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from nhiscan.testing.faults import Attempt
from nhiscan_azure.simulated.answers import Refusal, bad_request, no_scope
from nhiscan_azure.simulated.calling import Call
from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.gateway import Answered, Gateway, Window
from nhiscan_azure.simulated.graph import METHODS
from nhiscan_azure.simulated.ids import stamp
from nhiscan_azure.simulated.odata import Options
from nhiscan_azure.simulated.wire import Json, StartResponse, asked, base_of, json_object, send

_GRAPH_JSON = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
BATCH = 20
REPORTS, REPORTS_WINDOW = 5, 10
"""Requests to the reports in so many seconds."""


class GraphDoor:
    """A WSGI application. ``odd_dates``: write dates of reports as Microsoft does; ``quotas``: hold to theirs."""

    def __init__(self, gateway: Gateway, directory: Directory, *, odd_dates: bool, quotas: bool) -> None:
        self._gateway = gateway
        self._directory = directory
        self._odd_dates = odd_dates
        self._quotas = quotas
        self._reports = Window(REPORTS, REPORTS_WINDOW, gateway.clock)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Microsoft Graph: v1.0 with ``$batch``, and the reports of the beta."""
        path, body = asked(environ)
        if self._gateway.redirect:
            start_response("302 Found", [("Location", f"{self._gateway.redirect}/{path}")])
            return [b""]
        version, _, rest = path.partition("/")
        base = f"{base_of(environ)}/{version}"
        request = str(environ["RAW_URI"]) + body.decode("latin-1")
        headers: Mapping[str, str] = {}
        answer: Any
        try:
            if rest == "$batch" and environ["REQUEST_METHOD"] == "POST" and version in ("v1.0", "beta"):
                self._gateway.calls.add("", "graph.$batch")
                self._gateway.enter(environ, base_of(environ), "", "graph.$batch", graph=True)
                answer = self._batch(json_object(body), version, base)
                self._gateway.show(Answered("graph", "graph.$batch", "batch", many=False, version=version, body=answer))
            else:
                pairs = parse_qsl(str(environ["QUERY_STRING"]), keep_blank_values=True)
                eventual = str(environ.get("HTTP_CONSISTENCYLEVEL", "")).lower() == "eventual"
                verb = environ["REQUEST_METHOD"]
                answer, headers = self._asked(
                    verb, version, rest, pairs, body, base, eventual=eventual, environ=environ
                )
        except Refusal as refusal:
            error = self._graph_error(refusal, request)
            self._gateway.show_error("graph", error)
            return send(start_response, refusal.status, error, refusal.headers)
        if isinstance(answer, int):
            start_response("200 OK", [("Content-Type", "text/plain")])
            return [str(answer).encode()]
        return send(start_response, 200, answer, headers, _GRAPH_JSON)

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
        plain = path.removesuffix("/$count")
        for method in METHODS:
            match = method.path.fullmatch(plain)
            if match is not None and method.verb == verb and method.version == version:
                break
        else:
            raise bad_request(f"Resource not found for the segment '{path.rpartition('/')[2]}'.")
        if environ is None:
            self._gateway.inner.add("", method.action)
            self._gateway.judge(Attempt("", method.action, self._gateway.caller))
        else:
            self._gateway.calls.add("", method.action)
            self._gateway.enter(environ, base.rpartition("/")[0], "", method.action, graph=True)
        if method.style == "reports" and self._quotas:
            left, wait = self._reports.take()
            if left < 0:
                raise Refusal(429, "TooManyRequests", "Too many requests.", {"Retry-After": str(wait)})
        held = self._gateway.permissions()
        if not held & set(method.permissions):
            raise no_scope(method.permissions, method.style)
        if number and not eventual:
            raise Refusal(400, "Request_BadRequest", "$count is not currently supported.")
        call = Call(
            self._directory,
            method,
            match.groupdict(),
            Options(pairs, method.known, eventual=eventual),
            json_object(body),
            base,
            path,
            self._gateway.clock(),
            held,
            next_base=f"{self._gateway.foreign}/{version}" if self._gateway.foreign else None,
            odd_dates=self._odd_dates,
            most=self._gateway.graph_page,
            everything=number,
        )
        answer = method.answer(call)
        if number:
            return len(answer["value"]), {}
        entity = match.groupdict().get("cast") or method.entity
        self._gateway.show(Answered("graph", method.action, entity, method.many, version, answer))
        return answer, {"x-ms-resource-unit": "1" if call.options.selected else "2"}

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
            "date": stamp(self._gateway.clock()).removesuffix("Z"),
            "request-id": number,
            "client-request-id": number,
        }
        return body

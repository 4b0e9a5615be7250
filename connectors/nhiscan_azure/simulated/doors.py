"""The front doors of the login service, and of Azure Resource Manager with Resource Graph."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from nhiscan.testing.faults import Attempt
from nhiscan_azure.simulated.answers import Refusal
from nhiscan_azure.simulated.arm import ARM_METHODS
from nhiscan_azure.simulated.armcall import ArmCall, check_version
from nhiscan_azure.simulated.azure import Azure
from nhiscan_azure.simulated.gateway import Answered, Gateway, Window
from nhiscan_azure.simulated.graphquery import READ
from nhiscan_azure.simulated.login import Login
from nhiscan_azure.simulated.wire import Json, StartResponse, asked, base_of, json_object, send, subscription_of

QUERIES, QUERIES_WINDOW = 15, 5
"""Queries to Resource Graph in so many seconds."""
_ACTIONS = frozenset(method.needs for method in ARM_METHODS if method.needs)
_ARG = "providers/microsoft.resourcegraph/resources"
_ARG_VERSIONS = ("2024-04-01", "2022-10-01", "2021-03-01", "2021-06-01-preview", "2020-04-01-preview", "2019-04-01")


class LoginDoor:
    """A WSGI application."""

    def __init__(self, gateway: Gateway, login: Login) -> None:
        self._gateway = gateway
        self._login = login

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """OpenID configuration and token endpoint."""
        path, body = asked(environ)
        tenant, _, rest = path.partition("/")
        verb = environ["REQUEST_METHOD"]
        if verb == "GET" and rest == "v2.0/.well-known/openid-configuration":
            status, answer = self._login.document(tenant, base_of(environ))
        elif verb == "POST" and rest == "oauth2/v2.0/token":
            status, answer = self._login.exchange(tenant, dict(parse_qsl(body.decode())), self._gateway.clock())
        else:
            status, answer = (
                404,
                {"error": "not_found", "error_description": f"{path} is not there.", "error_codes": []},
            )
        if status == 200:
            self._gateway.show(Answered("login", rest, "", many=False, version="", body=answer))
        else:
            self._gateway.show_error("login", answer)
        return send(start_response, status, answer, {})


class ArmDoor:
    """A WSGI application. ``plant`` makes the keys that nobody may ask for; ``quotas``: hold to that of queries."""

    def __init__(self, gateway: Gateway, azure: Azure, plant: Callable[[str], str], *, quotas: bool) -> None:
        self._gateway = gateway
        self._azure = azure
        self._plant = plant
        self._quotas = quotas
        self._queries = Window(QUERIES, QUERIES_WINDOW, gateway.clock)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Azure Resource Manager, with Resource Graph under its provider."""
        path, body = asked(environ)
        if self._gateway.redirect:
            start_response("302 Found", [("Location", f"{self._gateway.redirect}/{path}")])
            return [b""]
        try:
            answer, headers = self._arm_answer(environ, path, body)
        except Refusal as refusal:
            self._gateway.show_error("arm", refusal.body())
            return send(start_response, refusal.status, refusal.body(), refusal.headers)
        return send(start_response, 200, answer, headers)

    def _arm_answer(self, environ: Mapping[str, Any], path: str, body: bytes) -> tuple[Json, Mapping[str, str]]:
        base = base_of(environ)
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
        where = subscription_of(path)
        self._gateway.calls.add(where, method.action)
        self._gateway.enter(environ, base, where, method.action)
        check_version(method.versions, query.get("api-version"))
        for name in query:
            if name not in ("api-version", "$skipToken", *method.known):
                raise Refusal(400, "InvalidQueryParameter", f"The query parameter '{name}' is not supported.")

        def allow(action: str, scope: str) -> None:
            if not self._gateway.may(action, scope):
                raise self._gateway.refused(action, scope)

        call = ArmCall(
            self._azure,
            method,
            found,
            query,
            base,
            path,
            allow,
            self._gateway.may,
            actions=_ACTIONS,
            next_base=self._gateway.foreign,
            page=self._gateway.arm_page,
            plant=self._plant,
        )
        answer = method.answer(call)
        entity = f"{found.get('provider') or ''}/{found.get('type') or ''}".strip("/")
        self._gateway.show(Answered("arm", method.action, entity, "value" in answer, query["api-version"], answer))
        return answer, {"x-ms-ratelimit-remaining-subscription-reads": "11999"}

    def _arg_answer(
        self, environ: Mapping[str, Any], base: str, query: Mapping[str, str], body: bytes
    ) -> tuple[Json, Mapping[str, str]]:
        action = "arg.resources"
        self._gateway.calls.add("", action)
        self._gateway.enter(environ, base, "", action)
        check_version(_ARG_VERSIONS, query.get("api-version"))
        left, wait = self._queries.take() if self._quotas else (QUERIES, QUERIES_WINDOW)
        quota = {"x-ms-user-quota-remaining": str(max(left, 0)), "x-ms-user-quota-resets-after": f"00:00:{wait:02}"}
        if left < 0:
            raise Refusal(429, "RateLimiting", "Client application has been throttled and should not attempt to repeat "
                          "the request until an amount of time has elapsed.", quota)  # fmt: skip
        if self._gateway.faults.denies(Attempt("", READ, self._gateway.caller)):
            raise self._gateway.refused(READ, "/")
        answer, headers = self._gateway.resource_graph.answer(json_object(body))
        self._gateway.show(Answered("arg", action, "", many=True, version=query["api-version"], body=answer))
        return answer, {**quota, **headers}

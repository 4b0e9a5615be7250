"""The front door of the REST services: who calls what, may it, and the answer.

Each API lives under a path of its own (``/cloudasset/v1/...``), where the real ones have a host each. A call is
counted under the name of its method (``cloudasset.assets.list``); a fault plan names the permission that it needs
(``cloudasset.assets.listResource``), for one project or node or for all. The searches of Resource Manager need none
of their own and go by their method; they leave out what the caller may not get.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qsl, unquote

from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import CUT, DENY, THROTTLE, Attempt, Fault, Faults
from nhiscan.testing.server import ConnectionCut
from nhiscan_gcp.simulated import assets, insights, logs, metrics, services
from nhiscan_gcp.simulated.answers import Json, Query, Refusal, denied, invalid, masked
from nhiscan_gcp.simulated.estate import Estate
from nhiscan_gcp.simulated.services import Call, Method
from nhiscan_gcp.simulated.tokens import Tokens

_PAGED = ("pageSize", "pageToken")
_NODE = r"(?P<kind>organizations|folders|projects)/(?P<id>[^/:]+)"
_PROJECT = r"projects/(?P<project>[^/:]+)"
_CONTENT_TYPE = "application/json; charset=UTF-8"
_REASONS = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


def _method(
    api: str, verb: str, path: str, action: str, known: tuple[str, ...], answer: Callable[[Call], Json]
) -> Method:
    return Method(api, verb, re.compile(path), action, known, answer)


METHODS: tuple[Method, ...] = (
    _method("cloudasset", "GET", rf"v1/{_NODE}/assets", "cloudasset.assets.list",
            (*_PAGED, "contentType", "assetTypes", "readTime"), assets.list_assets),
    _method("cloudasset", "GET", rf"v1/{_NODE}:searchAllIamPolicies", "cloudasset.searchAllIamPolicies",
            (*_PAGED, "query", "assetTypes", "orderBy"), assets.search_policies),
    _method("cloudasset", "GET", rf"v1/{_NODE}:searchAllResources", "cloudasset.searchAllResources",
            (*_PAGED, "query", "assetTypes", "orderBy", "readMask"), assets.search_resources),
    _method("cloudresourcemanager", "GET", r"v3/organizations:search", "cloudresourcemanager.organizations.search",
            (*_PAGED, "query"), services.search_organizations),
    _method("cloudresourcemanager", "GET", r"v3/folders:search", "cloudresourcemanager.folders.search",
            (*_PAGED, "query"), services.search_folders),
    _method("cloudresourcemanager", "GET", r"v3/projects:search", "cloudresourcemanager.projects.search",
            (*_PAGED, "query"), services.search_projects),
    _method("cloudresourcemanager", "GET", r"v3/projects", "cloudresourcemanager.projects.list",
            (*_PAGED, "parent", "showDeleted"), services.list_projects),
    _method("cloudresourcemanager", "GET", rf"v3/{_NODE}", "cloudresourcemanager.get", (), services.get_node),
    _method("cloudresourcemanager", "POST", rf"v3/{_NODE}:getIamPolicy", "cloudresourcemanager.getIamPolicy",
            (), services.node_policy),
    _method("iam", "GET", rf"v1/{_PROJECT}/serviceAccounts/(?P<account>[^/:]+)/keys",
            "iam.projects.serviceAccounts.keys.list", ("keyTypes",), services.list_keys),
    _method("iam", "POST", rf"v1/{_PROJECT}/serviceAccounts/(?P<account>[^/:]+):getIamPolicy",
            "iam.projects.serviceAccounts.getIamPolicy", ("options.requestedPolicyVersion",), services.account_policy),
    _method("iam", "GET", rf"v1/{_PROJECT}/locations/global/workloadIdentityPools",
            "iam.projects.locations.workloadIdentityPools.list", (*_PAGED, "showDeleted"), services.list_pools),
    _method("iam", "GET", rf"v1/{_PROJECT}/locations/global/workloadIdentityPools/(?P<pool>[^/:]+)/providers",
            "iam.projects.locations.workloadIdentityPools.providers.list", (*_PAGED, "showDeleted"),
            services.list_providers),
    _method("apikeys", "GET", rf"v2/{_PROJECT}/locations/global/keys", "apikeys.projects.locations.keys.list",
            (*_PAGED, "showDeleted"), services.list_api_keys),
    _method("storage", "GET", rf"storage/v1/{_PROJECT}/hmacKeys", "storage.projects.hmacKeys.list",
            ("maxResults", "pageToken", "showDeletedKeys", "serviceAccountEmail"), services.list_hmac_keys),
    _method("policyanalyzer", "GET",
            rf"v1/{_PROJECT}/locations/global/activityTypes/(?P<type>\w+)/activities:query",
            "policyanalyzer.activities.query", (*_PAGED, "filter"), services.query_activities),
    _method("orgpolicy", "GET", rf"v2/{_NODE}/policies/(?P<constraint>[\w.]+):getEffectivePolicy",
            "orgpolicy.policies.getEffectivePolicy", (), services.effective_policy),
    _method("monitoring", "GET", rf"v3/{_PROJECT}/timeSeries", "monitoring.projects.timeSeries.list",
            (*_PAGED, "filter", "interval.startTime", "interval.endTime", "view",
             *(f"aggregation.{name}" for name in
               ("alignmentPeriod", "perSeriesAligner", "crossSeriesReducer", "groupByFields"))), metrics.list_series),
    _method("logging", "POST", r"v2/entries:list", "logging.entries.list", (), logs.list_entries),
    _method("recommender", "GET", rf"v1/{_PROJECT}/locations/global/insightTypes/(?P<type>[\w.]+)/insights",
            "recommender.insightTypes.insights.list", (*_PAGED, "filter"), insights.list_insights),
)  # fmt: skip
APIS = tuple(sorted({method.api for method in METHODS}))


class Gateway:
    """A WSGI application. ``gate`` sees every answer before it is sent (a schema check, in tests)."""

    def __init__(
        self,
        estate: Estate,
        tokens: Tokens,
        calls: CallCounts,
        faults: Faults,
        clock: Callable[[], int],
        *,
        settle: int = 0,
        short_every: int = 0,
        retry_after: str | None = "1",
    ) -> None:
        self._estate = estate
        self._tokens = tokens
        self._calls = calls
        self._faults = faults
        self._clock = clock
        self._settle = settle
        self._short_every = short_every
        self._retry_after = retry_after
        self._lock = threading.Lock()
        self.redirect: str | None = None
        """Where every call is sent, as a broken or hostile service would: the client must not follow."""
        self.gate: Callable[[Method, Json], None] | None = None
        """Is shown every answer, whole, before ``fields`` cuts it."""
        self.quota_projects: set[str] = set()
        """Values of ``x-goog-user-project`` seen."""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = unquote(str(environ["RAW_URI"]).partition("?")[0]).strip("/")
        body = environ["wsgi.input"].read()
        if path == "token":
            code, answer, headers = self._tokens.exchange(dict(parse_qsl(body.decode())), self._clock())
            return self._send(start_response, code, answer, headers)
        if self.redirect:
            start_response("302 Found", [("Location", f"{self.redirect}/{path}")])
            return [b""]
        try:
            return self._send(start_response, 200, self._answer(environ, path, body), {})
        except Refusal as refusal:
            return self._send(start_response, refusal.code, refusal.body(), refusal.headers)

    def _answer(self, environ: dict[str, Any], path: str, body: bytes) -> Json:
        api, _, rest = path.partition("/")
        found = next(
            (
                (method, match)
                for method in METHODS
                if method.api == api
                and method.verb == environ["REQUEST_METHOD"]
                and (match := method.path.fullmatch(rest))
            ),
            None,
        )
        if found is None:
            raise Refusal(404, f"The requested URL /{path} was not found on this server.")
        method, match = found
        if environ.get("HTTP_X_GOOG_USER_PROJECT"):
            self.quota_projects.add(environ["HTTP_X_GOOG_USER_PROJECT"])
        where = self._where(match.groupdict())
        self._calls.add(where, method.action)
        caller = self._tokens.caller(str(environ.get("HTTP_AUTHORIZATION", "")), self._clock())
        if caller is None:
            raise Refusal(401, "Request had invalid authentication credentials.")

        def allow(permission: str, scope: str) -> None:
            self._judge(Attempt(self._name(scope), permission, caller))

        def may(permission: str, scope: str) -> bool:
            return not self._faults.denies(Attempt(self._name(scope), permission, caller))

        query = Query(parse_qsl(str(environ["QUERY_STRING"]), keep_blank_values=True), method.known)
        call = Call(
            self._estate,
            match.groupdict(),
            query,
            _json(body),
            self._clock(),
            allow,
            may,
            settle=self._settle,
            short_every=self._short_every,
        )
        answer = method.answer(call)
        if self.gate is not None:
            self.gate(method, answer)
        return masked(answer, query.one("fields"))

    def _where(self, match: dict[str, str]) -> str:
        """The place a call is counted under: a project's id, ``organizations/1``, ``folders/2``, or nothing."""
        if "project" in match:
            return self._name(match["project"])
        return self._name(f"{match['kind']}/{match['id']}") if match.get("kind") else ""

    def _name(self, scope: str) -> str:
        held = self._estate.project(scope.removeprefix("projects/"))
        return held.id if held else scope

    def _judge(self, attempt: Attempt) -> None:
        fault, wait = self._faults.judge(attempt)
        if wait:
            time.sleep(wait)
        if fault is not None:
            raise self._refusal(fault, attempt)

    def _refusal(self, fault: Fault, attempt: Attempt) -> Refusal:
        if fault.kind == CUT:
            raise ConnectionCut
        if fault.kind == DENY:
            refusal = denied(attempt.action, attempt.account)
            return Refusal(fault.status or 403, fault.message or refusal.message, refusal.reason, refusal.metadata)
        if fault.kind == THROTTLE:
            headers = {"Retry-After": self._retry_after} if self._retry_after else {}
            return Refusal(429, fault.message or "Quota exceeded.", "RATE_LIMIT_EXCEEDED", {}, headers)
        return Refusal(fault.status or 503, fault.message or "The service is currently unavailable.")

    def _send(
        self, start_response: Callable[..., Any], code: int, answer: Json, headers: dict[str, str] | Any
    ) -> Iterable[bytes]:
        lines = [("Content-Type", _CONTENT_TYPE), *dict(headers).items()]
        start_response(f"{code} {_REASONS.get(code, 'Error')}", lines)
        return [json.dumps(answer, separators=(",", ":")).encode()]


def _json(body: bytes) -> Json:
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise invalid("Invalid JSON payload received.") from None
    if not isinstance(found, dict):
        raise invalid("Invalid JSON payload received.")
    return found

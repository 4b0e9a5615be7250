"""The front door of the simulated AWS: a WSGI application before moto's.

For each request it finds out who calls what, counts it, asks the fault plan, and then answers by itself or hands on
to moto. What moto answers is corrected on the way out: request ids made from the request, whole seconds, ids of
AWS's form. What nobody simulates is InvalidAction (400) and noted in `Gateway.unanswered`.
"""

import io
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import CUT, DENY, THROTTLE, Attempt, Fault, Faults
from nhiscan.testing.server import ConnectionCut
from nhiscan_aws.simulated import details, lastaccessed, listings, organizations, report, stock
from nhiscan_aws.simulated.ids import Ids
from nhiscan_aws.simulated.organizations import OrganizationState
from nhiscan_aws.simulated.sessions import Principal, Sessions, permits
from nhiscan_aws.simulated.state import AccountState
from nhiscan_aws.simulated.wire import JSON, XML, Form, Refusal, answer, answer_json, operation_model, refusal
from nhiscan_aws.simulated.world import Use

Handler = Callable[[AccountState, Form], dict[str, Any] | None]
CallerHandler = Callable[[AccountState, str, Form], dict[str, Any]]
Answer = tuple[int, str, bytes]  # status, content type, body

HANDLERS: Mapping[str, Handler] = {
    "GetAccountAuthorizationDetails": details.get_account_authorization_details,
    "GenerateCredentialReport": report.generate_credential_report,
    "GetCredentialReport": report.get_credential_report,
    "ListUsers": listings.list_users,
    "ListGroups": listings.list_groups,
    "ListRoles": listings.list_roles,
    "GetUser": listings.get_user,
    "GetRole": listings.get_role,
    "ListInstanceProfiles": listings.list_instance_profiles,
    "ListAccessKeys": listings.list_access_keys,
    "GetAccessKeyLastUsed": listings.get_access_key_last_used,
    "GetLoginProfile": listings.get_login_profile,
    "GetAccountSummary": listings.get_account_summary,
    "PutUserPermissionsBoundary": listings.put_user_permissions_boundary,
    "DeleteUserPermissionsBoundary": listings.delete_user_permissions_boundary,
}
"""IAM operations answered here and not by moto."""

OF_THE_CALLER: Mapping[str, CallerHandler] = {
    "GenerateServiceLastAccessedDetails": lastaccessed.generate_service_last_accessed_details,
    "GetServiceLastAccessedDetails": lastaccessed.get_service_last_accessed_details,
}
"""The same, where the answer depends on who asks (an ARN: of a user, or of one session of a role)."""

_SCOPE = re.compile(r"Credential=([^/,\s]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
_FRACTION = re.compile(rb"(\d\d:\d\d:\d\d)\.\d+Z")
_REQUEST_ID = re.compile(rb"(?<=<RequestId>)[^<]*(?=</RequestId>)")
_PHRASES = {
    "identity": "because no identity-based policy allows the {action} action",
    "boundary": "because no permissions boundary allows the {action} action",
    "session": "because no session policy allows the {action} action",
    "organization": "with an explicit deny in a service control policy",
    "explicit": "with an explicit deny in an identity-based policy",
}
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found", 409: "Conflict", 410: "Gone"}


@dataclass(frozen=True)
class Request:
    """A request as it arrived. ``operation`` is the API's name; ``values`` are query-protocol parameters."""

    service: str
    region: str
    operation: str
    values: Mapping[str, str]
    body: bytes
    key_id: str
    token: str | None

    @property
    def action(self) -> str:
        return f"{self.service}:{self.operation}"


class Gateway:
    """See the module. ``unanswered`` counts the calls that nobody simulates, by action."""

    def __init__(
        self,
        accounts: Mapping[str, AccountState],
        organization: OrganizationState | None,
        sessions: Sessions,
        calls: CallCounts,
        faults: Faults,
        ids: Ids,
    ) -> None:
        self._accounts = accounts
        self._organization = organization
        self._sessions = sessions
        self._calls = calls
        self._faults = faults
        self._ids = ids
        self._moto = stock.application()
        self._services = stock.services()
        self._same: Counter[tuple[str, ...]] = Counter()
        self._lock = threading.Lock()
        self._halt = threading.Event()
        self.unanswered: Counter[str] = Counter()

    def halt(self) -> None:
        """Let nobody wait any longer: the server is about to stop."""
        self._halt.set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        request = _read(environ)
        if request is None:
            problem = Refusal("MissingAuthenticationToken", 403, "Request is missing Authentication Token")
            kind, body = refusal("iam", problem, self._ids.request("unsigned"))
            return _send(start_response, (problem.status, kind, body), self._ids.request("unsigned"), problem.code)
        request_id = self._ids.request("unknown", request.key_id, request.action)
        try:
            caller = self._caller(request)
            request_id = self._request_id(request, caller)
            self._judge(request, caller)
            return _send(start_response, self._answer(environ, request, caller, request_id), request_id)
        except Refusal as problem:
            kind, body = refusal(request.service, problem, request_id)
            return _send(start_response, (problem.status, kind, body), request_id, problem.code)

    def _caller(self, request: Request) -> Principal:
        now = next(iter(self._accounts.values())).clock()
        return self._sessions.caller(request.key_id, request.token, now)

    def _request_id(self, request: Request, caller: Principal) -> str:
        """Made from who asks what, and of equal requests from which it is."""
        plain = sorted((name, value) for name, value in request.values.items() if name != "RoleSessionName")
        what = (caller.account, caller.stable, request.action, json.dumps(plain) if plain else request.body.hex())
        with self._lock:
            self._same[what] += 1
            return self._ids.request(*what, self._same[what])

    def _judge(self, request: Request, caller: Principal) -> None:
        self._calls.add(caller.account, request.action)
        fault, wait = self._faults.judge(Attempt(caller.account, request.action, caller.arn))
        if wait:
            self._halt.wait(wait)
        if fault is not None:
            raise _refuse(fault, request, caller)
        if (
            caller.policy is not None
            and request.action != "sts:GetCallerIdentity"
            and not permits(caller.policy, request.action)
        ):
            raise _refuse(Fault(DENY, by="session"), request, caller)

    def _answer(self, environ: dict[str, Any], request: Request, caller: Principal, request_id: str) -> Answer:
        state = self._accounts[caller.account]
        with state.lock:
            if caller.key_id is not None:
                state.uses.setdefault(caller.key_id, []).append(Use(state.clock(), request.service, request.region))
            if request.service == "sts":
                return 200, XML, self._sts(request, caller, request_id)
            if request.service == "organizations":
                return 200, JSON, self._organizations(request, caller)
            handler = HANDLERS.get(request.operation) if request.service == "iam" else None
            of_the_caller = OF_THE_CALLER.get(request.operation) if request.service == "iam" else None
            if handler is not None:
                result = handler(state, Form(request.values))
            elif of_the_caller is not None:
                result = of_the_caller(state, caller.arn, Form(request.values))
            else:
                return self._stock(environ, request, state, request_id)
        return 200, XML, answer("iam", request.operation, result or {}, request_id)

    def _organizations(self, request: Request, caller: Principal) -> bytes:
        """One organisation for all accounts: a change of it shows to all of them at once."""
        if request.operation not in organizations.SIMULATED:
            raise self._nobody(request)
        result = organizations.answer(self._organization, caller.account, request.operation, json.loads(request.body))
        return answer_json("organizations", request.operation, result)

    def _sts(self, request: Request, caller: Principal, request_id: str) -> bytes:
        form = Form(request.values)
        if request.operation == "GetCallerIdentity":
            result = self._sessions.get_caller_identity(caller, form)
        elif request.operation == "AssumeRole":
            result = self._sessions.assume_role(caller, form)
        elif request.operation == "GetSessionToken":
            result = self._sessions.get_session_token(caller, form)
        else:
            raise self._nobody(request)
        return answer("sts", request.operation, result, request_id)

    def _stock(self, environ: dict[str, Any], request: Request, state: AccountState, request_id: str) -> Answer:
        """The answer of moto, corrected."""
        if request.service == "iam" and operation_model("iam", request.operation) is None:
            raise self._nobody(request)
        if request.service not in self._services:
            raise self._nobody(request)
        arn = request.values.get("PolicyArn") or request.values.get("PermissionsBoundary") or ""
        if ":iam::aws:policy/" in arn and arn.rpartition("/")[2] in stock.provider_policies():
            stock.use_provider_policy(state.backend, arn)
        passed = dict(environ)
        passed["wsgi.input"] = io.BytesIO(request.body)
        passed["HTTP_X_MOTO_ACCOUNT_ID"] = state.id
        started: list[Any] = []
        try:
            with stock.answering(state.clock):
                chunks = self._moto(passed, lambda status, headers, *_: started.extend((status, headers)))
                body = b"".join(chunks)
                getattr(chunks, "close", lambda: None)()
        except NotImplementedError:
            raise self._nobody(request) from None
        status = int(str(started[0]).split()[0])
        kind = next((value for name, value in started[1] if name.lower() == "content-type"), XML)
        if (
            kind.startswith("text/html")
            and b"<ErrorResponse" not in body
            and not body.lstrip().startswith((b"<?xml", b"<"))
        ):
            raise self._nobody(request)
        if status in (404, 500) and b"<!doctype html" in body[:200].lower():
            raise self._nobody(request)
        for old, new in (state.settle() if request.service == "iam" else {}).items():
            body = body.replace(old.encode(), new.encode())
        body = _REQUEST_ID.sub(request_id.encode(), body)
        body = _FRACTION.sub(rb"\1Z", body).replace(b">PermissionsBoundaryPolicy<", b">Policy<")
        return status, XML if request.service == "iam" else kind, body

    def _nobody(self, request: Request) -> Refusal:
        with self._lock:
            self.unanswered[request.action] += 1
        return Refusal("InvalidAction", 400, f"Could not find operation {request.operation}: it is not simulated")


def _read(environ: Mapping[str, Any]) -> Request | None:
    """None for a request that is not signed."""
    match = _SCOPE.search(environ.get("HTTP_AUTHORIZATION", ""))
    if match is None:
        return None
    key_id, region, service = match.groups()
    body: bytes = environ["wsgi.input"].read()
    target = environ.get("HTTP_X_AMZ_TARGET")
    values: dict[str, str] = {}
    if target:
        operation = target.rpartition(".")[2]
    elif environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        values = dict(parse_qsl(body.decode(), keep_blank_values=True))
        operation = values.pop("Action", "")
    else:
        operation = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    return Request(service, region, operation, values, body, key_id, environ.get("HTTP_X_AMZ_SECURITY_TOKEN"))


def _refuse(fault: Fault, request: Request, caller: Principal) -> Refusal:
    """A fault in AWS's words."""
    if fault.kind == CUT:
        raise ConnectionCut
    json_service = request.service == "organizations"
    if fault.kind == DENY:
        phrase = _PHRASES[fault.by or "identity"].format(action=request.action)
        what = f"{request.action} on resource: {_resource(request)}"
        message = f"User: {caller.arn} is not authorized to perform: {what} {phrase}"
        code, status = ("AccessDeniedException", 400) if json_service else ("AccessDenied", 403)
    elif fault.kind == THROTTLE:
        message = "Rate exceeded"
        code, status = ("TooManyRequestsException" if json_service else "Throttling"), 400
    else:
        message, code, status = "Service failure, please try again later", "ServiceFailure", 500
    return Refusal(fault.code or code, fault.status or status, fault.message or message)


def _resource(request: Request) -> str:
    """What a denial names: the entity asked for, in IAM's words, or ``*``."""
    if request.operation == "AssumeRole":
        return request.values.get("RoleArn", "*")
    for parameter, kind in (
        ("UserName", "user"),
        ("RoleName", "role"),
        ("GroupName", "group"),
        ("PolicyArn", "policy"),
    ):
        if parameter in request.values:
            return f"{kind} {request.values[parameter]}"
    return "*"


def _send(start_response: Callable[..., Any], reply: Answer, request_id: str, error: str | None = None) -> list[bytes]:
    status, kind, body = reply
    headers = [("Content-Type", kind), ("x-amzn-RequestId", request_id)]
    if error is not None and kind == JSON:
        headers.append(("x-amzn-ErrorType", error))
    start_response(f"{status} {_REASONS.get(status, 'Error')}", headers)
    return [body]

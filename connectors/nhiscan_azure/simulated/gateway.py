"""What the services of the simulation have in common: who calls, may it, what goes wrong on purpose, who looks on.

A call is counted under the name of its method (``graph.applications.list``, ``arm.roleAssignments``,
``arg.resources``), for its subscription or ("") for the tenant. A fault plan names a method, or what it needs: a
permission of Microsoft Graph (``Directory.Read.All``) or an action of Azure
(``Microsoft.Authorization/roleAssignments/read``). What stands in a batch is judged by itself and counted in
`Gateway.inner`: on the wire a batch is one call.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from nhiscan.testing.counts import CallCounts
from nhiscan.testing.faults import CUT, DENY, THROTTLE, Attempt, Fault, Faults
from nhiscan.testing.server import ConnectionCut
from nhiscan_azure.simulated.answers import Refusal, bad_token, no_authorization, no_scope
from nhiscan_azure.simulated.azure import Azure
from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.graphquery import ResourceGraph
from nhiscan_azure.simulated.login import Login
from nhiscan_azure.simulated.wire import subscription_of

Json = dict[str, Any]
_BROKEN = {
    404: ("Request_ResourceNotFound", "The resource does not exist."),
    500: ("InternalServerError", "An internal error happened."),
    503: ("ServiceUnavailable", "The service is currently unavailable."),
}
"""Status -> code and message of a call that was broken on purpose."""


@dataclass(frozen=True)
class Answered:
    """What a gate sees: who answers what, before it is sent. ``entity`` is the type of a Graph answer."""

    service: str  # "graph" | "arm" | "arg" | "login"
    action: str
    entity: str
    many: bool
    version: str
    body: Any


class Window:
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
    """Stands before the services of one tenant (`nhiscan_azure.simulated.doors`, `.graphdoor`).

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
        *,
        retry_after: str | None = "1",
    ) -> None:
        self._directory = directory
        self._azure = azure
        self._login = login
        login.granted = self.permissions
        self.calls = calls
        self.faults = faults
        self.clock = clock
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
        self.resource_graph = ResourceGraph(azure, self.may)

    def may(self, action: str, scope: str) -> bool:
        """Whether the roles of the caller allow an action on a scope, and no fault plan denies it."""
        where = subscription_of(scope.strip("/"))
        return self._azure.may(action, scope) and not self.faults.denies(Attempt(where, action, self.caller))

    def permissions(self) -> frozenset[str]:
        """The permissions of Microsoft Graph that the caller was granted and that no fault plan denies."""
        return frozenset(
            one
            for one in self._directory.permissions_of(self.caller)
            if not self.faults.denies(Attempt("", one, self.caller))
        )

    def enter(self, environ: Mapping[str, Any], audience: str, where: str, action: str, *, graph: bool = False) -> None:
        """Let in who has a token for this service, unless the fault plan has something against the call."""
        why = self._login.why_not(str(environ.get("HTTP_AUTHORIZATION", "")), audience, self.clock())
        if why is not None:
            code = "InvalidAuthenticationToken" if graph else "AuthenticationFailed"
            refusal = bad_token(why)
            headers = {"WWW-Authenticate": 'Bearer error="invalid_token"'}
            raise Refusal(401, code, refusal.message, headers)
        self.judge(Attempt(where, action, self.caller))

    def judge(self, attempt: Attempt) -> None:
        """Raises what the fault plan has against an attempt."""
        fault, wait = self.faults.judge(attempt)
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
            refusal = no_scope((), "directory") if graph else self.refused(attempt.action, attempt.account)
            return Refusal(fault.status or 403, fault.code or refusal.code, fault.message or refusal.message)
        if fault.kind == THROTTLE or fault.status == 429:
            code = fault.code or ("TooManyRequests" if graph else "RateLimiting")
            if attempt.action.startswith("arg."):
                patience = {"x-ms-user-quota-remaining": "0", "x-ms-user-quota-resets-after": "00:00:02"}
            return Refusal(429, code, fault.message or "Too many requests.", patience)
        status = fault.status or 503
        code, message = _BROKEN.get(status, ("BadRequest", "The request cannot be answered."))
        return Refusal(status, fault.code or code, fault.message or message)

    def refused(self, action: str, scope: str) -> Refusal:
        """ARM: the caller lacks an action."""
        return no_authorization(self._login.client.app_id, self.caller, action, scope)

    def show(self, answered: Answered) -> None:
        """Let the gate see an answer that is about to be sent."""
        if self.gate is not None:
            self.gate(answered)

    def show_error(self, service: str, body: Json) -> None:
        """The same of an error."""
        self.show(Answered(service, "", "error", many=False, version="", body=body))

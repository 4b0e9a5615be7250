"""The pipeline under every call: who may be asked, with which token, how often again, and what the transcript says."""

from typing import Any
from urllib.parse import urlsplit

import requests
from azure.core import PipelineClient
from azure.core.credentials import TokenCredential
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import (
    BearerTokenCredentialPolicy,
    HeadersPolicy,
    HTTPPolicy,
    ProxyPolicy,
    RetryPolicy,
    SansIOHTTPPolicy,
    UserAgentPolicy,
)
from azure.core.pipeline.transport import RequestsTransport

from nhiscan.connector import Context
from nhiscan_azure.failures import ForeignOrigin
from nhiscan_azure.noting import NAMED, Attempts, Noting, path_of

ATTEMPTS = 8
DEADLINE = 300
"""Seconds for one call, all attempts together."""
LONGEST = 60.0
CONNECT, READ = 10, 120
_NEAR = "x-ms-throttle-limit-percentage"
_QUOTA_RESET = "x-ms-user-quota-resets-after"
_ABSOLUTE = "nhiscan_operation_name"


class Transport(RequestsTransport):  # type: ignore[misc]  # azure-core gives it by __getattr__
    """Waits by the clock of the runner, asks no file of the user for passwords, and follows nothing."""

    def __init__(self, context: Context) -> None:
        session = requests.Session()
        session.auth = _bare  # a .netrc would replace the token
        for prefix in ("https://", "http://"):
            session.mount(prefix, requests.adapters.HTTPAdapter(pool_maxsize=64, max_retries=0))
        super().__init__(session=session, session_owner=True, connection_timeout=CONNECT, read_timeout=READ)
        self._context = context

    def sleep(self, duration: float) -> None:
        self._context.sleep(duration)


def _bare(request: Any) -> Any:
    return request


class Again(RetryPolicy[Any, Any]):
    """azure-core's way to try again, for the POSTs that only read, too: it leaves a POST answered 429 alone.

    The wait is what the server asks for (``Retry-After``, of Resource Graph ``x-ms-user-quota-resets-after``), else
    1, 2, 4 ... up to 60 seconds.
    """

    def __init__(self) -> None:
        super().__init__(
            retry_total=ATTEMPTS,
            retry_connect=4,
            retry_read=4,
            retry_status=ATTEMPTS,
            retry_backoff_max=LONGEST,
            timeout=DEADLINE,
        )
        self._method_whitelist = frozenset({*self._method_whitelist, "POST"})

    def get_backoff_time(self, settings: dict[str, Any]) -> float:
        return float(min(LONGEST, 2.0 ** max(0, len(settings["history"]) - 1)))

    def get_retry_after(self, response: PipelineResponse[Any, Any]) -> float | None:
        asked: float | None = super().get_retry_after(response)
        if asked is None and (until := response.http_response.headers.get(_QUOTA_RESET)):
            asked = _seconds(until)
        return None if asked is None else min(max(0.5, asked), float(DEADLINE))


def _seconds(text: str) -> float | None:
    """``hh:mm:ss`` as seconds."""
    parts = text.split(":")
    try:
        return float(sum(float(part) * 60**power for power, part in enumerate(reversed(parts))))
    except ValueError:
        return None


class Slowing(SansIOHTTPPolicy[Any, Any]):
    """Goes slower where Graph says that its limit is near: the header is there from four fifths of it on."""

    def __init__(self, context: Context) -> None:
        super().__init__()
        self._context = context

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        del request
        try:
            share = float(response.http_response.headers.get(_NEAR, ""))
        except ValueError:
            return
        if share > 0:
            self._context.sleep(min(share, 2.0))


class OriginPin(SansIOHTTPPolicy[Any, Any]):
    """Refuses a request to another origin before it has a token: stands before the policy that adds one.

    To the clients of the azure-mgmt packages it is given as ``per_retry_policies``: they follow a next link anywhere.
    """

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._origin = origin(base_url)

    def on_request(self, request: PipelineRequest[Any]) -> None:
        url = str(request.http_request.url)
        if origin(url) != self._origin:
            named = request.context.get(_ABSOLUTE) or path_of(url)
            raise ForeignOrigin(str(named), urlsplit(url).hostname or "")


class _Named(SansIOHTTPPolicy[Any, Any]):
    """Keeps the name of a call where the pin finds it."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context[_ABSOLUTE] = request.context.options.get(NAMED)


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address; a port that is none is None."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None
    scheme = parts.scheme.lower()
    return scheme, (parts.hostname or "").lower(), port or {"https": 443, "http": 80}.get(scheme)


def user_agent(context: Context) -> str:
    return f"nhiscan/{context.version}" if context.version else "nhiscan"


def pipeline(
    base_url: str, service: str, credential: TokenCredential, context: Context, headers: dict[str, str] | None = None
) -> PipelineClient[Any, Any]:
    """A client of one API. Without a policy for redirects: a 302 comes back as it is."""
    policies: list[HTTPPolicy[Any, Any] | SansIOHTTPPolicy[Any, Any]] = [
        HeadersPolicy(headers or {}),
        UserAgentPolicy(base_user_agent=user_agent(context)),
        ProxyPolicy(),
        *call_policies(service, context),
        Slowing(context),
        Again(),
        OriginPin(base_url),
        BearerTokenCredentialPolicy(credential, f"{base_url}/.default"),
        Attempts(),
    ]
    return PipelineClient(base_url, transport=Transport(context), policies=policies)


def call_policies(service: str, context: Context) -> list[Any]:
    """What stands before the policy that tries again; ``per_call_policies`` of an azure-mgmt client."""
    return [_Named(), Noting(context, service)]


def retry_policies(base_url: str) -> list[Any]:
    """What stands behind the policy that tries again; ``per_retry_policies`` of an azure-mgmt client."""
    return [OriginPin(base_url), Attempts()]

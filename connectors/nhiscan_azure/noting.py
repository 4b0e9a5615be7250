"""The transcript: one line a call, written by a policy of the pipeline. Answers are kept as a digest of their bytes."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy, SansIOHTTPPolicy

from nhiscan.connector import Context
from nhiscan.model import Call

NAMED = "nhiscan_operation"
"""Option of a call: what it is called in the transcript. Without it the path stands there, ids left out."""
PAGE = "nhiscan_page"
TOLD = "nhiscan_told"
"""Option of a call: parameters that stand in its body, such as the text of a query."""
_ATTEMPTS, _ANSWER = "nhiscan_attempts", "nhiscan_answer"
_KEPT = frozenset({"$count", "$expand", "$filter", "$orderby", "$select", "$top", "api-version"})
_IDS = ("request-id", "x-ms-request-id", "x-ms-correlation-request-id")
_ID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


class Attempts(SansIOHTTPPolicy[Any, Any]):
    """Counts what is really sent: stands behind the policy that tries again."""

    def on_request(self, request: PipelineRequest[Any]) -> None:
        request.context[_ATTEMPTS] = request.context.get(_ATTEMPTS, 0) + 1


def attempts(response: PipelineResponse[Any, Any]) -> int:
    """How many requests an answer took."""
    return int(response.context.get(_ATTEMPTS, 0))


def answer_of(response: PipelineResponse[Any, Any]) -> dict[str, Any]:
    """The JSON object of an answer, read once, while it was noted; empty for anything else."""
    found: dict[str, Any] = response.context.pop(_ANSWER, {})
    return found


class Noting(HTTPPolicy[Any, Any]):
    """Notes each call with all of its attempts: stands before the policy that tries again.

    ``nextLink`` and ``$skipToken`` are left out of the parameters: they are opaque, and the page's number is there.
    """

    def __init__(self, context: Context, service: str) -> None:
        super().__init__()
        self._context = context
        self._service = service

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        options = request.context.options
        named, page, told = options.pop(NAMED, None), options.pop(PAGE, 1), options.pop(TOLD, None)
        url = str(request.http_request.url)
        started_at = self._context.clock()
        status: int | None = None
        error: str | None = None
        headers: Mapping[str, str] = {}
        raw: bytes | None = None
        answer: dict[str, Any] = {}
        try:
            response = self.next.send(request)
            status, headers = response.http_response.status_code, response.http_response.headers
            raw = response.http_response.body()
            answer = response.context[_ANSWER] = json_object(raw)
        except AzureError as failed:
            error = type(failed).__name__
            raise
        finally:
            sent = int(request.context.get(_ATTEMPTS, 0))
            if sent:  # nothing was sent where the pin refused, or where no token could be had
                items, more, code = _seen(answer, status)
                self._context.note(
                    Call(
                        service=self._service,
                        operation=str(named or path_of(url)),
                        parameters=_parameters(url, told),
                        endpoint=endpoint(url),
                        page=int(page),
                        items=items,
                        end_of_list=None if more is None else int(not more),
                        status=status,
                        error=error or code,
                        request_id=next((headers[name] for name in _IDS if name in headers), None),
                        attempts=sent,
                        started_at=started_at,
                        ended_at=self._context.clock(),
                        response_sha256=hashlib.sha256(raw).hexdigest() if raw is not None else None,
                    )
                )
        return response


def _seen(answer: Mapping[str, Any], status: int | None) -> tuple[int | None, bool | None, str | None]:
    """How many items a page has, whether another one follows, and the code of an error."""
    if status is None or status >= 300:
        return None, None, error_of(answer)[0] or (str(status) if status else None)
    for name in ("value", "data", "responses"):
        if isinstance(answer.get(name), list):
            more = any(answer.get(link) for link in ("@odata.nextLink", "nextLink", "$skipToken"))
            return len(answer[name]), None if name == "responses" else more, None
    return None, None, None


def json_object(raw: bytes | None) -> dict[str, Any]:
    """The JSON object of an answer; empty for anything else."""
    try:
        found = json.loads(raw or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def error_of(answer: Mapping[str, Any]) -> tuple[str, str]:
    """Code and message of an error of Graph or Resource Manager; empty where there are none."""
    error = answer.get("error")
    if not isinstance(error, dict):
        return (str(error), str(answer.get("error_description") or "")) if isinstance(error, str) else ("", "")
    return str(error.get("code") or ""), str(error.get("message") or "")


def _parameters(url: str, told: Mapping[str, Any] | None) -> str:
    parts = urlsplit(url)
    found: dict[str, Any] = {name: value for name, value in parse_qsl(parts.query) if name in _KEPT}
    return canonical({"path": parts.path, **found, **(told or {})})


def path_of(url: str) -> str:
    """The path of a call without its ids: what it is called where nobody gave it a name."""
    return _ID.sub("{id}", urlsplit(url).path).strip("/")


def endpoint(address: str) -> str:
    """Scheme and host of an address, without port, user or path."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""


def canonical(value: Any) -> str:
    """JSON with sorted keys, no spaces, ASCII only: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)

"""The transcript: every API call noted through botocore's own events, once a call, retries counted.

Only parameters on a list are kept, so a parameter that somebody adds cannot carry a secret into the evidence. Answers
are kept as a digest of the raw body; the answer of AssumeRole holds credentials and gets none.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from urllib.parse import urlsplit

from nhiscan.connector import Context
from nhiscan.model import Call
from nhiscan_aws.canonical import canonical

KEPT_PARAMETERS = frozenset(
    {
        "AccessKeyId",
        "Arn",
        "ChildId",
        "Filter",
        "Granularity",
        "GroupName",
        "JobId",
        "Marker",
        "MaxItems",
        "MaxResults",
        "NextToken",
        "OnlyAttached",
        "PolicyArn",
        "PolicyId",
        "PolicyName",
        "PolicyUsageFilter",
        "RoleArn",
        "RoleName",
        "RoleSessionName",
        "Scope",
        "UserName",
        "VersionId",
    }
)
SERVICE = "NhiscanService"
"""Where an answer names its service among its metadata: an error knows its operation only, and IAM and Organizations
both have a ListPolicies."""

_NO_DIGEST = frozenset({"AssumeRole"})
_SIZES, _PLACES = ("MaxItems", "MaxResults"), ("Marker", "NextToken")
_MINE = "nhiscan"  # our place in botocore's request context

_sink: ContextVar[Callable[[Call], None] | None] = ContextVar("nhiscan_aws_sink", default=None)


@contextmanager
def noting_into(sink: Callable[[Call], None]) -> Iterator[None]:
    """Send the calls of this thread to `sink` instead of the context."""
    token = _sink.set(sink)
    try:
        yield
    finally:
        _sink.reset(token)


def attach(client: Any, context: Context) -> None:
    """Note every call of `client`, a boto3 client, into `context`."""
    recorder = _Recorder(context)
    events = client.meta.events
    events.register_last("before-parameter-build", recorder.parameters)
    events.register_first("before-call", recorder.begin)
    events.register("request-created", recorder.attempt)
    events.register_first("after-call", recorder.end)
    events.register("after-call-error", recorder.fail)


class _Recorder:
    """Handlers of botocore events. What is known of a running call lies in botocore's context of that call."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pages: dict[str, int] = {}  # operation -> page last asked; only sequential listings follow markers

    def parameters(self, params: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        kept = {name: value for name, value in params.items() if name in KEPT_PARAMETERS}
        page = self._pages.get(model.name, 0) + 1 if any(name in params for name in _PLACES) else 1
        if any(name in params for name in _SIZES):
            self._pages[model.name] = page
        context[_MINE] = {
            "service": model.service_model.service_name,
            "operation": model.name,
            "parameters": canonical(kept),
            "endpoint": "",
            "page": page,
            "attempts": 0,
            "started_at": self._context.clock(),
        }

    def begin(self, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context[_MINE]["endpoint"] = endpoint(str(params.get("url", "")))

    def attempt(self, request: Any, **_: Any) -> None:
        mine = request.context.get(_MINE)
        if mine is not None:
            mine["attempts"] += 1

    def end(self, http_response: Any, parsed: Mapping[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        failed = http_response.status_code >= 300
        if failed and isinstance(parsed.get("ResponseMetadata"), dict):
            parsed["ResponseMetadata"][SERVICE] = model.service_model.service_name
        self._note(
            context,
            items=None if failed else _items(parsed),
            end_of_list=None if failed else _end_of_list(model, parsed),
            status=http_response.status_code,
            error=parsed.get("Error", {}).get("Code") if failed else None,
            request_id=parsed.get("ResponseMetadata", {}).get("RequestId"),
            response_sha256=None if model.name in _NO_DIGEST else hashlib.sha256(http_response.content).hexdigest(),
        )

    def fail(self, exception: BaseException, context: dict[str, Any], **_: Any) -> None:
        self._note(
            context,
            items=None,
            end_of_list=None,
            status=None,
            error=type(exception).__name__,
            request_id=None,
            response_sha256=None,
        )

    def _note(self, context: dict[str, Any], **outcome: Any) -> None:
        mine = context.pop(_MINE)
        mine["attempts"] = max(1, mine["attempts"])
        call = Call(**mine, **outcome, ended_at=self._context.clock())
        (_sink.get() or self._context.note)(call)


def endpoint(url: str) -> str:
    """Scheme and host of a URL, without port, user or path."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""


def _items(parsed: Mapping[str, Any]) -> int | None:
    lists = [value for value in parsed.values() if isinstance(value, list)]
    return sum(map(len, lists)) if lists else None


def _end_of_list(model: Any, parsed: Mapping[str, Any]) -> int | None:
    members = () if model.output_shape is None else model.output_shape.members
    for mark in ("IsTruncated", "NextToken"):
        if mark in members:
            return 0 if parsed.get(mark) else 1
    return None

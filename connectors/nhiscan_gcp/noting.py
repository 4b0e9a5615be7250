"""The transcript: one line a call. Only parameters on a list are kept, answers as a digest of their bytes."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from nhiscan.connector import Context
from nhiscan.model import Call

KEPT = frozenset(
    {
        "aggregation.alignmentPeriod",
        "aggregation.crossSeriesReducer",
        "aggregation.groupByFields",
        "aggregation.perSeriesAligner",
        "assetTypes",
        "constraint",
        "contentType",
        "fields",
        "filter",
        "interval.endTime",
        "interval.startTime",
        "keyTypes",
        "maxResults",
        "name",
        "options.requestedPolicyVersion",
        "pageSize",
        "parent",
        "path",
        "query",
        "readMask",
        "readTime",
        "resourceNames",
        "showDeleted",
        "showDeletedKeys",
        "view",
    }
)
"""A page token is not among them: it is opaque, and the number of the page stands for it."""


class Note:
    """A call on its way. `done` puts it into the transcript of the source that runs here."""

    def __init__(self, context: Context, service: str, operation: str, address: str, **parameters: Any) -> None:
        self._context = context
        self._service = service
        self._operation = operation
        self._endpoint = endpoint(address)
        self._parameters = canonical({name: value for name, value in parameters.items() if name in KEPT})
        self._started_at = context.clock()
        self.page = 1

    def done(
        self,
        attempts: int,
        *,
        status: int | None = None,
        error: str | None = None,
        items: int | None = None,
        more: bool | None = None,
        request_id: str | None = None,
        digest: str | None = None,
    ) -> None:
        """``more`` tells whether another page follows; None: the call has no pages."""
        self._context.note(
            Call(
                service=self._service,
                operation=self._operation,
                parameters=self._parameters,
                endpoint=self._endpoint,
                page=self.page,
                items=items,
                end_of_list=None if more is None else int(not more),
                status=status,
                error=error,
                request_id=request_id,
                attempts=max(1, attempts),
                started_at=self._started_at,
                ended_at=self._context.clock(),
                response_sha256=digest,
            )
        )


def endpoint(address: str) -> str:
    """Scheme and host of an address, without port, user or path. Of gRPC, which has no scheme, the host as https."""
    parts = urlsplit(address if "://" in address else f"https://{address}")
    return f"{parts.scheme}://{parts.hostname}" if parts.hostname else ""


def canonical(value: Mapping[str, Any]) -> str:
    """JSON with sorted keys, no spaces, ASCII only: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)

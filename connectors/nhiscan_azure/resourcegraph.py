"""Azure Resource Graph: one query over all subscriptions, page by page.

It shows what the caller may read and leaves out the rest without a word. Who rests on an answer asks `sight` whether a
scope could be seen at all.
"""

import threading
from collections.abc import Iterator, Mapping
from typing import Any

from nhiscan.connector import BadAnswer, Context
from nhiscan_azure.failures import TooMany
from nhiscan_azure.service import Json, Service

VERSION = "2024-04-01"
PATH = "providers/Microsoft.ResourceGraph/resources"
PAGE = 1000
GROUPS, SUBSCRIPTIONS = 10, 1000
"""Most management groups, and subscriptions, that one query may name."""
_REMAINING, _RESET, _LIMIT = (
    "x-ms-user-quota-remaining",
    "x-ms-user-quota-resets-after",
    "x-ms-tenant-subscription-limit-hit",
)
LONGEST = 60.0


class ResourceGraph:
    """Asks with one set of credentials. Queries come one after the other: the quota is the caller's, not a thread's."""

    def __init__(self, arm: Service, context: Context) -> None:
        self._arm = arm
        self._context = context
        self._lock = threading.Lock()
        self._wait = 0.0
        self._groups: tuple[str, ...] = ()
        self._subscriptions: tuple[str, ...] = ()

    def narrow(self, groups: tuple[str, ...], subscriptions: tuple[str, ...]) -> None:
        """Ask about these management groups and subscriptions only. Neither: about all that the caller sees."""
        self._groups, self._subscriptions = groups, subscriptions

    def rows(self, operation: str, query: str, *, everywhere: bool = False) -> Iterator[Json]:
        """The rows of a query, each id once, up to the last page.

        ``query`` projects ``id`` and orders by it. ``everywhere`` asks about all that the caller sees in any case.
        BadAnswer where rows are missing; TooMany after the rows where there are more subscriptions than one query
        looks at.
        """
        seen: set[str] = set()
        limited = False
        for scope in [{}] if everywhere else self._scopes():
            for row, hit in self._pages(operation, query, scope):
                limited = limited or hit
                name = str(row.get("id", "")).lower()
                if not name:
                    raise BadAnswer(operation, "has a row without id")
                if name not in seen:
                    seen.add(name)
                    yield row
        if limited:
            raise TooMany(operation)

    def _scopes(self) -> list[dict[str, list[str]]]:
        found: list[dict[str, list[str]]] = []
        for name, most, named in (
            ("managementGroups", GROUPS, self._groups),
            ("subscriptions", SUBSCRIPTIONS, self._subscriptions),
        ):
            found += [{name: list(named[start : start + most])} for start in range(0, len(named), most)]
        return found or [{}]

    def _pages(self, operation: str, query: str, scope: Mapping[str, list[str]]) -> Iterator[tuple[Json, bool]]:
        token: str | None = None
        number = shown = 0
        while True:
            number += 1
            answer, hit = self._page(operation, query, scope, token, number)
            data = answer.get("data")
            if not isinstance(data, list) or not all(isinstance(row, dict) for row in data):
                raise BadAnswer(operation, "has something else than a list of rows")
            shown += len(data)
            for row in data:
                yield row, hit
            following = answer.get("$skipToken")
            if following is None:
                break
            if not isinstance(following, str) or following in ("", token):
                raise BadAnswer(operation, "names no page as the next that could be one")
            token = following
        if str(answer.get("resultTruncated", "false")).lower() == "true":
            raise BadAnswer(operation, "was cut off, and names no next page")
        total = answer.get("totalRecords")
        if isinstance(total, int) and total > shown:
            raise BadAnswer(operation, f"shows {shown} of {total} rows")

    def _page(
        self, operation: str, query: str, scope: Mapping[str, list[str]], token: str | None, number: int
    ) -> tuple[Json, bool]:
        options: dict[str, Any] = {"$top": PAGE, "resultFormat": "objectArray"}
        if query.startswith("authorizationresources"):  # what is assigned above reaches down
            options["authorizationScopeFilter"] = "AtScopeAboveAndBelow"
        if token is not None:
            options["$skipToken"] = token
        headers: dict[str, str] = {}

        def heard(found: Mapping[str, str]) -> None:
            headers.update({name.lower(): value for name, value in found.items()})

        with self._lock:
            if self._wait:
                self._context.sleep(self._wait)
                self._wait = 0.0
            answer = self._arm.post(
                operation,
                PATH,
                {"query": query, **scope, "options": options},
                {"api-version": VERSION},
                page=number,
                told={"query": query, **scope},
                heard=heard,
            )
            if headers.get(_REMAINING) == "0":
                self._wait = seconds(headers.get(_RESET, ""))
        return answer, headers.get(_LIMIT, "").lower() == "true"


def seconds(text: str) -> float:
    """``hh:mm:ss`` as seconds, at least one and at most `LONGEST`; 5, the length of a window, for anything else."""
    try:
        found = float(sum(float(part) * 60**power for power, part in enumerate(reversed(text.split(":")))))
    except ValueError:
        found = 5.0
    return min(max(1.0, found), LONGEST)

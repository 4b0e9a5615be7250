"""A call of Azure Resource Manager on its way to an answer: version, scope, pages."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nhiscan_azure.simulated.answers import Refusal
from nhiscan_azure.simulated.azure import Azure

Json = dict[str, Any]
PAGE = 100
_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview)?", re.ASCII)


@dataclass(frozen=True)
class ArmMethod:
    """``action`` is its name in counts and fault plans; ``needs`` is the action a role must allow.

    ``versions`` are the api-versions in which it is what it is here: None stands for any.
    """

    verb: str
    path: re.Pattern[str]
    action: str
    needs: str
    known: tuple[str, ...]
    versions: tuple[str, ...] | None
    answer: Callable[["ArmCall"], Any]


@dataclass
class ArmCall:
    """``allow(action, scope)`` refuses what the caller may not; ``may`` only asks."""

    azure: Azure
    method: ArmMethod
    match: Mapping[str, str]
    query: Mapping[str, str]
    base: str
    path: str
    allow: Callable[[str, str], None]
    may: Callable[[str, str], bool]
    actions: frozenset[str] = frozenset()  # every action that some method needs
    next_base: str | None = None
    page: int = PAGE
    plant: Callable[[str], str] = str

    @property
    def subscription(self) -> str:
        """The subscription of the path; refused where there is none such."""
        guid = self.match["subscription"].lower()
        if guid not in self.azure.subscriptions:
            raise Refusal(404, "SubscriptionNotFound", f"The subscription '{guid}' could not be found.")
        return guid

    @property
    def scope(self) -> str:
        return "/" + self.match["scope"]

    def listed(self, items: Iterable[Json]) -> Json:
        """A page of a list, with the address of the next one."""
        found = list(items)
        text = self.query.get("$skipToken", "0")
        if not text.isdigit():
            raise Refusal(400, "InvalidSkipToken", "The skip token is not valid.")
        start = int(text)
        answer: Json = {"value": found[start : start + self.page]}
        if start + self.page < len(found):
            rest = [(name, value) for name, value in self.query.items() if name != "$skipToken"]
            query = urlencode([*rest, ("$skipToken", str(start + self.page))], safe="$'()")
            answer["nextLink"] = f"{self.next_base or self.base}/{self.path}?{query}"
        return answer


def check_version(known: tuple[str, ...] | None, version: str | None) -> None:
    """Refuse a call without a version, or with one in which this does not exist."""
    if version is None:
        raise Refusal(
            400,
            "MissingApiVersionParameter",
            "The api-version query parameter (?api-version=) is required for all requests.",
        )
    if not _VERSION.fullmatch(version):
        raise Refusal(
            400, "InvalidApiVersionParameter", f"The api-version '{version}' is invalid. The format is yyyy-MM-dd."
        )
    if known is not None and version not in known:
        raise Refusal(
            400,
            "NoRegisteredProviderFound",
            f"No registered resource provider found for API version '{version}'. The supported api-versions are "
            f"'{', '.join(known)}'.",
        )

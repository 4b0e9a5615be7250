"""The way from accounts up to the organisation, asked while a scan is planned: errors are kept for the sources."""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Any, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from nhiscan.model import Scope
from nhiscan_aws.failures import ListCut
from nhiscan_aws.organization import Answer, target_key, walk

Value = TypeVar("Value")


def asked(question: Callable[[], Value]) -> Answer[Value]:
    """Ask now, fail later."""
    try:
        return Answer(value=question())
    except (ClientError, BotoCoreError, ListCut) as error:
        return Answer(error=error)


class Parents:
    """Who lies below what: ListParents for each account and each unit, once each.

    The first error ends the asking. An account whose way to the root is not known by then is taken to lie right below
    the organisation: half a way would look like a whole one. `ended` tells the error to the source
    ``organizations.parents``, which stands for these calls.
    """

    def __init__(self, client: Any, partition: str, organization: Scope) -> None:
        self._client = client
        self._partition = partition
        self._organization = organization.key
        self._above: dict[str, str | None] = {}  # id -> id above it, up to a root; None: a root, or no member
        self.ended: Answer[None] = Answer()

    def scopes(self, accounts: Iterable[Scope]) -> Iterator[Scope]:
        """The accounts with their parents, then the units and roots above them, each once.

        An account that is no member of the organisation has no parent.
        """
        for account in accounts:
            yield account._replace(parent=self._climb(account.native_id.rpartition(":")[2]))
        for unit in sorted(name for name in self._above if not name.isdigit()):
            above = self._above[unit]
            parent = self._organization if above is None else target_key(self._partition, above)
            key, native_id = target_key(self._partition, unit), f"{self._partition}:{unit}"
            yield Scope(key, "aws", "organizational_unit", native_id, parent=parent)

    def _climb(self, account: str) -> str | None:
        """The key of what lies above an account."""
        way = [account]
        while way[-1] not in self._above:
            if self.ended.error is None:
                answer = asked(lambda: self._parent(way))
                self.ended = Answer(error=answer.error)
            if self.ended.error is not None:
                return self._organization
            if answer.value is None:
                self._above[way[-1]] = None
            else:
                way.append(answer.value)
        self._above.update(pairwise(way))
        above = self._above[account]
        return None if above is None else target_key(self._partition, above)

    def _parent(self, way: list[str]) -> str | None:
        """The id of what lies above the end of the way. Raises ListCut where the answer leads nowhere."""
        child = way[-1]
        if child.startswith("r-"):
            return None
        try:
            parents = list(walk(self._client, "list_parents", "Parents", ChildId=child))
        except self._client.exceptions.ChildNotFoundException:  # the API's way to say that it is not one of its own
            if child.isdigit():
                return None
            parents = []
        parent = str(parents[0].get("Id") or "") if parents else ""
        if not parent or parent in way:
            raise ListCut("ListParents", f"the way from {way[0]} to the root")
        return parent

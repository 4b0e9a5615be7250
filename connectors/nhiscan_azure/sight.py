"""What the caller may read where. Asked because Resource Graph leaves out in silence what the caller may not read."""

import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from nhiscan.connector import Context, ask_each
from nhiscan.model import Scope
from nhiscan_azure.failures import Refused
from nhiscan_azure.service import Service

OPERATION = "arm.permissions"
VERSION = "2022-04-01"
PERMISSION = "Microsoft.Authorization/permissions/read"
EVERYTHING = "*/read"
Block = tuple[tuple[str, ...], tuple[str, ...]]  # actions, notActions; in lower case


class Sight:
    """One call a scope and scan: the actions that all roles of the caller allow there, inherited ones included."""

    def __init__(self, arm: Service, context: Context) -> None:
        self._arm = arm
        self._context = context
        self._lock = threading.Lock()
        self._known: dict[str, tuple[Block, ...]] = {}

    def seeing(self, scopes: Iterable[Scope], actions: Iterable[str]) -> Iterator[str]:
        """The keys of those scopes in which the caller may take all of the actions; `EVERYTHING` is every reading one.

        Where the question itself is refused, nothing is known to be seen. Raises what else keeps from an answer.
        """
        wanted = tuple(actions)
        for scope, blocks in ask_each(self._context, self._blocks, scopes):
            if all(allows(blocks, action) for action in wanted):
                yield scope.key

    def _blocks(self, scope: Scope) -> tuple[Block, ...]:
        with self._lock:
            known = self._known.get(scope.key)
        if known is None:
            known = self._ask(scope)
            with self._lock:
                self._known[scope.key] = known
        return known

    def _ask(self, scope: Scope) -> tuple[Block, ...]:
        path = f"{path_of(scope).lstrip('/')}/providers/Microsoft.Authorization/permissions"
        try:
            return tuple(
                (_texts(one, "actions"), _texts(one, "notActions"))
                for shown, _ in self._arm.pages(OPERATION, path, {"api-version": VERSION})
                for one in shown
            )
        except Refused as error:
            if error.status in (401, 403, 404):
                return ()
            raise


def path_of(scope: Scope) -> str:
    """The id at Resource Manager of a management group or subscription; of the tenant ''."""
    if scope.kind == "subscription":
        return f"/subscriptions/{scope.native_id}"
    if scope.kind == "management_group":
        return f"/providers/Microsoft.Management/managementGroups/{scope.native_id}"
    return ""


def allows(blocks: Iterable[Block], action: str) -> bool:
    """Whether some block has an action and does not take it away again. ``*`` spans slashes."""
    name = action.lower()
    if name == EVERYTHING:
        return any(_matches(actions, name) and not any(map(_takes_reads, taken)) for actions, taken in blocks)
    return any(_matches(actions, name) and not _matches(taken, name) for actions, taken in blocks)


def _takes_reads(pattern: str) -> bool:
    """Whether a pattern of ``notActions`` may take some reading action away."""
    verb = pattern.rpartition("/")[2]
    return "*" in verb or verb == "read"


def _matches(patterns: Iterable[str], action: str) -> bool:
    return any(
        re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), action, re.DOTALL) is not None
        for pattern in patterns
    )


def _texts(block: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = block.get(name)
    return tuple(str(one).lower() for one in found) if isinstance(found, list) else ()

"""A call of Microsoft Graph on its way to an answer: options, permissions, pages."""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from nhiscan_azure.simulated.answers import Refusal, bad_request, no_object, no_premium, no_scope, unsupported
from nhiscan_azure.simulated.directory import Directory
from nhiscan_azure.simulated.ids import is_guid
from nhiscan_azure.simulated.odata import Options, check_selected, shown
from nhiscan_azure.simulated.shapes import DERIVED, OBJECTS, USER_DEFAULT

Json = dict[str, Any]
DEFAULT, MOST = 100, 999
EXPANDED = 20
"""Most objects that one expanded relation shows."""
SIGN_IN_PAGE = 500
LEAVING, LEAVING_PERMISSION = "employeeLeaveDateTime", "User-LifeCycleInfo.Read.All"
READS = {
    "user": ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
    "group": (
        *("Group.Read.All", "Group.ReadWrite.All", "GroupMember.Read.All", "Directory.Read.All"),
        "Directory.ReadWrite.All",
    ),
    "servicePrincipal": (
        *("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
    ),
    "application": (
        *("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
    ),
}
"""Type -> permissions each of which is enough to see objects of it whole."""


@dataclass(frozen=True)
class Method:
    """One method of Microsoft Graph.

    ``action`` is its name in counts and fault plans; ``permissions`` are those of which one is enough; ``style`` is how
    it refuses (see `no_scope`); ``known`` are its query options; ``entity`` is the type of what it gives.
    """

    version: str  # "v1.0" | "beta"
    verb: str
    path: re.Pattern[str]
    action: str
    permissions: tuple[str, ...]
    known: tuple[str, ...]
    entity: str
    answer: Callable[["Call"], Any]
    style: str = "directory"
    many: bool = True


@dataclass
class Call:
    """``held`` are the permissions of the caller; ``base`` is the address of the service with the version."""

    directory: Directory
    method: Method
    match: Mapping[str, str]
    options: Options
    body: Json
    base: str
    path: str
    now: int
    held: frozenset[str]
    next_base: str | None = None  # where next links lead, if not to `base`
    odd_dates: bool = True
    most: int | None = None  # a page shows no more than this, whatever is asked for
    everything: bool = False  # all items at once: they are only counted

    def allow(self, permissions: tuple[str, ...], style: str = "directory") -> None:
        """Refuse unless one of the permissions is held."""
        if not self.held & set(permissions):
            raise no_scope(permissions, style)

    def guid(self, name: str = "id") -> str:
        """An object id of the path. Refuses what is no guid."""
        text = self.match[name]
        if not is_guid(text):
            raise Refusal(400, "Request_BadRequest", f"Invalid object identifier '{text}'.")
        return text.lower()

    def object(self, *kinds: str) -> Json:
        """The object that the path names: one of ``kinds``, and still there."""
        object_id = self.guid()
        found = self.directory.objects.get(object_id)
        if (
            found is None
            or object_id in self.directory.vanished
            or not any(is_kind(kind_of(found), one) for one in kinds)
        ):
            raise no_object(object_id)
        return found

    # --- answers ---

    def one(self, item: Json, entity: str) -> Json:
        """A single object, as far as it is selected."""
        selected = self.options.selected
        check_selected(entity, selected)
        self._sign_ins(selected)
        return {"@odata.context": self._context(entity, "/$entity"), **self._shown(item, entity, selected)}

    def many(
        self,
        items: Iterable[Json],
        entity: str,
        *,
        default: int = DEFAULT,
        most: int = MOST,
        lowers: bool = False,
        expands: Mapping[str, Callable[[Json], Any]] | None = None,
    ) -> Json:
        """A page of a list. ``expands`` are relations that ``$expand`` may name."""
        options = self.options
        found = list(items)
        selected = options.selected
        check_selected(entity, selected)
        self._sign_ins(selected)
        test = options.filter(entity)
        if test is not None:
            found = [item for item in found if test(item)]
        found = options.ordered(found, entity)
        expanded = self._expanded(expands or {})
        if "signInActivity" in selected:
            most, lowers = SIGN_IN_PAGE, True
        if expanded and entity in OBJECTS:
            most, lowers = min(most, DEFAULT), True
        size = options.top(default, most, lowers=lowers)
        size = len(found) if self.everything else min(size, self.most or size)
        start = self._start()
        answer: Json = {"@odata.context": self._context(entity, "")}
        if options.counted:
            answer["@odata.count"] = len(found)
        if start + size < len(found):
            answer["@odata.nextLink"] = self._link(start + size)
        answer["value"] = [
            {**self._shown(item, entity, selected), **{name: relation(item) for name, relation in expanded.items()}}
            for item in found[start : start + size]
        ]
        return answer

    def objects(self, ids: Iterable[str]) -> Json:
        """A page of directory objects, each with its type; of those the caller may not read only the id is shown."""
        cast = self.match.get("cast")
        found = [self.directory.objects[one] for one in ids if one in self.directory.objects]
        if cast:
            if not self.options.counted:
                raise unsupported("The specified cast needs the header ConsistencyLevel: eventual and $count=true.")
            found = [item for item in found if is_kind(kind_of(item), cast)]
        return self.many([self.readable(item) for item in found], cast or "directoryObject")

    def readable(self, item: Json) -> Json:
        """An object as far as the permissions of the caller go."""
        kind = next(one for one in OBJECTS if is_kind(kind_of(item), one))
        if self.held & set(READS[kind]):
            return item
        return {
            name: value if name in ("@odata.type", "id") else [] if isinstance(value, list) else None
            for name, value in item.items()
            if name != "signInActivity"
        }

    def _shown(self, item: Json, entity: str, selected: tuple[str, ...]) -> Json:
        kind = kind_of(item) or entity
        if selected:
            found = shown(item, entity, selected)
        elif kind == "user":
            found = {name: item[name] for name in ("@odata.type", *USER_DEFAULT)}
        else:
            found = dict(item)
        if LEAVING in found and LEAVING_PERMISSION not in self.held:
            found[LEAVING] = None  # no error, and no word: so does Microsoft
        if found.get("@odata.type") == f"#microsoft.graph.{entity}":
            del found["@odata.type"]
        return found

    def _expanded(self, expands: Mapping[str, Callable[[Json], Any]]) -> Mapping[str, Callable[[Json], Any]]:
        text = self.options.one("$expand")
        if not text:
            return {}
        if self.options.counted and self.method.entity in OBJECTS:
            raise unsupported("$expand cannot be joined with advanced queries.")
        name = text.partition("(")[0]
        if "," in text or "(" in text or name not in expands:
            raise bad_request(f"Parsing OData Select and Expand failed: {text[:60]!r}.")
        return {name: expands[name]}

    def _sign_ins(self, selected: tuple[str, ...]) -> None:
        if "signInActivity" not in selected:
            return
        self.allow(("AuditLog.Read.All",), "reports")
        if self.directory.world.directory.premium < 1:
            raise no_premium()

    # --- pages ---

    def _mark(self) -> str:
        walk = json.dumps([self.path, self.options.walk()])
        return hashlib.sha256(walk.encode()).hexdigest()[:16]

    def _start(self) -> int:
        token = self.options.one("$skiptoken")
        if token is None:
            return 0
        try:
            mark, start = json.loads(base64.urlsafe_b64decode(token.encode()))
        except ValueError:
            raise Refusal(400, "Directory_ExpiredPageToken", "The specified page token value is invalid.") from None
        if mark != self._mark():
            raise Refusal(400, "Directory_ExpiredPageToken", "The specified page token value is invalid.")
        return int(start)

    def _link(self, start: int) -> str:
        token = base64.urlsafe_b64encode(json.dumps([self._mark(), start]).encode()).decode()
        query = urlencode([*self.options.walk(), ("$skiptoken", token)], safe="$,'()")
        return f"{self.next_base or self.base}/{self.path}?{query}"

    def _context(self, entity: str, end: str) -> str:
        """Without the port, so that two runs of one world answer byte for byte the same."""
        selected = self.options.one("$select")
        base = f"https://graph.microsoft.com/{self.method.version}"
        return f"{base}/$metadata#{entity}s{f'({selected})' if selected else ''}{end}"


def kind_of(item: Json) -> str:
    """The type that an object says it is of."""
    return str(item.get("@odata.type", "")).rpartition(".")[2]


def is_kind(kind: str, wanted: str) -> bool:
    """Whether a type is another one, or derived from it."""
    return wanted in (kind, DERIVED.get(kind))

"""Organisations, folders and projects: what is asked for, what is there, and what lies below what."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from nhiscan.connector import NoAccess, OptionError
from nhiscan.model import Scope
from nhiscan_gcp.failures import Refused
from nhiscan_gcp.rest import Json, Rest

API = "cloudresourcemanager"
PAGE = 500
STATES = {"ACTIVE": "active", "DELETE_REQUESTED": "closed"}
_FIELDS = {
    "organizations": "organizations(name,displayName,state),nextPageToken",
    "folders": "folders(name,parent,displayName,state),nextPageToken",
    "projects": "projects(name,projectId,parent,displayName,state,labels),nextPageToken",
}
_KIND = {"organizations": "organization", "folders": "folder", "projects": "project"}
_DIGITS = re.compile(r"[0-9]{1,30}", re.ASCII)
_PROJECT = re.compile(r"(?:[a-z0-9][a-z0-9.-]{0,90}:)?[a-z0-9][a-z0-9-]{0,40}", re.ASCII)
_REMEDY = (
    "Grant the caller resourcemanager.projects.get, .folders.get and .organizations.get, or name what to read with "
    "--gcp-project, --gcp-folder or --gcp-organization; see: nhiscan connectors permissions gcp"
)


def is_project(text: str) -> bool:
    """Whether a text can be the id or number of a project."""
    return _PROJECT.fullmatch(text) is not None


def key_of(node: str) -> str:
    """``organizations/1`` and ``folders/2`` as the key of a scope. Projects are keyed by their id, not by this."""
    kind, _, name = node.partition("/")
    return f"gcp/{_KIND[kind]}/{name}"


@dataclass(frozen=True)
class Wanted:
    """What the options name, as ids. Nothing at all: everything that the caller sees."""

    organizations: tuple[str, ...]
    folders: tuple[str, ...]
    projects: tuple[str, ...]

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> "Wanted":
        """Raises OptionError for what can be no id."""

        def named(option: str, shape: re.Pattern[str], prefix: str, words: str) -> tuple[str, ...]:
            found = []
            for text in settings.get(option) or ():  # type: ignore[attr-defined]
                name = str(text).removeprefix(prefix)
                if not shape.fullmatch(name):
                    raise OptionError(option, f"{text!r} is not {words}")
                found.append(name)
            return tuple(dict.fromkeys(found))

        return cls(
            named("organization", _DIGITS, "organizations/", "the number of an organisation"),
            named("folder", _DIGITS, "folders/", "the number of a folder"),
            named("project", _PROJECT, "projects/", "the id or number of a project"),
        )


@dataclass
class Tree:
    """The scopes named, by key, and how projects are called by number and by id."""

    scopes: dict[str, Scope] = field(default_factory=dict)
    nodes: dict[str, str] = field(default_factory=dict)  # key -> "organizations/1", "projects/<id>"
    numbers: dict[str, str] = field(default_factory=dict)  # number or id of a project -> key
    labels: dict[str, dict[str, str]] = field(default_factory=dict)  # key of a project -> its labels
    unread: dict[str, Refused] = field(default_factory=dict)  # key -> why nothing is known of a project named

    def project(self, name: str) -> str | None:
        """The key of a planned project by number or id."""
        return self.numbers.get(name)

    def by_key(self) -> dict[str, str]:
        """Key of each planned project -> its number. Its id, where the number is not known."""
        found: dict[str, str] = {}
        for name, key in self.numbers.items():
            if name.isdigit() or key not in found:
                found[key] = name
        return found

    def chain(self, key: str) -> Iterator[str]:
        """The keys of the named scopes above one, the nearest first."""
        seen = {key}
        above = self.scopes[key].parent
        while above in self.scopes and above not in seen:
            yield above
            seen.add(above)
            above = self.scopes[above].parent

    def below(self, key: str) -> list[str]:
        """The keys of all named scopes below one, sorted."""
        return sorted(one for one in self.scopes if key in self.chain(one))

    def add(self, kind: str, shown: Json) -> None:
        """A node as Resource Manager shows it."""
        name, parent = str(shown.get("name", "")), str(shown.get("parent") or "")
        above = key_of(parent) if parent.startswith(("organizations/", "folders/")) else None
        native, node = name.partition("/")[2], name
        if kind == "projects":
            native = str(shown.get("projectId", ""))
            node = f"projects/{native}"
        if not native:
            return
        key = f"gcp/{_KIND[kind]}/{native}"
        if kind == "projects":
            self.numbers[name.partition("/")[2]] = self.numbers[native] = key
        state = STATES.get(str(shown.get("state", "ACTIVE")), "unknown")
        label = str(shown["displayName"]) if shown.get("displayName") else None
        self.scopes[key] = Scope(key, "gcp", _KIND[kind], native, label, above, state)
        self.nodes[key] = node
        labels = shown.get("labels")
        if isinstance(labels, dict) and labels:
            self.labels[key] = {str(name): str(value) for name, value in sorted(labels.items())}


def read(rest: Rest, wanted: Wanted) -> Tree:
    """The tree of what is wanted. Raises NoAccess where that is nothing, and what the searches raise.

    Searches are eventually consistent: what was made a moment ago may be missing. The asset inventory counts the
    projects once more.
    """
    seen = Tree()
    if wanted.organizations or wanted.folders or not wanted.projects:
        for kind in ("organizations", "folders", "projects"):
            query: dict[str, Any] = {"query": "state:ACTIVE"} if kind == "projects" else {}
            for items, _ in rest.pages(
                API, f"{API}.{kind}.search", f"v3/{kind}:search", kind, pageSize=PAGE, fields=_FIELDS[kind], **query
            ):
                for item in items:
                    seen.add(kind, item)
    if not (wanted.organizations or wanted.folders or wanted.projects):
        if not seen.numbers:
            raise NoAccess("the caller sees no project", _REMEDY)
        return seen
    tops = [f"gcp/organization/{name}" for name in wanted.organizations]
    tops += [f"gcp/folder/{name}" for name in wanted.folders]
    for top in tops:
        if top not in seen.scopes:  # it cannot be seen, and is planned all the same: its sources tell why
            _, kind, name = top.split("/")
            seen.scopes[top] = Scope(top, "gcp", kind, name)
            seen.nodes[top] = f"{kind}s/{name}"
    for name in wanted.projects:
        if seen.project(name) is None:
            _add_project(rest, seen, name)
    keep = {*tops, *(key for top in tops for key in seen.below(top))}
    keep |= {key for name in wanted.projects if (key := seen.project(name))}
    return _only(seen, keep)


def _add_project(rest: Rest, tree: Tree, name: str) -> None:
    try:
        tree.add(
            "projects",
            rest.get(
                API,
                f"{API}.projects.get",
                f"v3/projects/{name}",
                fields="name,projectId,parent,displayName,state,labels",
            ),
        )
    except Refused as error:
        key = f"gcp/project/{name}"
        tree.scopes[key] = Scope(key, "gcp", "project", name)
        tree.nodes[key], tree.numbers[name], tree.unread[key] = f"projects/{name}", key, error


def _only(tree: Tree, keep: Iterable[str]) -> Tree:
    kept = frozenset(keep)
    return Tree(
        {key: scope for key, scope in tree.scopes.items() if key in kept},
        {key: node for key, node in tree.nodes.items() if key in kept},
        {name: key for name, key in tree.numbers.items() if key in kept},
        tree.labels,
        tree.unread,
    )

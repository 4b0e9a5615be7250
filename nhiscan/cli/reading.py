"""A stored scan, open for reading: its views as SQL, what it says of itself, and the names of its scopes."""

import contextlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nhiscan.cli.ending import USAGE, Stop
from nhiscan.cli.moments import iso
from nhiscan.config import nearest

if TYPE_CHECKING:
    from nhiscan.cli.workspace import Workspace
    from nhiscan.inventory import ScanInfo, Sql

READ = ("complete", "replaced")


class Reading:
    """One scan of the inventory. ``sql`` shows the views as of it."""

    def __init__(self, sql: "Sql", info: "ScanInfo") -> None:
        self.sql = sql
        self.info = info

    @cached_property
    def scope_names(self) -> dict[str, str]:
        """Scope key -> how people call it: its name, else the provider's id without a partition before it."""
        from nhiscan.findings.scopes import scope_names

        return scope_names(self.sql)

    @cached_property
    def planned(self) -> frozenset[str]:
        """Keys of the scopes that the scan planned, ``<connector>/session`` among them where none could be named."""
        return frozenset(self.info.scopes) | {scope for (scope,) in self.sql.rows("SELECT scope FROM coverage")}

    @cached_property
    def gaps(self) -> list[dict[str, Any]]:
        """What was planned and not read, one row a (scope, source)."""
        fields = ("scope", "source", "state", "code", "operation", "permission", "message")
        rows = self.sql.rows(f"SELECT {', '.join(fields)} FROM coverage ORDER BY key")
        return [row for values in rows if (row := dict(zip(fields, values, strict=True)))["state"] not in READ]

    @cached_property
    def differences(self) -> list[dict[str, Any]]:
        """Counts that do not agree and are not explained."""
        fields = ("scope", "what", "source_a", "count_a", "source_b", "count_b")
        rows = self.sql.rows(
            f"SELECT {', '.join(fields)} FROM tie_out WHERE count_a <> count_b AND explanation IS NULL ORDER BY key"
        )
        return [dict(zip(fields, values, strict=True)) for values in rows]

    @property
    def incomplete(self) -> bool:
        return bool(self.gaps or self.differences)

    @cached_property
    def scan(self) -> dict[str, Any]:
        """The scan as every JSON document of nhiscan shows it."""
        return {
            "number": self.info.number,
            "run": self.info.run,
            "nhiscan": self.info.version,
            "started_at": iso(self.info.started_at),
            "ended_at": iso(self.info.ended_at),
            "connectors": list(self.info.connectors),
            "scopes": list(self.info.scopes),
            "complete": not self.incomplete,
            "gaps": self.gaps,
            "differences": self.differences,
        }

    def count(self, view: str) -> int:
        """Rows of the planned scopes."""
        row = self.sql.one(f"SELECT count(*) FROM {view} WHERE planned = 1")
        return int(row[0]) if row else 0

    def scope_filter(self, column: str, asked: Sequence[str]) -> tuple[str, dict[str, Any]]:
        """SQL for the scopes that a user names by key, id or name, and its values. An unknown one ends with 2."""
        if not asked:
            return "1 = 1", {}
        keys: list[str] = []
        words: dict[str, set[str]] = {}
        for key, name, native in self.sql.rows("SELECT key, name, native_id FROM scope"):
            for word in (key, name, native, native.rpartition(":")[2]):
                if word:
                    words.setdefault(word, set()).add(key)
        for word in asked:
            if word not in words:
                raise Stop(USAGE, f"unknown scope {word!r}{nearest(word, words)}")
            keys += sorted(words[word])
        values = {f"scope_{place}": key for place, key in enumerate(dict.fromkeys(keys))}
        return f"{column} IN ({', '.join(f':{name}' for name in values)})", values


@contextlib.contextmanager
def reading(workspace: "Workspace", number: int | None) -> Iterator[Reading]:
    """Open scan ``number`` (None: the newest) of the stored inventory. None there ends with 2."""
    inventory = workspace.stored()
    info = inventory.scan(number)
    if info is None:
        raise Stop(USAGE, missing(workspace, number))
    with inventory.bound(info.number) as bound:
        yield Reading(bound.sql, bound.info)


def missing(workspace: "Workspace", number: int | None) -> str:
    """The message for a scan that is not there."""
    wanted = "no scan has been finished" if number is None else f"there is no scan {number}"
    remedy = ": scan first (`nhiscan scan`), or name another inventory by --db" if number is None else ""
    return f"{wanted} in {workspace.shown_place}{remedy}"

"""The one transaction in which a scan becomes part of the inventory."""

import hashlib
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from nhiscan import model
from nhiscan.inventory import binding, merging
from nhiscan.inventory.info import ScanInfo
from nhiscan.inventory.sql import Sql
from nhiscan.inventory.staging import Stage, batches, cleaned
from nhiscan.inventory.tables import RANGED, Listing, listing
from nhiscan.inventory.views import VIEWS, Column, columns_of

_COVERAGE = columns_of(model.Coverage)
_DOCUMENT = columns_of(model.Document)
_NEED = columns_of(model.Need)
_TIE_OUT = columns_of(model.TieOut)


class Finishing:
    """A scan on its way in. Nothing of it can be read before the transaction is committed.

    Order of use: `put`, `coverage`, `needs`, `calls`, `facts`, then `merge`, then `bind`. Derived tables follow in a
    second round of the same; `bind` then makes only those tables anew that have changed.

    ``number``  the number of the scan: 1, 2, 3 in the order of finishing
    ``sql``     the transaction's connection, for what is computed and stored in it
    """

    def __init__(self, sql: Sql, info: ScanInfo) -> None:
        self.sql = sql
        self.number = info.number
        self.info = info
        self._planned = set(info.scopes)
        self._stages: dict[str, Stage] = {}
        self._listed: set[str] = set()  # ranged tables about whose listing this scan says something
        self._merged: set[str] = set()
        self._stale = set(VIEWS)  # views to be made (anew) by the next bind
        self._bound: set[str] = set()
        merging.prepare(sql)

    def put(self, table: str, rows: Iterable[Sequence[Any]]) -> None:
        """Add records of one of `nhiscan.model.TABLES`, as records or as tuples of their fields.

        The order in which sources are put decides which of them counts where several show one key. Raises ValueError
        for a row that does not fit its record, and for a table that was merged already.
        """
        if table == "document":
            self._put_documents(rows)
        elif table == "tie_out":
            self._insert_for_scan("scan_tie_out", "tie_out", _TIE_OUT, rows)
        else:
            stage = self._stage(table)
            stage.put(rows)
            if table != "scope" and (outside := {scope for scope, _ in stage.kinds} - self._planned):
                named = ", ".join(sorted(map(str, outside)))
                raise ValueError(f"rows of {table} live outside the plan, in {named}")

    def _stage(self, table: str) -> Stage:
        if table in self._merged:
            raise ValueError(f"{table} was merged already in this scan")
        if table not in self._stages:
            self._stages[table] = Stage(self.sql, RANGED[table])
        return self._stages[table]

    def _put_documents(self, rows: Iterable[Sequence[Any]]) -> None:
        insert = "INSERT INTO document (digest, kind, text) VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
        for batch in batches(rows):
            self.sql.many(insert, sorted(set(cleaned("document", _DOCUMENT, batch))))

    def _insert_for_scan(
        self, table: str, view: str, columns: tuple[Column, ...], rows: Iterable[Sequence[Any]]
    ) -> None:
        names = ("scan", *(column.name for column in columns))
        for batch in batches(rows):
            made = cleaned(view, columns, batch)
            self.sql.temp_insert(table, names, [(self.number, *row) for row in made])
        self._stale.add(view)

    def coverage(self, rows: Iterable[model.Coverage]) -> None:
        """Add what became of each (scope, source) of the plan."""
        self._insert_for_scan("scan_coverage", "coverage", _COVERAGE, rows)

    def needs(self, rows: Iterable[model.Need]) -> None:
        """Add what is completely known of each planned scope. Those that list a table come before its merge."""
        for batch in batches(rows):
            made = [model.Need(*row) for row in cleaned("need", _NEED, batch)]
            listings = [found for need in made if (found := listing(need)) is not None]
            if late := {found.record for found in listings} & self._merged:
                raise ValueError(f"{', '.join(sorted(late))} was merged already in this scan")
            self._listed |= {found.record for found in listings}
            self.sql.temp_insert("stage_need", model.Need._fields, made)
            self.sql.temp_insert("stage_listing", Listing._fields, listings)
        self._stale.add("need")

    def calls(self, scope: str, source: str, calls: Iterable[model.Call]) -> str:
        """Keep the transcript of one (scope, source); returns the SHA-256 of its canonical text."""
        text = "".join(json.dumps(call, ensure_ascii=True, separators=(",", ":")) + "\n" for call in calls).encode()
        self.sql.run(
            "INSERT INTO transcript (scan, scope, source, calls) VALUES (:scan, :scope, :source, :calls)",
            {"scan": self.number, "scope": scope, "source": source, "calls": zlib.compress(text)},
        )
        return hashlib.sha256(text).hexdigest()

    def facts(self, name: str, value: str) -> None:
        """Keep a JSON text with the scan: who called, versions, inputs. A second one of the same name replaces it."""
        self.sql.run(
            "INSERT INTO scan_fact (scan, name, json) VALUES (:scan, :name, :json)"
            " ON CONFLICT (scan, name) DO UPDATE SET json = excluded.json",
            {"scan": self.number, "name": name, "json": value},
        )
        self.info.facts[name] = value

    def merge(self) -> None:
        """Bring the ranges of every table that was put, or whose listing is told, to what this scan found."""
        todo = [name for name in RANGED if name in (self._stages.keys() | self._listed) - self._merged]
        for name in todo:
            merging.merge(self.sql, RANGED[name], self._stage(name), self.number)
            self._merged.add(name)
            self._stale |= {name} & VIEWS.keys()
            self.sql.run(f"DROP TABLE {self._stages[name].table}")
        if "scope" in todo and self.sql.one("SELECT 1 FROM stage_gone") is not None:
            for name in RANGED.keys() - {"scope"}:
                merging.end_what_lived_there(self.sql, RANGED[name], self.number)
            self.sql.run("DELETE FROM stage_gone")
            self._stale |= RANGED.keys() & VIEWS.keys() | {"identity"}
        if "classification" in todo:
            self._stale.add("identity")

    def bind(self) -> None:
        """Make the tables of `VIEWS`, as of this scan, as temporary tables with primary keys."""
        for name in ("state_scope", "state_listing"):
            self.sql.run(f"DROP TABLE IF EXISTS {name}")
        binding.prepare(self.sql, self.number)
        needs = "SELECT scope, need, complete, lists, reason, 1 AS planned FROM stage_need"
        for select in (needs, binding.needs_as_of(self.number, planned=0)):
            binding.put_listings(self.sql, [model.Need(*row[:5]) for row in self.sql.rows(select)])
        for name in VIEWS:
            if name in self._stale:
                if name in self._bound:
                    self.sql.run(f"DROP TABLE {name}")
                binding.define(self.sql, name, self.number, needs, materialise=True)
                self._bound.add(name)
        self._stale.clear()

    def close(self, keep_transcripts: int) -> None:
        """What is left to do before the commit."""
        if self._stages.keys() - self._merged:
            self.merge()
        merging.merge_needs(self.sql, self.number)
        self.sql.run("DELETE FROM transcript WHERE scan <= :last", {"last": self.number - keep_transcripts})


def read_calls(blob: bytes) -> list[model.Call]:
    """The calls of a stored transcript."""
    return [model.Call(*json.loads(line)) for line in zlib.decompress(blob).decode().splitlines()]
